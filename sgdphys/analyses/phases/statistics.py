"""Statistics of the drift-diffusion transition and of its relation to compression."""

import xarray as xr

from sgdphys.analyses.information.statistics import onset_epoch
from sgdphys.analyses.phases.rates import RATES
from sgdphys.claims.results import Results, log
from sgdphys.claims.statistic import Statistic
from sgdphys.information.onset import is_finite

PAPER_EPOCH = 350
"""Epoch of the drift-diffusion transition in Shwartz-Ziv and Tishby (2017)."""


def _of_finite(phases: xr.Dataset, values: xr.DataArray) -> xr.DataArray:
    """Values (replica, layer) of the networks whose gradients are finite to the end."""
    return values.where(is_finite(phases["late_gradient_ratio"]))


def _transition(results: Results, prefix: str = "") -> xr.DataArray:
    """Epoch at which noise exceeds mean or drift; where it never does, the last epoch.

    Networks that compress before the noise exceeds it are thus included. Layers whose noise is
    above the mean from the start have no such epoch and are left out.
    """
    phases = results.of("phases")
    ratio = phases[f"{prefix or 'gradient_'}ratio"]
    last = ratio["epoch"].isel(epoch=-1).where(ratio.isel(epoch=0) >= 1)
    return phases[f"{prefix}transition_epoch"].fillna(last)


def onset_after_transition(results: Results) -> xr.DataArray:
    """Log10 of the onset of compression over the epoch where gradient noise exceeds the mean."""
    return log(onset_epoch(results) / _transition(results), 10)


def onset_after_drift_transition(results: Results) -> xr.DataArray:
    """Log10 of the onset of compression over the epoch where gradient noise exceeds the drift."""
    return log(onset_epoch(results) / _transition(results, "drift_"), 10)


def transition_epoch(results: Results) -> xr.DataArray:
    """Log2 of the epoch at which gradient noise exceeds the mean over epoch 350 of the paper."""
    phases = results.of("phases")
    return log(_of_finite(phases, phases["transition_epoch"]) / PAPER_EPOCH, 2)


def drift_transition_epoch(results: Results) -> xr.DataArray:
    """Log2 of the epoch at which gradient noise exceeds the drift over epoch 350 of the paper."""
    phases = results.of("phases")
    return log(_of_finite(phases, phases["drift_transition_epoch"]) / PAPER_EPOCH, 2)


def late_ratio_spread(results: Results) -> xr.DataArray:
    """Standard deviation over layers of ln(mean/noise) of the gradient, second half of training."""
    return log(results.of("phases")["late_gradient_ratio"]).std("layer")


def sample_ratio_drop(results: Results) -> xr.DataArray:
    """Log10 of mean over noise of single-sample gradients at the start over that at the end."""
    found = results.of("phases")
    return log(found["first_sample_ratio"] / found["late_sample_ratio"], 10)


def noise_scale_at_transition(results: Results) -> xr.DataArray:
    """Log2 of noise scale tr(S)/|G|^2 over batch size where gradient noise exceeds the mean."""
    phases = results.of("phases")
    return log(_of_finite(phases, phases["transition_noise_scale"]), 2)


STATISTICS = {
    "onset_after_transition": Statistic(
        onset_after_transition,
        "Log10 of the onset of compression over the epoch where gradient noise exceeds the mean",
        needs=("phases", "information"),
        shown_in=("gradient_ratio", "information_of_cases"),
    ),
    "onset_after_drift_transition": Statistic(
        onset_after_drift_transition,
        "Log10 of the onset of compression over the epoch where gradient noise exceeds the drift",
        needs=("phases", "information"),
        shown_in=("gradient_ratio",),
    ),
    "transition_epoch": Statistic(
        transition_epoch,
        "Log2 of the epoch at which gradient noise exceeds the mean over epoch 350 of the paper",
        needs=("phases",),
        shown_in=("gradient_ratio", "noise_scale"),
    ),
    "drift_transition_epoch": Statistic(
        drift_transition_epoch,
        "Log2 of the epoch at which gradient noise exceeds the drift over epoch 350 of the paper",
        needs=("phases",),
        shown_in=("gradient_ratio",),
    ),
    "late_ratio_spread": Statistic(
        late_ratio_spread,
        "Standard deviation over layers of ln(mean/noise) of the gradient, second half of training",
        needs=("phases",),
        shown_in=("gradient_ratio",),
    ),
    "sample_ratio_drop": Statistic(
        sample_ratio_drop,
        "Log10 of mean over noise of single-sample gradients at the start over that at the end",
        needs=("phases",),
        shown_in=("gradient_phases", "linear", "compression"),
    ),
    "noise_scale_at_transition": Statistic(
        noise_scale_at_transition,
        "Log2 of noise scale tr(S)/|G|^2 over batch size where gradient noise exceeds the mean",
        needs=("phases",),
        shown_in=("noise_scale",),
    ),
    **RATES,
}
