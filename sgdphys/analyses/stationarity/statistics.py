"""Statistics of fluctuations, irreversibility and curvature."""

import xarray as xr

from sgdphys.claims.results import Results, with_ends
from sgdphys.claims.statistic import Statistic


def full_fluctuation_ratio(results: Results) -> xr.Dataset:
    """Fluctuation-dissipation ratio with the full gradient: 1 for white noise."""
    return with_ends(results.of("stationarity"), "full_ratio")


def entropy_production(results: Results) -> xr.Dataset:
    """Entropy production along the sharpest directions, nats per update: 0 at equilibrium."""
    return with_ends(results.of("stationarity"), "entropy_production")


def stability_share(results: Results) -> xr.Dataset:
    """Sharpness times learning rate over 2 (1 + momentum): 1 at the edge of stability."""
    found = results.of("stationarity")
    edge = 2 * (1 + found["swept_momentum"]) / found["swept_learning_rate"]
    return with_ends(found, "sharpness", edge)


STATISTICS = {
    "full_fluctuation_ratio": Statistic(
        full_fluctuation_ratio,
        "Fluctuation-dissipation ratio with the full gradient: 1 for white noise",
        needs=("stationarity",),
        shown_in=("fluctuation_ratios",),
    ),
    "entropy_production": Statistic(
        entropy_production,
        "Entropy production along the sharpest directions, nats per update: 0 at equilibrium",
        needs=("stationarity",),
        shown_in=("entropy_production",),
    ),
    "stability_share": Statistic(
        stability_share,
        "Sharpness times learning rate over 2 (1 + momentum): 1 at the edge of stability",
        needs=("stationarity",),
        shown_in=("edge_of_stability",),
    ),
}
