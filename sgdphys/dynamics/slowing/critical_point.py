"""Divergence of a relaxation time at a critical point: location and exponent in one fit."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.optimize import minimize_scalar
from scipy.special import stdtrit

from sgdphys.arguments import checked
from sgdphys.containers import array_of, finite_array, units_of
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.glossary import Quantity
from sgdphys.quantities import labelled
from sgdphys.status import END_OF_RANGE, NO_DIVERGENCE, OK, flagged

FEWEST = 6
"""Minimum number of points for a location, an exponent and amplitudes with errors."""
_AT_END = 1e-4
"""Distance from an end of the range, as a share of it, within which a fit is at that end."""
_NEAR = 3.0
"""Scatter about the fit by which a time may be below the largest one, in multiples of it."""
_AMBIGUOUS = 2.0
"""Factor by which the misfit of another fit may be larger, for both to be possible."""
_TRIALS, _LEAST_TRIALS = 60, 6
"""Critical points that are tried in all, and between two controls."""
_RESIDUAL = Quantity(
    "1", "residual of the power law", "", "root mean square of ln(relaxation time) about the fit"
)


def _design(r: np.ndarray, critical: float) -> np.ndarray:
    """Columns of ln tau: -ln|r - r_c|, and for each side an amplitude and its first correction."""
    deviation = (r - critical) / abs(critical)
    columns = [-np.log(np.abs(r - critical))]
    for side in (deviation < 0, deviation > 0):
        if side.any():
            columns.append(side.astype(float))
            if side.sum() > 3:  # fewer points would be met exactly
                columns.append(np.where(side, deviation, 0.0))
    return np.stack(columns, axis=1)


def _misfit(critical: float, r: np.ndarray, logs: np.ndarray) -> float:
    if np.abs(r - critical).min() < 1e-12 * abs(critical):
        return np.inf
    x = _design(r, critical)
    slope, *_ = np.linalg.lstsq(x, logs, rcond=None)
    # for each degree of freedom: the number of columns depends on the side of a point
    return float(((logs - x @ slope) ** 2).sum() / max(len(r) - x.shape[1] - 1, 1))


@checked
def critical_point(
    control: Any,
    relaxation_time: Any,
    *,
    between: tuple[float, float] | None = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Critical point and exponent of a diverging relaxation time (critical slowing down).

    Parameters
    ----------
    control, relaxation_time : array (point,)
        Control parameter r, and relaxation times tau > 0.
    between : (float, float), optional
        Range in which r_c is searched; by default the intervals next to the controls whose times
        may be the largest, given the scatter about the fit, and the width of all controls beyond
        them where one of those is the first or last control.
    confidence : float
        Level of the intervals.

    Returns
    -------
    Dataset
        critical, in the unit of ``control``, and exponent, each with ``_low`` and ``_high``;
        residual, the root mean square of ln tau about the fit; status. All are single numbers. At
        an end of the range of the search, and where r_c is found between two controls but may as
        well lie beyond all of them ("at the end of the range"), critical has an open interval, -inf
        or inf, and exponent none. Where the interval of the exponent is not above 0 ("no
        divergence"), that of critical is open on both sides.

    Raises
    ------
    InputError
        For times that are not positive, or arrays of unequal length.
    NotEnoughData
        For fewer than 6 points.

    See Also
    --------
    relaxation_time : Relaxation times of series.
    early_warning : Trends before a transition whose location is not known.
    sgdphys.information.bottleneck_relaxation : Critical slowing down of Blahut-Arimoto iterations.

    Notes
    -----
    tau ~ |r - r_c|**(-nu): least squares of ln tau = a - nu ln|r - r_c| + b (r -
    r_c)/|r_c|, a and b separate on each side of r_c, nu common to both; r_c by profile. Intervals
    are jackknife over points with Student's t, valid where the errors of the points are
    independent. Counted in 60 scans each of 6, 10 and 30 points at 1 to 25% of r_c from it: of flat
    times 1% are "ok"; with errors of 2 to 30% on both sides each interval holds in 88 to 100% of
    those that are "ok", with 2 and 10% on one side in 91 to 100%. With 30% on one side one in
    twenty is "ok", most of those wrong: give more precise times, or controls on both sides of r_c.

    References
    ----------
    Strogatz (2015), "Nonlinear dynamics and chaos", section 3.4, for the exponent 1 of a pitchfork.

    Examples
    --------
    Two-layer linear networks of unit weight decay have a pitchfork at signal 1, with exponent 1:

    >>> import sgdphys as sp
    >>> signal = [0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.2, 1.3, 1.4, 1.5]
    >>> tau = [sp.processes.pitchfork_time(s) for s in signal]
    >>> found = sp.dynamics.critical_point(signal, tau)
    >>> round(found["critical"].item(), 3), round(found["exponent"].item(), 3)
    (1.0, 1.0)
    """
    r, tau = (
        np.asarray(array_of(v, name), np.float64).ravel()
        for v, name in ((control, "control"), (relaxation_time, "relaxation_time"))
    )
    if r.shape != tau.shape:
        raise InputError(
            f"control has {len(r)} values and relaxation_time {len(tau)}; they must be equally many"
        )
    wrong = np.flatnonzero(~(np.isfinite(r) & np.isfinite(tau) & (tau > 0)))
    if len(wrong):
        raise InputError(
            f"the relaxation time at control {r[wrong[0]]:g} is {tau[wrong[0]]:g}; it must be "
            "finite and above 0: take the median of replicas, or leave the point out"
        )
    if len(r) < FEWEST:
        raise NotEnoughData(
            f"{len(r)} points are too few for r_c and nu; at least {FEWEST} are needed"
        )
    order = np.argsort(r)
    r, logs = r[order], np.log(tau[order])
    low, high = _range_of_search(r, logs) if between is None else _range_given(between)
    best = _fit(r, logs, low, high)
    jackknife = np.array(
        [_fit(np.delete(r, k), np.delete(logs, k), low, high) for k in range(len(r))]
    )
    n = len(r)
    error = np.sqrt((n - 1) / n * ((jackknife - jackknife.mean(axis=0)) ** 2).sum(axis=0))
    half_width = stdtrit(n - 1, 0.5 + confidence / 2) * error
    data: dict[str, Any] = {}
    for k, name in enumerate(("critical", "exponent")):
        data |= {
            name: best[k],
            f"{name}_low": best[k] - half_width[k],
            f"{name}_high": best[k] + half_width[k],
        }
    x = _design(r, best[0])
    rest = logs - x @ np.linalg.lstsq(x, logs, rcond=None)[0]
    data["residual"] = float(np.sqrt((rest**2).mean()))
    is_open = _may_lie_beyond(r, logs, best[0], low, high)
    if any(is_open):
        data |= {"exponent_low": np.nan, "exponent_high": np.nan}
        data |= {"critical_low": -np.inf} if is_open[0] else {}
        data |= {"critical_high": np.inf} if is_open[1] else {}
    status = END_OF_RANGE if any(is_open) else OK
    if status == OK and not data["exponent_low"] > 0:  # without slowing down it lies anywhere
        status = NO_DIVERGENCE
        data |= {"critical_low": -np.inf, "critical_high": np.inf}
    data["status"] = flagged(xr.DataArray(status))
    found = xr.Dataset(
        data,
        attrs={
            "method": "least squares of ln tau, r_c by profile",
            "reference": "Strogatz (2015), section 3.4",
            "confidence": confidence,
            "interval_method": "jackknife over points",
        },
    )
    unit = units_of(control) or getattr(control, "attrs", {}).get("units", "1")
    return labelled(found, {"residual": _RESIDUAL}, x=str(unit))


