"""Elementary functions of SIMD vectors: exp, log, tanh, sine and cosine.

Each is a short polynomial or rational function without branches, so that all lanes of a register
are computed together. Accuracy (tested): three units in the last place.
"""

import math

from numba.core import types
from numba.extending import overload

from sgdphys.compiling import inlined
from sgdphys.simd.operations import (
    by_dtype,
    exponent,
    fma,
    horner,
    magnitude,
    nearest_integer,
    power_of_two,
    quick_divide,
    where,
)

_LN2_HIGH = 0.693145751953125
"""ln 2 to 15 bits: its product with any exponent is exact in float32."""
_LN2_LOW = 1.428606820309417232e-06

_exp_series = horner(
    single=[1 / math.factorial(n) for n in range(8)],
    double=[1 / math.factorial(n) for n in range(14)],
)
_exp_least = by_dtype(-87.0, -708.0)
_exp_most = by_dtype(88.0, 709.0)


@inlined
def clamp(x, least, most):
    """Clamp x to two bounds; NaN passes through."""
    x = where(x < least, least, x)
    return where(x > most, most, x)


@inlined
def exp(x):
    """Exponential, argument clamped to the range of normal numbers."""
    x = clamp(x, _exp_least(x), _exp_most(x))
    k = nearest_integer(x * 1.4426950408889634)
    r = fma(k, -_LN2_HIGH, x)
    r = fma(k, -_LN2_LOW, r)
    return _exp_series(r) * power_of_two(k)


_atanh_series = horner(
    single=[2 / (2 * n + 1) for n in range(6)],
    double=[2 / (2 * n + 1) for n in range(13)],
)


@inlined
def log(x):
    """Natural logarithm of a positive normal number."""
    k = exponent(x)
    m = x * power_of_two(-k)
    upper = m > 1.4142135623730951
    m = where(upper, m * 0.5, m)
    k = where(upper, k + 1.0, k)
    s = (m - 1.0) / (m + 1.0)
    return fma(k, _LN2_HIGH, fma(k, _LN2_LOW, s * _atanh_series(s * s)))


@inlined
def log1p(u):
    """log(1 + u) for 0 <= u <= 1, accurate for small u too (Kahan)."""
    w = 1.0 + u
    lost = w - 1.0
    return where(lost > 0.0, log(w) * (u / where(lost > 0.0, lost, 1.0)), u)


# tanh(x)/x as a ratio of polynomials in x**2 on |x| < 9.02, fitted by iteratively reweighted least
# squares to equal relative errors of 2.1e-8.
_TANH_TOP = [
    0.9999999790574836,
    0.13379715951568535,
    0.003494032186727968,
    2.0583443002770294e-05,
    1.3319021108654218e-08,
]
_TANH_BOTTOM = [
    1.0,
    0.46713031203198674,
    0.02587106417284575,
    0.0003283088984392886,
    7.761998159576854e-07,
]
_tanh_top = horner(single=_TANH_TOP, double=_TANH_TOP)
_tanh_bottom = horner(single=_TANH_BOTTOM, double=_TANH_BOTTOM)


def _tanh_single(x):
    # from 9.02 on the fit rises slowly above 1; at 12 it is large enough to be clamped to exactly 1
    x = where(x > 9.02, 12.0, x)
    x = where(x < -9.02, -12.0, x)
    z = x * x
    return clamp(x * quick_divide(_tanh_top(z), _tanh_bottom(z)), -1.0, 1.0)


# Taylor coefficients of tanh(x)/x in x**2: 2**2n (2**2n - 1) B_2n / (2n)!
_TANH_TAYLOR = [
    1.0,
    -1 / 3,
    2 / 15,
    -17 / 315,
    62 / 2835,
    -1382 / 155925,
    21844 / 6081075,
    -929569 / 638512875,
    6404582 / 10854718875,
    -443861162 / 1856156927625,
    18888466084 / 194896477400625,
]
_tanh_series = horner(single=_TANH_TAYLOR, double=_TANH_TAYLOR)


def _tanh_double(x):
    far = 1.0 - 2.0 / (exp(2.0 * magnitude(x)) + 1.0)  # loses digits where tanh is small
    far = where(x < 0.0, -far, far)
    return where(magnitude(x) < 0.25, x * _tanh_series(x * x), far)


def tanh(x):
    """Hyperbolic tangent; in float32 it reaches 1 and never exceeds it."""
    raise NotImplementedError("compiled code only")


@overload(tanh, jit_options={"forceinline": True})
def _tanh(x):
    return _tanh_single if x.dtype == types.float32 else _tanh_double


_sine_series = horner(
    single=[(-1) ** n / math.factorial(2 * n + 1) for n in range(5)],
    double=[(-1) ** n / math.factorial(2 * n + 1) for n in range(9)],
)
_cosine_series = horner(
    single=[(-1) ** n / math.factorial(2 * n) for n in range(6)],
    double=[(-1) ** n / math.factorial(2 * n) for n in range(10)],
)


@inlined
def sine_and_cosine_of_turn(u):
    """Sine and cosine of 2 pi u, 0 <= u <= 1."""
    quarter = nearest_integer(4.0 * u)
    angle = (4.0 * u - quarter) * (0.5 * math.pi)
    z = angle * angle
    sine = angle * _sine_series(z)
    cosine = _cosine_series(z)
    # quarters 1 and 3 swap the two, quarters 2 and 3 change the sign
    swapped = magnitude(quarter - 2.0) - 1.0
    swaps = magnitude(swapped) < 0.5
    turned_sine = where(swaps, cosine, sine)
    turned_cosine = where(swaps, -sine, cosine)
    turns = magnitude(quarter - 2.5) < 1.0
    return where(turns, -turned_sine, turned_sine), where(turns, -turned_cosine, turned_cosine)
