"""What the figure of a fit shows, computed from the fitted series."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.dynamics.diffusion.kramers_moyal import kramers_moyal
from sgdphys.dynamics.diffusion.msd import msd
from sgdphys.dynamics.models.catalogue import chosen_models
from sgdphys.dynamics.models.checking import SHARED
from sgdphys.dynamics.models.copies import copies_of_rows
from sgdphys.dynamics.models.model import Model
from sgdphys.dynamics.series import Paths, paths
from sgdphys.dynamics.status import Needs, precision_of, status_of
from sgdphys.errors import InputError
from sgdphys.figures.curves import quantiles
from sgdphys.missing import numbers_of
from sgdphys.status import OK

_HISTOGRAM = np.linspace(-8, 8, 81)
_SHOWN = 6
_SIMULATED = 100
"""Series whose candidates are simulated, at most; fewer series have several copies each."""
_FEWEST_OF_A_BAND = 20
"""Copies; of fewer their median is shown alone."""
_POINTS_OF_COPIES = 2_000_000
_LAGS = 25
"""Bins of the distances between points that are not evenly spaced."""
_LONGEST_LAG = 0.25
"""As a share of the duration."""


def portrait(
    result: xr.Dataset, theta: Any, *, time: Any = None, models: Iterable[Model] | None = None
) -> xr.Dataset:
    """What the figure of a fit shows, from its series.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.fit``.
    theta : DataArray or array
        The series that were fitted.
    time : str, float, array or pair, optional
        Where points lie in time: see ``dynamics.series.paths``.
    models : iterable of Model, optional
        Those that were compared; by default those that have a name.

    Returns
    -------
    Dataset
        path (shown, point) of up to 6 series, each about its mean over its deviation, with gaps
        where points are missing; msd (lag) of the series so scaled, with quartiles; density (bin)
        of the increments; both also of 50 to 100 copies, fewer of long series, that the candidates
        give with the fitted coefficients, on the scale of the series;
        drift and diffusion against position, in standard deviations and per unit time. One series
        by itself keeps its own unit, which the attribute x names, and the band of its copies holds
        95% of them instead of half.

    Raises
    ------
    InputError
        Where no series has points between which it moves.
    """
    series = paths(theta, time=time)
    values = numbers_of(series.theta).reshape(-1, len(series.times))
    moves = _is_drawn(values, series.times, series.theta.dtype)
    if not moves.any():
        raise InputError(
            "there is nothing to draw: every series is constant, straight, too short, without "
            "data, or diverged; see the status of the fit"
        )
    times, is_even = series.times, bool(np.isfinite(series.spacing))
    rows = np.flatnonzero(moves)
    is_alone = len(values) == 1
    scale = (
        (np.zeros(1), np.ones(1))
        if is_alone
        else (np.nanmean(values[rows], axis=1), np.nanstd(values[rows], axis=1))
    )
    scaled = _scaled(values[rows], *scale)
    chosen = np.random.default_rng(0).permutation(len(rows))
    wanted = max(1, min(_SIMULATED, _POINTS_OF_COPIES // len(times)))
    some = np.sort(chosen[:wanted])
    copies, copied = _copies(
        result, series, rows[some], values[rows[some]], chosen_models(models), wanted // len(some)
    )
    copies = _scaled(copies, *(of[some] for of in scale)).reshape(-1, len(times))
    copies = copies[_simulated(copies)]
    frame = xr.DataArray(scaled, dims=("series", "point"))
    clock = ("point", times)
    data: dict[str, Any] = {
        "path": (("shown", "point"), scaled[chosen[:_SHOWN]]),
        "time": ("point", times),
        "density": ("bin", _density(scaled, times)),
        "bin_centre": ("bin", (_HISTOGRAM[1:] + _HISTOGRAM[:-1]) / 2),
    }
    lag, moved = _displacement(scaled, times, is_even=is_even)
    if len(lag):
        low, middle, high = quantiles(moved.T, 0.5)
        data |= {"lag": ("lag", lag), "msd": ("lag", middle)}
        data |= {"msd_low": ("lag", low), "msd_high": ("lag", high)}
    if len(copies):
        if len(lag):
            of_copies = _displacement(copies, times, is_even=is_even)[1]
            found = quantiles(of_copies.T, 0.95 if is_alone else 0.5)
            if len(copies) < _FEWEST_OF_A_BAND:
                found[[0, 2]] = np.nan
            data |= {
                f"copies_msd{end}": ("lag", values)
                for end, values in zip(("_low", "", "_high"), found, strict=True)
            }
        data["copies_density"] = ("bin", _density(copies, times))
    km = kramers_moyal(frame, time=clock, over="series", bins=20)
    for name in ("drift", "diffusion"):
        for end in ("", "_low", "_high"):
            data[f"{name}{end}"] = ("cell", km[f"{name}{end}"].to_numpy())
    data["position"] = ("cell", km["position"].to_numpy())
    attributes = {
        "series": len(rows),
        "t": series.time_unit,
        "x": series.value_unit if is_alone else "s.d.",
        "points": len(times),
        "copied": copied,
        "chosen": _chosen(result["best"].to_numpy()),
    }
    return xr.Dataset(data, attrs=attributes)


def _is_drawn(values: np.ndarray, times: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Which series (series, point) move, and do not diverge."""
    return np.asarray(status_of(values, times, Needs(), precision_of(dtype)) == OK)


