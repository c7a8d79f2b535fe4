"""Statistics of the information of layers: rise, loss and their duration."""

from collections.abc import Callable, Hashable, Iterator

import numpy as np
import xarray as xr

from sgdphys.analyses.information.mean_curves import of_mean_curves
from sgdphys.analyses.information.relaxation_statistics import RELAXATION
from sgdphys.claims.estimates import Estimate, over_replicas
from sgdphys.claims.results import Results, along_control, recorded_near
from sgdphys.claims.statistic import Statistic
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.information.fit import FITTED, loss_after_fit, loss_during_fit, relative_length
from sgdphys.information.onset import LEAST_LOSS, compression, fall_after_peak, is_finite
from sgdphys.intervals import jackknife_interval, means_without_each

_FEWEST = 4


def bits_lost(results: Results) -> xr.DataArray:
    """I(X;T) at the peak of the mean curve minus that at the end, in bits."""
    return results.each_case("information", lambda d: fall_after_peak(d["I_XT"]))


def bits_lost_after_fit(results: Results) -> xr.DataArray:
    """I(X;T) at the end of the fit minus that at the end, in bits."""
    return _by_fit(results, loss_after_fit)


def loss_done_by_fit(results: Results) -> xr.DataArray:
    """Share of the loss of I(X;T) that is done at the end of the fit."""
    return _by_fit(results, loss_during_fit)


def _by_fit(results: Results, kernel: Callable[..., np.ndarray]) -> xr.DataArray:
    """A kernel of the mean curves and of ``fitted``, the share of the rise that ends the fit."""
    wanted = results.wanted("fitted")
    fitted = FITTED if wanted is None else float(wanted)
    return results.each_case(
        "information", lambda d: of_mean_curves(d, lambda x, y: kernel(x, y, fitted))
    )


def label_bits_lost(results: Results) -> xr.DataArray:
    """I(T;Y) at the peak of the mean curve minus that at the end, in bits."""
    return results.each_case("information", lambda d: fall_after_peak(d["I_TY"]))


def label_bits_gained(results: Results) -> xr.DataArray:
    """I(T;Y) at the end minus that at the start, in bits."""
    return results.each_case("information", lambda d: _rise(d["I_TY"]).isel(epoch=-1, drop=True))


def early_fit(results: Results) -> xr.DataArray:
    """Fraction of the final rise of I(T;Y) that is reached by a given epoch.

    Raises
    ------
    InputError
        When ``where`` names no epoch, one after the end of training, or one without a record near.
    """
    by = results.wanted("epoch")
    if by is None:
        raise InputError("early_fit needs an epoch in 'where'")

    def share(information: xr.Dataset) -> xr.DataArray:
        last = float(information["epoch"][-1])
        if by > last:
            raise InputError(f"early_fit is asked for at epoch {by:g}, and a run ends at {last:g}")
        gained = _rise(information["I_TY"])
        at = recorded_near(information["epoch"].to_numpy(), float(by), "the epoch of early_fit")
        early = gained.isel(epoch=at, drop=True)
        return early / gained.isel(epoch=-1, drop=True)

    return results.each_case("information", share)


def phase_lengths(results: Results) -> xr.DataArray:
    """Epochs from 10% to 90% of the loss of I(X;T) over those of the output's rise of I(T;Y)."""

    def ratio(information: xr.Dataset) -> xr.DataArray:
        epoch = information["epoch"].to_numpy().astype(np.float64)
        return of_mean_curves(
            information, lambda x, y: relative_length(x, y, epoch), is_geometric=True
        )

    return results.each_case("information", ratio)


def order_violations(results: Results) -> xr.DataArray:
    """Fraction of epochs at which a layer violates the data-processing inequality."""

    def share(information: xr.Dataset) -> xr.DataArray:
        finite = is_finite(information["I_XT"].isel(epoch=-1, drop=True)).any("layer")
        return (information["order_violations"] > 0).mean("epoch").where(finite)

    return results.each_case("information", share)


def label_bits_above_null(results: Results) -> xr.DataArray:
    """I(T;Y) at the end minus its estimate for randomly permuted labels, in bits."""

    def above(information: xr.Dataset) -> xr.DataArray:
        end = information.isel(epoch=-1, drop=True)
        return end["I_TY"] - end["null_I_TY"]

    return results.each_case("information", above)


def least_bits_lost(results: Results) -> Estimate:
    """Bits that layers lose on average in the case in which they lose least.

    Notes
    -----
    For claims that in every case they lose more than a threshold (intersection-union test: every
    interval must lie above it, so the lower end is the lowest of all; Berger 1982). The upper end
    is the lowest upper end, too low where many are compared: not for claims that the least is
    small. Each layer on its own is not asked: of 24 intervals about a true loss of twice the
    threshold one lies too low in 98 of 100 studies of twenty networks.
    """
    lost = bits_lost(results)
    layers = results.wanted("layer")
    if layers is not None:
        lost = lost.sel(layer=np.atleast_1d(layers))
    lost = lost.mean("layer", skipna=False)
    others = [d for d in lost.dims if d != "replica"]
    each = [over_replicas(lost.isel(at)) for at in _places(lost, others)]
    if any(not np.isfinite([e.low, e.high]).all() for e in each):
        raise NotEnoughData("a case has fewer than two networks with a finite value in all layers")
    value, low, high, members = (min(e[k] for e in each) for k in range(4))
    return Estimate(value, low, high, int(members))


