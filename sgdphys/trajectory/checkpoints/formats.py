"""Reading single files: safetensors, arrays of numpy, and what PyTorch saves."""

import json
import math
import struct
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sgdphys.errors import InputError
from sgdphys.trajectory.checkpoints.limits import require_room, require_sound_zip
from sgdphys.trajectory.checkpoints.values import Pending

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".npz", ".npy", ".nc")
"""Ends of names of checkpoints; those of PyTorch may go on with ".tar"."""
_PICKLED = (".pt", ".pth", ".bin", ".ckpt")


class Content(NamedTuple):
    """Contents of a file."""

    loaded: Any
    """Usually a mapping: tensors by name, and other entries."""
    metadata: Mapping[str, str]
    keeps_order: bool
    """Whether tensors stand in the order of the network."""


def suffix_of(path: Path) -> str:
    """Suffix that determines the format; ".pt" for ".pt.tar"."""
    name = path.name.removesuffix(".tar") if path.name.endswith(".tar") else path.name
    suffix = Path(name).suffix
    if name != path.name and suffix not in _PICKLED:
        return ".tar"
    return suffix


def stem_of(path: Path) -> str:
    """A name without what ``suffix_of`` returns."""
    return path.name.removesuffix(".tar").removesuffix(suffix_of(path))


def read(path: Path, allow: Collection[str] = (), *, is_whole: bool = True) -> Content:
    """Read a file, its tensors as late as its format allows.

    Parameters
    ----------
    path : Path
    allow : collection of str
        Classes that may be unpickled besides PyTorch's own safe ones and numbers of numpy.
    is_whole : bool
        Whether tensors are wanted, and checksums compared; otherwise only what stands beside them.

    Raises
    ------
    InputError
        When it is damaged, holds other classes, or declares more than can be held.
    """
    suffix = suffix_of(path)
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty")
    if suffix == ".safetensors":
        return _safetensors(path)
    if suffix == ".npz":
        return Content(npz(path), {}, True)
    if suffix == ".npy":
        return Content({"theta": npy(path)}, {}, True)
    if suffix == ".nc":
        raise InputError(f"{path} is a netCDF file, which holds a complete training; give it alone")
    from sgdphys.trajectory.checkpoints.pickles import load

    return Content(load(path, allow, is_whole=is_whole), {}, True)


_SAFE: dict[str, Any] = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "C64": "<c8", "I64": "<i8", "I32": "<i4",
    "I16": "<i2", "I8": "<i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "<u1", "BOOL": "?",
    "BF16": "<u2", "F8_E5M2": "<u1", "F8_E4M3": "<u1",
}  # fmt: skip
"""Types of safetensors, as numpy reads their bytes."""
_NARROW = ("BF16", "F8_E5M2", "F8_E4M3")


def _safetensors(path: Path) -> Content:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:  # the library's checks of the header
            metadata = dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"{path} is not a valid safetensors file ({said})") from None
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
    header.pop("__metadata__", None)
    found: dict[str, Any] = {}
    for name, entry in header.items():
        shape = tuple(entry["shape"])
        found[name] = _pending(path, name, entry["dtype"], shape, 8 + length, entry["data_offsets"])
    return Content(found, metadata, False)


def _pending(
    path: Path, name: str, kind: str, shape: tuple[int, ...], start: int, offsets: list[int]
) -> Pending:
    if kind not in _SAFE:
        known_real = kind.startswith(("F", "C", "BF"))

        def refuse() -> np.ndarray:
            raise InputError(f"{name} in {path} has the type {kind}, which cannot be read")

        return Pending(shape, "V" if known_real else "i", refuse)

    def numbers() -> np.ndarray:
        count = math.prod(shape)
        values = np.fromfile(path, np.dtype(_SAFE[kind]), count, offset=start + offsets[0])
        if len(values) != count:
            raise InputError(f"{path} is cut short: {name} is not complete")
        return _widened(values, kind).reshape(shape)

    return Pending(shape, "f" if kind in _NARROW else np.dtype(_SAFE[kind]).kind, numbers)


def _widened(values: np.ndarray, kind: str) -> np.ndarray:
    """Numbers of types that numpy lacks as float32, exactly."""
    if kind == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    if kind == "F8_E5M2":
        return (values.astype(np.uint16) << 8).view(np.float16).astype(np.float32)
    if kind == "F8_E4M3":
        return _e4m3()[values]
    return values


def _e4m3() -> np.ndarray:
    """The 256 numbers of 4 bits of exponent and 3 of mantissa, without infinities."""
    byte = np.arange(256)
    exponent, mantissa = byte >> 3 & 15, byte & 7
    size = np.where(
        exponent == 0, mantissa / 8 * 2.0**-6, (1 + mantissa / 8) * 2.0 ** (exponent - 7)
    )
    size[(exponent == 15) & (mantissa == 7)] = np.nan
    return np.where(byte >> 7 == 1, -size, size).astype(np.float32)


def npz(path: Path) -> dict[str, Any]:
    """Arrays of an .npz file, each read when it is asked for; nothing is unpickled."""
    try:
        with zipfile.ZipFile(path) as archive:
            require_sound_zip(path, archive)
            found: dict[str, Any] = {}
            for entry in archive.infolist():
                if not entry.filename.endswith(".npy"):
                    continue
                name = entry.filename.removesuffix(".npy")
                with archive.open(entry) as file:
                    found[name] = _array(path, name, file, entry)
    except zipfile.BadZipFile as error:
        raise InputError(f"{path} is not a valid .npz file ({error})") from None
    except (EOFError, OSError, ValueError, NotImplementedError, SyntaxError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read as arrays ({_first_line(error)})") from None
    return found


def npy(path: Path) -> Pending:
    """The array of an .npy file."""
    try:
        with path.open("rb") as file:
            return _array(path, path.stem, file, None)
    except (EOFError, OSError, ValueError, SyntaxError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read as an array ({_first_line(error)})") from None


def _array(path: Path, name: str, file: Any, entry: zipfile.ZipInfo | None) -> Pending:
    """An array whose header has been read and compared with the size of its data."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise InputError(f"{name} in {path} is in version {version[0]} of the format, not read")
    if dtype.hasobject:
        raise InputError(
            f"{name} in {path} holds Python objects, not numbers; nothing is unpickled"
        )
    head = file.tell()
    size = path.stat().st_size if entry is None else entry.file_size
    wanted = math.prod(shape) * dtype.itemsize
    if any(n < 0 for n in shape) or wanted > size - head:
        raise InputError(f"{path} is cut short or damaged: {name} of shape {shape} is not complete")
    require_room(f"{name} in {path}", wanted)

    def numbers() -> np.ndarray:
        try:
            if entry is None:
                with path.open("rb") as stream:
                    return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
            with zipfile.ZipFile(path) as archive, archive.open(entry) as stream:
                values = np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
                stream.read(1)  # at its end the checksum is compared
                return values
        except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
            raise InputError(f"{path} is damaged: {name} ({_first_line(error)})") from None
        except Exception as error:  # zlib and lzma have errors of their own
            raise InputError(f"{path} is damaged: {name} ({_first_line(error)})") from None

    return Pending(tuple(shape), dtype.kind, numbers)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
