"""What a segment holds along its axes, read without opening it where its companion file says it.

The netCDF library needs several milliseconds to open a file, and a run may have thousands of
segments. Their writer therefore puts what joining needs of them, all but the large arrays, into the
file that accompanies each, as a comment after its checksums. It counts only while every byte of the
segment outside its large arrays is what it was when it was written.
"""

import base64
import json
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sgdphys.trajectory import checksums
from sgdphys.trajectory.digests import digest_path, require_structure
from sgdphys.trajectory.opening import RESUME, checks_of, own_attributes, verified
from sgdphys.trajectory.schema import decode_attributes
from sgdphys.trajectory.segments import NAMED, is_segment
from sgdphys.trajectory.stored import Stored
from sgdphys.trajectory.tensor_table import GROUP as TENSORS

AXES = ("step", "epoch")
"""Dimensions along which segments follow each other."""
_LINE = "# along "
"""How the line of a companion file begins; the CRC-32 of the rest comes next."""


class Piece(NamedTuple):
    """A variable in one segment."""

    structure: Any
    """Its type, dimensions, lengths but that of the axis, and attributes."""
    length: int
    """Along the axis."""
    data: Any
    """Numbers as they are stored, or a ``Stored`` that reads them."""


Pieces = Mapping[str, Piece]
"""The variables along the axis of one group of a segment, by name."""


def skimmed(
    path: Path, only: Collection[str] | None, without: Collection[str]
) -> tuple[dict[Any, Any], dict[str, Pieces | None]]:
    """Attributes of a segment, and what its groups hold along their axes.

    None for a group that is to be opened with all that it holds.

    Raises
    ------
    WorkError
        When it is damaged.
    """

    def is_wanted(name: str) -> bool:
        return name not in without and (only is None or name in only or name == TENSORS)

    is_same = require_structure(path, is_segment=is_segment(path))
    said = _said(path, is_wanted) if is_same else None
    if said is not None:
        return said
    groups = None if only is None else {*only, TENSORS}
    with verified(path, groups, is_same=is_same) as file:
        is_signed = digest_path(path).is_file() or checksums.DIGEST in file.ncattrs()
        is_ours = is_signed and not (file.dimensions or file.variables)
        return decode_attributes(own_attributes(file)), _groups(path, file, is_wanted, is_ours)


def _groups(path: Path, file: Any, is_wanted: Any, is_ours: bool) -> dict[str, Pieces | None]:
    """What the groups of an open file hold along their axes."""
    found: dict[str, Pieces | None] = {}
    for name, group in file.groups.items():
        if name in (checksums.GROUP, RESUME) or not is_wanted(name):
            continue
        axis = next((a for a in AXES if a in group.dimensions), None)
        found[name] = _pieces(path, name, group, axis, file) if is_ours and axis else None
    return found


def _pieces(path: Path, name: str, group: Any, axis: str, file: Any) -> Pieces | None:
    """Variables of an open group along its axis, or None where they are not plain numbers."""
    found = {}
    if axis not in group.variables:
        return None
    coordinates = (
        set(group.dimensions)
        | {c for v in group.variables.values() for c in getattr(v, "coordinates", "").split()}
        | set(getattr(group, "coordinates", "").split())
    )
    for own, variable in group.variables.items():
        if axis not in variable.dimensions:
            continue
        if variable.dtype is str or variable.dtype.kind not in "iuf":
            return None
        attributes = {n: variable.getncattr(n) for n in variable.ncattrs()}
        if {"scale_factor", "add_offset"} & set(attributes):
            return None
        fill = attributes.get("_FillValue", np.nan)
        if not np.isnan(fill):
            return None
        at = variable.dimensions.index(axis)
        rest = variable.shape[:at] + variable.shape[at + 1 :]
        structure = variable.dtype.str, variable.dimensions, rest, repr(attributes)
        dtype = np.dtype(bool) if attributes.get("dtype") == "bool" else variable.dtype
        checks = checks_of(name, own, file)
        is_large = own == "theta" or variable.size * variable.dtype.itemsize > checksums.LARGE
        if is_large and own not in coordinates:
            shape, chunks = variable.shape, checksums.chunks_of(variable)
            data: Any = _stored(path, name, own, variable.dimensions, shape, dtype, chunks, checks)
        else:
            if checks is not None:
                checksums.verify_chunks(path, variable, checks)
            variable.set_auto_maskandscale(False)
            data = np.asarray(variable[...]).astype(dtype, copy=False)
            variable.set_auto_maskandscale(True)
        found[own] = Piece(structure, variable.shape[at], data)
    return found


def _stored(
    path: Path, group: str, name: str, dims: tuple[str, ...], shape: tuple[int, ...],
    dtype: np.dtype, chunks: tuple[int, ...], checks: np.ndarray | None,
) -> Stored:  # fmt: skip
    shaped = np.broadcast_to(np.empty((), dtype), shape)
    variable = xr.Variable(dims, shaped, encoding={"chunksizes": chunks})
    return Stored(path, group, name, variable, checks)


def line_of(path: Path, file: Any) -> str:
    """Line for the companion file of a segment that was written and is still open."""
    groups = _groups(path, file, lambda name: True, True)
    attributes = decode_attributes(own_attributes(file))
    said = {
        "attributes": {n: _plain(attributes[n]) for n in NAMED if n in attributes},
        "groups": {n: None if p is None else _to_json(p) for n, p in groups.items()},
    }
    text = json.dumps(said)
    return f"{_LINE}{zlib.crc32(text.encode())} {text}\n"


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _to_json(pieces: Pieces) -> dict[str, Any]:
    found = {}
    for name, piece in pieces.items():
        data = piece.data
        if isinstance(data, Stored):
            checks = None if data.checks is None else data.checks.tolist()
            held: Any = {"shape": data.shape, "chunks": data.chunks, "checks": checks}
        else:
            held = base64.b64encode(np.ascontiguousarray(data).tobytes()).decode()
        found[name] = [piece.structure, piece.length, data.dtype.str, list(data.shape), held]
    return found


def _from_json(path: Path, group: str, said: Any) -> Pieces | None:
    if said is None:
        return None
    found = {}
    for name, ((kind, dims, rest, attributes), length, dtype, shape, held) in said.items():
        structure = kind, tuple(dims), tuple(rest), attributes
        if isinstance(held, str):
            values = np.frombuffer(base64.b64decode(held), np.dtype(dtype))
            data: Any = values.reshape(shape).copy()
        else:
            checks = None if held["checks"] is None else np.array(held["checks"], np.int64)
            chunks = tuple(held["chunks"])
            data = _stored(
                path, group, name, tuple(dims), tuple(shape), np.dtype(dtype), chunks, checks
            )
        found[name] = Piece(structure, length, data)
    return found


def _said(path: Path, is_wanted: Any) -> tuple[dict[Any, Any], dict[str, Pieces | None]] | None:
    """What the companion file of a segment says of it, or None where it does not, or is damaged."""
    text = digest_path(path).read_text(encoding="utf-8", errors="replace")
    line = next((s for s in text.splitlines() if s.startswith(_LINE)), "")
    check, _, said = line.removeprefix(_LINE).partition(" ")
    if not check.isdecimal() or int(check) != zlib.crc32(said.encode()):
        return None
    try:
        found = json.loads(said)
        groups = {n: _from_json(path, n, g) for n, g in found["groups"].items() if is_wanted(n)}
        return dict(found["attributes"]), groups
    except (ValueError, KeyError, TypeError, AttributeError):  # written by another hand
        return None