def _may_lie_beyond(
    r: np.ndarray, logs: np.ndarray, critical: float, low: float, high: float
) -> tuple[bool, bool]:
    """Whether r_c is at the lower or upper end of the range, or may as well be beyond all controls.

    With large errors the best fit may lie between two controls though all are on one side of r_c.
    """
    most = _AMBIGUOUS * _misfit(critical, r, logs)
    is_between = r[0] < critical < r[-1]

    def is_open(end: float, first: float, last: float) -> bool:
        if abs(critical - end) < _AT_END * (high - low):
            return True
        fits = is_between and first < last
        return fits and _misfit(_fit(r, logs, first, last)[0], r, logs) <= most

    return is_open(low, low, r[0]), is_open(high, r[-1], high)


def _range_given(between: Any) -> tuple[float, float]:
    """The range that was given for r_c: two numbers, the lower one first."""
    ends = finite_array(between, "between")
    if ends.shape != (2,) or not ends[0] < ends[1]:
        raise InputError(f"between is {between}; it must be two numbers, the lower one first")
    return float(ends[0]), float(ends[1])


def _range_of_search(r: np.ndarray, logs: np.ndarray) -> tuple[float, float]:
    """Range of r around the controls whose times may be the largest, given the scatter.

    With errors the largest time may be that of a control some way from r_c. All controls count
    whose time reaches the largest one within 3 times the scatter about the fit, which is made again
    until no further control does.
    """
    controls = np.unique(r)
    if len(controls) < 2:
        raise NotEnoughData(f"all controls are {controls[0]:g}; times at several are needed")
    largest = np.array([logs[r == control].max() for control in controls])
    width = controls[-1] - controls[0]
    wider = np.concatenate([[controls[0] - width], controls, [controls[-1] + width]])
    least, found = logs.max(), None
    while True:
        near = np.flatnonzero(largest >= least)
        low, high = wider[near[0]], wider[near[-1] + 2]
        if near[-1] == 0:
            high = controls[0]
        elif near[0] == len(controls) - 1:
            low = controls[-1]
        if (low, high) == found:
            return float(low), float(high)
        found = low, high
        scatter = np.sqrt(_misfit(_fit(r, logs, low, high)[0], r, logs))
        least = min(least, logs.max() - _NEAR * scatter)


def _fit(r: np.ndarray, logs: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """Critical point within a range, and the exponent there."""
    # between each two controls the misfit may have a minimum of its own
    places = np.concatenate([[low], np.unique(r[(r > low) & (r < high)]), [high]])
    many = max(_LEAST_TRIALS, _TRIALS // (len(places) - 1))
    inside = (np.arange(many) + 0.5) / many
    grid = (places[:-1, None] + np.diff(places)[:, None] * inside).ravel()
    k = int(np.argmin([_misfit(c, r, logs) for c in grid]))
    grid = np.concatenate([[low], grid, [high]])
    found = minimize_scalar(
        _misfit, bounds=(grid[k], grid[k + 2]), args=(r, logs), method="bounded",
        options={"xatol": 1e-12},
    )  # fmt: skip
    x = _design(r, found.x)
    return float(found.x), float(np.linalg.lstsq(x, logs, rcond=None)[0][0])
