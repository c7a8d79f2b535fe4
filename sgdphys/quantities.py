"""How results are labelled: unit, long name, symbol and description of every variable.

A function hands in the names of what it alone means by a word; the glossary gives all others.
"""

import re
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import xarray as xr

from sgdphys.glossary import GLOSSARY, Quantity


def number_of(what: str) -> Quantity:
    """Return the quantity of a count, which differs from function to function.

    Parameters
    ----------
    what : str
        What is counted, in the plural: "increments", "degrees of freedom".
    """
    return Quantity("1", f"number of {what}", "n", f"number of {what} that an estimate rests on")


GENERALISED_DIFFUSION = Quantity(
    "{x}**2/{t}**alpha",
    "generalised diffusion coefficient",
    r"D_\alpha",
    "MSD = 2 D t**alpha with alpha = 2 H, so that the unit depends on the exponent",
)
"""The coefficient of anomalous diffusion."""

STEP_RATIO = Quantity(
    "1",
    "ratio of successive steps",
    r"\lambda",
    "change of the encoder in the last iteration divided by that in the iteration before",
)
"""The largest eigenvalue of an iteration, as its last steps show it."""


def in_unit(name: str, unit: str) -> Quantity:
    """Return a quantity of the glossary in another unit, that of the input it is computed from."""
    return GLOSSARY[name]._replace(unit=unit)


_PREFIXES = {
    "drift_": "by the drift over two epochs",
    "followed_": "by the gradients that an epoch's updates followed",
    "own_": "of each replica",
    "random_": "of randomly permuted cells",
    "shuffled_": "with randomly permuted labels",
    "null_": "under its null",
    "predicted_": "as predicted",
    "simulated_": "simulated",
    "exact_": "exact, in continuous time",
    "discrete_": "exact, in discrete time",
    "ramp_": "ramp and control",
    "ensemble_": "across members",
    "first_": "at the start",
    "curve_": "of the bottleneck curve",
    "transition_": "at a transition",
}
_DERIVED = ("_low", "_high", "_ensemble", "_total")
_MEANING = {
    "_low": "lower end of its interval",
    "_high": "upper end of its interval",
    "_ensemble": "of the ensemble",
    "_total": "over all layers",
}
_TIMES = re.compile(r"(?<!\*)\*(?!\*)")
_FACTOR = re.compile(r"(\{[xt]\}|[^\W\d]\w*|1)(?:\*\*([1-9]))?")


def _unit(template: str, x: str, t: str) -> str:
    """A unit for values in x and times in t; powers of a pure number vanish, others cancel."""
    given = {"{x}": x, "{t}": t}
    if template in given:
        return given[template]
    cancelled = _cancelled(template, given)
    if cancelled is not None:
        return cancelled
    sides = []
    for side in template.split("/"):
        factors = []
        for factor in _TIMES.split(side):
            for place, unit in given.items():
                if factor.startswith(place):
                    own = unit if unit.isalnum() else f"({unit})"
                    factor = "1" if unit == "1" else factor.replace(place, own)
            if factor != "1":
                factors.append(factor)
        sides.append("*".join(factors))
    top, *below = sides
    bottom = "".join(f"/{side}" for side in below if side)
    return f"{top or '1'}{bottom}"


def _cancelled(template: str, given: Mapping[str, str]) -> str | None:
    """A unit in which powers of the same unit have been put together; None of other units."""
    parsed = {place: _powers(unit) for place, unit in given.items()}
    powers: dict[str, int] = {}
    for unit, power in (_powers(template) or {"": 0}).items():
        inside = parsed.get(unit, {unit: 1})
        if inside is None or not unit:
            return None
        for name, own in inside.items():
            powers[name] = powers.get(name, 0) + power * own
    top = "*".join(_raised(name, power) for name, power in powers.items() if power > 0)
    below = "".join(f"/{_raised(name, -power)}" for name, power in powers.items() if power < 0)
    return f"{top or '1'}{below}"


def _powers(unit: str) -> dict[str, int] | None:
    """Units and their powers in a product such as weight**2/loss; None of anything else.

    So is m/s*kg, which some read as m kg/s and others as m/(s kg).
    """
    found: dict[str, int] = {}
    for k, side in enumerate(unit.split("/")):
        factors = _TIMES.split(side)
        if k and len(factors) > 1:
            return None
        for factor in factors:
            match = _FACTOR.fullmatch(factor)
            if match is None:
                return None
            if match[1] != "1":
                found[match[1]] = found.get(match[1], 0) + (-1 if k else 1) * int(match[2] or 1)
    return found


def _raised(name: str, power: int) -> str:
    return name if power == 1 else f"{name}**{power}"


def with_word(unit: str, word: str, means: str) -> str:
    """A unit in which a word stands for another unit, with that in its place."""
    return _unit(re.sub(rf"\b{word}\b", "{x}", unit), means, "{t}")


def inverse_root(unit: str) -> str:
    """Unit 1/t**0.5 of a unit that ends so, as x/t**0.5 or x/(a/b)**0.5; 1 of any other."""
    found = re.search(r"/((?:\w+|\([^()]*\))\*\*0\.5)$", unit)
    return f"1/{found[1]}" if found else "1"


