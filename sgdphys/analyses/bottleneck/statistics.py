"""Statistics of layers and the bottleneck bound."""

from collections.abc import Callable

import numpy as np
import xarray as xr

from sgdphys.claims.estimates import Estimate
from sgdphys.claims.ranks import spearman
from sgdphys.claims.results import LEARNED, Results, along_control
from sgdphys.claims.statistic import Statistic
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.information.onset import LEAST_LOSS, fall_after_peak, is_finite
from sgdphys.intervals import jackknife_interval, means_without_each

_READINGS = {"fitted": "beta_fit", "bound": "beta_bound"}
"""Values of the key ``beta`` of a claim: which of a layer's two betas it is about."""
_EPOCHS = {"end": "last_epoch", "lowest_test_loss": "lowest_loss_epoch"}
"""Values of the key ``at`` of a claim, and the epoch of each."""
_LARGE = 1e9
"""Stands for an infinite beta where betas are ranked."""
_FEWEST_STRENGTHS = 3
_FEWEST_AMOUNTS = 4


def _each_case(results: Results, measured: Callable[[xr.Dataset], xr.DataArray]) -> xr.DataArray:
    """A function of each case, with the networks that learnt and did not diverge."""

    def of_sound(found: xr.Dataset) -> xr.DataArray:
        # betas may be infinite: the gap says which networks are finite
        is_sound = is_finite(found["gap"].sel(epoch=found["last_epoch"], drop=True))
        if LEARNED in found.coords:
            is_sound = is_sound & (found[LEARNED] > 0)
        return measured(
            found.map(lambda v: v.where(is_sound) if "replica" in v.dims else v, keep_attrs=True)
        )

    found = results.of("bottleneck")
    if "case" not in found.dims:
        return of_sound(found)
    return xr.concat(
        [of_sound(found.isel(case=k)) for k in range(found.sizes["case"])], dim="case",
        coords="different", compat="equals", combine_attrs="drop_conflicts",
    )  # fmt: skip


def _layers(results: Results, measured: Callable[[xr.Dataset], xr.DataArray]) -> xr.DataArray:
    """A function of the layers of each case, at the end or at the epoch of lowest test loss."""
    when = results.wanted("at") or "end"
    if when not in _EPOCHS:
        raise InputError(f"at is {when!r}; it can be {' or '.join(map(repr, _EPOCHS))}")

    def then(found: xr.Dataset) -> xr.DataArray:
        epoch = found[_EPOCHS[when]]
        if not is_finite(epoch):
            raise NotEnoughData("there is no test loss by which an epoch could be chosen")
        return measured(found.sel(epoch=epoch, drop=True))

    return _each_case(results, then)


def bound_gap(results: Results) -> xr.DataArray:
    """Bottleneck bound at the layer's I(X;T) minus its I(T;Y), in bits."""
    return _layers(results, lambda d: d["gap"].clip(min=0))  # below 0 by rounding


def bound_gap_rise(results: Results) -> xr.DataArray:
    """Distance below the bound at the end minus its lowest, chosen on other networks, in bits."""
    return _each_case(results, lambda d: fall_after_peak(-d["gap"].clip(min=0)))


def bound_gap_over_null(results: Results) -> xr.DataArray:
    """Distance below the bound over that of randomly permuted cells."""
    return _layers(results, lambda d: d["gap"].clip(min=0) / d["random_gap"])


def own_beta(results: Results) -> xr.DataArray:
    """Whether the bound has a beta at the layer's I(X;T): 1, or 0 where it is flat."""
    return _layers(
        results, lambda d: is_finite(d["beta_bound"]).astype(float).where(is_finite(d["gap"]))
    )


def encoder_residual(results: Results) -> xr.DataArray:
    """Residual of the self-consistent equation over that of randomly permuted cells."""
    return _layers(results, lambda d: d["residual"] / d["random_residual"])


def beta_with_depth(results: Results) -> xr.DataArray:
    """Rank correlation over layers of fitted beta with depth, of every network."""

    def correlation(layers: xr.Dataset) -> xr.DataArray:
        beta = layers["beta_fit"].clip(max=_LARGE).where(is_finite(layers["gap"]))
        return spearman(beta, beta["layer"].astype(float), "layer")

    return _layers(results, correlation)


def birth_distance(results: Results) -> xr.DataArray:
    """Share of random betas that lie nearer to a bifurcation than a layer's beta does.

    Random ones are log-uniform between the onset and the last bifurcation. A beta beyond them
    counts by its distance, an infinite one as farthest. The onset itself is no target, since
    randomly permuted cells are fitted there. All networks of one label strength share its
    bifurcations and nearly their betas, so that strengths, not networks, are independent: each
    gives the mean over its networks, and stands along ``replica``.
    """
    reading = results.wanted("beta") or "fitted"
    if reading not in _READINGS:
        raise InputError(f"beta is {reading!r}; it can be {' or '.join(map(repr, _READINGS))}")

    def shares(layers: xr.Dataset) -> xr.DataArray:
        known = layers["transition_beta"].to_numpy()
        nearer = _nearer(layers[_READINGS[reading]].to_numpy(), known)
        each = layers["gap"].copy(data=nearer).where(is_finite(layers["gap"]))
        return each.mean("replica").where(each.notnull().sum("replica") > 1)

    found = _layers(results, shares)
    of_cases = found.coords.get("swept_information")
    cases = found.sizes.get("case", 1)
    strengths = cases if of_cases is None else len(np.unique(of_cases))
    if 1 < strengths < cases:
        raise InputError("strengths of labels are compared at one value of all other swept keys")
    if strengths < _FEWEST_STRENGTHS:
        raise NotEnoughData(
            f"{strengths} strengths of the labels are too few, since all networks of one share its "
            f"bifurcations; {_FEWEST_STRENGTHS} are needed"
        )
    return found.drop_vars([n for n in found.coords if n != "layer"]).rename(case="replica")


