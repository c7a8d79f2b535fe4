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
    "autocorrelation": "correlations",
    "integrated_time": "correlations",
    "relaxation_time": "slowing",
    "critical_point": "slowing",
    "rolling_indicators": "indicators",
    "ensemble_indicators": "across_members",
    "detrended": "detrending",
    "early_warning": "trends",
    "order_parameter": "order",
    "weight_entropy": "entropy",
    "entropy_balance": "entropy",
    "entropy_production": "irreversibility",
    "minibatch_gradients": "fluctuations",
    "fluctuation_ratios": "fluctuations",
    "along": "flatness",
    "directional_memory": "flatness",
    "variance_flatness": "flatness",
    "noise_alignment": "flatness",
    "replica_overlap": "overlaps",
    "unit_overlap": "overlaps",
    "trajectory_components": "components",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import public names when they are first used."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"sgdphys.dynamics.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sgdphys.dynamics' has no attribute {name!r}")
