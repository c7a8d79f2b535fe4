"""Statistics of capacity: descent against Cover's probability, and where separability is lost."""

import numpy as np
import xarray as xr

from sgdphys.analyses.capacity.scans import scan
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results, with_ends
from sgdphys.claims.statistic import Statistic
from sgdphys.errors import NotEnoughData
from sgdphys.status import words


def at_the_end(capacity: xr.Dataset) -> xr.DataArray:
    """Whether each network has separated its points at the last epoch that is left, by case."""
    separated = capacity["separated"].transpose(..., "replica", "epoch")
    values = separated.to_numpy()
    there = np.isfinite(values)
    if not there.any():
        raise NotEnoughData("no epoch was recorded before the limit")
    last = there.shape[-1] - 1 - there[..., ::-1].argmax(axis=-1)
    at_last = np.take_along_axis(values, last[..., None], axis=-1)[..., 0]
    template = separated.isel(epoch=-1).reset_coords(drop=True)
    return template.copy(data=at_last)


def cover_gap(results: Results) -> xr.DataArray:
    """Cover's probability minus the share separated by descent, mean over the cases."""
    found = results.of("capacity")
    return found["cover"] - at_the_end(found)


def separable_gap(results: Results) -> xr.DataArray:
    """Share that is linearly separable minus Cover's probability, mean over the cases."""
    found = results.of("capacity")
    return found["separable"] - found["cover"]


def separated_beyond(results: Results) -> xr.DataArray:
    """Share of networks that have separated what no plane separates, mean over the cases."""
    found = results.of("capacity")
    return at_the_end(found) * (1 - found["separable"])


def _collapsed(m: xr.DataArray, name: str) -> Estimate:
    """A parameter of the collapse of a scan.

    A share at the critical point has no exponent. Corrections to scaling are not fitted: for
    Cover's probability at 10 to 80 inputs they are far below the error of some hundred data sets,
    and fitting them triples the intervals.
    """
    from sgdphys.transitions.collapse import collapse  # slow to import

    found = collapse(m, exponent_order=0.0, corrections=False)
    if not np.isfinite(found[name]):
        raise NotEnoughData(f"the scan has no collapse: {words(found['status']).item()}")
    ends = with_ends(found, name)
    value, low, high = (float(ends[end]) for end in ("value", "low", "high"))
    return Estimate(value, low, high, members=0)


def capacity_point(results: Results) -> Estimate:
    """Load at which half of all data sets are separable, from the collapse of all sizes."""
    found = results.of("capacity")
    return _collapsed(scan(found, found["separable"]), "critical_point")


def capacity_exponent(results: Results) -> Estimate:
    """Exponent of the size that scales the distance from that load, 1/nu, from the collapse."""
    found = results.of("capacity")
    return _collapsed(scan(found, found["separable"]), "exponent_control")


STATISTICS = {
    "cover_gap": Statistic(
        cover_gap,
        "Cover's probability minus the share of networks that have separated their points",
        needs=("capacity",),
        shown_in=("capacity",),
    ),
    "separable_gap": Statistic(
        separable_gap,
        "Share of data sets that are linearly separable minus Cover's probability",
        needs=("capacity",),
        shown_in=("capacity",),
    ),
    "separated_beyond": Statistic(
        separated_beyond,
        "Share of networks that have separated what no plane separates",
        needs=("capacity",),
        shown_in=("capacity",),
    ),
    "capacity_point": Statistic(
        capacity_point,
        "Load P/N at which linear separability is lost, from a collapse of all sizes",
        needs=("capacity",),
        shown_in=("capacity",),
    ),
    "capacity_exponent": Statistic(
        capacity_exponent,
        "Exponent 1/nu of the size at the loss of separability, from a collapse of all sizes",
        needs=("capacity",),
        shown_in=("capacity",),
    ),
}
