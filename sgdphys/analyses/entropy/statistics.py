"""Statistics of the entropy of ensembles of weights."""

import numpy as np
import xarray as xr

from sgdphys.analyses.information.statistics import compression_rate
from sgdphys.claims.correlations import rank_correlation
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results
from sgdphys.claims.statistic import Statistic


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
}
