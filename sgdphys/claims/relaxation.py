"""Relaxation time of compression against the bits that a layer compresses from the one before."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from sgdphys.claims.estimates import Estimate
from sgdphys.errors import NotEnoughData
from sgdphys.information.onset import LEAST_LOSS, ONSET_SHARE, loss_epoch
from sgdphys.intervals import jackknife_interval

LAWS = ("exponential", "power", "linear", "no relation")
_FEWEST, _FEWEST_LAYERS = 8, 3


class Relaxation(NamedTuple):
    """Relaxation of every layer and network, (replica, layer)."""

    bits: xr.DataArray
    """Bits lost after the peak."""
    epochs: xr.DataArray
    """Epochs from a tenth of the loss to 1 - 1/e of it."""
    step: xr.DataArray
    """Bits compressed from the layer before: I(X;T_{k-1}) - I(X;T_k) at the end."""


def relaxation(I_XT: xr.DataArray) -> Relaxation:
    """Bits lost, the epochs that takes, and the bits compressed from the layer before.

    Parameters
    ----------
    I_XT : DataArray (epoch, replica, layer)
        Layers in their order.

    Notes
    -----
    NaN for layers that lose less than 0.1 bit, and the step of the first layer.
    """
    curves = I_XT.transpose("epoch", ...)
    end = curves.isel(epoch=-1, drop=True)
    values = curves.to_numpy()
    with np.errstate(invalid="ignore"):
        bits = values.max(axis=0) - values[-1]
        bits = np.where(np.isfinite(values).all(axis=0) & (bits >= LEAST_LOSS), bits, np.nan)
        took = loss_epoch(curves, 1 - np.exp(-1)) - loss_epoch(curves, ONSET_SHARE)
    lost = end.copy(data=bits)
    return Relaxation(lost, took.where(np.isfinite(bits) & (took > 0)), end.shift(layer=1) - end)


def fitted_law(law: str, bits: np.ndarray, epochs: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Epochs that a law, fitted by least squares of ln(epochs), predicts for given bits.

    Parameters
    ----------
    law : str
        One of ``LAWS``.
    bits, epochs : (pair,)
        Above 0.
    at : array
        Bits, above 0.

    Notes
    -----
    ln t = a (no relation), a + b S (exponential), a + b ln S (power), ln(a + b S) with a, b at
    least 0 (linear).
    """
    y = np.log(epochs)
    if law == "no relation":
        return np.full(np.shape(at), np.exp(y.mean()))
    if law == "linear":
        from scipy.optimize import minimize_scalar

        def shape(share: float, s: np.ndarray) -> np.ndarray:
            return np.asarray(np.log(share + (1 - share) * s / bits.mean()))

        def scatter(share: float) -> float:
            return float((y - shape(share, bits)).std())

        inside = minimize_scalar(scatter, bounds=(0.0, 1.0), method="bounded").x
        best = min((float(inside), 0.0, 1.0), key=scatter)
        return np.exp(shape(best, at) + (y - shape(best, bits)).mean())
    x, wanted = (bits, at) if law == "exponential" else (np.log(bits), np.log(at))
    slope, level = np.polyfit(x, y, 1)
    return np.exp(level + slope * wanted)


def explained(law: str, bits: np.ndarray, epochs: np.ndarray) -> float:
    """Share of the variance of ln(epochs) that a fitted law explains, R squared."""
    y = np.log(epochs)
    rest = y - np.log(fitted_law(law, bits, epochs, bits))
    return float(1 - rest.var() / y.var())


def growth_within_layers(relaxed: Relaxation) -> Estimate:
    """Factor by which the relaxation time grows with each bit, across networks within layers.

    Raises
    ------
    NotEnoughData
        For fewer than 8 pairs, or without a layer whose steps differ.

    Notes
    -----
    exp(b) of ln t = a_k + b S with a level a_k of every layer (and case), by least squares; the
    interval is a jackknife over replicas. The paper's dt_k ~ exp(dS_k) is a factor of 2 for a bit;
    without a relation it is 1, whatever layers have in common.
    """
    steps, times = _pairs(relaxed)
    has_pair = (np.isfinite(steps) & np.isfinite(times)).any(axis=1)
    steps, times = steps[has_pair], times[has_pair]
    if np.isfinite(steps * times).sum() < _FEWEST:
        raise NotEnoughData(f"fewer than {_FEWEST} layers of all networks compress measurably")

    def slope(rows: np.ndarray) -> float:
        x, y = steps[rows], times[rows]
        finite = np.isfinite(x) & np.isfinite(y)
        x, y = (_centred(v, finite) for v in (x, y))
        square = float((x**2).sum())
        return float((x * y).sum()) / square if square > 0 else np.nan

    everyone = np.arange(len(steps))
    without_each = np.array([slope(np.delete(everyone, k)) for k in everyone])
    return _factor(slope(everyone), [without_each], len(steps))


