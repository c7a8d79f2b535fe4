"""Simulated copies of fitted series."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked, require_whole
from sgdphys.draws import Seed, stream
from sgdphys.dynamics.models.model import Model
from sgdphys.dynamics.models.results import coefficients_of
from sgdphys.dynamics.series import Paths, paths
from sgdphys.errors import InputError
from sgdphys.missing import numbers_of


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
    rows = range(data[..., 0].size)
    out = copies_of_rows(found, series, rows, models, copies=copies, rng=rng)
    kept = {n: c for n, c in data.coords.items()}
    return xr.DataArray(
        out.reshape(copies, *data.shape), kept, ("copy", *data.dims), data.name, data.attrs
    )


def copies_of_rows(
    found: xr.Dataset,
    series: Paths,
    rows: Iterable[int],
    models: Mapping[str, Model],
    *,
    copies: int = 1,
    rng: Seed = 0,
) -> np.ndarray:
    """Paths (copy, row, point) of the candidates of some series; NaN where there is none."""
    chosen = np.fromiter(rows, int)
    given = numbers_of(series.theta).reshape(-1, len(series.times))[chosen]
    candidates = found["candidate"].transpose(*series.over).to_numpy().ravel()[chosen]
    out = np.full((copies, *given.shape), np.nan)
    for name in np.unique(candidates[candidates != ""]):
        model = models.get(str(name))
        if model is None:
            continue
        values = coefficients_of(model, found.transpose(*series.over, ...))
        values = values.reshape(-1, values.shape[-1])[chosen]
        for place in np.flatnonzero(candidates == name):
            here = np.isfinite(given[place])
            start = given[place, here][0]
            generator = stream(rng, int(chosen[place]))
            t = series.times[here]
            out[:, place, here] = model.simulate(values[place], t, start, copies, generator)
    return out
