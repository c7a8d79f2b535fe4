"""Sketch of a large model: a projection that preserves distances, and sums over increments."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
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
    folder : Path
        Where the first values are kept until the end.

    Attributes
    ----------
    last : tensor (parameter,)
        The values of the last step; ``flat`` itself, which is the sketch's from now on.

    References
    ----------
    Charikar, Chen and Farach-Colton (2004), Theor. Comput. Sci. 312, 3; Dasgupta, Kumar and Sarlos
    (2010), STOC, for distances.
    """

    def __init__(self, flat: Any, dimensions: int, seed: int, folder: Path) -> None:
        self._torch = sys.modules["torch"]  # whoever has a tensor has it
        self.dimensions = largest_prime(min(dimensions, max(len(flat), 2)))
        size = len(flat)
        rows = -(-size // self.dimensions)
        self._signs = flat.new_empty(size, dtype=self._torch.int8)
        rng = np.random.default_rng(seed)
        for first in range(0, size, _BLOCK):
            drawn = rng.integers(0, 2, min(_BLOCK, size - first), dtype=np.int8) * 2 - 1
            self._signs[first : first + _BLOCK] = flat.new_tensor(drawn, dtype=self._torch.int8)
        on_cpu = str(flat.device) == "cpu"
        self._block = self.dimensions * (max(1, _BLOCK // self.dimensions) if on_cpu else rows)
        self._signed = flat.new_empty(min(self._block, rows * self.dimensions))
        self._moved = flat.new_empty(len(self._signed))
        self._ones = flat.new_ones(len(self._signed) // self.dimensions)
        self.last = flat
        self._kept = folder / f"first-{len(list(folder.glob('first-*')))}.values"
        with self._kept.open("wb") as file:
            for first in range(0, size, _BLOCK):
                file.write(flat[first : first + _BLOCK].cpu().numpy().tobytes())
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
        total = self.last.new_zeros(self.dimensions)
        squares = self.last.new_zeros(layers)
        end = sketched = 0
        for layer, tensor in parts:
            for first in range(0, len(tensor), self._block):
                part = tensor[first : first + self._block]
                here = slice(end, end + len(part))
                last, moved = self.last[here], self._moved[: len(part)]
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
        self._add_part(self.last[here], self._signs[here], total)

    def moments(self) -> tuple["Moment", "Moment"]:
        """Mean and unbiased variance of every parameter's increments, NaN without enough."""
        return Moment(self._mean, len(self.last)), Moment(self._variance, len(self.last))

    def _mean(self, at: slice) -> np.ndarray:
        last = self.last[at].double().cpu().numpy()
        dtype = np.float64 if self.last.element_size() == 8 else np.float32
        first = np.fromfile(
            self._kept, dtype, len(last), offset=at.start * self.last.element_size()
        )
        return np.asarray((last - first) / self.count if self.count else np.full(len(last), np.nan))

    def _variance(self, at: slice) -> np.ndarray:
        mean, n = self._mean(at), self.count
        if n < 2:
            return np.full(len(mean), np.nan)
        squares = self._squares[at].double().cpu().numpy()
        return np.asarray(np.maximum(squares - n * mean**2, 0.0) / (n - 1))


class Moment:
    """A moment of every parameter's increments, (1, parameter), computed when it is asked for."""

    def __init__(self, of: Callable[[slice], np.ndarray], size: int) -> None:
        self._of, self.shape, self.dtype, self.ndim = of, (1, size), np.dtype(np.float64), 2

    def __getitem__(self, key: Any) -> np.ndarray:
        first, last, _ = key[1].indices(self.shape[1])
        return self._of(slice(first, last))[None]
