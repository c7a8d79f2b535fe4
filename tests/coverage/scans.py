"""Cells of collapses and crossings of scans over sizes and a control parameter."""

import functools

import numpy as np
import xarray as xr
from cells import Cell, one_by_one
from scipy import ndimage
from scipy.stats import binom
from simulators import curie_weiss_law

import sgdphys as sp

_SIZES = (64, 128, 256, 512, 1024, 2048, 4096)
_COUPLINGS = np.linspace(0.8, 1.2, 21)
_DIMENSIONS = (10, 20, 40, 80, 160)
_LOADS = np.linspace(1.1, 2.9, 19)
_MAGNET = {"critical_point": 1.0, "exponent_control": 0.5, "exponent_order": 0.25}
_COVER = {"critical_point": 2.0, "exponent_control": 0.5}
_SIDES, _SHARES = (8, 16, 32, 64), np.linspace(0.5, 0.68, 13)
_SITES = {"critical_point": 0.592746, "exponent_control": 3 / 4, "exponent_order": 5 / 48}


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


def separable(rng, series, replicas, dimensions=_DIMENSIONS, loads=_LOADS):
    """Scans of shares of separable sets, by Cover's theorem."""
    share = np.array([binom.cdf(n - 1, np.rint(loads * n) - 1, 0.5) for n in dimensions])
    for _ in range(series):
        drawn = rng.random((*share.shape, replicas)) < share[..., None]
        yield scan(1.0 * drawn, dimensions, loads)


def percolated(rng, series, replicas):
    """Scans of the share of a square lattice's sites in the largest cluster of occupied ones."""
    for _ in range(series):
        largest = np.empty((len(_SIDES), len(_SHARES), replicas))
        for place in np.ndindex(len(_SIDES), replicas):
            sites = rng.random((_SIDES[place[0]],) * 2)
            for k, occupied in enumerate(_SHARES):
                clusters, _ = ndimage.label(sites < occupied)
                sizes = np.bincount(clusters.ravel())[1:]
                largest[place[0], k, place[1]] = sizes.max(initial=0) / sites.size
        yield scan(largest, _SIDES, _SHARES)


def collapse_cells():
    """Critical point and exponents by collapse."""

    def magnet(sizes, replicas, name, rng, series):
        def of(m):
            return sp.transitions.collapse(m, resamples=200, rng=int(rng.integers(2**31)))

        return one_by_one(of, magnets(rng, series, sizes, replicas), name, _MAGNET[name])

    def of_few_sizes(draw, truths, name, corrections, rng, series):
        def of(m):
            seed = int(rng.integers(2**31))
            return sp.transitions.collapse(m, corrections=corrections, resamples=100, rng=seed)

        return one_by_one(of, draw(rng, series), name, truths[name])

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
    four_sizes = (
        ("mean-field magnet, 64 to 512 spins, 200 members", _MAGNET,
         lambda rng, series: magnets(rng, series, _SIZES[:4], 200)),
        ("site percolation, sides of 8 to 64, 200 members", _SITES,
         lambda rng, series: percolated(rng, series, 200)),
    )  # fmt: skip
    for corrections, which in ((True, "collapse"), (False, "collapse, corrections=False")):
        for condition, truths, draw in four_sizes:
            for name in truths:
                yield Cell(
                    f"{which}: {name}", condition,
                    functools.partial(of_few_sizes, draw, truths, name, corrections),
                    series=200, said="" if corrections else "for comparison only",
                )  # fmt: skip


def narrowing_cells():
    """What narrows the interval of 1/nu of separable shares, from sizes of 20 to 160."""
    sizes = (20, 40, 80, 160)
    cases = (
        ("4 sizes from 20, 17 loads, 200 members", sizes, 17, 200),
        ("4 sizes from 20, 17 loads, 800 members", sizes, 17, 800),
        ("4 sizes from 20, 17 loads, 3200 members", sizes, 17, 3200),
        ("4 sizes from 20, 33 loads, 200 members", sizes, 33, 200),
        ("4 sizes from 40, 17 loads, 200 members", (40, 80, 160, 320), 17, 200),
        ("6 sizes from 20, 17 loads, 200 members", (*sizes, 320, 640), 17, 200),
    )

    def of(dimensions, loads, members, rng, series):
        def collapsed(m):
            seed = int(rng.integers(2**31))
            return sp.transitions.collapse(m, exponent_order=0, resamples=100, rng=seed)

        scans = separable(rng, series, members, dimensions, np.linspace(1.2, 2.8, loads))
        return one_by_one(collapsed, scans, "exponent_control", 0.5)

    for condition, dimensions, loads, members in cases:
        yield Cell(
            "collapse of shares: exponent_control", condition,
            functools.partial(of, dimensions, loads, members), series=200,
            said="said in docs/tutorials/phase_transition_figure.md" if loads > 17 else "",
        )  # fmt: skip


