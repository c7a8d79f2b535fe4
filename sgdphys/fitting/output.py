"""Results of a fit as tables, as JSON, and as a netCDF file."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.dynamics.diffusion.fractional_noise import HURST
from sgdphys.dynamics.diffusion.stable_law import INDICES
from sgdphys.dynamics.models.catalogue import MODELS
from sgdphys.dynamics.models.checking import SHARED
from sgdphys.dynamics.models.reasons import CLOSE
from sgdphys.errors import InputError
from sgdphys.fitting.fits import SAMPLE
from sgdphys.headings import OF_EACH, value_unit
from sgdphys.quantities import inverse_root, texts_of_ends, with_word
from sgdphys.status import FAST, OK, OSCILLATING, REASONS, SHORT, WEAK, WORDS, advice
from sgdphys.status import words as status_words
from sgdphys.trajectory.locations import is_remote
from sgdphys.trajectory.writer import write_tree

_LIMITS = {"hurst": (*HURST[[0, -1]],), "tail_index": (INDICES[0], np.inf)}
"""Smallest and largest values that are compared; a tail index of 2 is a law of its own."""
_MOST_COLUMNS = 10
"""Of a table, up to which each has a row of its own."""
_MOST_PAIRS = 4
"""Of models that cannot be told apart, up to which each is named."""
_WIENER = "drifted_wiener"
"""The model whose drift and diffusion the first table has, whichever is best."""
_HEADINGS = {"apparent_diffusion": "apparent D", "drift_over_sigma": "drift / sigma",
             "relaxation_times": "kappa T", "hurst": "H", "tail_index": "tail index"}  # fmt: skip


def groups(results: xr.Dataset) -> list[dict[str, Any]]:
    """Numbers of all series, and of those of every layer, or of each of a few columns of a table.

    Returns
    -------
    list of dict
        name; series; of the models that were compared: apparent_diffusion (median and quartiles,
        of a Wiener process with drift, whichever is best), medians drift_over_sigma (of that
        process too), relaxation_times (kappa times duration), hurst and tail_index; best, number of
        series by chosen model; left_out, number of series by status.
    """
    if "layer" in results.coords:
        found = {f"layer {n}": results["layer"] == n for n in np.unique(results["layer"])}
        found["all"] = xr.ones_like(results["layer"], bool)
    elif (names := _names(results)) is not None:
        found = {str(n): names == n for n in names.to_numpy()}
        found["all"] = xr.ones_like(names, bool)
    else:
        found = {"all": xr.DataArray(True)}
    every = [_group(name, results, where) for name, where in found.items()]
    if results.attrs.get("units_differ"):
        every[-1].pop("apparent_diffusion", None)  # nothing is the median of several units
    return every


def _names(results: xr.Dataset) -> xr.DataArray | None:
    """Names of a few series, as of the columns of a table; None where they have none."""
    dims = results["best"].dims
    if len(dims) != 1 or dims[0] not in results.coords:
        return None
    names = results[dims[0]]
    is_named = names.dtype.kind in "UOST" and 1 < names.size <= _MOST_COLUMNS
    return names.astype(str) if is_named and len(np.unique(names)) == names.size else None


def _group(name: str, results: xr.Dataset, where: xr.DataArray) -> dict[str, Any]:
    status = results["status"].where(where)
    reliable = status.isin([OK, WEAK, SHORT, FAST, OSCILLATING])
    refused = status.to_numpy()[(~reliable & status.notnull()).to_numpy()]
    here = results.where(where)
    found: dict[str, Any] = {"name": name, "series": int(status.notnull().sum())}
    medians = {}
    if _WIENER in results["model"]:
        of_wiener = here.sel(model=_WIENER)
        quartiles = _quantiles(of_wiener["diffusion"].where(reliable), [0.5, 0.25, 0.75])
        ends = ("median", "quartile_low", "quartile_high")
        found["apparent_diffusion"] = dict(zip(ends, quartiles, strict=True))
        medians["drift_over_sigma"] = abs(of_wiener["drift"] / of_wiener["sigma"])
    if "kappa" in results:
        medians["relaxation_times"] = here["kappa"] * float(results.attrs.get("duration", np.nan))
    medians = {k: v.where(reliable) for k, v in medians.items()}
    medians |= {k: here[k] for k in ("hurst", "tail_index") if k in results}
    found |= {k: _quantiles(v, [0.5])[0] for k, v in medians.items()}
    compared = (results["candidate"] != "") & where
    found["best"] = _counted(results["best"].where(compared, "").to_numpy().ravel())
    found["left_out"] = {WORDS[int(s)]: int((refused == s).sum()) for s in np.unique(refused)}
    return found


def _quantiles(values: xr.DataArray, shares: list[float]) -> list[float]:
    finite = values.to_numpy()[np.isfinite(values.to_numpy())]
    return (
        [float(v) for v in np.quantile(finite, shares)] if len(finite) else [np.nan] * len(shares)
    )


def _counted(names: np.ndarray) -> dict[str, int]:
    """How many there are of every name, most frequent first; empty ones are left out."""
    counts = Counter(str(name) for name in names if name)
    return dict(counts.most_common())


def table(results: xr.Dataset) -> list[tuple[str, ...]]:
    """Rows by layer or column, where there are any: medians, and the share of each best model."""
    found = groups(results)
    kept = [name for name in _HEADINGS if any(name in group for group in found)]
    per_root = inverse_root(results["sigma"].attrs["units"])  # drift is in x/t, sigma in x/t**0.5
    units = {"apparent_diffusion": results["diffusion"].attrs["units"],
             "drift_over_sigma": per_root}  # fmt: skip
    headings = [_HEADINGS[k] + (f" ({units[k]})" if k in units else "") for k in kept]
    return [("", "series", *headings, "best"), *(_row(group, kept) for group in found)]


def _row(group: dict[str, Any], kept: list[str]) -> tuple[str, ...]:
    total = sum(group["best"].values())
    best = ", ".join(f"{name} {n / total:.0%}" for name, n in group["best"].items())
    left = ", ".join(f"{n} {word}" for word, n in group["left_out"].items())
    said = "; ".join(part for part in (best or "not compared", left) if part)
    medians = [
        _with_quartiles(group.get(name))
        if name == "apparent_diffusion"
        else _bounded(group[name], *_LIMITS.get(name, (-np.inf, np.inf)))
        for name in kept
    ]
    return (group["name"], str(group["series"]), *medians, said)


def _with_quartiles(found: dict[str, float] | None) -> str:
    """A median and its quartiles, which are no interval of confidence."""
    if found is None:
        return "-"
    middle, low, high = found.values()
    if np.isnan(middle):
        return "-"
    if not low < high:
        return f"{middle:.4g}"
    texts = texts_of_ends(middle, low, high)
    return f"{texts[0]} ({texts[1]} to {texts[2]})"


def _bounded(value: float, least: float, most: float) -> str:
    """A median; as a bound, where it is the smallest or largest value that is compared."""
    if np.isnan(value):
        return "-"
    text = f"{value:.3g}"
    for sign, end in (("< ", least), ("> ", most)):
        if text == f"{end:.3g}":
            return sign + text
    return text


def models_found(results: xr.Dataset) -> list[dict[str, Any]]:
    """Models that are the best of some series, and their coefficients.

    Returns
    -------
    list of dict
        model; series, of how many it is the best; coefficients, medians over these series by name;
        intervals, medians of both ends by name, of those that have one in all of these series.
    """
    best = results["best"].where(results["candidate"] != "", "").to_numpy()
    found = []
    for name, series in _counted(best.ravel()).items():
        here = results.where(results["best"] == name)
        coefficients, intervals = {}, {}
        for variable in _coefficients(results, name):
            values, low, high = (
                _of_model(here, f"{variable}{end}", name) for end in ("", "_low", "_high")
            )
            value = _quantiles(values, [0.5])[0]
            if np.isfinite(value) or variable not in SHARED:
                coefficients[variable] = value
            # an end that is missing in some series would be the median of others than the value
            has_ends = (np.isfinite(values) == (np.isfinite(low) & np.isfinite(high))).all()
            if np.isfinite(value) and has_ends:
                intervals[variable] = [_quantiles(end, [0.5])[0] for end in (low, high)]
        found.append(
            {"model": name, "series": series, "coefficients": coefficients, "intervals": intervals}
        )
    return found


def _coefficients(results: xr.Dataset, model: str) -> list[str]:
    """Names of the coefficients of a model: its own, then the shared ones."""
    own = [
        str(name)
        for name, values in results.data_vars.items()
        if values.attrs.get("model") == model and not str(name).endswith(("_low", "_high"))
    ]
    return own + [name for name in SHARED if model in results["model"]]


def _of_model(results: xr.Dataset, name: str, model: str) -> xr.DataArray:
    """A coefficient or an end of its interval; NaN where there is none."""
    if name not in results:
        return xr.DataArray(np.nan)
    found = results[name]
    return found.sel(model=model) if "model" in found.dims else found


def models_table(results: xr.Dataset) -> list[tuple[str, ...]]:
    """Rows by coefficient of the chosen models: value and interval.

    Of each series where a few have names, otherwise medians and shares of the series.
    """
    level = f"{100 * results.attrs['confidence']:.4g}% interval"
    total = int((results["candidate"] != "").sum())
    names = _names(results)
    if names is None and results.attrs.get("units_differ"):
        return []  # nothing is the median of several units
    if names is not None:
        parts = {str(n): results.isel({names.dims[0]: [k]}) for k, n in enumerate(names.values)}
        first, values = ("series", "best model"), ("value", level)
    else:
        parts = {"": results}
        first = ("best model", "share")
        values = ("value", level) if total == 1 else ("median", f"median {level}")
    rows: list[tuple[str, ...]] = [(*first, "coefficient", *values, "unit")]
    for name, part in parts.items():
        for row in models_found(part):
            share = f"{row['series'] / total:.0%}"
            begins = [name, row["model"]] if name else [row["model"], share]
            for variable, value in row["coefficients"].items():
                ends = row["intervals"].get(variable, (value, value))
                texts = texts_of_ends(value, *ends) if np.isfinite(value) else ["-"]
                texts = texts if variable in row["intervals"] else texts[:1]
                unit = results[variable].attrs.get("units", "1")
                if name and results.attrs.get("units_differ"):
                    unit = with_word(unit, OF_EACH, value_unit(name) or "1")
                short = variable.removeprefix(f"{row['model']}_")
                rows.append((*begins, short, texts[0], " to ".join(texts[1:]) or "-", unit))
                begins = ["", ""]
    return rows if len(rows) > 1 else []


def meanings(results: xr.Dataset) -> list[str]:
    """Sentences on what the coefficients of the chosen models are."""
    found: dict[str, dict[str, list[str]]] = {}
    for row in models_found(results):
        of = f", of {MODELS[row['model']].sentence}" if row["model"] in MODELS else ""
        for variable in row["coefficients"]:
            said = results[variable].attrs.get("description", "").removesuffix(of)
            name = variable.removeprefix(f"{row['model']}_")
            if said:
                found.setdefault(name, {}).setdefault(said, []).append(row["model"])
    return [
        f"{name}: {said}" if len(meant) == 1 else f"{name} of {', '.join(models)}: {said}"
        for name, meant in found.items()
        for said, models in meant.items()
    ]


def rejections(results: xr.Dataset) -> list[dict[str, Any]]:
    """Why series have no model: how many by what rejects their candidate most strongly.

    Returns
    -------
    list of dict
        reason, a key of ``status.REASONS``; series; candidates, their number by model.
    """
    keys = results["rejected_by"].to_numpy().ravel()
    candidates = results["candidate"].to_numpy().ravel()
    return [
        {"reason": key, "series": n, "candidates": _counted(candidates[keys == key])}
        for key, n in _counted(keys).items()
    ]


def rejections_table(results: xr.Dataset) -> list[tuple[str, ...]]:
    """Rows by reason why series have no model: share of the rejected, what to do."""
    found: Counter[tuple[str, str]] = Counter()
    for row in rejections(results):
        found[REASONS[row["reason"]].words, REASONS[row["reason"]].then] += row["series"]
    total = found.total()
    rows: list[tuple[str, ...]] = [("why none", "share", "what to do")]
    for (words, then), series in found.most_common():
        rows.append((words, f"{series / total:.0%}", then))
    return rows if found else []


def explanations(results: xr.Dataset) -> list[str]:
    """Sentences on the series whose coefficients are missing or unreliable, and left-out models."""
    said = advice(results["status"].to_numpy())
    compared = results["candidate"] != ""
    names = results["model"].to_numpy()
    screened = (results["screened_out"] & compared).sum([*compared.dims]).to_numpy()
    number = int(compared.sum())
    all_out = [str(name) for name, n in zip(names, screened, strict=True) if n == number]
    some_out = [f"{m} ({n / number:.0%})" for m, n in zip(names, screened, strict=True)
                if 0 < n < number]  # fmt: skip
    if number and (all_out or some_out):
        parts = [f"for all series {', '.join(all_out)}"] if all_out else []
        parts += [f"for some {', '.join(some_out)}"] if some_out else []
        said.append(f"ruled out by a cheap test, without a full fit: {'; '.join(parts)}")
    return said + _not_compared(results, number) + _alike(results, number)


def _not_compared(results: xr.Dataset, number: int) -> list[str]:
    """A sentence on the models that could not be compared."""
    lacking = (~results["compared"] & (results["candidate"] != "")).sum(
        [*results["candidate"].dims]
    )
    found = [f"{m} ({int(n) / number:.0%})" for m, n in zip(
        results["model"].to_numpy(), lacking.to_numpy(), strict=True) if n]  # fmt: skip
    if not found:
        return []
    return [
        "not compared, since they need even times without gaps, more points, or a best value in "
        f"the range that is searched: {', '.join(found)}"
    ]


def _alike(results: xr.Dataset, number: int) -> list[str]:
    """A sentence on the series whose best model can hardly be told from the next one."""
    close = (results["odds"] < CLOSE) & ~results["best"].isin(["", "none", "not compared"])
    best, nearest = (results[name].to_numpy()[close.to_numpy()] for name in ("best", "nearest"))
    if not len(best):
        return []
    pairs = _counted(np.array([f"{a} from {b}" for a, b in zip(best, nearest, strict=True)]))
    said = ", ".join(f"{pair} ({n / number:.0%})" for pair, n in list(pairs.items())[:_MOST_PAIRS])
    more = f" and {len(pairs) - _MOST_PAIRS} other pairs" if len(pairs) > _MOST_PAIRS else ""
    return [f"not to be told apart, with odds below {CLOSE:g}: {said}{more}"]


def as_json(results: xr.Dataset) -> dict[str, Any]:
    """Results as plain numbers: by group, and of every series unless there are more than 400.

    Those are nested along ``dimensions``, whose labels it has, and along models or tests.
    """
    found: dict[str, Any] = {
        "source": results.attrs.get("source"),
        "range": results.attrs.get("range"),
        "method": results.attrs["method"],
        "units": {
            str(n): v.attrs["units"]
            for n, v in results.data_vars.items()
            if v.attrs.get("units", "1") != "1"
        },
        "advice": explanations(results),
        "models": results["model"].to_numpy().tolist(),
        "tests": results["test"].to_numpy().tolist(),
        "groups": groups(results),
        "best": models_found(results),
        "rejected": rejections(results),
    }
    if results["best"].size <= SAMPLE:
        found["dimensions"] = {str(d): results[d].to_numpy().tolist() for d in results["best"].dims}
        found["series"] = {str(n): v.to_numpy().tolist() for n, v in results.data_vars.items()}
        found["series"]["status"] = status_words(results["status"]).tolist()
    return {key: _plain(value) for key, value in found.items()}


def _plain(value: Any) -> Any:
    """The value with null for numbers that are not finite, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


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
    if is_remote(source):
        return
    is_same = out.exists() and source.exists() and out.samefile(source)
    inside = source.is_dir() and source.resolve() in out.resolve().parents and out.suffix == ".nc"
    if is_same or inside:
        raise InputError(f"{out} is the file that is read; give another name")
