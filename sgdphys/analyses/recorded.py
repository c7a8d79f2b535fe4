"""Figures of what every run has: its recording, and the verdicts on its claims."""

import numpy as np
import xarray as xr

from sgdphys.analyses.entry import Entry
from sgdphys.analyses.recorded_figures import forest, loss_and_accuracy, norms


def _training(training: xr.Dataset) -> str:
    end = training.isel(epoch=-1).median("replica")
    right, test, loss = (float(end[n]) for n in ("accuracy", "test_accuracy", "loss"))
    at = f"At epoch {int(training['epoch'][-1])} the median network has"
    if not np.isfinite(right):
        unit = training["loss"].attrs.get("units", "1")
        of_loss = f"{loss:.3g}" if unit == "1" else f"{loss:.3g} {unit}"
        return f"{at} a training loss of {of_loss}." if np.isfinite(loss) else ""
    tested = f" and {test:.1%} of its test" if np.isfinite(test) else ""
    return f"{at} {right:.1%} of its training{tested} samples right."


def _norms(gradients: xr.Dataset) -> str:
    norm = gradients["weight_norm"].median("replica")
    ratio = (norm.isel(epoch=-1) / norm.isel(epoch=0)).to_numpy()
    ratio = ratio[np.isfinite(ratio)]
    if not len(ratio):
        return ""
    return f"From first to last epoch norms grow {ratio.min():.2g} to {ratio.max():.2g} times."


RECORDING = {
    "training": Entry(
        loss_and_accuracy,
        "Loss and accuracy of the ensemble on training and test samples against epochs.",
        needs=("training",),
        seen=_training,
    ),
    "weight_norms": Entry(
        norms,
        "Norm of each layer's weights against epochs.",
        needs=("gradients",),
        seen=_norms,
    ),
}
CLAIMS = {
    "verdicts": Entry(
        forest,
        "Verdicts: each interval from its threshold, in units of the farther end.",
        needs=("verdicts",),
    ),
}
