"""Cells of models of walks: scaled Brownian motion, Student t increments, switching diffusion."""

import functools

import numpy as np
from cells import Cell, Counted
from simulators_fit import scaled_brownian, student_walk, switching_diffusion, wiener

from sgdphys.dynamics.models.scaled_brownian import ScaledBrownian
from sgdphys.dynamics.models.student import Student
from sgdphys.dynamics.models.switching import Switching


def outcomes(model, x, t, name, truth):
    """Intervals of one coefficient; "ok" are those within the range that is searched."""
    found = model.fit(x, t, 0.95)
    column = list(model.coefficients).index(name)
    low, high = found.low[:, column], found.high[:, column]
    if np.isinf(truth):  # counted as its inverse
        truth, low, high = 0.0, 1 / high, 1 / low
    return Counted(truth, low, high, ~model.at_end_of_range(found.values))


def student_cells():
    """Student t increments of scale 1."""

    def count(n, freedom, name, rng, series):
        is_normal = np.isinf(freedom)
        x = wiener(rng, series, n) if is_normal else student_walk(rng, series, n, freedom)
        truths = {
            "drift": 0.0,
            "diffusion": 0.5 if is_normal else 0.5 * freedom / (freedom - 2),
            "degrees_of_freedom": freedom,
        }
        return outcomes(Student(), x, np.arange(float(n)), name, truths[name])

    for n in (200, 1000, 4000):
        for freedom in (3.0, 4.0, 5.0, 10.0, np.inf):
            for name in Student.coefficients:
                is_open = np.isinf(freedom) and name == "degrees_of_freedom"
                yield Cell(
                    f"student: {name}", f"n = {n}, t{freedom:g}",
                    functools.partial(count, n, freedom, name),
                    kind="exact" if is_open else "interval",
                )  # fmt: skip


def scaled_cells():
    """Scaled Brownian motion with D_a = 1/2, by exponent and by time of the first point."""

    def count(n, exponent, first, given, name, rng, series):
        x = scaled_brownian(rng, series, n, exponent, first)
        model = ScaledBrownian(origin=0.0 if given else None)
        t = first * given + np.arange(float(n))
        truths = {
            "scaled_exponent": exponent,
            "generalised_diffusion_a": 0.5,
            "origin": -first * (not given),
        }
        return outcomes(model, x, t, name, truths[name])

    for n in (500, 4000):
        for exponent, first in ((0.3, 0), (0.5, 0), (0.5, 100), (0.5, 5000), (2.0, 0), (2.0, 100)):
            for given in (False, True):
                names = list(ScaledBrownian.coefficients)[: 2 if given else 3]
                for name in names:
                    is_open = first == 5000 or (first == 0 and name == "origin")
                    yield Cell(
                        f"scaled_brownian: {name}",
                        f"n = {n}, a = {exponent:g}, first point at {first}"
                        + (", origin given" if given else ""),
                        functools.partial(count, n, exponent, first, given, name),
                        kind="exact" if is_open else "interval",
                        said="the docstring" if not given and (n, first) == (500, 100) else "",
                    )


def switching_cells():
    """D of 1/2 and 2, dwell times of 100 steps."""

    def count(n, name, truth, rng, series):
        x = switching_diffusion(rng, series, n)
        return outcomes(Switching(), x, np.arange(float(n)), name, truth)

    for n in (1000, 4000):
        for name, truth in zip(Switching.coefficients, (0.0, 0.5, 2.0, 100.0, 100.0), strict=True):
            yield Cell(f"switching: {name}", f"n = {n}", functools.partial(count, n, name, truth))


def groups():
    """All cells of this file."""
    yield from student_cells()
    yield from scaled_cells()
    yield from switching_cells()
