"""Trajectories read as physical processes: estimators on arrays, never on networks."""

import importlib
from typing import Any

_HOMES = {
    "fit": "diffusion.model_choice",
    "fit_wiener": "diffusion.wiener",
    "wiener_tests": "diffusion.wiener_tests",
    "pass_rate": "diffusion.wiener_tests",
    "fit_ou": "diffusion.ornstein_uhlenbeck",
    "fit_langevin": "diffusion.langevin",
    "displacement_law": "diffusion.displacement_law",
    "fit_fbm": "diffusion.fractional",
    "fit_levy": "diffusion.tail_index",
    "tail_index": "diffusion.tail_index",
    "msd": "diffusion.msd",
    "two_time_msd": "diffusion.ageing",
    "ergodicity_breaking": "diffusion.ageing",
    "msd_exponent": "diffusion.msd_exponent",
    "hurst": "diffusion.hurst",
    "diffusion_coefficient": "diffusion.diffusion_coefficient",
    "diffusion_vs_lag": "diffusion.diffusion_coefficient",
    "diffusion_matrix": "diffusion.diffusion_coefficient",
    "deviation_from_mean": "ensembles.ensemble_diffusion",
    "variance_components": "ensembles.ensemble_diffusion",
    "ensemble_diffusion": "ensembles.ensemble_diffusion",
    "kramers_moyal": "diffusion.kramers_moyal",
    "epoch_drift": "sgd.gradient_phases",
    "gradient_phases": "sgd.gradient_phases",
    "autocorrelation": "slowing.autocorrelation",
    "integrated_time": "slowing.autocorrelation",
    "relaxation_time": "slowing.relaxation_time",
    "critical_point": "slowing.critical_point",
    "rolling_indicators": "slowing.rolling_indicators",
    "ensemble_indicators": "slowing.ensemble_indicators",
    "detrended": "slowing.detrending",
    "early_warning": "slowing.early_warning",
    "order_parameter": "ensembles.order_parameter",
    "weight_entropy": "ensembles.entropy",
    "entropy_balance": "ensembles.entropy",
    "entropy_production": "diffusion.entropy_production",
    "minibatch_gradients": "sgd.fluctuation_ratios",
    "fluctuation_ratios": "sgd.fluctuation_ratios",
    "project": "sgd.flatness",
    "hessian_mode_statistics": "sgd.flatness",
    "variance_flatness": "sgd.flatness",
    "noise_alignment": "sgd.flatness",
    "replica_overlap": "ensembles.overlaps",
    "unit_overlap": "ensembles.overlaps",
    "trajectory_components": "sgd.trajectory_components",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import public names when they are first used."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"sgdphys.dynamics.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sgdphys.dynamics' has no attribute {name!r}")
