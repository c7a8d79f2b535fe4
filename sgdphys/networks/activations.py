"""Activation functions of perceptrons: one row of ``ACTIVATIONS`` each, below its SIMD kernel.

To add one, write its kernel, which returns value and slope of SIMD vectors, and its row here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sgdphys.compiling import inlined
from sgdphys.simd.elementary import exp, log1p, tanh
from sgdphys.simd.operations import magnitude, quick_divide, where

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Activation:
    """Properties of an activation function f.

    Attributes
    ----------
    value : callable
        f(z) in numpy, elementwise.
    lanes : callable
        Maps a SIMD vector z to f(z) and the slope f'(z).
    torch : str
        Name of f below ``torch``, which is not imported here.
    range : (float, float)
        Range of values, which histograms divide into bins. At an infinite end histograms use the
        extreme of the data instead.
    inverse : callable, optional
        f^-1; None if f is not monotone.
    is_odd : bool
        Whether f(-z) = -f(z).
    is_homogeneous : bool
        Whether f(c z) = c f(z) for c > 0.
    """

    value: Function
    lanes: Any
    torch: str
    range: tuple[float, float] = (-np.inf, np.inf)
    inverse: Function | None = None
    is_odd: bool = False
    is_homogeneous: bool = False

    @property
    def is_bounded(self) -> bool:
        """Whether both ends of the range are finite."""
        return bool(np.isfinite(self.range).all())


ACTIVATIONS: dict[str, Activation] = {}
"""Every activation by its name in a study; kernels use its index."""


@inlined
def _tanh(z):
    a = tanh(z)
    return a, 1.0 - a * a


ACTIVATIONS["tanh"] = Activation(
    np.tanh, _tanh, "tanh", range=(-1.0, 1.0), inverse=np.arctanh, is_odd=True
)


@inlined
def _relu(z):
    return where(z > 0.0, z, z * 0.0), where(z > 0.0, 1.0, z * 0.0)


ACTIVATIONS["relu"] = Activation(
    lambda z: np.maximum(z, 0), _relu, "relu", range=(0.0, np.inf), inverse=lambda a: a,
    is_homogeneous=True,
)  # fmt: skip


@inlined
def _logistic(z):
    small = exp(-magnitude(z))
    upper = quick_divide(1.0 + z * 0.0, 1.0 + small)
    return where(z < 0.0, small * upper, upper)


@inlined
def _sigmoid(z):
    a = _logistic(z)
    return a, a * (1.0 - a)


def logistic(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)), without overflow."""
    return np.exp(-np.logaddexp(-z, 0))


ACTIVATIONS["sigmoid"] = Activation(
    logistic, _sigmoid, "sigmoid", range=(0.0, 1.0), inverse=lambda a: np.log(a / (1 - a))
)


@inlined
def _softplus(z):
    return where(z > 0.0, z, z * 0.0) + log1p(exp(-magnitude(z))), _logistic(z)


ACTIVATIONS["softplus"] = Activation(
    lambda z: np.logaddexp(z, 0), _softplus, "nn.functional.softplus", range=(0.0, np.inf),
    inverse=lambda a: a + np.log(-np.expm1(-a)),
)  # fmt: skip


@inlined
def _softsign(z):
    shrunk = 1.0 / (1.0 + magnitude(z))
    return z * shrunk, shrunk * shrunk


ACTIVATIONS["softsign"] = Activation(
    lambda z: z / (1 + np.abs(z)), _softsign, "nn.functional.softsign", range=(-1.0, 1.0),
    inverse=lambda a: a / (1 - np.abs(a)), is_odd=True,
)  # fmt: skip


@inlined
def _elu(z):
    grown = exp(where(z > 0.0, z * 0.0, z))
    return where(z > 0.0, z, grown - 1.0), where(z > 0.0, 1.0, grown)


ACTIVATIONS["elu"] = Activation(
    lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))), _elu, "nn.functional.elu",
    range=(-1.0, np.inf),
    inverse=lambda a: np.where(a > 0, a, np.log1p(np.minimum(a, 0.0))),
)  # fmt: skip


@inlined
def _swish(z):
    s = _logistic(z)
    return z * s, s * (1.0 + z * (1.0 - s))


ACTIVATIONS["swish"] = Activation(lambda z: z * logistic(z), _swish, "nn.functional.silu")


@inlined
def _identity(z):
    return z, 1.0 + z * 0.0


ACTIVATIONS["identity"] = Activation(
    lambda z: z, _identity, "positive", inverse=lambda a: a, is_odd=True, is_homogeneous=True
)


def code_of(name: str) -> int:
    """Index of an activation in ``ACTIVATIONS``, the code that ``activate`` takes."""
    return list(ACTIVATIONS).index(name)


def _chosen_by_code(kernels: list[Any], first: int = 0) -> Any:
    """A kernel of (code, z) that calls the kernel whose index is the code."""
    kernel, *others = kernels
    if not others:
        return inlined(lambda code, z: kernel(z))
    rest = _chosen_by_code(others, first + 1)

    @inlined
    def chosen(code, z):
        if code == first:
            return kernel(z)
        return rest(code, z)

    return chosen


activate = _chosen_by_code([row.lanes for row in ACTIVATIONS.values()])
"""``activate(code, z)``: value and slope of the activation with a code at the SIMD vector z."""
