"""What can be said of a series besides its estimates: the ``status`` variable of every result."""

import numpy as np
import xarray as xr

WORDS = (
    "ok",
    "constant",
    "too short",
    "no data",
    "diverged",
    "weakly identified",
    "oscillating at this sampling",
    "relaxes within one step",
    "needs even spacing",
    "too few distinct values",
    "too short to compare models",
    "too few members",
)
(
    OK, CONSTANT, TOO_SHORT, NO_DATA, DIVERGED, WEAK, OSCILLATING, FAST, UNEVEN, FEW_VALUES,
    SHORT, FEW_MEMBERS,
) = range(len(WORDS))  # fmt: skip


def flagged(status: xr.DataArray) -> xr.DataArray:
    """Attach the meaning of its numbers to a status, after the CF conventions."""
    return status.astype(np.int8).assign_attrs(
        flag_values=np.arange(len(WORDS), dtype=np.int8),
        flag_meanings=" ".join(word.replace(" ", "_") for word in WORDS),
    )


def words(status: xr.DataArray) -> np.ndarray:
    """Return a status in words, in the shape it came in."""
    return np.array(WORDS)[status.to_numpy()]
