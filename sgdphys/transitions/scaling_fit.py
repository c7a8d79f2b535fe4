"""Search of critical point, exponents and window of a scan: from nothing to the best fit."""

from typing import NamedTuple

import numpy as np

from sgdphys.transitions.collapse_quality import collapse_quality
from sgdphys.transitions.master_curve import Fit, Points, curves, fitted
from sgdphys.transitions.moments import means_with_errors
from sgdphys.transitions.samples import Samples

WINDOWS = (1.25, 1.0, 0.8)
"""Half-widths of windows that are tried, in units of the master curve over its slope."""
_DEGREE, _PER_DEGREE = 8, 6
"""Largest degree of the master curve, and points that a degree needs."""
_CORRECTION_DEGREE, _PER_CORRECTION = 3, 15
CORRECTION = 1.0
"""Expected size of coefficients of the correction at the mean size, over the master curve."""
_ROUGH = 3.0
"""Half-width of the window in which a search starts, in the same unit."""
LEAST_P = 0.05
"""A window is narrowed while the misfit has a smaller p-value."""
NO_QUALITY = 1e30
"""S of parameters without a collapse in a search; finite, so that values can be subtracted."""
_STARTS = 4
_NEIGHBOURS = 4
"""Points on either side over which a variance is averaged."""


class Scan(NamedTuple):
    """Points of a scan, size after size, the control parameter ascending within each."""

    log_size: np.ndarray
    control: np.ndarray
    order: np.ndarray
    error: np.ndarray
    place: np.ndarray
    """Index of the size."""
    variance: np.ndarray
    """Of the samples at a point."""
    members: np.ndarray
    """Number of samples at a point."""

    known: np.ndarray
    """(size, control): where the points are that a scan has."""

    def part(self, chosen: np.ndarray) -> "Scan":
        """Return some of the points."""
        columns = {name: getattr(self, name)[chosen] for name in self._fields if name != "known"}
        return self._replace(**columns)


class Scaling(NamedTuple):
    """The best fit of a scan."""

    fit: Fit
    points: Points
    part: Scan
    """Points in the window, with the errors of the fit."""
    chosen: np.ndarray
    """Which points of the scan lie in the window."""
    window: float
    """Half-width of the window, in units of the master curve over its slope."""
    p_value: float


def scan_of(values: np.ndarray, samples: Samples) -> Scan:
    """Points of a scan with at least two samples that differ somewhere near."""
    order, error = means_with_errors(values)
    known = np.isfinite(order) & (error > 0) & np.isfinite(samples.controls)
    place = np.nonzero(known)[0]
    finite = np.isfinite(values[known])
    count = finite.sum(axis=-1)
    mean = order[known]
    square = np.where(finite, (values[known] - mean[:, None]) ** 2, 0.0).sum(axis=-1)
    log_size = np.log(samples.sizes) - np.log(samples.sizes).mean()
    return Scan(
        log_size[place], samples.controls[known], mean, error[known], place,
        square / (count - 1), count, known,
    )  # fmt: skip


def first_of(scan: Scan) -> np.ndarray:
    """Index of the first point of each size, and the number of points."""
    starts = np.flatnonzero(np.diff(scan.place, prepend=-1))
    return np.append(starts, len(scan.place))


def quality_at(
    parameters: np.ndarray, scan: Scan, correction: np.ndarray | float = 0.0
) -> tuple[float, int]:
    """Quality S of a scan for a critical point, ln(1/nu) and beta/nu, and the points it rests on.

    ``correction`` is taken off the scaled order parameter.
    """
    critical, log_inverse, exponent = parameters[:3]
    x = (scan.control - critical) * np.exp(np.exp(log_inverse) * scan.log_size)
    scale = np.exp(exponent * scan.log_size)
    return collapse_quality(x, scan.order * scale - correction, scan.error * scale, first_of(scan))


