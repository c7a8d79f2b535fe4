"""Statistics of the overlap of units and networks."""

import xarray as xr

from sgdphys.claims.results import Results, log, with_ends
from sgdphys.claims.statistic import Statistic


def unit_overlap(results: Results) -> xr.Dataset:
    """Rms cosine of the incoming weights of two units of a layer, minus that of random weights."""
    found = results.of("diversity")
    null = found["null_unit_overlap"]
    names = {"value": "unit_overlap", "low": "unit_overlap_low", "high": "unit_overlap_high"}
    return xr.Dataset({new: found[old] - null for new, old in names.items()})


def matched_overlap(results: Results) -> xr.Dataset:
    """Cosine of the incoming weights of two networks, with hidden units matched."""
    return with_ends(results.of("diversity"), "matched_overlap")


def norm_growth(results: Results) -> xr.DataArray:
    """Ln of a layer's final weight norm over its initial one."""
    return log(results.of("diversity")["norm_ratio"])


STATISTICS = {
    "unit_overlap": Statistic(
        unit_overlap,
        "Rms cosine of the incoming weights of two units of a layer, minus that of random weights",
        needs=("diversity",),
        shown_in=("diversity",),
    ),
    "matched_overlap": Statistic(
        matched_overlap,
        "Cosine of the incoming weights of two networks, with hidden units matched",
        needs=("diversity",),
        shown_in=("diversity",),
    ),
    "norm_growth": Statistic(
        norm_growth,
        "Ln of a layer's final weight norm over its initial one",
        needs=("diversity",),
        shown_in=("diversity", "weight_norms"),
    ),
}
