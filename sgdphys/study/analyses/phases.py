"""Gradient mean against noise."""

import numpy as np
import xarray as xr

from sgdphys.dynamics.phases import epoch_drift, gradient_phases
from sgdphys.errors import InputError
from sgdphys.study.analyses.source import Source
from sgdphys.study.keys import PhasesAnalysis


def analyse_phases(source: Source, analysis: PhasesAnalysis) -> xr.Dataset:
    """When the noise of each layer's gradient passes its mean."""
    if "gradients" not in source.trajectory.children:
        raise InputError(
            f"analyses.{source.name} needs gradient statistics, and record.gradients is 'none'"
        )
    gradients = source.trajectory["gradients"].to_dataset()
    norms = gradients.drop_dims("parameter").load()
    sizes = source.batch_sizes
    return gradient_phases(
        norms,
        drift=epoch_drift(source.weights, norms["epoch"].to_numpy()),
        batch_size=float(np.mean(sizes)),
        batches=len(sizes),
        replacement=source.study.train.sampling == "replacement",
        confidence=analysis.confidence,
        resamples=analysis.resamples,
        rng=source.study.train.seed,
    )
