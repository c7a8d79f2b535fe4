"""Tail indices of a matrix of noise, and of Gaussian noise with the same covariance."""

from typing import NamedTuple

import numpy as np

from sgdphys.dynamics.diffusion.tail_index import levy_columns

_CONFIDENCE = 0.95
_STILL = 1e-9
"""Share of the largest spread below which a parameter has no noise: a dead unit's."""


class Indices(NamedTuple):
    """Tail indices across parameters and along batches, of noise and of its Gaussian twin."""

    across: float
    along: float
    null_across: float
    null_along: float


def tail_indices(noise: np.ndarray, rng: np.random.Generator) -> Indices:
    """Tail indices of noise (batch, parameter); NaN where it vanishes.

    Across: the mean over batches of the index of one batch's parameters. Along: the mean over
    parameters of the index of one parameter's batches. A parameter without noise is left out.

    Notes
    -----
    Gaussian noise with the covariance of n vectors u_k: sum_k a_k u_k/sqrt(n), a_k standard normal.
    """
    spread = noise.std(axis=0)
    moving = noise[:, spread > _STILL * spread.max()] if np.isfinite(spread).all() else noise[:, :0]
    if not moving.shape[1]:
        return Indices(np.nan, np.nan, np.nan, np.nan)
    many = len(moving)
    gaussian = rng.standard_normal((many, many)) @ moving / np.sqrt(many)
    return Indices(*_both(moving), *_both(gaussian))


def _both(noise: np.ndarray) -> tuple[float, float]:
    """Mean index across the columns of each row, and along each column."""
    across, along = (
        float(levy_columns(np.ascontiguousarray(rows), _CONFIDENCE)[:, 0].mean())
        for rows in (noise, noise.T)
    )
    return across, along
