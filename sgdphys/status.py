"""The ``status`` of every result: whether the estimate is valid, and what to do if not."""

from typing import NamedTuple

import numpy as np
import xarray as xr


class Status(NamedTuple):
    """One status."""

    word: str
    sentence: str
    """What is wrong, and what to do about it."""


TABLE = (
    Status("ok", "the estimate is valid: no problem was found"),
    Status(
        "constant",
        "the series is constant to the precision of its numbers: it has no noise to estimate; "
        "leave it out, or choose a stretch where it moves",
    ),
    Status(
        "too short",
        "the series has too few points for this estimator, or spans too few of its relaxation "
        "times: record for longer",
    ),
    Status("no data", "the series has no data, all points are missing: check its recording"),
    Status(
        "diverged",
        "the series contains an infinity, or numbers so large that their powers overflow: cut it "
        "before that point, leave it out, or rescale it",
    ),
    Status(
        "weakly identified",
        "the series spans fewer than 5 of its relaxation times, so that its relaxation rate is "
        "uncertain: rely on the interval, or record for longer",
    ),
    Status(
        "oscillating at this sampling",
        "the series alternates in sign from one point to the next, which is not relaxation: "
        "record more often, or lower the learning rate",
    ),
    Status(
        "relaxes within one step",
        "the series decorrelates within one step, so that its relaxation time cannot be "
        "measured: record more often",
    ),
    Status(
        "needs even spacing",
        "the estimator needs evenly spaced points without gaps: choose a stretch that has them, or "
        "use fit_wiener or fit_ou, which accept any times",
    ),
    Status(
        "too few distinct values",
        "the increments take too few distinct values to have a tail: record in higher precision, "
        "or leave out series that rarely move",
    ),
    Status(
        "straight line",
        "the series is a straight line to the precision of its numbers: it has a drift and no "
        "noise to estimate; leave it out, or record in higher precision",
    ),
    Status(
        "too short to compare models",
        "the series has fewer than the 50 increments that a comparison of models needs: use the "
        "coefficients of single models, or record for longer",
    ),
    Status(
        "too few members",
        "the ensemble has too few members for this number of directions: train more replicas, or "
        "choose fewer parameters",
    ),
    Status(
        "moves once",
        "the series moves in one interval only, a single jump: it has no noise to estimate; leave "
        "it out",
    ),
    Status(
        "too small",
        "the series varies by so little that the powers of its values underflow: multiply it by a "
        "power of ten",
    ),
    Status(
        "saturated at log2 n",
        "every input is alone in its cell, so that I(X;T) has its largest possible value, "
        "log2 n: use fewer bins, or more inputs",
    ),
    Status(
        "weights not finite",
        "the weights are not finite at this epoch: the training diverged; lower the learning rate",
    ),
    Status(
        "too few samples",
        "some label has no more samples than the number of neighbours: give more samples, or use "
        "fewer neighbours",
    ),
    Status(
        "at the end of the range",
        "the estimate lies at the end of the range of values that are compared, and the true value "
        "may lie beyond it: read the estimate as a bound; the interval is open on that side",
    ),
    Status(
        "no pairs",
        "no two points of the series lie this far apart: give lags that are shorter than the "
        "series, and that its gaps leave",
    ),
)
"""By number. New ones are added at the end, so that numbers in older files keep their meaning."""
WORDS = tuple(status.word for status in TABLE)
(
    OK, CONSTANT, TOO_SHORT, NO_DATA, DIVERGED, WEAK, OSCILLATING, FAST, UNEVEN, FEW_VALUES,
    STRAIGHT, SHORT, FEW_MEMBERS, ONCE, TINY, SATURATED, BROKEN, FEW_SAMPLES, END_OF_RANGE,
    NO_PAIRS,
) = range(len(TABLE))  # fmt: skip


def flagged(status: xr.DataArray) -> xr.DataArray:
    """Attach flag values and meanings to a status, following the CF conventions."""
    return status.astype(np.int8).assign_attrs(
        flag_values=np.arange(len(WORDS), dtype=np.int8),
        flag_meanings=" ".join(word.replace(" ", "_") for word in WORDS),
    )


def words(status: xr.DataArray) -> np.ndarray:
    """Return a status as words, in the same shape."""
    return np.array(WORDS)[status.to_numpy()]


def advice(status: np.ndarray) -> list[str]:
    """Return a sentence for each status that occurs, except "ok": its word and what to do."""
    return [f"{TABLE[k].word}: {TABLE[k].sentence}" for k in np.unique(status) if k != OK]
