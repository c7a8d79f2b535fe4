"""Attributes of Zarr stores: JSON, with the types that netCDF has and JSON does not tell."""

import base64
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from sgdphys.errors import InputError

_KEPT = "_netcdf"
DIMENSIONS = "_ARRAY_DIMENSIONS"
"""Attribute of format 2, as xarray writes it, with the names of an array's dimensions."""


class Attributes:
    """Attributes by the names that netCDF4 has for what is done with them."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}

    def ncattrs(self) -> list[str]:
        """Names of the attributes."""
        return list(self.attributes)

    def getncattr(self, name: str) -> Any:
        """Value of an attribute."""
        return self.attributes[name]

    def setncattr(self, name: str, value: Any) -> None:
        """Set an attribute, of the type that it will have when it is read."""
        self.attributes[name] = _from_json(*_plain(value))

    def setncatts(self, attributes: Mapping[str, Any]) -> None:
        """Set several attributes."""
        for name, value in attributes.items():
            self.setncattr(str(name), value)

    @property
    def coordinates(self) -> str:
        """The attribute that names coordinates, as netCDF4 gives attributes."""
        try:
            return str(self.attributes["coordinates"])
        except KeyError:
            raise AttributeError("coordinates") from None


def take_attributes(owner: Attributes, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Give a group or variable its attributes, and return what only netCDF has."""
    kept = stored.get(_KEPT)
    kept = kept if isinstance(kept, dict) else {}
    types = kept.get("types", {})
    names = [n for n in stored if n not in (_KEPT, DIMENSIONS)]
    owner.attributes = {n: _from_json(stored[n], types.get(n, "")) for n in names}
    return kept


def number_of_fill(stored: Any) -> Any:
    """A fill value of real numbers, as xarray has it, or as a number or a word for one."""
    if not isinstance(stored, str):
        return stored
    try:
        return struct.unpack("<d", base64.standard_b64decode(stored))[0]
    except (ValueError, struct.error):
        return float(stored)


def as_json(attributes: Mapping[str, Any], dtype: Any, kept: dict[str, Any]) -> dict[str, Any]:
    """Attributes as JSON, with the types of those that JSON does not tell."""
    found: dict[str, Any] = {}
    types = {}
    for name, value in attributes.items():
        if name == "_FillValue" and dtype is not None and dtype is not str:
            number = np.asarray(value).item()
            if dtype.kind == "f":  # as xarray reads it
                number = base64.standard_b64encode(struct.pack("<d", number)).decode()
            found[name] = number
            continue
        found[name], kind = _plain(value)
        if kind:
            types[name] = kind
    kept = kept | ({"types": types} if types else {})
    return found | ({_KEPT: kept} if kept else {})


def _plain(value: Any) -> tuple[Any, str]:
    """An attribute as JSON, and its type where JSON does not tell it."""
    if isinstance(value, str):
        return str(value), ""
    if isinstance(value, list | tuple) and value and all(isinstance(v, str) for v in value):
        return [str(v) for v in value], ""
    array = np.asarray(value)
    if array.dtype.kind == "U" or (
        array.dtype.kind == "O" and all(isinstance(v, str) for v in array.ravel())
    ):
        return [str(v) for v in array.ravel()], "" if array.size else "list"
    if array.dtype.kind not in "iufb":
        raise InputError(f"Zarr cannot hold an attribute of the type {array.dtype}")
    array = array.ravel()
    is_finite = array.dtype.kind != "f" or bool(np.isfinite(array).all())
    kind = array.dtype.newbyteorder("=").str
    tells = is_finite and array.size and kind in (np.dtype(np.int64).str, np.dtype(float).str)
    if is_finite:
        said = array.tolist()
    else:
        said = [_number_text(v) for v in array.astype(array.dtype.newbyteorder("="))]
    return said[0] if len(said) == 1 else said, "" if tells else kind


def _number_text(value: Any) -> Any:
    """A number as JSON has it; the bits of a NaN that is not the usual one."""
    if np.isfinite(value):
        return value.item()
    if np.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return (
        "NaN" if value.tobytes() == type(value)(np.nan).tobytes() else f"0x{value.tobytes().hex()}"
    )


def _number_of(said: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(said, str) and said.startswith("0x"):
        return np.frombuffer(bytes.fromhex(said[2:]), dtype)[0]
    return float(said) if isinstance(said, str) else said


def _from_json(value: Any, kind: str) -> Any:
    """Value of an attribute, with the type that it had."""
    if kind == "list":
        return []
    if kind:
        many = value if isinstance(value, list) else [value]
        dtype = np.dtype(kind)
        array = np.array([_number_of(v, dtype) for v in many], dtype)
        return array[0] if len(array) == 1 else array
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return np.int64(value) if -(2**63) <= value < 2**63 else value
    if isinstance(value, float):
        return np.float64(value)
    if isinstance(value, list) and value and all(type(v) is int for v in value):
        return np.array(value)
    if isinstance(value, list) and value and all(type(v) in (int, float) for v in value):
        return np.array(value, np.float64)
    return value
