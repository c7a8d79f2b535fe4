"""Distances from the start, and squared displacements over a lag from later epochs on."""

import numpy as np
import xarray as xr

from sgdphys.analyses.motion.settings import Settings
from sgdphys.analyses.source import Source
from sgdphys.quantities import labelled
from sgdphys.trajectory.schedules import log_epochs

_WAITING, _LAGS = 7, 24
_FIRST = 100
"""The first waiting time is this share of training, in parts."""


def waiting_epochs(last: int) -> np.ndarray:
    """Epochs from which displacements are taken: log-spaced up to half of training."""
    spaced = np.geomspace(max(last // _FIRST, 1), max(last // 2, 1), _WAITING)
    return np.unique(np.rint(spaced).astype(int))


def lags_in_epochs(last: int) -> np.ndarray:
    """Even numbers of epochs, log-spaced up to half of training.

    At the edge of stability weights swing with a period of two updates; over an even number of
    epochs, and so of updates, a swing adds nothing to a displacement.
    """
    spaced = np.rint(np.geomspace(1, max(last // 4, 1), _LAGS)).astype(int)
    return 2 * np.unique(spaced)


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Distance from the first weights by epoch, and squared displacement by waiting time and lag.

    Notes
    -----
    Summed over all weights and biases of a network. Displacements that end after the last epoch
    are NaN.
    """
    weights = source.weights
    recorded = weights["epoch"].to_numpy()
    places = {int(e): k for k, e in enumerate(recorded) if e == np.rint(e)}
    last = max(places)
    epochs = np.array([e for e in log_epochs(last) if e in places])
    waits, lags = waiting_epochs(last), lags_in_epochs(last)
    ends = waits[:, None] + lags
    needed = np.unique([*epochs, *waits, *ends[ends <= last]])
    theta = weights["theta"].isel(step=[places[e] for e in needed]).load()
    at = theta.transpose("step", "replica", "parameter").to_numpy().astype(np.float64)
    index = {int(e): k for k, e in enumerate(needed)}
    squared = np.full((len(waits), len(lags), at.shape[1]), np.nan)
    with np.errstate(invalid="ignore", over="ignore"):
        from_start = at[[index[e] for e in epochs]] - at[0]
        distance = np.sqrt((from_start**2).sum(axis=-1))
        for (i, j), end in np.ndenumerate(ends):
            if end <= last:
                moved = at[index[int(end)]] - at[index[int(waits[i])]]
                squared[i, j] = (moved**2).sum(axis=-1)
    found = xr.Dataset(
        {
            "distance": (("epoch", "replica"), np.where(np.isfinite(distance), distance, np.nan)),
            "squared_displacement": (
                ("waiting_epoch", "lag_epochs", "replica"),
                np.where(np.isfinite(squared), squared, np.nan),
            ),
        },
        coords={
            "epoch": epochs, "waiting_epoch": waits, "lag_epochs": lags,
            "replica": weights["replica"].to_numpy(),
        },
    )  # fmt: skip
    return labelled(found).assign_attrs(method="weights at pairs of recorded epochs")
