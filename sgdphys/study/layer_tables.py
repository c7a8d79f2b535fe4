"""Tables of what each layer of an ensemble learns and loses, by the statistics of the verdicts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.analyses import catalogue
from sgdphys.analyses.information.statistics import onset_epoch
from sgdphys.analyses.phases.readings import READINGS
from sgdphys.claims.estimates import Estimate, over_replicas
from sgdphys.claims.measuring import estimates_at_each
from sgdphys.claims.results import LEARNED, Results, to_the_end
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.information.onset import compression

Groups = Mapping[str, xr.Dataset]
Table = tuple[str, list[tuple[str, ...]]]
"""A title, and rows of which the first is the heading."""
_CROSSINGS = {
    "followed": "within an epoch",
    "drift": "drift",
    "fixed": "fixed weights",
}
"""Events of the gradients, by the reading of drift against noise."""
_READINGS = (
    "three readings: gradients within an epoch (the paper's),\ndrift over two epochs, fixed weights"
)
_LARGE = 99.5
_SHARES = (0.02, 0.05, 0.1, 0.25, 0.5)
"""Shares of the loss of information that are called its onset."""


def layer_tables(groups: Groups) -> list[Table]:
    """Tables of the information of every layer, and of the events in its training.

    Parameters
    ----------
    groups : mapping of str to Dataset
        Results of one ensemble by the names of its analyses.

    Returns
    -------
    list of (title, rows)
        Empty for a sweep, where no information was computed, and where no network has learnt
        anything. Every number that a verdict uses is computed by the statistic of that verdict,
        layer by layer.
    """
    information = _of(groups, "information")
    if information is None or "case" in information.dims:
        return []
    if LEARNED in information.coords and not (information[LEARNED] > 0).any():
        return []
    layers = information["layer"].to_numpy()
    tables = [_information_table(groups, to_the_end(information), layers)]
    phases = _of(groups, "phases")
    if phases is not None:
        known = {r: e for r, e in _CROSSINGS.items() if READINGS[r] in phases}
        tables += [_events_table(groups, layers, known), _order_table(groups, layers, known)]
        if "followed" in known:
            tables.append(_shares_table(groups, layers))
    return tables


def _of(groups: Groups, kind: str) -> xr.Dataset | None:
    """The first analysis of a kind, or None without data."""
    try:
        return Results(groups, (kind,), "", {}).of(kind)
    except InputError:
        return None


def _information_table(groups: Groups, information: xr.Dataset, layers: np.ndarray) -> Table:
    mean = compression(information["I_XT"].mean("replica"))
    rows: list[tuple[str, ...]] = [("layer", "start", "peak", "end", "bits lost [95%]", "networks")]
    for layer, lost in zip(layers, _each(groups, "bits_lost", layers), strict=True):
        start, end = (float(mean[f"bits_{n}"].sel(layer=layer)) for n in ("start", "end"))
        ends = (start, end + lost.value, end)  # the peak that the loss counts from
        rows.append((str(layer), *(f"{e:z.2f}" for e in ends), *_cells(lost, "{:z.2f}")))
    return "I(X;T) of each layer in bits, mean over networks", rows


def _events_table(groups: Groups, layers: np.ndarray, crossings: Mapping[str, str]) -> Table:
    onset = onset_epoch(Results(groups, ("information",), "", {}))
    headings = ("compression begins", *crossings.values())
    rows: list[tuple[str, ...]] = [("layer", *(h for event in headings for h in (event, "n")))]
    begun = [over_replicas(onset.sel(layer=layer), "geometric") for layer in layers]
    events = [begun, *(_each(groups, "transition_epoch", layers, reading=r) for r in crossings)]
    for layer, *of in zip(layers, *events, strict=True):
        rows.append((str(layer), *(cell for e in of for cell in _cells(e, "{:.0f}"))))
    return (
        "Epoch of each event, geometric mean over the n networks where it occurs [95%]: "
        f"compression\nbegins, and noise exceeds drift by {_READINGS}",
        rows,
    )


def _order_table(groups: Groups, layers: np.ndarray, crossings: Mapping[str, str]) -> Table:
    headings = (h for event in crossings.values() for h in (event, "n"))
    rows: list[tuple[str, ...]] = [("layer", *headings)]
    found = (_each(groups, "onset_after_transition", layers, reading=r) for r in crossings)
    for layer, *of in zip(layers, *found, strict=True):
        rows.append((str(layer), *(cell for e in of for cell in _cells(e, "{:.2g}"))))
    return (
        "Epoch at which compression begins (10% of the loss) over that where noise exceeds drift "
        f"[95%],\nby {_READINGS};\n"
        "a network whose noise never exceeds it counts with its last epoch",
        rows,
    )


def _shares_table(groups: Groups, layers: np.ndarray) -> Table:
    headings = (h for share in _SHARES for h in (f"{share:.0%} of the loss", "n"))
    rows: list[tuple[str, ...]] = [("layer", *headings)]
    found = (_each(groups, "onset_after_transition", layers, share=share) for share in _SHARES)
    for layer, *of in zip(layers, *found, strict=True):
        rows.append((str(layer), *(cell for e in of for cell in _cells(e, "{:.2g}"))))
    return (
        "Epoch at a share of the loss of I(X;T) over that where the spread of the gradients\n"
        "within an epoch exceeds their mean [95%]",
        rows,
    )


def _each(groups: Groups, name: str, layers: np.ndarray, **where: Any) -> list[Estimate]:
    """The estimate of a statistic in every layer; NaN where there are too few data."""
    try:
        return estimates_at_each("layer", layers, name, catalogue.statistics()[name], where, groups)
    except NotEnoughData:
        return [Estimate(np.nan, np.nan, np.nan, members=0)] * len(layers)


def _cells(found: Estimate, form: str) -> tuple[str, str]:
    """An estimate with its interval, and the number of networks; what is missing in words."""
    members = str(found.members)
    if not np.isfinite(found.value):
        return "none", members
    value, low, high = (_written(number, form) for number in found[:3])
    if not np.isfinite([found.low, found.high]).all():
        return f"{value} [no interval]", members
    return f"{value} [{low}, {high}]", members


def _written(number: float, form: str) -> str:
    """A number, large ones as whole numbers instead of by powers of ten."""
    return f"{number:.0f}" if abs(number) >= _LARGE else form.format(number)
