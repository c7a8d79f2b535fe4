"""Principal components of whole trajectories, beside random walks with the same noise."""

import numpy as np
import xarray as xr

from sgdphys.dynamics.components import trajectory_components
from sgdphys.study.analyses.source import Source
from sgdphys.study.analysis_keys import ComponentsAnalysis


def analyse_components(source: Source, analysis: ComponentsAnalysis) -> xr.Dataset:
    """Components of the first replicas at evenly spread recorded points."""
    weights = source.weights
    points = min(analysis.points, weights.sizes["step"])
    at = np.unique(np.linspace(0, weights.sizes["step"] - 1, points).round().astype(int))
    theta = weights["theta"].isel(step=at, replica=slice(0, analysis.replicas)).load()
    found = trajectory_components(
        theta,
        momentum=source.study.train.momentum,
        resamples=analysis.walks,
        rng=source.study.train.seed,
    )
    return found.drop_vars(["time", "family"], errors="ignore").assign_attrs(
        sampler=source.study.train.sampling
    )
