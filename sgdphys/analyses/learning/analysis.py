"""How soon networks learn, how well, and whether they come to know it all by heart."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sgdphys.analyses.learning.order import (
    accuracy_above_chance,
    has_diverged,
    is_dead,
    order_of_user,
)
from sgdphys.analyses.learning.settings import Settings
from sgdphys.analyses.source import Source
from sgdphys.glossary import Quantity
from sgdphys.information.onset import fall_after_peak
from sgdphys.intervals import METHOD, Kind, mean_with_interval
from sgdphys.quantities import in_unit, labelled
from sgdphys.transitions.order_parameter import order_parameter

if TYPE_CHECKING:
    from sgdphys.study.settings import Study

_FEWEST = 5
_LOSSES = ("final_loss", "final_test_loss", "overtraining", "test_loss")
_ENSEMBLE: dict[str, Kind] = {"relaxation_epoch": "positive", "final_test_accuracy": "symmetric"}
_MOMENTS = ("order", "susceptibility", "binder")
WITHOUT = "_without_dead"
"""Ending of the moments over networks that are neither dead nor diverged."""
_CLASSES = {
    "dead": ("share of dead networks", "they give one and the same label to all samples"),
    "diverged": ("share of diverged networks", "their weights or losses are not finite at the end"),
}
_NAMED = {
    **{f"share_{name}": Quantity("1", said[0], "", said[1]) for name, said in _CLASSES.items()},
    **{
        f"is_{name}": Quantity("1", f"whether a network is {name}", "", f"1 where {said[1]}")
        for name, said in _CLASSES.items()
    },
    **{
        f"{name}{WITHOUT}": Quantity(
            "1",
            f"{said}, without dead and diverged networks",
            "",
            "conditioned on what happened to the others",
        )
        for name, said in zip(
            _MOMENTS, ("order parameter", "susceptibility", "Binder cumulant"), strict=True
        )
    },
}


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Epochs to a test error, final accuracies, overtraining, order parameter and relaxation.

    The order parameter m of a network is its test accuracy above chance, at most 1 (where there is
    no test set, its training accuracy), or what the function of the key ``order`` says of it; its
    relaxation is the epoch by which all but 1/e of its final order is there. Tasks without labels
    have losses alone.

    Networks that diverged and networks that died are classes of their own. A network has diverged
    where its weights or its loss are not finite at the end: it has no m, and counts with m = 0. It
    is dead where it gives one and the same label to all samples. Of every case there are, each with
    ``_low`` and ``_high``:

    * ``order``, ``susceptibility``, ``binder``: of all networks;
    * ``order_without_dead``, ``susceptibility_without_dead``, ``binder_without_dead``: of those
      that are neither dead nor diverged, which are conditioned on what happened to them; NaN where
      fewer than 5 are left;
    * ``share_dead``, ``share_diverged``: shares of all networks, Clopper-Pearson intervals;

    and ``m``, ``is_dead``, ``is_diverged`` of every network. Over a sweep all have the dimension
    ``case``, with the swept keys as coordinates ``swept_KEY``; a case in which every network
    diverged is there too, with ``share_diverged`` 1 and ``order`` 0.
    """
    training = source.trajectory["training"].to_dataset().load()
    curves = training.transpose("epoch", "replica")
    has_test = bool(np.isfinite(curves["test_loss"]).any())
    accuracy = curves["test_accuracy"] if has_test else curves["accuracy"]
    reached = accuracy >= 1 - analysis.error
    epoch = curves["epoch"].astype(float)
    order = (
        order_of_user(source, analysis.order) if analysis.order else accuracy_above_chance(source)
    )
    found = xr.Dataset(
        {
            "error_epoch": epoch.isel(epoch=reached.argmax("epoch")).where(reached.any("epoch")),
            "relaxation_epoch": _relaxation(order),
            "final_accuracy": curves["accuracy"].isel(epoch=-1),
            "final_test_accuracy": curves["test_accuracy"].isel(epoch=-1),
            "final_loss": curves["loss"].isel(epoch=-1),
            "final_test_loss": curves["test_loss"].isel(epoch=-1),
            # of the test loss alone; minus the loss, its minimum is a peak
            "overtraining": fall_after_peak(-curves["test_loss"]),
            "last_epoch": float(epoch[-1]),
            "test_error": 1 - accuracy,
            "test_loss": curves["test_loss"],
        }
    )
    confidence = analysis.confidence
    for name, kind in _ENSEMBLE.items():
        values = found[name].rename(f"{name}_ensemble")
        found = found.merge(mean_with_interval(values, kind=kind, confidence=confidence))
    last = order.isel(epoch=-1, drop=True) if "epoch" in order.dims else order
    found = found.merge(_classes(source, last.to_numpy(), confidence).drop_attrs())
    unit = str(training["loss"].attrs["units"])
    losses = {n: in_unit(n, unit) for n in _LOSSES}
    return labelled(found, losses | _NAMED, x="1").assign_attrs(
        error=analysis.error,
        order=analysis.order or "test accuracy above chance, divided by its maximum",
        confidence=confidence,
        interval_method=METHOD,
    )


