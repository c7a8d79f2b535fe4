"""Bounds on the information of a noisy layer from pairwise distances, in bits."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys import parallel
from sgdphys.compiling import compiled
from sgdphys.errors import InputError
from sgdphys.information.samples import label_array, samples_of, whole_labels
from sgdphys.quantities import labelled
from sgdphys.simd.elementary import exp
from sgdphys.simd.operations import fma, load_block, store
from sgdphys.simd.vectors import SAMPLES, lanes
from sgdphys.status import CONSTANT_LAYER, OK, SATURATED, flagged

WIDTH = SAMPLES * lanes("float32")
"""Pairs that are processed together."""
_SATURATED_WITHIN = 1e-6
"""Bits below log2 n at which every sample counts as alone."""
_FULL = 4
"""Minimum number of blocks of a class for which its padding is negligible."""
_LARGEST = 1e18
"""Largest half range, in standard deviations of the noise, whose square is finite in float32."""
_FINE = 2.0**19
"""Distance, in twice the noise's deviation, up to which float32 tells a sixteenth of it."""
_AT_ONCE = 2**20
"""Distances that are held together."""
_FAR = 1e4
"""Least distance of the padding from all samples."""


@compiled
def _sums(t, rows, edges, scratch, out):
    """Sums of exp(-d**2/4) and exp(-d**2) over the samples of every class.

    Parameters
    ----------
    t : float32 (unit, sample)
        Activations over twice the noise's standard deviation, by class, each class padded to
        whole blocks.
    rows : int64 (member,)
        Samples whose neighbours are summed.
    edges : int64 (class + 1,)
        Where classes begin.
    scratch : float32 (2, WIDTH)
    out : float64 (member, class, 2)
        Filled.
    """
    units, columns = t.shape
    flat = t.reshape(-1)
    registers = scratch.reshape(-1)
    for m in range(rows.shape[0]):
        i = rows[m]
        for c in range(edges.shape[0] - 1):
            wide = load_block(flat, 0) * np.float32(0.0)
            narrow = wide
            for j in range(edges[c], edges[c + 1], WIDTH):
                d = wide * np.float32(0.0)
                for u in range(units):
                    difference = load_block(flat, u * columns + j) - flat[u * columns + i]
                    d = fma(difference, difference, d)
                d = d * np.float32(0.25)
                near = exp(d * np.float32(-1.0))
                wide = wide + near
                near = near * near
                narrow = narrow + near * near
            store(registers, 0, wide)
            store(registers, WIDTH, narrow)
            for k in range(2):
                total = 0.0
                for w in range(WIDTH):
                    total += scratch[k, w]
                out[m, c, k] = total


