"""The cases of a sweep: a study each, with a name and a folder of its own."""

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sgdphys.errors import InputError, nearest
from sgdphys.study.contents import contents_of_case
from sgdphys.study.faults import quoted
from sgdphys.study.settings import Study, study_from

_LONGEST = 200
"""Bytes of a folder's name; file systems take 255."""


class Combination(NamedTuple):
    """One combination of the values of a sweep."""

    name: str
    keys: dict[str, Any]
    """The study's tables with the values put in."""
    places: dict[str, int]
    """Swept keys, and which of their values it has."""


def count_cases(lists: Mapping[str, Sequence[Any]], *, in_step: bool) -> int:
    """Number of combinations of swept values."""
    lengths = [len(values) for values in lists.values()]
    return min(lengths, default=0) if in_step else math.prod(lengths)


def combinations_of(
    keys: Mapping[str, Any], lists: Mapping[str, Sequence[Any]], *, in_step: bool
) -> Iterator[Combination]:
    """Put each combination of swept values into the tables of a study.

    Parameters
    ----------
    keys : mapping
        The study's tables without its sweep.
    lists : mapping
        Values by dotted name.
    in_step : bool
        Whether the first values go together, and so on, or each with each.

    Raises
    ------
    InputError
        For a key of a table that is not there.
    """
    names = list(lists)
    ranges = [range(len(lists[name])) for name in names]
    chosen = list(zip(*ranges, strict=True) if in_step else itertools.product(*ranges))
    values = [[lists[n][k] for n, k in zip(names, places, strict=True)] for places in chosen]
    for said, places, row in zip(case_names(names, values), chosen, values, strict=True):
        changed = dict(keys)
        for name, value in zip(names, row, strict=True):
            *tables, key = name.split(".")
            inside = changed
            for depth, table in enumerate(tables):
                there = inside.get(table, {} if depth == 0 else None)
                if not isinstance(there, Mapping):
                    raise InputError(
                        f"sweep key {name!r} is of no table of the study; {nearest(table, inside)}"
                    )
                inside[table] = dict(there)
                inside = inside[table]
            inside[key] = value
        yield Combination(said, changed, dict(zip(names, places, strict=True)))


def cases_of(study: Study) -> dict[str, Study]:
    """Return the cases of a study's sweep by name, each a study without one.

    A study without a sweep is its only case, of an empty name.

    Raises
    ------
    InputError
        For a case that is no valid study.
    """
    if not study.sweep.keys:
        return {"": study}
    keys = study.model_dump(mode="json", exclude={"sweep", "claims", "result"}, exclude_none=True)
    cases = {}
    for name, changed, places in combinations_of(keys, study.sweep.keys, in_step=study.sweep.zip):
        task, module = changed["task"].get("name"), changed["network"].get("module")
        changed["contents"] = contents_of_case(study, places, task, module)
        case = study_from({**changed, "folder": ""}, f"the case {name}")
        cases[name] = case.model_copy(update={"folder": study.folder}) if case.runs_code else case
    return cases


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """Return short names of swept keys: the last part if it is unique, otherwise the full name.

    ``train.seed`` is ``seed``, beside ``task.seed`` it is ``train.seed``.
    """
    keys = list(keys)
    last = {key: key.rpartition(".")[2] for key in keys}
    count = Counter(last.values())
    return {key: name if count[name] == 1 else key for key, name in last.items()}


def value_at(study: Study, name: str) -> Any:
    """The value of a key as the coordinate of a sweep has it: a number, or a text."""
    value: Any = study
    for part in name.split("."):
        value = value[part] if isinstance(value, dict) else getattr(value, part)
    if isinstance(value, list | tuple):
        return "-".join(map(str, value))
    return str(value) if not isinstance(value, int | float | str) else value


def file_name(case: str) -> str:
    """A case's name as a folder's, without what file systems or shells dislike."""
    return "".join(c if c.isalnum() or c in "=.,-_" else "_" for c in case.replace(", ", ","))


def case_names(keys: Sequence[str], combinations: Sequence[Sequence[Any]]) -> list[str]:
    """Return a name for each combination of values, no two of which share a folder.

    Numbers have six digits and functions no module, where that tells cases apart.
    """
    short = list(short_names(keys).values())

    def spelled(values: Sequence[Any], plain: Callable[[Any], str]) -> str:
        said = ", ".join(f"{key}={plain(v)}" for key, v in zip(short, values, strict=True))
        if len(file_name(said).encode()) <= _LONGEST:
            return said
        return f"{said[: _LONGEST // 4]}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"

    names = [spelled(values, _plain) for values in combinations]
    count = Counter(map(file_name, names))
    names = [
        name if count[file_name(name)] == 1 else spelled(values, _exact)
        for name, values in zip(names, combinations, strict=True)
    ]
    taken: set[str] = set()
    for number, name in enumerate(names):
        again = 2
        while file_name(names[number]) in taken:
            names[number] = f"{name}-{again}"
            again += 1
        taken.add(file_name(names[number]))
    return names


def _plain(value: Any) -> str:
    """A value in a case's name: of "package.module:function" the function."""
    if isinstance(value, list | tuple):
        return "-".join(_plain(v) for v in value) or "none"
    return f"{value:g}" if isinstance(value, float) else _text(value).rpartition(":")[2] or "none"


def _exact(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "-".join(_exact(v) for v in value) or "none"
    return _text(value) or "none"


def _text(value: Any) -> str:
    text = quoted(value) if isinstance(value, int) else str(value)
    return "".join(c if c.isprintable() else "_" for c in text)
