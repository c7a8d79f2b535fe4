"""Data sets from scikit-learn, and from IDX, .csv and .npz files."""

import csv
from pathlib import Path

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.tasks.headers import (
    DAMAGED,
    idx_files,
    idx_header,
    is_heading,
    is_number,
    open_idx,
    require_arrays,
    require_pairs,
)
from sgdphys.tasks.labels import labelled_samples

_MISSING = ("", "nan", "na", "n/a", "nat", "none", "null", "?")
"""What a label that is missing is written as."""


def digits() -> xr.Dataset:
    """Handwritten digits of scikit-learn: 1797 images of 8 by 8 pixels, 10 classes.

    Returns
    -------
    Dataset
        x (sample, feature) from 0 to 1, y (sample), p_x, p_y_given_x; attribute ``shape`` (1, 8,
        8).

    See Also
    --------
    idx : MNIST and its relatives, from files.
    table : Any samples, from a file.

    References
    ----------
    Alpaydin and Kaynak (1998), optical recognition of handwritten digits, UCI.

    Examples
    --------
    >>> import sgdphys as sp
    >>> task = sp.tasks.digits()
    >>> dict(task["x"].sizes), int(task["y"].max())
    ({'sample': 1797, 'feature': 64}, 9)
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    return labelled_samples(data.data / 16.0, data.target, "digits", shape=[1, 8, 8])


def idx(path: str | Path) -> xr.Dataset:
    """Images and labels of IDX files, the format of MNIST and its relatives.

    Parameters
    ----------
    path : path
        A folder with one file of images and one of labels, or the file of images with that of
        labels in the same folder; gzipped or not. If a folder has a training and a test set, the
        training set is used.

    Returns
    -------
    Dataset
        x (sample, feature), bytes scaled to 0 to 1, y (sample), p_x, p_y_given_x; attribute
        ``shape``.

    Raises
    ------
    InputError
        If a file is missing or no IDX file, or the numbers of labels and images differ.

    See Also
    --------
    digits : Smaller images that come with scikit-learn.
    table : Samples from .csv or .npz.

    References
    ----------
    LeCun, Cortes and Burges, "The MNIST database of handwritten digits", for the format.

    Examples
    --------
    Two images of 2 by 2 pixels:

    >>> import tempfile, pathlib
    >>> import sgdphys as sp
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> header = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2])
    >>> _ = (folder / "images-idx3-ubyte").write_bytes(header + bytes([0, 255] * 4))
    >>> _ = (folder / "labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 0, 1]))
    >>> task = sp.tasks.idx(folder)
    >>> task["x"].values.tolist(), task["y"].values.tolist()
    ([[0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0]], [0, 1])
    """
    images, labels = idx_files(Path(path))
    x, y = _read_idx(images), _read_idx(labels)
    require_pairs(images, x.shape, labels, y.shape)
    if len(y) and (y.min() < 0 or (y != np.rint(y)).any()):
        raise InputError(f"{labels} has labels that are not whole numbers 0, 1, ...")
    scale = 255.0 if x.dtype.itemsize == 1 else 1.0
    shape = [1, *x.shape[1:]] if x.ndim == 3 else list(x.shape[1:])
    return labelled_samples(
        x.reshape(len(x), -1) / scale, y.astype(np.int64), "idx", shape=[int(n) for n in shape]
    )


def _read_idx(path: Path) -> np.ndarray:
    try:
        with open_idx(path) as file:
            kind, shape = idx_header(file)
            return np.frombuffer(file.read(), kind).reshape(shape)
    except DAMAGED as error:
        raise InputError(f"{path} is no valid IDX file ({error})") from None


def table(path: str | Path, *, standardise: bool = False) -> xr.Dataset:
    r"""Samples with labels or real targets from a .csv or .npz file.

    Parameters
    ----------
    path : path
        .csv: one sample per line, numbers, the label last, with or without a header line. .npz:
        arrays x (sample, ...) and y (sample,) of labels, or target (sample, output) of numbers.
    standardise : bool
        Give each input mean 0 and standard deviation 1 over all samples; constant inputs become 0.
        Inputs of very different scales make units die or saturate.

    Returns
    -------
    Dataset
        x (sample, feature), y and p_y_given_x, or target; p_x. Labels become 0, 1, ... in ascending
        order; the attribute ``labels`` keeps the original ones.

    Raises
    ------
    InputError
        If the file is missing, holds no numbers, or its arrays do not match.

    See Also
    --------
    idx : Images and labels in the format of MNIST.
    random_labels : Labels that are independent of the inputs.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import sgdphys as sp
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "samples.csv"
    >>> _ = path.write_text("height,width,kind\n1.0,2.0,cat\n3.0,4.0,dog\n")
    >>> task = sp.tasks.table(path)
    >>> task["x"].values.tolist(), task["y"].values.tolist(), task.attrs["labels"]
    ([[1.0, 2.0], [3.0, 4.0]], [0, 1], ['cat', 'dog'])
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    y: np.ndarray | None
    target: np.ndarray | None = None
    if path.suffix == ".csv":
        x, y = _read_csv(path)
    elif path.suffix == ".npz":
        x, y, target = _read_npz(path)
    else:
        raise InputError(f"{path} must end in .csv or .npz")
    if not x.ndim or not x.size:
        raise InputError(f"{path}: inputs have shape {x.shape}; (sample, ...) was expected")
    shape = [int(n) for n in x.shape[1:]]
    flat = np.asarray(x, np.float64).reshape(len(x), -1)
    if not np.isfinite(flat).all():
        raise InputError(f"{path}: inputs must be finite numbers; fill or leave out missing ones")
    if standardise:
        flat = _standardised(flat)
    if y is None:
        return _with_targets(path, flat, np.asarray(target, np.float64), shape)
    y = np.asarray(y).reshape(-1)
    if len(y) != len(flat):
        raise InputError(f"{path}: there are {len(y)} labels for {len(flat)} samples")
    missing = np.flatnonzero([str(label).strip().lower() in _MISSING for label in y])
    if len(missing):
        raise InputError(
            f"{path}, sample {missing[0] + 1}: the label is missing; fill it or drop the sample"
        )
    are_numbers = y.dtype.kind == "U" and all(map(is_number, y))
    _, first, whole = np.unique(
        y.astype(np.float64) if are_numbers else y, return_index=True, return_inverse=True
    )
    if 2 * len(first) > len(y) and any(_is_fraction(label) for label in y):
        raise InputError(
            f"{path}: the labels have {len(first)} values for {len(y)} samples, as numbers that "
            "are to be predicted; give those as the array target of an .npz"
        )
    return labelled_samples(
        flat, whole, "table", shape=shape, labels=[str(y[k]) for k in first], source=str(path.name)
    )


def _is_fraction(label: str) -> bool:
    """Whether a label is a number that is not whole."""
    return is_number(label) and float(label) % 1 != 0


def _standardised(x: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and standard deviation 1; those that are constant to rounding are 0."""
    scale = np.abs(x).max(axis=0)
    unit = x / np.where(scale > 0, scale, 1.0)  # squares of large numbers would overflow
    centred = unit - unit.mean(axis=0)
    spread = centred.std(axis=0)
    varies = spread > 1e-12
    return np.asarray(np.where(varies, centred / np.where(varies, spread, 1.0), 0.0))


def _read_npz(path: Path) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Inputs as float64, labels and targets; either of the last two may be missing."""
    try:
        with np.load(path, allow_pickle=False) as file:
            require_arrays(path, file.files)
            arrays = {name: file[name] for name in ("x", "y", "target") if name in file.files}
        numbers = {
            name: array.astype(np.float64, casting="same_kind")
            for name, array in arrays.items()
            if name != "y"
        }
    except InputError:
        raise
    except (*DAMAGED, TypeError) as error:
        raise InputError(f"{path} is no valid .npz of arrays of numbers ({error})") from None
    return numbers["x"], arrays.get("y"), numbers.get("target")


def _read_csv(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no valid .csv file ({error})") from None
    if not rows:
        raise InputError(f"{path} is empty")

    if is_heading(rows[0], {row[-1].strip() for row in rows[1:]}):
        rows = rows[1:]
    width = len(rows[0]) if rows else 0
    for number, row in enumerate(rows, 1):
        if len(row) != width or not all(is_number(cell) for cell in row[:-1]):
            raise InputError(
                f"{path}, sample {number}: {width - 1} numbers and a label were expected"
            )
    x = np.array([[float(cell) for cell in row[:-1]] for row in rows])
    return x, np.array([row[-1].strip() for row in rows])


def _with_targets(path: Path, x: np.ndarray, target: np.ndarray, shape: list[int]) -> xr.Dataset:
    from sgdphys.quantities import labelled

    target = target.reshape(len(target) if target.ndim else 1, -1)
    if len(target) != len(x):
        raise InputError(f"{path}: there are {len(target)} targets for {len(x)} samples")
    if not target.size or not np.isfinite(target).all():
        raise InputError(f"{path}: targets must be finite numbers, at least one for each sample")
    data = xr.Dataset(
        {
            "x": (("sample", "feature"), x),
            "target": (("sample", "output"), target),
            "p_x": ("sample", np.full(len(x), 1 / len(x))),
        },
        attrs={"task": "table", "shape": shape, "source": str(path.name)},
    )
    return labelled(data)
