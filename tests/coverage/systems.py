"""Cells of estimators of several coordinates, of networks' noise and of critical points."""

import functools

import numpy as np
import xarray as xr
from cells import Cell, Counted, one_by_one
from scipy.linalg import expm, solve_continuous_lyapunov

import sgdphys as sp


def _linear(rng, series, n, dt, drift, diffusion):
    """Stationary dX = -B X dt + sqrt(2 D) dW, (series, coordinate, n), by its exact step."""
    decay = expm(-drift * dt)
    stationary = solve_continuous_lyapunov(drift, 2 * diffusion)
    noise = np.linalg.cholesky(stationary - decay @ stationary @ decay.T)
    x = np.empty((series, len(drift), n))
    x[..., 0] = rng.standard_normal((series, len(drift))) @ np.linalg.cholesky(stationary).T
    for k in range(1, n):
        x[..., k] = x[..., k - 1] @ decay.T + rng.standard_normal((series, len(drift))) @ noise.T
    return x


def langevin_cells():
    """Rotation and diffusion of two coordinates; entropy production 2 w**2/kappa."""

    def count(n, dt, rotation, name, truth, at, rng, series):
        drift = np.array([[1.0, rotation], [-rotation, 1.0]])
        x = _linear(rng, series, n, dt, drift, 0.5 * np.eye(2))
        arrays = (
            xr.DataArray(one, dims=("parameter", "time"), coords={"time": dt * np.arange(n)})
            for one in x
        )
        function = (
            sp.dynamics.entropy_production
            if name == "entropy_production"
            else sp.dynamics.fit_langevin
        )
        # each with random numbers of its own: errors of shared ones would not average out
        return one_by_one(
            lambda one: function(one, time="time", rng=int(rng.integers(2**31))).isel(at),
            arrays, name, truth,
        )  # fmt: skip

    for n in (500, 3000):
        for entry, value in (((0, 0), 1.0), ((0, 1), 0.5)):
            at = dict(zip(("row", "column"), entry, strict=True))
            yield Cell(
                "fit_langevin: kappa_matrix", f"n = {n}, entry {entry[0]}{entry[1]}",
                functools.partial(count, n, 0.1, 0.5, "kappa_matrix", value, at), series=100,
            )  # fmt: skip
            yield Cell(
                "fit_langevin: diffusion_matrix", f"n = {n}, entry {entry[0]}{entry[1]}",
                functools.partial(
                    count, n, 0.1, 0.5, "diffusion_matrix", 0.5 * (entry == (0, 0)), at
                ),
                series=100,
            )  # fmt: skip
        for rotation in (0.05, 0.5, 2.0):
            yield Cell(
                "entropy_production", f"n = {n}, true {2 * rotation**2:g}",
                functools.partial(
                    count, n, 0.1, rotation, "entropy_production", 2 * rotation**2, {}
                ),
                series=100,
            )  # fmt: skip


def entropy_cells():
    """Entropy of normal weights, by fixed directions."""

    def count(members, basis, rng, series):
        truth = 1.5 * np.log(2 * np.pi * np.e)
        options = {"basis": basis, "rng": 0} | ({"modes": 3} if basis == "random" else {})
        arrays = (
            xr.DataArray(
                rng.standard_normal((2, members, 3)), dims=("time", "replica", "parameter")
            )
            for _ in range(series)
        )
        return one_by_one(
            lambda x: sp.dynamics.weight_entropy(x, **options).isel(time=0), arrays,
            "entropy", truth,
        )  # fmt: skip

    for members in (6, 10, 50):
        yield Cell(
            "weight_entropy: entropy", f"3 coordinates, {members} members",
            functools.partial(count, members, "coordinates"), series=300,
        )  # fmt: skip


def critical_cells():
    """Critical points at 1 with exponent 1, from relaxation times with errors."""

    def count(points, error, name, rng, series):
        control = np.linspace(0.5, 1.5, points)
        exact = 1 / np.abs(control - 1)
        found = [
            sp.dynamics.critical_point(control, exact * np.exp(error * rng.standard_normal(points)))
            for _ in range(series)
        ]
        low, high = (np.array([float(f[f"{name}{e}"]) for f in found]) for e in ("_low", "_high"))
        return Counted(1.0, low, high, np.ones(series, bool))

    for points in (6, 10):
        for error in (0.02, 0.2):
            for name in ("critical", "exponent"):
                yield Cell(
                    f"critical_point: {name}", f"{points} points, errors of {error:g}",
                    functools.partial(count, points, error, name), series=200,
                )  # fmt: skip


def noise_cells():
    """Fluctuation ratios of SGD with white noise, and the slope of variance on curvature."""

    def ratio(members, n, name, rng, series):
        curvature, rate = np.array([1.0, 0.3, 0.1]), 0.1
        shape = (series, members, 3)
        theta = np.empty((n + 1, *shape))
        theta[0] = rng.standard_normal(shape) * np.sqrt(rate / (curvature * (2 - rate * curvature)))
        for k in range(n):
            noise = rng.standard_normal(shape)
            theta[k + 1] = theta[k] - rate * (curvature * theta[k] + noise)
        arrays = (
            xr.DataArray(
                theta[:, s],
                dims=("step", "replica", "parameter"),
                coords={"step": np.arange(n + 1)},
            )
            for s in range(series)
        )
        scale = xr.DataArray(curvature, dims="parameter")

        def of(x):
            return sp.dynamics.fluctuation_ratios(x, learning_rate=rate, full_gradient=scale * x)

        return one_by_one(of, arrays, name, 1.0)

    def flatness(members, rng, series):
        curvature = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
        found = []
        for _ in range(series):
            shape = (members, 5)
            h = xr.DataArray(np.broadcast_to(curvature, shape), dims=("replica", "mode"))
            v = xr.DataArray(rng.chisquare(20, shape) / 20 / curvature, dims=("replica", "mode"))
            found.append(sp.dynamics.variance_flatness(v, h))
        low, high = (
            np.array([float(f[f"flatness_exponent{e}"]) for f in found]) for e in ("_low", "_high")
        )
        return Counted(-1.0, low, high, np.ones(series, bool))

    for members in (3, 10, 50):
        for n in (400, 4000):
            if members * n > 50_000:
                continue
            for name in ("minibatch_ratio", "full_ratio"):
                yield Cell(
                    f"fluctuation_ratios: {name}", f"{members} paths, {n} steps",
                    functools.partial(ratio, members, n, name), series=200,
                )  # fmt: skip
        yield Cell(
            "variance_flatness", f"{members} members", functools.partial(flatness, members),
            series=300,
        )  # fmt: skip


def groups():
    """All cells of this file."""
    yield from langevin_cells()
    yield from entropy_cells()
    yield from critical_cells()
    yield from noise_cells()
