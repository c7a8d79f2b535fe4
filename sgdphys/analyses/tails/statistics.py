"""Statistics of the tails of the gradient noise."""

import xarray as xr

from sgdphys.claims.results import Results
from sgdphys.claims.statistic import Statistic


def tail_index_across(results: Results) -> xr.DataArray:
    """Tail index of gradient noise, pooled over the parameters of one batch: 2 is Gaussian."""
    return results.each_case("tails", lambda data: data["across"])


def heavier_across(results: Results) -> xr.DataArray:
    """Index across parameters of Gaussian noise of the same covariance minus that of the noise."""
    return results.each_case("tails", lambda data: data["null_across"] - data["across"])


def heavier_along(results: Results) -> xr.DataArray:
    """Index along batches of Gaussian noise of the same covariance minus that of the noise."""
    return results.each_case("tails", lambda data: data["null_along"] - data["along"])


STATISTICS = {
    "tail_index_across": Statistic(
        tail_index_across,
        "Tail index of gradient noise, pooled over the parameters of one batch: 2 is Gaussian",
        needs=("tails",),
        shown_in=("noise_tails",),
    ),
    "heavier_across": Statistic(
        heavier_across,
        "Index across parameters of Gaussian noise of the same covariance minus that of the noise",
        needs=("tails",),
        shown_in=("noise_tails",),
    ),
    "heavier_along": Statistic(
        heavier_along,
        "Index along batches of Gaussian noise of the same covariance minus that of the noise",
        needs=("tails",),
        shown_in=("noise_tails",),
    ),
}
