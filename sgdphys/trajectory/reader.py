"""Opening trajectories: a file, or the segments of a run as one, lazily and without torch."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from xarray.backends import NetCDF4DataStore

from sgdphys.errors import InputError, WorkError
from sgdphys.networks import ParameterTable
from sgdphys.trajectory import checksums
from sgdphys.trajectory.digests import faults_of_file, require_structure
from sgdphys.trajectory.netcdf import opened, require_netcdf
from sgdphys.trajectory.schema import decode_attributes, faults, tensor_table
from sgdphys.trajectory.segments import (
    is_segment,
    parts_of,
    require_one_recording,
    segment_paths,
    span,
    strangers,
)
from sgdphys.trajectory.stored import Stored, lazy
from sgdphys.trajectory.tensor_table import GROUP as TENSORS
from sgdphys.trajectory.tensor_table import named, table_of

RESUME = "resume"
"""Group of a segment that holds the state after it; not part of the trajectory."""
_ONCE = ("split", TENSORS)
"""Groups that are equal in all segments."""


def open_segment(path: Path) -> xr.DataTree:
    """Open one netCDF file with all its groups, its checksums verified.

    Raises
    ------
    InputError
        When it is not there or not netCDF.
    WorkError
        When it is truncated or damaged.
    """
    tree = _detached(path, None, with_state=True)
    return _named(tree.attrs, {str(n): node.to_dataset() for n, node in tree.children.items()})


def attributes_of(path: Path) -> dict[str, Any]:
    """Attributes of a netCDF file, verified; refuses what ``open_segment`` does."""
    with _verified(path, ()) as file:
        return decode_attributes(_own_attributes(file))


def open_trajectory(path: str | Path, groups: Collection[str] | None = None) -> xr.DataTree:
    """Open a trajectory lazily.

    Parameters
    ----------
    path : str or Path
        A netCDF file, or the folder of a run, whose finished segments are joined. Where a recording
        to a file is going on, or was cut off, its segments are read.
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
    path = Path(path)
    if path.is_file():
        require_netcdf(path)
        tree = _detached(path, groups)
        opened_groups = {str(n): tree[n].to_dataset() for n in tree.children}
        return _named(tree.attrs, opened_groups, groups)
    if not path.exists() and parts_of(path).is_dir():
        path = parts_of(path)
    attributes, joined = join_segments(path, groups)
    return _named(attributes, joined, groups)


def join_segments(
    path: Path, groups: Collection[str] | None = None
) -> tuple[dict[Any, Any], dict[str, xr.Dataset]]:
    """Attributes and groups of all finished segments, as they are stored.

    Raises as ``open_trajectory`` does.
    """
    paths = segment_paths(path)
    if not paths:
        what = "no finished segment yet" if path.is_dir() else "no such file or folder"
        raise InputError(f"{path}: {what}; a run's folder or a netCDF file was expected")
    trees = []
    for number, segment in enumerate(paths):
        trees.append(_detached(segment, groups, without=_ONCE if number else ()))
    require_one_recording(paths, [tree.attrs for tree in trees])
    names = dict.fromkeys(str(n) for tree in trees for n in tree.children)
    joined = {}
    for name in names:
        having = [k for k, tree in enumerate(trees) if name in tree.children]
        joined[name] = _joined(name, [trees[k] for k in having], [paths[k] for k in having])
    return dict(trees[0].attrs), joined


def _detached(
    path: Path,
    only: Collection[str] | None,
    *,
    without: Collection[str] = (),
    with_state: bool = False,
) -> xr.DataTree:
    """Open a segment, load what is small, and leave the rest to be read when it is asked for.

    No file stays open: a run may have more segments than a process may have files, and HDF5 bears
    no file that is closed by one thread, when a cache is full or its last user gone, while another
    one reads.
    """
    require_structure(path, is_segment=is_segment(path))
    with opened(path) as file:
        wanted = [
            name
            for name in file.groups
            if name != checksums.GROUP
            and (with_state or name != RESUME)
            and (only is None or name in only or name == TENSORS)
            and name not in without
        ]
        checksums.verify(path, file, wanted)
        # every group has the coordinates of the file itself; a lock within the lock would wait
        of_all = _decoded(file)
        of_all.attrs = _own_attributes(file)
        groups = {"/": _lazily(path, "/", of_all.drop_vars(of_all.data_vars), file)}
        for name in wanted:
            data = _decoded(file[name])
            groups[name] = _lazily(path, name, data, file)
    return xr.DataTree.from_dict(groups)


def _decoded(group: Any) -> xr.Dataset:
    """An open group; times in a unit that xarray does not know stay numbers."""
    store: Any = NetCDF4DataStore
    try:
        return xr.open_dataset(store(group, lock=False))
    except ValueError:
        return xr.open_dataset(store(group, lock=False), decode_times=False)


