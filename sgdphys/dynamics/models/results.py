"""What ``fit`` found, as a Dataset: names, coefficients with units, reasons in words, status."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.dynamics.models.checking import SHARED
from sgdphys.dynamics.models.judged import SENTENCE
from sgdphys.dynamics.models.model import FEWEST, Model
from sgdphys.dynamics.models.reasons import (
    CLOSE,
    EFFECTS,
    REJECT_BELOW,
    reason,
    rejected_by,
    said_odds,
)
from sgdphys.dynamics.models.residual_tests import RESIDUAL_TESTS, holm
from sgdphys.dynamics.models.rivals import RIVALS
from sgdphys.dynamics.series import result
from sgdphys.dynamics.status import is_still
from sgdphys.dynamics.stretches import is_long, number_judged
from sgdphys.glossary import Quantity
from sgdphys.quantities import number_of
from sgdphys.status import END_OF_RANGE, FAST, NO_MODEL, OK, SHORT, UNEVEN

_OF_OU = ("relaxation_time", "relaxation_time_low", "relaxation_time_high", "phi")
"""Further results of the Ornstein-Uhlenbeck process."""
_OF_WHITE_NOISE = ("center", "deviation")
"""Coefficients that the model has of white noise too, and ``fit_ou`` has not."""


def coefficients_of(model: Model, found: xr.Dataset) -> np.ndarray:
    """Coefficients (..., coefficient) of one model in the results of ``fit``."""
    return np.stack(
        [
            (found[c].sel(model=model.name) if c in SHARED else found[model.variable(c)])
            for c in model.coefficients
        ],
        axis=-1,
    )


def is_rejected(tests: np.ndarray, rivals: np.ndarray) -> np.ndarray:
    """Whether tests of residuals (..., test) or rivals (..., rival) reject a candidate."""
    return (holm(tests) < REJECT_BELOW) | (rivals < REJECT_BELOW).any(axis=-1)


def labelled(
    series: Any,
    models: Mapping[str, Model],
    found: Mapping[tuple[str, str], np.ndarray],
    singles: tuple[xr.Dataset, xr.Dataset],
    confidence: float,
) -> xr.Dataset:
    """Label what was found, with the coefficients of short series by the single fits."""
    wiener, ou = singles
    names = list(models)
    n = wiener["count"].to_numpy()
    shape = n.shape

    def by_model(value: str) -> np.ndarray:
        missing = np.full(shape, np.nan)
        return np.stack([found.get((m, value), missing) for m in names], axis=-1)

    shared = {f"{c}{end}": by_model(f"{c}{end}") for c in SHARED for end in ("", "_low", "_high")}
    for m, single in (("drifted_wiener", wiener), ("ou", ou)):
        for name in shared:
            if m in models and name in single:
                shared[name][..., names.index(m)] = single[name]
    if "wiener" in models:
        still = is_still(wiener["status"].to_numpy())
        shared["diffusion"][still, names.index("wiener")] = 0.0
    own, named, owners = _own_coefficients(models, found)
    if "ou" in models:
        for name in own:
            if name in ou:
                alone = ou[name].to_numpy()
                is_kept = np.isnan(alone) & (name in _OF_WHITE_NOISE)
                own[name] = np.where(is_kept, own[name], alone)
        own |= {name: ou[name].to_numpy() for name in _OF_OU}
    likelihood, count, compared = map(by_model, ("log_likelihood", "count", "compared"))
    with np.errstate(invalid="ignore", divide="ignore"):
        bic = count * np.log(n)[..., None] - 2 * likelihood
    tests, rivals = (
        np.stack([found["", name] for name in kind], axis=-1) for kind in (RESIDUAL_TESTS, RIVALS)
    )
    rejected = is_rejected(tests, rivals)
    chosen = np.isfinite(found["", "candidate"])
    compared = np.where(chosen[..., None], compared, 0).astype(bool)
    candidate, nearest = (_name(found["", which], names) for which in ("candidate", "nearest"))
    no_model = np.where(compared.all(axis=-1), "none", "not compared")
    best = np.where(chosen & ~rejected, candidate, no_model)
    on_stretch = _name(found["", "on_stretch"], names)
    best = np.where(on_stretch != "", "not compared", best)
    status = _status(wiener, ou, models, found, best, chosen, compared)
    of_choice = best, candidate, nearest, on_stretch
    said, key = _reasons(found, n, of_choice, compared, names, status, rejected)
    values: dict[str, Any] = {
        "best": best,
        "reason": said,
        "rejected_by": key,
        "candidate": candidate,
        "nearest": nearest,
        "odds": found["", "odds"],
        "compared": (("model",), compared),
        "screened_out": (("model",), by_model("screened_out") == 1),
        **{name: (("model",), v) for name, v in shared.items()},
        "sigma": (("model",), np.sqrt(2 * shared["diffusion"])),
        "log_likelihood": (("model",), likelihood),
        "aic": (("model",), 2 * count - 2 * likelihood),
        "bic": (("model",), bic),
        "heldout": (("model",), by_model("heldout")),
        **own,
        "p_value": (
            ("test",),
            np.concatenate([tests, rivals, ou["adf_p_value"].to_numpy()[..., None]], axis=-1),
        ),
        "count": n,
        "status": status,
    }
    data = result(
        series,
        values,
        coords={"model": names, "test": [*RESIDUAL_TESTS, *RIVALS, "adf"]},
        named={"count": number_of("increments"), **named},
        method="lowest BIC; Dickey-Fuller test for OU; none if residuals are rejected at 1% "
        "(Holm), or a model off the list is 100 times as likely",
        reference="Schwarz (1978); Dickey and Fuller (1979); Diebold, Gunther and Tay (1998)",
        confidence=confidence,
        duration=float(series.times[-1] - series.times[0]) if len(series.times) else 0.0,
        interval_method="that of the fit of each model; none for coefficients without ends",
        models=", ".join(names),
    )
    if is_long(int(n.max(initial=0))):
        data.attrs["judged_on"] = SENTENCE
    for variable, model in owners.items():
        data[variable].attrs["model"] = model
    return data


def _reasons(
    found: Mapping[tuple[str, str], np.ndarray],
    count: np.ndarray,
    chosen: tuple[np.ndarray, ...],
    compared: np.ndarray,
    names: list[str],
    status: np.ndarray,
    rejected: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Why every series has the model that it has, in words; and by what a candidate is rejected."""
    said, keys = np.full(count.size, "", object), np.full(count.size, "", object)
    best, candidate, nearest, on_stretch = (which.ravel().tolist() for which in chosen)
    numbers = [str(name) for name in (*RESIDUAL_TESTS, *RIVALS, *EFFECTS)]
    columns = np.stack([found["", name].ravel() for name in numbers], axis=-1)
    odds, counts, states = (a.ravel().tolist() for a in (found["", "odds"], count, status))
    lacking, kinds = np.unique(compared.reshape(-1, len(names)), axis=0, return_inverse=True)
    left_out = [", ".join(n for n, c in zip(names, row, strict=True) if not c) for row in lacking]
    without_numbers: dict[Any, str] = {}
    rejections = rejected.ravel().tolist()
    for s, kind in enumerate(kinds.ravel().tolist()):
        # the odds are said in so few digits that few sentences differ
        key = (best[s], candidate[s], nearest[s], on_stretch[s], kind, states[s],
               said_odds(odds[s]), odds[s] < CLOSE)  # fmt: skip
        if not rejections[s] and key in without_numbers:
            said[s] = without_numbers[key]
            continue
        given: dict[str, Any] = {
            "best": best[s],
            "candidate": candidate[s],
            "nearest": nearest[s],
            "on_stretch": on_stretch[s],
            "odds": odds[s],
            "left_out": left_out[kind],
            "status": states[s],
        }
        if rejections[s]:
            of = dict(zip(numbers, columns[s].tolist(), strict=True))
            number = number_judged(int(counts[s]))
            keys[s] = rejected_by(of, of, number)
            said[s] = reason(p_values=of, found=of, count=number, **given)
        else:
            said[s] = without_numbers[key] = reason(p_values={}, found={}, count=0, **given)
    return said.astype(str).reshape(count.shape), keys.astype(str).reshape(count.shape)


