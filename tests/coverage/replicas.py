"""Cells of estimators over replicas."""

import functools

import numpy as np
import xarray as xr
from cells import Cell, interval, one_by_one
from simulators import curie_weiss_law, ornstein_uhlenbeck, wiener

import sgdphys as sp
from sgdphys.intervals import mean_with_interval

_MEMBERS = (3, 5, 10, 50)
_SPINS = 1024
_DRAWS = {
    "normal": (lambda g, shape: g.standard_normal(shape), 0.0, "symmetric"),
    "Student's t with 3": (lambda g, shape: g.standard_t(3, shape), 0.0, "symmetric"),
    "exponential": (lambda g, shape: g.exponential(1.0, shape), 1.0, "positive"),
    "chi-squared with 1": (lambda g, shape: g.chisquare(1, shape), 1.0, "positive"),
    "lognormal, s = 1": (
        lambda g, shape: np.exp(g.standard_normal(shape)), np.exp(0.5), "positive"
    ),
    "lognormal, s = 1 ": (lambda g, shape: np.exp(g.standard_normal(shape)), 1.0, "geometric"),
    "exponential ": (lambda g, shape: g.exponential(1.0, shape), np.log(2), "median"),
    "0 or 1, share 0.5": (lambda g, shape: 1.0 * (g.random(shape) < 0.5), 0.5, "share"),
    "0 or 1, share 0.9": (lambda g, shape: 1.0 * (g.random(shape) < 0.9), 0.9, "share"),
}  # fmt: skip


def mean_cells():
    """Means, geometric means, shares and medians of independent members."""

    def count(draw, truth, kind, members, missing, rng, series):
        x = draw(rng, (members, series))
        x = np.concatenate([x, np.full((missing, series), np.nan)])
        values = xr.DataArray(x, dims=("replica", "series"), name="x")
        return interval(mean_with_interval(values, kind=kind), "x", truth)

    for name, (draw, truth, kind) in _DRAWS.items():
        for members in _MEMBERS:
            yield Cell(
                f"mean over replicas, {kind}", f"{name.strip()}, {members} members",
                functools.partial(count, draw, truth, kind, members, 0),
                kind="exact" if kind in ("share", "median") else "interval", series=4000,
            )  # fmt: skip
    draw, truth, kind = _DRAWS["normal"]
    yield Cell(
        "mean over replicas, symmetric", "normal, 3 finite members of 50",
        functools.partial(count, draw, truth, kind, 3, 47), series=4000,
    )  # fmt: skip


def diffusion_cells():
    """Diffusion by lag, two-time MSD and exponents of ensembles of Wiener processes, D = 0.5."""

    def paths(rng, series, members, n):
        x = wiener(rng, series * members, n).reshape(series, members, n)
        return xr.DataArray(x, dims=("series", "replica", "time"), coords={"time": np.arange(n)})

    def by_lag(members, lag, rng, series):
        found = sp.dynamics.diffusion_vs_lag(
            paths(rng, series, members, 200), time="time", lags=[lag], over="replica"
        )
        return interval(found.isel(lag=0), "diffusion", 0.5)

    def two_time(members, name, truth, rng, series):
        found = sp.dynamics.two_time_msd(
            paths(rng, series, members, 60), time="time", waiting_times=[5, 10, 20, 40], lags=[4]
        ).isel(lag=0)
        if name == "msd":
            found = found.isel(waiting_time=1)
        return interval(found, name, truth)

    def exponent(members, rng, series):
        found = sp.dynamics.msd_exponent(
            paths(rng, series, members, 100), time="time", over="replica"
        )
        return interval(found, "alpha", 1.0)

    def breaking(members, rng, series):
        found = sp.dynamics.ergodicity_breaking(
            paths(rng, series, members, 200), time="time", lags=[5]
        ).isel(lag=0)
        return interval(found, "ergodicity_breaking", float(found["brownian_ergodicity_breaking"]))

    for members in _MEMBERS:
        for lag in (1, 10, 50):
            yield Cell(
                "diffusion_vs_lag: diffusion", f"{members} members, lag {lag} of 200",
                functools.partial(by_lag, members, lag), series=1000,
            )  # fmt: skip
        for name, truth in (("msd", 4.0), ("ageing", 0.0)):
            yield Cell(
                f"two_time_msd: {name}", f"{members} members",
                functools.partial(two_time, members, name, truth), series=1000,
            )  # fmt: skip
        yield Cell(
            "msd_exponent: alpha, over=", f"{members} members",
            functools.partial(exponent, members), series=1000,
        )  # fmt: skip
        yield Cell(
            "ergodicity_breaking", f"{members} members", functools.partial(breaking, members),
            series=1000,
        )  # fmt: skip


def fixed_time_cells():
    """Diffusion coefficients across an ensemble, D = 0.5, where members are missing at times."""

    def count(members, missing, rng, series):
        x = wiener(rng, series * (members + missing), 3).reshape(series, members + missing, 3)
        x[:, members:, 1:] = np.nan
        array = xr.DataArray(x, dims=("series", "replica", "time"), coords={"time": np.arange(3)})
        found = sp.dynamics.ensemble_diffusion(array, time="time")
        return interval(found.isel(time=1), "diffusion", 0.5)

    for members in _MEMBERS:
        for missing in (0, 4):
            gone = f", {missing} missing" if missing else ""
            yield Cell(
                "ensemble_diffusion", f"{members} members{gone}",
                functools.partial(count, members, missing), series=2000,
            )  # fmt: skip


