"""Trajectories read as physical processes: estimators on arrays, never on networks."""

import importlib
from typing import Any

_HOMES = {
    "fit": "model_choice",
    "fit_wiener": "wiener",
    "wiener_tests": "whiteness",
    "passing_share": "whiteness",
    "fit_ou": "ornstein_uhlenbeck",
    "fit_langevin": "langevin",
    "displacement_law": "spreading",
    "fit_fbm": "fractional",
    "fit_levy": "tails",
    "tail_index": "tails",
    "msd": "anomalous",
    "two_time_msd": "ageing",
    "ergodicity_breaking": "ageing",
    "msd_exponent": "exponents",
    "hurst": "persistence",
    "diffusion_coefficient": "increments",
    "diffusion_ladder": "increments",
    "diffusion_matrix": "increments",
    "fluctuation": "ensembles",
    "spread": "ensembles",
    "ensemble_diffusion": "ensembles",
    "kramers_moyal": "drift_diffusion",
    "epoch_drift": "phases",
    "gradient_phases": "phases",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import public names when they are first used."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"sgdphys.dynamics.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sgdphys.dynamics' has no attribute {name!r}")