def _relaxation(order: xr.DataArray) -> xr.DataArray:
    """First epoch of each network by which all but 1/e of its final order is there, or NaN."""
    if "epoch" not in order.dims:
        return order * np.nan
    epoch, last = order["epoch"].astype(float), order.isel(epoch=-1, drop=True)
    settled = (order >= (1 - np.exp(-1)) * last) & (last > 0)
    return epoch.isel(epoch=settled.argmax("epoch")).where(settled.any("epoch"))


def _classes(source: Source, order: np.ndarray, confidence: float) -> xr.Dataset:
    """Moments of the order parameter with and without dead and diverged networks, and shares."""
    diverged, dead = has_diverged(source), is_dead(source)
    m = xr.DataArray(np.where(diverged, 0.0, order), dims="replica", name="m")
    data = xr.Dataset(
        {
            "m": m,
            "is_dead": ("replica", dead.astype(np.int8)),
            "is_diverged": ("replica", diverged.astype(np.int8)),
        }
    )
    for name in _CLASSES:
        share = data[f"is_{name}"].astype(float).rename(f"share_{name}")
        data = data.merge(
            mean_with_interval(share, kind="share", confidence=confidence).drop_attrs()
        )
    if len(order) < _FEWEST:
        return data
    sound = ~(dead | diverged)
    without = m.where(sound if sound.sum() >= _FEWEST else np.zeros_like(sound))
    moments = order_parameter(m, confidence=confidence).drop_attrs()
    others = order_parameter(without, confidence=confidence).drop_attrs()
    renamed = {
        f"{name}{end}": f"{name}{WITHOUT}{end}"
        for name in _MOMENTS
        for end in ("", "_low", "_high")
    }
    return data.merge(moments).merge(others[list(renamed)].rename(renamed))


def across_cases(cases: xr.Dataset, study: "Study", analysis: Settings) -> xr.Dataset:
    """Fill in the cases in which every network diverged, which have no results of their own."""
    is_empty = cases["share_diverged"].isnull()
    networks = study.train.replicas
    if not is_empty.any() or "train.replicas" in study.sweep.keys:
        return cases
    ones = xr.DataArray(np.ones(networks), dims="replica", name="share_diverged")
    confidence = float(cases.attrs["confidence"])
    filled = mean_with_interval(ones, kind="share", confidence=confidence)
    values = {f"share_diverged{end}": float(filled[f"share_diverged{end}"])
              for end in ("", "_low", "_high")}  # fmt: skip
    values |= {"share_dead": 0.0, "share_dead_low": 0.0}
    values |= {"share_dead_high": 1 - values["share_diverged_low"], "m": 0.0, "is_dead": 0.0}
    values |= {"is_diverged": 1.0, "order": 0.0, "order_low": 0.0, "order_high": 0.0}
    values |= {"susceptibility": 0.0, "susceptibility_low": 0.0, "susceptibility_high": 0.0}
    there = {name: value for name, value in values.items() if name in cases}
    return cases.assign(
        {name: cases[name].where(~is_empty, value) for name, value in there.items()}
    )