def _places(values: xr.DataArray, over: list[Hashable]) -> Iterator[dict[Hashable, int]]:
    """Every index along some dimensions."""
    for index in np.ndindex(*(values.sizes[d] for d in over)):
        yield dict(zip(over, index, strict=True))


def largest_step(results: Results) -> Estimate:
    """Largest change of final I(X;T) between neighbouring cases over its range, layer mean."""
    cases = results.of("information").sizes.get("case", 1)
    if cases < _FEWEST:
        raise NotEnoughData(f"a sweep needs at least {_FEWEST} cases")
    ends = results.each_case("information", lambda d: d["I_XT"].isel(epoch=-1, drop=True))
    values = along_control(ends).transpose("replica", "case", "layer").to_numpy()
    values = values[:, :, np.isfinite(values).any(axis=0).all(axis=0)]
    if not values.shape[-1]:
        raise NotEnoughData("no layer has a finite value in every case of the sweep")
    values = values[np.isfinite(values).all(axis=(1, 2))]
    if not len(values):
        raise NotEnoughData("no network has a finite value in every case of the sweep")

    def steps(means: np.ndarray) -> np.ndarray:
        """Of means (..., case, layer)."""
        extent = means.max(axis=-2) - means.min(axis=-2)
        most = np.abs(np.diff(means, axis=-2)).max(axis=-2)
        moving = extent > LEAST_LOSS
        shares = np.where(moving, most / np.where(moving, extent, 1.0), 0.0)
        with np.errstate(invalid="ignore"):  # no step if no layer changes
            return np.asarray(shares.sum(axis=-1) / moving.sum(axis=-1))

    step = float(steps(values.mean(axis=0)))
    if np.isnan(step):
        raise NotEnoughData(f"no layer's I(X;T) changes by {LEAST_LOSS:g} bit over the sweep")
    low, high = jackknife_interval(np.array(step), steps(means_without_each(values)), len(values))
    return Estimate(step, float(low), float(high), len(values))


def _rise(curve: xr.DataArray) -> xr.DataArray:
    """A curve minus its initial value."""
    return curve - curve.isel(epoch=0, drop=True)


def onset_epoch(results: Results) -> xr.DataArray:
    """Epoch at 10% of the loss of I(X;T), for every case."""
    return results.each_case("information", lambda d: compression(d["I_XT"])["onset_epoch"])


STATISTICS = {
    "bits_lost": Statistic(
        bits_lost,
        "I(X;T) at the peak of its mean curve minus that at the end",
        needs=("information",),
        shown_in=("compression", "information", "information_of_cases"),
        unit="bits",
    ),
    "bits_lost_after_fit": Statistic(
        bits_lost_after_fit,
        "I(X;T) at a share (0.9) of the output's rise of I(T;Y), minus that at the end",
        needs=("information",),
        shown_in=("information", "information_of_cases"),
        chooses=("fitted",),
        unit="bits",
    ),
    "least_bits_lost": Statistic(
        least_bits_lost,
        "I(X;T) at its peak minus that at the end, mean over layers, in the case of the least",
        needs=("information",),
        shown_in=("compression", "information_of_cases"),
        chooses=("layer",),
        unit="bits",
    ),
    "loss_done_by_fit": Statistic(
        loss_done_by_fit,
        "Share of the loss of I(X;T) that is done at a share (0.9) of the output's rise of I(T;Y)",
        needs=("information",),
        shown_in=("information",),
        chooses=("fitted",),
    ),
    "label_bits_lost": Statistic(
        label_bits_lost,
        "I(T;Y) at the peak of its mean curve minus that at the end",
        needs=("information",),
        shown_in=("plane_of_cases", "plane_paths"),
        unit="bits",
    ),
    "label_bits_gained": Statistic(
        label_bits_gained,
        "I(T;Y) at the end minus that at the start",
        needs=("information",),
        shown_in=("plane_of_cases", "plane_paths"),
        unit="bits",
    ),
    "early_fit": Statistic(
        early_fit,
        "Fraction of the final rise of I(T;Y) that is reached by a given epoch",
        needs=("information",),
        shown_in=("information", "plane_paths"),
        chooses=("epoch",),
    ),
    "phase_lengths": Statistic(
        phase_lengths,
        "Epochs from 10% to 90% of the loss of I(X;T) over those of the output's rise of I(T;Y)",
        needs=("information",),
        shown_in=("information", "information_of_cases"),
        kind="geometric",
        unit="times",
    ),
    "order_violations": Statistic(
        order_violations,
        "Fraction of epochs at which a layer violates the data-processing inequality",
        needs=("information",),
        shown_in=("information",),
    ),
    "label_bits_above_null": Statistic(
        label_bits_above_null,
        "I(T;Y) at the end minus its estimate for randomly permuted labels",
        needs=("information",),
        shown_in=("plane_of_cases", "plane_paths"),
        unit="bits",
    ),
    "largest_step": Statistic(
        largest_step,
        "Largest change of final I(X;T) between neighbouring cases over its range, layer mean",
        needs=("information",),
        shown_in=("converged_layers",),
    ),
    **RELAXATION,
}
