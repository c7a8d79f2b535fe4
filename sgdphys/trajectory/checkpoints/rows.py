"""Rows of weights, gathered one at a time: in memory, or in a file that nobody else sees."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

_BYTES = 16 * 2**20
"""Bytes read together."""


class Rows:
    """Weights (step, parameter) that grow by a row at a time.

    Parameters
    ----------
    count : int
        Rows that there will be.
    folder : Path, optional
        Where to keep them until they are written; in memory by default. The file has no name, so
        that nothing stays behind whatever happens.
    """

    def __init__(self, count: int, folder: Path | None) -> None:
        self._count, self._folder = count, folder
        self._values: np.ndarray | None = None
        self._file: Any = None
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        self._width, self._rows = 0, 0

    def __enter__(self) -> "Rows":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def is_in_memory(self) -> bool:
        """Whether the rows are kept in memory."""
        return self._folder is None

    def append(self, row: np.ndarray) -> None:
        """Add a row; wider numbers than before widen all of them."""
        if self._rows == 0:
            self.dtype, self._width = row.dtype, row.size
            if self._folder is None:
                self._values = np.empty((self._count, row.size), row.dtype)
            else:
                self._file = tempfile.TemporaryFile(dir=self._folder)
        if row.dtype.itemsize > self.dtype.itemsize:
            self._widen(row.dtype)
        if self._values is not None:
            self._values[self._rows] = row
        else:
            self._file.write(np.ascontiguousarray(row, self.dtype).data)
        self._rows += 1

    def _widen(self, dtype: np.dtype[Any]) -> None:
        narrow, self.dtype = self.dtype, dtype
        if self._values is not None:
            self._values = self._values.astype(dtype)
            return
        old, self._file = self._file, tempfile.TemporaryFile(dir=self._folder)
        old.seek(0)
        for _ in range(self._rows):
            row = np.frombuffer(old.read(self._width * narrow.itemsize), narrow)
            self._file.write(row.astype(dtype).data)
        old.close()

    def theta(self) -> Any:
        """All rows as (step, replica, parameter); an array of Dask where they are in a file."""
        if self._values is not None:
            return self._values[:, None]
        from dask import array

        da: Any = array
        self._file.flush()
        shape = (self._count, 1, self._width)
        together = max(1, _BYTES // (self.dtype.itemsize * self._count))
        meta = np.empty((0, 0, 0), self.dtype)
        chunks = (self._count, 1, max(1, min(together, self._width)))
        return da.from_array(
            _InFile(self._file, shape, self.dtype), chunks, name=False, asarray=False, meta=meta
        )


class _InFile:
    """An open file as an array (step, 1, parameter), read by slices."""

    ndim = 3

    def __init__(self, file: Any, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> None:
        self._file, self.shape, self.dtype = file, shape, dtype

    def __getitem__(self, key: Any) -> np.ndarray:
        rows = range(self.shape[0])[key[0]]
        first, stop, step = key[2].indices(self.shape[2])
        found = np.empty((len(rows), max(stop - first, 0)), self.dtype)
        for k, row in enumerate(rows):
            at = (row * self.shape[2] + first) * self.dtype.itemsize
            data = os.pread(self._file.fileno(), found[k].nbytes, at)
            found[k] = np.frombuffer(data, self.dtype)
        return found[:, None, ::step][:, key[1]]
