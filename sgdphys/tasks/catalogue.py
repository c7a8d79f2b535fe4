"""The tasks that a study can name, one row each: keys, sizes, faults, and constructor."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import xarray as xr

from sgdphys.errors import InputError
from sgdphys.tasks import files, general_position, rule, teachers
from sgdphys.tasks.headers import Sizes, idx_sizes, table_sizes


class Entry(NamedTuple):
    """A task. Its functions take the keys of ``[task]`` as attributes."""

    make: Callable[[Any], xr.Dataset]
    sizes: Callable[[Any], Sizes]
    """Sizes of its data, without creating them."""
    reads: frozenset[str]
    """Keys of ``[task]`` that it uses, apart from its name."""
    faults: Callable[[Any], list[str]] = lambda keys: []
    """Faults of its keys, as sentences."""
    is_of_files: bool = False
    """Whether its samples are read from ``path``."""


def _of_files(
    make: Callable[[Any], xr.Dataset], measure: Callable[[Path], Sizes], reads: tuple[str, ...] = ()
) -> Entry:
    measured = lru_cache(maxsize=256)(lambda path, size, changed: measure(path))

    def sizes(keys: Any) -> Sizes:
        path = Path(keys.path)
        try:
            known = path.stat()
        except (OSError, ValueError):
            raise InputError(f"there is no file {path}") from None
        return measured(path, known.st_size, known.st_mtime_ns)

    def faults(keys: Any) -> list[str]:
        if not keys.path:
            return [f"task.name is {keys.name!r}, which reads files; give task.path"]
        return _refusal(lambda: sizes(keys))

    return Entry(make, sizes, frozenset({"path", "labels", *reads}), faults, is_of_files=True)


def _refusal(check: Callable[[], Any]) -> list[str]:
    """The error message of a check, if it fails."""
    try:
        check()
    except InputError as error:
        return [str(error)]
    return []


def _teacher_student(keys: Any) -> xr.Dataset:
    return teachers.teacher_student(
        features=keys.features, samples=keys.samples, seed=keys.seed, units=keys.units,
        noise=keys.noise, relevant=keys.relevant or None,
    )  # fmt: skip


def _random_labels(keys: Any) -> xr.Dataset:
    return teachers.random_labels(
        features=keys.features, samples=keys.samples, seed=keys.seed, classes=keys.classes
    )


def _teacher_faults(keys: Any) -> list[str]:
    is_linear_of_few = keys.units and 0 < keys.relevant < keys.features
    if keys.relevant <= keys.features and not is_linear_of_few:
        return []
    return [
        f"task.relevant is {keys.relevant}; it must lie between 1 and task.features, "
        f"{keys.features}, and belongs to a linear teacher (task.units = 0)"
    ]


def _committee_faults(keys: Any) -> list[str]:
    if not keys.units or keys.units % 2:
        return []
    return [f"task.units is {keys.units}; a committee needs an odd number of members"]


def _points(keys: Any) -> int:
    """Points of random dichotomies: as many as the key says, or as the load asks for."""
    return int(keys.points or max(round(keys.load * keys.inputs), 1))


def _dichotomies_faults(keys: Any) -> list[str]:
    if not keys.points or keys.load == type(keys).model_fields["load"].default:
        return []
    return [
        f"task.points is {keys.points} and task.load {keys.load:g}, which is points per input; "
        "leave one of them out"
    ]


def _class_faults(keys: Any) -> list[str]:
    return ["task.classes is 1; labels need at least 2"] if keys.classes < 2 else []


_PATTERNS = Sizes(4096, 12, 2, are_labels=True)

TASKS: dict[str, Entry] = {
    "symmetric_rule": Entry(
        make=lambda keys: rule.symmetric_rule(keys.information, bipolar=keys.bipolar),
        sizes=lambda keys: _PATTERNS,
        reads=frozenset({"information", "bipolar", "labels"}),
        faults=lambda keys: _refusal(lambda: rule.require_information(keys.information)),
    ),
    "committee": Entry(
        make=lambda keys: teachers.committee(keys.units or 3, seed=keys.seed),
        sizes=lambda keys: _PATTERNS,
        reads=frozenset({"units", "seed", "labels"}),
        faults=_committee_faults,
    ),
    "scalar_teacher": Entry(
        make=lambda keys: teachers.scalar_teacher(keys.signal),
        sizes=lambda keys: Sizes(2, 1, 1, are_labels=False),
        reads=frozenset({"signal"}),
    ),
    "digits": Entry(
        make=lambda keys: files.digits(),
        sizes=lambda keys: Sizes(1797, 64, 10, are_labels=True),
        reads=frozenset({"labels"}),
    ),
    "idx": _of_files(lambda keys: files.idx(keys.path), idx_sizes),
    "table": _of_files(
        lambda keys: files.table(keys.path, standardise=keys.standardise),
        table_sizes,
        reads=("standardise",),
    ),
    "teacher_student": Entry(
        make=_teacher_student,
        sizes=lambda keys: Sizes(keys.samples, keys.features, 1, are_labels=False),
        reads=frozenset({"features", "relevant", "samples", "units", "noise", "seed"}),
        faults=_teacher_faults,
    ),
    "dichotomies": Entry(
        make=lambda keys: general_position.dichotomies(_points(keys), keys.inputs, seed=keys.seed),
        sizes=lambda keys: Sizes(_points(keys), keys.inputs, 2, are_labels=True),
        reads=frozenset({"points", "load", "inputs", "seed", "labels"}),
        faults=_dichotomies_faults,
    ),
    "random_labels": Entry(
        make=_random_labels,
        sizes=lambda keys: Sizes(keys.samples, keys.features, keys.classes, are_labels=True),
        reads=frozenset({"features", "samples", "classes", "seed", "labels"}),
        faults=_class_faults,
    ),
}
"""Tasks by ``task.name``."""
