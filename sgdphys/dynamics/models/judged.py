"""What a candidate is judged on: its residuals, of a long series on stretches of it."""

from typing import NamedTuple

import numpy as np

from sgdphys.dynamics.models.model import Model
from sgdphys.dynamics.stretches import LEAD, LENGTH, MANY, is_long, stretches

SENTENCE = (
    f"residual tests, effects, heldout and the rivals of increments: {MANY} evenly spread "
    f"stretches of {LENGTH:,} increments; coefficients, likelihoods and the rivals of paths: all "
    "points"
)
"""What of a long series is judged on stretches."""


class Judged(NamedTuple):
    """Residuals of series and what belongs to them, each (series, increment)."""

    z: np.ndarray
    log_density: np.ndarray
    level: np.ndarray
    """Path before each increment."""


def judged(
    model: Model, values: np.ndarray, x: np.ndarray, t: np.ndarray, first: int = 0
) -> Judged:
    """Residuals of series (series, point) with their log densities, from one increment on.

    Those of all increments; of a long series those on stretches that are evenly spread, each
    predicted from the 1024 increments before it and what precedes in the stretch.
    """
    n = len(t) - 1
    if not is_long(n):
        z, log_density = model.many_steps(values, x, t)
        return Judged(z[:, first:], log_density[:, first:], x[:, first:-1])
    found = []
    for part in stretches(n, first):
        past = min(part.start, LEAD)
        here = slice(part.start - past, part.stop + 1)
        z, log_density = model.many_steps(values, x[:, here], t[here])[..., past:]
        found.append(Judged(z, log_density, x[:, part.start : part.stop]))
    return Judged(*(np.concatenate(each, axis=1) for each in zip(*found, strict=True)))
