"""Fit and compression on mean curves: when each is done, how long it takes, how they overlap.

Curves have epochs last. A share of a rise or a loss is there where the curve reaches it,
interpolated linearly between records; losses count from the largest value of a curve.
"""

import numpy as np

from sgdphys.information.onset import LEAST_LOSS

FITTED = 0.9
"""Share of the rise of I(T;Y) at which the fit counts as done."""
_BEGUN, _DONE = 0.1, 0.9
"""Shares of a rise or a loss between which it lasts."""


def reached(curve: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Record at which a curve reaches a level, as a fraction between records.

    Parameters
    ----------
    curve : (..., epoch)
    level : (...)
        At most the last value of the curve.

    Returns
    -------
    (...)
        Middle of where the curve first reaches the level and where it is below it for the last
        time: a curve that fluctuates reaches it too early. NaN for a level above the last value.
    """
    is_there = curve >= level[..., None]
    count = curve.shape[-1]
    first = is_there.argmax(axis=-1)
    last = count - 1 - (~is_there)[..., ::-1].argmax(axis=-1)  # below for the last time
    last = np.where(is_there.all(axis=-1), -1, last)
    ends = [_between(curve, level, after) for after in (first, np.minimum(last + 1, count - 1))]
    return np.where(is_there[..., -1], (ends[0] + ends[1]) / 2, np.nan)


def _between(curve: np.ndarray, level: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where a curve passes a level on the way to a record (...) that has reached it."""
    before = np.maximum(after - 1, 0)
    low, high = (np.take_along_axis(curve, k[..., None], axis=-1)[..., 0] for k in (before, after))
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where((after > before) & np.isfinite(low), (level - low) / (high - low), 1.0)
    return np.asarray(before + (after - before) * part)


def at_record(curve: np.ndarray, record: np.ndarray) -> np.ndarray:
    """Value of a curve (..., epoch) at a fraction between records (...)."""
    record, _ = np.broadcast_arrays(record, curve[..., 0])
    inside = np.isfinite(record)
    place = np.where(inside, record, 0.0)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, curve.shape[-1] - 1)
    a, b = (np.take_along_axis(curve, k[..., None], axis=-1)[..., 0] for k in (low, high))
    return np.where(inside, a + (b - a) * (place - low), np.nan)


def epoch_at(epoch: np.ndarray, record: np.ndarray) -> np.ndarray:
    """Epoch at a fraction between records, NaN for NaN."""
    return np.asarray(np.interp(record, np.arange(len(epoch)), epoch))


def rise_record(about_y: np.ndarray, share: float) -> np.ndarray:
    """Record at which a share of the rise of I(T;Y) is there, NaN for a rise below 0.1 bit."""
    rise = about_y - about_y[..., :1]
    end = rise[..., -1]
    return np.where(end >= LEAST_LOSS, reached(rise, share * end), np.nan)


def loss_record(about_x: np.ndarray, share: float) -> np.ndarray:
    """Record at which a share of the loss of I(X;T) is there, NaN for a loss below 0.1 bit."""
    known = np.where(np.isfinite(about_x), about_x, -np.inf)
    peak = known.argmax(axis=-1)[..., None]
    lost = known.max(axis=-1, keepdims=True) - about_x
    lost = np.where(np.arange(about_x.shape[-1]) < peak, -np.inf, lost)
    end = lost[..., -1]
    return np.where(end >= LEAST_LOSS, reached(lost, share * end), np.nan)


def loss_during_fit(about_x: np.ndarray, about_y: np.ndarray, fitted: float) -> np.ndarray:
    """Share of the loss of I(X;T) that is done when a share of the rise of I(T;Y) is there.

    Parameters
    ----------
    about_x : (..., layer, epoch)
    about_y : (..., epoch)
        Of the output.
    fitted : float

    Returns
    -------
    (..., layer)
        0 where the peak comes later; NaN for a loss or a rise below 0.1 bit.
    """
    at = rise_record(about_y, fitted)[..., None]
    known = np.where(np.isfinite(about_x), about_x, -np.inf)
    peak = known.max(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        lost = peak - about_x[..., -1]
        done = np.where(known.argmax(axis=-1) < at, peak - at_record(about_x, at), 0.0)
        return np.where((lost >= LEAST_LOSS) & np.isfinite(at), done / lost, np.nan)


def loss_after_fit(about_x: np.ndarray, about_y: np.ndarray, fitted: float) -> np.ndarray:
    """I(X;T) when a share of the rise of I(T;Y) is there, minus that at the end, (..., layer)."""
    at = rise_record(about_y, fitted)[..., None]
    return at_record(about_x, at) - about_x[..., -1]


def relative_length(about_x: np.ndarray, about_y: np.ndarray, epoch: np.ndarray) -> np.ndarray:
    """Epochs from 10% to 90% of the loss of I(X;T) over those of the rise of I(T;Y), (..., layer).

    Parameters
    ----------
    about_x : (..., layer, epoch)
    about_y : (..., epoch)
        Of the output.
    epoch : (epoch,)
    """
    fit, loss = (
        epoch_at(epoch, record(curve, _DONE)) - epoch_at(epoch, record(curve, _BEGUN))
        for curve, record in ((about_y, rise_record), (about_x, loss_record))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(fit[..., None] > 0, loss / fit[..., None], np.nan)
