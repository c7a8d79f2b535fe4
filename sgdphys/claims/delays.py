"""Compression relative to the transition of the gradients, over the same replicas."""

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.draws import Seed, bootstrap_draws
from sgdphys.information.onset import compression, finite_to_the_end, is_finite
from sgdphys.intervals import (
    BOOTSTRAP,
    METHOD,
    Kind,
    bootstrap_interval,
    mean_with_interval,
    resampled_means,
)
from sgdphys.quantities import labelled, number_of

_CONFIDENCE = 0.95


@checked
def compression_after_transition(
    information: xr.Dataset,
    phases: xr.Dataset,
    *,
    rng: Seed = 0,
) -> xr.Dataset:
    """Bits lost by each layer, and the delay of compression after the drift-diffusion transition.

    Parameters
    ----------
    information : Dataset
        I_XT (epoch, replica, layer).
    phases : Dataset
        transition_epoch (replica, layer), and optionally drift_transition_epoch and
        followed_transition_epoch.
    rng : int, SeedSequence or Generator
        Seed of the bootstrap.

    Returns
    -------
    Dataset
        By replica: peak_epoch, bits_lost, onset_epoch ... (replica, layer). Over the ensemble, with
        ``_low`` and ``_high`` (layer): bits_start_ensemble, bits_peak_ensemble, ... of the mean
        curve of I(X;T); onset_delay, mean over replicas of onset minus transition, in epochs;
        transition_first, the fraction of replicas in which the transition came first; and
        ``pairs``, the number of replicas with both. The same with the prefixes ``drift_`` and
        ``followed_`` for the other readings of the transition (``dynamics.gradient_phases``).

    Notes
    -----
    Ensemble values are those of the mean curve, since the peak of a single fluctuating curve is
    biased upward; networks that are not finite at the end are left out.
    """
    by_replica = compression(information["I_XT"])
    curves = finite_to_the_end(information["I_XT"]).transpose("replica", "epoch", "layer")
    valid = is_finite(curves.isel(epoch=-1)).any("layer")
    if valid.any():
        curves = curves.isel(replica=np.flatnonzero(valid))
    replicas = curves.sizes["replica"]
    samples = xr.DataArray(
        resampled_means(curves.to_numpy(), bootstrap_draws(replicas, rng)),
        dims=("resample", "epoch", "layer"),
        coords={"epoch": curves["epoch"]},
    )
    mean, spread = compression(curves.mean("replica")), compression(samples)
    result = by_replica
    for name in mean.data_vars:
        value = mean[name]
        samples_of = spread[name].transpose("resample", *value.dims).to_numpy()
        low, high = bootstrap_interval(value.to_numpy(), samples_of, replicas, _CONFIDENCE)
        result = result.assign(
            {
                f"{name}_ensemble": value,
                f"{name}_ensemble_low": value.copy(data=low),
                f"{name}_ensemble_high": value.copy(data=high),
            }
        )
    for prefix in ("", "drift_", "followed_"):
        if f"{prefix}transition_epoch" not in phases:
            continue
        delay = by_replica["onset_epoch"] - phases[f"{prefix}transition_epoch"]
        first = (delay > 0).where(delay.notnull()).astype(float)
        measured: list[tuple[str, xr.DataArray, Kind]] = [
            ("onset_delay", delay, "symmetric"),
            ("transition_first", first, "share"),
        ]
        for name, values, kind in measured:
            result = result.merge(mean_with_interval(values.rename(prefix + name), kind=kind))
        result[f"{prefix}pairs"] = delay.notnull().sum("replica")
    result.attrs = {
        "confidence": _CONFIDENCE,
        "interval_method": f"{METHOD}; mean curves: {BOOTSTRAP}",
    }
    return labelled(result, {"pairs": number_of("replicas that have both")})