def smallest_quality(
    scan: Scan, starts: np.ndarray, exponent_order: float | None, *, steps: int = 200
) -> tuple[np.ndarray, float]:
    """Parameters at the minimum of S, and S there, by Nelder and Mead's method from each start.

    A collapse that leaves few points with neighbours is no good collapse, however small S: the
    number of points over those with neighbours multiplies S in the search.
    """
    from scipy.optimize import minimize

    span = scan.control.max() - scan.control.min()
    unit = np.array([0.05 * span, 0.2, 0.1])
    free = 3 if exponent_order is None else 2

    def whole(v: np.ndarray) -> np.ndarray:
        return np.append(v[:free] * unit[:free], [] if free == 3 else [exponent_order])

    def cost(v: np.ndarray) -> float:
        parameters = whole(v)
        if abs(parameters[1]) > 3.5:
            return NO_QUALITY
        s, used = quality_at(parameters, scan)
        return s * len(scan.order) / used if used and np.isfinite(s) else NO_QUALITY

    best = None
    for start in starts:
        found = minimize(
            cost, start[:free] / unit[:free], method="Nelder-Mead",
            options={"maxfev": steps, "xatol": 1e-3, "fatol": 1e-3, "initial_simplex": None},
        )  # fmt: skip
        if best is None or found.fun < best.fun:
            best = found
    assert best is not None
    parameters = whole(best.x)
    return parameters, quality_at(parameters, scan)[0]


