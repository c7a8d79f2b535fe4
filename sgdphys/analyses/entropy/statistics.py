"""Statistics of the entropy of ensembles of weights."""

import numpy as np
import xarray as xr

from sgdphys.analyses.information.relaxation_statistics import compression_rate
from sgdphys.claims.correlations import rank_correlation
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results
from sgdphys.claims.statistic import Statistic

WINDOW = (0.05, 0.5)
"""Shares of training between which twins are seen to diffuse."""


def entropy_growth(results: Results) -> xr.Dataset:
    """Entropy growth exponent per mode, d(2S)/d ln t, over the last decade: 1 for Wiener."""
    return _entropy_gain(results.of("entropy"))


def _entropy_gain(found: xr.Dataset) -> xr.Dataset:
    """Growth of the entropy over the last decade of epochs, as value, low and high.

    The entropies at both epochs are taken as independent; for one ensemble they are not, and the
    interval is too wide.
    """
    epoch = found["mark_epoch"].to_numpy()
    first = int(np.abs(epoch - epoch[-1] / 10).argmin())
    scale = 0.5 * found.attrs["modes"] * float(np.log(epoch[-1] / epoch[first]))
    start, end = found.isel(mark=first), found.isel(mark=-1)
    change = end["entropy"] - start["entropy"]
    half_widths = [
        np.hypot(end["entropy"] - end[f"entropy_{a}"], start["entropy"] - start[f"entropy_{b}"])
        for a, b in (("low", "high"), ("high", "low"))
    ]
    ends = {"value": change, "low": change - half_widths[0], "high": change + half_widths[1]}
    return xr.Dataset({name: value / scale for name, value in ends.items()})


def rate_with_entropy(results: Results) -> Estimate:
    """Rank correlation over layers of compression rate with the growth of the weights' entropy."""
    rate = compression_rate(results).transpose("replica", ..., "layer")
    late = entropy_growth(results)["value"].sel(cloud="noise")
    return rank_correlation(rate, late.broadcast_like(rate), over="layer")


def rate_with_diffusion(results: Results) -> Estimate:
    """Rank correlation over layers, within families, of compression rate with D of twins."""
    return rank_correlation(compression_rate(results), _diffusion_of_twins(results), over="layer")


def rate_with_diffusion_within(results: Results) -> Estimate:
    """Rank correlation over families, within layers, of compression rate with D of twins."""
    return rank_correlation(compression_rate(results), _diffusion_of_twins(results))


def _diffusion_of_twins(results: Results) -> xr.DataArray:
    """Growth of the variance of twins per parameter over twice the epochs that it takes.

    Notes
    -----
    From a twentieth of training to half of it, while layers compress. What twins share, drift
    included, is not in it. Under the first twin of each family.
    """
    found = results.of("entropy")
    epoch = found["mark_epoch"].to_numpy()
    first, last = (int(np.abs(epoch - share * epoch[-1]).argmin()) for share in WINDOW)
    grown = found["twin_variance"].isel(mark=last) - found["twin_variance"].isel(mark=first)
    return grown / (2 * (epoch[last] - epoch[first]))


STATISTICS = {
    "entropy_growth": Statistic(
        entropy_growth,
        "Entropy growth exponent per mode, d(2S)/d ln t, over the last decade: 1 for Wiener",
        needs=("entropy",),
        shown_in=("entropy_growth",),
    ),
    "rate_with_entropy": Statistic(
        rate_with_entropy,
        "Rank correlation over layers of compression rate with the growth of the weights' entropy",
        needs=("entropy", "information"),
        shown_in=("entropy_growth",),
    ),
    "rate_with_diffusion": Statistic(
        rate_with_diffusion,
        "Rank correlation over layers, within families, of compression rate with D of twins",
        needs=("entropy", "information"),
        shown_in=("entropy_growth",),
    ),
    "rate_with_diffusion_within": Statistic(
        rate_with_diffusion_within,
        "Rank correlation over families, within layers, of compression rate with D of twins",
        needs=("entropy", "information"),
        shown_in=("entropy_growth",),
    ),
}
