"""Statistics of the information of layers: rise, loss and their duration."""

import numpy as np
import xarray as xr

from sgdphys.analyses.information.relaxation_statistics import RELAXATION
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results, log
from sgdphys.claims.statistic import Statistic
from sgdphys.dynamics.intervals import jackknife_interval, means_without_each
from sgdphys.errors import NotEnoughData
from sgdphys.information.onset import (
    LEAST_LOSS,
    compression,
    fall_after_peak,
    is_finite,
    loss_epoch,
)

_DONE = 0.9
"""Fraction of a rise or a fall at which it counts as complete."""
_FEWEST = 4


def bits_lost(results: Results) -> xr.DataArray:
    """I(X;T) at the peak of its mean curve minus that at the end, in bits."""
    return results.each_case("information", lambda d: fall_after_peak(d["I_XT"]))


def label_bits_lost(results: Results) -> xr.DataArray:
    """I(T;Y) at the peak of its mean curve minus that at the end, in bits."""
    return results.each_case("information", lambda d: fall_after_peak(d["I_TY"]))


def label_bits_gained(results: Results) -> xr.DataArray:
    """I(T;Y) at the end minus that at the start, in bits."""
    return results.each_case("information", lambda d: _rise(d["I_TY"]).isel(epoch=-1, drop=True))


def early_fit(results: Results) -> xr.DataArray:
    """Fraction of the final rise of I(T;Y) that is reached after 5% of the epochs."""

    def share(information: xr.Dataset) -> xr.DataArray:
        gained = _rise(information["I_TY"])
        early = abs(gained["epoch"] - 0.05 * gained["epoch"][-1]).argmin("epoch")
        return gained.isel(epoch=early, drop=True) / gained.isel(epoch=-1, drop=True)

    return results.each_case("information", share)


def phase_lengths(results: Results) -> xr.DataArray:
    """Log10 of the epoch at 90% of the loss of I(X;T) over that at 90% of the rise of I(T;Y)."""

    def ratio(information: xr.Dataset) -> xr.DataArray:
        lost = loss_epoch(information["I_XT"], _DONE)
        gained = _rise(information["I_TY"])
        end = gained.isel(epoch=-1, drop=True)
        fitted = gained["epoch"].isel(epoch=(gained >= _DONE * end).argmax("epoch"))
        return log(lost / fitted.where((end >= LEAST_LOSS) & (fitted > 0)), 10)

    return results.each_case("information", ratio)


def order_violations(results: Results) -> xr.DataArray:
    """Fraction of epochs at which a layer violates the data-processing inequality."""

    def share(information: xr.Dataset) -> xr.DataArray:
        finite = is_finite(information["I_XT"].isel(epoch=-1, drop=True)).any("layer")
        return (information["order_violations"] > 0).mean("epoch").where(finite)

    return results.each_case("information", share)


def label_bits_above_null(results: Results) -> xr.DataArray:
    """I(T;Y) at the end minus its estimate for randomly permuted labels, in bits."""

    def above(information: xr.Dataset) -> xr.DataArray:
        end = information.isel(epoch=-1, drop=True)
        return end["I_TY"] - end["null_I_TY"]

    return results.each_case("information", above)


def largest_step(results: Results) -> Estimate:
    """Largest change of final I(X;T) between neighbouring cases over its range, layer mean."""
    cases = results.of("information").sizes.get("case", 1)
    if cases < _FEWEST:
        raise NotEnoughData(f"a sweep needs at least {_FEWEST} cases")
    ends = results.each_case("information", lambda d: d["I_XT"].isel(epoch=-1, drop=True))
    values = ends.transpose("replica", "case", "layer").to_numpy()
    values = values[:, :, np.isfinite(values).any(axis=0).all(axis=0)]
    if not values.shape[-1]:
        raise NotEnoughData("no layer has a finite value in every case of the sweep")
    values = values[np.isfinite(values).all(axis=(1, 2))]
    if not len(values):
        raise NotEnoughData("no network has a finite value in every case of the sweep")

    def steps(means: np.ndarray) -> np.ndarray:
        """Of means (..., case, layer)."""
        extent = means.max(axis=-2) - means.min(axis=-2)
        most = np.abs(np.diff(means, axis=-2)).max(axis=-2)
        moving = extent > LEAST_LOSS
        shares = np.where(moving, most / np.where(moving, extent, 1.0), 0.0)
        with np.errstate(invalid="ignore"):  # no step if no layer changes
            return np.asarray(shares.sum(axis=-1) / moving.sum(axis=-1))

    step = float(steps(values.mean(axis=0)))
    if np.isnan(step):
        raise NotEnoughData(f"no layer's I(X;T) changes by {LEAST_LOSS:g} bit over the sweep")
    low, high = jackknife_interval(np.array(step), steps(means_without_each(values)), len(values))
    return Estimate(step, float(low), float(high), len(values))


def _rise(curve: xr.DataArray) -> xr.DataArray:
    """A curve minus its initial value."""
    return curve - curve.isel(epoch=0, drop=True)


def onset_epoch(results: Results) -> xr.DataArray:
    """Epoch at 10% of the loss of I(X;T), for every case."""
    return results.each_case("information", lambda d: compression(d["I_XT"])["onset_epoch"])


STATISTICS = {
    "bits_lost": Statistic(
        bits_lost,
        "I(X;T) at the peak of its mean curve minus that at the end, in bits",
        needs=("information",),
        shown_in=("compression", "information", "information_of_cases"),
    ),
    "label_bits_lost": Statistic(
        label_bits_lost,
        "I(T;Y) at the peak of its mean curve minus that at the end, in bits",
        needs=("information",),
        shown_in=("plane_of_cases", "plane_paths"),
    ),
    "label_bits_gained": Statistic(
        label_bits_gained,
        "I(T;Y) at the end minus that at the start, in bits",
        needs=("information",),
        shown_in=("plane_of_cases", "plane_paths"),
    ),
    "early_fit": Statistic(
        early_fit,
        "Fraction of the final rise of I(T;Y) that is reached after 5% of the epochs",
        needs=("information",),
        shown_in=("information", "plane_paths"),
    ),
    "phase_lengths": Statistic(
        phase_lengths,
        "Log10 of the epoch at 90% of the loss of I(X;T) over that at 90% of the rise of I(T;Y)",
        needs=("information",),
        shown_in=("information", "information_of_cases"),
    ),
    "order_violations": Statistic(
        order_violations,
        "Fraction of epochs at which a layer violates the data-processing inequality",
        needs=("information",),
        shown_in=("information",),
    ),
    "label_bits_above_null": Statistic(
        label_bits_above_null,
        "I(T;Y) at the end minus its estimate for randomly permuted labels, in bits",
        needs=("information",),
        shown_in=("plane_of_cases", "plane_paths"),
    ),
    "largest_step": Statistic(
        largest_step,
        "Largest change of final I(X;T) between neighbouring cases over its range, layer mean",
        needs=("information",),
        shown_in=("converged_layers",),
    ),
    **RELAXATION,
}
