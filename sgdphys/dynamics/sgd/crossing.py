"""The epoch at which a ratio falls below 1 and stays there."""

import numpy as np

PERSISTENCE = 5
"""Recorded epochs in a row for which the ratio must stay below 1 to count as having crossed it."""


def crossing_epoch(ratio: np.ndarray, epoch: np.ndarray) -> np.ndarray:
    """Epoch at which a ratio falls below 1 for at least five recorded epochs.

    Parameters
    ----------
    ratio : (..., epoch)
    epoch : (epoch,)

    Returns
    -------
    (...)
        Interpolated between recorded epochs in log(1 + epoch) and log ratio; NaN where the ratio
        starts below 1, never falls below it, or is not finite.
    """
    below = ratio < 1.0
    window = min(PERSISTENCE, ratio.shape[-1])
    stays = np.lib.stride_tricks.sliding_window_view(below, window, axis=-1).all(axis=-1)
    first = stays.argmax(axis=-1)
    happens = stays.any(axis=-1) & (first > 0)
    before = np.maximum(first - 1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        high = np.log(np.take_along_axis(ratio, before[..., None], -1)[..., 0])
        low = np.log(np.take_along_axis(ratio, first[..., None], -1)[..., 0])
        share = high / (high - low)
    share = np.where(np.isfinite(share), share, 1.0)  # from or to an infinite logarithm
    time = np.log1p(epoch)
    found = np.expm1(time[before] + share * (time[first] - time[before]))
    return np.where(happens & (high >= 0), found, np.nan)
