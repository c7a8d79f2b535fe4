"""How soon networks learn, how well, and whether they come to know it all by heart."""

import numpy as np
import xarray as xr

from sgdphys.analyses.learning.settings import Settings
from sgdphys.analyses.source import Source
from sgdphys.information.onset import finite_to_the_end
from sgdphys.intervals import METHOD, Kind, mean_with_interval
from sgdphys.quantities import in_unit, labelled
from sgdphys.transitions.order_parameter import order_parameter

_FEWEST = 5
_ENSEMBLE: dict[str, Kind] = {"relaxation_epoch": "positive", "final_test_accuracy": "symmetric"}


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Epochs to a test error, final accuracies, overtraining, order parameter and relaxation.

    The order parameter of a network is its test accuracy above chance, from 0 to 1 (where there is
    no test set, its training accuracy); its relaxation is the epoch by which all but 1/e of its
    final order is there. Tasks without labels have losses alone.
    """
    training = source.trajectory["training"].to_dataset().load()
    curves = training.transpose("epoch", "replica")
    has_test = bool(np.isfinite(curves["test_loss"]).any())
    accuracy = curves["test_accuracy"] if has_test else curves["accuracy"]
    loss = curves["test_loss"] if has_test else curves["loss"]
    reached = accuracy >= 1 - analysis.error
    epoch = curves["epoch"].astype(float)
    lowest = finite_to_the_end(loss).mean("replica").fillna(np.inf).argmin("epoch")
    # without labels accuracy, and so the order, is NaN throughout
    classes = source.task.sizes.get("label", 2)
    order = (accuracy - 1 / classes) / (1 - 1 / classes)
    last = order.isel(epoch=-1)
    settled = (order >= (1 - np.exp(-1)) * last) & (last > 0)
    found = xr.Dataset(
        {
            "error_epoch": epoch.isel(epoch=reached.argmax("epoch")).where(reached.any("epoch")),
            "relaxation_epoch": epoch.isel(epoch=settled.argmax("epoch")).where(
                settled.any("epoch")
            ),
            "final_accuracy": curves["accuracy"].isel(epoch=-1),
            "final_test_accuracy": curves["test_accuracy"].isel(epoch=-1),
            "final_loss": curves["loss"].isel(epoch=-1),
            "final_test_loss": curves["test_loss"].isel(epoch=-1),
            "overtraining": loss.isel(epoch=-1) - loss.isel(epoch=lowest),
            "last_epoch": float(epoch[-1]),
            "test_error": 1 - accuracy,
        }
    )
    confidence = analysis.confidence
    for name, kind in _ENSEMBLE.items():
        values = found[name].rename(f"{name}_ensemble")
        found = found.merge(mean_with_interval(values, kind=kind, confidence=confidence))
    if found.sizes["replica"] >= _FEWEST:
        moments = order_parameter(last.drop_vars("epoch"), confidence=confidence)
        found = found.merge(moments.drop_attrs())
    unit = str(training["loss"].attrs["units"])
    losses = {n: in_unit(n, unit) for n in ("final_loss", "final_test_loss", "overtraining")}
    return labelled(found, losses, x="1").assign_attrs(
        error=analysis.error, confidence=confidence, interval_method=METHOD
    )
