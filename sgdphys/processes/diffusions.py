"""Diffusions and their relatives: Wiener, Ornstein-Uhlenbeck, fractional, stable, in potentials."""

from typing import Any

import numpy as np
import xarray as xr
from scipy import integrate, linalg, signal

from sgdphys.errors import InputError
from sgdphys.processes.labels import labelled_path, root_of


def _noise(rng: Any, *shape: int) -> np.ndarray:
    return np.random.default_rng(rng).standard_normal(shape)


def wiener(
    *,
    drift: float = 0.0,
    diffusion: float = 0.5,
    steps: int = 10_000,
    dt: float = 1.0,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Wiener process with drift: <X(t)> = v t, MSD = 2 D t + (v t)**2.

    Parameters
    ----------
    drift, diffusion : float
        v and D, per unit time.
    steps : int
        Increments; there is one point more.
    dt : float
        Time between points.
    replicas, parameters : int
        Independent copies.
    rng : int, SeedSequence or Generator
    """
    dx = drift * dt + np.sqrt(2 * diffusion * dt) * _noise(rng, steps, replicas, parameters)
    return labelled_path(_summed(dx), dt, "wiener", drift=drift, diffusion=diffusion)


def _summed(dx: np.ndarray) -> np.ndarray:
    """Path from 0 with increments along the first axis."""
    path = np.zeros((len(dx) + 1, *dx.shape[1:]))
    np.cumsum(dx, axis=0, out=path[1:])
    return path


def scaled_brownian(
    *,
    alpha: float,
    diffusion: float = 0.5,
    steps: int = 10_000,
    dt: float = 1.0,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Brownian motion in the clock t**alpha: <(X(t_w + tau) - X(t_w))**2> = 2 D ((t_w + tau)**alpha - t_w**alpha)."""  # noqa: E501
    clock = np.diff((dt * np.arange(steps + 1)) ** alpha)
    dx = np.sqrt(2 * diffusion * clock)[:, None, None] * _noise(rng, steps, replicas, parameters)
    return labelled_path(_summed(dx), dt, "scaled_brownian", alpha=alpha, diffusion=diffusion)


def fractional_brownian(
    *,
    hurst: float,
    diffusion: float = 0.5,
    steps: int = 10_000,
    dt: float = 1.0,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Fractional Brownian motion, MSD = 2 D t**(2 H), exact by circulant embedding.

    References
    ----------
    Davies and Harte (1987), Biometrika 74, 95.
    """
    if not 0 < hurst < 1:
        raise InputError(f"hurst is {hurst}; it must lie between 0 and 1")
    k = np.arange(steps + 1.0)
    covariance = 0.5 * ((k + 1) ** (2 * hurst) - 2 * k ** (2 * hurst) + abs(k - 1) ** (2 * hurst))
    spectrum = np.fft.rfft(np.concatenate([covariance, covariance[-2:0:-1]])).real
    spectrum = np.maximum(spectrum, 0.0)  # non-negative but for rounding (Craigmile 2003)
    size = 2 * steps
    rng = np.random.default_rng(rng)
    # a loop, so that memory is that of one series
    dx = np.empty((steps, replicas, parameters))
    for r in range(replicas):
        for p in range(parameters):
            z = rng.standard_normal((2, len(spectrum)))
            waves = np.sqrt(spectrum * size / 2) * (z[0] + 1j * z[1])
            waves[0], waves[-1] = (np.sqrt(spectrum[e] * size) * z[0, e] for e in (0, -1))
            dx[:, r, p] = np.fft.irfft(waves, size)[:steps]
    dx *= np.sqrt(2 * diffusion * dt ** (2 * hurst))
    return labelled_path(
        _summed(dx), dt, "fractional_brownian", hurst=hurst, diffusion=diffusion, alpha=2 * hurst
    )


def levy_flight(
    *,
    tail_index: float,
    scale: float = 1.0,
    steps: int = 10_000,
    dt: float = 1.0,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Symmetric stable flight: increments with characteristic function exp(-dt |scale k|**alpha).

    At a tail index of 2 it is a Wiener process with D = scale**2.

    References
    ----------
    Chambers, Mallows and Stuck (1976), J. Am. Stat. Assoc. 71, 340.
    """
    if not 0 < tail_index <= 2:
        raise InputError(f"tail_index is {tail_index}; it must lie above 0 and be at most 2")
    rng = np.random.default_rng(rng)
    shape = (steps, replicas, parameters)
    angle = rng.uniform(-np.pi / 2, np.pi / 2, shape)
    wait = rng.exponential(size=shape)
    if tail_index == 1:
        dx = np.tan(angle)
    else:
        dx = np.sin(tail_index * angle) / np.cos(angle) ** (1 / tail_index)
        dx *= (np.cos((1 - tail_index) * angle) / wait) ** ((1 - tail_index) / tail_index)
    dx *= scale * dt ** (1 / tail_index)
    return labelled_path(_summed(dx), dt, "levy_flight", tail_index=tail_index, scale=scale)


def geometric_brownian(
    *,
    growth: float = 0.0,
    volatility: float = 1.0,
    start: float = 1.0,
    steps: int = 10_000,
    dt: float = 1e-3,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Geometric Brownian motion, dX = growth X dt + volatility X dW (Ito), sampled exactly.

    D1 = growth x, D2 = volatility**2 x**2 / 2.
    """
    z = _noise(rng, steps, replicas, parameters)
    logs = _summed((growth - volatility**2 / 2) * dt + volatility * np.sqrt(dt) * z)
    return labelled_path(
        start * np.exp(logs), dt, "geometric_brownian", growth=growth, volatility=volatility
    )


def ornstein_uhlenbeck(
    *,
    kappa: Any = 1.0,
    diffusion: Any = 0.5,
    center: Any = 0.0,
    start: Any = "stationary",
    steps: int = 10_000,
    dt: float = 0.01,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """DX = -kappa (X - center) dt + sqrt(2 D) dW, sampled exactly at any dt.

    Parameters
    ----------
    kappa, diffusion : float or array (parameter, parameter)
        A scalar is the rate of independent parameters. With a matrix kappa the drift is
        -kappa (x - center), any matrix; diffusion may then be a number or a symmetric matrix.
    center : float or array (parameter,)
    start : "stationary", float or array (parameter,)
    steps, dt, replicas, parameters, rng
        As in ``wiener``; a matrix says how many parameters there are.

    Raises
    ------
    InputError
        When a stationary start is asked for and there is none.

    Notes
    -----
    X(t + dt) - c = exp(-B dt) (X(t) - c) + noise, its covariance the integral of
    exp(-B s) 2 D exp(-B' s) over dt (Van Loan 1978). The stationary covariance S solves
    B S + S B' = 2 D; the entropy production is tr(B' D^-1 B S) - tr B.
    """
    if np.ndim(kappa) == 0:
        return _scalar_ou(
            kappa, diffusion, center, start, steps, dt, replicas, parameters,
            np.random.default_rng(rng),
        )  # fmt: skip
    drift = np.asarray(kappa, float)
    d = len(drift)
    spread = np.asarray(diffusion, float)
    spread = spread * np.eye(d) if spread.ndim == 0 else spread
    centers = np.broadcast_to(np.asarray(center, float), (d,))
    van_loan = linalg.expm(dt * np.block([[-drift, 2 * spread], [np.zeros((d, d)), drift.T]]))
    step = van_loan[:d, :d]
    noise = van_loan[:d, d:] @ step.T
    is_stable = bool((np.linalg.eigvals(drift).real > 0).all())
    if isinstance(start, str) and not is_stable:
        raise InputError("this drift has no stationary state; give start a value")
    truth: dict[str, Any] = {"kappa": drift, "diffusion": spread, "center": centers}
    rng = np.random.default_rng(rng)
    values = np.empty((steps + 1, replicas, d))
    if is_stable:
        covariance = linalg.solve_continuous_lyapunov(drift, 2 * spread)
        truth["stationary_covariance"] = covariance
        if np.linalg.det(spread) > 0:
            flow = drift.T @ np.linalg.inv(spread) @ drift @ covariance
            truth["entropy_production"] = float(np.trace(flow) - np.trace(drift))
    if isinstance(start, str):
        values[0] = rng.standard_normal((replicas, d)) @ root_of(covariance).T
    else:
        values[0] = np.asarray(start, float) - centers
    _follow(values, step, noise, rng)
    flat = {k: np.ravel(v) if np.ndim(v) else v for k, v in truth.items()}
    return labelled_path(values + centers, dt, "ornstein_uhlenbeck", **flat)


def _follow(
    values: np.ndarray, step: np.ndarray, noise: np.ndarray, rng: np.random.Generator
) -> None:
    """Fill values (step, replica, parameter) after the first by x' = step x + noise."""
    kicks = rng.standard_normal(values[1:].shape) @ root_of(noise).T
    for k, kick in enumerate(kicks):
        values[k + 1] = values[k] @ step.T + kick


def linear_step(
    step: np.ndarray,
    noise: np.ndarray,
    start: np.ndarray,
    steps: int,
    replicas: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Paths (step, replica, parameter) of x' = step x + noise, first points of covariance start."""
    values = np.empty((steps + 1, replicas, len(step)))
    values[0] = rng.standard_normal((replicas, len(step))) @ root_of(start).T
    _follow(values, step, noise, rng)
    return values


def _scalar_ou(
    kappa: float, diffusion: float, center: float, start: Any, steps: int, dt: float,
    replicas: int, parameters: int, rng: np.random.Generator,
) -> xr.Dataset:  # fmt: skip
    if kappa <= 0 and isinstance(start, str):
        raise InputError(f"kappa is {kappa}: there is no stationary state; give start a value")
    phi = np.exp(-kappa * dt)
    variance = diffusion / kappa if kappa else np.inf
    kick = np.sqrt(2 * diffusion * dt if kappa == 0 else -variance * np.expm1(-2 * kappa * dt))
    values = kick * rng.standard_normal((steps + 1, replicas, parameters))
    if isinstance(start, str):
        values[0] *= np.sqrt(variance) / kick if kick else 0.0
    else:
        values[0] = np.asarray(start, float) - center
    values = signal.lfilter([1.0], [1.0, -phi], values, axis=0)
    return labelled_path(
        values + center,
        dt,
        "ornstein_uhlenbeck",
        kappa=kappa,
        diffusion=diffusion,
        center=center,
        stationary_variance=variance,
        relaxation_time=1 / kappa if kappa else np.inf,
    )


def rotating_langevin(*, rotation: float = 2.0, kappa: float = 1.0, **options: Any) -> xr.Dataset:
    """Two parameters with drift -[[kappa, rotation], [-rotation, kappa]] x and D = 1/2.

    Its entropy production is 2 rotation**2 / kappa; options are those of ``ornstein_uhlenbeck``.
    """
    drift = np.array([[kappa, rotation], [-rotation, kappa]])
    data = ornstein_uhlenbeck(kappa=drift, diffusion=0.5, **options)
    return data.assign_attrs(process="rotating_langevin")


def gyrator(
    *, coupling: float = 0.5, hot: float = 1.0, cold: float = 0.2, **options: Any
) -> xr.Dataset:
    """Two coupled parameters at different temperatures: drift -[[1, c], [c, 1]] x, D = diag.

    References
    ----------
    Filliger and Reimann (2007), Phys. Rev. Lett. 99, 230602.
    """
    drift = np.array([[1.0, coupling], [coupling, 1.0]])
    data = ornstein_uhlenbeck(kappa=drift, diffusion=np.diag([hot, cold]), **options)
    return data.assign_attrs(process="gyrator")


def double_well(
    *,
    diffusion: float = 0.1,
    steps: int = 10_000,
    dt: float = 0.1,
    substeps: int | None = None,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """DX = (X - X**3) dt + sqrt(2 D) dW, begun in the stationary density exp(-U/D).

    Integrated by the stochastic Heun rule, whose weak error is of second order, at internal steps
    of at most 0.01. The truth holds ``passage_time``, the mean time from -1 to +1.
    """
    inner = substeps or max(1, int(np.ceil(dt / 0.01)))
    h = dt / inner
    rng = np.random.default_rng(rng)
    grid = np.linspace(-3, 3, 6001)
    weight = np.exp(-(_well(grid) + 0.25) / diffusion)
    chance = integrate.cumulative_trapezoid(weight, grid, initial=0)
    x = np.interp(rng.uniform(size=(replicas, parameters)), chance / chance[-1], grid)
    values = np.empty((steps + 1, replicas, parameters))
    values[0] = x
    for k in range(steps):
        for _ in range(inner):
            kick = np.sqrt(2 * diffusion * h) * rng.standard_normal(x.shape)
            slope = x - x**3
            guess = x + h * slope + kick
            x = x + 0.5 * h * (slope + guess - guess**3) + kick
        values[k + 1] = x
    return labelled_path(
        values, dt, "double_well", diffusion=diffusion, passage_time=_passage_time(diffusion)
    )


def _well(x: np.ndarray) -> np.ndarray:
    return x**4 / 4 - x**2 / 2


def _passage_time(diffusion: float) -> float:
    """Mean first-passage time from -1 to +1: 1/D times the integral of e^{U/D} int e^{-U/D}."""
    grid = np.linspace(-3, 1, 40001)
    potential = _well(grid) / diffusion
    inside = integrate.cumulative_trapezoid(np.exp(-potential), grid, initial=0)
    late = grid >= -1
    return float(integrate.trapezoid((np.exp(potential) * inside)[late], grid[late]) / diffusion)


def slow_fold(
    *,
    control: tuple[float, float] = (1.0, 0.05),
    diffusion: float = 1e-3,
    steps: int = 500,
    dt: float = 0.5,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """DX = (r - X**2) dt + sqrt(2 D) dW, while the control r moves evenly towards the fold at 0.

    The state near sqrt(r) relaxes at the rate 2 sqrt(r), ever more slowly. A path that escapes over
    the barrier at -sqrt(r) is NaN from there.

    Parameters
    ----------
    control : (float, float)
        r at the start and at the end, both above 0.
    diffusion, steps, dt, replicas, parameters, rng
        As in ``wiener``; integrated at internal steps of at most 0.01.

    References
    ----------
    Strogatz (2015), "Nonlinear dynamics and chaos", section 3.1.
    """
    inner = max(1, int(np.ceil(dt / 0.01)))
    h = dt / inner
    rng = np.random.default_rng(rng)
    course = np.linspace(*control, steps * inner)
    x = np.full((replicas, parameters), np.sqrt(control[0]))
    values = np.empty((steps + 1, replicas, parameters))
    values[0] = x
    for k in range(steps):
        for r in course[k * inner : (k + 1) * inner]:
            x = x + h * (r - x * x) + np.sqrt(2 * diffusion * h) * rng.standard_normal(x.shape)
            x = np.where(x < -2 * np.sqrt(r), np.nan, x)
        values[k + 1] = x
    return labelled_path(values, dt, "slow_fold", control=list(control), diffusion=diffusion)
