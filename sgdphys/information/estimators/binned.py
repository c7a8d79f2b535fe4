"""Plug-in information of binned activations, in bits.

The activations of each unit are binned; T is the vector of bin numbers, and the information is that
of its histogram. For an enumerated input the patterns are the population, and the value is exact
for that T; it depends on the bins, which are attributes of every result.
"""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.containers import array_of
from sgdphys.errors import InputError
from sgdphys.information.estimators.histogram import (
    Table,
    add_bins,
    binning,
    counted_information,
    entropy_of_labels,
    entropy_steps,
    number_codes,
    saturated,
    weighted_information,
)
from sgdphys.information.samples import Samples, samples_of
from sgdphys.quantities import labelled
from sgdphys.status import CONSTANT_LAYER, OK, SATURATED, SPARSE, flagged

EQUAL_MASS = "equal_mass"
PER_CELL = 5
"""Least number of samples per occupied cell for a small bias."""


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
    """Binned (histogram, plug-in) mutual information of one layer with inputs and labels.

    Parameters
    ----------
    t : array (sample, unit) or (sample,)
        Activations, in any container; further axes of a convolution are taken as units.
    y : array (sample,) or (sample, 1)
        Hard labels of any kind.
    x : array (sample, feature) or (sample,), optional
        Inputs; samples with equal inputs are repeated presentations of one input (a noisy layer may
        respond differently). By default every sample is an input of its own.
    p_y_given_x : array (sample, label), optional
        Soft labels, used instead of ``y``.
    bins : int
        Bins of each unit.
    low, high : float, optional
        Range of the bins; that of the data by default.
    edges : str
        "full" or "as_published", see ``histogram.binning``; or "equal_mass": the bins of each unit
        hold equal numbers of samples, as far as ties allow, and the range is not used.

    Returns
    -------
    Dataset
        I_XT and I_TY in bits; occupied, the number of occupied cells; status: "saturated at log2
        n", "few samples per cell", see Notes, or "constant layer"; for hard labels
        miller_madow_I_TY, with the first-order bias subtracted (Miller-Madow correction); the bins
        in attributes.

    Raises
    ------
    InputError
        For fewer than 2 bins, a range that is reversed or too wide or too narrow for float64,
        activations that are not finite, or shapes that do not match.

    See Also
    --------
    extrapolated_information : Correction of the finite-sample bias by extrapolation.
    kde_information : Bounds for a layer with added noise.
    compare : All estimators for one layer.
    layer_information : The layers of recorded networks at all epochs.

    Notes
    -----
    T is the vector of the bins of all units; I(X;T) = H(T) - H(T|X) and I(T;Y) = H(T) -
    H(T|Y) of the histogram, so that 0 <= I(T;Y) <= min(H(Y), H(T)). As bins become finer I(X;T) of
    a deterministic layer tends to log2 of the number of inputs, whatever the layer computes.

    For an enumerated input the values are exact. For n sampled inputs I(T;Y) is too large by about
    (cells - 1)(labels - 1)/(2 n ln 2) bits, 0.14 bit for two labels and 5 samples per occupied
    cell; with fewer the status is "few samples per cell". Counted for one Gaussian unit in 30 bins,
    in 400 samples of n: 0.122, 0.028 and 0.003 bit at n = 100, 500 and 5000 where labels are
    independent (0.049, 0.007 and 0.001 with the Miller-Madow correction); 0.915, 0.877 and 0.865
    bit (0.905, 0.869, 0.864) for two classes at a distance of 3.6 standard deviations, with an
    exact value of 0.863 bit.

    References
    ----------
    Miller (1955), "Note on the bias of information estimates", for the correction.

    Examples
    --------
    One unit that separates two equally likely labels of four inputs keeps 1 bit:

    >>> import sgdphys as sp
    >>> found = sp.information.binned_information([-0.9, -0.8, 0.8, 0.9], [0, 0, 1, 1], bins=2)
    >>> found["I_XT"].item(), found["I_TY"].item()
    (1.0, 1.0)
    """
    given = samples_of(t, y)
    units, labels, kinds = given.units, given.labels, given.kinds
    samples = len(units)
    numbers, cells, low, high = cells_of(units, bins=bins, low=low, high=high, edges=edges)
    everything = np.arange(samples)
    corrected = np.nan
    if p_y_given_x is None:
        entropy, about_y = _about(numbers, cells, labels, kinds)
        pairs = len(np.unique(numbers * kinds + labels))
        corrected = about_y + (cells + kinds - pairs - 1) / (2 * samples * np.log(2))
    else:
        soft = given.matching(array_of(p_y_given_x, "soft labels"), "soft labels") / samples
        if soft.ndim != 2:
            raise InputError(f"soft labels have shape {soft.shape}; (sample, label) was expected")
        entropy, about_y = weighted_information(
            numbers, cells, soft, everything, np.zeros((cells, soft.shape[1]))
        )
    about_x, inputs = entropy, samples
    if x is not None:
        patterns = given.matching(x, "inputs").reshape(samples, -1)
        _, which = np.unique(patterns, axis=0, return_inverse=True)
        inputs = int(which.max()) + 1
        about_x = _about(numbers, cells, which.reshape(-1), inputs)[1]
    return labelled(
        xr.Dataset(
            {
                "I_XT": about_x,
                "I_TY": about_y,
                "miller_madow_I_TY": corrected,
                "occupied": cells,
                "status": flagged(xr.DataArray(_status(given, about_x, inputs, cells))),
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


def cells_of(
    units: np.ndarray, *, bins: int, low: float | None, high: float | None, edges: str
) -> tuple[np.ndarray, int, float, float]:
    """Cell of each sample (sample,), the number of cells, and the range of the bins.

    Parameters
    ----------
    units : float64 (sample, unit)
    bins, low, high, edges
        As in ``binned_information``.
    """
    is_equal_mass = edges == EQUAL_MASS
    if is_equal_mass:
        units, low, high = _ranks(units), 0.0, 1.0
    low = float(units.min()) if low is None else low
    high = float(units.max()) if high is None else high
    samples = len(units)
    codes = np.zeros(samples, np.uint64)
    cut = binning(low, high, bins, "full" if is_equal_mass else edges)
    _require_range(low, high, bins)
    add_bins(*cut, np.ascontiguousarray(units.T), codes)
    table = Table.of(samples)
    cells = number_codes(codes, np.arange(samples), table.keys, table.owners, 0, table.numbers)
    return table.numbers, cells, low, high


def _status(given: Samples, about_x: float, inputs: int, cells: int) -> int:
    if not given.moves.any():
        return CONSTANT_LAYER
    if saturated(about_x, inputs):
        return SATURATED
    return SPARSE if len(given.units) < PER_CELL * cells else OK


def _require_range(low: float, high: float, bins: int) -> None:
    if not low <= high:
        raise InputError(
            f"the range of the bins is {low:g} to {high:g}; low must not be above high"
        )
    width = float(high) - float(low)
    if not np.isfinite(width) or 0 < width < bins * np.finfo(float).tiny:
        raise InputError(
            f"activations from {low:g} to {high:g} cannot be cut into bins of float64; rescale them"
        )


def _ranks(units: np.ndarray) -> np.ndarray:
    """Mid-ranks of every unit (sample, unit), between 0 and 1; equal for ties."""
    found = np.empty_like(units)
    for u in range(units.shape[1]):
        _, which, counts = np.unique(units[:, u], return_inverse=True, return_counts=True)
        found[:, u] = ((np.cumsum(counts) - 0.5 * counts) / len(units))[which.reshape(-1)]
    return found


def _about(numbers: np.ndarray, cells: int, labels: np.ndarray, kinds: int) -> tuple[float, float]:
    """H(T) and I(T;Y) in bits, from cell numbers and labels."""
    scratch = np.zeros(cells, np.uint32), np.zeros((2, cells, kinds), np.uint32)
    both = np.stack([labels, np.zeros_like(labels)])
    entropy, joint, _ = counted_information(
        numbers, cells, both, *scratch, entropy_steps(len(labels))
    )
    return entropy, max(entropy + entropy_of_labels(labels) - joint, 0.0)
