"""Statistics of how long layers take to compress, and of what that goes with."""

import numpy as np
import xarray as xr

from sgdphys.claims.correlations import rank_correlation
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.relaxation import (
    Relaxation,
    growth_across_layers,
    growth_within_layers,
    relaxation,
)
from sgdphys.claims.results import LEARNED, Results, require_one_case, to_the_end
from sgdphys.claims.statistic import Statistic
from sgdphys.errors import NotEnoughData
from sgdphys.information.onset import ONSET_SHARE, is_finite, loss_epoch

_FULL = 0.9
"""Share of the label's entropy that counts as all of it."""


def relaxed(results: Results) -> Relaxation:
    """Bits that layers lose, the epochs that takes, and their steps, for every case."""
    found = results.each_case(
        "information", lambda d: xr.Dataset(relaxation(d["I_XT"])._asdict()).to_dataarray("of")
    )
    return Relaxation(*(found.sel(of=name, drop=True) for name in Relaxation._fields))


def compression_rate(results: Results) -> xr.DataArray:
    """Bits lost divided by the epochs it takes."""
    found = relaxed(results)
    return found.bits / found.epochs


def relaxation_epochs(results: Results) -> xr.DataArray:
    """Epochs from 10% to 63% of the loss of I(X;T)."""
    return relaxed(results).epochs


def relaxation_growth(results: Results) -> Estimate:
    """Factor of the relaxation time for a bit compressed from the layer before, within layers."""
    return growth_within_layers(relaxed(results))


def relaxation_growth_across(results: Results) -> Estimate:
    """Factor of the relaxation time for a bit compressed from the layer before, across layers."""
    return growth_across_layers(relaxed(results))


def relaxation_with_bits(results: Results) -> Estimate:
    """Rank correlation over replicas of relaxation time with bits compressed from layer before."""
    found = relaxed(results)
    return rank_correlation(found.epochs, found.step)


def time_with_steps(results: Results) -> Estimate:
    """Rank correlation over cases of the output's relaxation time with the sum of 2^(its steps).

    Notes
    -----
    The paper's sum of exp(dS_k) over layers, dS_k in nats: I(X;T_{k-1}) - I(X;T_k) at the end. The
    step from the input to the first layer is not in it.
    """
    found = relaxed(results)
    if "case" not in found.step.dims:
        raise NotEnoughData("a correlation over cases needs a sweep")
    has_layer = is_finite(found.step).any("replica")
    output = has_layer.cumsum("layer").argmax("layer")
    predicted = (2.0**found.step).sum("layer").where(is_finite(found.step).any("layer"))
    return rank_correlation(found.epochs.isel(layer=output), predicted, over="case")


def onset_with_onset(results: Results) -> Estimate:
    """Rank correlation over replicas of the onsets of compression of neighbouring layers."""
    onset = _onset(results)
    return rank_correlation(onset, onset.assign_coords(layer=onset["layer"] + 1))


def speed_after_onset(results: Results) -> Estimate:
    """Rank correlation over replicas of compression time with the onset in the layer before."""
    onset = _onset(results)
    return rank_correlation(relaxed(results).epochs, onset.assign_coords(layer=onset["layer"] + 1))


def _onset(results: Results) -> xr.DataArray:
    return results.each_case("information", lambda d: loss_epoch(d["I_XT"], ONSET_SHARE))


def reaches_label(results: Results) -> xr.DataArray:
    """Whether the output layer's I(T;Y) reaches 90% of the label's entropy: 1, or 0.

    Notes
    -----
    Networks that learn nothing count as 0.
    """
    found = require_one_case(results.of("information")).drop_vars(LEARNED, errors="ignore")
    known = to_the_end(found)["I_TY"]
    there = is_finite(known).any(["epoch", "replica"]).to_numpy()
    if not there.any():
        raise NotEnoughData("no network has finite information to the end")
    output = known.isel(layer=int(np.flatnonzero(there).max()))
    entropy = found.attrs.get("label_entropy", float(known.max()))
    reached = (output >= _FULL * entropy).any("epoch").astype(float)
    return reached.where(is_finite(output.isel(epoch=-1, drop=True)))


RELAXATION = {
    "relaxation_epochs": Statistic(
        relaxation_epochs,
        "Epochs from 10% to 63% of the loss of I(X;T)",
        needs=("information",),
        shown_in=("relaxation",),
        kind="geometric",
        unit="epochs",
    ),
    "relaxation_growth": Statistic(
        relaxation_growth,
        "Factor of the relaxation time for a bit compressed from the layer before, within layers",
        needs=("information",),
        shown_in=("relaxation",),
        kind="geometric",
        unit="times",
    ),
    "relaxation_growth_across": Statistic(
        relaxation_growth_across,
        "Factor of the relaxation time for a bit compressed from the layer before, across layers",
        needs=("information",),
        shown_in=("relaxation",),
        kind="geometric",
        unit="times",
    ),
    "relaxation_with_bits": Statistic(
        relaxation_with_bits,
        "Rank correlation over replicas of relaxation time with bits compressed from layer before",
        needs=("information",),
        shown_in=("relaxation",),
    ),
    "time_with_steps": Statistic(
        time_with_steps,
        "Rank correlation over cases of the output's relaxation time with the sum of 2^(its steps)",
        needs=("information",),
        shown_in=("relaxation",),
    ),
    "onset_with_onset": Statistic(
        onset_with_onset,
        "Rank correlation over replicas of the onsets of compression of neighbouring layers",
        needs=("information",),
        shown_in=("relaxation", "information"),
    ),
    "speed_after_onset": Statistic(
        speed_after_onset,
        "Rank correlation over replicas of compression time with the onset in the layer before",
        needs=("information",),
        shown_in=("relaxation", "information"),
    ),
    "reaches_label": Statistic(
        reaches_label,
        "Whether the output layer's I(T;Y) reaches 90% of the label's entropy: 1, or 0",
        needs=("information",),
        shown_in=("plane_of_cases", "plane_paths"),
        kind="share",
    ),
}
