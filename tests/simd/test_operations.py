"""Reads and writes of lanes against numpy."""

import numba
import numpy as np
import pytest

from sgdphys.engines.perceptron import read_rows
from sgdphys.simd.vectors import SAMPLES, lanes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [1, 3, 4, 5, 8, 9, 12])
def test_rows_of_a_table_become_columns_of_lanes(columns, dtype):
    @numba.njit
    def kernel(table, columns, rows, out):
        read_rows(table, columns, rows, out)

    rng = np.random.default_rng(columns)
    block = SAMPLES * lanes(dtype)
    table = rng.standard_normal((50, columns)).astype(dtype)
    rows = rng.integers(0, len(table), block).astype(np.int32)
    rows[0], rows[-1] = 0, len(table) - 1  # the first and the last row, which end the memory
    out = np.full(columns * block + 1, np.nan, dtype)
    kernel(table.reshape(-1), columns, rows, out)
    np.testing.assert_array_equal(out[:-1].reshape(columns, block), table[rows].T)
    assert np.isnan(out[-1])
