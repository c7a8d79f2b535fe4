"""A few hundred numbers for a large model: what keeps distances, and sums that say how it moves."""

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from sgdphys.errors import InputError

_BLOCK = 2**18
"""Values that go through all operations together on a CPU, so that they stay in its cache."""


def largest_prime(most: int) -> int:
    """Return the largest prime that is at most so much."""
    if most < 2:
        raise InputError(f"a sketch of {most} numbers is too small; give at least 2")
    sieve = np.ones(most + 1, bool)
    sieve[:2] = False
    for k in range(2, int(most**0.5) + 1):
        sieve[k * k :: k] &= not sieve[k]
    return int(np.flatnonzero(sieve)[-1])


class Sketch:
    """A seeded sparse random projection of flat tensors, and the moments of their increments.

    Every value goes, with a random sign, to one of the numbers, and every number is the sum of
    what came to it: squared distances are kept on average, to a relative sqrt(2/k).

    Parameters
    ----------
    flat : tensor (parameter,)
        The first values.
    dimensions : int
        k at most: the largest prime is taken, so that which number a value goes to has nothing to
        do with its place in a matrix.
    seed : int

    References
    ----------
    Charikar, Chen and Farach-Colton (2004), Theor. Comput. Sci. 312, 3; Dasgupta, Kumar and Sarlos
    (2010), STOC, for distances.
    """

    def __init__(self, flat: Any, dimensions: int, seed: int) -> None:
        self._torch = sys.modules["torch"]  # whoever has a tensor has it
        self.dimensions = largest_prime(min(dimensions, max(len(flat), 2)))
        size = len(flat)
        rows = -(-size // self.dimensions)
        signs = np.random.default_rng(seed).integers(0, 2, size, dtype=np.int8) * 2 - 1
        self._signs = flat.new_tensor(signs).to(flat.dtype)
        on_cpu = str(flat.device) == "cpu"
        self._block = self.dimensions * (max(1, _BLOCK // self.dimensions) if on_cpu else rows)
        self._signed = flat.new_empty(min(self._block, rows * self.dimensions))
        self._moved = flat.new_empty(len(self._signed))
        self._ones = flat.new_ones(len(self._signed) // self.dimensions)
        self._first, self._last = flat.clone(), flat.clone()
        self._squares = flat.new_zeros(size)
        self.count = 0

    def of(self, flat: Any) -> Any:
        """Return the sketch (dimension,) of a flat tensor."""
        total = flat.new_zeros(self.dimensions)
        for first in range(0, len(flat), self._block):
            part = flat[first : first + self._block]
            self._add_part(part, self._signs[first : first + self._block], total)
        return total

    def _add_part(self, part: Any, signs: Any, total: Any) -> None:
        many = len(part)
        whole = -(-many // self.dimensions) * self.dimensions
        signed = self._signed[:whole]
        self._torch.mul(part, signs, out=signed[:many])
        signed[many:].zero_()
        rows = signed.view(-1, self.dimensions)
        total.addmv_(rows.t(), self._ones[: len(rows)])

    def follow(
        self, parts: Iterable[tuple[int, Any]], layers: int, due: bool
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Take in the values of the next step, in one pass over them.

        Parameters
        ----------
        parts : iterable of (int, tensor)
            Layer, counted from 0, and flat values of every tensor in turn.
        layers : int
        due : bool
            Whether a sketch is wanted as well.

        Returns
        -------
        (array (dimension,), array (layer,)) or None
            The sketch, and the norm of each layer.
        """
        total = self._last.new_zeros(self.dimensions)
        squares = self._last.new_zeros(layers)
        end = sketched = 0
        for layer, tensor in parts:
            for first in range(0, len(tensor), self._block):
                part = tensor[first : first + self._block]
                here = slice(end, end + len(part))
                last, moved = self._last[here], self._moved[: len(part)]
                self._torch.sub(part, last, out=moved)
                self._squares[here].addcmul_(moved, moved)
                last.copy_(part)
                end = here.stop
                if not due:
                    continue
                squares[layer] += last.dot(last)
                while end - sketched >= self._block:
                    self._add_stretch(sketched, total)
                    sketched += self._block
        self.count += 1
        if not due:
            return None
        if sketched < end:
            self._add_stretch(sketched, total)
        return total.cpu().numpy(), np.sqrt(squares.double().cpu().numpy())

    def _add_stretch(self, first: int, total: Any) -> None:
        here = slice(first, first + self._block)
        self._add_part(self._last[here], self._signs[here], total)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and unbiased variance of every parameter's increments, NaN without enough."""
        n = self.count
        whole = (self._last - self._first).double()
        if n < 1:
            empty = np.full(len(whole), np.nan)
            return empty, empty
        mean = (whole / n).cpu().numpy()
        squares = self._squares.double().cpu().numpy()
        variance = np.full(len(mean), np.nan)
        if n > 1:
            variance = np.maximum(squares - n * mean**2, 0.0) / (n - 1)
        return mean, variance
