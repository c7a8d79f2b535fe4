"""Cells of tests: how often they reject a null that is true, at 5%."""

import functools

import numpy as np
import xarray as xr
from cells import Cell, along_time, p_values
from simulators import autoregressive, ornstein_uhlenbeck, wiener

import sgdphys as sp


def wiener_cells():
    """Tests of Wiener processes."""

    def count(n, name, rng, series):
        found = sp.dynamics.wiener_tests(along_time(wiener(rng, series, n)))
        return p_values(found["p_value"].sel(test=name).to_numpy())

    names = sp.dynamics.wiener_tests(along_time(wiener(np.random.default_rng(0), 1, 60)))
    for n in (51, 100, 200, 512):
        for name in names["test"].to_numpy().tolist():
            yield Cell(
                f"wiener_tests: {name}", f"n = {n}", functools.partial(count, n, name), "test", 2000
            )


def unit_root_cells():
    """The Dickey-Fuller test of fit_ou on random walks."""

    def count(n, drift, rng, series):
        found = sp.dynamics.fit_ou(along_time(wiener(rng, series, n, drift=drift)))
        return p_values(found["adf_p_value"].to_numpy())

    for n in (30, 100, 1000):
        yield Cell(
            "fit_ou: adf_p_value", f"n = {n}", functools.partial(count, n, 0.0), "test", 2000
        )


def warning_cells():
    """Early warning of stationary series, and of ensembles whose members have their own offsets."""

    def count(n, phi, trend, rng, series):
        x = along_time(autoregressive(rng, series, n, phi))
        found = sp.dynamics.early_warning(x, resamples=199, rng=int(rng.integers(2**31)))
        return p_values(found["p_value"].sel(trend=trend).to_numpy())

    def across(members, trend, rng, series):
        x = autoregressive(rng, series * members, 100, 0.7)
        x = (x + 3 * rng.standard_normal((len(x), 1))).reshape(series, members, 100)
        array = xr.DataArray(x, dims=("series", "replica", "time"), coords={"time": np.arange(100)})
        found = sp.dynamics.early_warning(
            array, over="replica", resamples=199, rng=int(rng.integers(2**31))
        )
        return p_values(found["p_value"].sel(trend=trend).to_numpy())

    for trend in ("variance", "autocorrelation", "joint"):
        for n in (100, 400):
            for phi in (0.0, 0.7, 0.95):
                yield Cell(
                    f"early_warning: {trend}", f"n = {n}, phi = {phi:g}",
                    functools.partial(count, n, phi, trend), "test", 400,
                )  # fmt: skip
        for members in (5, 10):
            yield Cell(
                f"early_warning: {trend}, over=", f"{members} members with offsets",
                functools.partial(across, members, trend), "test", 400,
            )  # fmt: skip


def phases_cells():
    """A change of the gradient ratio where it is stationary in recorded epochs."""
    epochs = np.unique(np.rint(np.geomspace(1, 1e4, 275)))

    def count(phi, rng, series):
        found = []
        for _ in range(series):
            ratio = np.exp(0.3 * autoregressive(rng, 1, len(epochs), phi)[0])
            dims = ("epoch", "replica", "layer")
            shape = (len(epochs), 1, 1)
            ones = np.ones(shape)
            gradients = xr.Dataset(
                {
                    "mean_norm": (dims, ratio.reshape(shape)),
                    "noise_norm": (dims, ones),
                    "weight_norm": (dims, ones),
                    "noise_trace": (dims, ones),
                },
                coords={"epoch": epochs, "replica": [0], "layer": [1]},
            )
            result = sp.dynamics.gradient_phases(
                gradients, batch_size=1, batches=1, resamples=2, rng=int(rng.integers(2**31))
            )
            found.append(float(result["change_p_value"][0]))
        return p_values(found)

    for phi in (0.0, 0.5, 0.9, 0.98):
        yield Cell(
            "gradient_phases: change_p_value", f"phi = {phi:g}", functools.partial(count, phi),
            "test", 200,
        )  # fmt: skip


def production_cells():
    """Entropy production in equilibrium."""

    def count(n, rng, series):
        found = []
        for _ in range(series):
            x = np.stack([ornstein_uhlenbeck(rng, 3, np.arange(n), kappa=k) for k in (0.2, 0.5)])
            theta = xr.DataArray(x, dims=("parameter", "replica", "step"))
            result = sp.dynamics.entropy_production(
                theta, time="step", resamples=199, rng=int(rng.integers(2**31))
            )
            found.append(float(result["p_value"]))
        return p_values(found)

    yield Cell(
        "entropy_production: p_value", "3 paths of 500 points, equilibrium",
        functools.partial(count, 500), "test", 200,
    )  # fmt: skip


def check_cells():
    """Predictive checks of the true model, whose coefficients are fitted to the same series."""

    def count(n, kappa, name, rng, series):
        times = np.arange(n)
        x = ornstein_uhlenbeck(rng, series, times, kappa=kappa) if kappa else wiener(rng, series, n)
        found = sp.dynamics.predictive_checks(
            along_time(x), model="ou" if kappa else "wiener", rng=int(rng.integers(2**31))
        )
        return p_values(found["p_value"].sel(check=name).to_numpy())

    for n in (200, 1000):
        for kappa in (0.0, 0.05, 0.3):
            model = f"kappa dt = {kappa:g}" if kappa else "Wiener"
            for name in (
                "displacement", "increment_autocorrelation", "tail", "autocorrelation", "density",
            ):  # fmt: skip
                yield Cell(
                    f"predictive_checks: {name}", f"n = {n}, {model}",
                    functools.partial(count, n, kappa, name), "test", 400,
                )  # fmt: skip


def standing_cells():
    """Where a model holds: changes in time and longer lags, of series without them."""

    def changed(n, model, kappa, rng, series):
        times = np.arange(n)
        x = ornstein_uhlenbeck(rng, series, times, kappa=kappa) if kappa else wiener(rng, series, n)
        found = sp.dynamics.segments(along_time(x), model=model)
        return p_values(np.where(found["segments"].to_numpy() > 1, 0.0, 1.0))

    def coarse(n, rng, series):
        found = sp.dynamics.wiener_lag(along_time(wiener(rng, series, n)))
        return p_values(np.where(found["wiener_lag"].to_numpy() > 1, 0.0, 1.0))

    said = "conservative where the process relaxes"
    for n in (200, 1000, 10_000):
        for model in ("wiener", "drifted_wiener", "ou"):
            yield Cell(
                "segments: a change", f"n = {n}, {model} of a random walk",
                functools.partial(changed, n, model, 0.0), "test", 400,
            )  # fmt: skip
        for kappa in (0.05, 0.3):
            yield Cell(
                "segments: a change", f"n = {n}, ou, kappa dt = {kappa:g}",
                functools.partial(changed, n, "ou", kappa), "test", 400, said,
            )  # fmt: skip
        yield Cell(
            "wiener_lag: above the spacing", f"n = {n}", functools.partial(coarse, n), "test", 400
        )


def groups():
    """All cells of this file."""
    yield from wiener_cells()
    yield from unit_root_cells()
    yield from warning_cells()
    yield from phases_cells()
    yield from production_cells()
    yield from check_cells()
    yield from standing_cells()
