"""Plug-in information of binned activations, in bits.

A layer is cut into equal bins, unit by unit; T is the vector of bin numbers, and the information is
that of the histogram. For an enumerated input the patterns are the population, and the value is
exact for that T; it depends on the bins, which travel with every result.
"""

from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sgdphys.compiling import compiled
from sgdphys.containers import array_of
from sgdphys.errors import InputError, nearest
from sgdphys.information.samples import samples_of
from sgdphys.quantities import labelled
from sgdphys.status import OK, SATURATED, flagged

EDGES = ("full", "idnns")
EQUAL_MASS = "equal_mass"


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
        "full": that many equal bins, the last one closed. "idnns": that many *edges*, as in the
        authors' code: one bin less, and one more for values of exactly ``high``.

    Raises
    ------
    InputError
        For fewer than 2 bins or an unknown kind of edges.
    """
    if bins < 2:
        raise InputError(f"bins is {bins}; at least 2 are needed to tell anything apart")
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
        At least as many samples as codes.
    codes : uint64 (sample,)
        Changed. Bins lie side by side in 64 bits; where those are full they are mixed, and two
        different vectors of bins then get one code with a chance of about 2**-64.

    Returns
    -------
    (int, int)
        How many values lie in the first or last bin, and how many are exactly 0.
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
            place = (np.float64(value) - low) * scale
            number = np.int64(min(max(place, 0.0), top))
            extreme += (number == 0) | (number == last)
            zeros += value == 0.0
            codes[s] = ((codes[s] << left) | (codes[s] >> right)) ^ np.uint64(number)
    return extreme, zeros


@compiled
def number_codes(codes, rows, keys, owners, stamp, numbers):
    """Number the distinct codes of some samples 0, 1, ... in order of appearance.

    Parameters
    ----------
    codes : uint64 (sample,)
    rows : int64 (member,)
        The samples that count.
    keys, owners : uint64, int64 (size,)
        A hash table, its size a power of 2 above twice the members; ``owners`` holds the stamp of
        the call that filled a slot times 2**32 plus its number, so that nothing is cleared.
    stamp : int
        Another one for every call.
    numbers : int64 (member,)
        Filled.

    Returns
    -------
    int
        How many there are.
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
        Y, and Y' that is measured beside it.
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
        Whose label each sample wears: its own, or another's for the shuffled null.
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
    """Scratch for counting the cells of up to some number of samples."""

    keys: np.ndarray
    owners: np.ndarray
    numbers: np.ndarray

    @classmethod
    def of(cls, samples: int) -> "Table":
        """Room for that many samples."""
        size = 1 << (4 * max(samples, 1) - 1).bit_length()
        return cls(
            np.zeros(size, np.uint64), np.full(size, -1, np.int64), np.zeros(samples, np.int64)
        )


def entropy_steps(most: int) -> np.ndarray:
    """What the k-th sample of a cell adds to its k log2 k, for k up to ``most``."""
    k = np.arange(most + 1, dtype=np.float64)
    return np.diff(k * np.log2(np.maximum(k, 1.0)))


def entropy_of_labels(labels: np.ndarray) -> float:
    """Plug-in entropy in bits of whole labels from 0 (member,)."""
    shares = np.bincount(labels) / max(len(labels), 1)
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum())


