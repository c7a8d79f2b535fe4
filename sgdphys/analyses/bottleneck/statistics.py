"""Statistics of layers and the bottleneck bound."""

import numpy as np
import xarray as xr

from sgdphys.claims.correlations import rank_correlation
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results, log
from sgdphys.claims.statistic import Statistic
from sgdphys.errors import NotEnoughData
from sgdphys.information.onset import is_finite


def bound_gap(results: Results) -> xr.DataArray:
    """Bottleneck bound at the layer's I(X;T) minus its I(T;Y), in bits, at the end."""
    return results.of("bottleneck")["gap"].isel(epoch=-1).clip(min=0)  # rounding


def bound_gap_over_null(results: Results) -> xr.DataArray:
    """Distance below the bound over that of randomly permuted cells, at the end."""
    found = results.of("bottleneck").isel(epoch=-1)
    return found["gap"].clip(min=0) / found["random_gap"]


def own_beta(results: Results) -> xr.DataArray:
    """Whether beta is defined at the layer's I(X;T): 1, or 0 where the bound is flat."""
    found = results.of("bottleneck").isel(epoch=-1)
    return is_finite(found["beta_bound"]).astype(float).where(is_finite(found["gap"]))


def encoder_residual(results: Results) -> xr.DataArray:
    """Residual of the self-consistent equation over that of randomly permuted cells."""
    found = results.of("bottleneck").isel(epoch=-1)
    return found["residual"] / found["random_residual"]


def beta_with_depth(results: Results) -> Estimate:
    """Rank correlation over layers, within replicas, of fitted beta with depth."""
    beta = results.of("bottleneck")["beta_fit"].isel(epoch=-1)
    return rank_correlation(beta, beta["layer"].broadcast_like(beta).astype(float), over="layer")


def birth_distance(results: Results) -> xr.DataArray:
    """|ln(beta/nearest bifurcation)| minus its expectation under log-uniform beta."""
    found = results.of("bottleneck")
    bifurcations = np.log(found["transition_beta"].to_numpy())
    bifurcations = np.unique(bifurcations[np.isfinite(bifurcations)])
    if len(bifurcations) < 2:
        raise NotEnoughData("the bottleneck curve has fewer than two bifurcations")
    gaps = np.diff(bifurcations)
    chance = float((gaps**2 / 4).sum() / gaps.sum())
    beta = found["beta_fit"].isel(epoch=-1)
    logs = log(beta)
    inside = (logs >= bifurcations[0]) & (logs <= bifurcations[-1])
    deviation = abs(logs.expand_dims(bifurcation=len(bifurcations), axis=-1) - bifurcations).min(
        "bifurcation"
    )
    return (deviation - chance).where(inside)


STATISTICS = {
    "bound_gap": Statistic(
        bound_gap,
        "Bottleneck bound at the layer's I(X;T) minus its I(T;Y), in bits, at the end",
        needs=("bottleneck",),
        kind="positive",
        shown_in=("bottleneck_curve",),
    ),
    "bound_gap_over_null": Statistic(
        bound_gap_over_null,
        "Distance below the bound over that of randomly permuted cells, at the end",
        needs=("bottleneck",),
        kind="positive",
        shown_in=("bottleneck_curve",),
    ),
    "own_beta": Statistic(
        own_beta,
        "Whether beta is defined at the layer's I(X;T): 1, or 0 where the bound is flat",
        needs=("bottleneck",),
        kind="share",
        shown_in=("bottleneck_curve",),
    ),
    "encoder_residual": Statistic(
        encoder_residual,
        "Residual of the self-consistent equation over that of randomly permuted cells",
        needs=("bottleneck",),
        kind="positive",
        shown_in=("bottleneck_beta",),
    ),
    "beta_with_depth": Statistic(
        beta_with_depth,
        "Rank correlation over layers, within replicas, of fitted beta with depth",
        needs=("bottleneck",),
        shown_in=("bottleneck_beta",),
    ),
    "birth_distance": Statistic(
        birth_distance,
        "|ln(beta/nearest bifurcation)| minus its expectation under log-uniform beta",
        needs=("bottleneck",),
        shown_in=("bottleneck_beta",),
    ),
}
