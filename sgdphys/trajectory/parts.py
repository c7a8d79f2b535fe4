"""The files of a recording that is going on: making room for them, going on with them, joining."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.trajectory.digests import digest_path
from sgdphys.trajectory.joining import join_segments
from sgdphys.trajectory.locations import (
    ZARR,
    holds_zarr,
    is_remote,
    is_zarr,
    move,
    partial_path,
    remove,
)
from sgdphys.trajectory.locks import Lock
from sgdphys.trajectory.reader import attributes_of, open_trajectory
from sgdphys.trajectory.segments import parts_of, segment_name, segment_paths, suffix_of
from sgdphys.trajectory.writer import remove_partial, write_tree

_OF_SEGMENT = ("segment", "flushed_step", "flushed_time")
"""Attributes of a segment that a complete recording does not have."""
_LONGEST = 255
"""Bytes of a file's name."""
_BESIDE = len(".sha256.partial")
"""Additional bytes in the name of an accompanying file."""


def prepare(path: Path, *, overwrite: bool, resume: bool) -> Lock | None:
    """Make the folder of segments, or find what is to be gone on with.

    Returns
    -------
    Lock
        On the recording; to be released at its end. None at a URL, where nothing can be locked.

    Raises
    ------
    InputError
        When the path is taken or cannot be, another process records to it, or there is nothing to
        resume.
    """
    _require_possible(path)
    if is_remote(path):
        _make_room(path, overwrite=overwrite, resume=resume)
        return None
    held = Lock(path.with_name(path.name + ".lock"))
    if not held.is_held:
        raise InputError(f"{path} is being recorded by another process; choose another path")
    try:
        _make_room(path, overwrite=overwrite, resume=resume)
    except BaseException:
        held.release()
        raise
    return held


def _require_possible(path: Path) -> None:
    """Refuse a path at which no file or store can be."""
    if is_remote(path):
        if path.suffix.lower() != ZARR:
            raise InputError(f"{path}: at a URL only Zarr can be written; end the name in {ZARR}")
        return
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} for {path.name}")
    if len(os.fsencode(_cut_path(path).name)) + _BESIDE > _LONGEST:
        raise InputError(
            f"{path.name[:40]}... is too long a name, since other files stand beside it; give one "
            f"of at most {_LONGEST - _BESIDE - len('.cut')} bytes"
        )
    if path.is_dir() and not (is_zarr(path) and holds_zarr(path)):
        raise InputError(f"{path} is a folder; give the path of a file or Zarr store to be")


def _make_room(path: Path, *, overwrite: bool, resume: bool) -> None:
    """Remove or refuse what is at a path, or put in order what is to be gone on with."""
    parts, cut = parts_of(path), _cut_path(path)
    if not is_remote(path):
        remove(partial_path(parts))  # of a recording that was killed when it was complete
    if resume:
        if cut.exists() and not path.exists() and not parts.is_dir():
            _replace(cut, path)  # killed after the cut
        if not path.exists() and not parts.is_dir():
            raise InputError(f"there is nothing at {path} to resume; leave resume out")
        if parts.is_dir():
            remove_partial(parts)
        return
    if overwrite:
        for file in (path, cut):
            remove(file)
            digest_path(file).unlink(missing_ok=True)
        if parts.is_dir():
            remove(parts)
    elif path.exists() or parts.is_dir():
        what = path if path.exists() else f"{parts}, left by a recording that was cut off,"
        raise InputError(
            f"{what} exists; choose another path, resume=True to go on with it, or overwrite=True"
        )
    parts.mkdir(exist_ok=is_remote(parts))


@dataclass(frozen=True)
class Earlier:
    """State of an earlier recording for its continuation.

    Attributes
    ----------
    steps : int
        Updates counted.
    time : float
        Sum of the learning rates.
    recording : str or None
        Its name.
    schedules : list of (int, every)
    segments : int
        How many there are.
    last : array (replica, parameter) or None
        Weights after ``steps`` updates, where they were recorded.
    diverged : array (replica,)
        The first step at which weights were not finite, -1 if there is none.
    """

    steps: int
    time: float
    recording: str | None
    schedules: list[tuple[int, Any]]
    segments: int
    last: np.ndarray | None
    diverged: np.ndarray


