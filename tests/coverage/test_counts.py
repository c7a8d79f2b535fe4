"""The counts of coverage: what is right passes, what is too narrow is seen."""

import functools
from pathlib import Path

import inertia
import noisy
import nulls
import numpy as np
import paths
import replicas
import scans
import systems
import walks
import wells
from cells import Cell, Counted, counted


def normal_means(factor, rng, series):
    """Intervals of means of 20 normal numbers, their half-width times a factor."""
    x = rng.standard_normal((series, 20))
    mean, half_width = x.mean(axis=1), factor * 2.093 * x.std(axis=1, ddof=1) / np.sqrt(20)
    return Counted(0.0, mean - half_width, mean + half_width, np.ones(series, bool))


def test_intervals_that_are_too_narrow_are_outside():
    for factor, is_right in ((1.0, True), (0.7, False), (2.0, False)):
        row = counted(Cell("mean", "normal", functools.partial(normal_means, factor), series=2000))
        assert row.is_right == is_right
        assert row.used == 2000
        assert abs(row.below - row.above) < 0.02


def test_missing_intervals_are_counted_apart():
    def count(rng, series):
        found = normal_means(1.0, rng, series)
        return found._replace(low=np.where(np.arange(series) % 4, found.low, np.nan))

    row = counted(Cell("mean", "normal", count, series=400))
    assert row.used == 300
    assert row.without == 0.25


def test_every_cell_has_a_name_of_its_own():
    modules = (paths, inertia, replicas, scans, systems, noisy, walks, wells, nulls)
    every = [c for module in modules for c in module.groups()]
    assert len({(c.estimator, c.condition) for c in every}) == len(every) > 400


def test_the_page_has_a_count_of_every_cell():
    """Otherwise: python tests/coverage ESTIMATOR --update."""
    modules = (paths, inertia, replicas, scans, systems, noisy, walks, wells, nulls)
    page = Path(__file__).parents[2] / "docs" / "coverage.md"
    rows = page.read_text(encoding="utf-8").splitlines()
    starts = [f"| {c.estimator} | {c.condition} | " for m in modules for c in m.groups()]
    assert not [s for s in starts if not any(row.startswith(s) for row in rows)]
    assert not [row for row in rows if "outside: not said" in row]
