"""Whether what a valid study asks for can be done, asked before anything is."""

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sgdphys.errors import InputError, nearest
from sgdphys.keys import LARGEST_COUNT
from sgdphys.study.cases import combinations_of, count_cases
from sgdphys.study.effects import is_given, without_effect
from sgdphys.study.faults import quoted
from sgdphys.study.settings import ANALYSES, SWEPT, StepSchedule, Study, key_faults, swept
from sgdphys.study.sizes import sizes_of, train_samples
from sgdphys.tasks.catalogue import TASKS

MOST_CASES = 2000
"""Of a sweep."""
_MOST_FAULTS, _LONGEST_FAULT = 50, 1000
"""Largest number of faults reported, and of characters of each."""
RESERVED = (
    "weights", "gradients", "training", "split", "updates", "scalars", "increments", "resume",
    "checksums", "compression", "verdicts",
)  # fmt: skip
"""Groups of files that analyses would take the place of."""
_NAME = re.compile("[A-Za-z][A-Za-z0-9_]{0,99}")
_OPTIONAL = ("range", "above", "below")
"""Keys that Python may give as None, which is to leave them out."""


def require(faults: Iterable[str]) -> None:
    """Refuse a study with faults.

    Raises
    ------
    InputError
        With a line for each, if there are any.
    """
    lines = [
        line if len(line) <= _LONGEST_FAULT else f"{line[:_LONGEST_FAULT]}..."
        for line in dict.fromkeys(faults)
    ]
    if len(lines) > _MOST_FAULTS:
        lines[_MOST_FAULTS:] = [f"and {len(lines) - _MOST_FAULTS} faults more"]
    if lines:
        raise InputError("\n".join(lines))


def require_keys(keys: Mapping[str, Any], source: str) -> None:
    """Refuse keys that are none and values that they cannot have, those of a sweep's cases too.

    Raises
    ------
    InputError
        With a line for each.
    """
    strange: dict[str, str] = {}
    for name, what in _strange_values(keys):
        strange.setdefault(name, what)
    faults = [
        f"{name or 'the study'} holds {what} in {source}; use text, numbers, lists and tables"
        for name, what in strange.items()
    ]
    told = key_faults(keys, source)
    faults += [s for s in told if not any(s.startswith(f"{name} ") for name in strange)]
    lists, in_step = _swept_lists(keys)
    wrong = _wrong_sweep_keys(keys, lists)
    faults += [f"{fault} (in {source})" for fault in wrong.values()]
    lists = {name: values for name, values in lists.items() if name not in wrong}
    many = count_cases(lists, in_step=in_step)
    if many > MOST_CASES:
        faults.append(
            f"the sweep has {quoted(many)} cases, and at most {MOST_CASES} are carried out; sweep "
            f"fewer values, or set sweep.zip = true (in {source})"
        )
    elif lists and not strange:
        faults += _case_faults(keys, lists, in_step, told, source)
    require(faults)


def _swept_lists(keys: Mapping[str, Any]) -> tuple[Mapping[str, Sequence[Any]], bool]:
    """Lists of values by swept key, those that are lists, and whether they go in step."""
    try:
        sweep = swept(keys.get("sweep"))
    except ValueError:  # two lists for one key, reported elsewhere
        return {}, False
    given = sweep.get("keys") if isinstance(sweep, Mapping) else None
    if not isinstance(given, Mapping):
        return {}, False
    lists = {n: v for n, v in given.items() if isinstance(n, str) and isinstance(v, list | tuple)}
    lists = {name: values for name, values in lists.items() if name.partition(".")[0] in SWEPT}
    return lists, sweep.get("zip") is True


