"""Cells of the two models with inertia, free and in a well."""

import functools

import numpy as np
from cells import Cell, Counted
from simulators_inertia import heavy_ball, underdamped

from sgdphys.dynamics.models.heavy_ball import HeavyBall
from sgdphys.dynamics.models.underdamped import Underdamped

_PLACE = {True: 5.0, False: 0.02}
"""Centre of the well; drift of the free particle."""


def _count(model, simulator, motion, n, name, truth, rng, series):
    """Intervals of one coefficient; where the well is not named as it is, there is none."""
    is_well = motion[1] > 0
    x = simulator(rng, series, n, *motion, place=_PLACE[is_well])
    found = model.fit(x, np.arange(float(n)), 0.95)
    is_ok = found.count == (4 if is_well else 3)
    column = list(model.coefficients).index(name)
    low, high = (np.where(is_ok, end[:, column], np.nan) for end in (found.low, found.high))
    return Counted(truth, low, high, is_ok)


def _cells(model, simulator, motions):
    for motion, truths in motions.items():
        place = {"center" if motion[1] else "drift": _PLACE[motion[1] > 0]}
        for n in (500, 1000, 4000):
            for name, truth in (truths | place).items():
                yield Cell(
                    f"{model.name}: {name}",
                    f"n = {n}, {', '.join(f'{v:g}' for v in motion)}",
                    functools.partial(_count, model, simulator, motion, n, name, truth),
                    kind="exact" if truth == 0 else "interval",
                )


def groups():
    """All cells of this file."""
    yield from _cells(
        Underdamped(),
        underdamped,
        {
            (0.1, 0.0): {"friction": 0.1, "stiffness": 0.0, "diffusion": 1.0},
            (0.1, 0.01): {"friction": 0.1, "stiffness": 0.01, "diffusion": 1.0},
            (1.0, 0.1): {"friction": 1.0, "stiffness": 0.1, "diffusion": 1.0},
        },
    )
    yield from _cells(
        HeavyBall(),
        heavy_ball,
        {
            (mu, rate): {
                "momentum": mu,
                "curvature_rate": rate,
                "kick_deviation": 1.0,
                "diffusion": 0.5 / (1 - mu) ** 2,
            }
            for mu, rate in ((0.9, 0.0), (0.9, 0.01), (0.2, 0.05))
        },
    )
