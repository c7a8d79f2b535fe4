"""Laws of growth: a power with a constant, and a logarithm against its rivals."""

import numpy as np

_LARGEST = 6.0
_POWERS = np.linspace(-_LARGEST, _LARGEST, 481)
_SHAPES = 1000
FEWEST = 6
"""Points of a curve that a law is fitted to."""


def growth_power(t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Power p of curves y (time, series) = a + b (t**p - 1)/p: 0 for a logarithm.

    Least squares; the constant is free. A random walk grows with 1/2, a straight drift with 1, and
    saturation has a negative power. Powers from -6 to 6 are compared, and a curve that is beyond
    them has the nearest one; a curve with a missing value has NaN.

    References
    ----------
    Box and Cox (1964), J. R. Stat. Soc. B 26, 211, for the family.
    """
    log_time = np.log(t) - np.log(t).mean()
    curves = np.stack([_power(log_time, p) for p in _POWERS])
    curves -= curves.mean(axis=1, keepdims=True)
    curves /= np.sqrt((curves**2).sum(axis=1, keepdims=True))
    centred = y - y.mean(axis=0)
    with np.errstate(invalid="ignore"):
        errors = (centred**2).sum(axis=0) - (curves @ centred) ** 2
    best = np.clip(errors.argmin(axis=0), 1, len(_POWERS) - 2)
    below, at, above = (np.take_along_axis(errors, best[None] + k, 0)[0] for k in (-1, 0, 1))
    bend = below - 2 * at + above
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = np.clip(np.where(bend > 0, 0.5 * (below - above) / bend, 0.0), -1, 1)
    found = _POWERS[best] + shift * (_POWERS[1] - _POWERS[0])
    return np.where(np.isfinite(y).all(axis=0), found, np.nan)


def _power(log_time: np.ndarray, p: float) -> np.ndarray:
    return log_time if abs(p) < 1e-9 else np.expm1(p * log_time) / p


def _about_a_line(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mean squared residual of y (time, series) about its regression on x (time,)."""
    x = x - x.mean()
    centred = y - y.mean(axis=0)
    slope = x @ centred / (x**2).sum()
    return ((centred - x[:, None] * slope) ** 2).mean(axis=0)


def misfits(t: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Root mean square residual of y (time, series) about laws of two parameters each.

    a + b ln t, a t**b and a (1 - exp(-t/t0)), by least squares of y.
    """
    found = {"logarithm": np.sqrt(_about_a_line(np.log(t), y))}
    relative = np.log(t) - np.log(t).mean()
    scales = np.geomspace(t[0] / 10, t[-1] * 10, _SHAPES)
    shapes = {
        "power": np.exp(np.linspace(-3, 3, 601)[:, None] * relative),
        "saturation": -np.expm1(-t / scales[:, None]),
    }
    for name, curves in shapes.items():
        unit = curves / np.sqrt((curves**2).sum(axis=1, keepdims=True))
        left = (y**2).sum(axis=0) - (unit @ y) ** 2
        found[name] = np.sqrt(np.maximum(left.min(axis=0), 0) / len(t))
    return found


def log_slope(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Slope of ln y (point, ...) on ln x (point,); NaN where a value is not positive."""
    logs = np.log(np.where(y > 0, y, np.nan))
    relative = np.log(x) - np.log(x).mean()
    return np.tensordot(relative, logs, (0, 0)) / (relative**2).sum()
