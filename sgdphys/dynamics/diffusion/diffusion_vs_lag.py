"""Diffusion coefficient as a function of the lag."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.dynamics.clock import whole_lags
from sgdphys.dynamics.diffusion.msd import doubling, driftless, gappy_msd
from sgdphys.dynamics.series import Paths, over_sound_series, paths, require_one_dimension, result
from sgdphys.dynamics.status import Needs
from sgdphys.errors import InputError
from sgdphys.intervals import METHOD, Kind, mean_with_interval
from sgdphys.quantities import labelled, number_of
from sgdphys.status import CONSTANT, ONCE, STRAIGHT, TOO_SHORT

_NEEDS = Needs(takes=(CONSTANT, STRAIGHT, ONCE, TOO_SHORT))


@checked
def diffusion_vs_lag(
    theta: Any,
    *,
    time: Any = None,
    lags: Any = None,
    over: str | None = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Lag-dependent (apparent) diffusion coefficient, and the Green-Kubo sum.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced paths in units x; an array without names has time first.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    lags : array, optional
        Lags in units t; by default 1, 2, 4, ... points up to a tenth of the series.
    over : str, optional
        Dimension of independent paths to average over, with intervals.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Dataset
        diffusion (..., lag) and green_kubo (..., lag), both in x**2/t, with ``_low`` and ``_high``
        if ``over`` is given; pairs (..., lag).

    Raises
    ------
    InputError
        For unevenly spaced points, or lags beyond the length of the series.

    See Also
    --------
    msd : Mean squared displacement, drift included.
    diffusion_coefficient : One coefficient at the spacing of the points.
    msd_exponent : How the displacement grows with the lag.

    Notes
    -----
    D(k) = <(x_{i+k} - x_i - k v dt)**2>/(2 k dt), with v the drift of each series, divided by
    1 - k/n, the bias from subtracting v if the increments are white: of paths that return, D at
    lags near the length n is too large by up to that factor. The Green-Kubo sum up to lag k,
    1/2 sum_{|j| <= k} C_dx(j)/dt, is the local slope of the mean squared displacement,
    [MSD(k + 1) - MSD(k)]/(2 dt), and tends to the long-time D. The noise of batches drawn without
    replacement cancels over an epoch: D(k) falls as 1/k beyond an epoch.

    References
    ----------
    Kubo (1957); Lo and MacKinlay (1988) for the correction.

    Examples
    --------
    >>> import sgdphys as sp
    >>> data = sp.processes.sgd_on_quadratic(
    ...     curvature=0.0, learning_rate=1.0, batches=10, steps=5000, rng=0
    ... )  # a flat loss, and noise that cancels over every 10 steps
    >>> found = sp.dynamics.diffusion_vs_lag(data["theta"], lags=[1, 10, 100])
    >>> found["diffusion"].values.round(2).ravel().tolist()
    [0.5, 0.18, 0.02]
    >>> (0.5 * sp.processes.epoch_noise_diffusion([1, 10, 100], batches=10)).round(2).tolist()
    [0.5, 0.18, 0.02]
    """
    series = paths(theta, time=time)
    spacing, points = series.spacing, series.theta.sizes[series.dim]
    if np.isnan(spacing):
        raise InputError(
            f"diffusion_vs_lag needs evenly spaced points along {series.dim!r}; use "
            "diffusion_coefficient, which takes any times"
        )
    steps = doubling(points // 10) if lags is None else np.unique(whole_lags(lags, spacing))
    longest = points - 3  # one more has displacements other than that of the drift
    if points < 4 or steps.min() < 1 or (steps.max() > longest and lags is not None):
        raise InputError(
            f"lags must lie between {spacing:g} and {longest * spacing:g}, two spacings less than "
            f"the series spans; they are {steps * spacing}"
        )
    steps = steps[steps <= longest]
    both = np.concatenate([steps, steps + 1])
    n_lags = len(steps)

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        noise, _, span = driftless(x)
        msds, pairs = np.empty((2, len(x), 2 * n_lags))
        gappy_msd(noise, both, msds, pairs)
        with np.errstate(invalid="ignore", divide="ignore"):
            left = 1 - both / span[:, None]
            msds /= np.where(
                left > 0, left, np.nan
            )  # over its whole span a path has moved by drift
        return np.concatenate(
            [
                msds[:, :n_lags] / (2 * steps * spacing),
                (msds[:, n_lags:] - msds[:, :n_lags]) / (2 * spacing),
                pairs[:, :n_lags],
            ],
            axis=1,
        )

    found, _ = over_sound_series(series, kernel, 3 * n_lags, _NEEDS)
    parts = {name: found[..., k * n_lags : (k + 1) * n_lags] for k, name in
             enumerate(("diffusion", "green_kubo", "pairs"))}  # fmt: skip
    values: dict[str, Any] = {name: (("lag",), v) for name, v in parts.items()}
    values["pairs"] = (("lag",), np.nan_to_num(parts["pairs"]).astype(np.int64))
    data = result(
        series,
        values,
        coords={"lag": steps * spacing},
        named={"pairs": number_of("pairs of points")},
        method="variance of overlapping increments, the drift of each series subtracted",
        reference="Kubo (1957)",
        confidence=confidence,
        interval_method=METHOD if over else "none; give over=, a dimension of independent paths",
    )
    if over is None:
        return data
    return _over_ensemble(data, series, over, confidence)


def _over_ensemble(data: xr.Dataset, series: Paths, over: str, confidence: float) -> xr.Dataset:
    """Means over a dimension with their intervals."""
    require_one_dimension(series, over)
    averaged = data["pairs"].sum(over).to_dataset()
    kinds: dict[str, Kind] = {"diffusion": "positive", "green_kubo": "symmetric"}
    for name, kind in kinds.items():
        found = mean_with_interval(data[name], kind=kind, over=over, confidence=confidence)
        averaged = averaged.merge(found)
    averaged = averaged.assign_attrs(data.attrs)
    named = {"pairs": number_of("pairs of points")}
    return labelled(averaged, named, x=series.value_unit, t=series.time_unit)
