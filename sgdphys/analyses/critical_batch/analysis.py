"""Updates that every network takes to a training loss, and its mean noise scale until then."""

import numpy as np
import xarray as xr

from sgdphys.analyses.critical_batch.settings import Settings
from sgdphys.analyses.source import Source
from sgdphys.quantities import labelled


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Updates to a loss, mean batch size, and mean over that stretch of tr S/|G|**2, all layers.

    The loss is interpolated between recorded epochs; NaN for networks that never reach it.
    """
    training = source.trajectory["training"].to_dataset().load()
    gradients = source.trajectory["gradients"].to_dataset()[["mean_norm", "noise_trace"]].load()
    epoch = training["epoch"].to_numpy().astype(np.float64)
    loss = training["loss"].transpose("replica", "epoch").to_numpy()
    reached = np.array([_first_below(one, epoch, analysis.loss) for one in loss])
    trace = gradients["noise_trace"].astype(np.float64).sum("layer", skipna=False)
    square = (gradients["mean_norm"].astype(np.float64) ** 2).sum("layer", skipna=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = (trace / square).transpose("replica", "epoch").to_numpy()
    at = gradients["epoch"].to_numpy().astype(np.float64)
    sizes = source.batch_sizes
    found = xr.Dataset(
        {
            "steps_to_loss": ("replica", reached * len(sizes)),
            "mean_noise_scale": (
                "replica",
                np.array([_mean_until(s, at, e) for s, e in zip(scale, reached, strict=True)]),
            ),
            "mean_batch_size": float(np.mean(sizes)),
        },
        coords={"replica": training["replica"].to_numpy()},
        attrs={"loss": analysis.loss},
    )
    return labelled(found)


def _first_below(loss: np.ndarray, epoch: np.ndarray, target: float) -> float:
    """Epoch at which a loss first falls below a target."""
    below = np.flatnonzero(loss < target)
    if not len(below) or below[0] == 0:
        return np.nan
    k = below[0]
    share = (loss[k - 1] - target) / (loss[k - 1] - loss[k])
    return float(epoch[k - 1] + share * (epoch[k] - epoch[k - 1]))


def _mean_until(values: np.ndarray, epoch: np.ndarray, end: float) -> float:
    """Mean over time from 0 to an epoch, by the trapezoidal rule."""
    if not np.isfinite(end):
        return np.nan
    times = np.append(epoch[epoch < end], end)
    return float(np.trapezoid(np.interp(times, epoch, values), times) / (times[-1] - times[0]))
