"""What can be measured for a claim: numbers of replicas, or estimates, out of results."""

from collections.abc import Callable
from typing import NamedTuple

import xarray as xr

from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results

Measured = xr.DataArray | xr.Dataset | Estimate
"""Numbers of replicas, or estimates as value, low and high, by whatever dimensions there are."""


class Statistic(NamedTuple):
    """A statistic: how it is measured, what it says, and what it is taken of."""

    of: Callable[[Results], Measured]
    measures: str
    """What it measures, as verdicts say it; part of their file."""
    needs: tuple[str, ...]
    """Kinds of the analyses that it reads, that whose claim it serves first."""
    shown_in: tuple[str, ...] = ()
    """Figures that show it, the best one first."""
    chooses: tuple[str, ...] = ()
    """Keys of a claim's ``where`` that it sees to itself."""
