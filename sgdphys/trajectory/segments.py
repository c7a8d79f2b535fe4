"""The segments of a recording: their names, and whether they belong together."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sgdphys.errors import WorkError
from sgdphys.trajectory.locations import ZARR, holds_zarr, is_remote

SEGMENTS = "trajectory"
"""Folder of a run that holds its segments."""
_NAME = re.compile(r"(\d+)-(\d+)(-\d+)?\.(nc|zarr)")
SUFFIXES = {"netcdf": ".nc", "zarr": ZARR}
"""How the names of segments end, by the key ``record.store``."""
_STUDY = "study.toml"
_SAME = {"study_hash": "study", "engine": "engine", "sgdphys_version": "version of sgdphys"}
"""Attributes that all segments of a run share, and what they say in a sentence."""
NAMED = (*_SAME, "recording", "segment")
"""Attributes by which segments are known to belong together."""


def parts_of(path: Path) -> Path:
    """Folder of the segments of a recording that is going on, or was cut off."""
    return path.with_name(path.name + ".parts")


def recorded_at(path: Path) -> Path:
    """A path, or the folder of its segments where the recording goes on or was cut off."""
    return parts_of(path) if not path.exists() and parts_of(path).is_dir() else path


def suffix_of(path: Path) -> str:
    """How the segments of a recording to a path end."""
    return ZARR if path.suffix.lower() == ZARR else ".nc"


def segment_name(first: int, last: int, number: int | None = None, suffix: str = ".nc") -> str:
    """File name of a segment from its first to its last epoch or step.

    A recording of a user's loop adds the segment's number, since two may end at one step.
    """
    digits = 9 if number is None else 12
    of_number = "" if number is None else f"-{number:06d}"
    return f"{first:0{digits}d}-{last:0{digits}d}{of_number}{suffix}"


def span(path: Path) -> tuple[int, int]:
    """First and last epoch or step that a segment's name says."""
    matched = _NAME.fullmatch(path.name)
    if matched is None:
        raise ValueError(f"{path.name} is not the name of a segment")
    return int(matched[1]), int(matched[2])


def segment_paths(folder: Path) -> list[Path]:
    """Return the finished segments of a run or recording in the order of their epochs."""
    inside = folder / SEGMENTS
    if not inside.is_dir():
        if (folder / _STUDY).exists():
            return []
        inside = folder
    found = [p for p in _stores(inside) if _NAME.fullmatch(p.name)]
    return sorted(found, key=lambda p: (span(p)[0], p.stem))


def is_segment(path: Path) -> bool:
    """Whether a file is one that sgdphys alone writes, a part of a recording."""
    named = _NAME.fullmatch(path.name) is not None
    return named and (path.parent.name == SEGMENTS or path.parent.name.endswith(".parts"))


def strangers(folder: Path) -> list[Path]:
    """Return netCDF files and Zarr stores among the segments that are none of them."""
    inside = folder / SEGMENTS
    if not inside.is_dir():
        return []
    return sorted(p for p in _stores(inside) if not _NAME.fullmatch(p.name))


def _stores(folder: Path) -> list[Path]:
    """NetCDF files and Zarr stores of a folder; one at a URL that was half written is none."""
    found = [p for suffix in SUFFIXES.values() for p in folder.glob(f"*{suffix}")]
    return [p for p in found if not is_remote(p) or holds_zarr(p)]


def require_one_recording(paths: Sequence[Path], attributes: Sequence[Mapping[Any, Any]]) -> None:
    """Refuse segments that are not of one recording, or leave a gap.

    Parameters
    ----------
    paths : sequence of Path
        In order.
    attributes : sequence of mapping
        Those of each file.

    Raises
    ------
    WorkError
        Naming the first segment that does not fit.
    """
    of_run = bool(attributes) and attributes[0].get("study_hash") is not None
    for name, what in _SAME.items() if of_run else [("recording", "recording")]:
        values = [a.get(name) for a in attributes]
        for path, value in zip(paths, values, strict=True):
            # a recording that is gone on with may have begun before it had a name
            if value != values[0] and (of_run or None not in (value, values[0])):
                raise WorkError(
                    f"{path} is of another {what} ({value}) than {paths[0].name} ({values[0]}); "
                    "move it away"
                )
    numbers = [int(a.get("segment", -1)) for a in attributes]
    if of_run:
        _require_no_gap(paths)
    elif -1 not in numbers:
        for path, before, number in zip(paths[1:], numbers[:-1], numbers[1:], strict=True):
            if number != before + 1:
                raise WorkError(
                    f"segments {before + 1} to {number - 1} of the recording, before {path}, are "
                    "missing; restore them"
                )


def _require_no_gap(paths: Sequence[Path]) -> None:
    done = 0
    for path in paths:
        first, last = span(path)
        if first > done:
            raise WorkError(
                f"epochs {done} to {first} are missing before {path}; restore their segment, or "
                "give the command of the run again to train them"
            )
        done = max(done, last)
