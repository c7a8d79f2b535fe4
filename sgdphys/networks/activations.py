"""Activations of perceptrons with their slopes, on lanes."""

from numba import njit

from sgdphys.simd.elementary import exp, log1p, tanh
from sgdphys.simd.operations import magnitude, quick_divide, where

ACTIVATIONS = ("tanh", "relu", "sigmoid", "softplus", "softsign", "elu", "swish", "identity")
_TANH, _RELU, _SIGMOID, _SOFTPLUS, _SOFTSIGN, _ELU, _SWISH, _IDENTITY = range(len(ACTIVATIONS))


@njit(forceinline=True)
def _sigmoid(z):
    small = exp(-magnitude(z))
    upper = quick_divide(1.0 + z * 0.0, 1.0 + small)
    return where(z < 0.0, small * upper, upper)


@njit(forceinline=True)
def activate(code, z):
    """Value and slope of activation number ``code`` (its place in ``ACTIVATIONS``) at z."""
    if code == _TANH:
        a = tanh(z)
        return a, 1.0 - a * a
    if code == _RELU:
        return where(z > 0.0, z, z * 0.0), where(z > 0.0, 1.0, z * 0.0)
    if code == _SIGMOID:
        a = _sigmoid(z)
        return a, a * (1.0 - a)
    if code == _SOFTPLUS:
        return where(z > 0.0, z, z * 0.0) + log1p(exp(-magnitude(z))), _sigmoid(z)
    if code == _SOFTSIGN:
        shrunk = 1.0 / (1.0 + magnitude(z))
        return z * shrunk, shrunk * shrunk
    if code == _ELU:
        grown = exp(where(z > 0.0, z * 0.0, z))
        return where(z > 0.0, z, grown - 1.0), where(z > 0.0, 1.0, grown)
    if code == _SWISH:
        s = _sigmoid(z)
        return z * s, s * (1.0 + z * (1.0 - s))
    return z, 1.0 + z * 0.0
