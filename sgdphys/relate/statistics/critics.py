"""What critics of the information plane look at."""

import numpy as np
import xarray as xr

from sgdphys.information.onset import fall_after_peak
from sgdphys.relate.correlations import rank_correlation
from sgdphys.relate.estimates import Estimate
from sgdphys.relate.statistics.results import Results, log


def one_unit_fall(results: Results) -> Estimate:
    """Exact I(X;T) of one binned unit at its peak less that at the largest weight, in bits."""
    curve = results.of("one_unit")["unit_I_XT"].to_numpy()
    fall = float(np.max(curve) - curve[-1])
    return Estimate(fall, fall, fall, 1)


def rescaling_change(results: Results) -> xr.DataArray:
    """Largest change of I(X;T) over layers when the weights change and the function does not."""
    found = results.of("rescaling")
    return abs(found["rescaled_I_XT"] - found["I_XT"]).max("layer")


def linear_bits_lost(results: Results) -> xr.DataArray:
    """Exact I(X;T) of a noisy linear layer at the peak of its mean curve less that at the end."""
    return fall_after_peak(results.of("linear")["I_XT"])


def irrelevant_bits_lost(results: Results) -> xr.DataArray:
    """Exact bits about inputs that the teacher does not use at their peak less those at the end."""
    return fall_after_peak(results.of("linear")["I_irrelevant"])


def linear_bits_gained(results: Results) -> xr.DataArray:
    """Exact I(X;T) of a noisy linear layer at the end less that at the start, in bits."""
    curve = results.of("linear")["I_XT"]
    return curve.isel(epoch=-1) - curve.isel(epoch=0)


def linear_overtraining(results: Results) -> xr.DataArray:
    """Ln of the exact test error at the end over that at the lowest point of its mean curve."""
    return _over_lowest(results, -1)


def linear_learning(results: Results) -> xr.DataArray:
    """Ln of the exact test error at the start over that at the lowest point of its mean curve."""
    return _over_lowest(results, 0)


def _over_lowest(results: Results, at: int) -> xr.DataArray:
    error = results.of("linear")["generalisation_error"]
    lowest = error.mean("replica").argmin("epoch")
    return log(error.isel(epoch=at) / error.isel(epoch=lowest))


def clustering_gain(results: Results) -> xr.DataArray:
    """Ln of within- over between-label distance at the start less that at the end."""
    ratio = log(results.of("clustering")["distance_ratio"])
    return ratio.isel(epoch=0) - ratio.isel(epoch=-1)


def clustering_with_entropy(results: Results) -> Estimate:
    """Rank correlation over epochs of within- over between-label distance with binned H(T)."""
    found = results.of("clustering")
    a, b = (
        found[n].stack(series=("replica", "layer")).reset_index("series", drop=True)
        for n in ("distance_ratio", "binned_entropy")
    )
    swap = {"series": "replica", "epoch": "layer"}
    return rank_correlation(a.rename(swap), b.rename(swap), over="layer")
