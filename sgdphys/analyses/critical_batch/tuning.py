"""The learning rate of every batch size at which a loss is reached in the fewest updates."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from sgdphys.errors import InputError, NotEnoughData

_FEWEST = 3


class Tuned(NamedTuple):
    """At the best rate of every batch size, (batch,) and (batch, replica)."""

    batch: np.ndarray
    rate: np.ndarray
    steps: np.ndarray
    noise_scale: np.ndarray


def tuned(found: xr.Dataset) -> Tuned:
    """Choose the rate with the smallest geometric mean of updates, batch size by batch size.

    Rates at which a network never reaches the loss do not count. A batch size whose best rate is
    the smallest or the largest tried is left out: it is not tuned.

    Raises
    ------
    InputError
        For results that are not of a sweep over batch sizes and rates.
    NotEnoughData
        When fewer than three batch sizes are tuned.
    """
    keys = ("swept_batch_size", "swept_learning_rate")
    if "case" not in found.dims or any(key not in found.coords for key in keys):
        raise InputError("a critical batch size needs a sweep over batch sizes and learning rates")
    named, rates = (found[key].to_numpy() for key in keys)
    steps, scale = (
        found[name].transpose("case", "replica").to_numpy()
        for name in ("steps_to_loss", "mean_noise_scale")
    )
    alive = np.isfinite(steps).any(axis=0)  # in no case: a network that diverged at every rate
    steps, scale = steps[:, alive], scale[:, alive]
    with np.errstate(invalid="ignore"):
        cost = np.log(steps).mean(axis=1) if steps.size else np.full(len(steps), np.nan)
    rows = []
    for batch in np.unique(named):
        of_batch = np.flatnonzero(named == batch)
        of_batch = of_batch[np.argsort(rates[of_batch])]
        costs = np.where(np.isfinite(cost[of_batch]), cost[of_batch], np.inf)
        best = int(costs.argmin())
        if np.isfinite(costs[best]) and 0 < best < len(of_batch) - 1:
            rows.append(of_batch[best])
    if len(rows) < _FEWEST:
        raise NotEnoughData(
            f"{len(rows)} batch sizes have a best rate between the smallest and the largest tried, "
            f"and {_FEWEST} are needed"
        )
    chosen = np.array(rows)
    sizes = found["mean_batch_size"].to_numpy()[chosen]
    return Tuned(sizes, rates[chosen], steps[chosen], scale[chosen])
