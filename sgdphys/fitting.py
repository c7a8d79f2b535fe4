"""Fits of diffusion models to anyone's file: read, choose directions, fit, tell in a table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sgdphys.dynamics.anomalous import msd
from sgdphys.dynamics.drift_diffusion import kramers_moyal
from sgdphys.dynamics.model_choice import MODELS, fit
from sgdphys.dynamics.ornstein_uhlenbeck import fit_ou
from sgdphys.dynamics.paths import paths
from sgdphys.dynamics.status import OK, SHORT, WEAK, WORDS
from sgdphys.dynamics.wiener import fit_wiener
from sgdphys.errors import InputError, nearest
from sgdphys.trajectory.reader import open_trajectory, require_netcdf
from sgdphys.trajectory.writer import write_tree

SAMPLE = 400
"""Series whose model is chosen unless more are asked for; Wiener and OU are fitted to all."""
_MOST_COMPONENTS_OF = 4096
_HISTOGRAM = np.linspace(-8, 8, 81)


class Fitted(NamedTuple):
    """What ``fit_file`` found."""

    results: xr.Dataset
    sample: xr.DataArray
    """The series whose model was chosen."""
    notes: list[str]


def open_variable(path: Path, variable: str | None, dim: str | None) -> tuple[xr.DataArray, str]:
    """Open one variable of a run, a trajectory or any netCDF file, lazily.

    Parameters
    ----------
    path : Path
    variable : str, optional
        The weights of a trajectory, or the only variable, by default.
    dim : str, optional
        Time-like dimension: "step", or the only one, by default.

    Returns
    -------
    (DataArray, str)
        The variable and its time-like dimension. Times keep the unit of the file.

    Raises
    ------
    InputError
        For a file that is not netCDF, a variable or dimension that is not there (those that are
        get listed).
    """
    if path.is_dir():
        data = open_trajectory(path)["weights"].to_dataset()
    else:
        require_netcdf(path)
        data = xr.open_dataset(path, decode_times=False, chunks={})
        if not data.data_vars:
            tree = xr.open_datatree(path, decode_times=False, chunks={})
            groups = [n for n in tree.children if tree[n].data_vars]
            if "weights" not in groups and len(groups) != 1:
                raise InputError(f"{path} has groups {', '.join(groups)} and none is 'weights'")
            data = tree["weights" if "weights" in groups else groups[0]].to_dataset()
    numeric = [str(n) for n, v in data.data_vars.items() if v.ndim and v.dtype.kind in "iuf"]
    if variable is None:
        if "theta" in numeric:
            variable = "theta"
        elif len(numeric) == 1:
            variable = numeric[0]
        else:
            raise InputError(
                f"give --variable; {path} has {', '.join(numeric) or 'none of numbers'}"
            )
    if variable not in data.data_vars:
        raise InputError(
            f"{path} has no variable {variable!r}; {nearest(variable, numeric)} "
            f"(it has {', '.join(numeric)})"
        )
    theta = data[variable]
    if dim is None:
        dim = "step" if "step" in theta.dims or theta.ndim != 1 else str(theta.dims[0])
    if dim not in theta.dims:
        dims = ", ".join(map(str, theta.dims))
        raise InputError(
            f"{variable!r} has no dimension {dim!r}; give --dim: it has {dims or 'none'}"
        )
    return theta, dim


def project(theta: xr.DataArray, along: str, dim: str, rng: int = 0) -> xr.DataArray:
    """Return a trajectory along chosen directions of weight space.

    Parameters
    ----------
    theta : DataArray (dim, ..., parameter)
    along : str
        "pca:k": the k principal components of all paths about their own means. "layer-norm": the
        norm of each layer. "random:k": k random unit vectors.
    dim : str
    rng : int
        Seed of random directions.

    Raises
    ------
    InputError
        For unknown directions, no dimension ``parameter``, more components than parameters.
    """
    name, _, number = along.partition(":")
    if name not in ("pca", "layer-norm", "random"):
        raise InputError(f"--along {along}: {nearest(name, ('pca:10', 'layer-norm', 'random:50'))}")
    if "parameter" not in theta.dims:
        raise InputError(f"--along {along} needs a dimension 'parameter'; there are {theta.dims}")
    if name == "layer-norm":
        if "layer" not in theta.coords:
            raise InputError("--along layer-norm needs a coordinate 'layer' along 'parameter'")
        squares = (theta.astype(np.float64) ** 2).groupby("layer").sum()
        return (squares**0.5).assign_attrs(theta.attrs)
    size = theta.sizes["parameter"]
    if not number.isdigit() or not 1 <= int(number) <= size:
        raise InputError(f"--along {along}: give a number between 1 and {size}, as in {name}:10")
    k = int(number)
    if name == "random":
        vectors = np.random.default_rng(rng).standard_normal((size, k))
        vectors /= np.linalg.norm(vectors, axis=0)
    else:
        vectors = _principal(theta, dim, k)
    directions = xr.DataArray(vectors, dims=("parameter", "component"))
    found = xr.dot(theta.astype(np.float64), directions, dim="parameter")
    keep = {c: theta[c] for c in theta.coords if "parameter" not in theta[c].dims}
    return found.assign_coords(keep).assign_attrs(theta.attrs)


def _principal(theta: xr.DataArray, dim: str, k: int) -> np.ndarray:
    """Principal directions (parameter, k) of all paths about their own means."""
    size = theta.sizes["parameter"]
    if size > _MOST_COMPONENTS_OF:
        raise InputError(
            f"--along pca: {size} parameters are more than {_MOST_COMPONENTS_OF}; use random:{k}"
        )
    gram = np.zeros((size, size))
    others = [d for d in theta.dims if d not in (dim, "parameter")]
    stacked = theta.stack(path=others) if others else theta.expand_dims("path")
    for p in range(stacked.sizes["path"]):
        x = stacked.isel(path=p).transpose(dim, "parameter").to_numpy().astype(np.float64)
        x = x[np.isfinite(x).all(axis=1)]
        if len(x):
            x -= x.mean(axis=0)
            gram += x.T @ x
    return np.linalg.eigh(gram)[1][:, ::-1][:, :k]


def fit_file(
    path: Path,
    *,
    variable: str | None = None,
    dim: str | None = None,
    along: str | None = None,
    per: str | None = None,
    sample: int | None = None,
    confidence: float = 0.95,
    rng: int = 0,
) -> Fitted:
    """Fit diffusion models to a variable of a file.

    Parameters
    ----------
    path : Path
        A run, a trajectory or any netCDF file.
    variable, dim : str, optional
        See ``open_variable``.
    along : str, optional
        See ``project``.
    per : str, optional
        Coordinate to measure time by.
    sample : int, optional
        About how many series a model is chosen for; 400 by default.
    confidence : float
    rng : int
        Seed of the sample and of random directions.

    Returns
    -------
    Fitted
        Wiener and Ornstein-Uhlenbeck coefficients of all series; models compared on the sample,
        with ``best`` "not compared" elsewhere.
    """
    theta, time = open_variable(path, variable, dim)
    notes = []
    if along:
        theta = project(theta, along, time, rng)
    points = theta.sizes[time]
    series = theta.size // max(points, 1)
    wanted = SAMPLE if sample is None else sample
    if wanted < 1:
        raise InputError(f"--sample is {wanted}; at least one series must be compared")
    numbered = theta.assign_coords(
        {f"{d}_number": (d, np.arange(theta.sizes[d])) for d in theta.dims if d != time}
    )
    chosen = _sampled(numbered, time, wanted, rng).load()
    compared = fit(chosen, dim=time, per=per, confidence=confidence)
    if chosen.size < theta.size:
        notes.append(
            f"models were compared on {chosen.size // points} of {series} series, drawn with seed "
            f"{rng} (--sample N for more); Wiener and OU were fitted to all"
        )
        compared = _beside_all(numbered, compared, time, per, confidence)
    numbers = [c for c in compared.coords if str(c).endswith("_number")]
    compared = compared.drop_vars(numbers).assign_attrs(
        source=str(path), along=along or "each series"
    )
    return Fitted(compared, chosen, notes)


def _sampled(theta: xr.DataArray, time: str, wanted: int, rng: int) -> xr.DataArray:
    """Some of the series: all combinations of some places along each other dimension."""
    generator = np.random.default_rng(rng)
    others = sorted((d for d in theta.dims if d != time), key=lambda d: theta.sizes[d])
    left = float(wanted)
    picked: dict[Any, np.ndarray] = {}
    for k, d in enumerate(others):
        size = theta.sizes[d]
        many = int(min(size, max(1, round(left ** (1 / (len(others) - k))))))
        order = generator.permutation(size)
        if "layer" in theta.coords and theta["layer"].dims == (d,):
            # the first of every layer, then the second of every layer, ...
            layer = theta["layer"].to_numpy()[order]
            rank = np.array([(layer[:k] == layer[k]).sum() for k in range(size)])
            order = order[np.argsort(rank, kind="stable")]
        picked[d] = np.sort(order[:many])
        left /= many
    return theta.isel(picked)


def _beside_all(
    theta: xr.DataArray, compared: xr.Dataset, time: str, per: str | None, confidence: float
) -> xr.Dataset:
    """Put the coefficients of all series beside what was compared on some."""
    others = [d for d in theta.dims if d != time]
    wiener = fit_wiener(theta, dim=time, per=per, confidence=confidence)
    ou = fit_ou(theta, dim=time, per=per, confidence=confidence)
    whole = xr.Dataset(coords=wiener.coords)
    missing = {"best": "not compared", "status": wiener["status"].dtype.type(0)}
    shape = {d: theta.sizes[d] for d in others}
    places = [compared[f"{d}_number"].to_numpy() for d in others]
    for name, values in compared.data_vars.items():
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
    at = {m: MODELS.index(m) for m in ("drifted_wiener", "ou")}
    for name in ("drift", "diffusion", "sigma"):
        for end in ("", "_low", "_high"):
            if f"{name}{end}" in whole:
                full = whole[f"{name}{end}"].to_numpy()
                full[..., at["drifted_wiener"]] = wiener[f"{name}{end}"].transpose(*others)
                if name != "drift":
                    full[..., at["ou"]] = ou[f"{name}{end}"].transpose(*others)
    for name in ou.data_vars:
        if name in whole and "model" not in whole[name].dims and name != "log_likelihood":
            whole[name] = ou[name].transpose(*others)
    return whole.assign_attrs(compared.attrs)


def table(results: xr.Dataset) -> list[tuple[str, ...]]:
    """Rows by layer where there are layers: medians, and how many series are what."""
    heading = (
        "", "series", f"D ({results['diffusion'].attrs['units']})", "drift / sigma",
        "kappa T", "H", "tail index", "best",
    )  # fmt: skip
    if "layer" in results.coords:
        groups = {f"layer {n}": results["layer"] == n for n in np.unique(results["layer"])}
        groups["all"] = xr.ones_like(results["layer"], bool)
    else:
        groups = {"all": xr.DataArray(True)}
    return [heading, *(_row(name, results, where) for name, where in groups.items())]


def _row(name: str, results: xr.Dataset, where: xr.DataArray) -> tuple[str, ...]:
    here = results.where(where)
    status = results["status"].where(where)
    best = results["best"].where(where, "")
    sound = (status == OK) | (status == WEAK) | (status == SHORT)
    diffusion = here["diffusion"].sel(model="drifted_wiener").where(sound)
    compared = [str(b) for b in np.unique(best.to_numpy()) if b not in ("", "not compared")]
    counts = {b: int((best == b).sum()) for b in compared}
    order = sorted(counts, key=lambda b: -counts[b])
    total = sum(counts.values())
    refused = status.to_numpy()[(~sound & status.notnull()).to_numpy()]
    reasons = {WORDS[int(s)]: int((refused == s).sum()) for s in np.unique(refused)}
    said = ", ".join(f"{b} {counts[b] / total:.0%}" for b in order) if total else "not compared"
    if reasons:
        said += "; " + ", ".join(f"{n} {word}" for word, n in reasons.items())
    drift = (here["drift"] / here["sigma"]).sel(model="drifted_wiener").where(sound)
    pull = here["kappa"] * float(results.attrs.get("duration", np.nan))
    return (
        name,
        str(int(status.notnull().sum())),
        _quartiles(diffusion),
        _median(abs(drift)),
        _median(pull.where(sound)),
        _median(here["hurst"]),
        _median(here["tail_index"]),
        said,
    )


def _median(values: xr.DataArray) -> str:
    finite = values.to_numpy()[np.isfinite(values.to_numpy())]
    return f"{np.median(finite):.3g}" if len(finite) else "-"


def _quartiles(values: xr.DataArray) -> str:
    finite = values.to_numpy()[np.isfinite(values.to_numpy())]
    if not len(finite):
        return "-"
    low, middle, high = np.quantile(finite, [0.25, 0.5, 0.75])
    return f"{middle:.3g} [{low:.2g}, {high:.2g}]" if len(finite) > 1 else f"{middle:.4g}"


def as_json(results: xr.Dataset) -> dict[str, Any]:
    """Results as plain numbers: every series of few, else the table's rows."""
    heading, *rows = table(results)
    said: dict[str, Any] = {
        "source": results.attrs.get("source"),
        "method": results.attrs["method"],
        "units": {n: results[n].attrs.get("units") for n in ("diffusion", "drift", "kappa")},
        "table": [dict(zip(("name", *heading[1:]), row, strict=True)) for row in rows],
    }
    if results["best"].size <= SAMPLE:
        plain: Callable[[Any], Any] = lambda v: (  # noqa: E731
            None if isinstance(v, float) and not np.isfinite(v) else v
        )
        said["series"] = {
            str(n): np.vectorize(plain, otypes=[object])(v.to_numpy()).tolist()
            for n, v in results.data_vars.items()
        }
        said["models"] = list(MODELS)
    return said


