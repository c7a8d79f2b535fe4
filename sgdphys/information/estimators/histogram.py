"""Counting samples in the cells of histograms: bins, cells, and plug-in entropies."""

from typing import Any, NamedTuple

import numpy as np

from sgdphys.compiling import compiled
from sgdphys.errors import InputError, nearest

EDGES = ("full", "as_published")


class Binning(NamedTuple):
    """Bin number = min(floor((a - low) scale), top), never below 0."""

    low: float
    scale: float
    top: float


def binning(low: float, high: float, bins: int, edges: str = "full") -> Binning:
    """Return the binning of a range.

    Parameters
    ----------
    low, high : float
    bins : int
        Number of bins, at least 2.
    edges : str
        "full": that many equal bins, the last one closed. "as_published": that many *edges*, as in
        the authors' code: one bin fewer, plus one for values of exactly ``high``.

    Raises
    ------
    InputError
        For fewer than 2 bins or an unknown kind of edges.
    """
    if not isinstance(bins, int | np.integer) or bins < 2:
        raise InputError(f"bins is {bins!r}; it must be a whole number of at least 2")
    if edges not in EDGES:
        raise InputError(f"edges is {edges!r}; {nearest(edges, EDGES)}")
    width = high - low
    equal = bins if edges == "full" else bins - 1
    return Binning(low, equal / width if width > 0 else 0.0, bins - 1.0)


@compiled
def add_bins(low, scale, top, units, codes):
    """Fold the bins of some units into each sample's code.

    Parameters
    ----------
    low, scale, top : float
        The binning.
    units : (unit, sample)
        With at least as many samples as codes.
    codes : uint64 (sample,)
        Updated. Bin numbers are packed into 64 bits; when these are full they are hashed, and two
        different vectors of bins then get the same code with a probability of about 2**-64.

    Returns
    -------
    (int, int)
        Numbers of values in the first or last bin, and of values that are exactly 0.
    """
    extreme = 0
    zeros = 0
    last = np.int64(top)
    bits = 1
    while last >> bits:
        bits += 1
    left, right = np.uint64(bits), np.uint64(64 - bits)
    together = 64 // bits
    for u in range(units.shape[0]):
        if u and u % together == 0:
            for s in range(codes.shape[0]):
                mixed = codes[s] * np.uint64(0x9E3779B97F4A7C15)
                codes[s] = mixed ^ (mixed >> np.uint64(32))
        for s in range(codes.shape[0]):
            value = units[u, s]
            position = (np.float64(value) - low) * scale
            number = np.int64(min(max(position, 0.0), top))
            extreme += (number == 0) | (number == last)
            zeros += value == 0.0
            codes[s] = ((codes[s] << left) | (codes[s] >> right)) ^ np.uint64(number)
    return extreme, zeros


@compiled
def number_codes(codes, rows, keys, owners, stamp, numbers):
    """Number the distinct codes of given samples 0, 1, ... in order of appearance.

    Parameters
    ----------
    codes : uint64 (sample,)
    rows : int64 (member,)
        The samples that count.
    keys, owners : uint64, int64 (size,)
        A hash table, its size a power of 2 above twice the members; ``owners`` holds the stamp of
        the call that filled a slot times 2**32 plus its number, so that nothing is cleared.
    stamp : int
        Different for every call.
    numbers : int64 (member,)
        Filled.

    Returns
    -------
    int
        Number of distinct codes.
    """
    mask = np.uint64(keys.shape[0] - 1)
    high = 64  # the highest bits of a product depend on all bits of the code
    while keys.shape[0] >> (64 - high) > 1:
        high -= 1
    shift = np.uint64(high)
    found = 0
    for m in range(rows.shape[0]):
        code = codes[rows[m]]
        slot = (code * np.uint64(0xD6E8FEB86659FD93)) >> shift
        while True:
            owner = owners[slot]
            if owner >> 32 != stamp:
                keys[slot] = code
                owners[slot] = (stamp << 32) | found
                numbers[m] = found
                found += 1
                break
            if keys[slot] == code:
                numbers[m] = owner & 0xFFFFFFFF
                break
            slot = (slot + np.uint64(1)) & mask
    return found