def growth_across_layers(relaxed: Relaxation) -> Estimate:
    """Factor by which the relaxation time grows with each bit, across layers and cases.

    Raises
    ------
    NotEnoughData
        For fewer than 3 layers, or where all steps are equal.

    Notes
    -----
    exp(b) of ln t = a + b S over means of networks, one for every layer and case. Layers are few,
    and the same in all networks: the interval is a jackknife over layers, counted from the input
    and the outputs of all cases as one, or over cases if that is wider, never over networks.
    """
    steps, times = (_means(v) for v in (relaxed.step, _logs(relaxed.epochs)))
    finite = np.isfinite(steps) & np.isfinite(times)
    case, layer = np.indices(finite.shape)
    output = np.where(np.isfinite(steps), layer, -1).max(axis=1)
    layer = np.where(layer == output[:, None], -1, layer)
    if len(np.unique(layer[finite])) < _FEWEST_LAYERS:
        raise NotEnoughData(f"fewer than {_FEWEST_LAYERS} layers compress measurably")

    def slope(kept: np.ndarray) -> float:
        x, y = steps[kept], times[kept]
        x, y = x - x.mean(), y - y.mean()
        square = float((x**2).sum())
        return float((x * y).sum()) / square if square > 0 else np.nan

    over = [
        np.array([slope(finite & (of != k)) for k in np.unique(of[finite])])
        for of in (layer, case)
        if len(np.unique(of[finite])) >= _FEWEST_LAYERS
    ]
    return _factor(slope(finite), over, _networks(relaxed))


def _factor(slope: float, without: list[np.ndarray], members: int) -> Estimate:
    """The exponential of a slope, with the widest of the jackknife intervals."""
    if not np.isfinite(slope):
        raise NotEnoughData("all layers compress by as many bits, so that there is no slope")
    ends = [jackknife_interval(np.array(slope), each, len(each)) for each in without]
    widest = max(range(len(ends)), key=lambda k: float(ends[k][1] - ends[k][0]))
    low, high = (float(np.exp(end)) for end in ends[widest])
    freedom = len(without[widest]) - 1
    return Estimate(float(np.exp(slope)), low, high, members, freedom=freedom)


def _pairs(relaxed: Relaxation) -> tuple[np.ndarray, np.ndarray]:
    """Steps and ln(epochs), (replica, case and layer)."""
    first, second = (
        v.transpose("replica", ...).to_numpy() for v in (relaxed.step, _logs(relaxed.epochs))
    )
    return first.reshape(len(first), -1), second.reshape(len(second), -1)


def _centred(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Values minus their mean over the first axis; 0 where they are not kept."""
    count = np.maximum(kept.sum(axis=0), 1)
    mean = np.where(kept, values, 0.0).sum(axis=0) / count
    return np.where(kept, values - mean, 0.0)


def _means(values: xr.DataArray) -> np.ndarray:
    """Means over networks (case, layer), NaN where fewer than half of the networks have a value."""
    each = values if "case" in values.dims else values.expand_dims("case")
    x = each.transpose("replica", "case", "layer").to_numpy()
    finite = np.isfinite(x)
    count = finite.sum(axis=0)
    mean = np.where(finite, x, 0.0).sum(axis=0) / np.maximum(count, 1)
    return np.where(2 * count >= finite.any(axis=2).sum(axis=0)[:, None], mean, np.nan)


def _networks(relaxed: Relaxation) -> int:
    """Networks of which a layer compresses."""
    return int(np.isfinite(_pairs(relaxed)[1]).any(axis=1).sum())


def _logs(epochs: xr.DataArray) -> xr.DataArray:
    return epochs.copy(data=np.log(epochs.where(epochs > 0).to_numpy()))
