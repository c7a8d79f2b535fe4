"""Compression time against bits lost: exponential, power and linear laws by likelihood."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from sgdphys.claims.estimates import Estimate
from sgdphys.dynamics.intervals import jackknife_interval
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.information.onset import LEAST_LOSS, ONSET_SHARE, compression, loss_epoch

LAWS = ("exponential", "power", "linear")
_FEWEST = 8


class Relaxation(NamedTuple):
    """Bits each layer loses after its peak, and the epochs it takes, both (replica, layer)."""

    bits: xr.DataArray
    epochs: xr.DataArray


def relaxation(I_XT: xr.DataArray) -> Relaxation:
    """Bits lost, and the epochs from a tenth of the loss to 1 - 1/e of it.

    Parameters
    ----------
    I_XT : DataArray (epoch, replica, layer)

    Notes
    -----
    NaN for layers that lose less than 0.1 bit.
    """
    found = compression(I_XT)
    lost = found["bits_lost"].where(found["bits_lost"] >= LEAST_LOSS)
    took = loss_epoch(I_XT, 1 - np.exp(-1)) - loss_epoch(I_XT, ONSET_SHARE)
    return Relaxation(lost, took.where(lost.notnull() & (took > 0)))


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
    ln t = a + b S (exponential), a + b ln S (power), ln(a + b S) with a, b at least 0 (linear): two
    parameters each.
    """
    y = np.log(epochs)
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


def misfit(law: str, bits: np.ndarray, epochs: np.ndarray) -> float:
    """Root mean square deviation of ln(epochs) from a law; see ``fitted_law``.

    With log-normal scatter the log-likelihood is -n ln(misfit) plus a constant.
    """
    deviation = np.log(epochs) - np.log(fitted_law(law, bits, epochs, bits))
    return float(np.sqrt(np.mean(deviation**2)))


def exponential_advantage(relaxed: Relaxation) -> Estimate:
    """Log-likelihood per pair of the exponential law minus that of the better of the other two.

    Raises
    ------
    InputError
        For several cases of a sweep.
    NotEnoughData
        For fewer than 8 pairs.

    Notes
    -----
    Layers and replicas are pooled; the interval is a jackknife over replicas.
    """
    if "case" in relaxed.bits.dims:
        raise InputError("a relaxation law needs one case; choose one in 'where'")
    bits, epochs = (v.transpose("replica", "layer").to_numpy() for v in relaxed)
    # networks without a pair are neither drawn nor counted
    has_pair = (np.isfinite(bits) & np.isfinite(epochs)).any(axis=1)
    bits, epochs = bits[has_pair], epochs[has_pair]

    def advantage(rows: np.ndarray) -> float:
        s, t = bits[rows], epochs[rows]
        finite = np.isfinite(s) & np.isfinite(t)
        if finite.sum() < _FEWEST:
            return np.nan
        exponential, power, linear = (misfit(law, s[finite], t[finite]) for law in LAWS)
        with np.errstate(divide="ignore", invalid="ignore"):  # a law that fits exactly
            return float(np.log(min(power, linear)) - np.log(exponential))

    replicas = len(bits)
    if np.isfinite(bits * epochs).sum() < _FEWEST:
        raise NotEnoughData(f"fewer than {_FEWEST} layers of all networks compress measurably")
    value = advantage(np.arange(replicas))
    if not np.isfinite(value):
        raise NotEnoughData("all times are equal, so no law can be distinguished")
    everyone = np.arange(replicas)
    without_each = np.array([advantage(np.delete(everyone, k)) for k in everyone])
    low, high = jackknife_interval(np.array(value), without_each, replicas)
    return Estimate(value, float(low), float(high), replicas)
