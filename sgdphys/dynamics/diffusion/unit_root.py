"""Distribution of the t statistic of an AR(1) coefficient, from a unit root to white noise.

``tabulate`` simulates it and wrote ``unit_root.csv``: quantiles of (phi_hat - phi)/se, with an
intercept, for a stationary Ornstein-Uhlenbeck process that is observed for c relaxation times. At
c = 0 it is the Dickey-Fuller distribution; at large c it tends to the normal distribution shifted
by -4/sqrt(2 c).
"""

import functools
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from scipy.special import ndtri

from sgdphys.errors import InputError

TABLE = Path(__file__).with_name("unit_root.csv")
DURATIONS = np.array(
    [0, 0.2, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 65, 80, 100, 150, 200, 300,
     500, 800],
    float,
)  # fmt: skip
CHANCES = np.array(
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.16, 0.25, 0.375, 0.5, 0.625, 0.75,
     0.84, 0.9, 0.95, 0.975, 0.99, 0.995, 0.9975, 0.999, 0.9995]
)  # fmt: skip


@numba.njit(nogil=True, fastmath=True)
def _t_statistics(phi, points, seed, out):  # type: ignore[no-untyped-def]
    """Simulated t statistics of stationary series; of random walks at phi = 1."""
    np.random.seed(seed)  # noqa: NPY002 numba has its own generator under this name
    for r in range(out.shape[0]):
        x = np.random.normal() / np.sqrt(1 - phi * phi) if phi < 1 else 0.0  # noqa: NPY002
        first = x
        sx = sy = sxx = sxy = syy = 0.0
        for _ in range(points):
            a = x - first
            x = phi * x + np.random.normal()  # noqa: NPY002
            b = x - first
            sx += a
            sy += b
            sxx += a * a
            sxy += a * b
            syy += b * b
        sxx -= sx * sx / points
        sxy -= sx * sy / points
        syy -= sy * sy / points
        slope = sxy / sxx
        residual = max(syy - slope * sxy, 0.0) / (points - 2)
        out[r] = (slope - phi) / np.sqrt(residual / sxx)


def simulated_table(
    t_statistics: Callable[..., None], series: int, durations: np.ndarray, longest: int, seed: int
) -> np.ndarray:
    """Simulate quantiles (duration, chance) of a t statistic, in at most so many points."""
    rows = []
    for k, c in enumerate(durations):
        points = int(np.clip(25 * c, 1000, longest))
        out = np.empty(series)
        t_statistics(np.exp(-c / points), points, seed * 1000 + k, out)
        rows.append(np.quantile(out, CHANCES))
    return np.array(rows)


def interpolated(rows: np.ndarray, chance: float) -> tuple[np.ndarray, np.ndarray]:
    """One quantile of a table (duration, chance) against 1/sqrt(1 + c): see ``quantiles``."""
    if not CHANCES[0] - 1e-12 <= chance <= CHANCES[-1] + 1e-12:
        raise InputError(
            "confidence is above 0.999, up to which the law of relaxation rates near a random walk "
            "is tabulated; give at most that"
        )
    scores = ndtri(CHANCES)
    wanted = ndtri(chance)
    found = np.array([np.interp(wanted, scores, row) for row in rows])
    x = np.concatenate([[0.0], 1 / np.sqrt(1 + DURATIONS[::-1])])
    return x, np.concatenate([[wanted], found[::-1]])


def tabulate(series: int = 400_000, durations: np.ndarray = DURATIONS, seed: int = 1) -> np.ndarray:
    """Simulate the table: quantiles (duration, chance).

    Parameters
    ----------
    series : int
        Number of series simulated for each duration.
    durations : float (duration,)
        c = kappa T.
    seed : int
    """
    return simulated_table(_t_statistics, series, durations, 8000, seed)


@functools.cache
def table() -> np.ndarray:
    """Tabulated quantiles of the t statistic (duration, chance)."""
    return np.loadtxt(TABLE, delimiter=",")


def quantiles(chance: float) -> tuple[np.ndarray, np.ndarray]:
    """One quantile of the t statistic against x = 1/sqrt(1 + c), for interpolation.

    Parameters
    ----------
    chance : float
        Between 0.0005 and 0.9995.

    Returns
    -------
    (float (duration,), float (duration,))
        x, increasing from 0 (normal distribution) to 1 (unit root), and the quantile at x.
    """
    return interpolated(table(), chance)


def adf_p_value(statistic: np.ndarray) -> np.ndarray:
    """Dickey-Fuller p-value: fraction of driftless random walks with a smaller t statistic.

    Below the smallest that is tabulated its logarithm goes on in a straight line, which is above
    the law, whose tail is steeper.
    """
    statistic = np.asarray(statistic, float)
    rows, logs = table()[0], np.log(CHANCES)
    slope = (logs[1] - logs[0]) / (rows[1] - rows[0])
    inside = np.interp(statistic, rows, CHANCES, left=CHANCES[0], right=CHANCES[-1])
    beyond = np.minimum(statistic - rows[0], 0.0)
    return np.asarray(inside * np.exp(slope * beyond))


if __name__ == "__main__":
    np.savetxt(TABLE, tabulate(), delimiter=",", fmt="%.4f")
