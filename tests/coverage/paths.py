"""Cells of estimators of single paths."""

import functools

import numpy as np
from cells import Cell, Counted, along_time, interval
from simulators import (
    autoregressive,
    fractional_brownian,
    levy,
    ornstein_uhlenbeck,
    wiener,
    with_gaps,
)

import sgdphys as sp

_GAPS = ("", "1% missing", "20% missing", "uneven times")


def _times(rng, n, spacing, form):
    """Times of n points: even, or uneven with the same mean spacing."""
    if form != "uneven times":
        return spacing * np.arange(n)
    return np.concatenate([[0.0], np.cumsum(rng.exponential(spacing, n - 1))])


def _gappy(rng, x, form):
    share = {"1% missing": 0.01, "20% missing": 0.2}.get(form, 0.0)
    return with_gaps(rng, x, share) if share else x


def _with(form):
    return f", {form}" if form else ""


def wiener_cells():
    """Diffusion coefficient and drift of a Wiener process with D = 0.5, v = 0.1."""

    def count(n, form, name, truth, rng, series):
        times = _times(rng, n, 1.0, form)
        steps = np.diff(times)
        dx = 0.1 * steps + np.sqrt(steps) * rng.standard_normal((series, n - 1))
        x = np.concatenate([np.zeros((series, 1)), dx.cumsum(axis=1)], axis=1)
        found = sp.dynamics.fit_wiener(along_time(_gappy(rng, x, form), times), time="time")
        return interval(found, name, truth)

    for n in (12, 30, 100, 1000):
        for form in _GAPS:
            for name, truth in (("diffusion", 0.5), ("drift", 0.1)):
                yield Cell(
                    f"fit_wiener: {name}",
                    f"n = {n}{_with(form)}",
                    functools.partial(count, n, form, name, truth),
                )


def diffusion_cells():
    """The three estimators of the diffusion coefficient, D = 1."""

    def count(method, n, noise, rng, series):
        x = wiener(rng, series, n, diffusion=1.0) + noise * rng.standard_normal((series, n))
        found = sp.dynamics.diffusion_coefficient(along_time(x), method=method)
        return interval(found, "diffusion", 1.0)

    for n in (12, 20, 30, 100, 1000):
        yield Cell(
            "diffusion_coefficient: increments", f"n = {n}",
            functools.partial(count, "increments", n, 0.0),
        )  # fmt: skip
        for noise in (0.0, 1.0, 3.0):
            yield Cell(
                "diffusion_coefficient: covariance", f"n = {n}, noise {noise:g}",
                functools.partial(count, "covariance", n, noise),
            )  # fmt: skip


def ornstein_uhlenbeck_cells():
    """Rate and diffusion coefficient of Ornstein-Uhlenbeck processes, D = 1."""

    def count(n, memory, form, start, name, rng, series):
        times = _times(rng, n, 1.0, form)
        x = ornstein_uhlenbeck(rng, series, times, kappa=memory, start=start)
        found = sp.dynamics.fit_ou(along_time(_gappy(rng, x, form), times), time="time")
        return interval(found, name, memory if name == "kappa" else 1.0)

    for n in (30, 100, 1000):
        for memory in (0.005, 0.1, 1.0, 2.0):
            for form in _GAPS:
                for name in ("kappa", "diffusion"):
                    yield Cell(
                        f"fit_ou: {name}", f"n = {n}, kappa dt = {memory:g}{_with(form)}",
                        functools.partial(count, n, memory, form, None, name),
                    )  # fmt: skip
    for n in (30, 100):
        for memory in (0.001, 0.005, 0.02):
            for start in (3.0, 10.0, 100.0):
                yield Cell(
                    "fit_ou: kappa",
                    f"n = {n}, kappa dt = {memory:g}, started {start:g} sd away",
                    functools.partial(count, n, memory, "", start, "kappa"),
                )


def hurst_cells():
    """Hurst exponents of fractional Brownian motion."""

    def count(n, hurst, rng, series):
        x = fractional_brownian(rng, series, n, hurst)
        return interval(sp.dynamics.fit_fbm(along_time(x)), "hurst", hurst)

    for n in (60, 100, 200, 1000, 4000):
        for hurst in (0.03, 0.05, 0.1, 0.3, 0.5, 0.8, 0.9, 0.95):
            yield Cell(
                "fit_fbm: hurst", f"n = {n}, H = {hurst:g}",
                functools.partial(count, n, hurst), series=300 if n > 1000 else 400,
            )  # fmt: skip