def chains(rng, series, replicas):
    """Scans of Ising chains, spin by spin as domain walls on an open chain: no transition."""
    couplings = np.linspace(0.2, 3, 20)
    turns = 1 / (1 + np.exp(2 * couplings))
    for _ in range(series):
        drawn = []
        for n in (16, 32, 64, 128, 256):
            walls = rng.random((len(couplings), replicas, n - 1), np.float32)
            flips = np.cumsum(walls < turns[:, None, None], axis=-1, dtype=np.int16) & 1
            drawn.append((n - 2.0 * flips.sum(axis=-1, dtype=np.int64)) / n)
        yield scan(np.array(drawn), (16, 32, 64, 128, 256), couplings)


def with_an_odd_replica(scans, sizes):
    """Scans in which replica 3 of some sizes is 1e6."""
    for m in scans:
        m[sizes, :, 3] = 1e6
        yield m


def with_an_odd_size(rng, scans, place):
    """Scans in which one size is noise."""
    for m in scans:
        m[place] = rng.standard_normal(m[place].shape)
        yield m


def crossing_cells():
    """Critical point and cumulant by crossings."""

    def of_scans(draw, name, truth, rng, series):
        def of(m):
            return sp.transitions.crossing(m, resamples=200, rng=int(rng.integers(2**31)))

        return one_by_one(of, draw(rng, series), name, truth)

    magnet = (1.0, 0.27052)
    odd = "one odd size is not recognised"
    few = "an expected correction of the cumulant widens it"
    conditions = (
        ("mean-field magnet, 64 to 512 spins, 400 members", magnet, few,
         lambda rng, series: magnets(rng, series, _SIZES[:4], 400)),
        ("mean-field magnet, 64 to 4096 spins, 200 members", magnet, "",
         lambda rng, series: magnets(rng, series, _SIZES, 200)),
        ("mean-field magnet, 64 to 4096 spins, 50 members", magnet, "counted in the docstring",
         lambda rng, series: magnets(rng, series, _SIZES, 50)),
        ("mean-field magnet, 64 to 4096 spins, 20 members", magnet, "",
         lambda rng, series: magnets(rng, series, _SIZES, 20)),
        ("mean-field magnet, 64 to 4096 spins, 5 members", magnet, "",
         lambda rng, series: magnets(rng, series, _SIZES, 5)),
        ("separable shares, 10 to 160 dimensions, 400 members", (2.0, 1 / 3), few,
         lambda rng, series: separable(rng, series, 400)),
        ("open Ising chain, 16 to 256 spins, 200 members", (np.inf, 2 / 3), "",
         lambda rng, series: chains(rng, series, 200)),
        ("mean-field magnet, 64 to 512 spins, 101 members, one 1e6", magnet, "",
         lambda rng, series: with_an_odd_replica(
             magnets(rng, series, _SIZES[:4], 101), slice(None))),
        ("mean-field magnet, 64 to 1024 spins, 101 members, one 1e6 at 256", magnet, few,
         lambda rng, series: with_an_odd_replica(magnets(rng, series, _SIZES[:5], 101), 2)),
        ("mean-field magnet, 64 to 1024 spins, 200 members, noise at 256", magnet, odd,
         lambda rng, series: with_an_odd_size(rng, magnets(rng, series, _SIZES[:5], 200), 2)),
    )  # fmt: skip
    for condition, truths, said, draw in conditions:
        for name, truth in zip(("critical_point", "cumulant"), truths, strict=True):
            yield Cell(
                f"crossing: {name}", condition, functools.partial(of_scans, draw, name, truth),
                said=said if name == "cumulant" or said == odd else "",
            )  # fmt: skip


def groups():
    """All cells of this file."""
    yield from collapse_cells()
    yield from narrowing_cells()
    yield from crossing_cells()
