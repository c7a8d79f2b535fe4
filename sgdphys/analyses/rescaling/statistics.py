"""Statistics of weights rescaled at a fixed network function."""

import xarray as xr

from sgdphys.claims.results import Results
from sgdphys.claims.statistic import Statistic


def rescaling_change(results: Results) -> xr.DataArray:
    """Largest change of I(X;T) over layers under weight rescaling that preserves the function."""
    found = results.of("rescaling")
    return abs(found["rescaled_I_XT"] - found["I_XT"]).max("layer")


STATISTICS = {
    "rescaling_change": Statistic(
        rescaling_change,
        "Largest change of I(X;T) over layers under weight rescaling that preserves the function",
        needs=("rescaling",),
        shown_in=("compression",),
        unit="bits",
    ),
}
