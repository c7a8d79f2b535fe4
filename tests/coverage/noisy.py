"""Cells of Wiener and Ornstein-Uhlenbeck processes under measurement noise."""

import functools

import numpy as np
from cells import Cell, Counted
from simulators import ornstein_uhlenbeck

from sgdphys.dynamics.models.noisy_ou import NoisyOU
from sgdphys.dynamics.models.noisy_wiener import NoisyWiener


def _times(rng, n, form):
    t = np.arange(float(n))
    if form == "20% missing":
        return t[rng.random(n) < 0.8]
    return np.cumsum(rng.exponential(1.0, n)) if form == "uneven times" else t


def _count(model, truth, n, form, name, rng, series):
    """D = 0.5 or 0, so that an increment has variance 1 plus twice that of the noise."""
    t = _times(rng, n, form)
    if truth.get("kappa"):
        x = ornstein_uhlenbeck(rng, series, t, kappa=truth["kappa"], diffusion=truth["diffusion"])
    else:
        kicks = np.sqrt(2 * truth["diffusion"] * np.diff(t, prepend=t[0]))
        x = (kicks * rng.standard_normal((series, len(t)))).cumsum(axis=1)
    x = x + truth["noise_deviation"] * rng.standard_normal(x.shape)
    found = model.fit(x, t, 0.95)
    k = list(model.coefficients).index(name)
    low, high = found.low[:, k], found.high[:, k]
    return Counted(truth[name], low, high, np.isfinite(found.values[:, k]))


def _is_border(truth, name):
    """A truth at the end of its range, where one side of an interval cannot miss."""
    return name in ("kappa", "diffusion", "noise_deviation") and truth[name] == 0


def noisy_wiener_cells():
    """D, drift and noise of a Wiener process; without noise, and without diffusion."""
    for n in (100, 500, 4000):
        for diffusion, noise in ((0.5, 0.0), (0.5, 0.3), (0.5, 1.0), (0.5, 5.0), (0.0, 1.0)):
            for form in ("", "20% missing", "uneven times") if noise == 1 else ("",):
                truth = {"drift": 0.0, "diffusion": diffusion, "noise_deviation": noise}
                where = f"n = {n}, D = {diffusion:g}, noise {noise:g}{', ' * bool(form)}{form}"
                for name in truth:
                    yield Cell(
                        f"noisy_wiener: {name}", where,
                        functools.partial(_count, NoisyWiener(), truth, n, form, name),
                        kind="exact" if _is_border(truth, name) or not diffusion else "interval",
                    )  # fmt: skip


def noisy_ou_cells():
    """Rate, D, centre and noise of an Ornstein-Uhlenbeck process; a random walk at kappa 0."""
    for n in (500, 1000, 4000):
        for kappa, noise in ((0.05, 1.0), (0.05, 0.0), (0.3, 1.0), (0.005, 1.0), (0.0, 1.0)):
            is_short = n == 500 and (kappa, noise) == (0.05, 1.0)
            for form in ("", "20% missing", "uneven times") if is_short else ("",):
                truth = {"kappa": kappa, "diffusion": 0.5, "noise_deviation": noise}
                truth |= {"center": 0.0} if kappa else {}
                where = f"n = {n}, kappa dt = {kappa:g}, noise {noise:g}{', ' * bool(form)}{form}"
                for name in truth:
                    yield Cell(
                        f"noisy_ou: {name}", where,
                        functools.partial(_count, NoisyOU(), truth, n, form, name),
                        kind="exact" if _is_border(truth, name) else "interval",
                    )  # fmt: skip


def groups():
    """All cells of this page's tables."""
    yield from noisy_wiener_cells()
    yield from noisy_ou_cells()
