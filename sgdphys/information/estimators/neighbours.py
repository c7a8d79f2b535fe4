"""Information between continuous activations and discrete labels from nearest neighbours."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.spatial import cKDTree
from scipy.special import digamma

from sgdphys.arguments import checked
from sgdphys.draws import Seed, stream
from sgdphys.errors import InputError
from sgdphys.information.samples import samples_of
from sgdphys.quantities import labelled

_JITTER = 1e-10
_ROUNDING = 2.0**-51
"""Relative range of a unit that is constant."""


@checked
def neighbour_information(t: Any, y: Any, *, neighbours: int = 3, rng: Seed = 0) -> xr.Dataset:
    """I(T;Y) in bits of continuous activations and discrete labels.

    Parameters
    ----------
    t : array (sample, unit) or (sample,)
        Standardised unit by unit before distances are taken; constant units are left out.
    y : array (sample,) or (sample, 1)
        Hard labels, each worn by more than ``neighbours`` samples.
    neighbours : int
        k.
    rng : int, SeedSequence or Generator
        Seed of the jitter, 1e-10 of a standard deviation, that parts samples at one place, and of
        the null's shuffled labels.

    Returns
    -------
    Dataset
        I_TY, clipped to [0, H(Y)]; raw_I_TY, the estimate itself, which may be negative or above;
        null_I_TY, the raw estimate of shuffled labels.

    Raises
    ------
    InputError
        For activations that are not finite, a label with too few samples, or k below 1.

    Notes
    -----
    psi(N) + psi(k) - <psi(N_y)> - <psi(m)>, m the samples within the distance of the k-th
    neighbour of the same label, by the largest difference of any unit.

    References
    ----------
    Ross (2014), PLoS ONE 9, e87357; Kraskov, Stoegbauer and Grassberger (2004).
    """
    units, labels, kinds, _ = samples_of(t, y)
    counts = np.bincount(labels, minlength=kinds)
    if not has_neighbours(labels, neighbours):
        raise InputError(
            f"a label has {counts.min()} samples and neighbours is {neighbours}; every label needs "
            "more samples than neighbours, at least 1"
        )
    # by a power of two, which is exact, so that no square is too large or too small
    units = np.ldexp(units, -np.frexp(np.abs(units).max(axis=0))[1])
    # equal numbers have a standard deviation of rounding
    moves = np.ptp(units, axis=0) > _ROUNDING * np.abs(units).max(axis=0)
    units = units[:, moves] / units[:, moves].std(axis=0)
    generator = stream(rng)
    raw, null = 0.0, 0.0
    if kinds > 1 and units.shape[1]:
        units = units + _JITTER * generator.standard_normal(units.shape)
        raw = _ross(units, labels, counts, neighbours)
        null = _ross(units, generator.permutation(labels), counts, neighbours)
    shares = counts / len(labels)
    most = float(-(shares * np.log2(shares)).sum())
    data = xr.Dataset(
        {"I_TY": float(np.clip(raw, 0.0, most)), "raw_I_TY": raw, "null_I_TY": null},
        attrs={
            "estimator": "neighbours",
            "neighbours": neighbours,
            "units_left_out": int((~moves).sum()),
            "reference": "Ross (2014)",
            "interval_method": "none: over replicas only",
        },
    )
    return labelled(data)


def has_neighbours(labels: np.ndarray, neighbours: int) -> bool:
    """Whether every label has more samples than neighbours are asked for, at least 1."""
    return neighbours >= 1 and bool(np.unique(labels, return_counts=True)[1].min() > neighbours)


def _ross(units: np.ndarray, labels: np.ndarray, counts: np.ndarray, k: int) -> float:
    tree = cKDTree(units)
    reach = np.empty(len(units))
    for kind in range(len(counts)):
        inside = np.flatnonzero(labels == kind)
        distance, _ = cKDTree(units[inside]).query(units[inside], k + 1, p=np.inf)
        reach[inside] = distance[:, -1]
    # the k-th neighbour itself is within, rounding or not
    near = tree.query_ball_point(units, reach * (1 + 1e-12), p=np.inf, return_length=True) - 1
    n = len(units)
    found = digamma(n) + digamma(k) - (counts / n) @ digamma(counts) - digamma(near).mean()
    return float(found / np.log(2))
