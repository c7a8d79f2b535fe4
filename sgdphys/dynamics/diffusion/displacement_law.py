"""Law of the squared distance from the start: power law, logarithms or saturation."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.draws import RESAMPLES, Seed, bootstrap_draws
from sgdphys.dynamics.series import paths
from sgdphys.errors import InputError, nearest
from sgdphys.glossary import Quantity
from sgdphys.intervals import finite_mean, resampled_means
from sgdphys.missing import labelled_without_missing
from sgdphys.quantities import labelled, number_of

LAWS = ("power", "logarithm", "squared_logarithm", "saturation")
_TIMES = 60
_SHAPES = 200
_NAMED = {
    "exponent": Quantity("1", "exponent of the power law", "b", "displacement grows as t**b"),
    "count": number_of("paths"),
    "time_scale": Quantity(
        "{t}", "time of the law", "t_0", "of a ln(1 + t/t0), its square and a (1 - exp(-t/t0))"
    ),
}
FEWEST = 5
"""Paths for a comparison."""


def _residuals(y: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least mean squared residual of ln y (..., time) for each law, and its exponent or time.

    Every law has an amplitude, a constant of ln y, and one more parameter: the exponent b of
    t**b; t0 of ln(1 + t/t0), of its square, and of 1 - exp(-t/t0), found on a grid from a tenth of
    the first time to ten times the last, and NaN at the ends of that grid.
    """
    logs = np.log(y)
    centred = logs - logs.mean(axis=-1, keepdims=True)
    clock = np.log(t) - np.log(t).mean()
    exponent = centred @ clock / (clock**2).sum()
    residual = [((centred - exponent[..., None] * clock) ** 2).mean(axis=-1)]
    parameter = [exponent]
    scales = np.geomspace(t[0] / 10, t[-1] * 10, _SHAPES)
    logarithm = np.log1p(t / scales[:, None])
    for shape in (logarithm, logarithm**2, -np.expm1(-t / scales[:, None])):
        curve = np.log(shape)
        curve -= curve.mean(axis=1, keepdims=True)
        # |a - c|**2 for every curve of the grid
        errors = (centred**2).mean(axis=-1)[..., None] + (curve**2).mean(axis=1)
        errors = errors - 2 * centred @ curve.T / len(t)
        best = errors.argmin(axis=-1)
        residual.append(np.take_along_axis(errors, best[..., None], -1)[..., 0])
        is_inside = (best > 0) & (best < _SHAPES - 1)
        parameter.append(np.where(is_inside, scales[best], np.nan))
    return np.stack(residual, axis=-1), np.stack(parameter, axis=-1)


@checked
def displacement_law(
    theta: xr.DataArray,
    *,
    time: Any = None,
    over: str = "replica",
    coordinates: str = "parameter",
    resamples: int = RESAMPLES,
    rng: Seed = 0,
) -> xr.Dataset:
    """Law of anomalous diffusion from the start: power law, logarithm or saturation.

    Parameters
    ----------
    theta : DataArray
        Paths in units x.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    over : str
        Dimension of the ensemble that is averaged over.
    coordinates : str
        Dimension of the vector whose squared components are summed.
    resamples : int
        Number of bootstrap samples, at least 1, that ``share`` is a fraction of.
    rng : int, SeedSequence or Generator
        Random numbers of the bootstrap: see ``sgdphys.draws``.

    Returns
    -------
    Dataset
        displacement (time), in x**2, at about 60 log-spaced times; by ``law`` (power, logarithm,
        squared_logarithm, saturation): misfit, the root mean square residual of ln displacement;
        exponent b, of the power law only; time_scale t0 (t), of the others, NaN where it is below a
        tenth of the first time or above ten times the last; share, the fraction of bootstrap
        samples of the ensemble that the law fits best; count (paths). Paths with a missing or
        infinite value are left out. The best law can be a bad one: a misfit of 0.1 is a tenth of
        the displacement.

    Raises
    ------
    InputError
        For an unknown dimension, fewer than 5 complete paths or 6 points, or weights that do not
        move at first.

    See Also
    --------
    msd : Mean squared displacement averaged over time.
    msd_exponent : Exponent of anomalous diffusion with an interval.
    two_time_msd : Does the displacement depend on the waiting time?

    Notes
    -----
    d(t) = <|w(t) - w(0)|**2> is fitted with a t**b, a ln(1 + t/t0), a ln(1 + t/t0)**2 and
    a (1 - exp(-t/t0)), two parameters each, by least squares of ln d. The points of d are
    dependent, so the laws are compared by resampling paths. A distance |w(t) - w(0)| that grows
    like a logarithm has a squared displacement that grows like its square.

    References
    ----------
    Hoffer, Hubara and Soudry (2017), for the distance that grows like a logarithm (ultra-slow
    diffusion).

    Examples
    --------
    >>> import sgdphys as sp
    >>> theta = sp.processes.wiener(steps=500, replicas=20, parameters=20, rng=0)["theta"]
    >>> found = sp.dynamics.displacement_law(theta)
    >>> found["law"].values[found["share"].argmax("law")].item()
    'power'
    >>> round(found["exponent"].sel(law="power").item(), 1)
    1.0
    """
    series = paths(theta, time=time)
    for name in (over, coordinates):
        if name not in series.over:
            raise InputError(f"there is no dimension {name!r}; {nearest(name, series.over)}")
    clock = series.times - series.times[0]
    if len(clock) <= FEWEST:
        raise InputError(f"{len(clock)} points are too few; at least {FEWEST + 1} are needed")
    indices = np.unique(np.rint(np.geomspace(1, len(clock) - 1, _TIMES)).astype(int))
    first, later = (
        labelled_without_missing(series.theta.isel({series.dim: k})).astype(np.float64)
        for k in (0, indices)
    )
    with np.errstate(invalid="ignore", over="ignore"):
        distance = ((later - first) ** 2).sum(coordinates, skipna=False)
        squares = distance.transpose(over, ..., series.dim).to_numpy()
        squares = squares.reshape(len(squares), -1, len(indices)).sum(axis=1)
    squares = squares[np.isfinite(squares).all(axis=1)]
    members = len(squares)
    if members < FEWEST:
        raise InputError(f"{members} complete paths are too few; at least {FEWEST} are needed")
    mean = finite_mean(squares)
    if not (mean > 0).all():
        raise InputError(
            "the displacement is 0 at the first lag; leave out the constant stretch at the start"
        )
    residual, parameter = _residuals(mean, clock[indices])
    draws = bootstrap_draws(members, rng, resamples)
    drawn, _ = _residuals(resampled_means(squares, draws), clock[indices])
    share = (drawn.argmin(axis=-1)[:, None] == np.arange(len(LAWS))).mean(axis=0)
    is_power = np.array(LAWS) == "power"
    data = xr.Dataset(
        {
            "displacement": ("time", mean),
            "misfit": ("law", np.sqrt(residual)),
            "exponent": ("law", np.where(is_power, parameter, np.nan)),
            "time_scale": ("law", np.where(is_power, np.nan, parameter)),
            "share": ("law", share),
            "count": members,
        },
        coords={
            "time": ("time", clock[indices], {"units": series.time_unit, "long_name": "time"}),
            "law": list(LAWS),
        },
        attrs={
            "method": "least squares of ln displacement, two parameters per law",
            "reference": "Hoffer, Hubara and Soudry (2017)",
            "interval_method": "share: bootstrap over the ensemble; others: none",
        },
    )
    return labelled(data, _NAMED, x=series.value_unit, t=series.time_unit)
