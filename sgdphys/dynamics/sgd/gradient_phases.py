"""Drift and diffusion phases: gradient mean against gradient noise, layer by layer."""

import numpy as np
import xarray as xr

from sgdphys.arguments import checked, require_whole
from sgdphys.containers import require_dimensions, require_kind
from sgdphys.draws import RESAMPLES, Seed, bootstrap_draws
from sgdphys.dynamics.clock import number_given
from sgdphys.dynamics.sgd.change_epochs import change_epochs, change_p_values
from sgdphys.dynamics.sgd.crossing import crossing_epoch
from sgdphys.errors import InputError
from sgdphys.intervals import (
    BOOTSTRAP,
    METHOD,
    Kind,
    bootstrap_interval,
    finite_mean,
    jackknife_interval,
    means_without_each,
    resampled_means,
)
from sgdphys.missing import numbers_of
from sgdphys.quantities import labelled

_MEASURED = ("mean_norm", "noise_norm", "weight_norm", "noise_trace")
_FOLLOWED = ("followed_mean_norm", "followed_noise_norm")


@checked
def gradient_phases(
    gradients: xr.Dataset,
    *,
    drift: xr.Dataset | None = None,
    batch_size: float,
    batches: int,
    replacement: bool = False,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    rng: Seed = 0,
) -> xr.Dataset:
    """Drift and diffusion phases of SGD: gradient signal-to-noise ratio and its transition epoch.

    Parameters
    ----------
    gradients : Dataset
        mean_norm, noise_norm, weight_norm, noise_trace (epoch, replica, layer), at fixed weights:
        |G|, the standard deviation of the batch mean sqrt(tr V), |w|, and tr S of single samples.
        Optionally followed_mean_norm and followed_noise_norm: norm of the mean and root of the
        summed variance of the gradients that an epoch's updates followed.
    drift : Dataset, optional
        ``epoch_drift`` at the same epochs.
    batch_size : float
        Samples in a batch, for comparison with the noise scale.
    batches : int
        M, batches in a pass.
    replacement : bool
        Whether batches were drawn with replacement, so that |mean|**2 contains tr V/M of noise.
    confidence : float
        Level of the intervals.
    resamples : int
        Bootstrap resamples, at least 1; with fewer than about 200 intervals are too narrow.
    rng : int, SeedSequence or Generator
        Seed of the bootstrap and, with the index of a layer, of its change_p_value.

    Returns
    -------
    Dataset
        Ratios of averages over replicas, each with ``_low`` and ``_high`` (epoch, layer):
        gradient_ratio (signal-to-noise ratio), gradient_ratio_squared (bias-corrected, may be
        negative), mean_over_weight, noise_over_weight, noise_scale; noise_scale_total (epoch).
        Single replicas (replica, layer): transition_epoch; transition_noise_scale, the noise scale
        over the batch size there; late_gradient_ratio, of the second half of training;
        first_sample_ratio and late_sample_ratio, |G|/sqrt(tr S) at the first epoch and in the
        second half; and the curves (epoch, replica, layer) own_gradient_ratio and
        own_sample_ratio. Of the averages (layer): transition_epoch_ensemble and change_epoch with
        intervals, change_p_value, noise_scale_epoch. Without noise ratios are infinite and there is
        no transition.

        With ``drift`` also drift_ratio, own_drift_ratio, drift_transition_epoch and
        drift_transition_epoch_ensemble, with the drift of the weights instead of the mean;
        displacement_cosine (epoch, layer), the mean over replicas, and own_displacement_cosine.
        With the norms of the gradients that updates followed also followed_ratio,
        own_followed_ratio, followed_transition_epoch and followed_transition_epoch_ensemble, their
        mean over their spread.

    Raises
    ------
    InputError
        For a Dataset without one of these variables, or a drift without its dimensions.

    See Also
    --------
    epoch_drift : Drift of the weights over whole epochs, and cosine of consecutive displacements.
    sgdphys.information.compression : Onset of the loss of I(X;T), to compare with the transition.

    Notes
    -----
    Three readings of drift against noise. At fixed weights the mean gradient is compared with the
    noise of a batch; it also holds the swing of the weights across their sharpest direction. The
    drift of the weights over an even number of updates is free of a swing of two updates. The
    paper's own is the mean over the spread of the gradients met while the weights move within an
    epoch: the spread then holds the swing, and a swing over an odd number K of updates leaves a
    mean of 1/K of it.

    In full passes without replacement the mean is exact and nothing is subtracted. The
    transition is where the ratio falls below 1 for five recorded epochs in a row, interpolated in
    logarithms; NaN where it starts below 1. The variance of a batch mean is tr S/B, so that mean
    and noise are equal where the noise scale tr S/|G|**2 is B.

    References
    ----------
    Shwartz-Ziv and Tishby (2017) for the two phases; McCandlish et al. (2018) for the noise scale.

    Examples
    --------
    A mean gradient that decays as 10/epoch falls below unit noise at epoch 10:

    >>> import numpy as np
    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> epoch = np.arange(1, 41)
    >>> one = xr.DataArray(
    ...     np.ones((40, 5, 1)), {"epoch": epoch, "replica": range(5), "layer": [1]}
    ... )
    >>> gradients = xr.Dataset(
    ...     {"mean_norm": 10 * one / one.epoch}
    ...     | dict.fromkeys(("noise_norm", "weight_norm", "noise_trace"), one)
    ... )
    >>> found = sp.dynamics.gradient_phases(gradients, batch_size=1, batches=10)
    >>> found["transition_epoch"].values.ravel().round(1)
    array([10., 10., 10., 10., 10.])
    """
    require_kind(gradients, xr.Dataset, "gradients", *_MEASURED)
    require_whole(batches, "batches", 1)
    if not number_given(batch_size, "batch_size") > 0:
        raise InputError(f"batch_size is {batch_size}; it must be above 0")
    order = ("replica", "epoch", "layer")
    epoch = gradients["epoch"].to_numpy()
    mean, noise, weight, trace = (
        numbers_of(gradients[name].transpose(*order)) for name in _MEASURED
    )
    finite = np.isfinite(mean).sum(axis=0)  # (epoch, layer)
    moved, cosine = _drift_of(drift, order, mean)
    followed = _followed_of(gradients, order)
    extra = noise**2 / batches if replacement else 0.0 * noise
    parts = {"mean": mean, "noise": noise, "weight": weight, "trace": trace}
    parts |= {"mean2": mean**2 - extra, "noise2": noise**2}
    if moved is not None:
        parts["drift"] = moved
    if followed is not None:
        parts["followed_mean"], parts["followed_noise"] = followed
    averages = {name: finite_mean(v) for name, v in parts.items()}
    ratios = _ratios(averages)
    without_each = _ratios({name: means_without_each(v) for name, v in parts.items()})

    found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
    for name, value in ratios.items():
        low, high = jackknife_interval(
            value, without_each[name], finite, confidence, kind=_KINDS.get(name, "positive")
        )
        found |= {
            name: (("epoch", "layer"), value),
            f"{name}_low": (("epoch", "layer"), low),
            f"{name}_high": (("epoch", "layer"), high),
        }
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        total = averages["trace"].sum(axis=-1) / averages["mean2"].sum(axis=-1)
        each = (mean**2 - extra) / noise**2 if replacement else mean / noise
        scale = batch_size / ratios["noise_scale"]
    found["noise_scale_total"] = (("epoch",), total)

    def along(values: np.ndarray) -> np.ndarray:
        return np.swapaxes(values, -1, -2)

    crossed = crossing_epoch(along(each), epoch)
    found["transition_epoch"] = (("replica", "layer"), crossed)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = {
            "gradient_ratio": np.sqrt(np.maximum(mean**2 - extra, 0)) / noise,
            "sample_ratio": mean / np.sqrt(trace),
        }
        if moved is not None:
            own["drift_ratio"] = moved / noise
        if followed is not None:
            own["followed_ratio"] = followed[0] / followed[1]
    for name, values in own.items():
        found[f"own_{name}"] = order, values
    for prefix in ("drift_", "followed_"):
        if f"{prefix}ratio" in own:
            crossings = crossing_epoch(along(own[f"{prefix}ratio"]), epoch)
            found[f"{prefix}transition_epoch"] = ("replica", "layer"), crossings
    if cosine is not None:
        found["own_displacement_cosine"] = order, cosine
        low, high = jackknife_interval(
            finite_mean(cosine), means_without_each(cosine), np.isfinite(cosine).sum(axis=0),
            confidence,
        )  # fmt: skip
        for end, values in (("", finite_mean(cosine)), ("_low", low), ("_high", high)):
            found[f"displacement_cosine{end}"] = ("epoch", "layer"), values
    with np.errstate(divide="ignore", invalid="ignore"):
        own_scale = trace / (mean**2 - extra) / batch_size
    found["transition_noise_scale"] = (
        ("replica", "layer"), _at_epoch(along(own_scale), epoch, crossed)
    )  # fmt: skip
    late = epoch >= epoch[-1] / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        found |= {
            "late_gradient_ratio": (
                ("replica", "layer"), mean[:, late].mean(axis=1) / noise[:, late].mean(axis=1)
            ),
            "first_sample_ratio": (("replica", "layer"), mean[:, 0] / np.sqrt(trace[:, 0])),
            "late_sample_ratio": (
                ("replica", "layer"),
                mean[:, late].mean(axis=1) / np.sqrt(trace[:, late].mean(axis=1)),
            ),
        }  # fmt: skip
    found["noise_scale_epoch"] = (("layer",), crossing_epoch(along(scale), epoch))
    # what must fall below 1: the raw ratio, or the corrected one where the mean contains noise
    falling = "gradient_ratio_squared" if replacement else "gradient_ratio"
    events = [
        ("transition_epoch_ensemble", falling, crossing_epoch),
        ("change_epoch", falling, change_epochs),
    ]
    events += [
        (f"{prefix}transition_epoch_ensemble", f"{prefix}ratio", crossing_epoch)
        for prefix in ("drift_", "followed_")
        if f"{prefix}ratio" in ratios
    ]
    # one draw for all, so that numerators and denominators belong to the same resamples
    draws = bootstrap_draws(len(mean), rng, resamples)
    needed = {part for _, ratio, _ in events for part in _RATIOS[ratio]}
    resampled = {part: resampled_means(parts[part], draws) for part in needed}
    for name, ratio, epoch_of in events:
        resampled_epochs = epoch_of(along(_ratio(resampled, ratio)), epoch)
        event = epoch_of(along(ratios[ratio]), epoch)
        low, high = bootstrap_interval(
            event, resampled_epochs, finite[-1], confidence, kind="positive"
        )
        found |= {
            name: (("layer",), event),
            f"{name}_low": (("layer",), low),
            f"{name}_high": (("layer",), high),
        }
    found["change_p_value"] = (("layer",), change_p_values(along(ratios[falling]), epoch, rng))
    names = ("epoch", "replica", "layer")
    result = xr.Dataset(
        found,
        coords={name: gradients[name].to_numpy() for name in names},
        attrs={
            "confidence": confidence,
            "interval_method": f"{METHOD}; epochs: {BOOTSTRAP}",
            "batch_size": batch_size,
            "batches": batches,
            "replacement": replacement,
            "reference": "Shwartz-Ziv and Tishby (2017); McCandlish et al. (2018)",
        },
    )
    return labelled(result, x=str(gradients["weight_norm"].attrs.get("units", "weight")))


