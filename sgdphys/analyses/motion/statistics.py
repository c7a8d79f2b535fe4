"""Statistics of the motion of weights: growth of distances, anomalous diffusion, ageing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.analyses.motion.laws import FEWEST, growth_power, log_slope, misfits
from sgdphys.claims.estimates import Estimate, over_replicas
from sgdphys.claims.results import LEARNED, Results, recorded_near, require_one_case
from sgdphys.claims.statistic import Statistic
from sgdphys.errors import NotEnoughData


def distance_power(results: Results) -> xr.DataArray:
    """Power p of the distance from the start, a + b (t^p - 1)/p: 0 for a logarithm."""
    return _of_distances(results, growth_power)


def logarithm_advantage(results: Results) -> xr.DataArray:
    """Misfit of a power law or saturation, the better one, over that of a + b ln t."""

    def ratio(t: np.ndarray, y: np.ndarray) -> np.ndarray:
        found = misfits(t, y)
        return np.minimum(found["power"], found["saturation"]) / found["logarithm"]

    return _of_distances(results, ratio)


def _of_distances(
    results: Results, measured: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> xr.DataArray:
    """A function of times and of the curves (time, replica) from an epoch on."""
    first = float(results.wanted("from_epoch") or 1)

    def of_case(data: xr.Dataset) -> xr.DataArray:
        part = data["distance"].sel(epoch=data["epoch"] >= first).transpose("epoch", "replica")
        t, y = part["epoch"].to_numpy().astype(float), part.to_numpy()
        if len(t) < FEWEST:
            raise NotEnoughData(f"a law is fitted to at least {FEWEST} epochs, and {len(t)} remain")
        return part.isel(epoch=0, drop=True).copy(data=measured(t, y))

    return results.each_case("motion", of_case)


def displacement_exponent(results: Results) -> xr.DataArray:
    """Exponent of the squared displacement from a waiting time on: 1 diffusion, 2 drift."""
    squared = _displacements(results)
    return _slopes(squared, "lag_epochs")


def exponent_change(results: Results) -> xr.DataArray:
    """Exponent of the squared displacement at long lags minus that at short ones."""
    squared = _displacements(results)
    middle = squared.sizes["lag_epochs"] // 2
    early, late = (
        squared.isel(lag_epochs=slice(middle)),
        squared.isel(lag_epochs=slice(middle, None)),
    )
    return _slopes(late, "lag_epochs") - _slopes(early, "lag_epochs")


def exponent_anomaly(results: Results) -> Estimate:
    """Distance of the exponent of the squared displacement from 1, that of diffusion."""
    slopes = _slopes(require_one_case(_displacements(results).to_dataset())["squared_displacement"],
                     "lag_epochs")  # fmt: skip
    value, low, high, members, *_ = over_replicas(slopes)
    if value < 1:
        low, high = 2 - high, 2 - low
    return Estimate(abs(value - 1), low - 1, high - 1, members)


def ageing_exponent(results: Results) -> xr.DataArray:
    """Exponent of the squared displacement over a lag with the waiting time: 0 if stationary."""
    squared = _learned(results)["squared_displacement"]
    is_complete = squared.notnull().any([d for d in squared.dims if d != "lag_epochs"])
    return _slopes(squared.isel(lag_epochs=np.flatnonzero(is_complete)), "waiting_epoch")


def _displacements(results: Results) -> xr.DataArray:
    """Squared displacements from the waiting time of a claim, at its lags and later ones."""
    squared = _learned(results)["squared_displacement"]
    known = squared["waiting_epoch"].to_numpy()
    wanted = results.wanted("waiting_epoch")
    at = -1 if wanted is None else recorded_near(known, float(wanted), "waiting_epoch")
    squared = squared.isel(waiting_epoch=at, drop=True)
    long = squared["lag_epochs"] >= float(results.wanted("from_lag") or 0)
    is_there = squared.notnull().any([d for d in squared.dims if d != "lag_epochs"])
    kept = squared.isel(lag_epochs=np.flatnonzero(long & is_there))
    if kept.sizes["lag_epochs"] < FEWEST:
        raise NotEnoughData(
            f"an exponent is fitted to at least {FEWEST} lags; {kept.sizes['lag_epochs']} remain"
        )
    return kept


def _learned(results: Results) -> Any:
    """Results without the networks that have learnt nothing."""
    found = results.of("motion")
    return found.where(found[LEARNED] > 0) if LEARNED in found.coords else found


def _slopes(values: xr.DataArray, dim: str) -> xr.DataArray:
    """Slope of ln values on ln of a coordinate."""
    rest = values.transpose(dim, ...)
    with np.errstate(invalid="ignore"):
        slopes = log_slope(rest[dim].to_numpy().astype(float), rest.to_numpy())
    return rest.isel({dim: 0}, drop=True).copy(data=slopes)


_BY_WAITING = ("waiting_epoch", "from_lag")

STATISTICS = {
    "distance_power": Statistic(
        distance_power,
        "Power p of the distance from the start, a + b (t^p - 1)/p: 0 for a logarithm",
        needs=("motion",),
        shown_in=("distance_from_start",),
        chooses=("from_epoch",),
    ),
    "logarithm_advantage": Statistic(
        logarithm_advantage,
        "Misfit of a power law or saturation, the better one, over that of a + b ln t",
        needs=("motion",),
        shown_in=("distance_from_start",),
        chooses=("from_epoch",),
        kind="geometric",
        unit="times",
    ),
    "displacement_exponent": Statistic(
        displacement_exponent,
        "Exponent of the squared displacement from a waiting time on: 1 diffusion, 2 drift",
        needs=("motion",),
        shown_in=("displacement_by_lag",),
        chooses=_BY_WAITING,
    ),
    "exponent_change": Statistic(
        exponent_change,
        "Exponent of the squared displacement at long lags minus that at short ones",
        needs=("motion",),
        shown_in=("displacement_by_lag",),
        chooses=_BY_WAITING,
    ),
    "exponent_anomaly": Statistic(
        exponent_anomaly,
        "Distance of the exponent of the squared displacement from 1, that of diffusion",
        needs=("motion",),
        shown_in=("displacement_by_lag",),
        chooses=_BY_WAITING,
    ),
    "ageing_exponent": Statistic(
        ageing_exponent,
        "Exponent of the squared displacement over a lag with the waiting time: 0 if stationary",
        needs=("motion",),
        shown_in=("displacement_by_lag",),
    ),
}
