"""What claims say of layers and the bottleneck bound."""

import numpy as np
import xarray as xr

from sgdphys.claims.correlations import rank_correlation
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results, log
from sgdphys.claims.statistic import Statistic
from sgdphys.errors import NotEnoughData
from sgdphys.information.onset import is_finite


def bound_gap(results: Results) -> xr.DataArray:
    """Bits of I(T;Y) below the bottleneck bound at the same I(X;T), at the end."""
    return results.of("bottleneck")["gap"].isel(epoch=-1)


def bound_gap_over_null(results: Results) -> xr.DataArray:
    """Bits below the bound over those of the same cells dealt out anew, at the end."""
    found = results.of("bottleneck").isel(epoch=-1)
    return found["gap"] / found["random_gap"]


def own_beta(results: Results) -> xr.DataArray:
    """Whether the bound has a slope of its own at a layer's I(X;T): 1, or 0 where it is flat."""
    found = results.of("bottleneck").isel(epoch=-1)
    return is_finite(found["beta_bound"]).astype(float).where(is_finite(found["gap"]))


def encoder_residual(results: Results) -> xr.DataArray:
    """Bits by which a layer misses its self-consistent encoder over those of dealt-out cells."""
    found = results.of("bottleneck").isel(epoch=-1)
    return found["residual"] / found["random_residual"]


def beta_with_depth(results: Results) -> Estimate:
    """Rank correlation over layers, within replicas, of fitted beta with depth."""
    beta = results.of("bottleneck")["beta_fit"].isel(epoch=-1)
    return rank_correlation(beta, beta["layer"].broadcast_like(beta).astype(float), over="layer")


def birth_distance(results: Results) -> xr.DataArray:
    """|ln(beta/nearest birth of a cluster)| less its mean for ln beta even between the births."""
    found = results.of("bottleneck")
    births = np.log(found["transition_beta"].to_numpy())
    births = np.unique(births[np.isfinite(births)])
    if len(births) < 2:
        raise NotEnoughData("fewer than two births of clusters to be near to")
    gaps = np.diff(births)
    chance = float((gaps**2 / 4).sum() / gaps.sum())
    beta = found["beta_fit"].isel(epoch=-1)
    logs = log(beta)
    inside = (logs >= births[0]) & (logs <= births[-1])
    away = abs(logs.expand_dims(birth=len(births), axis=-1) - births).min("birth")
    return (away - chance).where(inside)


STATISTICS = {
    "bound_gap": Statistic(
        bound_gap,
        "Bits of I(T;Y) below the bottleneck bound at the same I(X;T), at the end",
        needs=("bottleneck",),
        shown_in=("bottleneck_curve",),
    ),
    "bound_gap_over_null": Statistic(
        bound_gap_over_null,
        "Bits below the bound over those of the same cells dealt out anew, at the end",
        needs=("bottleneck",),
        shown_in=("bottleneck_curve",),
    ),
    "own_beta": Statistic(
        own_beta,
        "Whether the bound has a slope of its own at a layer's I(X;T): 1, or 0 where it is flat",
        needs=("bottleneck",),
        shown_in=("bottleneck_curve",),
    ),
    "encoder_residual": Statistic(
        encoder_residual,
        "Bits by which a layer misses its self-consistent encoder over those of dealt-out cells",
        needs=("bottleneck",),
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
        "|ln(beta/nearest birth of a cluster)| less its mean for ln beta even between the births",
        needs=("bottleneck",),
        shown_in=("bottleneck_beta",),
    ),
}