def binned_information(
    t: Any,
    y: Any,
    *,
    x: Any = None,
    p_y_given_x: Any = None,
    bins: int = 30,
    low: float | None = None,
    high: float | None = None,
    edges: str = "full",
) -> xr.Dataset:
    """Information of one layer's activations by equal bins.

    Parameters
    ----------
    t : array (sample, unit) or (sample,)
        Activations, in any container; further axes of a convolution are taken as units.
    y : array (sample,) or (sample, 1)
        Hard labels of any kind.
    x : array (sample, feature) or (sample,), optional
        Inputs; samples with equal inputs are one input met several times (a noisy layer may answer
        differently). Without it every sample is an input of its own.
    p_y_given_x : array (sample, label), optional
        Soft labels, used instead of ``y``.
    bins : int
    low, high : float, optional
        Range; that of the data by default.
    edges : str
        "full" or "idnns", see ``binning``; or "equal_mass": bins of each unit hold as many samples
        each, as far as ties allow, and the range is not used.

    Returns
    -------
    Dataset
        I_XT and I_TY in bits, ``occupied`` cells, ``status``; for hard labels miller_madow_I_TY,
        less the first-order bias of the plug-in; the bins in attributes.

    Raises
    ------
    InputError
        For fewer than 2 bins, activations that are not finite, or shapes that do not match.

    Notes
    -----
    I(X;T) = H(T) - H(T|X) and I(T;Y) = H(T) - H(T|Y) of the histogram; so
    0 <= I(T;Y) <= min(H(Y), H(T)) always. As bins get finer I(X;T) of a deterministic layer tends
    to log2 of the number of inputs, whatever the layer does.
    """
    given = samples_of(t, y)
    units, labels, kinds = given.units, given.labels, given.kinds
    samples = len(units)
    is_equal_mass = edges == EQUAL_MASS
    if is_equal_mass:
        units, low, high = _ranks(units), 0.0, 1.0
    low = float(units.min()) if low is None else low
    high = float(units.max()) if high is None else high
    codes = np.zeros(samples, np.uint64)
    cut = binning(low, high, bins, "full" if is_equal_mass else edges)
    add_bins(*cut, np.ascontiguousarray(units.T), codes)
    everything = np.arange(samples)
    table = Table.of(samples)
    cells = number_codes(codes, everything, table.keys, table.owners, 0, table.numbers)
    corrected = np.nan
    if p_y_given_x is None:
        entropy, about_y = _about(table.numbers, cells, labels, kinds)
        pairs = len(np.unique(table.numbers * kinds + labels))
        corrected = about_y + (cells + kinds - pairs - 1) / (2 * samples * np.log(2))
    else:
        soft = given.beside(array_of(p_y_given_x, "soft labels"), "soft labels") / samples
        if soft.ndim != 2:
            raise InputError(f"soft labels have shape {soft.shape}; (sample, label) was expected")
        entropy, about_y = weighted_information(
            table.numbers, cells, soft, everything, np.zeros((cells, soft.shape[1]))
        )
    about_x, inputs = entropy, samples
    if x is not None:
        patterns = given.beside(x, "inputs").reshape(samples, -1)
        _, which = np.unique(patterns, axis=0, return_inverse=True)
        inputs = int(which.max()) + 1
        about_x = _about(table.numbers, cells, which.reshape(-1), inputs)[1]
    return labelled(
        xr.Dataset(
            {
                "I_XT": about_x,
                "I_TY": about_y,
                "miller_madow_I_TY": corrected,
                "occupied": cells,
                "status": flagged(xr.DataArray(SATURATED if saturated(about_x, inputs) else OK)),
            },
            attrs={
                "estimator": "binned",
                "bins": bins,
                "edges": edges,
                "bin_low": low,
                "bin_high": high,
                "interval_method": "none: the value is exact for an enumerated input",
            },
        )
    )


def _ranks(units: np.ndarray) -> np.ndarray:
    """Mid-ranks of every unit (sample, unit), between 0 and 1; ties share theirs."""
    found = np.empty_like(units)
    for u in range(units.shape[1]):
        _, which, counts = np.unique(units[:, u], return_inverse=True, return_counts=True)
        found[:, u] = ((np.cumsum(counts) - 0.5 * counts) / len(units))[which.reshape(-1)]
    return found


def _about(numbers: np.ndarray, cells: int, labels: np.ndarray, kinds: int) -> tuple[float, float]:
    """H(T) and I(T;Y) of numbered cells and labels."""
    scratch = np.zeros(cells, np.uint32), np.zeros((2, cells, kinds), np.uint32)
    both = np.stack([labels, np.zeros_like(labels)])
    entropy, joint, _ = counted_information(
        numbers, cells, both, *scratch, entropy_steps(len(labels))
    )
    return entropy, max(entropy + entropy_of_labels(labels) - joint, 0.0)


def saturated(about_x: Any, inputs: int) -> Any:
    """Whether I(X;T) is at its ceiling: every input has a cell of its own."""
    return about_x >= np.log2(inputs) - 1e-9 if inputs > 1 else np.zeros_like(about_x, bool)
