"""The tensors of a network whose entries, in order, are its flat vector of parameters."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ParameterTable:
    """The tensors whose entries, in order, are a flat vector of parameters; one row per tensor.

    Attributes
    ----------
    names : tuple of str
    sizes : tuple of int
        Entries of each tensor.
    kinds : tuple of str
        "weight", "bias" or "buffer".
    layers : tuple of int
        1 to L, L the output.
    layer_names : tuple of str
        Of layers 1 to L.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    kinds: tuple[str, ...]
    layers: tuple[int, ...]
    layer_names: tuple[str, ...]

    @cached_property
    def ends(self) -> np.ndarray:
        """End of each tensor's entries in the flat vector, int64 (tensor,)."""
        return np.cumsum(self.sizes, dtype=np.int64)

    @property
    def count(self) -> int:
        """Number of parameters."""
        return int(self.ends[-1]) if self.sizes else 0

    @property
    def layer(self) -> np.ndarray:
        """Layer of every parameter, int64 (parameter,)."""
        return np.repeat(np.array(self.layers, np.int64), self.sizes)

    @property
    def kind(self) -> np.ndarray:
        """Kind of every parameter, str (parameter,)."""
        return np.repeat(self.kinds, self.sizes)

    @property
    def parameter_name(self) -> np.ndarray:
        """Name of every parameter's tensor, str (parameter,)."""
        return np.repeat(self.names, self.sizes)

    @property
    def entry(self) -> np.ndarray:
        """Flat index of every parameter in its tensor, int64 (parameter,)."""
        return self.places(slice(None))[1]

    def places(self, at: Any) -> tuple[Any, Any]:
        """Tensor of given parameters, counted from 0, and their entries in it.

        Parameters
        ----------
        at : slice, int, or array of int
        """
        if isinstance(at, slice):
            at = np.arange(*at.indices(self.count))
        tensor = np.searchsorted(self.ends, at, side="right")
        return tensor, at - (self.ends - np.array(self.sizes))[tensor]

    def by_tensor(self, name: str, dtype: Any) -> np.ndarray:
        """Values of a parameter's coordinate, (tensor,)."""
        columns = {
            "layer": self.layers,
            "kind": self.kinds,
            "parameter_name": self.names,
            "layer_name": [self.layer_names[n - 1] for n in self.layers],
        }
        return np.array(columns[name], dtype)