def uncertain_quality(
    best: np.ndarray, scan: Scan, exponent_order: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the ranges in which S is below its minimum plus 1, the other parameters held.

    NaN for a parameter that is held fixed, and where S does not rise by 1 in the search.
    """
    least = quality_at(best, scan)[0]
    span = scan.control.max() - scan.control.min()
    ends = np.full((2, 3), np.nan)
    for k in range(3 if exponent_order is None else 2):
        for side, sign in enumerate((-1.0, 1.0)):

            def excess(step: float, k: int = k, sign: float = sign) -> float:
                moved = best.copy()
                moved[k] += sign * step
                return quality_at(moved, scan)[0] - least - 1

            far = (span if k == 0 else 1.0) * 1e-3
            while excess(far) < 0 and far < (span if k == 0 else 4.0):
                far *= 1.5
            if not np.isfinite(excess(far)) or excess(far) < 0:
                continue
            near = 0.0
            for _ in range(25):
                middle = (near + far) / 2
                near, far = (middle, far) if excess(middle) < 0 else (near, middle)
            ends[side, k] = best[k] + sign * far
    return ends[0], ends[1]


def starting_points(scan: Scan, exponent_order: float | None) -> np.ndarray:
    """Parameters (start, 3) with the smallest S on a grid of critical points and exponents.

    For each critical point beta/nu follows from a power law of the order parameter in the size.
    """
    sizes = np.unique(scan.place)
    logs = np.array([scan.log_size[scan.place == k][0] for k in sizes])
    criticals = np.linspace(scan.control.min(), scan.control.max(), 27)[1:-1]
    floor = np.maximum(scan.order, 0.5 * scan.error)
    there = np.stack([
        np.interp(criticals, scan.control[at], np.log(floor[at]), left=np.nan, right=np.nan)
        for at in (scan.place == k for k in sizes)
    ])  # fmt: skip
    known = np.isfinite(there)
    found = []
    for column, critical in enumerate(criticals):
        at = known[:, column]
        if at.sum() < 3:
            continue
        exponent = exponent_order
        if exponent is None:
            exponent = -np.polyfit(logs[at], there[at, column], 1)[0]
        for inverse in np.geomspace(0.1, 3.0, 14):
            parameters = np.array([critical, np.log(inverse), exponent])
            s, used = quality_at(parameters, scan)
            if used:
                found.append((s * len(scan.order) / used, *parameters))
    ordered = np.array(sorted(found)).reshape(-1, 4)
    return ordered[:_STARTS, 1:]


def _scale_of(parameters: np.ndarray, scan: Scan) -> tuple[float, float]:
    """The master curve over its slope at the critical point, from a line through near points."""
    u = (scan.control - parameters[0]) * np.exp(np.exp(parameters[1]) * scan.log_size)
    y = scan.order * np.exp(parameters[2] * scan.log_size)
    near = np.argsort(np.abs(u))[: max(4 * len(np.unique(scan.place)), 8)]
    slope, middle = np.polyfit(u[near], y[near], 1)
    return float(abs(middle)), float(abs(middle / slope)) if slope else np.inf


def _with_smooth_errors(scan: Scan, parameters: np.ndarray) -> Scan:
    """Errors from variances that are averaged over near points of the collapse.

    A point that is low by chance has in many scans, as in counts of successes, a variance that is
    low as well: with its own error it would have too large a weight, and pull the curve down.
    """
    x = (scan.control - parameters[0]) * np.exp(np.exp(parameters[1]) * scan.log_size)
    squared = np.exp(2 * parameters[2] * scan.log_size)
    ordered = np.argsort(x)
    ahead = np.cumsum(np.append(0.0, (scan.variance * squared * (scan.members - 1))[ordered]))
    freedom = np.cumsum(np.append(0.0, (scan.members - 1.0)[ordered]))
    rank = np.arange(len(x))
    low = np.maximum(rank - _NEIGHBOURS, 0)
    high = np.minimum(rank + _NEIGHBOURS + 1, len(x))
    smooth = np.empty(len(x))
    smooth[ordered] = (ahead[high] - ahead[low]) / (freedom[high] - freedom[low])
    least = smooth.max() / scan.members
    return scan._replace(error=np.sqrt(np.maximum(smooth, least) / squared / scan.members))


def _points(
    scan: Scan, width: float, exponent_order: float | None, middle: float, *, corrections: bool
) -> Points:
    """What is fitted to so many points."""
    degree = max(min(_DEGREE, len(scan.order) // _PER_DEGREE), 2)
    correction = min(_CORRECTION_DEGREE, len(scan.order) // _PER_CORRECTION)
    return Points(
        scan.control, scan.log_size, scan.error, width, degree, correction if corrections else -1,
        exponent_order, CORRECTION * middle,
    )  # fmt: skip


def best_in_window(
    scan: Scan, start: np.ndarray, window: float, exponent_order: float | None, *, corrections: bool
) -> Scaling | None:
    """Best fit to the points within a window, whose width and location follow from the fit."""
    from scipy.special import chdtrc

    parameters, (middle, scale) = start, _scale_of(start, scan)
    found = None
    for _ in range(3):
        growth = np.exp(np.exp(parameters[1]) * scan.log_size)
        u = np.abs(scan.control - parameters[0]) * growth
        chosen = u <= window * scale
        if len(np.unique(scan.place[chosen])) < 3 or chosen.sum() < 12:
            return found
        part = _with_smooth_errors(scan.part(chosen), parameters)
        points = _points(
            part, float(u[chosen].max()), exponent_order, middle, corrections=corrections
        )
        starts = np.repeat(np.append(parameters[:3], 0.0)[None], 5, axis=0)
        starts[1:, 1] += [0.3, -0.3, 0.0, 0.0]
        starts[3:, 0] += np.array([0.3, -0.3]) * scale
        fits = fitted(np.repeat(part.order[None], 5, axis=0), starts, points)
        at = int(np.argmin(fits.cost))
        fit = Fit(*(v[at : at + 1] for v in fits))
        freedom = len(part.order) - fit.curve.shape[1] - (3 if exponent_order is None else 2)
        p_value = float(chdtrc(max(freedom, 1), fit.cost[0]))
        is_same = found is not None and np.array_equal(found.chosen, chosen)
        found = Scaling(fit, points, part, chosen, window, p_value)
        if is_same:
            break
        parameters = fit.parameters[0]
        eps = 1e-3
        low, at_critical, high = curves(fit, points, np.array([-eps, 0.0, eps]))[0]
        slope = (high - low) / (2 * eps) / points.width
        scale = float(np.clip(abs(at_critical / slope), scale / 2, 2 * scale)) if slope else scale
    return found


def best_scaling(
    scan: Scan, exponent_order: float | None, *, corrections: bool, window: float | None = None
) -> Scaling | None:
    """Best fit of a scan: search by S, then least squares in windows of decreasing width.

    The first window without a significant misfit is taken, otherwise that of the largest p-value.
    """
    starts = starting_points(scan, exponent_order)
    if not len(starts):
        return None
    start, _ = smallest_quality(scan, starts, exponent_order)
    growth = np.exp(np.exp(start[1]) * scan.log_size)
    near = np.abs(scan.control - start[0]) * growth <= _ROUGH * _scale_of(start, scan)[1]
    part = scan.part(near)
    if len(np.unique(part.place)) >= 3 and len(part.order) >= 12:
        start, _ = smallest_quality(part, start[None], exponent_order)
    best: Scaling | None = None
    for width in WINDOWS if window is None else (window,):
        found = best_in_window(scan, start, width, exponent_order, corrections=corrections)
        if found is None:
            continue
        if best is None or found.p_value > best.p_value:
            best = found
        if found.p_value > LEAST_P:
            return found
    return best
