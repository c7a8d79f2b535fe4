"""Entropy production and probability currents: irreversibility of a stationary process.

Uncertainty comes from blocks of the path: the jackknife over blocks subtracts the bias and gives
the interval; reversing randomly chosen blocks in time gives the null, and the interval near it.
"""

import itertools
from typing import Any

import numpy as np
import xarray as xr
from scipy.optimize import brentq
from scipy.special import chdtri, chndtr, stdtrit

from sgdphys.arguments import checked, require_whole
from sgdphys.draws import Seed, stream
from sgdphys.dynamics.diffusion.coordinates import (
    names_left_out,
    what_moves,
    with_left_out,
)
from sgdphys.dynamics.series import paths
from sgdphys.dynamics.slowing.autocorrelation import require_even
from sgdphys.dynamics.status import precision_of
from sgdphys.errors import InputError, nearest
from sgdphys.missing import numbers_of
from sgdphys.quantities import labelled, number_of
from sgdphys.status import CONSTANT, LEFT_OUT, OK, OSCILLATING, PATHS_LEFT_OUT, flagged

PROCESSES = ("diffusion", "chain")
_STEPS_PER_COORDINATE = 20
_FAR = 100.0
"""Multiple of the mean of the null from which on the jackknife gives the interval."""
_SCATTER = 199
"""Least number of samples for the degrees of freedom of the null."""
_NAMES = ("entropy_production", "entropy_production_low", "entropy_production_high", "p_value")


