"""Statistics of fluctuations, irreversibility and curvature."""

from typing import Any

import xarray as xr

from sgdphys.claims.results import Results, log, with_ends
from sgdphys.claims.statistic import Statistic

_RELAXATIONS = 20
"""Relaxation times in a burst from which the variance along a direction is its own."""
_NEAREST_THE_EDGE = 0.9
_FEWEST_DIRECTIONS = 4


def full_fluctuation_ratio(results: Results) -> xr.Dataset:
    """Fluctuation-dissipation ratio with the full gradient: 1 for white noise."""
    return with_ends(results.of("stationarity"), "full_ratio")


def entropy_production(results: Results) -> xr.Dataset:
    """Median entropy production of networks along the sharpest directions, nats per update."""
    return with_ends(results.of("stationarity"), "entropy_production")


def stability_share(results: Results) -> xr.Dataset:
    """Sharpness times learning rate over 2 (1 + momentum): 1 at the edge of stability."""
    found = results.of("stationarity")
    return with_ends(found, "sharpness", _edge(found))


def _edge(found: xr.Dataset) -> Any:
    """Curvature at the edge of stability, of every case."""
    rate, momentum = (
        found[f"swept_{key}"] if f"swept_{key}" in found.coords else float(found.attrs[key])
        for key in ("learning_rate", "momentum")
    )
    return 2 * (1 + momentum) / rate


def flatness_power(results: Results) -> xr.DataArray:
    """Power psi of variance ~ flatness^-psi over directions; at equilibrium -2.

    Notes
    -----
    Flatness is the distance at which the loss has risen by a given factor, curvature**(-1/2), so
    that psi is twice the slope of ln variance on ln curvature, of every network. Left out are
    directions with a curvature above 0.9 of that at the edge of stability, and those that relax
    fewer than 20 times within a burst, whose variance is that of the window.

    References
    ----------
    Feng and Tu (2021), PNAS 118, e2015617118.
    """
    found = results.of("stationarity")
    curvature, variance = found["direction_curvature"], found["direction_variance"]
    share = curvature / _edge(found)
    usable = usable_directions(share, variance, found["burst_steps"])
    x = log(curvature.where(usable))
    y = _log_variance(variance, share.where(usable), found["burst_steps"])
    x, y = x - x.mean("mode"), y - y.mean("mode")
    slope = (x * y).sum("mode") / (x**2).sum("mode")
    return 2 * slope.where(usable.sum("mode") >= _FEWEST_DIRECTIONS)


def _log_variance(variance: xr.DataArray, share: xr.DataArray, steps: xr.DataArray) -> xr.DataArray:
    """Logarithm of the variance that the same white noise would give in small steps, for ever.

    With s the curvature over its value at the edge and r = 1 - 2 s the autocorrelation of one step:
    steps of finite size inflate the variance by 1/(1 - s); the mean and the line that are
    subtracted take out 2 (1 + r)/(1 - r) of n steps; and the mean logarithm of an estimated
    variance is low by half its relative variance, (1 + r**2)/(1 - r**2)/n.
    """
    r = 1 - 2 * share
    kept = (steps - 2 * (1 + r) / (1 - r)) / (steps - 2)
    return log(variance * (1 - share) / kept) + (1 + r**2) / ((1 - r**2) * steps)


def usable_directions(
    share: xr.DataArray, variance: xr.DataArray, steps: xr.DataArray
) -> xr.DataArray:
    """Directions whose stationary variance can be read from a burst of so many steps.

    A slow direction of ``share`` s relaxes in 1/(2 s) updates.
    """
    slowest = _RELAXATIONS / (2 * steps)
    return (share > slowest) & (share < _NEAREST_THE_EDGE) & (variance > 0)


STATISTICS = {
    "full_fluctuation_ratio": Statistic(
        full_fluctuation_ratio,
        "Fluctuation-dissipation ratio with the full gradient: 1 for white noise",
        needs=("stationarity",),
        shown_in=("fluctuation_ratios",),
    ),
    "entropy_production": Statistic(
        entropy_production,
        "Median entropy production of networks along the sharpest directions: 0 at equilibrium",
        needs=("stationarity",),
        shown_in=("entropy_production",),
        unit="nats per update",
    ),
    "flatness_power": Statistic(
        flatness_power,
        "Power psi of variance ~ flatness^-psi over directions; at equilibrium -2",
        needs=("stationarity",),
        shown_in=("variance_flatness",),
    ),
    "stability_share": Statistic(
        stability_share,
        "Sharpness times learning rate over 2 (1 + momentum): 1 at the edge of stability",
        needs=("stationarity",),
        shown_in=("edge_of_stability",),
    ),
}