def attributes(
    name: Hashable,
    named: Mapping[str, Quantity] | None = None,
    *,
    x: str = "weight",
    t: str = "update",
) -> dict[str, str]:
    """Return units, long_name, symbol and description of a quantity, as a variable's attributes.

    Names with ``_low``, ``_high``, ``_ensemble`` or ``_total`` have those of what they belong to.

    Parameters
    ----------
    name : str
    named : mapping, optional
        What the caller means by some names; the glossary has all others.
    x, t : str
        Units of the values and of time.

    Raises
    ------
    KeyError
        For a name that neither has.
    """
    text, own = str(name), named or {}
    quantity = own.get(text) or GLOSSARY.get(text)
    if quantity is not None:
        said = {
            "units": _unit(quantity.unit, x, t),
            "long_name": quantity.long_name,
            "symbol": quantity.symbol,
            "description": quantity.description,
        }
        return {key: value for key, value in said.items() if value}
    for suffix in _DERIVED:
        if text.endswith(suffix):
            base = attributes(text.removesuffix(suffix), named, x=x, t=t)
            return {**base, "long_name": f"{base['long_name']}, {_MEANING[suffix]}"}
    for prefix, meaning in _PREFIXES.items():
        if text.startswith(prefix):
            base = attributes(text.removeprefix(prefix), named, x=x, t=t)
            return {**base, "long_name": f"{base['long_name']}, {meaning}"}
    raise KeyError(text)


def labelled(
    data: xr.Dataset,
    named: Mapping[str, Quantity] | None = None,
    *,
    x: str = "weight",
    t: str = "update",
) -> xr.Dataset:
    """Give every variable its units, long_name, symbol and description.

    A function calls this once, on what it has computed, and hands in the names of what the glossary
    does not know or knows as something else. Results of another function have their labels already:
    merge them afterwards.

    Parameters
    ----------
    data : Dataset
    named : mapping, optional
        Name to quantity, before that of the glossary.
    x, t : str
        Units of the values and of time, where a quantity's unit follows from them.

    Notes
    -----
    xarray hands attributes down through arithmetic: a variance would keep the unit of a weight. So
    attributes that a variable carries say nothing of it, and are replaced. Coordinates are copied,
    not computed: those that have a unit, a long name or a symbol keep what they have.
    """
    data = data.copy()
    for name in data.variables:
        if data[name].dtype.kind in "mM":  # dates have their unit from the file's encoding
            continue
        is_kept = name in data.coords and not (named and name in named)
        if is_kept and not {"units", "long_name", "symbol"}.isdisjoint(data[name].attrs):
            continue
        try:
            known = attributes(name, named, x=x, t=t)
        except KeyError:
            continue
        others = {k: v for k, v in data[name].attrs.items() if k not in _LABELS}
        data[name].attrs = {**known, **others}
    return data


_LABELS = ("units", "long_name", "symbol", "description")


def with_prefix(data: xr.Dataset, prefix: str) -> xr.Dataset:
    """Rename all variables to names with a prefix, and say in their long names what it means."""
    renamed = data.rename({name: f"{prefix}{name}" for name in data.data_vars})
    for name in renamed.data_vars:
        said = renamed[name].attrs
        renamed[name].attrs = said | {"long_name": f"{said['long_name']}, {_PREFIXES[prefix]}"}
    return renamed


def axis_label(variable: xr.DataArray) -> str:
    """Label of a figure's axis from a variable's attributes: long name, symbol and unit."""
    said = variable.attrs
    name, unit = said.get("long_name", str(variable.name)), said.get("units", "1")
    symbol = f" ${said['symbol']}$" if said.get("symbol") else ""
    return name + symbol + (f" ({unit})" if unit not in ("1", name) else "")


def _plain(text: str) -> str:
    """A rounded number without an exponent, where it has at most six digits before the point."""
    return f"{float(text):.0f}" if "e+0" in text and abs(float(text)) < 1e6 else text


_ENDLESS = 1e6
"""An interval that ends above this many times its estimate, and above this number, has no end."""


def estimate_text(
    value: float, low: float, high: float, unit: str = "", apart: Sequence[float] = ()
) -> str:
    """An estimate with its interval, as ``interval_text``; an upper end far beyond it is none."""
    is_endless = value > 0 and high > _ENDLESS * max(value, 1.0)
    return interval_text(value, low, np.inf if is_endless else high, unit, apart)


def interval_text(
    value: float, low: float, high: float, unit: str = "", apart: Sequence[float] = ()
) -> str:
    """A value, its unit and its ends, in digits enough to tell the ends from the value.

    And from thresholds ``apart``. An infinite upper end is "unbounded".
    """
    texts = texts_of_ends(value, low, high, apart)
    said = f"{texts[0]} {unit}" if unit else texts[0]
    return f"{said} [{texts[1]}, {texts[2]}]"


def texts_of_ends(value: float, low: float, high: float, apart: Sequence[float] = ()) -> list[str]:
    """Texts of a value and its ends, in digits enough to tell them apart; see ``interval_text``."""
    numbers = [value, low, high] if high < np.inf else [value, low]
    width = max(numbers) - low
    for digits in range(3, 9):
        texts = [_plain(f"{v:.{digits}g}") for v in numbers]
        errors = [abs(float(t) - v) for t, v in zip(texts, numbers, strict=True)]
        is_apart = all(
            np.sign(float(t) - end) == np.sign(v - end)
            for t, v in zip(texts, numbers, strict=True)
            for end in apart
        )
        if is_apart and (not width > 0 or max(errors) <= width / 20):
            break
    if any("." in text for text in texts):  # then 1.4 beside 1.22 is 1.40
        texts = [_plain(f"{v:#.{digits}g}").removesuffix(".") for v in numbers]
    return texts if len(texts) > 2 else [*texts, "unbounded"]
