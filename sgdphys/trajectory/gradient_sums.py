"""Gradients of a user's own loop summed between records, and norms of its layers.

Tensors are used through their own methods, so that nothing here imports torch.
"""

from typing import Any

import numpy as np

from sgdphys.networks import ParameterTable


class GradientSums:
    """Sums of minibatch gradients since the last record.

    Attributes
    ----------
    pending : tensor (parameter,)
        The gradient of the update that is going on, to be filled in before ``add``.
    """

    def __init__(self, pending: Any) -> None:
        self.pending = pending.zero_()
        self._sum, self._squares = pending.new_zeros(len(pending)), pending.new_zeros(len(pending))
        self._count = 0

    def add(self) -> None:
        """Add the pending gradient."""
        self._sum.add_(self.pending)
        self._squares.addcmul_(self.pending, self.pending)
        self._count += 1

    def statistics(self, ends: np.ndarray) -> dict[str, np.ndarray]:
        """Norms of mean and noise (root of the summed variance) by layer; resets the sums."""
        empty = np.full(len(ends), np.nan)
        n, self._count = self._count, 0
        if n == 0:
            return {"mean_norm": empty, "noise_norm": empty, "last_gradient_norm": empty}
        mean = (self._sum.double() / n).cpu().numpy()
        squares = self._squares.double().cpu().numpy()
        noise = empty
        if n > 1:
            variance = np.maximum(squares - n * mean**2, 0.0) / (n - 1)
            noise = np.sqrt(sums_by_layer(variance, ends))
        self._sum.zero_()
        self._squares.zero_()
        return {
            "mean_norm": np.sqrt(sums_by_layer(mean**2, ends)),
            "noise_norm": noise,
            "last_gradient_norm": norms_by_layer(self.pending, ends),
        }


def layer_ends(table: ParameterTable) -> np.ndarray:
    """Where each layer's parameters end, int64 (layer,); buffers come after all of them."""
    layers = [n for n, kind in zip(table.layers, table.kinds, strict=True) if kind != "buffer"]
    is_last = np.diff([*layers, -1]) != 0
    return table.ends[: len(layers)][is_last]


def sums_by_layer(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Sum of each stretch of an array."""
    return np.add.reduceat(values, np.concatenate([[0], ends[:-1]]))


def norms_by_layer(flat: Any, ends: np.ndarray) -> np.ndarray:
    """Norm of each stretch of a flat tensor."""
    parts = zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True)
    return np.sqrt([float(flat[a:b].dot(flat[a:b])) for a, b in parts])
