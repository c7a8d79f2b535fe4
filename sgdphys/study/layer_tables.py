"""Tables of what each layer of an ensemble learns and loses, by the statistics of the verdicts."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from sgdphys.analyses import catalogue
from sgdphys.analyses.information.statistics import onset_epoch
from sgdphys.analyses.phases.statistics import PAPER_EPOCH
from sgdphys.claims.estimates import Estimate, over_replicas
from sgdphys.claims.results import Results, log, to_the_end
from sgdphys.claims.verdicts import estimate_of
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.information.onset import compression

Groups = Mapping[str, xr.Dataset]
Table = tuple[str, list[tuple[str, ...]]]
"""A title, and rows of which the first is the heading."""
_CROSSINGS = {"drift_": "noise exceeds drift", "": "noise exceeds mean"}
"""Events of the gradients, by the prefix of their variables."""


def layer_tables(groups: Groups) -> list[Table]:
    """Tables of the information of every layer, and of the events in its training.

    Parameters
    ----------
    groups : mapping of str to Dataset
        Results of one ensemble by the names of its analyses.

    Returns
    -------
    list of (title, rows)
        Empty for a sweep, and where no information was computed. Every number that a verdict uses
        is computed by the statistic of that verdict, layer by layer.
    """
    information = _of(groups, "information")
    if information is None or "case" in information.dims:
        return []
    layers = information["layer"].to_numpy()
    tables = [_information_table(groups, to_the_end(information), layers)]
    phases = _of(groups, "phases")
    if phases is not None:
        known = {p: e for p, e in _CROSSINGS.items() if f"{p}transition_epoch" in phases}
        tables += [_events_table(groups, layers, known), _order_table(groups, layers, known)]
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
    for layer in layers:
        lost = _at(groups, "bits_lost", layer)
        start, end = (float(mean[f"bits_{n}"].sel(layer=layer)) for n in ("start", "end"))
        ends = (start, end + lost.value, end)  # the peak that the loss counts from
        rows.append((str(layer), *(f"{e:z.2f}" for e in ends), *_cells(lost, "{:z.2f}")))
    return "I(X;T) of each layer in bits, mean over networks", rows


def _events_table(groups: Groups, layers: np.ndarray, crossings: Mapping[str, str]) -> Table:
    onset = log(onset_epoch(Results(groups, ("information",), "", {})), 2)
    headings = ("compression begins", *crossings.values())
    rows: list[tuple[str, ...]] = [("layer", *(h for event in headings for h in (event, "n")))]
    for layer in layers:
        events = [_scaled(over_replicas(onset.sel(layer=layer)), 1)]
        for prefix in crossings:
            log2 = _at(groups, f"{prefix}transition_epoch", layer)
            events.append(_scaled(log2, PAPER_EPOCH))
        rows.append((str(layer), *(cell for e in events for cell in _cells(e, "{:.0f}"))))
    return "Epoch of each event, geometric mean over the n networks where it occurs [95%]", rows


def _order_table(groups: Groups, layers: np.ndarray, crossings: Mapping[str, str]) -> Table:
    headings = (h for event in crossings.values() for h in (event, "n"))
    rows: list[tuple[str, ...]] = [("layer", *headings)]
    for layer in layers:
        found = (_at(groups, f"onset_after_{prefix}transition", layer) for prefix in crossings)
        rows.append((str(layer), *(cell for e in found for cell in _cells(e, "{:+z.2f}"))))
    return (
        "Log10(epoch at which compression begins / epoch of the crossing) [95%]; a network whose "
        "noise\nnever exceeds it counts with its last epoch",
        rows,
    )


def _at(groups: Groups, name: str, layer: float) -> Estimate:
    """The estimate of a statistic in one layer; NaN where there are too few data."""
    try:
        return estimate_of(name, catalogue.statistics()[name], {"layer": layer}, groups)
    except NotEnoughData:
        return Estimate(np.nan, np.nan, np.nan, members=0)


def _scaled(log2: Estimate, unit: float) -> Estimate:
    """An estimate of log2(epoch / unit) as one of the epoch."""
    value, low, high = (float(unit * 2**v) for v in log2[:3])
    return Estimate(value, low, high, log2.members)


def _cells(found: Estimate, form: str) -> tuple[str, str]:
    """An estimate with its interval, and the number of networks; what is missing in words."""
    members = str(found.members)
    if not np.isfinite(found.value):
        return "none", members
    value = form.format(found.value)
    if not np.isfinite([found.low, found.high]).all():
        return f"{value} [no interval]", members
    return f"{value} [{form.format(found.low)}, {form.format(found.high)}]", members
