"""Public names of sgdphys.information, each imported when it is first used; types for editors."""

from .bottleneck.critical import critical_betas as critical_betas
from .bottleneck.curve import bottleneck_curve as bottleneck_curve
from .bottleneck.distance import bottleneck_distance as bottleneck_distance
from .bottleneck.distance import finite_sample_gap as finite_sample_gap
from .bottleneck.gaussian import gaussian_bottleneck as gaussian_bottleneck
from .bottleneck.relaxation import bottleneck_relaxation as bottleneck_relaxation
from .estimators.binned import binned_information as binned_information
from .estimators.cells import layer_cells as layer_cells
from .estimators.comparison import compare as compare
from .estimators.extrapolation import extrapolated_information as extrapolated_information
from .estimators.gaussian import gaussian_information as gaussian_information
from .estimators.gaussian import linear_layer_information as linear_layer_information
from .estimators.kde import kde_information as kde_information
from .estimators.neighbours import neighbour_information as neighbour_information
from .estimators.noisy import noisy_information as noisy_information
from .onset import compression as compression
from .over_epochs import layer_information as layer_information

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
