"""Statistics of the overlap of units and networks."""

import numpy as np
import xarray as xr

from sgdphys.claims.results import Results
from sgdphys.claims.statistic import Statistic

_ENDS = {"value": "", "low": "_low", "high": "_high"}


def excess_correlation(overlap: xr.DataArray, null: xr.DataArray) -> xr.DataArray:
    """Correlation beyond chance, sqrt(rms cosine**2 - null**2), with the sign of the difference.

    Notes
    -----
    Mean squares of independent parts add: the part of the cosines that chance does not explain has
    the square rms**2 - null**2. Negative values belong to units that are more orthogonal to each
    other than independent ones.
    """
    square = overlap**2 - null**2
    return square.copy(data=np.sign(square.to_numpy()) * np.sqrt(np.abs(square.to_numpy())))


def unit_correlation(results: Results) -> xr.Dataset:
    """Correlation of the in-weights of a layer's units beyond chance; negative: more orthogonal."""
    found = results.of("diversity")
    null = found["null_unit_overlap"]
    return xr.Dataset(
        {n: excess_correlation(found[f"unit_overlap{end}"], null) for n, end in _ENDS.items()}
    )


def network_similarity(results: Results) -> xr.Dataset:
    """Cosine of matched networks, from 0 for matched random weights to 1 for equal networks."""
    found = results.of("diversity")
    null = found["null_matched_overlap"]
    return xr.Dataset(
        {n: (found[f"matched_overlap{end}"] - null) / (1 - null) for n, end in _ENDS.items()}
    )


def norm_growth(results: Results) -> xr.DataArray:
    """A layer's final weight norm over its initial one."""
    return results.of("diversity")["norm_ratio"]


STATISTICS = {
    "unit_correlation": Statistic(
        unit_correlation,
        "Correlation of the in-weights of a layer's units beyond chance; negative: more orthogonal",
        needs=("diversity",),
        shown_in=("diversity",),
    ),
    "network_similarity": Statistic(
        network_similarity,
        "Cosine of matched networks, from 0 for matched random weights to 1 for equal networks",
        needs=("diversity",),
        shown_in=("diversity",),
    ),
    "norm_growth": Statistic(
        norm_growth,
        "A layer's final weight norm over its initial one",
        needs=("diversity",),
        shown_in=("diversity", "weight_norms"),
        kind="geometric",
        unit="times",
    ),
}