@compiled
def counted_information(numbers, count, labels, cells, joint, steps):
    """Plug-in H(T), H(T, Y) and H(T, Y') in bits of equally weighted samples.

    Parameters
    ----------
    numbers : int64 (member,)
        Cell of T of each sample.
    count : int
        Cells.
    labels : int64 (2, member)
        Y, and permuted labels Y'.
    cells : uint32 (cell,)
        Scratch.
    joint : uint32 (2, cell, label)
        Scratch.
    steps : float64
        ``entropy_steps`` for the number of samples.

    Notes
    -----
    With n_t samples in cell t, H(T) = log2 n - sum n_t log2 n_t / n, summed sample by sample.
    """
    samples = numbers.shape[0]
    kinds = np.uint64(joint.shape[2])
    first, second = joint[0].reshape(-1), joint[1].reshape(-1)
    for t in range(count):
        cells[t] = 0
    for k in range(count * joint.shape[2]):
        first[k] = 0
        second[k] = 0
    over_t = 0.0
    over_both = 0.0
    over_other = 0.0
    for m in range(samples):
        # unsigned: numba counts negative indices from the end, which costs as much as the rest
        cell = np.uint64(numbers[m])
        both = cell * kinds + np.uint64(labels[0, m])
        other = cell * kinds + np.uint64(labels[1, m])
        n_t, n_both, n_other = cells[cell], first[both], second[other]
        over_t += steps[n_t]
        over_both += steps[n_both]
        over_other += steps[n_other]
        cells[cell] = n_t + np.uint32(1)
        first[both] = n_both + np.uint32(1)
        second[other] = n_other + np.uint32(1)
    most = np.log2(samples)
    return most - over_t / samples, most - over_both / samples, most - over_other / samples


@compiled
def weighted_information(numbers, count, weights, order, joint):
    """Plug-in H(T) and I(T;Y) in bits of samples with soft labels.

    Parameters
    ----------
    numbers, count
        As in ``counted_information``.
    weights : float64 (member, label)
        p(x) p(y|x), summing to 1.
    order : int64 (member,)
        Index of the sample whose label each sample gets: its own, or a permutation for the null.
    joint : float64 (cell, label)
        Scratch.
    """
    kinds = joint.shape[1]
    for t in range(count):
        for y in range(kinds):
            joint[t, y] = 0.0
    for m in range(numbers.shape[0]):
        for y in range(kinds):
            joint[numbers[m], y] += weights[order[m], y]
    entropy = 0.0
    information = 0.0
    for t in range(count):
        p = 0.0
        for y in range(kinds):
            p += joint[t, y]
        if p > 0.0:
            entropy -= p * np.log2(p)
            for y in range(kinds):
                if joint[t, y] > 0.0:
                    information += joint[t, y] * np.log2(joint[t, y] / p)
    for y in range(kinds):
        p = 0.0
        for t in range(count):
            p += joint[t, y]
        if p > 0.0:
            information -= p * np.log2(p)
    return entropy, max(information, 0.0)


class Table(NamedTuple):
    """Scratch for counting the cells of up to a given number of samples."""

    keys: np.ndarray
    owners: np.ndarray
    numbers: np.ndarray

    @classmethod
    def of(cls, samples: int) -> "Table":
        """Allocate a table for up to ``samples`` samples."""
        size = 1 << (4 * max(samples, 1) - 1).bit_length()
        return cls(
            np.zeros(size, np.uint64), np.full(size, -1, np.int64), np.zeros(samples, np.int64)
        )


def entropy_steps(most: int) -> np.ndarray:
    """Increments k log2 k - (k - 1) log2 (k - 1) of the k-th sample of a cell, k up to ``most``."""
    k = np.arange(most + 1, dtype=np.float64)
    return np.diff(k * np.log2(np.maximum(k, 1.0)))


def entropy_of_labels(labels: np.ndarray) -> float:
    """Plug-in entropy in bits of whole labels from 0 (member,)."""
    shares = np.bincount(labels) / max(len(labels), 1)
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum())


def saturated(about_x: Any, inputs: int) -> Any:
    """Whether I(X;T) is at its maximum: every input has a cell of its own."""
    return about_x >= np.log2(inputs) - 1e-9 if inputs > 1 else np.zeros_like(about_x, bool)
