"""What a model of one's own must have, asked before anything is fitted."""

from collections.abc import Mapping

import numpy as np

from sgdphys.dynamics.models.model import Model
from sgdphys.errors import InputError
from sgdphys.glossary import GLOSSARY, Quantity

SHARED = ("drift", "diffusion")
"""Coefficients that several models have, with one meaning."""
_ENDS = ("_low", "_high")
_TAKEN = ("log_likelihood", "count", "heldout", "compared", "screened_out", "aic", "bic", "sigma")
_NOT_NAMES = ("none", "not compared")


def require_model(model: Model, known: Mapping[str, Model]) -> None:
    """Refuse a model that lacks something, or whose names would hide other results.

    Parameters
    ----------
    model : Model
    known : mapping
        The models that have these names already.
    """
    kind = type(model).__name__
    name, coefficients = getattr(model, "name", None), getattr(model, "coefficients", None)
    if not isinstance(name, str) or not name.isidentifier() or name in _NOT_NAMES:
        raise InputError(f"the name of the model {kind} is {name!r}; give it one like 'laplace'")
    other = known.get(name)
    if other is not None and not isinstance(model, type(other)):
        raise InputError(f"the model {kind} is called {name!r}, as another one is; rename it")
    if not isinstance(getattr(model, "sentence", None), str):
        raise InputError(f"the model {name!r} has no sentence that says what it is")
    if not isinstance(coefficients, Mapping) or not coefficients:
        raise InputError(f"the model {name!r} has no coefficients; map their names to quantities")
    _require_coefficients(model, coefficients)
    if other is None:
        results = {m.variable(c) for m in known.values() for c in m.coefficients}
        clash = [c for c in coefficients if c not in SHARED and model.variable(c) in results]
        if clash:
            raise InputError(
                f"{clash[0]!r} of the model {name!r} would be {model.variable(clash[0])!r}, as a "
                "coefficient of another model is; rename it"
            )


def _require_coefficients(model: Model, coefficients: Mapping[str, Quantity]) -> None:
    for c, quantity in coefficients.items():
        where = f"the coefficient {c!r} of the model {model.name!r}"
        if not isinstance(c, str) or not c.isidentifier() or c in _TAKEN or c.endswith(_ENDS):
            raise InputError(f"{where} has a name that results use otherwise; rename it")
        if not isinstance(quantity, Quantity):
            raise InputError(f"{where} is {quantity!r}; give a sgdphys.glossary.Quantity")
        if c in SHARED and quantity.unit != GLOSSARY[c].unit:
            raise InputError(f"{where} has the unit {quantity.unit}, not {GLOSSARY[c].unit}")
    for c, ends in model.bounds.items():
        if c not in coefficients:
            raise InputError(f"the model {model.name!r} has bounds of {c!r}, no coefficient of it")
        low, high = ends
        if not low < high:
            raise InputError(f"the bounds of {c!r} of the model {model.name!r} are {ends!r}")


def require_start(model: Model, values: object) -> np.ndarray:
    """Coefficients at which a search begins: as many as there are, inside their bounds."""
    try:
        found = np.asarray(values, float)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.shape != (len(model.coefficients),):
        raise InputError(
            f"start() of the model {model.name!r} returned {values!r}; give "
            f"{len(model.coefficients)} numbers"
        )
    for c, value in zip(model.coefficients, found, strict=True):
        low, high = model.bounds.get(c, (-np.inf, np.inf))
        if np.isfinite(value) and not low < value < high:
            raise InputError(
                f"start() of the model {model.name!r} gives {c} = {value:g}, which is not between "
                f"its bounds {low:g} and {high:g}"
            )
    return found


def require_steps(model: Model, found: object, points: int) -> np.ndarray:
    """Residuals and log densities: (2, point - 1)."""
    steps = np.asarray(found, float) if isinstance(found, np.ndarray) else np.empty(0)
    if steps.shape != (2, points - 1):
        shape = steps.shape if isinstance(found, np.ndarray) else type(found).__name__
        raise InputError(
            f"steps() of the model {model.name!r} returned {shape} for {points} points; give an "
            f"array (2, {points - 1}): residuals and log densities"
        )
    if (np.isnan(steps[0]) & np.isfinite(steps[1])).any():
        raise InputError(
            f"steps() of the model {model.name!r} gives residuals that are NaN at points with a "
            "finite density; without residuals the model could not be tested"
        )
    return steps
