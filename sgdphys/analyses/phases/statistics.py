"""When things happen, how fast, and what goes with what."""

import numpy as np
import xarray as xr

from sgdphys.analyses.information.statistics import bits_lost
from sgdphys.analyses.learning.statistics import entropy_growth
from sgdphys.claims.correlations import rank_correlation
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.relaxation import Relaxation, exponential_advantage, relaxation
from sgdphys.claims.results import Results, log
from sgdphys.information.onset import compression, is_finite

PAPER_EPOCH = 350
"""At which Shwartz-Ziv and Tishby (2017) saw drift turn into diffusion."""


def _onset(results: Results) -> xr.DataArray:
    return results.each_case("information", lambda d: compression(d["I_XT"])["onset_epoch"])


def _relaxed(results: Results) -> Relaxation:
    found = results.each_case(
        "information", lambda d: xr.Dataset(relaxation(d["I_XT"])._asdict()).to_dataarray("of")
    )
    return Relaxation(found.sel(of="bits", drop=True), found.sel(of="epochs", drop=True))


def _of_finite(phases: xr.Dataset, values: xr.DataArray) -> xr.DataArray:
    """Values (replica, layer) of the networks whose gradients are finite through to the end."""
    return values.where(is_finite(phases["late_gradient_ratio"]))


def _transition(results: Results, prefix: str = "") -> xr.DataArray:
    """Epoch at which noise passes mean or drift; where it never does, the last epoch.

    So networks that compress before their noise has passed count as what they are. Layers whose
    noise is above the mean from the start have no such epoch, and are left out. Networks that
    diverged have a last epoch too, but no onset to compare with it.
    """
    phases = results.of("phases")
    ratio = phases[f"{prefix or 'gradient_'}ratio"]
    last = ratio["epoch"].isel(epoch=-1).where(ratio.isel(epoch=0) >= 1)
    return phases[f"{prefix}transition_epoch"].fillna(last)


def onset_after_transition(results: Results) -> xr.DataArray:
    """Log10 of the onset of the loss of I(X;T) over the epoch where noise passes the mean."""
    return log(_onset(results) / _transition(results), 10)


def onset_after_drift_transition(results: Results) -> xr.DataArray:
    """Log10 of the onset of the loss of I(X;T) over the epoch where noise passes the drift."""
    return log(_onset(results) / _transition(results, "drift_"), 10)


def transition_epoch(results: Results) -> xr.DataArray:
    """Log2 of the epoch at which noise passes the mean gradient over 350, the paper's."""
    phases = results.of("phases")
    return log(_of_finite(phases, phases["transition_epoch"]) / PAPER_EPOCH, 2)


def drift_transition_epoch(results: Results) -> xr.DataArray:
    """Log2 of the epoch at which noise passes the drift of an epoch over 350, the paper's."""
    phases = results.of("phases")
    return log(_of_finite(phases, phases["drift_transition_epoch"]) / PAPER_EPOCH, 2)


def late_ratio_spread(results: Results) -> xr.DataArray:
    """Standard deviation over layers of ln(mean/noise) of gradients, second half of training."""
    return log(results.of("phases")["late_gradient_ratio"]).std("layer")


def sample_ratio_drop(results: Results) -> xr.DataArray:
    """Log10 of mean over noise of single-sample gradients at the start over that at the end."""
    found = results.of("phases")
    return log(found["first_sample_ratio"] / found["late_sample_ratio"], 10)


def noise_scale_at_transition(results: Results) -> xr.DataArray:
    """Log2 of the noise scale tr(S)/|G|^2 over the batch size where noise passes the mean."""
    phases = results.of("phases")
    return log(_of_finite(phases, phases["transition_noise_scale"]), 2)


def exponential_law(results: Results) -> Estimate:
    """Log-likelihood a layer of t ~ exp(S) less that of the better of power law and line."""
    return exponential_advantage(_relaxed(results))


def relaxation_epochs(results: Results) -> xr.DataArray:
    """Log10 of the epochs from a tenth of the loss of I(X;T) to 63% of it."""
    return log(_relaxed(results).epochs, 10)


def onset_with_onset(results: Results) -> Estimate:
    """Rank correlation over replicas of a layer's onset of compression with the one before it."""
    onset = _onset(results)
    before = onset.assign_coords(layer=onset["layer"] + 1)
    return rank_correlation(onset, before)


def speed_after_onset(results: Results) -> Estimate:
    """Rank correlation over replicas of how long a layer takes with the onset of the one before."""
    onset = _onset(results)
    before = onset.assign_coords(layer=onset["layer"] + 1)
    return rank_correlation(_relaxed(results).epochs, before)


def _rate(results: Results) -> xr.DataArray:
    """Bits lost over the epochs it takes."""
    relaxed = _relaxed(results)
    return relaxed.bits / relaxed.epochs


def rate_with_ratio(results: Results) -> Estimate:
    """Rank correlation over layers, within replicas, of compression rate with late mean/noise."""
    return rank_correlation(
        _rate(results), results.of("phases")["late_gradient_ratio"], over="layer"
    )


def rate_with_diffusion(results: Results) -> Estimate:
    """Rank correlation over layers, within replicas, of compression rate with late D an epoch."""
    return rank_correlation(_rate(results), results.of("phases")["late_diffusion"], over="layer")


def rate_with_entropy(results: Results) -> Estimate:
    """Rank correlation over layers of compression rate with the growth of the weights' entropy."""
    rate = _rate(results).transpose("replica", "layer")
    late = entropy_growth(results)["value"].sel(cloud="noise")
    return rank_correlation(rate, late.broadcast_like(rate), over="layer")


def compression_with_accuracy(results: Results) -> Estimate:
    """Rank correlation over replicas of bits lost with final test accuracy, mean over layers."""
    lost = bits_lost(results)
    layers = results.taken("layer")
    if layers is not None:
        lost = lost.sel(layer=np.atleast_1d(layers))
    accuracy = results.of("learning")["final_test_accuracy"]
    return rank_correlation(lost, accuracy.broadcast_like(lost))