def _own_attributes(file: netCDF4.Dataset) -> dict[str, Any]:
    """Attributes of a file, as stored, without its digests, which hold for the file alone."""
    kept = [n for n in file.ncattrs() if n not in (checksums.DIGEST, checksums.DIGESTS)]
    return {name: file.getncattr(name) for name in kept}


def _lazily(path: Path, group: str, data: xr.Dataset, file: netCDF4.Dataset) -> xr.Dataset:
    """Load coordinates and small variables of an open group; the others on access."""
    read = {}
    for name, variable in data.variables.items():
        large = variable.nbytes > checksums.LARGE or name == "theta"
        if name in data.coords or not large or not _is_plain(variable):
            _verify_chunks(path, group, str(name), file)
            read[name] = variable.load().copy(deep=False)
        else:
            checks = _checks(group, str(name), file)
            read[name] = lazy(Stored(path, group, str(name), variable, checks), variable)
    return xr.Dataset(
        {n: v for n, v in read.items() if n not in data.coords},
        {n: v for n, v in read.items() if n in data.coords},
        decode_attributes(data.attrs),
    )


def _checks(group: str, name: str, file: netCDF4.Dataset) -> np.ndarray | None:
    """Checksums of a variable's chunks, or None where the file has none."""
    home = file.groups.get(checksums.GROUP)
    if home is not None and group != "/":
        home = home.groups.get(group)
    if home is None or name not in home.variables:
        return None
    return np.asarray(home.variables[name][...])


def _verify_chunks(path: Path, group: str, name: str, file: netCDF4.Dataset) -> None:
    """Compare a large variable that is read at once, such as a coordinate, with its checksums."""
    checks = _checks(group, name, file)
    if checks is None:
        return
    of_group = file if group == "/" else file[group]
    checksums.verify_chunks(path, of_group.variables[name], checks)


def _is_plain(variable: xr.Variable) -> bool:
    """Whether a variable's numbers are in the file as they are."""
    if {"scale_factor", "add_offset"} & set(variable.encoding):
        return False
    if variable.dtype.kind == "f":
        return bool(np.isnan(variable.encoding.get("_FillValue", np.nan)))
    return variable.dtype.kind in "iub" and "_FillValue" not in variable.encoding


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


def _joined(group: str, trees: list[xr.DataTree], paths: list[Path]) -> xr.Dataset:
    """One group of all segments; a step in two of them must be equal in both."""
    parts = [tree[group].to_dataset() for tree in trees]
    axis = next((a for a in ("step", "epoch") if a in parts[0].dims), None)
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


def check(path: str | Path) -> list[str]:
    """Return every fault of a trajectory in words; an empty list is a valid file.

    Parameters
    ----------
    path : str or Path
        A netCDF file or the folder of a run.

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
    path = Path(path)
    found = [f"{p} is no segment of this run; move it away" for p in strangers(path)]
    for file in _files(path):
        said = faults_of_file(file)
        try:
            if not said:
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


def described(path: Path) -> tuple[dict[str, Any], str]:
    """Attributes of a segment, and how its epochs differ from those of its name, if they do.

    Raises
    ------
    WorkError
        When it is damaged.
    """
    first, last = span(path)
    with _verified(path, ()) as file:
        attributes = decode_attributes(_own_attributes(file))
        if RESUME not in file.groups:
            return attributes, ""  # of a recording of a user's loop
        ends = int(file[RESUME].getncattr("epoch"))
        epochs = file["weights"]["epoch"][:]
    begins = int(epochs[0]) if len(epochs) else first
    if ends == last and begins >= first:
        return attributes, ""
    return attributes, f"{path} holds epochs {begins} to {ends}, and is named for {first} to {last}"


def check_arrays(path: Path) -> None:
    """Compare all that a file holds with its checksums.

    Raises
    ------
    WorkError
        When it is damaged.
    """
    with _verified(path) as file:
        for group in file.groups.values():
            for name, variable in group.variables.items():
                checks = _checks(group.name, name, file)
                if checks is not None:
                    checksums.verify_chunks(path, variable, checks)
                else:
                    variable[...]  # HDF5 compares its own checksums


def read_structure(path: Path) -> None:
    """Read and verify a file except its large arrays, without its digest."""
    with opened(path) as file:
        checksums.verify(path, file)


@contextmanager
def _verified(path: Path, only: Collection[str] | None = None) -> Iterator[netCDF4.Dataset]:
    """Open a file whose structure and digests are what they were when it was written."""
    require_structure(path, is_segment=is_segment(path))
    with opened(path) as file:
        checksums.verify(path, file, only)
        yield file


def unprotected(path: str | Path) -> list[Path]:
    """Return the files of a trajectory that carry no checksums, so that damage may go unseen."""
    found = []
    for file in _files(Path(path)):
        with opened(file) as data:
            if checksums.DIGEST not in data.ncattrs():
                found.append(file)
    return found


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.exists() and parts_of(path).is_dir():
        path = parts_of(path)
    return segment_paths(path)