def write(results: xr.Dataset, out: Path, source: Path) -> None:
    """Write results as a flat netCDF file, unless that is the file they were read from.

    Raises
    ------
    InputError
        When ``out`` is, or lies in, the source.
    """
    refuse_source(out, source)
    write_tree(xr.DataTree(results.drop_encoding()), out)


def refuse_source(out: Path, source: Path) -> None:
    """Refuse to write over what is being read, by whatever name or link."""
    is_same = out.exists() and source.exists() and out.samefile(source)
    inside = source.is_dir() and source.resolve() in out.resolve().parents and out.suffix == ".nc"
    if is_same or inside:
        raise InputError(f"{out} is what is being read; give another name")


def portrait(fitted: Fitted, per: str | None = None, rng: int = 0) -> xr.Dataset:
    """What the figure of a fit shows, from the sampled series.

    Parameters
    ----------
    fitted : Fitted
    per : str, optional
    rng : int

    Returns
    -------
    Dataset
        path (shown, point) of up to 6 series, each about its mean over its deviation; msd (lag) of
        the series so scaled, with quartiles, and the medians' models; increments' histogram;
        drift and diffusion against place, in standard deviations and per unit time.
    """
    time = str(next(d for d in fitted.sample.dims if d not in fitted.results.dims))
    series = paths(fitted.sample, dim=time, per=per)
    values = series.theta.to_numpy().astype(np.float64).reshape(-1, len(series.times))
    with np.errstate(invalid="ignore"):
        sound = np.isfinite(values).all(axis=1) & (np.ptp(values, axis=1) > 0)
    if not sound.any():
        raise InputError("no sampled series is whole and moves; there is nothing to draw")
    kept = values[sound]
    scaled = (kept - kept.mean(axis=1, keepdims=True)) / kept.std(axis=1, keepdims=True)
    dt = np.diff(series.times)
    dx = np.diff(scaled, axis=1)
    drift = (scaled[:, -1:] - scaled[:, :1]) / (series.times[-1] - series.times[0])
    z = (dx - drift * dt) / np.sqrt(dt)
    z /= z.std(axis=1, keepdims=True)
    counts, _ = np.histogram(np.clip(z, -7.99, 7.99), _HISTOGRAM)
    chosen = np.random.default_rng(rng).permutation(len(scaled))[:6]
    frame = xr.DataArray(scaled, dims=("series", "point"))
    data: dict[str, Any] = {
        "path": (("shown", "point"), scaled[chosen]),
        "time": ("point", series.times),
        "density": ("bin", counts / counts.sum() / np.diff(_HISTOGRAM)),
        "bin_centre": ("bin", (_HISTOGRAM[1:] + _HISTOGRAM[:-1]) / 2),
    }
    attributes = {"series": int(sound.sum()), "t": series.time_unit, "points": len(series.times)}
    if np.isfinite(series.spacing):
        moved = msd(frame, dim="point", times=series.times)
        low, middle, high = np.nanquantile(moved["msd"].to_numpy(), [0.25, 0.5, 0.75], axis=0)
        data |= {"lag": ("lag", moved["lag"].to_numpy()), "msd": ("lag", middle)}
        data |= {"msd_low": ("lag", low), "msd_high": ("lag", high)}
    km = kramers_moyal(frame, dim="point", pool="series", times=series.times, bins=20)
    for name in ("drift", "diffusion"):
        data |= {f"{name}{e}": ("cell", km[f"{name}{e}"].to_numpy()) for e in ("", "_low", "_high")}
    data["place"] = ("cell", km["place"].to_numpy())
    ou = fit_ou(frame, dim="point", times=series.times)
    data["median_kappa"] = float(ou["kappa"].median())
    data["median_ou_diffusion"] = float(ou["diffusion"].median())
    data["median_hurst"] = float(fitted.results["hurst"].median())
    return xr.Dataset(data, attrs=attributes)
