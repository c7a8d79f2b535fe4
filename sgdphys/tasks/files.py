"""Data sets that come with a library, or from files of the user's."""

import csv
from pathlib import Path

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.tasks.headers import (
    DAMAGED,
    idx_files,
    idx_header,
    open_idx,
    require_arrays,
    require_pairs,
)
from sgdphys.tasks.labels import labelled_samples


def digits() -> xr.Dataset:
    """Return scikit-learn's 1797 scanned digits of 8 by 8 pixels, from 0 to 1.

    Returns
    -------
    Dataset
        x (sample, feature), y (sample), p_x, p_y_given_x; attribute ``shape`` (1, 8, 8).

    References
    ----------
    Alpaydin and Kaynak (1998), optical recognition of handwritten digits, UCI.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    return labelled_samples(data.data / 16.0, data.target, "digits", shape=[1, 8, 8])


def idx(path: str | Path) -> xr.Dataset:
    """Return images and labels of IDX files, as MNIST and its relatives have them.

    Parameters
    ----------
    path : path
        A folder with one file of images and one of labels, or the file of images with that of
        labels beside it; gzipped or not. Where a folder has a training and a test set, the
        training set is taken.

    Returns
    -------
    Dataset
        x (sample, feature) from 0 to 1, y (sample), p_x, p_y_given_x; attribute ``shape``.

    Raises
    ------
    InputError
        When a file is not there or no IDX file, or labels and images are not equally many.
    """
    images, labels = idx_files(Path(path))
    x, y = _read_idx(images), _read_idx(labels)
    require_pairs(images, x.shape, labels, y.shape)
    if len(y) and (y.min() < 0 or (y != np.rint(y)).any()):
        raise InputError(f"{labels} holds numbers that are no labels 0, 1, ...")
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
        raise InputError(f"{path} is no sound IDX file ({error})") from None


def table(path: str | Path) -> xr.Dataset:
    """Return samples of a table of the user's.

    Parameters
    ----------
    path : path
        .csv: one sample a line, numbers, the label last, with or without a line of names. .npz:
        arrays x (sample, ...) and y (sample,) of labels, or target (sample, output) of numbers.

    Returns
    -------
    Dataset
        x (sample, feature), y and p_y_given_x or target, p_x. Labels become 0, 1, ... in ascending
        order; the attribute ``labels`` keeps what they were.

    Raises
    ------
    InputError
        When the file is not there, not numbers, or its arrays do not fit.
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
    if y is None:
        return _with_targets(path, flat, np.asarray(target, np.float64), shape)
    y = np.asarray(y).reshape(-1)
    if len(y) != len(flat):
        raise InputError(f"{path}: there are {len(y)} labels for {len(flat)} samples")
    names, whole = np.unique(y, return_inverse=True)
    return labelled_samples(
        flat, whole, "table", shape=shape, labels=[str(n) for n in names], source=str(path.name)
    )


def _read_npz(path: Path) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Inputs as float64, labels and targets; one of the last two may be missing."""
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
        raise InputError(f"{path} is no sound .npz of arrays of numbers ({error})") from None
    return numbers["x"], arrays.get("y"), numbers.get("target")


def _read_csv(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no table of text ({error})") from None
    if not rows:
        raise InputError(f"{path} is empty")

    def is_number(text: str) -> bool:
        try:
            float(text)
        except ValueError:
            return False
        return True

    if not all(is_number(cell) for cell in rows[0][:-1]):
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
