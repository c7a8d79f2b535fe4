"""Simulated copies of fitted series."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked, require_whole
from sgdphys.draws import Seed, stream
from sgdphys.dynamics.models.model import Model
from sgdphys.dynamics.models.results import coefficients_of
from sgdphys.dynamics.series import paths
from sgdphys.errors import InputError


@checked
def simulated(
    found: xr.Dataset,
    x: Any,
    time: Any,
    models: Mapping[str, Model],
    *,
    copies: int = 1,
    rng: Seed = 0,
) -> xr.DataArray:
    """Paths (copy, ..., time) of the candidate of every series: see ``Fit.simulate``."""
    require_whole(copies, "copies", 1)
    series = paths(x, time=time)
    if "copy" in series.theta.dims:
        raise InputError("the series have a dimension 'copy', as the copies have; rename it first")
    data = series.theta
    given = data.to_numpy().reshape(-1, data.shape[-1]).astype(float)
    candidates = found["candidate"].transpose(*series.over).to_numpy().ravel()
    out = np.full((copies, *given.shape), np.nan)
    for name in np.unique(candidates[candidates != ""]):
        model = models[str(name)]
        values = coefficients_of(model, found.transpose(*series.over, ...))
        values = values.reshape(-1, values.shape[-1])
        for row in np.flatnonzero(candidates == name):
            here = np.isfinite(given[row])
            start = given[row, here][0]
            generator = stream(rng, int(row))
            t = series.times[here]
            out[:, row, here] = model.simulate(values[row], t, start, copies, generator)
    kept = {n: c for n, c in data.coords.items()}
    return xr.DataArray(
        out.reshape(copies, *data.shape), kept, ("copy", *data.dims), data.name, data.attrs
    )
