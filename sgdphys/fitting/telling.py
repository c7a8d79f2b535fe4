"""What a fit amounts to: a table, JSON, a netCDF file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.dynamics.diffusion.model_choice import MODELS
from sgdphys.errors import InputError
from sgdphys.fitting.fits import SAMPLE
from sgdphys.status import OK, SHORT, WEAK, WORDS, advice, words
from sgdphys.trajectory.writer import write_tree


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


def explanations(results: xr.Dataset) -> list[str]:
    """Sentences on the series whose coefficients are missing or to be read with care."""
    return advice(results["status"].to_numpy())


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
        "advice": explanations(results),
        "table": [dict(zip(("name", *heading[1:]), row, strict=True)) for row in rows],
    }
    if results["best"].size <= SAMPLE:
        plain: Callable[[Any], Any] = lambda v: (  # noqa: E731
            None if isinstance(v, float) and not np.isfinite(v) else v
        )
        said["series"] = {
            str(n): np.vectorize(plain, otypes=[object])(v.to_numpy()).tolist()
            for n, v in results.data_vars.items()
        } | {"status": words(results["status"]).tolist()}
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
