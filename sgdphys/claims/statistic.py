"""Statistics of claims: functions of results that return values per replica or estimates."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import xarray as xr

from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results
from sgdphys.intervals import Kind

Measured = xr.DataArray | xr.Dataset | Estimate
"""Values per replica, or estimates as value, low and high, over any further dimensions."""


class Statistic(NamedTuple):
    """A statistic: its function, its description, and the analyses that it needs."""

    of: Callable[[Results], Measured]
    measures: str
    """Description in verdicts and in their file."""
    needs: tuple[str, ...]
    """Kinds of the analyses that it reads, its own first."""
    shown_in: tuple[str, ...] = ()
    """Figures that show it, the most suitable first."""
    chooses: tuple[str, ...] = ()
    """Keys of a claim's ``where`` that it handles itself."""
    kind: Kind = "symmetric"
    """Kind of values per replica, which decides their interval. Geometric ones are averaged as
    logarithms, and compared by their ratio."""
    unit: str = ""
    """Word after a value, such as bits or times; empty for a number without one."""

    of_labels: bool = False
    """Whether it is of tasks with labels alone."""
    unit_in: str = ""
    """Variable of the analysis that it reads first, whose unit is that word, as of a loss."""

    def unit_of(self, groups: Mapping[str, xr.Dataset], *, is_compared: bool) -> str:
        """The word after a value, or after the comparison of two."""
        if is_compared and self.kind == "geometric":
            return "times"
        for group in groups.values() if self.unit_in else ():
            if group.attrs.get("of") == self.needs[0] and self.unit_in in group:
                unit = str(group[self.unit_in].attrs.get("units", "1"))
                return "" if unit == "1" else unit
        return self.unit