def go_on(
    path: Path, at: int | None, shapes: Mapping[str, tuple[int, ...]], replicas: int, groups: int
) -> Earlier:
    """Turn an earlier recording into the first segments of the one that goes on with it.

    Parameters
    ----------
    path : Path
    at : int, optional
        The step to go on from: what is recorded after it is cut off. The last one by default.
    shapes : mapping of str to tuple of int
        Those of the model's tensors.
    replicas : int
        How many models there are.
    groups : int
        Groups of parameters that the optimizers have; 0 where none is followed.

    Raises
    ------
    InputError
        When it is of something else, or ends before the step. Nothing is moved then.
    """
    tree = open_trajectory(path)
    _require_same(path, tree, shapes, replicas, groups)
    steps = tree["weights"]["step"].to_numpy()
    counted, time = _counted(path, tree)
    if at is not None:
        if not steps[0] <= at <= counted:
            raise InputError(
                f"{path} holds steps {steps[0]} to {counted}; it cannot be resumed at step {at}"
            )
        if at < counted:
            times = [*tree["weights"]["time"].to_numpy(), time]
            time = float(np.interp(at, [*steps, counted], times))  # the rate between two records
            write_tree(_cut(tree, at, time), _cut_path(path))
            if parts_of(path).is_dir():
                remove(parts_of(path))
            _replace(_cut_path(path), path)
            tree = open_trajectory(path)  # the one before reads what is no more
            counted, steps = at, tree["weights"]["step"].to_numpy()
    schedules = [(int(s), every) for s, every in json.loads(str(tree.attrs.get("schedule", "[]")))]
    last = None
    if steps[-1] == counted and tree.attrs.get("what") != "sketch":
        last = tree["weights"]["theta"].isel(step=len(steps) - 1).to_numpy()
    recording = tree.attrs.get("recording")
    diverged = tree["weights"]["diverged_step"].to_numpy().astype(np.int64)
    if path.exists():
        parts_of(path).mkdir(exist_ok=True)
        name = segment_name(int(steps[0]), counted, 0, suffix_of(path))
        _replace(path, parts_of(path) / name)
    return Earlier(
        counted, time, None if recording is None else str(recording),
        [(s, every) for s, every in schedules if s < counted],
        len(segment_paths(parts_of(path))), last, diverged,
    )  # fmt: skip


def _counted(path: Path, tree: xr.DataTree) -> tuple[int, float]:
    """The last step that a recording counted, be it recorded or not, and its time."""
    weights = tree["weights"].to_dataset()
    step, time = int(weights["step"][-1]), float(weights["time"][-1])
    of_last = tree.attrs if path.exists() else attributes_of(segment_paths(parts_of(path))[-1])
    for said in ("flushed", "last"):
        if f"{said}_step" in of_last:
            counted = int(of_last[f"{said}_step"])
            return counted, float(of_last.get(f"{said}_time", time))
    return step, time


def _require_same(
    path: Path, tree: xr.DataTree, shapes: Mapping[str, tuple[int, ...]], replicas: int, groups: int
) -> None:
    """Refuse to go on with a recording of something else."""
    if tree.attrs.get("what") == "sketch":
        raise InputError(f"{path} holds a sketch, which cannot go on; record to another path")
    if _shapes_of(tree) != dict(shapes):
        raise InputError(f"{path} holds other parameters than the model; record to another path")
    many = tree["weights"].sizes["replica"]
    if many != replicas:
        raise InputError(
            f"{path} holds {many} models, and {replicas} are to be recorded; give as many, or "
            "record to another path"
        )
    rates = tree["updates"].get("learning_rate") if "updates" in tree.children else None
    if rates is not None and groups not in (0, rates.sizes["group"]):
        raise InputError(
            f"{path} holds the learning rates of {rates.sizes['group']} groups of parameters, and "
            f"the optimizer has {groups}; give one with as many, or record to another path"
        )


def _cut(tree: xr.DataTree, at: int, time: float) -> xr.DataTree:
    """A recording up to a step, and the time at that step."""
    groups = {}
    for name, node in tree.children.items():
        data = node.to_dataset()
        if "step" in data.indexes:
            data = data.isel(step=np.flatnonzero(data["step"].to_numpy() <= at))
        if "diverged_step" in data:
            diverged = data["diverged_step"]
            data = data.assign(diverged_step=diverged.where(diverged <= at, -1).astype(np.int64))
            data["diverged_step"].attrs = diverged.attrs
        if name != "increments":  # of the whole recording
            groups[name] = data
    cut = xr.DataTree.from_dict(groups)
    gone = (*_OF_SEGMENT, "ended_at_step", "ended_because")
    kept = {n: v for n, v in tree.attrs.items() if n not in gone}
    cut.attrs = kept | {"last_step": at, "last_time": time}
    return cut


def _cut_path(path: Path) -> Path:
    """Where the part of a recording that is kept is written; of a store a store."""
    return path.with_name(path.name + ".cut" + (ZARR if is_zarr(path) else ""))


def _replace(old: Path, new: Path) -> None:
    """Move a file together with its digest, or a store."""
    digest_path(new).unlink(missing_ok=True)
    if is_zarr(old) and new.exists():
        remove(new)
    move(old, new)
    if digest_path(old).exists():
        digest_path(old).replace(digest_path(new))


def _shapes_of(tree: xr.DataTree) -> dict[str, tuple[int, ...]]:
    """Shapes of a recording's tensors by name."""
    if "tensors" in tree.children:
        table = tree["tensors"]
        shapes = [tuple(json.loads(s)) for s in table["tensor_shape"].to_numpy()]
        return dict(zip(map(str, table["tensor_name"].to_numpy()), shapes, strict=True))
    return {n: tuple(s) for n, s in tree.attrs.get("shapes", {}).items()}  # schema version 1


def join(path: Path, attributes: Mapping[str, Any], increments: xr.Dataset | None) -> None:
    """Write all segments as one file, some at a time, and remove them."""
    parts = parts_of(path)
    of_parts, groups = join_segments(parts)
    if increments is not None:
        groups["increments"] = increments
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = {n: v for n, v in of_parts.items() if n not in _OF_SEGMENT} | dict(attributes)
    write_tree(tree, path)
    remove(parts)