def _drift_of(
    drift: xr.Dataset | None, order: tuple[str, ...], like: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Drift, and cosine of consecutive displacements, of ``epoch_drift``."""
    if drift is None:
        return None, None
    require_kind(drift, xr.Dataset, "drift", "drift_norm")
    require_dimensions(drift["drift_norm"], *order)
    moved = numbers_of(drift["drift_norm"].transpose(*order))
    if moved.shape != like.shape:
        raise InputError(
            f"drift has {moved.shape} values along {order}, and gradients {like.shape}; "
            "give epoch_drift the epochs of the gradients"
        )
    if "displacement_cosine" not in drift:
        return moved, None
    return moved, numbers_of(drift["displacement_cosine"].transpose(*order))


def _followed_of(gradients: xr.Dataset, order: tuple[str, ...]) -> tuple[np.ndarray, ...] | None:
    """Mean and spread of the gradients that updates followed, where they were recorded."""
    if not set(_FOLLOWED) <= set(gradients):
        return None
    return tuple(numbers_of(gradients[name].transpose(*order)) for name in _FOLLOWED)


def _at_epoch(values: np.ndarray, epoch: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Values (replica, layer, epoch) at one epoch each, interpolated in log time and value."""
    time = np.log1p(epoch)
    found = np.full(at.shape, np.nan)
    for index in np.argwhere(np.isfinite(at)):
        series = values[tuple(index)]
        is_finite = np.isfinite(series) & (series > 0)
        if is_finite.any():
            wanted = np.log1p(at[tuple(index)])
            found[tuple(index)] = np.exp(
                np.interp(wanted, time[is_finite], np.log(series[is_finite]))
            )
    return found


_RATIOS = {
    "gradient_ratio": ("mean", "noise"),
    "gradient_ratio_squared": ("mean2", "noise2"),
    "drift_ratio": ("drift", "noise"),
    "followed_ratio": ("followed_mean", "followed_noise"),
    "mean_over_weight": ("mean", "weight"),
    "noise_over_weight": ("noise", "weight"),
    "noise_scale": ("trace", "mean2"),
}
"""Averages that are divided by each other."""
_KINDS: dict[str, Kind] = {"gradient_ratio_squared": "symmetric", "noise_scale": "symmetric"}
"""Ratios that can be negative, since noise is subtracted from their mean; others are positive."""


def _ratios(a: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Ratios of averages (..., epoch, layer)."""
    return {name: _ratio(a, name) for name, parts in _RATIOS.items() if set(parts) <= set(a)}


def _ratio(a: dict[str, np.ndarray], name: str) -> np.ndarray:
    above, below = _RATIOS[name]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(a[above] / a[below])
