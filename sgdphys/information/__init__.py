"""Information of layers about inputs and labels, in bits."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgdphys.information.bottleneck.critical import critical_betas
    from sgdphys.information.bottleneck.curve import bottleneck_curve
    from sgdphys.information.bottleneck.distance import bottleneck_distance, finite_sample_gap
    from sgdphys.information.bottleneck.gaussian import gaussian_bottleneck
    from sgdphys.information.bottleneck.relaxation import bottleneck_relaxation
    from sgdphys.information.estimators.binned import binned_information
    from sgdphys.information.estimators.cells import layer_cells
    from sgdphys.information.estimators.comparison import compare
    from sgdphys.information.estimators.extrapolation import extrapolated_information
    from sgdphys.information.estimators.gaussian import (
        gaussian_information,
        linear_layer_information,
    )
    from sgdphys.information.estimators.kde import kde_information
    from sgdphys.information.estimators.neighbours import neighbour_information
    from sgdphys.information.estimators.noisy import noisy_information
    from sgdphys.information.onset import compression
    from sgdphys.information.over_epochs import layer_information

__all__ = [
    "binned_information",
    "bottleneck_curve",
    "bottleneck_distance",
    "bottleneck_relaxation",
    "compare",
    "compression",
    "critical_betas",
    "extrapolated_information",
    "finite_sample_gap",
    "gaussian_bottleneck",
    "gaussian_information",
    "kde_information",
    "layer_cells",
    "layer_information",
    "linear_layer_information",
    "neighbour_information",
    "noisy_information",
]

_HOMES = {
    "binned_information": "estimators.binned",
    "bottleneck_curve": "bottleneck.curve",
    "bottleneck_distance": "bottleneck.distance",
    "bottleneck_relaxation": "bottleneck.relaxation",
    "extrapolated_information": "estimators.extrapolation",
    "finite_sample_gap": "bottleneck.distance",
    "compare": "estimators.comparison",
    "critical_betas": "bottleneck.critical",
    "gaussian_bottleneck": "bottleneck.gaussian",
    "gaussian_information": "estimators.gaussian",
    "linear_layer_information": "estimators.gaussian",
    "kde_information": "estimators.kde",
    "neighbour_information": "estimators.neighbours",
    "noisy_information": "estimators.noisy",
    "compression": "onset",
    "layer_cells": "estimators.cells",
    "layer_information": "over_epochs",
}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used."""
    if name in _HOMES:
        home = importlib.import_module(f"sgdphys.information.{_HOMES[name]}")
        return getattr(home, name)
    raise AttributeError(f"module 'sgdphys.information' has no attribute {name!r}")
