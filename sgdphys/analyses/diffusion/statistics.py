"""Statistics of the diffusion of twins."""

import xarray as xr

from sgdphys.claims.results import Results, with_ends
from sgdphys.claims.statistic import Statistic


def wiener_share(results: Results) -> xr.Dataset:
    """Fraction of weights that pass as Wiener processes over that of simulated ones, by burst."""
    found = results.of("diffusion")
    return with_ends(found, "passes", found["null_passes"])


def diffusion_over_noise(results: Results) -> xr.Dataset:
    """Diffusion coefficient of the twins over the gradient-noise prediction, by lag and burst."""
    return with_ends(results.of("diffusion"), "diffusion_ratio")


STATISTICS = {
    "wiener_share": Statistic(
        wiener_share,
        "Fraction of weights that pass as Wiener processes over that of simulated ones, by burst",
        needs=("diffusion",),
        shown_in=("diffusion_epochs", "diffusion_vs_lag"),
        kind="positive",
    ),
    "diffusion_over_noise": Statistic(
        diffusion_over_noise,
        "Diffusion coefficient of the twins over the gradient-noise prediction, by lag and burst",
        needs=("diffusion",),
        shown_in=("diffusion_vs_lag",),
        kind="positive",
        unit="times",
    ),
}
