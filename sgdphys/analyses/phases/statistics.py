"""Statistics of the drift-diffusion transition and of its relation to compression."""

import numpy as np
import xarray as xr

from sgdphys.analyses.phases.over_settings import onset_per_transition, onset_time_factor
from sgdphys.analyses.phases.rates import RATES
from sgdphys.analyses.phases.readings import (
    READINGS,
    of_each_case,
    own_curves,
    reading_of,
    transition,
    transition_or_last,
)
from sgdphys.claims.correlations import rank_correlation
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results, log, require_one_case, to_the_end
from sgdphys.claims.statistic import Statistic
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.information.onset import (
    LEAST_LOSS,
    ONSET_SHARE,
    compression,
    is_finite,
    loss_epoch,
)

PAPER_EPOCH = 350
"""Epoch of the drift-diffusion transition in Shwartz-Ziv and Tishby (2017)."""
WINDOWS = ("before compression", "compression", "after compression")
"""Parts of training, which the onset and 90% of the loss of I(X;T) divide."""
_DONE = 0.9
_BEFORE_FIRST = 0.5
"""Epoch of an onset before the first record: as 0 it would have no logarithm, and not count."""
_FEWEST_LAYERS = 2


def _of_finite(phases: xr.Dataset, values: xr.DataArray) -> xr.DataArray:
    """Values (replica, layer) of the networks whose gradients are finite to the end."""
    return values.where(is_finite(phases["late_gradient_ratio"]))


def transition_epoch(results: Results) -> xr.DataArray:
    """Epoch at which noise exceeds the drift, by the reading that is asked for."""
    reading = reading_of(results)
    return of_each_case(results, lambda curves: transition(curves, reading))


def onset_after_transition(results: Results) -> xr.DataArray:
    """Onset of compression over the epoch at which noise exceeds the drift.

    The onset is the epoch at a tenth of the loss of I(X;T), or at ``share`` of it, and half an
    epoch if that is before the first record. Where noise
    never exceeds the drift, the last epoch counts as the transition.
    """
    onset = _onset(results)
    return onset.where(onset != 0, _BEFORE_FIRST) / _crossing(results)


def onset_with_transition(results: Results) -> Estimate:
    """Rank correlation over networks of the onset with the transition, mean over layers."""
    onset, crossing = _onset(results), _crossing(results)
    layers = results.wanted("layer")
    if layers is not None:
        onset, crossing = (v.sel(layer=np.atleast_1d(layers)) for v in (onset, crossing))
    return rank_correlation(onset, crossing)


def _onset(results: Results) -> xr.DataArray:
    """Epoch at a share of the loss of I(X;T), for every case."""
    share = results.wanted("share") or ONSET_SHARE
    if not 0 < share < 1:
        raise InputError(f"share is {share}; it must be between 0 and 1")
    return results.each_case("information", lambda d: loss_epoch(d["I_XT"], float(share)))


def _crossing(results: Results) -> xr.DataArray:
    reading = reading_of(results)
    return of_each_case(results, lambda curves: transition_or_last(curves, reading))


def ratio_spread(results: Results) -> xr.DataArray:
    """Factor by which the ratio of mean to noise differs between layers, window by window.

    The exponential of the standard deviation over layers of ln ratio, itself averaged over the
    records of a window. Compression lasts from the onset to 90% of the loss of the mean curves, in
    the median of the layers that compress.
    """
    reading = reading_of(results)
    phases = require_one_case(results.of("phases"))
    logs = _by_window(results, log(own_curves(phases, READINGS[reading])))
    known = is_finite(logs).sum("layer") >= _FEWEST_LAYERS
    spread = logs.std("layer").where(known)
    return spread.copy(data=np.exp(spread.to_numpy()))


def displacement_cosine(results: Results) -> xr.DataArray:
    """Cosine of the displacements of consecutive epochs, window by window.

    1 for a drift, 0 on average for a random walk, -1 for a swing that an epoch undoes.
    """
    phases = require_one_case(results.of("phases"))
    return _by_window(results, own_curves(phases, "own_displacement_cosine"))


