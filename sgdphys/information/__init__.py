"""Information of layers about inputs and labels, in bits."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgdphys.information.binned import binned_information
    from sgdphys.information.bottleneck import bottleneck_curve
    from sgdphys.information.cells import layer_cells
    from sgdphys.information.comparison import compare
    from sgdphys.information.critical import critical_betas
    from sgdphys.information.distance import bottleneck_distance, finite_sample_gap
    from sgdphys.information.extrapolation import extrapolated_information
    from sgdphys.information.gaussian import (
        gaussian_bottleneck,
        gaussian_information,
        linear_layer_information,
    )
    from sgdphys.information.kde import kde_information
    from sgdphys.information.neighbours import neighbour_information
    from sgdphys.information.noisy import noisy_information
    from sgdphys.information.onset import compression
    from sgdphys.information.plane import layer_information
    from sgdphys.information.slowing import bottleneck_relaxation

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
    "binned_information": "binned",
    "bottleneck_curve": "bottleneck",
    "bottleneck_distance": "distance",
    "bottleneck_relaxation": "slowing",
    "extrapolated_information": "extrapolation",
    "finite_sample_gap": "distance",
    "compare": "comparison",
    "critical_betas": "critical",
    "gaussian_bottleneck": "gaussian",
    "gaussian_information": "gaussian",
    "linear_layer_information": "gaussian",
    "kde_information": "kde",
    "neighbour_information": "neighbours",
    "noisy_information": "noisy",
    "compression": "onset",
    "layer_cells": "cells",
    "layer_information": "plane",
}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used."""
    if name in _HOMES:
        home = importlib.import_module(f"sgdphys.information.{_HOMES[name]}")
        return getattr(home, name)
    raise AttributeError(f"module 'sgdphys.information' has no attribute {name!r}")
