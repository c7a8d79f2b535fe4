"""Trajectories read as physical processes: estimators on arrays, never on networks."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgdphys.dynamics.phases import epoch_drift, gradient_phases

__all__ = ["epoch_drift", "gradient_phases"]

_HOMES = {"epoch_drift": "phases", "gradient_phases": "phases"}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"sgdphys.dynamics.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sgdphys.dynamics' has no attribute {name!r}")
