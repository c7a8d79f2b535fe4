"""Opening trajectories: a file, or the segments of a run as one, lazily and without torch."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import xarray as xr

from sgdphys.errors import InputError, WorkError
from sgdphys.networks import ParameterTable
from sgdphys.trajectory import checksums
from sgdphys.trajectory.digests import digest_path, faults_of_file
from sgdphys.trajectory.joining import join_segments
from sgdphys.trajectory.locations import is_one, is_remote, is_zarr, location
from sgdphys.trajectory.opening import RESUME, checks_of, detached, own_attributes, verified
from sgdphys.trajectory.schema import decode_attributes, faults, tensor_table
from sgdphys.trajectory.segments import (
    SEGMENTS,
    is_segment,
    recorded_at,
    segment_paths,
    span,
    strangers,
)
from sgdphys.trajectory.stores import opened, zarr_groups
from sgdphys.trajectory.tensor_table import GROUP as TENSORS
from sgdphys.trajectory.tensor_table import named, table_of


def open_segment(path: Path) -> xr.DataTree:
    """Open one netCDF file or Zarr store with all its groups, its checksums verified.

    Raises
    ------
    InputError
        When it is not there, or neither netCDF nor Zarr.
    WorkError
        When it is truncated or damaged.
    """
    tree = detached(path, None, with_state=True)
    return _named(tree.attrs, {str(n): node.to_dataset() for n, node in tree.children.items()})


def attributes_of(path: Path) -> dict[str, Any]:
    """Attributes of a netCDF file or Zarr store, verified; refuses what ``open_segment`` does."""
    with verified(path, ()) as file:
        return decode_attributes(own_attributes(file))


def open_trajectory(path: str | Path, groups: Collection[str] | None = None) -> xr.DataTree:
    """Open a trajectory lazily.

    Parameters
    ----------
    path : str or Path
        A netCDF file, a Zarr store, or the folder of a run, whose finished segments are joined.
        Where a recording to a file is going on, or was cut off, its segments are read. Stores and
        folders of them may be at a URL that fsspec reads, such as "s3://bucket/mine.zarr".
    groups : collection of str, optional
        Those to open, where they are there; all by default. Fewer open faster: a run may have
        hundreds of segments.

    Returns
    -------
    DataTree
        Groups weights, gradients, training, split, tensors: see ``trajectory.schema.GROUPS``.

    Raises
    ------
    InputError
        When there is nothing to open.
    WorkError
        When a segment is damaged, of another recording, or missing, or two segments hold different
        values at one step.

    See Also
    --------
    check : Every fault of a file in words.
    gather : Several recordings as replicas of one trajectory.

    Notes
    -----
    Attributes, coordinates and small arrays are compared with their digest at once, large arrays
    with their checksums as they are read; files of schema version 1 have neither.

    Examples
    --------
    >>> import torch, sgdphys as sp
    >>> with sp.record(torch.nn.Linear(2, 1), "mine.nc") as recording:
    ...     recording.step()
    >>> sp.open_trajectory("mine.nc")["weights"].theta.dims
    ('step', 'replica', 'parameter')
    """
    path = location(path)
    if is_one(path):
        tree = detached(path, groups)
        opened_groups = {str(n): tree[n].to_dataset() for n in tree.children}
        return _named(tree.attrs, opened_groups, groups)
    attributes, joined = join_segments(recorded_at(path), groups)
    return _named(attributes, joined, groups)


def _named(
    attributes: Any, groups: dict[str, xr.Dataset], only: Collection[str] | None = None
) -> xr.DataTree:
    """A tree of groups with names along ``parameter``."""
    table = _table_of(groups)
    if table is not None:
        groups = {n: named(data, table) for n, data in groups.items()}
    tree = xr.DataTree.from_dict(
        {n: data for n, data in groups.items() if only is None or n in only}
    )
    tree.attrs = attributes
    return tree


def _table_of(groups: dict[str, xr.Dataset]) -> ParameterTable | None:
    """The table of tensors of a file; schema version 1 has it in an attribute of the groups."""
    if TENSORS in groups:
        return table_of(groups[TENSORS])
    for data in groups.values():
        described = data.attrs.get("tensors")
        if isinstance(described, dict):
            return tensor_table(described["names"], described["sizes"])
    return None


def check(path: str | Path) -> list[str]:
    """Return every fault of a trajectory in words; an empty list is a valid file.

    Parameters
    ----------
    path : str or Path
        A netCDF file, a Zarr store, or the folder of a run, with all cases and parts that it has.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        When there is nothing to check.

    See Also
    --------
    open_trajectory : Refuses what is damaged when it is read.

    Notes
    -----
    Each file is compared with the digest of the whole file that stands beside it, all groups with
    their digests, and every array with its checksums. ``unprotected`` names the files that have
    none.

    Examples
    --------
    >>> import torch, sgdphys as sp
    >>> with sp.record(torch.nn.Linear(2, 1), "mine.nc") as recording:
    ...     recording.step()
    >>> sp.check("mine.nc")
    []
    """
    path = location(path)
    inside = _recordings(path)
    if inside:
        return [fault for folder in inside for fault in _faults_of_one(folder)]
    found = [f"{p} is no segment of this run; move it away" for p in strangers(path)]
    for file in _files(path):
        if is_zarr(file):
            zarr_groups(file)  # what cannot be read here is no fault of the file
        said = faults_of_file(file)
        try:
            if not said:
                if not digest_path(file).is_file():  # otherwise every byte was compared
                    check_arrays(file)
                wrong = described(file)[1] if is_segment(file) else ""
                said = [f"{wrong}; move it away"] if wrong else []
        except (WorkError, InputError) as error:
            said = [str(error)]
        found += said
    if found:  # what is damaged is not read any further
        return found
    try:
        return faults(open_trajectory(path))
    except WorkError as error:
        return [str(error)]


def _faults_of_one(folder: Path) -> list[str]:
    """Faults of one recording of several; that there is none yet is one, and hides no other."""
    try:
        return check(folder)
    except InputError as error:
        return [str(error)]


def described(path: Path) -> tuple[dict[str, Any], str]:
    """Attributes of a segment, and how its epochs differ from those of its name, if they do.

    Raises
    ------
    WorkError
        When it is damaged.
    """
    first, last = span(path)
    with verified(path, ()) as file:
        attributes = decode_attributes(own_attributes(file))
        if RESUME not in file.groups:
            return attributes, ""  # of a recording of a user's loop
        ends = int(file[RESUME].getncattr("epoch"))
        epochs = file["weights"]["epoch"][:]
    begins = int(epochs[0]) if len(epochs) else first
    if ends == last and begins >= first:
        return attributes, ""
    return attributes, f"{path} holds epochs {begins} to {ends}, and is named for {first} to {last}"


def check_arrays(path: Path) -> None:
    """Compare all that a file or store holds with its checksums.

    Raises
    ------
    WorkError
        When it is damaged.
    """
    with verified(path) as file:
        if is_zarr(path):
            zarr_groups(path).require_same_metadata(file)
        for group in file.groups.values():
            for name, variable in group.variables.items():
                checks = checks_of(group.name, name, file)
                if checks is not None:
                    checksums.verify_chunks(path, variable, checks)
                else:
                    variable[...]  # HDF5 and Zarr compare their own checksums


def read_structure(path: Path) -> None:
    """Read and verify a file except its large arrays, without its digest."""
    with opened(path) as file:
        checksums.verify(path, file)


def unprotected(path: str | Path) -> list[Path]:
    """Return the files of a trajectory that carry no checksums, so that damage may go unseen."""
    found = []
    path = location(path)
    for file in [f for folder in _recordings(path) or [path] for f in _files(folder)]:
        if digest_path(file).is_file():  # written together with the checksums
            continue
        with opened(file) as data:
            if checksums.DIGEST not in data.ncattrs():
                found.append(file)
    return found


def _recordings(path: Path) -> list[Path]:
    """Folders of the cases and parts of a run that has no recording of its own."""
    if is_remote(path) or not path.is_dir() or is_one(path) or segment_paths(path):
        return []
    return sorted(found.parent for found in path.rglob(SEGMENTS) if found.parent != path)


def _files(path: Path) -> list[Path]:
    if is_one(path):
        return [path]
    return segment_paths(recorded_at(path))
