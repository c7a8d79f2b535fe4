"""Change point of a ratio over log epoch: the single step that explains most, and its p-value."""

import numpy as np
from scipy import signal

from sgdphys.arguments import checked
from sgdphys.draws import Seed, stream
from sgdphys.dynamics.slowing.surrogates import memory_of

_GRID = 200
_SURROGATES = 999
_FEWEST = 8
_ROUNDING = 1e-12
"""Range of log ratio, relative to its size or to 1, that is rounding."""


def step_change(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Location of the single step that explains most of a series, and the share it explains.

    Parameters
    ----------
    series : (..., point)

    Returns
    -------
    (int array (...), float array (...))
        Index of the first point after the step, and 1 - residual / total sum of squares.
    """
    points = series.shape[-1]
    centred = series - series.mean(axis=-1, keepdims=True)
    left = np.cumsum(centred, axis=-1)[..., :-1]
    k = np.arange(1, points)
    explained = left**2 * (1 / k + 1 / (points - k))
    location = explained.argmax(axis=-1)
    total = (centred**2).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = explained.max(axis=-1) / total
    return location + 1, gain


def _even_log(ratio: np.ndarray, epoch: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log ratio on an even grid of log epoch from 1 on, the grid, and which series are valid."""
    log, time, is_valid = _log_from_one(ratio, epoch)
    grid = np.linspace(time[0], time[-1], _GRID)
    return _interpolated(log, time, grid), grid, is_valid


def _log_from_one(
    ratio: np.ndarray, epoch: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log ratio at recorded epochs from 1 on, their logarithms, and which series are valid.

    Valid series are finite, and not constant to rounding; the others are 0.
    """
    late = epoch >= 1
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(ratio[..., late])
    log = np.where(np.isfinite(log).all(axis=-1, keepdims=True), log, 0.0)
    is_valid = np.ptp(log, axis=-1) > _ROUNDING * np.maximum(np.abs(log).max(axis=-1), 1)
    return log, np.log(epoch[late]), is_valid


def _interpolated(log: np.ndarray, time: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Values (..., point) at the times of a grid, by straight lines."""
    right = np.clip(np.searchsorted(time, grid), 1, len(time) - 1)
    share = (grid - time[right - 1]) / (time[right] - time[right - 1])
    return np.asarray(log[..., right - 1] * (1 - share) + log[..., right] * share)


def change_epochs(ratio: np.ndarray, epoch: np.ndarray) -> np.ndarray:
    """Change point: epoch of the single step that explains most of log ratio in log epoch.

    Parameters
    ----------
    ratio : (..., epoch)
    epoch : (epoch,)

    Returns
    -------
    (...)
        NaN where the ratio is not positive and finite throughout, where it is constant, or where
        fewer than 8 epochs from 1 on were recorded.
    """
    if (epoch >= 1).sum() < _FEWEST:
        return np.full(ratio.shape[:-1], np.nan)
    even, grid, is_valid = _even_log(ratio, epoch)
    location, _ = step_change(even)
    return np.where(is_valid, np.exp(0.5 * (grid[location - 1] + grid[location])), np.nan)


@checked
def change_p_values(ratio: np.ndarray, epoch: np.ndarray, rng: Seed = 0) -> np.ndarray:
    """P-values of change points: stationary surrogates whose best step explains at least as much.

    Parameters
    ----------
    ratio : (series, epoch)
    epoch : (epoch,)
    rng : int, SeedSequence or Generator

    Returns
    -------
    (series,)
        From 999 surrogates, seeded by the index of the series; NaN as for ``change_epochs``.

    Notes
    -----
    A surrogate is a stationary AR(1) process in the recorded epochs, with the coefficient of log
    ratio there, corrected for its bias of -(1 + 3 phi)/n. It is then interpolated to even log
    epochs as the data are. For AR(1) log ratios, phi 0 to 0.99, at 30 to 1000 recorded epochs, p is
    below 5% in 3.8% to 6.5% of series.
    """
    p_value = np.full(len(ratio), np.nan)
    if (epoch >= 1).sum() < _FEWEST:
        return p_value
    log, time, is_valid = _log_from_one(ratio, epoch)
    grid = np.linspace(time[0], time[-1], _GRID)
    _, gain = step_change(_interpolated(log, time, grid))
    for k in np.flatnonzero(is_valid):
        phi = memory_of(log[k : k + 1] - log[k].mean())
        drawn = _autoregressive(phi, len(time), stream(rng, int(k)))
        _, null = step_change(_interpolated(drawn, time, grid))
        p_value[k] = (1 + (null >= gain[k]).sum()) / (1 + _SURROGATES)
    return p_value


def _autoregressive(phi: float, points: int, rng: np.random.Generator) -> np.ndarray:
    """Stationary AR(1) series of unit noise, (surrogate, point)."""
    noise = rng.standard_normal((_SURROGATES, points))
    noise[:, 0] /= np.sqrt(1 - phi**2)
    return np.asarray(signal.lfilter([1.0], [1.0, -phi], noise, axis=-1))