class _Moments:
    """Sums of products at equal times and one step apart, by block."""

    def __init__(self, x: np.ndarray, blocks: int) -> None:
        """Take paths (path, point, coordinate), cut into blocks."""
        deviation = x - x.mean(axis=(0, 1))
        edges = np.linspace(0, x.shape[1] - 1, blocks + 1).astype(int)
        equal_time, lagged, count = [], [], []
        for path in deviation:
            for a, b in itertools.pairwise(edges):
                early, late = path[a:b], path[a + 1 : b + 1]
                equal_time.append((early.T @ early + late.T @ late) / 2)
                lagged.append(late.T @ early)
                count.append(b - a)
        self.equal_time, self.lagged = np.stack(equal_time), np.stack(lagged)
        self.count = np.array(count, float)

    def of(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Covariance at equal times and at lag 1, of blocks with weights (..., block)."""
        total = np.asarray(weights @ self.count)
        return (
            np.tensordot(weights, self.equal_time, 1) / total[..., None, None],
            np.tensordot(weights, self.lagged, 1) / total[..., None, None],
        )


def _production(equal_time: np.ndarray, lagged: np.ndarray, dt: float, process: str) -> np.ndarray:
    """Entropy production per unit time of stationary Gaussian processes.

    Parameters
    ----------
    equal_time, lagged : (..., coordinate, coordinate)
        Covariance at equal times, and of a point with the one before.
    """
    before = np.swapaxes(lagged, -1, -2)
    if process == "chain":
        forward = np.block([[equal_time, before], [lagged, equal_time]])
        backward = np.block([[equal_time, lagged], [before, equal_time]])
        ratio = np.linalg.solve(backward, forward)
        return (0.5 * np.trace(ratio, axis1=-2, axis2=-1) - equal_time.shape[-1]) / dt
    flow = _drift(equal_time, lagged, dt) @ equal_time
    diffusion, area = _parts(flow)
    current = np.swapaxes(area, -1, -2) @ np.linalg.solve(diffusion, area)
    return np.asarray(np.trace(current @ np.linalg.inv(equal_time), axis1=-2, axis2=-1))


def _parts(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric and antisymmetric part."""
    transposed = np.swapaxes(matrix, -1, -2)
    return (matrix + transposed) / 2, (matrix - transposed) / 2


def _drift(equal_time: np.ndarray, lagged: np.ndarray, dt: float) -> np.ndarray:
    """Drift matrices as logarithms of step matrices; NaN without a real logarithm."""
    step = np.swapaxes(np.linalg.solve(equal_time, np.swapaxes(lagged, -1, -2)), -1, -2)
    values, vectors = np.linalg.eig(step)
    values = values.astype(complex)
    has_no_logarithm = ((np.abs(values.imag) < 1e-12) & (values.real <= 0)).any(axis=-1)
    values[has_no_logarithm] = np.nan
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
    """Entropy production rate (irreversibility) and probability currents of a stationary process.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced paths of a few coordinates, in units x, without missing values; all further
        dimensions (replica) are paths of one process, with one mean: of paths with means or axes of
        their own take each alone. An array without names is (point, coordinate).
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    coordinates : str
        Dimension of the vector whose components are coupled.
    process : str
        "diffusion": a process in continuous time, observed at intervals. "chain": a process in
        discrete time, as SGD is: the Kullback-Leibler divergence of a step from the reversed step,
        which is a lower bound for a continuous process observed at intervals.
    blocks : int
        Number of blocks that each path is cut into; each must span many relaxation times.
    resamples : int
        Number of samples of the null.
    confidence : float
        Level of the intervals, between 0 and 1.
    rng : int, SeedSequence or Generator
        Random numbers of the null: see ``sgdphys.draws``.

    Returns
    -------
    Dataset
        entropy_production, in nats/t, with ``_low`` and ``_high``; p_value, of the null that time
        has no direction; area_rate (row, column), in x**2/t, with ``_low`` and ``_high``; count
        (increments); status. Coordinates that do not move, or that are linear functions of those
        before them, are left out and named, as by ``fit_langevin``.

    Raises
    ------
    InputError
        For an unknown process or dimension, uneven times, missing values, fewer than 20 steps per
        coordinate, or fewer than 5 blocks.

    See Also
    --------
    fit_langevin : Drift and diffusion matrix of the same process.
    entropy_balance : Entropy of an ensemble during training.

    Notes
    -----
    The process is taken to be linear and Gaussian. With drift -B x, diffusion matrix D and
    covariance S, paths enclose the area Q = (B S - S B')/2 per unit time and produce the entropy
    tr(Q' D^-1 Q S^-1) = tr(B' D^-1 B S) - tr B, which is 0 at equilibrium (detailed balance). A
    chain produces KL[p(x, x') || p(x', x)] per step. The jackknife over blocks subtracts the bias,
    so that the estimate can be negative. In the null the direction of time is chosen at random for
    every block. Entropy production cannot be negative: its interval is closed at 0, or at the
    estimate where that is below 0. Near equilibrium the production is quadratic in the area, and
    the jackknife fails: up to 100 times the mean that the scatter of blocks alone would give, the
    interval is that of a noncentral chi-squared distribution with that scatter. Counted for 2 and 3
    coordinates from 0 to 32 nats per relaxation time, 500 to 10^4 points that span 25 to 500 of
    them, the interval holds the truth in 93.8% to 97.5% of paths. SGD at a minimum produces no
    entropy exactly when Hessian and noise covariance commute.

    References
    ----------
    Seifert (2012), Rep. Prog. Phys. 75, 126001; Ghanta, Neu and Teitsworth (2017), Phys. Rev. E 95,
    032128, for areas; Roldan and Parrondo (2010), Phys. Rev. Lett. 105, 150607, for chains.

    Examples
    --------
    >>> import sgdphys as sp
    >>> data = sp.processes.rotating_langevin(rotation=2.0, kappa=1.0, dt=0.05, steps=10_000, rng=0)
    >>> found = sp.dynamics.entropy_production(data["theta"], time="time")
    >>> exact = 8.0  # 2 rotation**2/kappa
    >>> names = ("entropy_production_low", "entropy_production_high")
    >>> low, high = (found[name].item() for name in names)
    >>> low < exact < high, found["p_value"].item()
    (True, 0.005)
    """
    if process not in PROCESSES:
        raise InputError(f"process is {process!r}; {nearest(process, PROCESSES)}")
    require_whole(blocks, "blocks", 1)
    series = paths(theta, time=time, coordinates=coordinates)
    if coordinates not in series.over:
        raise InputError(
            f"there is no dimension {coordinates!r}; {nearest(coordinates, series.over)}"
        )
    spacing = require_even(series, "entropy_production")
    x = numbers_of(series.theta.transpose(..., series.dim, coordinates))
    x = x.reshape(-1, *x.shape[-2:])
    if not np.isfinite(x).all():
        raise InputError(
            "entropy_production needs values without gaps; leave out paths that diverged"
        )
    moving, kept = what_moves(x, series.times, precision_of(series.theta.dtype))
    x = x[moving]
    size, steps = x.shape[2], len(x) * (x.shape[1] - 1)
    if steps < _STEPS_PER_COORDINATE * size or x.shape[1] <= blocks or len(x) * blocks < 5:
        raise InputError(
            f"{steps} steps in {len(x) * blocks} blocks are too few for {size} coordinates; at "
            f"least {_STEPS_PER_COORDINATE * size} steps and 5 blocks are needed"
        )
    values = dict.fromkeys(_NAMES, np.nan)
    area = np.full((3, kept.sum(), kept.sum()), np.nan)
    status = CONSTANT
    if kept.any():
        moments = _Moments(x[..., kept], blocks)
        values = _with_interval(moments, spacing, process, resamples, confidence, stream(rng))
        area = _area_with_interval(moments, spacing, process, confidence)
        status = PATHS_LEFT_OUT if not moving.all() else OK if kept.all() else LEFT_OUT
        status = status if np.isfinite(values["entropy_production"]) else OSCILLATING
    axes = ("row", "column")
    data = xr.Dataset(
        values
        | {
            f"area_rate{end}": (axes, with_left_out(v, kept))
            for end, v in zip(("", "_low", "_high"), area, strict=True)
        }
        | {"count": steps}
    )
    data["status"] = flagged(xr.DataArray(status))
    named = {"count": number_of("increments")}
    return labelled(data, named, x=series.value_unit, t=series.time_unit).assign_attrs(
        method=f"stationary Gaussian {process}, {len(x) * blocks} blocks",
        reference="Seifert (2012); Ghanta, Neu and Teitsworth (2017)",
        confidence=confidence,
        left_out=names_left_out(series.theta, coordinates, kept),
        paths_left_out=int((~moving).sum()),
        interval_method="noncentral chi-squared, scaled by the scatter of blocks; far from "
        "equilibrium jackknife over blocks, Student's t",
    )


def _with_interval(
    moments: _Moments, dt: float, process: str, resamples: int, confidence: float,
    rng: np.random.Generator,
) -> dict[str, float]:  # fmt: skip
    """Entropy production, its interval and its p-value; NaN without a real logarithm."""
    units, size = len(moments.count), moments.equal_time.shape[-1]
    all_blocks = np.ones(units)
    plug_in = float(_production(*moments.of(all_blocks), dt, process))
    leave_one_out = _production(*moments.of(all_blocks - np.eye(units)), dt, process)
    if not np.isfinite([plug_in, *leave_one_out]).all():
        return dict.fromkeys(_NAMES, np.nan)
    estimate = units * plug_in - (units - 1) * leave_one_out.mean()
    error = np.sqrt((units - 1) / units * ((leave_one_out - leave_one_out.mean()) ** 2).sum())
    t = stdtrit(units - 1, 0.5 + confidence / 2)
    odd = _parts(moments.lagged)[1]
    null = _signed(moments, odd, rng.choice([-1.0, 1.0], (resamples, units)), dt, process)
    # without the mean current, which would add to the scatter of blocks
    centred = (odd - odd.mean(axis=0)) * np.sqrt(units / (units - 1))
    # quadratic in the areas: with random signs the blocks add up
    scatter = _signed(moments, centred, np.eye(units), dt, process).sum()
    low, high = max(estimate - t * error, 0.0), estimate + t * error
    if size > 1 and plug_in < _FAR * scatter:  # one coordinate encloses no area
        freedom = 1.0
        if size > 2:
            signs = rng.choice([-1.0, 1.0], (max(resamples, _SCATTER), units))
            drawn = _signed(moments, centred, signs, dt, process)
            freedom = np.clip(2 * scatter**2 / drawn.var(), 1, size * (size - 1) / 2)
        low, high = _near_equilibrium(plug_in, scatter, float(freedom), confidence)
    p_value = (1 + (null >= plug_in).sum()) / (1 + resamples)
    values = (estimate, min(low, estimate), max(high, estimate), p_value)
    return dict(zip(_NAMES, values, strict=True))


def _near_equilibrium(
    found: float, scatter: float, freedom: float, confidence: float
) -> tuple[float, float]:
    """Interval of a quadratic form in areas, whose mean without a mean area is ``scatter``.

    The form is s**2 times noncentral chi-squared, with s**2 and the degrees of freedom from the
    first two moments without a mean area (Satterthwaite). s**2 times the noncentrality is the
    true value.
    """
    scale, tail = scatter / freedom, (1 - confidence) / 2

    def noncentrality(x: float, chance: float) -> float:
        if chndtr(x, freedom, 0) <= chance:
            return 0.0
        most = (np.sqrt(x) + 10.0) ** 2
        return float(brentq(lambda m: chndtr(x, freedom, m) - chance, 0, most))

    x = max(found, 0.0) / scale  # rounding may be negative
    # a value below the middle of the null says no more than the middle itself
    upper = noncentrality(max(x, chdtri(freedom, 0.5)), tail)
    return scale * noncentrality(x, 1 - tail), scale * upper


def _area_with_interval(
    moments: _Moments, dt: float, process: str, confidence: float
) -> np.ndarray:
    """Area rate and the ends of its interval (3, row, column), by jackknife over blocks."""
    units = len(moments.count)
    all_blocks = np.ones(units)
    area = _area(*moments.of(all_blocks), dt, process)
    areas = _area(*moments.of(all_blocks - np.eye(units)), dt, process)
    error = np.sqrt((units - 1) / units * ((areas - areas.mean(axis=0)) ** 2).sum(axis=0))
    half_width = stdtrit(units - 1, 0.5 + confidence / 2) * error
    return np.stack([area, area - half_width, area + half_width])


def _area(equal_time: np.ndarray, lagged: np.ndarray, dt: float, process: str) -> np.ndarray:
    """Area enclosed per unit time (..., row, column), antisymmetric."""
    if process == "chain":
        return -_parts(lagged)[1] / dt
    return _parts(_drift(equal_time, lagged, dt) @ equal_time)[1]


def _signed(
    moments: _Moments, odd: np.ndarray, signs: np.ndarray, dt: float, process: str
) -> np.ndarray:
    """Entropy production when odd parts (block, row, column) have signs (sample, block)."""
    equal_time, lagged = moments.of(np.ones(len(moments.count)))
    signed = _parts(lagged)[0] + np.tensordot(signs, odd / moments.count.sum(), 1)
    return _production(np.broadcast_to(equal_time, signed.shape), signed, dt, process)
