"""Updates to a loss against the batch size, with the law of McCandlish et al. fitted."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sgdphys.analyses.critical_batch.tuning import tuned
from sgdphys.analyses.entry import Entry, Sources
from sgdphys.dynamics.sgd.critical_batch_size import critical_batch_size
from sgdphys.errors import InputError
from sgdphys.figures.style import EXACT, NULL, PAGE, subplots
from sgdphys.intervals import mean_with_interval


def steps_to_loss(sources: Sources) -> Figure:
    """Updates to a loss at the best rate of every batch size, and the critical batch size."""
    found = sources["critical_batch"]
    best = tuned(found)
    steps = xr.DataArray(
        best.steps, {"batch_size": best.batch}, ("batch_size", "replica"), "steps"
    )  # fmt: skip
    law = critical_batch_size(steps)
    mean = mean_with_interval(steps, kind="geometric")
    middle, low, high = (mean[f"steps{end}"].to_numpy() for end in ("", "_low", "_high"))
    figure, ax = subplots(figsize=(PAGE * 0.72, 2.9))
    ax.errorbar(best.batch, middle, [middle - low, high - middle], fmt="o", color="#444444",
                markersize=4, elinewidth=0.8, label="best rate, 95%")  # fmt: skip
    for case in range(found.sizes["case"]):
        other = found.isel(case=case)["steps_to_loss"].to_numpy()
        if np.isfinite(other).all():
            ax.plot(float(found["mean_batch_size"][case]), np.exp(np.log(other).mean()), "x",
                    color=NULL, markersize=3)  # fmt: skip
    critical, least = float(law["critical_batch_size"]), float(law["least_steps"])
    if np.isfinite(critical):
        at = np.geomspace(best.batch.min() / 1.5, best.batch.max() * 1.5, 100)
        ax.plot(at, least * (1 + critical / at), color=EXACT, linewidth=0.9,
                label="$S_{min}(1 + B_{crit}/B)$")  # fmt: skip
        ax.axvspan(float(law["critical_batch_size_low"]), float(law["critical_batch_size_high"]),
                   color=EXACT, alpha=0.2, linewidth=0)  # fmt: skip
        ax.axvline(critical, color=EXACT, linewidth=0.8, linestyle="--", label="$B_{crit}$, 95%")
    scale = float(np.exp(np.nanmean(np.log(best.noise_scale))))
    ax.axvline(scale, color=NULL, linewidth=1.0, linestyle=":", label="mean noise scale")
    ax.plot([], [], "x", color=NULL, markersize=3, label="other rates")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("batch size (samples, logarithmic)")
    ax.set_ylabel(f"updates to a training loss of {found.attrs['loss']:g}\n(logarithmic)")
    figure.legend(loc="outside right center", fontsize="small")
    figure.suptitle(f"geometric means of {found.sizes['replica']} networks", fontsize="small")
    return figure


def _is_tuned(found: xr.Dataset) -> bool:
    try:
        tuned(found)
    except InputError:
        return False
    return True


FIGURES = {
    "critical_batch": Entry(
        steps_to_loss,
        "Updates to a loss at the best rate of every batch size, and the critical batch size.",
        needs=("critical_batch",),
        applies=_is_tuned,
    ),
}
