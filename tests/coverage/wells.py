"""Cells of the models of reshuffled descent and of a double well."""

import functools

import numpy as np
import simulators_wells
from cells import Cell, Counted

from sgdphys.dynamics.models.double_well import DoubleWell
from sgdphys.dynamics.models.reshuffled import Reshuffled


def _counted(model, x, dt, name, truth):
    found = model.fit(x, dt * np.arange(x.shape[1]), 0.95)
    k = list(model.coefficients).index(name)
    return Counted(truth, found.low[:, k], found.high[:, k], np.isfinite(found.values[:, k]))


def reshuffled_cells():
    """Rate, centre, deviation of kicks and batches per epoch, which is a whole number."""

    def count(n, batches, rate, fixed, name, truth, rng, series):
        x = simulators_wells.reshuffled(rng, series, n, batches, rate, fixed)
        return _counted(Reshuffled(), x, 1.0, name, truth)

    settings = [(1000, 8, 0.1, False), (1000, 8, 0.1, True), (4000, 8, 0.1, False)]
    settings += [(4000, k, rate, False) for k in (4, 16, 64) for rate in (0.01, 0.3, 1.0)]
    for n, batches, rate, fixed in settings:
        truths = {"curvature_rate": rate, "center": 0.0, "kick_deviation": 1.0, "batches": batches}
        for name, truth in truths.items():
            form = ", one set of kicks" if fixed else ""
            is_exact = name == "batches" or (fixed and name == "kick_deviation")
            yield Cell(
                f"reshuffled: {name}", f"n = {n}, K = {batches}, rate {rate:g}{form}",
                functools.partial(count, n, batches, rate, fixed, name, truth),
                kind="exact" if is_exact else "interval", series=200,
            )  # fmt: skip


def double_well_cells():
    """The four coefficients of a double well of barrier 1/4 and half-width 1."""

    def count(n, dt, diffusion, name, truth, rng, series):
        x = simulators_wells.double_well(rng, series, n, dt, diffusion)
        return _counted(DoubleWell(), x, dt, name, truth)

    for n, dt, diffusion in ((1000, 0.1, 0.25), (4000, 0.1, 0.25), (4000, 0.05, 0.5)):
        truths = {"center": 0.0, "half_width": 1.0, "barrier": 0.25, "diffusion": diffusion}
        for name, truth in truths.items():
            yield Cell(
                f"double_well: {name}", f"n = {n}, dt = {dt:g}, D = {diffusion:g}",
                functools.partial(count, n, dt, diffusion, name, truth),
            )  # fmt: skip


def groups():
    """All cells of this file."""
    yield from reshuffled_cells()
    yield from double_well_cells()
