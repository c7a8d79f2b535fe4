"""Simulated copies of fitted series."""

from collections.abc import Mapping
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
    given = numbers_of(data).reshape(-1, len(series.times))
    rows = np.arange(len(given))
    out = copies_of_rows(found, series, rows, given, models, copies=copies, rng=rng)
    kept = {n: c for n, c in data.coords.items()}
    return xr.DataArray(
        out.reshape(copies, *data.shape), kept, ("copy", *data.dims), data.name, data.attrs
    )


def copies_of_rows(
    found: xr.Dataset,
    series: Paths,
    rows: np.ndarray,
    given: np.ndarray,
    models: Mapping[str, Model],
    *,
    copies: int = 1,
    rng: Seed = 0,
) -> np.ndarray:
    """Paths (copy, row, point) of the candidates of some series; NaN where there is none.

    Parameters
    ----------
    rows : int (row,)
        Numbers of the series, which have random numbers of their own.
    given : (row, point)
        Their values, NaN where points are missing.
    models
        By name; series whose candidate is not among them are left out.
    """
    candidates = found["candidate"].transpose(*series.over).to_numpy().ravel()[rows]
    out = np.full((copies, *given.shape), np.nan)
    for name in np.unique(candidates[candidates != ""]):
        model = models.get(str(name))
        if model is None:
            continue
        values = coefficients_of(model, found.transpose(*series.over, ...))
        values = values.reshape(-1, values.shape[-1])[rows]
        for place in np.flatnonzero(candidates == name):
            here = np.isfinite(given[place])
            start = given[place, here][0]
            generator = stream(rng, int(rows[place]))
            t = series.times[here]
            out[:, place, here] = model.simulate(values[place], t, start, copies, generator)
    return out
