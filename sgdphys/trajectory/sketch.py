"""A few hundred numbers for a large model: what keeps distances, and sums that say how it moves."""

from typing import Any

import numpy as np

from sgdphys.errors import InputError


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
    """A seeded sparse random projection of a flat tensor.

    Every value goes, with a random sign, to one of the numbers, and every number is the sum of
    what came to it: squared distances are kept on average, to a relative sqrt(2/k).

    Parameters
    ----------
    flat : tensor (parameter,)
        One like those to come.
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
        self.dimensions = largest_prime(min(dimensions, max(len(flat), 2)))
        rows = -(-len(flat) // self.dimensions)
        self._padded = flat.new_zeros(rows * self.dimensions)
        signs = np.random.default_rng(seed).integers(0, 2, len(self._padded), dtype=np.int8) * 2 - 1
        self._signs = flat.new_tensor(signs)
        self._size = len(flat)

    def of(self, flat: Any) -> Any:
        """Return the sketch (dimension,) of a flat tensor."""
        part = self._padded[: self._size]
        part.copy_(flat)
        self._padded.mul_(self._signs)
        return self._padded.view(-1, self.dimensions).sum(dim=0)


class Movement:
    """First and last value of every parameter, and the sum of its squared increments."""

    def __init__(self, flat: Any) -> None:
        self._first = flat.clone()
        self._last = flat.clone()
        self._squares = flat.new_zeros(len(flat))
        self._moved = flat.new_empty(len(flat))
        self.count = 0

    def add(self, flat: Any) -> Any:
        """Take in the next values; return the increments, overwritten by the next call."""
        moved = self._moved
        moved.copy_(flat).sub_(self._last)
        self._squares.addcmul_(moved, moved)
        self._last.copy_(flat)
        self.count += 1
        return moved

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
