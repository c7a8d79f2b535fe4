"""Gradients of a user's own loop summed between records, and norms of its layers.

Tensors are used through their own methods, so that nothing here imports torch.
"""

from typing import Any

import numpy as np

from sgdphys.networks import ParameterTable

_BLOCK = 2**20
"""Gradients that are summed together in double precision."""


class GradientSums:
    """Sums of minibatch gradients since the last record.

    Attributes
    ----------
    pending : tensor (parameter,)
        The gradient of the update that is going on, to be filled in before ``add``.
    """

    def __init__(self, pending: Any) -> None:
        self.pending = pending.zero_()
        self._mean, self._squares = pending.new_zeros(len(pending)), pending.new_zeros(len(pending))
        self._count = 0

    def add(self) -> None:
        """Add the pending gradient."""
        self._count += 1
        for start in range(0, len(self.pending), _BLOCK):
            here = slice(start, start + _BLOCK)
            beside = self.pending[here] - self._mean[here]
            self._mean[here].add_(beside, alpha=1 / self._count)
            self._squares[here].addcmul_(beside, beside, value=1 - 1 / self._count)

    def statistics(self, ends: np.ndarray) -> dict[str, np.ndarray]:
        """Norms of mean and noise (root of the summed variance) by layer; resets the sums."""
        empty = np.full(len(ends), np.nan)
        n, self._count = self._count, 0
        if n == 0:
            return {"mean_norm": empty, "noise_norm": empty, "last_gradient_norm": empty}
        means, noise = np.zeros(len(ends)), np.zeros(len(ends))
        for layer, (first, end) in enumerate(stretches(ends)):
            for start in range(first, end, _BLOCK):  # no copies in double precision of all
                here = slice(start, min(start + _BLOCK, end))
                means[layer] += float(self._mean[here].double().square_().sum())
                noise[layer] += float(self._squares[here].double().sum())
        self._mean.zero_()
        self._squares.zero_()
        return {
            "mean_norm": np.sqrt(means),
            "noise_norm": np.sqrt(noise / (n - 1)) if n > 1 else empty,
            "last_gradient_norm": norms_by_layer(self.pending, ends),
        }


def layer_ends(table: ParameterTable) -> np.ndarray:
    """Where each layer's parameters end, int64 (layer,); buffers come after all of them."""
    layers = [n for n, kind in zip(table.layers, table.kinds, strict=True) if kind != "buffer"]
    is_last = np.diff([*layers, -1]) != 0
    return table.ends[: len(layers)][is_last]


def stretches(ends: np.ndarray) -> list[tuple[int, int]]:
    """First place of each layer, and the one after its last."""
    return list(zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True))


def norms_by_layer(flat: Any, ends: np.ndarray) -> np.ndarray:
    """Norm of each stretch of a flat tensor."""
    return np.sqrt([float(flat[a:b].dot(flat[a:b])) for a, b in stretches(ends)])