def _copies(
    result: xr.Dataset,
    series: Paths,
    rows: np.ndarray,
    given: np.ndarray,
    models: Mapping[str, Model],
    number: int,
) -> tuple[np.ndarray, str]:
    """Simulated copies (copy, row, point) of some series, and of which model most of them are.

    NaN where a series has no candidate, its model is not among those given, or the result lacks its
    coefficients or is of other dimensions than the series.
    """
    fitted = set(np.atleast_1d(result["model"])) if "model" in result.coords else set()
    known = {
        name: model
        for name, model in models.items()
        if name in fitted and set(_variables(model)) <= set(result)
    }
    if set(result["candidate"].dims) != set(series.over):
        return np.full((number, *given.shape), np.nan), ""
    copies = copies_of_rows(result, series, rows, given, known, copies=number)
    names = result["candidate"].transpose(*series.over).to_numpy().ravel()[rows]
    is_rejected = np.zeros(len(rows), bool)
    if "rejected_by" in result:
        is_rejected = result["rejected_by"].transpose(*series.over).to_numpy().ravel()[rows] != ""
    here = _simulated(copies).any(axis=0)
    return copies, _most_frequent(names[here], is_rejected[here])


def _variables(model: Model) -> list[str]:
    """Names of a model's coefficients in the result of ``fit``."""
    return [c if c in SHARED else model.variable(c) for c in model.coefficients]


def _simulated(copies: np.ndarray) -> np.ndarray:
    """Which copies (..., point) have points."""
    return np.asarray(np.isfinite(copies).sum(axis=-1) > 1)


def _scaled(x: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Series (..., series, point) about the mean of each, in its standard deviation."""
    return np.asarray((x - mean[:, None]) / deviation[:, None])


def _displacement(
    x: np.ndarray, times: np.ndarray, *, is_even: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Lags, and mean squared displacements (series, lag); of uneven points in bins of the lag."""
    if is_even:
        moved = msd(xr.DataArray(x, dims=("series", "point")), time=("point", times))
        return moved["lag"].to_numpy(), moved["msd"].transpose("series", "lag").to_numpy()
    gaps, duration = np.diff(times), float(np.ptp(times))
    last = _LONGEST_LAG * duration if _LONGEST_LAG * duration > gaps.min() else duration
    first = max(np.quantile(gaps, 0.1), last * 1e-4)
    edges = np.geomspace(min(first, last / 2), last, _LAGS + 1)
    edges[-1] *= 1 + 1e-9  # the last lag belongs to the last bin
    distance = np.zeros(_LAGS)
    sums, pairs = np.zeros((len(x), _LAGS)), np.zeros((len(x), _LAGS))
    number = np.zeros(_LAGS)
    ahead = np.searchsorted(times, times + edges[-1]) - np.arange(len(times))
    reach = min(max(int(ahead.max()) - 1, 1), len(times) - 1)
    for k in np.unique(np.geomspace(1, reach, 60).astype(int)):
        apart = times[k:] - times[:-k]
        squares = np.square(x[:, k:] - x[:, :-k])
        bins = np.searchsorted(edges, apart, side="right") - 1
        for b in np.unique(bins[(bins >= 0) & (bins < _LAGS)]):
            here = bins == b
            distance[b] += apart[here].sum()
            number[b] += here.sum()
            sums[:, b] += np.nansum(squares[:, here], axis=1)
            pairs[:, b] += np.isfinite(squares[:, here]).sum(axis=1)
    some = number > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        return distance[some] / number[some], (sums / pairs)[:, some]


def _density(x: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Probability density of the increments of all series, in bins of ``_HISTOGRAM``."""
    z = np.clip(_increments(x, times), -7.99, 7.99)  # what lies beyond counts in the outermost
    counts, _ = np.histogram(z, _HISTOGRAM)
    return np.asarray(counts / max(counts.sum(), 1) / np.diff(_HISTOGRAM))


def _increments(x: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Increments between neighbouring points of all series, minus drift, in their own deviation."""
    found = []
    for row in x:
        at = np.flatnonzero(np.isfinite(row))
        drift = (row[at[-1]] - row[at[0]]) / (times[at[-1]] - times[at[0]])
        dx, dt = np.diff(row), np.diff(times)
        z = (dx - drift * dt) / np.sqrt(dt)
        z = z[np.isfinite(z)]
        found.append(z / z.std() if len(z) > 1 and z.std() > 0 else z[:0])
    return np.concatenate(found)


def _most_frequent(names: np.ndarray, is_rejected: np.ndarray) -> str:
    """The candidate of most series, of how many if there are others, and whether rejected."""
    kinds, counts = np.unique(names[names != ""].astype(str), return_counts=True)
    if not len(kinds):
        return ""
    name = str(kinds[counts.argmax()])
    said = name if len(kinds) == 1 else f"candidates, {name} {counts.max() / counts.sum():.0%}"
    return f"{said} (rejected)" if is_rejected[names == name].mean() > 0.5 else said


def _chosen(best: np.ndarray) -> str:
    """Number of series by best model, in words, where there are several; otherwise empty."""
    counts = Counter(str(name) for name in best.ravel() if name not in ("", "not compared"))
    said = [f"{name} {n}" for name, n in counts.most_common()]
    return ", ".join(said) if len(said) > 1 else ""


def require_fitted(result: xr.Dataset, theta: Any, time: Any) -> None:
    """Refuse other series than those that were fitted, or another clock."""
    series, fitted = paths(theta, time=time), result["best"]
    sizes = {d: series.theta.sizes[d] for d in series.over}
    if set(fitted.dims) == set(sizes) and dict(fitted.sizes) != sizes:
        raise InputError(f"the fit is of {dict(fitted.sizes)} and the series are {sizes}")
    duration = float(np.ptp(series.times))
    if abs(duration - result.attrs.get("duration", duration)) > 1e-6 * duration:
        raise InputError(
            f"the fitted series last {result.attrs['duration']:g} and these {duration:g}; give "
            "time= as it was given to fit"
        )
