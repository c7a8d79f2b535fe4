"""When checkpoints were saved: one kind of clock for all of them, or a refusal."""

import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sgdphys.errors import InputError
from sgdphys.trajectory.checkpoints.folders import Checkpoint
from sgdphys.trajectory.checkpoints.names import epoch_in, matched, step_in, varying_numbers
from sgdphys.trajectory.checkpoints.values import number_of

_STEP_KEYS = ("global_step", "step", "iteration", "iter", "num_updates")
_SPECIAL = re.compile(r"(?:.*[-_.])?(?:last|best|final|latest|newest|current)(?:[-_.=\d].*)?")
"""Names of further copies, such as the last or the best checkpoint."""


class Facts(NamedTuple):
    """Time stored in a checkpoint file."""

    step: int | None
    step_key: str
    epoch: int | None


class Clock(NamedTuple):
    """Times of all checkpoints."""

    kind: str
    """"updates", "epochs", or "checkpoints" where their order alone is known."""
    source: str
    """Where it was read, in words."""
    steps: list[int | None]
    """None for a copy without a step."""


def facts_in(loaded: Any, metadata: Mapping[str, str], state: Path | None, path: Path) -> Facts:
    """Read the step and epoch stored in a checkpoint.

    Raises
    ------
    InputError
        For a step that is no whole number from 0 on.
    """
    said: dict[str, Any] = {}
    for key in (*_STEP_KEYS, "epoch"):
        if isinstance(loaded, Mapping) and (number := number_of(loaded.get(key))) is not None:
            said[key] = number
        elif metadata.get(key, "").isdecimal():
            said[key] = int(metadata[key])
    if state is not None and "global_step" not in said:
        try:
            number = json.loads(state.read_text(encoding="utf-8"))["global_step"]
        except (ValueError, KeyError, TypeError, OSError, RecursionError):
            raise InputError(f"{state} is damaged; it has no global_step to be read") from None
        said["global_step"] = number
    key = next((k for k in _STEP_KEYS if k in said), "")
    epoch = said.get("epoch")
    whole_epoch = epoch is not None and float(epoch).is_integer() and epoch >= 0
    return Facts(
        whole(said[key], f"{key} in {path}") if key else None,
        key,
        whole(epoch, f"epoch in {path}") if whole_epoch else None,
    )


def whole(number: Any, what: str) -> int:
    """A step as an integer from 0 to the largest that can be stored."""
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    if not is_number or not math.isfinite(number) or number != math.floor(number):
        raise InputError(f"{what} is {number!r}; steps are whole numbers")
    if number < 0 or number >= 2**63:
        raise InputError(f"{what} is {int(number)}; steps are numbers from 0 to 2**63 - 1")
    return int(number)


def clock_of(checkpoints: Sequence[Checkpoint], facts: Sequence[Facts]) -> Clock:
    """Decide on the clock of all checkpoints.

    What the files say comes first, then the number after a step word in their names, then epochs,
    then the only number that varies. One kind is taken for all.

    Raises
    ------
    InputError
        When no kind says the step of every checkpoint, file and name differ, or they are of
        several runs.
    """
    special = _specials(checkpoints)
    ordinary = [k for k in range(len(checkpoints)) if k not in special]
    readings: list[tuple[str, str, Callable[[], Sequence[int | None]]]] = [
        ("updates", "what the files say", lambda: [f.step for f in facts]),
        ("updates", "a step in the names", lambda: _named(checkpoints, step_in)),
        ("epochs", "the epoch that the files say", lambda: [f.epoch for f in facts]),
        ("epochs", "the epoch in the names", lambda: _named(checkpoints, epoch_in)),
        ("checkpoints", "the number that varies in the names",
         lambda: _only_numbers(checkpoints, ordinary)),
    ]  # fmt: skip
    constant: Clock | None = None
    for kind, source, read in readings:
        steps = list(read())
        of_ordinary = [steps[k] for k in ordinary]
        if any(step is None for step in of_ordinary):
            continue
        found = Clock(kind, source, steps)
        is_one = len(set(of_ordinary)) == 1
        is_repeated = kind == "epochs" and len(set(of_ordinary)) < len(ordinary)
        if len(ordinary) > 1 and (is_one or is_repeated):
            constant = constant or (found if is_one and not is_repeated else None)
            continue
        return _consistent(found, checkpoints, facts, ordinary)
    if constant is not None:
        return _consistent(constant, checkpoints, facts, ordinary)
    names = ", ".join(f"{_shown(checkpoints[k])}" for k in ordinary[:4])
    raise InputError(
        f"{names}{' ...' if len(ordinary) > 4 else ''}: there is no step in its name or inside "
        "for each of these; give the steps (--steps 1,2,3), or a pattern (--pattern "
        "'*step={step}*')"
    )


def _shown(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.path.parent.name}/{checkpoint.path.name}"


