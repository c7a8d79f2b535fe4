"""What the figure of a fit shows, computed from the fitted series."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.dynamics.diffusion.kramers_moyal import kramers_moyal
from sgdphys.dynamics.diffusion.msd import msd
from sgdphys.dynamics.diffusion.ornstein_uhlenbeck import fit_ou
from sgdphys.dynamics.series import paths
from sgdphys.dynamics.status import Needs, precision_of, status_of
from sgdphys.errors import InputError
from sgdphys.figures.curves import quantiles
from sgdphys.missing import numbers_of
from sgdphys.status import OK

_HISTOGRAM = np.linspace(-8, 8, 81)
_SHOWN = 6


def portrait(result: xr.Dataset, theta: Any, *, time: Any = None) -> xr.Dataset:
    """What the figure of a fit shows, from its series.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.fit``.
    theta : DataArray or array
        The series that were fitted.
    time : str, float, array or pair, optional
        Where points lie in time: see ``dynamics.series.paths``.

    Returns
    -------
    Dataset
        path (shown, point) of up to 6 series, each about its mean over its deviation, with gaps
        where points are missing; msd (lag) of
        the series so scaled, with quartiles, and the medians' models; increments' histogram;
        drift and diffusion against position, in standard deviations and per unit time.

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
    kept = values[moves]
    scaled = kept - np.nanmean(kept, axis=1, keepdims=True)
    scaled /= np.nanstd(scaled, axis=1, keepdims=True)
    z = _increments(scaled, series.times)
    counts, _ = np.histogram(np.clip(z, -7.99, 7.99), _HISTOGRAM)
    chosen = np.random.default_rng(0).permutation(len(scaled))[:_SHOWN]
    frame = xr.DataArray(scaled, dims=("series", "point"))
    clock = ("point", series.times)
    data: dict[str, Any] = {
        "path": (("shown", "point"), scaled[chosen]),
        "time": ("point", series.times),
        "density": ("bin", counts / max(counts.sum(), 1) / np.diff(_HISTOGRAM)),
        "bin_centre": ("bin", (_HISTOGRAM[1:] + _HISTOGRAM[:-1]) / 2),
    }
    attributes = {"series": int(moves.sum()), "t": series.time_unit, "points": len(series.times)}
    if np.isfinite(series.spacing):
        moved = msd(frame, time=clock)
        low, middle, high = quantiles(moved["msd"].to_numpy().T, 0.5)
        data |= {"lag": ("lag", moved["lag"].to_numpy()), "msd": ("lag", middle)}
        data |= {"msd_low": ("lag", low), "msd_high": ("lag", high)}
    km = kramers_moyal(frame, time=clock, over="series", bins=20)
    for name in ("drift", "diffusion"):
        data |= {f"{name}{e}": ("cell", km[f"{name}{e}"].to_numpy()) for e in ("", "_low", "_high")}
    data["position"] = ("cell", km["position"].to_numpy())
    ou = fit_ou(frame, time=clock)
    data["median_kappa"] = float(ou["kappa"].median())
    data["median_ou_diffusion"] = float(ou["diffusion"].median())
    has_hurst = "hurst" in result
    data["median_hurst"] = float(result["hurst"].median()) if has_hurst else np.nan
    return xr.Dataset(data, attrs=attributes)


def _is_drawn(values: np.ndarray, times: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Which series (series, point) move, and do not diverge."""
    return np.asarray(status_of(values, times, Needs(), precision_of(dtype)) == OK)


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