def _by_window(results: Results, curves: xr.DataArray) -> xr.DataArray:
    """Means over the records of each window: before, during and after compression."""
    plane = to_the_end(require_one_case(results.of("information")))
    mean = plane["I_XT"].mean("replica")
    compresses = compression(mean)["bits_lost"] >= LEAST_LOSS
    if not bool(compresses.any()):
        raise NotEnoughData(f"no layer loses {LEAST_LOSS:g} bit, so there is no compression phase")
    begin, end = (
        float(loss_epoch(mean, share).where(compresses).median()) for share in (ONSET_SHARE, _DONE)
    )
    epoch = curves["epoch"]
    parts = ((epoch >= 1) & (epoch < begin), (epoch >= begin) & (epoch <= end), epoch > end)
    of_window = [curves.where(part).mean("epoch") for part in parts]
    return xr.concat(of_window, dim="window").assign_coords(window=list(WINDOWS))


def sample_ratio_drop(results: Results) -> xr.DataArray:
    """Mean over spread of single-sample gradients at the start over that in the second half."""
    found = results.of("phases")
    return found["first_sample_ratio"] / found["late_sample_ratio"]


def noise_scale_at_transition(results: Results) -> xr.DataArray:
    """Noise scale tr(S)/|G|^2 over batch size where gradient noise exceeds the mean."""
    phases = results.of("phases")
    return _of_finite(phases, phases["transition_noise_scale"])


STATISTICS = {
    "transition_epoch": Statistic(
        transition_epoch,
        "Epoch at which noise exceeds the drift, by one reading of both (default: the paper's)",
        needs=("phases",),
        shown_in=("gradient_ratio", "noise_scale"),
        chooses=("reading",),
        kind="geometric",
        unit="epochs",
    ),
    "onset_after_transition": Statistic(
        onset_after_transition,
        "Epoch at a share (a tenth) of the loss of I(X;T) over that where noise exceeds the drift",
        needs=("phases", "information"),
        shown_in=("gradient_ratio", "information_of_cases"),
        chooses=("reading", "share"),
        kind="geometric",
        unit="times",
    ),
    "onset_with_transition": Statistic(
        onset_with_transition,
        "Rank correlation over networks of onset of compression with transition, layer by layer",
        needs=("phases", "information"),
        shown_in=("gradient_ratio",),
        chooses=("reading", "share", "layer"),
    ),
    "onset_per_transition": Statistic(
        onset_per_transition,
        "Slope over settings of log onset of compression on log transition, at a given fit time",
        needs=("phases", "information"),
        shown_in=("gradient_ratio", "information_of_cases"),
        chooses=("reading", "clock", "layer"),
    ),
    "onset_time_factor": Statistic(
        onset_time_factor,
        "Factor by which the onset of compression differs between settings: exp(SD of its log)",
        needs=("phases", "information"),
        shown_in=("information_of_cases",),
        chooses=("reading", "clock", "layer"),
        kind="geometric",
        unit="times",
    ),
    "ratio_spread": Statistic(
        ratio_spread,
        "Factor by which mean/noise differs between layers: exp(SD over layers of its logarithm)",
        needs=("phases", "information"),
        shown_in=("gradient_ratio",),
        chooses=("reading",),
        kind="geometric",
        unit="times",
    ),
    "displacement_cosine": Statistic(
        displacement_cosine,
        "Cosine of the displacements of consecutive epochs: 1 drift, 0 random walk, -1 swing",
        needs=("phases", "information"),
        shown_in=("gradient_ratio",),
    ),
    "sample_ratio_drop": Statistic(
        sample_ratio_drop,
        "Mean over spread of single-sample gradients at the start over that in the second half",
        needs=("phases",),
        shown_in=("gradient_phases", "linear", "compression"),
        kind="geometric",
        unit="times",
    ),
    "noise_scale_at_transition": Statistic(
        noise_scale_at_transition,
        "Noise scale tr(S)/|G|^2 over batch size where gradient noise exceeds the mean",
        needs=("phases",),
        shown_in=("noise_scale",),
        kind="geometric",
        unit="times",
    ),
    **RATES,
}