def _kernel_sums(t: np.ndarray, labels: np.ndarray, kinds: int, scale: float) -> np.ndarray:
    """Sums (sample, class, 2) for activations (sample, unit), in the order given."""
    # about the median, so that a single far sample costs the others no digits
    in_double = (t - np.median(t, axis=0)) / scale
    groups = [np.flatnonzero(labels == k) for k in range(kinds)]
    if np.abs(in_double).max() > _FINE:
        return _sums_in_double(in_double, groups)
    scaled = in_double.astype(np.float32)
    sizes = [-(-len(g) // WIDTH) * WIDTH for g in groups]
    edges = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    packed = np.zeros((t.shape[1], int(edges[-1])), np.float32)
    packed[0] = 2 * np.abs(scaled[:, 0]).max() + _FAR  # padding: far from all samples
    position = np.empty(len(t), np.int64)
    for first, group in zip(edges, groups, strict=False):
        packed[:, first : first + len(group)] = scaled[group].T
        position[group] = first + np.arange(len(group))
    out = np.empty((len(t), kinds, 2))
    parts = np.array_split(np.arange(len(t)), parallel.threads() * 4)

    def work(part: np.ndarray) -> None:
        found = np.empty((len(part), kinds, 2))
        _sums(packed, position[part], edges, np.empty((2, WIDTH), np.float32), found)
        out[part] = found

    parallel.map(work, [p for p in parts if len(p)])
    return out


def _sums_in_double(t: np.ndarray, groups: list[np.ndarray]) -> np.ndarray:
    """Sums (sample, class, 2) in float64, of samples too far apart for float32."""
    out = np.empty((len(t), len(groups), 2))
    together = max(1, _AT_ONCE // max(len(t), 1))

    def work(first: int) -> None:
        rows = slice(first, first + together)
        distance = np.zeros((len(t[rows]), len(t)))
        for unit in t.T:
            distance += (unit[rows, None] - unit) ** 2
        for c, group in enumerate(groups):
            for k, near in enumerate((0.25, 1.0)):
                out[rows, c, k] = np.exp(-near * distance[:, group]).sum(axis=1)

    parallel.map(work, range(0, len(t), together))
    return out


def _sums_by_label(
    t: np.ndarray, labellings: list[np.ndarray], kinds: int, scale: float
) -> list[np.ndarray]:
    """Sums (sample, label, 2) for each labelling."""
    n, several = len(t), len(labellings)
    if n < _FULL * WIDTH * kinds**several:
        return [_kernel_sums(t, labels, kinds, scale) for labels in labellings]
    # over samples with equal labels in every labelling, so that distances are computed once
    alike = np.ravel_multi_index(labellings, (kinds,) * several)
    sums = _kernel_sums(t, alike, kinds**several, scale).reshape(n, *(kinds,) * several, 2)
    others = [tuple(1 + j for j in range(several) if j != k) for k in range(several)]
    return [sums.sum(axis=axes) for axes in others]


def kde_information(
    t: Any, y: Any, *, shuffled: Any = None, noise_variance: float = 1e-3
) -> xr.Dataset:
    """Kernel density (KDE) bounds on the mutual information of a layer with added Gaussian noise.

    Parameters
    ----------
    t : array (sample, unit) or (sample,)
        Activations without the noise, one for each equally likely input.
    y : array (sample,) or (sample, 1)
        Hard labels.
    shuffled : array (sample,), optional
        The same labels randomly permuted, for the null.
    noise_variance : float
        Variance s**2 of the noise added to every unit; recorded with the result.

    Returns
    -------
    Dataset
        I_XT and I_TY (bound) in bits, bound "lower" or "upper"; null_I_TY of the permuted labels,
        where they are given; status: "constant layer".

    Raises
    ------
    InputError
        For activations that are not finite, shapes or labels that do not match, or no noise.

    See Also
    --------
    binned_information : Histogram estimates, without noise.
    noisy_information : Monte Carlo for networks trained with layer noise.

    Notes
    -----
    T = t(x) + noise is a mixture of equal Gaussians. Its entropy is bounded with the
    Bhattacharyya distance, exp(-d**2/8 s**2), and the Kullback-Leibler divergence, exp(-d**2/2
    s**2): I(X;T) = -mean_i log2 mean_j of these, I(T;Y) = H(T) - H(T|Y) with the same kind for both
    entropies (which is an estimate between, and no strict bound). Distances are computed in float32
    after centring.

    References
    ----------
    Kolchinsky and Tracey (2017), Entropy 19, 361.

    Examples
    --------
    Two well separated clusters, one for each label: 1 bit by both bounds:

    >>> import sgdphys as sp
    >>> found = sp.information.kde_information([0, 0, 1, 1], [0, 0, 1, 1], noise_variance=1e-3)
    >>> found["I_XT"].values.round(3), found["I_TY"].values.round(3)
    (array([1., 1.]), array([1., 1.]))
    """
    if not noise_variance > 0:
        raise InputError(
            f"noise_variance is {noise_variance}; without noise I(X;T) is that of the histogram: "
            "use binned_information"
        )
    given = samples_of(t, y)
    units, labels, kinds, is_kept = given
    if np.ptp(units * 0.5, axis=0).max() > _LARGEST * np.sqrt(noise_variance):
        raise InputError(
            f"activations are up to {np.abs(units).max():g}, too far above noise_variance "
            f"{noise_variance:g} for their distances in float32; rescale them"
        )
    labellings = [labels]
    if shuffled is not None:
        labellings.append(whole_labels(label_array(shuffled, is_kept))[0])
        if not np.array_equal(np.sort(labellings[1]), np.sort(labels)):
            raise InputError("shuffled must be the same labels in another order")
    n = len(units)
    by_label = _sums_by_label(units, labellings, kinds, np.sqrt(2 * noise_variance))
    # a sample's own term is exactly 1, whatever its rounding in float32
    about_x = np.maximum(-np.log2(np.maximum(by_label[0].sum(axis=1), 1.0) / n).mean(axis=0), 0.0)
    about_y = []
    for of, sums in zip(labellings, by_label, strict=True):
        own = np.maximum(sums[np.arange(n), of], 1.0)
        given_y = -np.log2(own / np.bincount(of)[of][:, None]).mean(axis=0)
        about_y.append(np.maximum(about_x - given_y, 0.0))
    status = OK if given.moves.any() else CONSTANT_LAYER
    if n > 1 and about_x.min() > np.log2(n) - _SATURATED_WITHIN:
        status = SATURATED
    data = xr.Dataset(
        {
            "I_XT": ("bound", about_x),
            "I_TY": ("bound", about_y[0]),
            "status": flagged(xr.DataArray(status)),
        }
        | ({} if shuffled is None else {"null_I_TY": ("bound", about_y[1])}),
        coords={"bound": ["lower", "upper"]},
        attrs={
            "estimator": "kde",
            "noise_variance": noise_variance,
            "reference": "Kolchinsky and Tracey (2017)",
            "interval_method": "none: over replicas only",
        },
    )
    return labelled(data)
