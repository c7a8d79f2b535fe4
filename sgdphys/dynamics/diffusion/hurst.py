"""Hurst exponent, by likelihood or by detrended fluctuation analysis."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.dynamics.diffusion.fractional import fit_fbm
from sgdphys.dynamics.series import over_sound_series, paths, result, summed
from sgdphys.dynamics.status import Needs
from sgdphys.errors import InputError, nearest
from sgdphys.quantities import number_of

_NEEDS = Needs(points=400, even=True, whole=True)
"""A decade of box sizes."""


def _dfa(x: np.ndarray) -> np.ndarray:
    """Slope of ln F(s) on ln s by detrended fluctuation analysis of profiles (series, point).

    Sums by einsum: the last bits of a matrix product depend on its number of rows.
    """
    points = x.shape[1]
    sizes = np.unique(np.rint(np.geomspace(10, points // 4, 20)).astype(int))
    logs = np.empty((len(x), len(sizes)))
    for k, size in enumerate(sizes):
        n_boxes = points // size
        clock = np.linspace(-1, 1, size)
        clock /= np.sqrt((clock**2).sum())
        total = 0.0
        for part in (x[:, : n_boxes * size], x[:, points - n_boxes * size :]):
            boxes = part.reshape(len(x), n_boxes, size)
            residual = boxes - boxes.mean(axis=2, keepdims=True)
            residual = residual - np.einsum("smk,k->sm", residual, clock)[..., None] * clock
            total = total + (residual**2).mean(axis=(1, 2))
        logs[:, k] = 0.5 * np.log(total / 2)
    clock = np.log(sizes) - np.log(sizes).mean()
    return np.einsum("sk,k->s", logs, clock / (clock**2).sum())


@checked
def hurst(
    theta: Any,
    *,
    time: Any = None,
    of: str = "path",
    method: str = "likelihood",
    confidence: float = 0.95,
) -> xr.Dataset:
    """Hurst exponent by likelihood, or by detrended fluctuation analysis (DFA).

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced series; an array without names has time first.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times: see
        ``dynamics.series.paths``.
    of : str
        What the series are: "path", or "increments", which are summed first. White noise given as
        increments has H = 1/2; mistaken for a path it has H near 0.
    method : str
        "likelihood" (``fit_fbm``) or "dfa".
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Dataset
        Over the other dimensions of ``theta``: hurst with ``_low`` and ``_high`` (NaN for DFA),
        count (increments), status; ``of`` in the attributes.

    Raises
    ------
    InputError
        For an unknown ``of`` or ``method``.

    See Also
    --------
    fit_fbm : The fit behind "likelihood", with drift and diffusion coefficient.
    msd_exponent : Exponent of the mean squared displacement, alpha = 2 H.

    Notes
    -----
    A path of fractional Brownian motion has MSD proportional to t**(2 H). By likelihood exponents
    from 0.01 to 0.99 are compared; an estimate at one of these has a status: see ``fit_fbm``.
    First-order DFA removes a
    straight line from boxes of s points and fits the fluctuation F(s) proportional to s**H, for s
    from 10 points to a quarter of the series, with boxes from both ends. It needs a decade of box
    sizes (400 points; otherwise "too short"), and has no calibrated interval.

    References
    ----------
    Beran (1994); Peng et al. (1994), Phys. Rev. E 49, 1685, and Kantelhardt et al. (2001) for DFA.

    Examples
    --------
    >>> import sgdphys as sp
    >>> theta = sp.processes.fractional_brownian(hurst=0.3, steps=4000, rng=0)["theta"]
    >>> found = [sp.dynamics.hurst(theta, method=method) for method in ("likelihood", "dfa")]
    >>> [round(f["hurst"].item(), 2) for f in found]
    [0.29, 0.27]
    >>> round(sp.dynamics.hurst(theta.diff("step"), of="increments")["hurst"].item(), 2)
    0.29
    """
    if of not in ("path", "increments"):
        raise InputError(f"of is {of!r}; it can be 'path' or 'increments'")
    if method not in ("likelihood", "dfa"):
        raise InputError(f"method is {method!r}; {nearest(method, ('likelihood', 'dfa'))}")
    series = paths(theta, time=time)
    if of == "increments":
        series = summed(series)
    if method == "likelihood":
        found = fit_fbm(series, confidence=confidence)
        kept = ["hurst", "hurst_low", "hurst_high", "count", "status"]
        return found[kept].assign_attrs(of=of)

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        return np.column_stack([_dfa(x), np.full(len(x), x.shape[1] - 1)])

    columns, status = over_sound_series(series, kernel, 2, _NEEDS)
    exponent, count = np.moveaxis(columns, -1, 0)
    empty = np.full_like(exponent, np.nan)
    return result(
        series,
        {
            "hurst": exponent,
            "hurst_low": empty,
            "hurst_high": empty,
            "count": count,
            "status": status,
        },
        named={"count": number_of("increments")},
        method="detrended fluctuation analysis, first order, boxes of 10 points to a quarter",
        reference="Peng et al. (1994); Kantelhardt et al. (2001)",
        confidence=confidence,
        interval_method="none: no calibrated interval is known; use method='likelihood'",
        of=of,
    )
