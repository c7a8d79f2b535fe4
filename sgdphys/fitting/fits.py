"""Diffusion models of the series of a file: compared on a sample, coefficients for all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.cluster.series import on_cluster
from sgdphys.dynamics.clock import clock_of
from sgdphys.dynamics.models import rivals
from sgdphys.dynamics.models.catalogue import chosen_models
from sgdphys.dynamics.models.choice import fit, fit_wiener_and_ou
from sgdphys.dynamics.models.model import Model
from sgdphys.dynamics.series import told
from sgdphys.errors import InputError
from sgdphys.fitting.reading import (
    absent_told,
    open_variable,
    project,
    read_once,
    within,
    without_buffers,
)

SAMPLE = 400
"""Number of series on which models are compared by default; Wiener and OU are fitted to all."""
_ENDS = ("", "_low", "_high")
_SEED = 0
"""Of the sample and of random directions."""


class Fitted(NamedTuple):
    """Result of ``fit_file``."""

    results: xr.Dataset
    sample: xr.DataArray
    """The series on which models were compared, at most 400 of them."""
    time: Any
    """The argument ``time``."""
    notes: list[str]


@checked
def fit_file(
    path: Path,
    *,
    variable: str | None = None,
    time: str | float | None = None,
    group: str | None = None,
    since: float | str | None = None,
    until: float | str | None = None,
    along: str | None = None,
    sample: int | str | None = None,
    models: Any = None,
    scheduler: str | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
    progress: Callable[[int, int], None] | None = None,
) -> Fitted:
    """Fit diffusion models to a variable of a file.

    Parameters
    ----------
    path : Path
        A run, a trajectory, any netCDF file or Zarr store, or an .npy, .npz, .csv or .parquet file.
    variable, group : str, optional
        See ``open_variable``.
    time : str or float, optional
        A dimension or coordinate, of a table a column, or the spacing of the points.
    since, until : float or str, optional
        The first and last time of the points that are fitted, all by default: a number in the unit
        of the times, a text with a unit, as "50 s", or of times that are dates a date, of which a
        number counts the seconds from the first.
    along : str, optional
        See ``project``.
    sample : int or "all", optional
        About how many series a model is chosen for; 400 by default.
    models : sequence, optional
        The models that are compared; all by default. See ``sgdphys.dynamics.fit``.
    scheduler : str, optional
        Address of a Dask scheduler whose workers fit blocks of series.
    tell, progress : callable, optional
        Told in a sentence what is done next; told how many series are done, of how many.

    Returns
    -------
    Fitted
        Wiener and Ornstein-Uhlenbeck coefficients of all series; models compared on the sample,
        with ``best`` "not compared" elsewhere.
    """
    compared = [*chosen_models(models).values()]  # a wrong name is told before anything is read
    with on_cluster(scheduler, tell):
        theta = open_variable(path, variable, time, group)
        theta, time, kept = within(theta, time, since, until)
        found = _fitted(theta, path, time, along, sample, compared, tell, progress)
        if kept:
            found.notes.insert(0, kept)
            found = found._replace(results=found.results.assign_attrs(range=kept))
        return found


def _fitted(
    theta: xr.DataArray,
    path: Path,
    time: str | float | None,
    along: str | None,
    sample: int | str | None,
    models: list[Model],
    tell: Callable[[str], None],
    progress: Callable[[int, int], None] | None,
) -> Fitted:
    """Fit the models to a variable that was opened; see ``fit_file``."""
    number = len(models)
    dim, _, unit, coordinate = clock_of(theta, time)
    units_differ = bool(theta.encoding.get("units_differ"))
    notes = absent_told(theta) + list(theta.encoding.get("said", ()))
    if coordinate not in (None, dim) and (means := theta[coordinate].attrs.get("description")):
        notes.append(f"the times are {coordinate!r}, the {means}, in {unit}")
    theta, left_out = without_buffers(theta)
    notes += [left_out] if left_out else []
    if along:
        tell(f"projecting the weights: {along}")
        theta = project(theta, along, dim, _SEED)
    tell("reading the series")
    theta = read_once(theta, dim)
    points = theta.sizes[dim]
    series = theta.size // max(points, 1)
    wanted = _wanted(sample, series)
    numbered = theta.assign_coords(
        {f"{d}_number": (d, np.arange(theta.sizes[d])) for d in theta.dims if d != dim}
    )
    chosen = numbered if wanted >= series else _sampled(numbered, dim, wanted).load()
    many = f"{number} models" if number > 1 else "one model"
    if number > 1 and not rivals.are_compiled():
        tell("compiling the models, once on this machine: up to a minute")
    tell(f"comparing {many} on {chosen.size // points} series")
    with told(progress):
        compared = fit(chosen, models=models, time=time)
    if chosen.size < theta.size:
        notes.append(
            f"models were compared on {chosen.size // points} of {series} series, drawn with seed "
            f"{_SEED} (--sample N for more); Wiener and OU were fitted to all"
        )
        tell(f"fitting Wiener and Ornstein-Uhlenbeck processes to all {series} series")
        with told(progress):
            compared = _beside_all(numbered, compared, dim, time)
    numbers = [c for c in compared.coords if str(c).endswith("_number")]
    compared = compared.drop_vars(numbers).assign_attrs(
        source=str(path), along=along or "each series", units_differ=int(units_differ)
    )
    drawn = chosen if series <= SAMPLE else _sampled(chosen, dim, SAMPLE)
    return Fitted(compared, drawn, time, notes)


def _wanted(sample: int | str | None, series: int) -> int:
    """Number of series on which models are to be compared."""
    if sample == "all":
        return max(series, 1)
    if isinstance(sample, str):
        raise InputError(f"--sample is {sample!r}; give a number, or all")
    wanted = SAMPLE if sample is None else sample
    if wanted < 1:
        raise InputError(f"--sample is {wanted}; at least one series must be compared")
    return wanted


def _sampled(theta: xr.DataArray, dim: str, wanted: int) -> xr.DataArray:
    """A sample of the series: all combinations of sampled indices along the other dimensions."""
    generator = np.random.default_rng(_SEED)
    others = sorted((d for d in theta.dims if d != dim), key=lambda d: theta.sizes[d])
    left = float(wanted)
    picked: dict[Any, np.ndarray] = {}
    for k, d in enumerate(others):
        size = theta.sizes[d]
        many = int(min(size, max(1, round(left ** (1 / (len(others) - k))))))
        order = generator.permutation(size)
        if "layer" in theta.coords and theta["layer"].dims == (d,):
            # the first of every layer, then the second of every layer, ...
            layer = theta["layer"].to_numpy()[order]
            rank = pd.Series(layer).groupby(layer, sort=False).cumcount().to_numpy()
            order = order[np.argsort(rank, kind="stable")]
        picked[d] = np.sort(order[:many])
        left /= many
    return theta.isel(picked)


def _beside_all(theta: xr.DataArray, compared: xr.Dataset, dim: str, time: Any) -> xr.Dataset:
    """Join the coefficients of all series with the models compared on the sample."""
    others = [d for d in theta.dims if d != dim]
    wiener, ou = fit_wiener_and_ou(theta, time=time)
    whole = xr.Dataset(coords=wiener.coords)
    missing = {
        "best": "not compared",
        "candidate": "",
        "reason": "",
        "rejected_by": "",
        "nearest": "",
        "compared": False,
        "screened_out": False,
    }
    shape = {d: theta.sizes[d] for d in others}
    places = [compared[f"{d}_number"].to_numpy() for d in others]
    for name, values in compared.drop_vars("status").items():
        more = [d for d in values.dims if d not in others]
        sizes = [*shape.values(), *(values.sizes[d] for d in more)]
        fill = missing.get(str(name), np.nan)
        full = np.full(sizes, fill, values.dtype if str(name) in missing else np.float64)
        index = np.ix_(*places, *(np.arange(values.sizes[d]) for d in more))
        full[index] = values.transpose(*others, *more).to_numpy()
        whole[name] = ((*others, *more), full, values.attrs)
    whole = whole.assign_coords(
        {c: v for c, v in compared.coords.items() if not set(v.dims) & set(others)}
    )
    at = {m: k for k, m in enumerate(whole["model"].to_numpy())}
    for name in (f"{n}{end}" for n in ("drift", "diffusion", "sigma") for end in _ENDS):
        for model, single in (("drifted_wiener", wiener), ("ou", ou)):
            if name in whole and name in single and model in at:
                whole[name].to_numpy()[..., at[model]] = single[name].transpose(*others)
    for name in ou.data_vars if "ou" in at else ():
        if name in whole and "model" not in whole[name].dims:
            whole[name] = ou[name].transpose(*others).assign_attrs(whole[name].attrs)
    whole["count"], whole["status"] = (wiener[n].transpose(*others) for n in ("count", "status"))
    whole["status"].to_numpy()[np.ix_(*places)] = compared["status"].transpose(*others)
    return whole.assign_attrs(compared.attrs)
