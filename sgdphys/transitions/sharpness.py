"""Sharpness of a transition: slope of the log odds of the upper state against the control."""

import numpy as np

_STEEPEST = 8.0
"""Slopes beyond this change of the log odds from one control value to the next are not seen."""
_FARTHEST = 8.0
"""Newton's method overshoots far from its solution: no log odds change by more in one step."""


def log_odds_line(
    shares: np.ndarray,
    counts: np.ndarray,
    controls: np.ndarray,
    *,
    start: tuple[float, float] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Logistic regression of shares of samples on the control parameter.

    Parameters
    ----------
    shares : (resample, control)
        Share of the samples in the upper state; NaN where there are none.
    counts : (control,)
        Number of samples.
    controls : (control,)
    start : (slope, location), optional
        Near the solution.

    Returns
    -------
    (slope, location) : (resample,), (resample,)
        Log odds = slope (control - location).

    Notes
    -----
    Newton's method for the likelihood, with a Gaussian prior of the slope per spacing of controls,
    standard deviation 8, so that a slope exists where no control lies in the transition.
    """
    used = (counts > 0) & np.isfinite(controls)
    spacing = np.median(np.diff(controls[used]))
    centre = controls[used].mean()
    x = (controls[used] - centre) / spacing
    s, n = np.nan_to_num(shares[:, used]), counts[used]
    first_slope = 0.0 if start is None else start[0] * spacing
    first_offset = 0.0 if start is None else start[0] * (centre - start[1])
    slope, offset = np.full(len(s), first_slope), np.full(len(s), first_offset)
    for _ in range(60 if start is None else 10):
        p = 1 / (1 + np.exp(-np.clip(slope[:, None] * x + offset[:, None], -30, 30)))
        rest, weight = n * (s - p), n * p * (1 - p) + 1e-9
        first, second = rest.sum(axis=1), rest @ x - slope / _STEEPEST**2
        a, b = weight.sum(axis=1), weight @ x
        c = weight @ x**2 + 1 / _STEEPEST**2
        determinant = a * c - b * b + 1e-12
        step_offset = (c * first - b * second) / determinant
        step_slope = (a * second - b * first) / determinant
        far = np.abs(step_slope[:, None] * x + step_offset[:, None]).max(axis=1)
        shorter = np.minimum(1.0, _FARTHEST / np.maximum(far, 1e-12))
        slope = slope + shorter * step_slope
        offset = offset + shorter * step_offset
    with np.errstate(all="ignore"):
        return slope / spacing, centre - spacing * offset / slope
