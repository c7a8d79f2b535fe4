"""What layers know, and lose."""

import numpy as np
import xarray as xr

from sgdphys.dynamics.intervals import percentile_interval, resampled_means
from sgdphys.errors import NotEnoughData
from sgdphys.information.onset import LEAST_LOSS, fall_after_peak, loss_epoch
from sgdphys.relate.estimates import Estimate
from sgdphys.relate.statistics.results import Results, log

_DONE = 0.9
"""Share of a rise or a fall at which it counts as done."""
_FEWEST = 4


def bits_lost(results: Results) -> xr.DataArray:
    """I(X;T) at the peak of its mean curve less that at the end, in bits."""
    return fall_after_peak(results.of("information")["I_XT"])


def label_bits_lost(results: Results) -> xr.DataArray:
    """I(T;Y) at the peak of its mean curve less that at the end, in bits."""
    return fall_after_peak(results.of("information")["I_TY"])


def label_bits_gained(results: Results) -> xr.DataArray:
    """I(T;Y) at the end less that at the start, in bits."""
    curve = results.of("information")["I_TY"]
    return curve.isel(epoch=-1) - curve.isel(epoch=0)


def early_fit(results: Results) -> xr.DataArray:
    """Share of the final rise of I(T;Y) that is there after a twentieth of the epochs."""
    curve = results.of("information")["I_TY"]
    early = abs(curve["epoch"] - 0.05 * curve["epoch"][-1]).argmin("epoch")
    start = curve.isel(epoch=0)
    return (curve.isel(epoch=early) - start) / (curve.isel(epoch=-1) - start)


def phase_lengths(results: Results) -> xr.DataArray:
    """Log10 of the epoch by which 90% of the loss of I(X;T) is done over that for 90% of I(T;Y)."""
    found = results.of("information")
    lost = loss_epoch(found["I_XT"], _DONE)
    about_y = found["I_TY"]
    rise = about_y - about_y.isel(epoch=0)
    is_done = rise >= _DONE * rise.isel(epoch=-1)
    fitted = about_y["epoch"].isel(epoch=is_done.argmax("epoch"))
    return log(lost / fitted.where((rise.isel(epoch=-1) >= LEAST_LOSS) & (fitted > 0)), 10)


def order_violations(results: Results) -> xr.DataArray:
    """Share of epochs at which some layer reads more about input or label than the one before."""
    return (results.of("information")["order_violations"] > 0).mean("epoch")


def label_bits_above_null(results: Results) -> xr.DataArray:
    """I(T;Y) at the end less what it reads for shuffled labels, in bits."""
    found = results.of("information").isel(epoch=-1)
    return found["I_TY"] - found["null_I_TY"]


def largest_step(results: Results) -> Estimate:
    """Largest change of final I(X;T) between neighbouring cases over its range, by layer."""
    ends = results.of("information")["I_XT"].isel(epoch=-1)
    if "case" not in ends.dims or ends.sizes["case"] < _FEWEST:
        raise NotEnoughData(f"a scan needs at least {_FEWEST} cases")
    values = ends.transpose("replica", "case", "layer").to_numpy()

    def steps(means: np.ndarray) -> np.ndarray:
        """Of means (..., case, layer)."""
        reach = means.max(axis=-2) - means.min(axis=-2)
        most = np.abs(np.diff(means, axis=-2)).max(axis=-2)
        moving = reach > LEAST_LOSS
        shares = np.where(moving, most / np.where(moving, reach, 1.0), np.nan)
        return np.asarray(np.nanmean(shares, axis=-1))

    low, high = percentile_interval(steps(resampled_means(values))[:, None], len(values))
    return Estimate(float(steps(values.mean(axis=0))), float(low[0]), float(high[0]), len(values))
