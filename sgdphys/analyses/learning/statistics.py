"""How networks learn, and what their weights do."""

import numpy as np
import xarray as xr

from sgdphys.claims.results import Results, log, with_ends
from sgdphys.information.onset import is_finite


def epochs_to_error(results: Results) -> xr.DataArray:
    """Log10 of the epochs to the study's test error; where never reached, the last epoch."""
    found = results.of("learning")
    return log(_of_finite(found, found["error_epoch"].fillna(found["last_epoch"])), 10)


def _of_finite(learning: xr.Dataset, values: xr.DataArray) -> xr.DataArray:
    """Values of the networks that did not diverge: whose loss is finite at the end."""
    return values.where(is_finite(learning["final_loss"]))


def test_accuracy(results: Results) -> xr.DataArray:
    """Share of test samples that are right at the end."""
    found = results.of("learning")
    return _of_finite(found, found["final_test_accuracy"])


def overtraining(results: Results) -> xr.DataArray:
    """Test loss at the end less that at the lowest point of its mean curve, in nats."""
    return results.of("learning")["overtraining"]


def wiener_share(results: Results) -> xr.Dataset:
    """Share of weights that pass as a Wiener process over that of simulated ones, by burst."""
    found = results.of("diffusion")
    return with_ends(found, "passes", found["null_passes"])


def diffusion_over_noise(results: Results) -> xr.Dataset:
    """D of the twins over that of the gradient noise, by lag and burst."""
    return with_ends(results.of("diffusion"), "diffusion_ratio")


def entropy_growth(results: Results) -> xr.Dataset:
    """2 dS/d ln t a direction of the cloud of weights over the last decade: 1 if Wiener."""
    return _entropy_gain(results.of("entropy"))


def _entropy_gain(found: xr.Dataset) -> xr.Dataset:
    """Growth of the entropy over the last decade of epochs, as value, low and high.

    Its ends are taken as independent: of one cloud they are not, and the interval is too wide.
    """
    epoch = found["mark_epoch"].to_numpy()
    first = int(np.abs(epoch - epoch[-1] / 10).argmin())
    scale = 0.5 * found.attrs["modes"] * float(np.log(epoch[-1] / epoch[first]))
    start, end = found.isel(mark=first), found.isel(mark=-1)
    change = end["entropy"] - start["entropy"]
    reach = [
        np.hypot(end["entropy"] - end[f"entropy_{a}"], start["entropy"] - start[f"entropy_{b}"])
        for a, b in (("low", "high"), ("high", "low"))
    ]
    ends = {"value": change, "low": change - reach[0], "high": change + reach[1]}
    return xr.Dataset({name: value / scale for name, value in ends.items()})


def full_fluctuation_ratio(results: Results) -> xr.Dataset:
    """Fluctuation-dissipation ratio with the full gradient: 1 where the noise is white."""
    return with_ends(results.of("stationarity"), "full_ratio")


def entropy_production(results: Results) -> xr.Dataset:
    """Entropy production along the sharpest directions, nats an update: 0 at equilibrium."""
    return with_ends(results.of("stationarity"), "entropy_production")


def stability_share(results: Results) -> xr.Dataset:
    """Sharpness times learning rate over 2 (1 + momentum): 1 at the edge of stability."""
    found = results.of("stationarity")
    edge = 2 * (1 + found["swept_momentum"]) / found["swept_learning_rate"]
    return with_ends(found, "sharpness", edge)


def unit_overlap(results: Results) -> xr.Dataset:
    """Root mean square cosine of in-weights of two units of a layer, less that of random ones."""
    found = results.of("diversity")
    null = found["null_unit_overlap"]
    names = {"value": "unit_overlap", "low": "unit_overlap_low", "high": "unit_overlap_high"}
    return xr.Dataset({new: found[old] - null for new, old in names.items()})


def matched_overlap(results: Results) -> xr.Dataset:
    """Cosine of two networks' in-weights of a layer, hidden units matched."""
    return with_ends(results.of("diversity"), "matched_overlap")


def norm_growth(results: Results) -> xr.DataArray:
    """Ln of a layer's final weight norm over its first."""
    return log(results.of("diversity")["norm_ratio"])
