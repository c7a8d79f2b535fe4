"""Sizes of data in files, read without loading the data."""

import codecs
import gzip
import struct
import zipfile
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from sgdphys.errors import InputError

DAMAGED = (
    OSError, EOFError, ValueError, KeyError, NotImplementedError, struct.error, zlib.error,
    zipfile.BadZipFile,
)  # fmt: skip
"""Exceptions that a damaged or foreign file raises on reading."""
IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


class Sizes(NamedTuple):
    """Sizes of a data set: inputs (sample, feature), and labels or targets."""

    samples: int
    features: int
    outputs: int
    """Number of classes for labels, otherwise of numbers per target."""
    are_labels: bool


def idx_files(path: Path) -> tuple[Path, Path]:
    """Return the files of images and of labels at a path of IDX data; see ``idx``.

    Raises
    ------
    InputError
        If one of them is missing.
    """
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if "idx" in p.name)
        images = [p for p in files if "idx3" in p.name or "idx4" in p.name]
        images = [p for p in images if "train" in p.name] or images
        if not images:
            raise InputError(f"{path} holds no IDX file of images (named like images-idx3-ubyte)")
        path = images[0]
    elif not path.is_file():
        raise InputError(f"there is no file {path}")
    name = path.name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
    bare = name.removesuffix(".gz")
    for candidate in (name, bare, f"{bare}.gz"):
        if candidate != path.name and (path.parent / candidate).is_file():
            return path, path.parent / candidate
    raise InputError(f"there is no file of labels {name} beside {path}")


def open_idx(path: Path) -> BinaryIO:
    """Open an IDX file, gzipped or not."""
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def idx_header(file: BinaryIO) -> tuple[str, tuple[int, ...]]:
    """Read the header of an IDX file: its type and shape.

    Raises
    ------
    ValueError, struct.error
        If there is no such header.
    """
    zero, kind, dims = struct.unpack(">HBB", file.read(4))
    shape = struct.unpack(f">{dims}I", file.read(4 * dims))
    if zero != 0 or kind not in IDX_TYPES:
        raise ValueError("wrong magic number")
    return IDX_TYPES[kind], shape


def idx_sizes(path: Path) -> Sizes:
    """Sizes of IDX data, reading headers and labels only.

    Raises
    ------
    InputError
        If a file is missing or no IDX file.
    """
    images, labels = idx_files(path)
    shapes, largest = [], 0
    for name in (images, labels):
        try:
            with open_idx(name) as file:
                kind, shape = idx_header(file)
                if name == labels:
                    values = np.frombuffer(file.read(), kind)
                    largest = int(values.max()) if len(values) else 0
        except DAMAGED as error:
            raise InputError(f"{name} is no valid IDX file ({error})") from None
        shapes.append(shape)
    of_images, of_labels = shapes
    require_pairs(images, of_images, labels, of_labels)
    return Sizes(of_images[0], int(np.prod(of_images[1:], dtype=object)), largest + 1, True)


def require_pairs(
    images: Path, of_images: tuple[int, ...], labels: Path, of_labels: tuple[int, ...]
) -> None:
    """Refuse images and labels whose shapes do not match."""
    if len(of_images) < 2 or len(of_labels) != 1 or of_images[0] != of_labels[0]:
        raise InputError(
            f"{images} has shape {of_images} and {labels} {of_labels}; they do not match"
        )


def table_sizes(path: Path) -> Sizes:
    """Sizes of a table, reading its labels only; see ``table``.

    Raises
    ------
    InputError
        If the file is missing or no table.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    if path.suffix == ".csv":
        return _csv_sizes(path)
    if path.suffix != ".npz":
        raise InputError(f"{path} must end in .csv or .npz")
    try:
        with np.load(path, allow_pickle=False) as file:
            require_arrays(path, file.files)
            samples, *inner = _array_shape(path, "x")
            features = int(np.prod(inner, dtype=object))
            if "y" in file.files:
                return Sizes(samples, features, len(np.unique(file["y"])), True)
            _, *outputs = _array_shape(path, "target")
            return Sizes(samples, features, int(np.prod(outputs, dtype=object)), False)
    except DAMAGED as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is no valid .npz of arrays ({error})") from None


def require_arrays(path: Path, names: Any) -> None:
    """Refuse an .npz without inputs, or without labels and targets."""
    if "x" not in names or not {"y", "target"} & set(names):
        raise InputError(
            f"{path} has arrays {', '.join(names)}; x and y, or x and target, were expected"
        )


def _array_shape(path: Path, name: str) -> tuple[int, ...]:
    """Shape of an array of an .npz, from its header."""
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape = read(file)[0]
    if not shape:
        raise ValueError(f"{name} is a single number")
    return tuple(shape)


def is_number(cell: str | bytes) -> bool:
    """Whether a cell of a table is a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def is_heading(cells: Sequence[str | bytes], labels: Collection[str | bytes]) -> bool:
    """Whether the first row of a table names its columns: by words, or by 0, 1, 2, 3 as pandas.

    Parameters
    ----------
    cells : sequence of str or bytes
        The row, its label last.
    labels : collection of str or bytes
        Those of all other rows: no heading is one of them.
    """
    *inputs, label = cells
    if not any(map(is_number, inputs)):
        return True
    if not all(map(is_number, inputs)) or label.strip() in labels:
        return False
    is_counted = len(inputs) > 2 and [float(cell) for cell in inputs] == list(range(len(inputs)))
    if is_number(label):
        return is_counted and float(label) == len(inputs)
    return is_counted or (len(labels) > 1 and all(map(is_number, labels)))


def _csv_sizes(path: Path) -> Sizes:
    """Approximate: continuation lines of quoted cells are counted too."""
    lines, first, labels = 0, list[bytes](), set[bytes]()
    try:
        with path.open("rb") as file:
            for line in file:
                if not line.strip():
                    continue
                cells = line.strip().removeprefix(codecs.BOM_UTF8).split(b",")
                if not first:
                    first = cells
                    continue
                lines += 1
                labels.add(cells[-1].strip())
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from None
    if first and not is_heading(first, labels):
        lines += 1
        labels.add(first[-1].strip())
    if not lines:
        raise InputError(f"{path} is empty")
    numbers = {float(label) for label in labels} if all(map(is_number, labels)) else labels
    return Sizes(lines, len(first) - 1, len(numbers), True)
