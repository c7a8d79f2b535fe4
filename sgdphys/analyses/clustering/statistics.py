"""Statistics of distances within and between labels."""

import numpy as np
import xarray as xr

from sgdphys.claims.ranks import spearman
from sgdphys.claims.results import LEARNED, Results
from sgdphys.claims.statistic import Statistic
from sgdphys.errors import NotEnoughData
from sgdphys.information.onset import fall_after_peak, is_finite

_DOSE = "swept_orthonormality"
_FEWEST_DOSES = 3


def clustering_gain(results: Results) -> xr.DataArray:
    """Within- over between-label distance at the start over that at the end."""
    return results.each_case("clustering", _gain)


def _gain(clustering: xr.Dataset) -> xr.DataArray:
    first, last = (clustering["distance_ratio"].isel(epoch=k, drop=True) for k in (0, -1))
    return first / last


def clustering_with_entropy(results: Results) -> xr.DataArray:
    """Correlation over epochs of within- over between-label distance with binned H(T), given epoch.

    Of every network and layer, after the mean of all networks at each epoch is subtracted from
    both: any two trends that networks share correlate, and what a network is ahead or behind of the
    others in the one need not be what it is in the other.
    """

    def correlation(clustering: xr.Dataset) -> xr.DataArray:
        ratio, entropy = (
            clustering[n] - clustering[n].mean("replica")
            for n in ("distance_ratio", "binned_entropy")
        )
        return xr.corr(ratio, entropy, dim="epoch")

    return results.each_case("clustering", correlation)


def bits_lost_with_dose(results: Results) -> xr.DataArray:
    """Rank correlation over doses of the orthonormality penalty with bits lost, by network."""
    doses = _doses(results.of("information"))
    lost = results.each_case("information", lambda d: fall_after_peak(d["I_XT"]))
    return spearman(lost, doses, "case")


def clustering_with_dose(results: Results) -> xr.DataArray:
    """Rank correlation over doses of the orthonormality penalty with clustering, by network."""
    found = results.of("clustering")
    doses, gain = _doses(found), _gain(found)  # all cases of one schedule: of no other epochs
    if LEARNED in found.coords:
        gain = gain.where(found[LEARNED] > 0)
    return spearman(gain.where(is_finite(gain)), doses, "case")


def _doses(found: xr.Dataset) -> xr.DataArray:
    """The dose of every case, each once."""
    values = np.unique(found[_DOSE] if _DOSE in found.coords else np.empty(0))
    if len(values) < _FEWEST_DOSES or len(values) != found.sizes.get("case"):
        raise NotEnoughData(
            f"a dose response needs at least {_FEWEST_DOSES} cases that differ in "
            f"train.orthonormality alone, and there are {found.sizes.get('case', 1)} cases of "
            f"{len(values)} doses"
        )
    return found[_DOSE].astype(float)


STATISTICS = {
    "clustering_gain": Statistic(
        clustering_gain,
        "Within- over between-label distance at the start over that at the end",
        needs=("clustering",),
        shown_in=("clustering",),
        kind="geometric",
        unit="times",
    ),
    "clustering_with_entropy": Statistic(
        clustering_with_entropy,
        "Correlation over epochs, given the epoch, of within- over between-label distance and "
        "binned H(T)",
        needs=("clustering",),
        shown_in=("clustering",),
    ),
    "bits_lost_with_dose": Statistic(
        bits_lost_with_dose,
        "Rank correlation over doses of the orthonormality penalty with bits lost, by network",
        needs=("information",),
        shown_in=("dose_response", "information"),
    ),
    "clustering_with_dose": Statistic(
        clustering_with_dose,
        "Rank correlation over doses of the orthonormality penalty with clustering, by network",
        needs=("clustering",),
        shown_in=("clustering",),
    ),
}
