"""Statistics of distances within and between labels."""

import xarray as xr

from sgdphys.claims.correlations import rank_correlation
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results, log, require_one_case, to_the_end
from sgdphys.claims.statistic import Statistic


def clustering_gain(results: Results) -> xr.DataArray:
    """Ln of the within- over between-label distance at the start minus that at the end."""

    def gain(clustering: xr.Dataset) -> xr.DataArray:
        first, last = (log(clustering["distance_ratio"].isel(epoch=k, drop=True)) for k in (0, -1))
        return first - last

    return results.each_case("clustering", gain)


def clustering_with_entropy(results: Results) -> Estimate:
    """Rank correlation over epochs of within- over between-label distance with binned H(T)."""
    found = to_the_end(require_one_case(results.of("clustering")))
    return rank_correlation(found["distance_ratio"], found["binned_entropy"], over="epoch")


STATISTICS = {
    "clustering_gain": Statistic(
        clustering_gain,
        "Ln of the within- over between-label distance at the start minus that at the end",
        needs=("clustering",),
        shown_in=("clustering",),
    ),
    "clustering_with_entropy": Statistic(
        clustering_with_entropy,
        "Rank correlation over epochs of within- over between-label distance with binned H(T)",
        needs=("clustering",),
        shown_in=("clustering",),
    ),
}
