"""What can be measured for a claim: numbers of replicas, or estimates, out of results."""

from collections.abc import Callable
from typing import NamedTuple

import xarray as xr

from sgdphys.analyses.bottleneck import statistics as bottleneck
from sgdphys.analyses.information import statistics as information
from sgdphys.analyses.learning import statistics as weights
from sgdphys.analyses.linear import statistics as critics
from sgdphys.analyses.phases import statistics as timing
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results


class Statistic(NamedTuple):
    """A statistic and what it measures."""

    of: Callable[[Results], xr.DataArray | xr.Dataset | Estimate]
    meaning: str


STATISTICS: dict[str, Statistic] = {
    name: Statistic(function, str(function.__doc__).partition("\n")[0].rstrip("."))
    for file in (information, timing, weights, bottleneck, critics)
    for name, function in vars(file).items()
    if getattr(function, "__module__", "") == file.__name__ and not name.startswith("_")
}
"""By name: the public functions of the files beside this one; the meaning is their first line."""
