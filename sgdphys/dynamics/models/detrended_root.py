"""Distribution of the t statistic of an AR(1) coefficient beside a fitted trend.

``tabulate`` simulates it and wrote ``detrended_root.csv``: quantiles of (phi_hat - phi)/se, with an
intercept and a linear trend, for a stationary Ornstein-Uhlenbeck process that is observed for c
relaxation times. At c = 0 it is the Dickey-Fuller distribution with a trend; at large c it tends to
the normal distribution shifted by -6/sqrt(2 c).

References
----------
Dickey and Fuller (1979); Phillips (1987), Biometrika 74, 535, for roots near one.
"""

import functools
from pathlib import Path

import numba
import numpy as np

from sgdphys.dynamics.diffusion.unit_root import DURATIONS, interpolated, simulated_table

TABLE = Path(__file__).with_name("detrended_root.csv")


@numba.njit(nogil=True, fastmath=True)
def _t_statistics(phi, points, seed, out):  # type: ignore[no-untyped-def]
    """Simulated t statistics of stationary series; of random walks at phi = 1."""
    np.random.seed(seed)  # noqa: NPY002 numba has its own generator under this name
    times = points * (points * points - 1.0) / 12.0
    for r in range(out.shape[0]):
        x = np.random.normal() / np.sqrt(1 - phi * phi) if phi < 1 else 0.0  # noqa: NPY002
        first = x
        sx = sy = sxx = sxy = syy = sxt = syt = 0.0
        for k in range(points):
            a = x - first
            x = phi * x + np.random.normal()  # noqa: NPY002
            b = x - first
            t = k - 0.5 * (points - 1)
            sx += a
            sy += b
            sxx += a * a
            sxy += a * b
            syy += b * b
            sxt += a * t
            syt += b * t
        sxx -= sx * sx / points + sxt * sxt / times
        sxy -= sx * sy / points + sxt * syt / times
        syy -= sy * sy / points + syt * syt / times
        slope = sxy / sxx
        residual = max(syy - slope * sxy, 0.0) / (points - 3)
        out[r] = (slope - phi) / np.sqrt(residual / sxx)


def tabulate(series: int = 100_000, durations: np.ndarray = DURATIONS, seed: int = 1) -> np.ndarray:
    """Simulate the table: quantiles (duration, chance).

    Parameters
    ----------
    series : int
        Number of series simulated for each duration.
    durations : float (duration,)
        c = kappa T.
    seed : int
    """
    return simulated_table(_t_statistics, series, durations, 4000, seed)


@functools.cache
def table() -> np.ndarray:
    """Tabulated quantiles of the t statistic (duration, chance)."""
    return np.loadtxt(TABLE, delimiter=",")


@functools.lru_cache(maxsize=16)
def quantiles(chance: float) -> tuple[np.ndarray, np.ndarray]:
    """One quantile against 1/sqrt(1 + c): see ``unit_root.quantiles``."""
    return interpolated(table(), chance)


if __name__ == "__main__":
    np.savetxt(TABLE, tabulate(), delimiter=",", fmt="%.4f")
