"""Entropy production of networks, each along directions of its own."""

import numpy as np
import xarray as xr
from scipy.special import chdtrc

from sgdphys.dynamics.diffusion.entropy_production import entropy_production
from sgdphys.intervals import mean_with_interval
from sgdphys.quantities import labelled

_BLOCKS = 8


def production_of_networks(
    moving: xr.DataArray, is_random: xr.DataArray, confidence: float, seed: int
) -> xr.Dataset:
    """Median entropy production of networks, its interval over them, and its p-value.

    Parameters
    ----------
    moving : DataArray (step, replica, mode)
        Paths of each network along its own directions, whose means and signs have nothing to do
        with those of others: areas that are enclosed add up within a network alone.
    is_random : DataArray (replica)
        Networks whose updates are random. The rest, trained on the whole training set at once, are
        left out: no reversed step has a probability.
    confidence : float
    seed : int

    Returns
    -------
    Dataset
        entropy_production, in nats per update, with ``_low``, which is not below 0 unless the
        estimate is, and ``_high``; p_value, by Fisher's method from those of the networks. It is a
        median, as one network whose loss jumps within a burst produces more than all the others.
    """
    each = [
        entropy_production(
            moving.isel(replica=k), coordinates="mode", process="chain", blocks=_BLOCKS,
            confidence=confidence, rng=np.random.SeedSequence(seed, spawn_key=(k,)),
        )[["entropy_production", "p_value"]].drop_attrs(deep=False)
        for k in range(moving.sizes["replica"])
    ]  # fmt: skip
    networks = xr.concat(each, dim="replica").where(is_random)
    found = mean_with_interval(networks["entropy_production"], kind="median", confidence=confidence)
    low, middle = found["entropy_production_low"], found["entropy_production"]
    found["entropy_production_low"] = low.copy(data=np.minimum(np.maximum(low, 0.0), middle))
    high = found["entropy_production_high"]
    found["entropy_production_high"] = high.copy(data=np.maximum(high, 0.0))
    chances = networks["p_value"].to_numpy()
    chances = chances[np.isfinite(chances)]
    p_value = chdtrc(2 * len(chances), -2 * np.log(chances).sum()) if len(chances) else np.nan
    found["p_value"] = networks["p_value"].isel(replica=0, drop=True).copy(data=p_value)
    return labelled(found.drop_attrs())
