"""Elementary functions on lanes against numpy in long double."""

import numba
import numpy as np
import pytest

from sgdphys.simd import elementary
from sgdphys.simd.operations import load_block, store
from sgdphys.simd.vectors import SAMPLES, lanes


def applied(function, x):
    @numba.njit
    def kernel(x, out, block):
        for at in range(0, x.shape[0], block):
            store(out, at, function(load_block(x, at)))

    out = np.empty_like(x)
    kernel(x, out, SAMPLES * lanes(x.dtype))
    return out


@numba.njit
def tanh(x):
    return elementary.tanh(x)


@numba.njit
def sine(u):
    return elementary.sine_and_cosine_of_turn(u)[0]


@numba.njit
def cosine(u):
    return elementary.sine_and_cosine_of_turn(u)[1]


TURN = 2 * np.longdouble("3.14159265358979323846264338327950288")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("function", "exact", "low", "high"),
    [
        (elementary.exp, np.exp, -80, 80),
        (elementary.log, np.log, 1e-6, 50),
        (elementary.log1p, np.log1p, 0, 1),
        (tanh, np.tanh, -10, 10),
        (sine, lambda u: np.sin(TURN * u), 0, 1),
        (cosine, lambda u: np.cos(TURN * u), 0, 1),
    ],
    ids=["exp", "log", "log1p", "tanh", "sine", "cosine"],
)
def test_three_units_in_the_last_place(function, exact, low, high, dtype):
    x = np.linspace(low, high, 64 * 2000).astype(dtype)
    wanted = exact(x.astype(np.longdouble))
    # near a zero of log or sine only the absolute error can be small
    size = np.abs(wanted) if exact in (np.exp, np.log1p, np.tanh) else 1.0
    error = np.abs(applied(function, x) - wanted)
    assert (error <= 3 * np.finfo(dtype).eps * size).all()


def test_float32_tanh_reaches_one_and_never_passes_it():
    x = np.linspace(8, 12, 64 * 4000).astype(np.float32)
    y = applied(tanh, x)
    assert (y <= 1).all()
    assert (y[x > 9.1] == 1).all()
    ends = np.resize(np.float32([np.inf, -np.inf, 1e30, np.nan]), 64)
    assert applied(tanh, ends)[:3].tolist() == [1, -1, 1]
    assert np.isnan(applied(tanh, ends)[3])


def test_exp_of_not_a_number_stays_so():
    x = np.full(64, np.nan, np.float32)
    assert np.isnan(applied(elementary.exp, x)).all()
