"""Cells of collapses and crossings of scans over sizes and a control parameter."""

import functools

import numpy as np
import xarray as xr
from cells import Cell, one_by_one
from scipy.stats import binom
from simulators import curie_weiss_law

import sgdphys as sp

_SIZES = (64, 128, 256, 512, 1024, 2048, 4096)
_COUPLINGS = np.linspace(0.8, 1.2, 21)
_DIMENSIONS = (10, 20, 40, 80, 160)
_LOADS = np.linspace(1.1, 2.9, 19)
_MAGNET = {"critical_point": 1.0, "exponent_control": 0.5, "exponent_order": 0.25}
_COVER = {"critical_point": 2.0, "exponent_control": 0.5}


def scan(values, sizes, controls):
    """A labelled scan."""
    return xr.DataArray(
        values,
        dims=("size", "control", "replica"),
        coords={"size": list(sizes), "control": controls},
    )


def magnets(rng, series, sizes, replicas):
    """Scans of mean-field magnets, drawn from the exact law."""
    laws = [[curie_weiss_law(n, k) for k in _COUPLINGS] for n in sizes]
    for _ in range(series):
        drawn = [[rng.choice(m, replicas, p=p) for m, p in row] for row in laws]
        yield scan(np.array(drawn), sizes, _COUPLINGS)


def separable(rng, series, replicas):
    """Scans of shares of separable sets, by Cover's theorem."""
    share = np.array([binom.cdf(n - 1, np.rint(_LOADS * n) - 1, 0.5) for n in _DIMENSIONS])
    for _ in range(series):
        drawn = rng.random((*share.shape, replicas)) < share[..., None]
        yield scan(1.0 * drawn, _DIMENSIONS, _LOADS)


def collapse_cells():
    """Critical point and exponents by collapse."""

    def magnet(sizes, replicas, name, rng, series):
        def of(m):
            return sp.transitions.collapse(m, resamples=200, rng=int(rng.integers(2**31)))

        return one_by_one(of, magnets(rng, series, sizes, replicas), name, _MAGNET[name])

    def cover(name, rng, series):
        def of(m):
            seed = int(rng.integers(2**31))
            return sp.transitions.collapse(m, exponent_order=0, resamples=200, rng=seed)

        return one_by_one(of, separable(rng, series, 400), name, _COVER[name])

    for name in _MAGNET:
        yield Cell(
            f"collapse: {name}", "mean-field magnet, 64 to 4096 spins, 200 members",
            functools.partial(magnet, _SIZES, 200, name),
        )  # fmt: skip
    for name in _COVER:
        yield Cell(
            f"collapse: {name}", "separable shares, 10 to 160 dimensions, 400 members, beta/nu 0",
            functools.partial(cover, name),
        )  # fmt: skip


def crossing_cells():
    """Critical point and cumulant by crossings."""

    def magnet(name, truth, rng, series):
        def of(m):
            return sp.transitions.crossing(m, resamples=200, rng=int(rng.integers(2**31)))

        return one_by_one(of, magnets(rng, series, _SIZES[:4], 400), name, truth)

    for name, truth in (("critical_point", 1.0), ("cumulant", 0.27052)):
        yield Cell(
            f"crossing: {name}", "mean-field magnet, 64 to 512 spins, 400 members",
            functools.partial(magnet, name, truth),
        )  # fmt: skip


def groups():
    """All cells of this file."""
    yield from collapse_cells()
    yield from crossing_cells()