def tail_cells():
    """Tail indices of stable increments."""

    def count(n, alpha, rng, series):
        x = levy(rng, series, n, alpha)
        return interval(sp.dynamics.fit_levy(along_time(x)), "tail_index", alpha)

    for n in (100, 1000, 10_000):
        for alpha in (1.2, 1.8, 1.95, 1.98, 1.99, 2.0):
            yield Cell(
                "fit_levy: tail_index", f"n = {n}, index {alpha:g}",
                functools.partial(count, n, alpha), kind="exact" if alpha == 2 else "interval",
                series=200 if n > 1000 else 400,
            )  # fmt: skip


def exponent_cells():
    """Exponents of the mean squared displacement."""

    def count(n, hurst, rng, series):
        x = fractional_brownian(rng, series, n, hurst)
        return interval(sp.dynamics.msd_exponent(along_time(x)), "alpha", 2 * hurst)

    for n in (60, 200, 1000):
        for hurst in (0.1, 0.3, 0.5, 0.8, 0.95):
            yield Cell(
                "msd_exponent: alpha", f"n = {n}, exponent {2 * hurst:g}",
                functools.partial(count, n, hurst),
            )  # fmt: skip


def memory_cells():
    """Integrated and relaxation times of AR(1) processes."""

    def integrated(n, phi, rng, series):
        x = autoregressive(rng, series, n, phi)
        found = sp.dynamics.integrated_time(along_time(x))
        return interval(found, "integrated_time", (1 + phi) / (1 - phi))

    def relaxation(n, memory, method, rng, series):
        x = ornstein_uhlenbeck(rng, series, np.arange(n), kappa=memory)
        found = sp.dynamics.relaxation_time(along_time(x), method=method)
        truth = 1 / memory
        if method == "integrated":  # of the sum over steps
            truth = (1 + np.exp(-memory)) / (1 - np.exp(-memory)) / 2
        return interval(found, "relaxation_time", truth)

    for n in (200, 1000, 5000):
        for phi in (-0.9, -0.5, 0.0, 0.5, 0.8, 0.98):
            yield Cell(
                "integrated_time", f"n = {n}, phi = {phi:g}", functools.partial(integrated, n, phi)
            )
        for memory in (0.02, 0.1, 0.5):
            for method in ("lag1", "integrated"):
                yield Cell(
                    f"relaxation_time: {method}", f"n = {n}, kappa dt = {memory:g}",
                    functools.partial(relaxation, n, memory, method),
                )  # fmt: skip


def coefficient_cells():
    """Kramers-Moyal coefficients of single Ornstein-Uhlenbeck paths, in the middle and outside."""
    dt = 0.05

    def count(n, bins, place, name, rng, series):
        x = ornstein_uhlenbeck(rng, series, dt * np.arange(n), kappa=1.0)
        array = along_time(x, dt * np.arange(n))
        found = sp.dynamics.kramers_moyal(array, time="time", bins=bins).isel(bin=place)
        low, high = found[f"{name}_low"].to_numpy(), found[f"{name}_high"].to_numpy()
        if name == "diffusion":
            return Counted((1 - np.exp(-2 * dt)) / (2 * dt), low, high, np.isfinite(low))
        # from what is expected at the centre of the bin
        shift = (1 - np.exp(-dt)) / dt * found["position"].to_numpy()
        return Counted(0.0, low + shift, high + shift, np.isfinite(low))

    for n, bins in ((2000, 11), (10_000, 21)):
        for place, where in ((bins // 2, "middle"), (bins - 2, "next to last")):
            for name in ("drift", "diffusion"):
                yield Cell(
                    f"kramers_moyal: {name}", f"n = {n}, {where} of {bins} bins",
                    functools.partial(count, n, bins, place, name), series=300,
                )  # fmt: skip


def groups():
    """All cells of this file."""
    yield from wiener_cells()
    yield from diffusion_cells()
    yield from ornstein_uhlenbeck_cells()
    yield from hurst_cells()
    yield from tail_cells()
    yield from exponent_cells()
    yield from memory_cells()
    yield from coefficient_cells()
