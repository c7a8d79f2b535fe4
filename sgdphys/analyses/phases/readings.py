"""Readings of drift against noise, network by network, and when noise exceeds the drift by each."""

from collections.abc import Callable

import numpy as np
import xarray as xr

from sgdphys.claims.results import LEARNED, Results, over_cases
from sgdphys.dynamics.sgd.crossing import crossing_epoch
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.information.onset import finite_to_the_end, is_finite

READINGS = {
    "followed": "own_followed_ratio",
    "fixed": "own_gradient_ratio",
    "drift": "own_drift_ratio",
    "samples": "own_sample_ratio",
}
"""Curves by the name of their reading.

"followed" is the paper's own: mean over spread of the gradients that an epoch's updates followed.
"fixed": mean over noise of a batch at fixed weights. "drift": displacement over two epochs per unit
time over that noise. "samples": mean over the spread of single samples, which training without
noise has too; it is below 1 from the start, and its transition is where it falls below half of its
largest value.
"""


def reading_of(results: Results) -> str:
    """The reading that a claim asks for; the paper's own by default.

    Raises
    ------
    InputError
        When there is none of that name.
    """
    wanted = results.wanted("reading") or "followed"
    if wanted not in READINGS:
        raise InputError(f"there is no reading {wanted!r}; there are {', '.join(READINGS)}")
    return str(wanted)


def of_each_case(
    results: Results, measured: Callable[[xr.DataArray], xr.DataArray]
) -> xr.DataArray:
    """A function of the curves (epoch, replica, layer) of a reading, for every case of a sweep.

    Raises
    ------
    NotEnoughData
        When every epoch is one update, whose gradients have no spread.
    """
    reading = reading_of(results)
    name = READINGS[reading]
    found = results.of("phases")
    if name not in found:
        raise InputError(f"the results have no {name}; analyse phases again, or record gradients")
    values = found[name].to_numpy()
    if np.isinf(values).any() and not np.isfinite(values).any():
        raise NotEnoughData("every epoch is one update, whose gradients have no spread")
    return over_cases(found, lambda case: measured(own_curves(case, name)))


def own_curves(phases: xr.Dataset, name: str) -> xr.DataArray:
    """Curves of the networks of one case that are finite to the end, and have learnt something.

    No update follows the last epoch, so that curves of drift end before it.
    """
    if name not in phases:
        raise InputError(f"the results have no {name}; analyse phases again")
    phases = phases[list({READINGS["samples"], name})]
    if "case" in phases.coords:  # epochs without values belong to other cases
        own = phases.dropna("epoch", how="all")
        phases = own if own.sizes["epoch"] else phases
    keep = is_finite(phases[READINGS["samples"]].isel(epoch=-1, drop=True))
    if LEARNED in phases.coords:
        keep = keep & (phases[LEARNED].fillna(0) > 0)
    curves = phases[name].where(keep)
    recorded = curves.dropna("epoch", how="all")
    return finite_to_the_end(recorded if recorded.sizes["epoch"] else curves)


def transition(curves: xr.DataArray, reading: str) -> xr.DataArray:
    """Epoch at which noise exceeds the drift, (replica, layer); NaN where it never does."""
    values = curves.transpose("replica", "layer", "epoch")
    at = crossing_epoch(_falling(values.to_numpy(), reading), curves["epoch"].to_numpy())
    return values.isel(epoch=0, drop=True).copy(data=at)


def transition_or_last(curves: xr.DataArray, reading: str) -> xr.DataArray:
    """Epoch at which noise exceeds the drift; where it never does, the last epoch.

    Networks that compress before it does are thus included. Layers whose noise is above the drift
    from the start have no such epoch and are left out.
    """
    values = curves.transpose("replica", "layer", "epoch")
    at = crossing_or_last(values.to_numpy(), curves["epoch"].to_numpy(), reading)
    return values.isel(epoch=0, drop=True).copy(data=at)


def crossing_or_last(curves: np.ndarray, epoch: np.ndarray, reading: str) -> np.ndarray:
    """``transition_or_last`` of arrays (replica, layer, epoch)."""
    falling = _falling(curves, reading)
    at = crossing_epoch(falling, epoch)
    never = np.isnan(at) & (falling[..., 0] >= 1)
    return np.where(never, float(epoch[-1]), at)


def _falling(curves: np.ndarray, reading: str) -> np.ndarray:
    """What must fall below 1, (replica, layer, epoch)."""
    if reading != "samples":
        return curves
    known = np.isfinite(curves)
    largest = np.where(known, curves, -np.inf).max(axis=-1, keepdims=True)
    is_before = np.arange(curves.shape[-1]) < (curves == largest).argmax(axis=-1)[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(is_before & known, np.inf, 2 * curves / largest))
