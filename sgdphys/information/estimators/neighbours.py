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
    """Nearest-neighbour (kNN, KSG, Ross) mutual information of activations and discrete labels.

    Parameters
    ----------
    t : array (sample, unit) or (sample,)
        Activations, standardised unit by unit before distances are taken; constant units are left
        out.
    y : array (sample,) or (sample, 1)
        Hard labels, each with more than ``neighbours`` samples.
    neighbours : int
        k.
    rng : int, SeedSequence or Generator
        Seed of the jitter of 1e-10 standard deviations, which separates coincident samples, and of
        the permuted labels of the null.

    Returns
    -------
    Dataset
        I_TY in bits, clipped to [0, H(Y)]; raw_I_TY, the estimate itself, which may lie outside;
        null_I_TY, the raw estimate for randomly permuted labels.

    Raises
    ------
    InputError
        For activations that are not finite, a label with too few samples, or k below 1.

    See Also
    --------
    binned_information : Histogram estimates.
    compare : All estimators for one layer.

    Notes
    -----
    I = psi(N) + psi(k) - <psi(N_y)> - <psi(m)> nats, m the number of samples within the distance
    (maximum norm) of the k-th neighbour of the same label.

    References
    ----------
    Ross (2014), PLoS ONE 9, e87357; Kraskov, Stoegbauer and Grassberger (2004), Phys. Rev. E 69,
    066138.

    Examples
    --------
    Two separated clusters, one for each label, and labels that are independent of the activations:

    >>> import numpy as np
    >>> import sgdphys as sp
    >>> y = np.arange(1000) % 2
    >>> t = 10 * y + np.random.default_rng(0).standard_normal(1000)
    >>> found = sp.information.neighbour_information(t, y)
    >>> round(found["I_TY"].item(), 1), abs(round(found["null_I_TY"].item(), 1))
    (1.0, 0.0)
    """
    units, labels, kinds, _ = samples_of(t, y)
    counts = np.bincount(labels, minlength=kinds)
    if not has_neighbours(labels, neighbours):
        raise InputError(
            f"a label has {counts.min()} samples and neighbours is {neighbours}; every label needs "
            "more samples than neighbours, at least 1"
        )
    # scaled by a power of two, which is exact, so that squares neither overflow nor underflow
    units = np.ldexp(units, -np.frexp(np.abs(units).max(axis=0))[1])
    # constant units have a standard deviation of rounding errors
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
    """Whether every label has more samples than ``neighbours``, which is at least 1."""
    return neighbours >= 1 and bool(np.unique(labels, return_counts=True)[1].min() > neighbours)


def _ross(units: np.ndarray, labels: np.ndarray, counts: np.ndarray, k: int) -> float:
    tree = cKDTree(units)
    radius = np.empty(len(units))
    for kind in range(len(counts)):
        inside = np.flatnonzero(labels == kind)
        distance, _ = cKDTree(units[inside]).query(units[inside], k + 1, p=np.inf)
        radius[inside] = distance[:, -1]
    # the k-th neighbour itself lies within, whatever the rounding
    near = tree.query_ball_point(units, radius * (1 + 1e-12), p=np.inf, return_length=True) - 1
    n = len(units)
    found = digamma(n) + digamma(k) - (counts / n) @ digamma(counts) - digamma(near).mean()
    return float(found / np.log(2))
