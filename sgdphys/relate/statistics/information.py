"""What layers know, and lose."""

import numpy as np
import xarray as xr

from sgdphys.draws import bootstrap_draws
from sgdphys.dynamics.intervals import percentile_interval, resampled_means
from sgdphys.errors import NotEnoughData
from sgdphys.information.onset import LEAST_LOSS, fall_after_peak, is_finite, loss_epoch
from sgdphys.relate.estimates import Estimate
from sgdphys.relate.statistics.results import Results, log

_DONE = 0.9
"""Share of a rise or a fall at which it counts as done."""
_FEWEST = 4


def bits_lost(results: Results) -> xr.DataArray:
    """I(X;T) at the peak of its mean curve less that at the end, in bits."""
    return results.each_case("information", lambda d: fall_after_peak(d["I_XT"]))


def label_bits_lost(results: Results) -> xr.DataArray:
    """I(T;Y) at the peak of its mean curve less that at the end, in bits."""
    return results.each_case("information", lambda d: fall_after_peak(d["I_TY"]))


def label_bits_gained(results: Results) -> xr.DataArray:
    """I(T;Y) at the end less that at the start, in bits."""
    return results.each_case("information", lambda d: _rise(d["I_TY"]).isel(epoch=-1, drop=True))


def early_fit(results: Results) -> xr.DataArray:
    """Share of the final rise of I(T;Y) that is there after a twentieth of the epochs."""

    def share(information: xr.Dataset) -> xr.DataArray:
        gained = _rise(information["I_TY"])
        early = abs(gained["epoch"] - 0.05 * gained["epoch"][-1]).argmin("epoch")
        return gained.isel(epoch=early, drop=True) / gained.isel(epoch=-1, drop=True)

    return results.each_case("information", share)


def phase_lengths(results: Results) -> xr.DataArray:
    """Log10 of the epoch by which 90% of the loss of I(X;T) is done over that for 90% of I(T;Y)."""

    def ratio(information: xr.Dataset) -> xr.DataArray:
        lost = loss_epoch(information["I_XT"], _DONE)
        gained = _rise(information["I_TY"])
        end = gained.isel(epoch=-1, drop=True)
        fitted = gained["epoch"].isel(epoch=(gained >= _DONE * end).argmax("epoch"))
        return log(lost / fitted.where((end >= LEAST_LOSS) & (fitted > 0)), 10)

    return results.each_case("information", ratio)


def order_violations(results: Results) -> xr.DataArray:
    """Share of epochs at which some layer reads more about input or label than the one before."""

    def share(information: xr.Dataset) -> xr.DataArray:
        sound = is_finite(information["I_XT"].isel(epoch=-1, drop=True)).any("layer")
        return (information["order_violations"] > 0).mean("epoch").where(sound)

    return results.each_case("information", share)


def label_bits_above_null(results: Results) -> xr.DataArray:
    """I(T;Y) at the end less what it reads for shuffled labels, in bits."""

    def above(information: xr.Dataset) -> xr.DataArray:
        end = information.isel(epoch=-1, drop=True)
        return end["I_TY"] - end["null_I_TY"]

    return results.each_case("information", above)


def largest_step(results: Results) -> Estimate:
    """Largest change of final I(X;T) between neighbouring cases over its range, by layer."""
    cases = results.of("information").sizes.get("case", 1)
    if cases < _FEWEST:
        raise NotEnoughData(f"a scan needs at least {_FEWEST} cases")
    ends = results.each_case("information", lambda d: d["I_XT"].isel(epoch=-1, drop=True))
    values = ends.transpose("replica", "case", "layer").to_numpy()
    values = values[:, :, np.isfinite(values).any(axis=0).all(axis=0)]
    if not values.shape[-1]:
        raise NotEnoughData("no layer has a finite value in every case of the scan")
    values = values[np.isfinite(values).all(axis=(1, 2))]
    if not len(values):
        raise NotEnoughData("no network has a finite value in every case of the scan")

    def steps(means: np.ndarray) -> np.ndarray:
        """Of means (..., case, layer)."""
        reach = means.max(axis=-2) - means.min(axis=-2)
        most = np.abs(np.diff(means, axis=-2)).max(axis=-2)
        moving = reach > LEAST_LOSS
        shares = np.where(moving, most / np.where(moving, reach, 1.0), 0.0)
        with np.errstate(invalid="ignore"):  # where no layer moves there is no step
            return np.asarray(shares.sum(axis=-1) / moving.sum(axis=-1))

    step = float(steps(values.mean(axis=0)))
    if np.isnan(step):
        raise NotEnoughData(f"no layer's I(X;T) changes by {LEAST_LOSS:g} bit over the scan")
    samples = steps(resampled_means(values, bootstrap_draws(len(values), 0)))
    low, high = percentile_interval(samples[:, None], len(values))
    return Estimate(step, float(low[0]), float(high[0]), len(values))


def _rise(curve: xr.DataArray) -> xr.DataArray:
    """A curve less its start."""
    return curve - curve.isel(epoch=0, drop=True)