def by_pattern(checkpoints: Sequence[Checkpoint], pattern: str) -> Clock | None:
    """The clock that a pattern with {step} or {epoch} reads from names."""
    if "{step}" not in pattern and "{epoch}" not in pattern:
        return None
    steps: list[int | None] = []
    for checkpoint in checkpoints:
        found = matched(pattern, checkpoint.path.absolute().as_posix())
        if not isinstance(found, tuple):
            raise InputError(f"the pattern {pattern!r} names no number in {checkpoint.path.name}")
        steps.append(whole(found[1], f"the step in {checkpoint.path.name}"))
    kind = "updates" if "{step}" in pattern else "epochs"
    return Clock(kind, f"the pattern {pattern}", steps)


def _specials(checkpoints: Sequence[Checkpoint]) -> set[int]:
    """Indices of further copies: last, best, or files in a folder above the others."""
    parents = [c.path.parent.absolute() for c in checkpoints]
    found = {
        k
        for k, c in enumerate(checkpoints)
        if _SPECIAL.fullmatch(c.stem.lower()) or any(parents[k] in p.parents for p in parents)
    }
    return found if len(found) < len(checkpoints) else set()


def _named(
    checkpoints: Sequence[Checkpoint], read: Callable[[str], int | None]
) -> list[int | None]:
    """Numbers from the name of each file, or of the folder it is in, or of the one above."""
    base = _shared_folder(checkpoints)
    return [_named_one(checkpoint, base, read) for checkpoint in checkpoints]


def _shared_folder(checkpoints: Sequence[Checkpoint]) -> Path:
    """The common folder, whose name gives no step unless there is a single checkpoint."""
    parents = [c.path.absolute().parent for c in checkpoints]
    return parents[0].parent if len(parents) == 1 else Path(os.path.commonpath(parents))


def _named_one(checkpoint: Checkpoint, base: Path, read: Callable[[str], int | None]) -> int | None:
    number = read(checkpoint.stem)
    parent = checkpoint.path.absolute().parent
    for folder in (f for f in (parent, parent.parent) if f != base and f.is_relative_to(base)):
        is_counted = any(folder.glob("random_states_*"))  # accelerate numbers its folders
        if number is None and not (is_counted and re.fullmatch(r"checkpoint_\d+", folder.name)):
            number = read(folder.name)
    return None if number is None else whole(number, f"the step in {checkpoint.path}")


def _only_numbers(checkpoints: Sequence[Checkpoint], ordinary: list[int]) -> list[int | None]:
    """The number that varies between names of files, or of their folders."""
    stems = [checkpoints[k].stem for k in ordinary]
    folders = [checkpoints[k].path.absolute().parent.name for k in ordinary]
    for names in (stems, folders):
        if len(ordinary) > 1 and len(set(names)) == 1:
            continue
        numbers = varying_numbers(names)
        if numbers is not None:
            found: list[int | None] = [None] * len(checkpoints)
            for k, number in zip(ordinary, numbers, strict=True):
                found[k] = whole(number, f"the number in {checkpoints[k].path.name}")
            return found
    return [None] * len(checkpoints)


def _consistent(
    clock: Clock, checkpoints: Sequence[Checkpoint], facts: Sequence[Facts], ordinary: list[int]
) -> Clock:
    """Refuse checkpoints whose names and contents disagree, and several runs."""
    if clock.kind != "checkpoints":
        is_step = clock.kind == "updates"
        base = _shared_folder(checkpoints)
        for checkpoint, fact in zip(checkpoints, facts, strict=True):
            inside = fact.step if is_step else fact.epoch
            try:
                named = _named_one(checkpoint, base, step_in if is_step else epoch_in)
            except InputError:
                if inside is None:
                    raise
                continue  # a name that cannot be read does not contradict
            if None not in (inside, named) and inside != named:
                what = fact.step_key if is_step else "epoch"
                raise InputError(
                    f"{checkpoint.path} says {what} {inside} inside and {named} in its name; say "
                    "which holds with a pattern or the steps"
                )
    _require_one_run([checkpoints[k] for k in ordinary])
    return clock


def _require_one_run(checkpoints: Sequence[Checkpoint]) -> None:
    """Refuse checkpoints that lie in the folders of several runs."""
    paths = [c.path.absolute().parts for c in checkpoints]
    shortest = min(map(len, paths))
    shared = 0
    while shared < shortest - 1 and len({p[-1 - shared] for p in paths}) == 1 and len(paths) > 1:
        shared += 1
    kept = [p[: len(p) - shared] for p in paths]
    runs = {p[:-1] for p in kept}
    if shared == 0 and len(runs) == len(paths) > 1:  # a folder each, with different files in it
        runs = {p[:-1] if _tells_no_time(p[-2]) else p[:-2] for p in kept}
    if shared == 0 and len(runs) > 1:
        runs = {r[:-1] if r and not _tells_no_time(r[-1]) else r for r in runs}
    if len(runs) > 1:
        names = ", ".join("/".join(r[-2:]) for r in sorted(runs)[:3])
        raise InputError(
            f"the checkpoints lie in {len(runs)} folders ({names}), as of several runs; import "
            "each alone and join them with sgdphys.gather, or give the steps"
        )


def _tells_no_time(name: str) -> bool:
    try:
        return step_in(name) is None and epoch_in(name) is None
    except InputError:
        return False