def _nearer(beta: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Share of log-uniform betas nearer to a bifurcation than each, NaN without bifurcations."""
    logs = np.unique(np.log(known[np.isfinite(known)]))
    if len(logs) < 2:
        return np.full(beta.shape, np.nan)
    onset, births = logs[0], logs[1:]
    at = np.log(np.clip(beta, 1 / _LARGE, _LARGE))
    distance = np.abs(at[..., None] - births).min(axis=-1)
    near = np.minimum(distance, births[0] - onset)
    for gap in np.diff(births):
        near = near + np.minimum(2 * distance, gap)
    return np.asarray(near / (births[-1] - onset))


def bound_gap_step(results: Results) -> Estimate:
    """Largest change of the gap between neighbouring cases over its range, layer mean."""
    if results.of("bottleneck").sizes.get("case", 1) < _FEWEST_AMOUNTS:
        raise NotEnoughData(f"a sweep needs at least {_FEWEST_AMOUNTS} cases")
    gaps = _layers(results, lambda d: d["gap"].clip(min=0))
    wanted = results.wanted("layer")
    if wanted is not None:
        gaps = gaps.sel(layer=np.atleast_1d(wanted))
    values = along_control(gaps).transpose("replica", "case", "layer").to_numpy()
    values = values[np.isfinite(values).all(axis=(1, 2))]
    if not len(values):
        raise NotEnoughData("no network has a finite value in every case of the sweep")

    def steps(means: np.ndarray) -> np.ndarray:
        """Of means (..., case, layer)."""
        extent = means.max(axis=-2) - means.min(axis=-2)
        most = np.abs(np.diff(means, axis=-2)).max(axis=-2)
        return np.asarray((most / extent).mean(axis=-1))

    mean = values.mean(axis=0)
    if (mean.max(axis=0) - mean.min(axis=0)).min() < LEAST_LOSS:
        raise NotEnoughData(f"a layer's gap changes by less than {LEAST_LOSS:g} bit over the sweep")
    step = float(steps(mean))
    low, high = jackknife_interval(np.array(step), steps(means_without_each(values)), len(values))
    return Estimate(step, float(low), float(high), len(values))


STATISTICS = {
    "bound_gap": Statistic(
        bound_gap,
        "Bottleneck bound at the layer's I(X;T) minus its I(T;Y)",
        needs=("bottleneck",),
        shown_in=("bottleneck_curve", "bound_over_samples"),
        chooses=("at",),
        kind="positive",
        unit="bits",
    ),
    "bound_gap_rise": Statistic(
        bound_gap_rise,
        "Distance below the bound at the end minus its lowest, chosen on other networks",
        needs=("bottleneck",),
        shown_in=("bound_over_samples",),
        unit="bits",
    ),
    "bound_gap_over_null": Statistic(
        bound_gap_over_null,
        "Distance below the bound over that of randomly permuted cells",
        needs=("bottleneck",),
        shown_in=("bottleneck_curve",),
        chooses=("at",),
        kind="positive",
        unit="times",
    ),
    "own_beta": Statistic(
        own_beta,
        "Whether the bound has a beta at the layer's I(X;T): 1, or 0 where it is flat",
        needs=("bottleneck",),
        shown_in=("bottleneck_curve",),
        chooses=("at",),
        kind="share",
    ),
    "encoder_residual": Statistic(
        encoder_residual,
        "Residual of the self-consistent equation over that of randomly permuted cells",
        needs=("bottleneck",),
        shown_in=("bottleneck_beta",),
        chooses=("at",),
        kind="positive",
        unit="times",
    ),
    "beta_with_depth": Statistic(
        beta_with_depth,
        "Rank correlation over layers of fitted beta with depth, of every network",
        needs=("bottleneck",),
        shown_in=("bottleneck_beta",),
        chooses=("at",),
    ),
    "birth_distance": Statistic(
        birth_distance,
        "Share of random betas nearer to a bifurcation than the layer's beta, over label strengths",
        needs=("bottleneck",),
        shown_in=("bottleneck_beta",),
        chooses=("at", "beta"),
    ),
    "bound_gap_step": Statistic(
        bound_gap_step,
        "Largest change of the gap between neighbouring cases over its range, layer mean",
        needs=("bottleneck",),
        shown_in=("bound_over_samples",),
        chooses=("at", "layer"),
    ),
}
