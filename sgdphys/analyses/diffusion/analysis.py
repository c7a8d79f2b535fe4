"""Diffusion of twins about their mean."""

import xarray as xr

from sgdphys.analyses.diffusion.bursts import burst_diffusion
from sgdphys.analyses.diffusion.settings import Settings
from sgdphys.analyses.source import Source


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Diffusion coefficients, exponents and tests of every burst."""
    gradients = None
    if "gradients" in source.trajectory.children:
        gradients = source.trajectory["gradients"].to_dataset()[["noise_norm"]].load()
    sizes = source.batch_sizes
    return burst_diffusion(
        source.weights,
        gradients,
        updates_per_epoch=len(sizes),
        sample=analysis.sample,
        confidence=analysis.confidence,
        rng=source.study.train.seed,
    )
