"""What critics of the information plane look at."""

import numpy as np
import xarray as xr

from sgdphys.claims.correlations import rank_correlation
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results, log, require_one_case, to_the_end
from sgdphys.errors import NotEnoughData
from sgdphys.information.onset import fall_after_peak


def one_unit_fall(results: Results) -> Estimate:
    """Exact I(X;T) of one binned unit at its peak less that at the largest weight, in bits."""
    curve = require_one_case(results.of("one_unit"))["unit_I_XT"].to_numpy()
    if not np.isfinite(curve).all():
        raise NotEnoughData("no unit of this activation has an information in closed form")
    fall = float(np.max(curve) - curve[-1])
    return Estimate(fall, fall, fall, 1)


def rescaling_change(results: Results) -> xr.DataArray:
    """Largest change of I(X;T) over layers when the weights change and the function does not."""
    found = results.of("rescaling")
    return abs(found["rescaled_I_XT"] - found["I_XT"]).max("layer")


def linear_bits_lost(results: Results) -> xr.DataArray:
    """Exact I(X;T) of a noisy linear layer at the peak of its mean curve less that at the end."""
    return results.each_case("linear", lambda d: fall_after_peak(d["I_XT"]))


def irrelevant_bits_lost(results: Results) -> xr.DataArray:
    """Exact bits about inputs that the teacher does not use at their peak less those at the end."""
    return results.each_case("linear", lambda d: fall_after_peak(d["I_irrelevant"]))


def linear_bits_gained(results: Results) -> xr.DataArray:
    """Exact I(X;T) of a noisy linear layer at the end less that at the start, in bits."""

    def gained(linear: xr.Dataset) -> xr.DataArray:
        first, last = (linear["I_XT"].isel(epoch=k, drop=True) for k in (0, -1))
        return last - first

    return results.each_case("linear", gained)


def linear_overtraining(results: Results) -> xr.DataArray:
    """Ln of the exact test error at the end over that at the lowest point of its mean curve."""
    return _over_lowest(results, -1)


def linear_learning(results: Results) -> xr.DataArray:
    """Ln of the exact test error at the start over that at the lowest point of its mean curve."""
    return _over_lowest(results, 0)


def _over_lowest(results: Results, at: int) -> xr.DataArray:
    def ratio(linear: xr.Dataset) -> xr.DataArray:
        error = linear["generalisation_error"]
        lowest = error.mean("replica").fillna(np.inf).argmin("epoch")
        return log(error.isel(epoch=at, drop=True) / error.isel(epoch=lowest, drop=True))

    return results.each_case("linear", ratio)


def clustering_gain(results: Results) -> xr.DataArray:
    """Ln of within- over between-label distance at the start less that at the end."""

    def gain(clustering: xr.Dataset) -> xr.DataArray:
        first, last = (log(clustering["distance_ratio"].isel(epoch=k, drop=True)) for k in (0, -1))
        return first - last

    return results.each_case("clustering", gain)


def clustering_with_entropy(results: Results) -> Estimate:
    """Rank correlation over epochs of within- over between-label distance with binned H(T)."""
    found = to_the_end(require_one_case(results.of("clustering")))
    return rank_correlation(found["distance_ratio"], found["binned_entropy"], over="epoch")
