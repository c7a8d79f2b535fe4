"""p-values of the tests of a Wiener process at few increments, calibrated by simulation.

The laws that textbooks give for these tests hold for long series. ``tabulate`` simulated their
p-values for random walks of n increments and wrote ``finite_sample.csv``: quantiles of -ln p, by
test, n and chance. A calibrated p-value is the chance at which its quantile is found.
"""

import functools
from pathlib import Path

import numpy as np

TABLE = Path(__file__).with_name("finite_sample.csv")
COUNTS = np.array([50, 70, 100, 150, 200, 300, 500, 1000])
"""Increments; towards infinitely many the quantiles tend to those of the textbook laws."""
CHANCES = np.array([1, 0.9, 0.75, 0.5, 0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.0025, 0.001, 0.0005])
_BATCH = 2_000_000


def tabulate(series: int = 200_000, seed: int = 1) -> np.ndarray:
    """Simulate the table: quantiles of -ln p (test, count, chance).

    Parameters
    ----------
    series : int
        Number of random walks simulated for each number of increments.
    seed : int
    """
    from sgdphys.dynamics.diffusion.wiener_tests import TESTS, textbook_tests

    generator = np.random.default_rng(seed)
    found = np.empty((len(TESTS), len(COUNTS), len(CHANCES)))
    for k, n in enumerate(COUNTS):
        at_once = _BATCH // int(n)
        parts = []
        for _ in range(0, series, at_once):
            steps = generator.standard_normal((at_once, n))
            x = np.concatenate([np.zeros((at_once, 1)), steps.cumsum(axis=1)], axis=1)
            parts.append(textbook_tests(x, np.arange(n + 1.0))[1])
        p_values = np.concatenate(parts, axis=1)
        found[:, k] = np.quantile(-np.log(np.maximum(p_values, 1e-300)), 1 - CHANCES, axis=1).T
    return found


@functools.cache
def table() -> np.ndarray:
    """Tabulated quantiles of -ln p (test, count, chance), which increase with 1/chance."""
    return np.loadtxt(TABLE, delimiter=",").reshape(-1, len(COUNTS), len(CHANCES))


@functools.cache
def _quantiles(count: int) -> np.ndarray:
    """Quantiles of -ln p (test, chance) at one number of increments, linear in its inverse."""
    textbook = np.broadcast_to(-np.log(CHANCES), (len(table()), 1, len(CHANCES)))
    nodes = np.concatenate([textbook, table()[:, ::-1]], axis=1)
    inverse = np.concatenate([[0.0], 1 / COUNTS[::-1]])
    return np.array([[np.interp(1 / count, inverse, q) for q in test.T] for test in nodes])


def calibrated(p_values: np.ndarray, count: int) -> np.ndarray:
    """Share of random walks of ``count`` increments whose textbook p-values are smaller.

    Parameters
    ----------
    p_values : (test, series)
        In the order of ``wiener_tests.TESTS``.
    count : int
        At least 50.
    """
    logs = -np.log(CHANCES)
    out = np.empty_like(p_values)
    for given, quantiles, found in zip(p_values, _quantiles(count), out, strict=True):
        with np.errstate(divide="ignore"):
            size = -np.log(given)
        # beyond the rarest chance of the table in proportion
        beyond = size * (logs[-1] / quantiles[-1])
        found[:] = np.exp(-np.where(size > quantiles[-1], beyond, np.interp(size, quantiles, logs)))
    return out


if __name__ == "__main__":
    np.savetxt(TABLE, tabulate().reshape(-1, len(CHANCES)), delimiter=",", fmt="%.5f")