def moment_cells():
    """Moments of an order parameter, and Kramers-Moyal coefficients."""

    def moments(members, name, truth, rng, series):
        m = xr.DataArray(rng.standard_normal((members, series)), dims=("replica", "series"))
        return interval(sp.transitions.order_parameter(m), name, truth)

    def magnet(members, coupling, name, rng, series):
        values, weight = curie_weiss_law(_SPINS, coupling)
        second, fourth = weight @ values**2, weight @ values**4
        order = weight @ np.abs(values)
        truth = {
            "order": order,
            "susceptibility": second - order**2,
            "binder": 1 - fourth / (3 * second**2),
        }[name]
        m = xr.DataArray(
            rng.choice(values, (members, series), p=weight), dims=("replica", "series")
        )
        return interval(sp.transitions.order_parameter(m), name, truth)

    def coefficients(members, name, rng, series):
        dt = 0.05

        def of(x):
            array = xr.DataArray(x, dims=("replica", "time"), coords={"time": dt * np.arange(1000)})
            found = sp.dynamics.kramers_moyal(array, time="time", over="replica", bins=7)
            centre = found.isel(bin=3)
            decay = (1 - np.exp(-dt)) / dt
            if name == "drift":  # measured from its expectation at the centre of the bin
                shift = decay * centre["position"]
                return {f"drift{e}": centre[f"drift{e}"] + shift for e in ("_low", "_high")}
            return centre

        truth = 0.0 if name == "drift" else (1 - np.exp(-2 * dt)) / (2 * dt)
        arrays = (
            ornstein_uhlenbeck(rng, members, dt * np.arange(1000), kappa=1.0) for _ in range(series)
        )
        return one_by_one(of, arrays, name, truth)

    for members in _MEMBERS[1:]:
        for name, truth in (
            ("order", np.sqrt(2 / np.pi)),
            ("susceptibility", 1 - 2 / np.pi),
            ("binder", 0.0),
        ):
            few = "the docstring" if name == "binder" and members <= 10 else ""
            yield Cell(
                f"order_parameter: {name}", f"normal, {members} members",
                functools.partial(moments, members, name, truth), series=2000, said=few,
            )  # fmt: skip
            for coupling in (0.7, 0.95, 1.0, 1.05, 1.3):
                yield Cell(
                    f"order_parameter: {name}",
                    f"{_SPINS} spins of coupling {coupling:g}, {members} members",
                    functools.partial(magnet, members, coupling, name), series=2000,
                    said=few,
                )  # fmt: skip
        for name in ("drift", "diffusion"):
            yield Cell(
                f"kramers_moyal: {name}, over=", f"{members} paths of 1000 points",
                functools.partial(coefficients, members, name), series=200,
            )  # fmt: skip


def overlap_cells():
    """Overlaps of independent networks, whose weights are normal."""

    def layers(rng, members):
        theta = rng.standard_normal((members, 5 * 8 + 2 * 5))
        coords = {
            "layer": ("parameter", [1] * 40 + [2] * 10),
            "kind": ("parameter", ["weight"] * 50),
        }
        return xr.DataArray(
            theta, dims=("replica", "parameter"), coords=coords, attrs={"sizes": [8, 5, 2]}
        )

    def overlap(members, rng, series):
        return one_by_one(
            lambda x: sp.dynamics.replica_overlap(x).isel(layer=0),
            (layers(rng, members) for _ in range(series)), "overlap", 0.0,
        )  # fmt: skip

    def units(members, rng, series):
        # a mean over members: the root mean square cosine of many
        cosines = rng.standard_normal((4000, 5, 8))
        cosines /= np.linalg.norm(cosines, axis=-1, keepdims=True)
        products = np.einsum("rui,rvi->ruv", cosines, cosines)
        u, v = np.triu_indices(5, 1)
        truth = float(np.sqrt((products[:, u, v] ** 2).mean()))
        return one_by_one(
            lambda x: sp.dynamics.unit_overlap(x).isel(layer=0),
            (layers(rng, members) for _ in range(series)), "unit_overlap", truth,
        )  # fmt: skip

    for members in (5, 10, 30):
        yield Cell(
            "replica_overlap: overlap", f"{members} members", functools.partial(overlap, members),
            series=200,
        )  # fmt: skip
        yield Cell(
            "unit_overlap", f"{members} members", functools.partial(units, members), series=300
        )


def correlation_cells():
    """Rank correlations over replicas of normal pairs."""
    from sgdphys.claims.correlations import rank_correlation

    def count(members, rho, rng, series):
        truth = 6 / np.pi * np.arcsin(rho / 2)

        def of(_):
            a = rng.standard_normal((2, members))
            b = rho * a[0] + np.sqrt(1 - rho**2) * a[1]
            found = rank_correlation(
                *(xr.DataArray(v, dims="replica") for v in (a[0], b)), rng=int(rng.integers(2**31))
            )
            return {"r_low": found.low, "r_high": found.high}

        return one_by_one(of, range(series), "r", truth)

    for members in (5, 10, 20, 50):
        for rho in (0.0, 0.6, 0.95):
            yield Cell(
                "rank_correlation, over replicas", f"{members} members, rho = {rho:g}",
                functools.partial(count, members, rho), kind="exact", series=200,
            )  # fmt: skip


def groups():
    """All cells of this file."""
    yield from mean_cells()
    yield from diffusion_cells()
    yield from fixed_time_cells()
    yield from moment_cells()
    yield from overlap_cells()
    yield from correlation_cells()
