"""Statistics of linear networks."""

import numpy as np
import xarray as xr

from sgdphys.claims.results import Results
from sgdphys.claims.statistic import Statistic
from sgdphys.information.onset import fall_after_peak


def linear_bits_lost(results: Results) -> xr.DataArray:
    """Exact I(X;T) of a noisy linear layer, peak of its mean curve minus the end, in bits."""
    return results.each_case("linear", lambda d: fall_after_peak(d["I_XT"]))


def irrelevant_bits_lost(results: Results) -> xr.DataArray:
    """Exact information about irrelevant inputs, peak minus end, in bits."""
    return results.each_case("linear", lambda d: fall_after_peak(d["I_irrelevant"]))


def linear_bits_gained(results: Results) -> xr.DataArray:
    """Exact I(X;T) of a noisy linear layer, end minus start, in bits."""

    def gained(linear: xr.Dataset) -> xr.DataArray:
        first, last = (linear["I_XT"].isel(epoch=k, drop=True) for k in (0, -1))
        return last - first

    return results.each_case("linear", gained)


def linear_overtraining(results: Results) -> xr.DataArray:
    """Exact test error at the end over that at the minimum of its mean curve."""
    return _over_lowest(results, -1)


def linear_learning(results: Results) -> xr.DataArray:
    """Exact test error at the start over that at the minimum of its mean curve."""
    return _over_lowest(results, 0)


def _over_lowest(results: Results, at: int) -> xr.DataArray:
    def ratio(linear: xr.Dataset) -> xr.DataArray:
        error = linear["generalisation_error"]
        lowest = error.mean("replica").fillna(np.inf).argmin("epoch")
        return error.isel(epoch=at, drop=True) / error.isel(epoch=lowest, drop=True)

    return results.each_case("linear", ratio)


STATISTICS = {
    "linear_bits_lost": Statistic(
        linear_bits_lost,
        "Exact I(X;T) of a noisy linear layer, peak of its mean curve minus the end",
        needs=("linear",),
        shown_in=("linear",),
        unit="bits",
    ),
    "irrelevant_bits_lost": Statistic(
        irrelevant_bits_lost,
        "Exact information about irrelevant inputs, peak minus end",
        needs=("linear",),
        shown_in=("linear",),
        unit="bits",
    ),
    "linear_bits_gained": Statistic(
        linear_bits_gained,
        "Exact I(X;T) of a noisy linear layer, end minus start",
        needs=("linear",),
        shown_in=("linear",),
        unit="bits",
    ),
    "linear_overtraining": Statistic(
        linear_overtraining,
        "Exact test error at the end over that at the minimum of its mean curve",
        needs=("linear",),
        shown_in=("linear",),
        kind="geometric",
        unit="times",
    ),
    "linear_learning": Statistic(
        linear_learning,
        "Exact test error at the start over that at the minimum of its mean curve",
        needs=("linear",),
        shown_in=("linear",),
        kind="geometric",
        unit="times",
    ),
}