def _name(number: np.ndarray, names: list[str]) -> np.ndarray:
    """Names of models by number; empty where there is none."""
    which = np.where(np.isfinite(number), number, len(names)).astype(int)
    return np.array([*names, ""])[which]


def _own_coefficients(
    models: Mapping[str, Model], found: Mapping[tuple[str, str], np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, Quantity], dict[str, str]]:
    """Coefficients that one model has, under the names of results; what they are; whose."""
    values: dict[str, np.ndarray] = {}
    named: dict[str, Quantity] = {}
    owners: dict[str, str] = {}
    for name, model in models.items():
        for c, quantity in model.coefficients.items():
            if c in SHARED:
                continue
            variable = model.variable(c)
            named[variable] = quantity
            if variable != c:
                meaning = quantity.description or quantity.long_name
                named[variable] = quantity._replace(
                    long_name=f"{quantity.long_name} ({name})",
                    description=f"{meaning}, of {model.sentence}",
                )
            ends = ("",) if c in model.without_interval else ("", "_low", "_high")
            values |= {f"{variable}{end}": found[name, f"{c}{end}"] for end in ends}
            owners |= {f"{variable}{end}": name for end in ends}
    return values, named, owners


def _status(
    wiener: xr.Dataset,
    ou: xr.Dataset,
    models: Mapping[str, Model],
    found: Mapping[tuple[str, str], np.ndarray],
    best: np.ndarray,
    chosen: np.ndarray,
    compared: np.ndarray,
) -> np.ndarray:
    status = wiener["status"].to_numpy().astype(int)
    is_white = (best == "ou") & (ou["status"].to_numpy() == FAST)
    status = np.where((status == OK) & is_white, FAST, status)
    for m, (name, model) in enumerate(models.items()):
        values = np.stack([found[name, c] for c in model.coefficients], axis=-1)
        at_end = model.at_end_of_range(values.reshape(-1, values.shape[-1])).reshape(best.shape)
        is_open = at_end & ~compared[..., m] & (best == "not compared")
        status = np.where((status == OK) & is_open, END_OF_RANGE, status)
    fitted = np.any([found[name, "compared"] == 1 for name in models], axis=0)
    fewest = max(FEWEST, min(model.fewest for model in models.values()))
    is_short = wiener["count"].to_numpy() < fewest
    unchosen = np.where(is_short, SHORT, np.where(fitted, NO_MODEL, UNEVEN))
    return np.where((status == OK) & ~chosen, unchosen, status)
