"""Segments joined into one trajectory.

All that the first and the last segment hold is opened. Of the others, which one writer wrote, only
what goes on along ``step`` or ``epoch`` is read, if it has the structure that it has in the first.
"""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.errors import InputError, WorkError
from sgdphys.trajectory.opening import detached, is_plain
from sgdphys.trajectory.segments import require_one_recording, segment_paths
from sgdphys.trajectory.skimming import AXES, Piece, Pieces, skimmed
from sgdphys.trajectory.stored import lazily_joined
from sgdphys.trajectory.tensor_table import GROUP as TENSORS

_LATEST = ("schedule", "checkpoints", "last_step", "last_time", "ended_at_step", "ended_because")
"""Attributes of which the last segment knows most."""
_ONCE = ("split", TENSORS)
"""Groups that are equal in all segments."""


def join_segments(
    path: Path, groups: Collection[str] | None = None
) -> tuple[dict[Any, Any], dict[str, xr.Dataset]]:
    """Attributes and groups of all finished segments, as they are stored.

    Raises as ``open_trajectory`` does.
    """
    paths = segment_paths(path)
    if not paths:
        what = "no finished segment yet" if path.is_dir() else "no such file or folder"
        inside = [c for k in ("cases", "parts") for c in sorted(path.glob(f"{k}/*/"))]
        if inside:
            raise InputError(
                f"{path} is a run of several; give the folder of one of them, as {inside[0]}"
            )
        raise InputError(
            f"{path}: {what}; a run's folder, a netCDF file or a Zarr store was expected"
        )
    first = detached(paths[0], groups)
    attributes: list[dict[Any, Any]] = [first.attrs]
    held: list[Mapping[str, Pieces | None]] = []
    for number, segment in enumerate(paths):
        of_segment, pieces = skimmed(segment, groups, _ONCE if number else ())
        held.append(pieces)
        if number:
            attributes.append(of_segment)
    require_one_recording(paths, attributes)

    @functools.cache
    def opened(number: int) -> xr.DataTree:
        return first if not number else detached(paths[number], groups, without=_ONCE)

    def group(name: str, having: Sequence[int], place: int) -> xr.Dataset:
        return opened(having[place])[name].to_dataset()

    names = dict.fromkeys(name for pieces in held for name in pieces)
    joined = {}
    for name in names:
        having = [k for k, pieces in enumerate(held) if name in pieces]
        found = spliced([held[k][name] for k in having], functools.partial(group, name, having))
        if found is None:
            trees = [detached(paths[k], (name,)) for k in having]
            found = joined_whole(name, trees, [paths[k] for k in having])
        joined[name] = found
    return _attributes_of_all(first.attrs, opened(len(paths) - 1).attrs), joined


def _attributes_of_all(first: Mapping[Any, Any], last: Mapping[Any, Any]) -> dict[Any, Any]:
    """Attributes of a whole: those of the first segment, and of the last what grows or ends."""
    kept = {name: value for name, value in first.items() if name not in _LATEST}
    return kept | {name: last[name] for name in _LATEST if name in last}


def spliced(
    held: Sequence[Pieces | None], opened: Callable[[int], xr.Dataset]
) -> xr.Dataset | None:
    """One group of all segments, or None where they are not such that one continues another.

    Parameters
    ----------
    held : sequence of mapping
        What each segment holds of it.
    opened : callable
        The group of a segment, with all that it holds.
    """
    first = opened(0)
    axis = next((a for a in AXES if a in first.dims), None)
    if axis is None:
        return first
    every = [p for p in held if p is not None]
    if len(every) < len(held) or not every[0][axis].length:
        return None
    names = dict.fromkeys(n for p in every for n in p)
    filled = [k for k, p in enumerate(every) if p[axis].length]
    pieces = [every[k] for k in filled]
    if not (np.diff(np.concatenate([p[axis].data for p in pieces])) > 0).all():
        return None
    along: dict[str, xr.Variable] = {}
    lengths = [p[axis].length for p in pieces]
    for name in dict.fromkeys(n for p in pieces for n in p):
        having = next(k for k, p in zip(filled, pieces, strict=True) if name in p)
        like = opened(having).variables[name]
        data = _one_after_another([p.get(name) for p in pieces], axis, lengths)
        if data is None or data.dtype != like.dtype or not is_plain(like):
            return None
        if name not in first.variables and name in opened(having).coords:
            return None
        along[name] = xr.Variable(like.dims, data, like.attrs, like.encoding)
    kept = first[[n for n in first.data_vars if n in along]]
    coordinates = {
        n: along.pop(str(n), kept.variables[n]) for n in first.coords if n in kept.coords
    }
    last = opened(len(held) - 1)
    # what has no axis grows with the run (where replicas diverged): the last segment knows most
    rest = {name: last[name] for name in last.data_vars if name not in names}
    return xr.Dataset(
        {n: v for n, v in along.items() if n not in first.coords}, coordinates, first.attrs
    ).assign(rest)


def _one_after_another(pieces: Sequence[Piece | None], axis: str, lengths: Sequence[int]) -> Any:
    """Numbers of all segments, or None; of series that a segment lacks they are missing there."""
    there = [p for p in pieces if p is not None]
    if any(p.structure != there[0].structure for p in there):
        return None
    dtype, dimensions = np.dtype(there[0].structure[0]), there[0].structure[1]
    if len(there) < len(pieces) and (dtype.kind != "f" or len(dimensions) > 1):
        return None
    data = [
        np.full(n, np.nan, dtype) if p is None else p.data
        for p, n in zip(pieces, lengths, strict=True)
    ]
    at = dimensions.index(axis)
    if all(isinstance(d, np.ndarray) for d in data):
        return np.concatenate(data, axis=at)
    return lazily_joined(data, at)


def joined_whole(group: str, trees: list[xr.DataTree], paths: list[Path]) -> xr.Dataset:
    """One group of segments that were opened whole; a step in two of them must be equal in both."""
    parts = [tree[group].to_dataset() for tree in trees]
    axis = next((a for a in AXES if a in parts[0].dims), None)
    if axis is None:
        return parts[0]
    kept = [parts[0]]
    for part, path, before in zip(parts[1:], paths[1:], paths[:-1], strict=True):
        last = kept[-1]
        shared = np.intersect1d(last.indexes[axis], part.indexes[axis])
        if len(shared):
            _require_equal(axis, shared, last, part, before, path)
            part = part.sel({axis: ~part.indexes[axis].isin(shared)})
        kept.append(part)
    along = {name for part in parts for name, v in part.variables.items() if axis in v.dims}
    whole = xr.concat(
        [part[[n for n in part.data_vars if n in along]] for part in kept if part.sizes[axis]]
        or [parts[0]],
        dim=axis,
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="override",
    )
    # what has no axis grows with the run (where replicas diverged): the last segment knows most
    rest = {name: parts[-1][name] for name in parts[-1].data_vars if name not in along}
    return whole.assign(rest)


def _require_equal(
    axis: str, shared: np.ndarray, first: xr.Dataset, second: xr.Dataset, *paths: Path
) -> None:
    for name in first.data_vars:
        if axis not in first[name].dims or name not in second:
            continue
        a, b = (d[name].sel({axis: shared}).to_numpy() for d in (first, second))
        differs = np.flatnonzero(
            ~((a == b) | ((a != a) & (b != b))).reshape(len(shared), -1).all(1)
        )
        if len(differs):
            raise WorkError(
                f"{paths[0]} and {paths[1]} give different {name} at {axis} "
                f"{shared[differs[0]]}; remove the wrong one"
            )
