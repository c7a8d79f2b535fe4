"""Statistics of how fast layers compress against the noise of their gradients and their motion."""

from sgdphys.analyses.information.relaxation_statistics import compression_rate
from sgdphys.claims.correlations import rank_correlation
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results
from sgdphys.claims.statistic import Statistic


def rate_with_ratio(results: Results) -> Estimate:
    """Rank correlation over layers, within replicas, of compression rate with late mean/noise."""
    return _rate_with(results, "late_gradient_ratio", over="layer")


def rate_with_ratio_within(results: Results) -> Estimate:
    """Rank correlation over replicas, within layers, of compression rate with late mean/noise."""
    return _rate_with(results, "late_gradient_ratio", over="replica")


def rate_with_displacement(results: Results) -> Estimate:
    """Rank correlation over layers, within replicas, of compression rate with displacement."""
    return _rate_with(results, "late_diffusion", over="layer")


def rate_with_displacement_within(results: Results) -> Estimate:
    """Rank correlation over replicas, within layers, of compression rate with displacement."""
    return _rate_with(results, "late_diffusion", over="replica")


def _rate_with(results: Results, name: str, over: str) -> Estimate:
    return rank_correlation(compression_rate(results), results.of("phases")[name], over=over)


RATES = {
    "rate_with_ratio": Statistic(
        rate_with_ratio,
        "Rank correlation over layers, within replicas, of compression rate with late mean/noise",
        needs=("phases", "information"),
        shown_in=("gradient_ratio",),
    ),
    "rate_with_ratio_within": Statistic(
        rate_with_ratio_within,
        "Rank correlation over replicas, within layers, of compression rate with late mean/noise",
        needs=("phases", "information"),
        shown_in=("gradient_ratio",),
    ),
    "rate_with_displacement": Statistic(
        rate_with_displacement,
        "Rank correlation over layers, within replicas, of compression rate with displacement",
        needs=("phases", "information"),
        shown_in=("relaxation",),
    ),
    "rate_with_displacement_within": Statistic(
        rate_with_displacement_within,
        "Rank correlation over replicas, within layers, of compression rate with displacement",
        needs=("phases", "information"),
        shown_in=("relaxation",),
    ),
}
