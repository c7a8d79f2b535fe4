"""Gradient mean against noise."""

import numpy as np
import xarray as xr

from sgdphys.analyses.phases.settings import Settings
from sgdphys.analyses.source import Source
from sgdphys.dynamics.sgd.epoch_drift import epoch_drift
from sgdphys.dynamics.sgd.gradient_phases import gradient_phases
from sgdphys.glossary import Quantity
from sgdphys.quantities import labelled

_MEAN_BATCH = Quantity(
    "samples", "mean batch size", "", "over the batches of an epoch, the last of which may be short"
)


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """When the noise of each layer's gradient exceeds its mean, by three readings of both."""
    gradients = source.trajectory["gradients"].to_dataset()
    norms = gradients.drop_dims("parameter").load()
    sizes = source.batch_sizes
    drift = epoch_drift(source.weights, norms["epoch"].to_numpy())
    found = gradient_phases(
        norms,
        drift=drift,
        batch_size=float(np.mean(sizes)),
        batches=len(sizes),
        replacement=source.study.train.sampling == "replacement",
        confidence=analysis.confidence,
        resamples=analysis.resamples,
        rng=source.study.train.seed,
    )
    late = labelled(
        xr.Dataset(
            {
                "late_diffusion": _late_diffusion(
                    source, drift["drift_norm"], drift.attrs["epochs"]
                ),
                "mean_batch_size": float(np.mean(sizes)),
            }
        ),
        {"mean_batch_size": _MEAN_BATCH},
    )
    return found.merge(late)


def _late_diffusion(source: Source, drift: xr.DataArray, epochs: int) -> xr.DataArray:
    """Mean of |theta(e + n) - theta(e)|**2 / (2 updates parameters) in the second half."""
    late = drift.where(drift["epoch"] >= drift["epoch"][-1] / 2, drop=True)
    first = late["epoch"].to_numpy()
    ends = np.stack([first, np.minimum(first + epochs, source.study.train.epochs)])
    ends = ends * source.ensemble.updates_per_epoch
    begun, ended = source.ensemble.time_after(np.rint(ends).astype(np.int64))
    elapsed = xr.DataArray(ended - begun, dims="epoch", coords={"epoch": first})
    sizes = xr.DataArray(
        np.unique(source.weights["layer"].to_numpy(), return_counts=True)[1], dims="layer"
    )
    updates = epochs * len(source.batch_sizes)
    return ((late * elapsed) ** 2).mean("epoch") / (2 * updates * sizes)
