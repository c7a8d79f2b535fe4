"""Results of a fit as a table, as JSON, and as a netCDF file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.dynamics.diffusion.fractional import HURST
from sgdphys.dynamics.diffusion.stable_law import INDICES
from sgdphys.errors import InputError
from sgdphys.fitting.fits import SAMPLE
from sgdphys.quantities import interval_text
from sgdphys.status import FAST, OK, SHORT, WEAK, WORDS, advice, words
from sgdphys.trajectory.writer import write_tree


def table(results: xr.Dataset) -> list[tuple[str, ...]]:
    """Rows by layer where there are layers: medians, and the share of each best model."""
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
    """Sentences on the series whose coefficients are missing or unreliable."""
    return advice(results["status"].to_numpy())


def _row(name: str, results: xr.Dataset, where: xr.DataArray) -> tuple[str, ...]:
    here = results.where(where)
    status = results["status"].where(where)
    best = results["best"].where(where, "")
    reliable = status.isin([OK, WEAK, SHORT, FAST])
    diffusion = here["diffusion"].sel(model="drifted_wiener").where(reliable)
    compared = [str(b) for b in np.unique(best.to_numpy()) if b not in ("", "not compared")]
    counts = {b: int((best == b).sum()) for b in compared}
    order = sorted(counts, key=lambda b: -counts[b])
    total = sum(counts.values())
    refused = status.to_numpy()[(~reliable & status.notnull()).to_numpy()]
    reasons = {WORDS[int(s)]: int((refused == s).sum()) for s in np.unique(refused)}
    kinds = ", ".join(f"{b} {counts[b] / total:.0%}" for b in order) if total else "not compared"
    if reasons:
        kinds += "; " + ", ".join(f"{n} {word}" for word, n in reasons.items())
    drift = (here["drift"] / here["sigma"]).sel(model="drifted_wiener").where(reliable)
    relaxation = here["kappa"] * float(results.attrs.get("duration", np.nan))
    return (
        name,
        str(int(status.notnull().sum())),
        _quartiles(diffusion),
        _median(abs(drift)),
        _median(relaxation.where(reliable)),
        _bounded(_median(here["hurst"]), *HURST[[0, -1]]),
        _bounded(_median(here["tail_index"]), INDICES[0], np.inf),  # 2 is a law of its own
        kinds,
    )


def _median(values: xr.DataArray) -> str:
    finite = values.to_numpy()[np.isfinite(values.to_numpy())]
    return f"{np.median(finite):.3g}" if len(finite) else "-"


def _bounded(text: str, least: float, most: float) -> str:
    """A median as a bound, where it is the smallest or largest value that is compared."""
    for sign, end in (("< ", least), ("> ", most)):
        if text == f"{end:.3g}":
            return sign + text
    return text


def _quartiles(values: xr.DataArray) -> str:
    finite = values.to_numpy()[np.isfinite(values.to_numpy())]
    if not len(finite):
        return "-"
    low, middle, high = np.quantile(finite, [0.25, 0.5, 0.75])
    return interval_text(middle, low, high) if len(finite) > 1 else f"{middle:.4g}"


def as_json(results: xr.Dataset) -> dict[str, Any]:
    """Results as plain numbers: the table, and every series unless there are more than 400."""
    heading, *rows = table(results)
    plain_results: dict[str, Any] = {
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
        plain_results["series"] = {
            str(n): np.vectorize(plain, otypes=[object])(v.to_numpy()).tolist()
            for n, v in results.data_vars.items()
        } | {"status": words(results["status"]).tolist()}
        plain_results["models"] = results["model"].to_numpy().tolist()
    return plain_results


def write(results: xr.Dataset, out: Path, source: Path) -> None:
    """Write results as a flat netCDF file.

    Raises
    ------
    InputError
        When ``out`` is, or lies in, the source.
    """
    refuse_source(out, source)
    write_tree(xr.DataTree(results.drop_encoding()), out)


def refuse_source(out: Path, source: Path) -> None:
    """Refuse to overwrite the source, by whatever name or link."""
    is_same = out.exists() and source.exists() and out.samefile(source)
    inside = source.is_dir() and source.resolve() in out.resolve().parents and out.suffix == ".nc"
    if is_same or inside:
        raise InputError(f"{out} is the file that is read; give another name")
