"""Entropy production and probability currents: whether a stationary state shows time's direction.

Blocks of the path carry the uncertainty: leaving them out one by one takes the bias out and gives
the interval, running some of them backwards gives the null.
"""

import itertools
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import stdtrit

from sgdphys.arguments import checked
from sgdphys.draws import Seed, stream
from sgdphys.dynamics.series import paths
from sgdphys.dynamics.slowing.autocorrelation import require_even
from sgdphys.errors import InputError, nearest
from sgdphys.missing import numbers_of
from sgdphys.quantities import labelled, number_of
from sgdphys.status import OK, OSCILLATING, flagged

PROCESSES = ("diffusion", "chain")
_STEPS_A_COORDINATE = 20


class _Moments:
    """Sums of products at equal times and a step apart, by block."""

    def __init__(self, x: np.ndarray, blocks: int) -> None:
        """Take paths (path, point, coordinate), cut into blocks."""
        away = x - x.mean(axis=(0, 1))
        edges = np.linspace(0, x.shape[1] - 1, blocks + 1).astype(int)
        same, apart, count = [], [], []
        for path in away:
            for a, b in itertools.pairwise(edges):
                early, late = path[a:b], path[a + 1 : b + 1]
                same.append((early.T @ early + late.T @ late) / 2)
                apart.append(late.T @ early)
                count.append(b - a)
        self.same, self.apart = np.stack(same), np.stack(apart)
        self.count = np.array(count, float)

    def of(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Covariance, and that of a point with the one before, of blocks weighted (..., block)."""
        total = np.asarray(weights @ self.count)
        return (
            np.tensordot(weights, self.same, 1) / total[..., None, None],
            np.tensordot(weights, self.apart, 1) / total[..., None, None],
        )


def _production(same: np.ndarray, apart: np.ndarray, dt: float, process: str) -> np.ndarray:
    """Entropy production per unit time of stationary Gaussian processes with such covariances.

    Parameters
    ----------
    same, apart : (..., coordinate, coordinate)
        Covariance, and that of a point with the one before.
    """
    before = np.swapaxes(apart, -1, -2)
    if process == "chain":
        forward = np.block([[same, before], [apart, same]])
        backward = np.block([[same, apart], [before, same]])
        ratio = np.linalg.solve(backward, forward)
        return (0.5 * np.trace(ratio, axis1=-2, axis2=-1) - same.shape[-1]) / dt
    flow = _drift(same, apart, dt) @ same
    spread, area = _parts(flow)
    turned = np.swapaxes(area, -1, -2) @ np.linalg.solve(spread, area) @ np.linalg.inv(same)
    return np.asarray(np.trace(turned, axis1=-2, axis2=-1))


def _parts(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric and antisymmetric part."""
    turned = np.swapaxes(matrix, -1, -2)
    return (matrix + turned) / 2, (matrix - turned) / 2


def _drift(same: np.ndarray, apart: np.ndarray, dt: float) -> np.ndarray:
    """Drift matrices from their exact steps; NaN without a real logarithm."""
    step = np.swapaxes(np.linalg.solve(same, np.swapaxes(apart, -1, -2)), -1, -2)
    values, vectors = np.linalg.eig(step)
    values = values.astype(complex)
    turns = ((np.abs(values.imag) < 1e-12) & (values.real <= 0)).any(axis=-1)
    values[turns] = np.nan
    logs = (vectors * np.log(values)[..., None, :]) @ np.linalg.inv(vectors)
    return np.asarray(-logs.real / dt)


@checked
def entropy_production(
    theta: Any,
    *,
    time: Any = None,
    coordinates: str = "parameter",
    process: str = "diffusion",
    blocks: int = 20,
    resamples: int = 199,
    confidence: float = 0.95,
    rng: Seed = 0,
) -> xr.Dataset:
    """Entropy production of a stationary, linear process, and the areas its paths enclose.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced, few coordinates; all further dimensions (replica) are paths of one process. A
        bare array is (point, coordinate).
    dim, across : str
        Time, and the coordinates that move together.
    process : str
        "diffusion": a continuous process seen at intervals. "chain": a process in discrete time,
        as SGD is; per step it is what a step forward says against a step backward, which a
        continuous process seen at intervals exceeds.
    blocks : int
        Parts that each path is cut into; each must span many relaxation times.
    resamples : int
        Of the null.
    dt, per
        Where points lie in time: see ``dynamics.series.paths``.
    confidence : float
    rng : int, SeedSequence or Generator

    Returns
    -------
    Dataset
        entropy_production with ``_low`` and ``_high``, nats per unit time; p_value against blocks
        run backwards; area_rate (row, column) with its interval; count (steps), status.

    Raises
    ------
    InputError
        For uneven times, missing values, fewer than 20 steps a coordinate.

    Notes
    -----
    With drift -B x, diffusion matrix D and covariance S the paths enclose the area Q = (B S - S
    B')/2 per unit time and produce tr(Q' D^-1 Q S^-1) = tr(B' D^-1 B S) - tr B, 0 at equilibrium.
    A chain produces KL[p(x, x') || p(x', x)] a step. The jackknife over blocks takes out the bias,
    so that the estimate can be below 0. In the null every block runs forwards or backwards by
    chance; an estimate that the null reaches has an interval with 0 in it, which at equilibrium
    covers more often than it says. SGD at a minimum produces none exactly when Hessian and noise
    covariance commute.

    References
    ----------
    Seifert (2012), Rep. Prog. Phys. 75, 126001; Ghanta, Neu and Teitsworth (2017), Phys. Rev. E 95,
    032128, for areas; Roldan and Parrondo (2010), Phys. Rev. Lett. 105, 150607, for chains.
    """
    if process not in PROCESSES:
        raise InputError(f"process is {process!r}; {nearest(process, PROCESSES)}")
    series = paths(theta, time=time, coordinates=coordinates)
    if coordinates not in series.over:
        raise InputError(
            f"there is no dimension {coordinates!r}; {nearest(coordinates, series.over)}"
        )
    spacing = require_even(series, "entropy_production")
    x = numbers_of(series.theta.transpose(..., series.dim, coordinates))
    x = x.reshape(-1, *x.shape[-2:])
    if not np.isfinite(x).all():
        raise InputError("entropy_production needs values without gaps; leave diverged paths out")
    size, steps = x.shape[2], len(x) * (x.shape[1] - 1)
    if steps < _STEPS_A_COORDINATE * size or x.shape[1] <= blocks or len(x) * blocks < 5:
        raise InputError(
            f"{steps} steps in {len(x) * blocks} blocks are too few for {size} coordinates; at "
            f"least {_STEPS_A_COORDINATE * size} steps and 5 blocks are needed"
        )
    moments = _Moments(x, blocks)
    units = len(moments.count)
    everything = np.ones(units)
    without = everything - np.eye(units)
    whole = float(_production(*moments.of(everything), spacing, process))
    left = _production(*moments.of(without), spacing, process)
    estimate = units * whole - (units - 1) * left.mean()
    error = np.sqrt((units - 1) / units * ((left - left.mean()) ** 2).sum())
    reach = stdtrit(units - 1, 0.5 + confidence / 2)
    null = _reversed_null(moments, spacing, process, resamples, stream(rng))
    # near equilibrium a square errs, not a number: then the null says how much it may exceed 0
    most = np.quantile(null, confidence)
    low = estimate - reach * error if whole > most else whole - most
    high = max(estimate + reach * error, whole)
    area = _area(*moments.of(everything), spacing, process)
    areas = _area(*moments.of(without), spacing, process)
    area_error = np.sqrt((units - 1) / units * ((areas - areas.mean(axis=0)) ** 2).sum(axis=0))
    axes = ("row", "column")
    data = xr.Dataset(
        {
            "entropy_production": estimate,
            "entropy_production_low": low,
            "entropy_production_high": high,
            "p_value": (1 + (null >= whole).sum()) / (1 + resamples),
            "area_rate": (axes, area),
            "area_rate_low": (axes, area - reach * area_error),
            "area_rate_high": (axes, area + reach * area_error),
            "count": steps,
        }
    )
    data["status"] = flagged(xr.DataArray(OK if np.isfinite(estimate) else OSCILLATING))
    named = {"count": number_of("increments")}
    return labelled(data, named, x=series.value_unit, t=series.time_unit).assign_attrs(
        method=f"stationary Gaussian {process}, {units} blocks",
        reference="Seifert (2012); Ghanta, Neu and Teitsworth (2017)",
        confidence=confidence,
        interval_method="jackknife over blocks, Student's t, widened to the null near equilibrium",
    )


def _area(same: np.ndarray, apart: np.ndarray, dt: float, process: str) -> np.ndarray:
    """Area enclosed per unit time (..., row, column), antisymmetric."""
    if process == "chain":
        return -_parts(apart)[1] / dt
    return _parts(_drift(same, apart, dt) @ same)[1]


def _reversed_null(
    moments: _Moments, dt: float, process: str, resamples: int, rng: np.random.Generator
) -> np.ndarray:
    """Entropy production when every block runs forwards or backwards by chance."""
    units = len(moments.count)
    same, apart = moments.of(np.ones(units))
    even = _parts(apart)[0]
    odd = _parts(moments.apart)[1] / moments.count.sum()
    signs = rng.choice([-1.0, 1.0], (resamples, units))
    turned = even + np.tensordot(signs, odd, 1)
    return _production(np.broadcast_to(same, turned.shape), turned, dt, process)
