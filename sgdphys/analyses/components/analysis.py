"""Principal components of complete trajectories, and of random walks with the same noise."""

import numpy as np
import xarray as xr

from sgdphys.analyses.components.settings import Settings
from sgdphys.analyses.source import Source
from sgdphys.dynamics.sgd.trajectory_components import trajectory_components
from sgdphys.quantities import labelled

_COMPONENTS = 5


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Components of the first replicas at evenly spread recorded points."""
    weights = source.weights
    points = min(analysis.points, weights.sizes["step"])
    at = np.unique(np.linspace(0, weights.sizes["step"] - 1, points).round().astype(int))
    theta = weights["theta"].isel(step=at, replica=slice(0, analysis.replicas)).load()
    if len(at) < _COMPONENTS + 2:
        return _none(theta)
    found = trajectory_components(
        theta,
        momentum=source.study.train.momentum,
        components=_COMPONENTS,
        resamples=analysis.walks,
        rng=source.study.train.seed,
    )
    return found.drop_vars(["time", "family"], errors="ignore")


def _none(theta: xr.DataArray) -> xr.Dataset:
    """Of a run with too few recorded points: every value missing."""
    axes = {"replica": theta.sizes["replica"], "step": len(theta["step"]), "component": _COMPONENTS}
    shares, scores = ("replica", "component"), ("replica", "step", "component")
    names = {"component_share": shares, "score": scores}
    data = {
        f"{null}{name}": (dims, np.full([axes[d] for d in dims], np.nan))
        for name, dims in names.items()
        for null in ("", "null_")
    }
    along = {"replica": theta["replica"].to_numpy(), "step": theta["step"].to_numpy(),
             "component": np.arange(1, _COMPONENTS + 1)}  # fmt: skip
    attributes = {"interval_method": f"none: fewer than {_COMPONENTS + 2} recorded points"}
    return labelled(xr.Dataset(data, along, attributes))
