"""Perceptrons: their description, their parameters in order, and their forward pass in numpy."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from sgdphys.errors import InputError, nearest
from sgdphys.networks.activations import ACTIVATIONS
from sgdphys.networks.parameters import ParameterTable

INITIALISATIONS = ("fan_in", "fan_out", "orthogonal")


@dataclass(frozen=True)
class Perceptron:
    """A multilayer perceptron (MLP) with a linear output; a softmax belongs to the loss.

    Parameters
    ----------
    sizes : tuple of int
        Units from inputs to outputs.
    activation : str
        Of the hidden layers, one of ``ACTIVATIONS``.
    init : str
        "fan_in" or "fan_out": normal, truncated at two standard deviations, scale 1/sqrt(fan);
        "orthogonal": orthonormal rows or columns. Biases start at 0.
    noise : float
        Standard deviation of the Gaussian noise added to every hidden unit.
    bias : bool
        Whether units have biases.

    Raises
    ------
    InputError
        For an empty layer, an unknown activation or initialisation, or negative noise.
    """

    sizes: tuple[int, ...]
    activation: str = "tanh"
    init: str = "fan_in"
    noise: float = 0.0
    bias: bool = True

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise InputError(f"a network needs at least one unit in every layer, not {self.sizes}")
        for name, value, known in (
            ("activation", self.activation, ACTIVATIONS),
            ("init", self.init, INITIALISATIONS),
        ):
            if value not in known:
                raise InputError(f"unknown {name} {value!r}: {nearest(value, known)}")
        if not self.noise >= 0:
            raise InputError(f"layer noise is {self.noise}; it must be 0 or more")

    def __str__(self) -> str:
        return "-".join(map(str, self.sizes))

    @property
    def layers(self) -> int:
        """Number of layers of weights, including the output layer."""
        return len(self.sizes) - 1

    @property
    def layer_names(self) -> list[str]:
        """Names of the layers."""
        return [f"layer{n}" for n in range(1, self.layers + 1)]

    @cached_property
    def weight_at(self) -> np.ndarray:
        """First parameter of each layer's weight matrix (output, input)."""
        return self._starts[0::2]

    @cached_property
    def bias_at(self) -> np.ndarray:
        """First parameter of each layer's biases."""
        return self._starts[1::2]

    def description(self) -> dict[str, Any]:
        """Return the network as a mapping, which trajectories keep: see ``from_description``."""
        return {"kind": "perceptron", **asdict(self), "sizes": list(self.sizes)}

    @cached_property
    def _lengths(self) -> list[int]:
        pairs = zip(self.sizes[:-1], self.sizes[1:], strict=True)
        return [n for i, o in pairs for n in (i * o, o if self.bias else 0)]

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum([0, *self._lengths[:-1]])

    @cached_property
    def parameters(self) -> ParameterTable:
        """The tensors that hold the parameters, in order."""
        kinds = ("weight", "bias") * self.layers
        layers = [n for n in range(1, self.layers + 1) for _ in range(2)]
        rows = [
            (f"layer{n}.{kind}", size, kind, n)
            for n, kind, size in zip(layers, kinds, self._lengths, strict=True)
            if size
        ]
        names, sizes, of_kind, of_layer = map(tuple, zip(*rows, strict=True))
        return ParameterTable(names, sizes, of_kind, of_layer, tuple(self.layer_names))

    def initial_weights(self, rng: np.random.Generator) -> np.ndarray:
        """Draw one replica's weights, float64 (parameter,)."""
        theta = np.zeros(sum(self._lengths))
        for layer, (n_in, n_out) in enumerate(zip(self.sizes[:-1], self.sizes[1:], strict=True)):
            start = self.weight_at[layer]
            if self.init == "orthogonal":
                matrix = _orthogonal(rng, n_out, n_in)
            else:
                fan = n_in if self.init == "fan_in" else n_out
                matrix = _truncated_normal(rng, n_in * n_out) / np.sqrt(fan)
            theta[start : start + n_in * n_out] = matrix.ravel()
        return theta

    def matrices(self, theta: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the weights (..., output, input) and biases (..., output) of each layer.

        Parameters
        ----------
        theta : array (..., parameter)
        """
        found = []
        for layer, (n_in, n_out) in enumerate(zip(self.sizes[:-1], self.sizes[1:], strict=True)):
            w = theta[..., self.weight_at[layer] :][..., : n_in * n_out]
            b = theta[..., self.bias_at[layer] :][..., :n_out]
            if not self.bias:
                b = np.zeros((*theta.shape[:-1], n_out), theta.dtype)
            found.append((w.reshape(*theta.shape[:-1], n_out, n_in), b))
        return found

    def forward(
        self, theta: np.ndarray, x: np.ndarray, *, softmax: bool = False
    ) -> list[np.ndarray]:
        """Activations of every layer, without layer noise.

        Parameters
        ----------
        theta : array (..., parameter)
        x : array (sample, feature)
        softmax : bool
            Whether the output is returned after a softmax, otherwise linear.

        Returns
        -------
        list of array (..., sample, unit)
        """
        activation = ACTIVATIONS[self.activation].value
        units = [x]
        for layer, (w, b) in enumerate(self.matrices(theta), start=1):
            z = units[-1] @ np.swapaxes(w, -1, -2) + b[..., None, :]
            units.append(z if layer == self.layers else activation(z))
        if softmax:
            e = np.exp(units[-1] - units[-1].max(axis=-1, keepdims=True))
            units[-1] = e / e.sum(axis=-1, keepdims=True)
        return units[1:]


def from_description(description: str | Mapping[str, Any]) -> Perceptron:
    """Return the network that ``Perceptron.description`` described, as a mapping or as JSON.

    Raises
    ------
    InputError
        If it describes another kind of network.
    """
    options = dict(json.loads(description) if isinstance(description, str) else description)
    kind = options.pop("kind", "nothing")
    if kind != "perceptron":
        raise InputError(f"a perceptron was expected, not {kind!r}")
    return Perceptron(**{**options, "sizes": tuple(options["sizes"])})


def _truncated_normal(rng: np.random.Generator, count: int) -> np.ndarray:
    """Standard normal numbers within two standard deviations, by inversion."""
    low, high = ndtr(-2.0), ndtr(2.0)
    return ndtri(low + (high - low) * rng.random(count))


def _orthogonal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Orthonormal rows or columns, uniformly (Haar) distributed."""
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return q if rows >= columns else q.T