def _case_faults(
    keys: Mapping[str, Any], lists: Mapping[str, Sequence[Any]], in_step: bool,
    told: Iterable[str], source: str,
) -> Iterator[str]:  # fmt: skip
    """Sentences on invalid values of the cases of a sweep, each once, except those reported."""
    if in_step and len(set(map(len, lists.values()))) > 1:
        return
    known = set(told)
    alone = {
        k: v for k, v in keys.items() if k not in ("sweep", "claims", "result", "parts", "contents")
    }
    try:
        for case in combinations_of(alone, lists, in_step=in_step):
            for fault in key_faults(case.keys, source):
                if fault not in known:
                    known.add(fault)
                    yield f"{fault} (the case {case.name})"
    except InputError:  # not a table, reported elsewhere
        return


def _strange_values(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Names of keys whose values a study's file could not hold, and what is wrong with each."""
    if isinstance(value, Mapping):
        for key, inside in value.items():
            if isinstance(key, str) and not (inside is None and key in _OPTIONAL):
                yield from _strange_values(inside, f"{name}.{key}" if name else key)
    elif isinstance(value, list | tuple):
        for inside in value:
            yield from _strange_values(inside, name)
    elif isinstance(value, str):
        if any("\ud800" <= c <= "\udfff" for c in value):
            yield name, f"{quoted(value)}, which is no text"
    elif not isinstance(value, bool | int | float):
        kind = "" if value is None else f" of type {type(value).__name__}"
        yield name, quoted(value) + kind


def _wrong_sweep_keys(keys: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """Swept keys that a study has not, and what they might be.

    Parameters
    ----------
    keys : mapping
        The study's tables, valid or not.
    names : iterable of str
        Dotted names.
    """
    known = list(_sweepable(keys))
    faults = {}
    for name in names:
        if name in known:
            continue
        table, _, key = name.rpartition(".")
        beside = [k.rpartition(".")[2] for k in known if k.rpartition(".")[0] == table]
        others = [k for k in known if k.partition(".")[0] == name.partition(".")[0]]
        said = nearest(key, beside) if beside else nearest(name, others or known)
        faults[name] = f"sweep key {quoted(name)} is not a key; {said}"
    return faults


def _sweepable(keys: Mapping[str, Any]) -> Iterator[str]:
    """Dotted names of the keys of a study that can be swept."""
    for table in SWEPT[:-1]:
        given = keys.get(table, {})
        for key in Study.model_fields[table].annotation.model_fields:  # type: ignore[union-attr]
            yield f"{table}.{key}"
            inside = given.get(key) if isinstance(given, Mapping) else None
            if isinstance(inside, Mapping):
                yield from (f"{table}.{key}.{k}" for k in inside)
    analyses = keys.get("analyses", {})
    for name, given in analyses.items() if isinstance(analyses, Mapping) else ():
        kind = given.get("of", name) if isinstance(given, Mapping) else None
        if isinstance(kind, str) and kind in ANALYSES:
            yield from (f"analyses.{name}.{k}" for k in ANALYSES[kind].model_fields if k != "of")


def faults_of(study: Study, cases: Mapping[str, Study]) -> Iterator[str]:
    """Sentences on what a valid study asks for and cannot have, each once.

    Parameters
    ----------
    study : Study
        Without parts.
    cases : mapping
        Those of its sweep by name; without a sweep the study alone.
    """
    yield from _name_faults(study)
    yield from without_effect(study, cases.values())
    if study.folder and not any(case.runs_code for case in cases.values()):
        yield "folder has no effect without network.module; leave it out"
    for name, analysis in study.analyses.items():
        yield from (f"analyses.{name} {fault}" for fault in analysis.requires_of_sweep(study))
    told: set[str] = set()
    same: dict[str, str] = {}
    for name, case in cases.items():
        said = f" (in the case {name})" if study.sweep.keys else ""
        for fault in itertools.chain(_data_faults(case), _train_faults(case), _requirements(case)):
            if fault not in told:
                told.add(fault)
                yield fault + said
        text = case.model_dump_json(exclude={"title", "figures"})
        if same.setdefault(text, name) != name:
            yield f"the sweep has the case {same[text]} twice; leave one of them out"


def parts_faults(study: Study) -> Iterator[str]:
    """Sentences on what has no effect in a study of studies, and on names of its parts."""
    for name in Study.model_fields:
        if name not in ("title", "parts", "figures") and is_given(study, name):
            yield f"{name} has no effect in a study of parts; write it in the study of a part"
    for name in study.parts:
        if not name or any(not (c.isalnum() or c in "_-") for c in name):
            yield f"parts.{quoted(name)} names a folder; use letters, digits, _ and -"


def _name_faults(study: Study) -> Iterator[str]:
    for table, names in (("analyses", study.analyses), ("claims", study.claims)):
        for name in names:
            if not _NAME.fullmatch(name):
                yield (
                    f"{table}.{quoted(name)} is no name; use at most 100 letters, digits and _, a "
                    "letter first"
                )
    for name, analysis in study.analyses.items():
        if name in RESERVED:
            yield f"analyses.{name} has the name of a group of the run's own; choose another"
        elif name in ANALYSES and analysis.of != name:
            yield (
                f"analyses.{name} is of {analysis.of!r} and has the name of another kind of "
                "analysis; choose another"
            )


def _data_faults(study: Study) -> Iterator[str]:
    """Faults of the task, and of the network inputs and outputs that follow from it."""
    task = study.task
    yield from TASKS[task.name].faults(task)
    sizes = sizes_of(task)
    if sizes is None:
        return
    if sizes.samples > LARGEST_COUNT:
        yield f"the data have {sizes.samples} samples; at most {LARGEST_COUNT} are numbered"
    if min(sizes.samples, sizes.features, sizes.outputs) < 1:
        yield f"the data of task {task.name!r} are empty"
    elif train_samples(study, sizes.samples) < 1:
        yield (
            f"train.train_fraction is {study.train.train_fraction:g}: no sample of {sizes.samples} "
            f"is left; it must be at least {1 / sizes.samples:.2g}"
        )
    if not sizes.are_labels and study.train.loss != "squared_error":
        yield f"task {task.name!r} has no labels; set train.loss = 'squared_error'"


def _train_faults(study: Study) -> Iterator[str]:
    """Settings that no engine supports."""
    train, network = study.train, study.network
    fused_alone = {
        "train.langevin": train.langevin,
        "train.label_noise": train.label_noise,
        "train.orthonormality": train.orthonormality,
        "network.noise": 0.0 if network.module else network.noise,
    }
    asked = [name for name, value in fused_alone.items() if value > 0]
    excluded = [
        said
        for said, is_so in (
            ("network.module", bool(network.module)),
            ("train.engine 'vmapped'", train.engine == "vmapped"),
            (f"train.device {train.device!r}", train.device != "cpu"),
        )
        if is_so
    ]
    if train.engine == "fused" and network.module:
        yield (
            "train.engine is 'fused', which trains perceptrons alone; leave it out, or "
            "network.module"
        )
    elif train.engine == "fused" and train.device != "cpu":
        yield "train.engine is 'fused', which trains on the CPU; leave train.device out"
    elif asked and excluded:
        yield (
            f"{' and '.join(asked)} belong{'' if len(asked) > 1 else 's'} to the fused engine, "
            f"which {' and '.join(excluded)} exclude{'' if len(excluded) > 1 else 's'}; set to 0, "
            "or train a perceptron on the CPU"
        )
    if isinstance(train.schedule, StepSchedule):
        steps = (train.epochs - 1) // train.schedule.every
        largest = math.log10(train.learning_rate) + max(
            steps * math.log10(train.schedule.factor), 0.0
        )
        if largest > 300:
            yield (
                f"train.schedule multiplies the learning rate by {train.schedule.factor:g} "
                f"{steps} times, to 10^{largest:.0f}; lower its factor"
            )


def _requirements(study: Study) -> Iterator[str]:
    for name, analysis in study.analyses.items():
        yield from (f"analyses.{name} {fault}" for fault in analysis.requires(study))
