"""Diffusion processes: Wiener, Ornstein-Uhlenbeck, fractional, stable, and in potentials."""

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
    """Wiener process (Brownian motion) with drift.

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
        Seed.

    Returns
    -------
    Dataset
        theta (step, replica, parameter), from 0, with coordinates step and time = step dt; the
        parameters as attributes.

    See Also
    --------
    ornstein_uhlenbeck : With a restoring force.
    fractional_brownian : With correlated increments.
    levy_flight : With heavy-tailed increments.

    Notes
    -----
    dX = v dt + sqrt(2 D) dW: <X(t)> = v t, MSD = 2 D t + (v t)**2.

    References
    ----------
    Risken (1989), "The Fokker-Planck equation".

    Examples
    --------
    At t = 100 the mean squared displacement is 2 D t = 100:

    >>> import sgdphys as sp
    >>> theta = sp.processes.wiener(diffusion=0.5, steps=100, replicas=5000, rng=0)["theta"]
    >>> round(float((theta[-1] ** 2).mean()) / 100, 1)
    1.0
    """
    dx = drift * dt + np.sqrt(2 * diffusion * dt) * _noise(rng, steps, replicas, parameters)
    return labelled_path(summed(dx), dt, "wiener", drift=drift, diffusion=diffusion)


def summed(dx: np.ndarray) -> np.ndarray:
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
    """Scaled Brownian motion: a Wiener process in the clock t**alpha, which ages.

    Parameters
    ----------
    alpha : float
        Exponent of the mean squared displacement.
    diffusion, steps, dt, replicas, parameters, rng
        As in ``wiener``.

    Returns
    -------
    Dataset
        As ``wiener``; attributes alpha and diffusion.

    See Also
    --------
    fractional_brownian : The same MSD exponent from correlated, stationary increments.
    sgdphys.dynamics.two_time_msd : Estimate of ageing.

    Notes
    -----
    <(X(t_w + tau) - X(t_w))**2> = 2 D ((t_w + tau)**alpha - t_w**alpha).

    References
    ----------
    Jeon, Chechkin and Metzler (2014), Phys. Chem. Chem. Phys. 16, 15811.

    Examples
    --------
    At t = 100 the mean squared displacement is 100**0.5 = 10:

    >>> import sgdphys as sp
    >>> theta = sp.processes.scaled_brownian(alpha=0.5, steps=100, replicas=5000, rng=0)["theta"]
    >>> round(float((theta[-1] ** 2).mean()))
    10
    """
    clock = np.diff((dt * np.arange(steps + 1)) ** alpha)
    dx = np.sqrt(2 * diffusion * clock)[:, None, None] * _noise(rng, steps, replicas, parameters)
    return labelled_path(summed(dx), dt, "scaled_brownian", alpha=alpha, diffusion=diffusion)


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
    """Fractional Brownian motion (FBM): Gaussian, with power-law correlated increments.

    Parameters
    ----------
    hurst : float
        Hurst exponent H, between 0 and 1; 1/2 is a Wiener process.
    diffusion, steps, dt, replicas, parameters, rng
        As in ``wiener``.

    Returns
    -------
    Dataset
        As ``wiener``; attributes hurst, diffusion and alpha = 2 H.

    Raises
    ------
    InputError
        For a Hurst exponent outside (0, 1).

    See Also
    --------
    scaled_brownian : The same MSD exponent without stationary increments.
    sgdphys.dynamics.fit_fbm : Estimate of H and D.

    Notes
    -----
    MSD = 2 D t**(2 H); increments are exact, by circulant embedding.

    References
    ----------
    Davies and Harte (1987), Biometrika 74, 95.

    Examples
    --------
    At t = 100 the mean squared displacement is 100**(2 H):

    >>> import sgdphys as sp
    >>> data = sp.processes.fractional_brownian(hurst=0.25, steps=100, replicas=5000, rng=0)
    >>> round(float((data["theta"][-1] ** 2).mean()))
    10
    """
    if not 0 < hurst < 1:
        raise InputError(f"hurst is {hurst}; it must lie between 0 and 1")
    dx = np.empty((steps, replicas, parameters))
    noise = fractional_noise(np.random.default_rng(rng), hurst, replicas * parameters, steps)
    dx[...] = noise.reshape(replicas, parameters, steps).transpose(2, 0, 1)
    dx *= np.sqrt(2 * diffusion * dt ** (2 * hurst))
    return labelled_path(
        summed(dx), dt, "fractional_brownian", hurst=hurst, diffusion=diffusion, alpha=2 * hurst
    )


def fractional_noise(rng: np.random.Generator, hurst: float, series: int, steps: int) -> np.ndarray:
    """Fractional Gaussian noise of unit variance (series, step), exact by circulant embedding."""
    k = np.arange(steps + 1.0)
    covariance = 0.5 * ((k + 1) ** (2 * hurst) - 2 * k ** (2 * hurst) + abs(k - 1) ** (2 * hurst))
    spectrum = np.fft.rfft(np.concatenate([covariance, covariance[-2:0:-1]])).real
    spectrum = np.maximum(spectrum, 0.0)  # non-negative except for rounding (Craigmile 2003)
    size = 2 * steps
    out = np.empty((series, steps))
    for row in out:  # a loop, so that memory is bounded by one series
        z = rng.standard_normal((2, len(spectrum)))
        waves = np.sqrt(spectrum * size / 2) * (z[0] + 1j * z[1])
        waves[0], waves[-1] = (np.sqrt(spectrum[e] * size) * z[0, e] for e in (0, -1))
        row[:] = np.fft.irfft(waves, size)[:steps]
    return out


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
    """Levy flight: random walk with symmetric alpha-stable (heavy-tailed) increments.

    Parameters
    ----------
    tail_index : float
        Stability index alpha, above 0 and at most 2.
    scale : float
        Scale of the increments per unit time.
    steps, dt, replicas, parameters, rng
        As in ``wiener``.

    Returns
    -------
    Dataset
        As ``wiener``; attributes tail_index and scale.

    Raises
    ------
    InputError
        For a tail index outside (0, 2].

    See Also
    --------
    sgdphys.dynamics.fit_levy : Estimate of tail index and scale.
    sgdphys.dynamics.tail_index : Test against Gaussian increments.

    Notes
    -----
    The characteristic function of an increment is exp(-dt |scale k|**alpha). At alpha = 2 this is a
    Wiener process with D = scale**2.

    References
    ----------
    Chambers, Mallows and Stuck (1976), J. Am. Stat. Assoc. 71, 340.

    Examples
    --------
    At alpha = 1 increments are Cauchy distributed, half of them between -1 and 1:

    >>> import sgdphys as sp
    >>> theta = sp.processes.levy_flight(tail_index=1.0, steps=10_000, rng=0)["theta"]
    >>> round(float((abs(theta.diff("step")) < 1).mean()), 2)
    0.5
    """
    if not 0 < tail_index <= 2:
        raise InputError(f"tail_index is {tail_index}; it must lie above 0 and be at most 2")
    dx = stable_noise(np.random.default_rng(rng), tail_index, (steps, replicas, parameters))
    dx *= scale * dt ** (1 / tail_index)
    return labelled_path(summed(dx), dt, "levy_flight", tail_index=tail_index, scale=scale)


def stable_noise(rng: np.random.Generator, tail_index: float, shape: tuple[int, ...]) -> np.ndarray:
    """Symmetric stable numbers of scale 1 (Chambers, Mallows and Stuck 1976)."""
    angle = rng.uniform(-np.pi / 2, np.pi / 2, shape)
    waiting_time = rng.exponential(size=shape)
    if tail_index == 1:
        return np.asarray(np.tan(angle))
    dx = np.sin(tail_index * angle) / np.cos(angle) ** (1 / tail_index)
    dx *= (np.cos((1 - tail_index) * angle) / waiting_time) ** ((1 - tail_index) / tail_index)
    return np.asarray(dx)


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
    """Geometric Brownian motion (lognormal process, multiplicative noise), sampled exactly.

    Parameters
    ----------
    growth, volatility : float
        mu and sigma, per unit time.
    start : float
        X(0).
    steps, dt, replicas, parameters, rng
        As in ``wiener``.

    Returns
    -------
    Dataset
        As ``wiener``; attributes growth and volatility.

    See Also
    --------
    sgdphys.dynamics.kramers_moyal : Estimates of D1(x) and D2(x).
    ornstein_uhlenbeck : Additive noise.

    Notes
    -----
    dX = mu X dt + sigma X dW (Ito); Kramers-Moyal coefficients D1 = mu x, D2 = sigma**2 x**2/2.

    References
    ----------
    Risken (1989), "The Fokker-Planck equation".

    Examples
    --------
    The mean grows as exp(mu t), here to exp(0.5) = 1.65:

    >>> import sgdphys as sp
    >>> theta = sp.processes.geometric_brownian(
    ...     growth=0.5, volatility=0.2, dt=0.01, steps=100, replicas=5000, rng=0
    ... )["theta"]
    >>> round(float(theta[-1].mean()), 2)
    1.65
    """
    z = _noise(rng, steps, replicas, parameters)
    logs = summed((growth - volatility**2 / 2) * dt + volatility * np.sqrt(dt) * z)
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
    """Ornstein-Uhlenbeck process (OU, mean reverting; in several dimensions too), sampled exactly.

    Parameters
    ----------
    kappa : float or array (parameter, parameter)
        Relaxation rate of independent parameters, or any drift matrix.
    diffusion : float or array (parameter, parameter)
        D; with a drift matrix also a symmetric matrix.
    center : float or array (parameter,)
        Mean c.
    start : "stationary", float or array (parameter,)
        Random from the stationary state, or a value.
    steps, dt, replicas, parameters, rng
        As in ``wiener``; a matrix determines the number of parameters.

    Returns
    -------
    Dataset
        As ``wiener``. Attributes: the parameters; stationary_variance and relaxation_time =
        1/kappa, or for a matrix stationary_covariance and entropy_production (flattened).

    Raises
    ------
    InputError
        If a stationary start is asked for and there is none.

    See Also
    --------
    rotating_langevin : Two dimensions with a rotational, irreversible drift.
    gyrator : Two coupled temperatures.
    sgdphys.dynamics.fit_ou : Estimate of kappa, D and c.
    sgdphys.dynamics.fit_langevin : The same jointly for several coordinates.

    Notes
    -----
    dX = -B (X - c) dt + sqrt(2 D) dW. X(t + dt) - c = exp(-B dt) (X(t) - c) + noise,
    its covariance the integral of exp(-B s) 2 D exp(-B' s) over dt (Van Loan 1978). The stationary
    covariance S solves B S + S B' = 2 D; the entropy production is tr(B' D^-1 B S) - tr B.

    References
    ----------
    Van Loan (1978), IEEE Trans. Autom. Control 23, 395; Risken (1989), "The
    Fokker-Planck equation".

    Examples
    --------
    The stationary variance is D/kappa:

    >>> import sgdphys as sp
    >>> data = sp.processes.ornstein_uhlenbeck(kappa=2.0, diffusion=1.0, replicas=100, rng=0)
    >>> round(float(data["theta"].var()), 2), data.attrs["stationary_variance"]
    (0.5, 0.5)
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
    """Iterate x' = step x + noise: fill values (step, replica, parameter) after the first step."""
    draws = rng.standard_normal(values[1:].shape) @ root_of(noise).T
    for k, draw in enumerate(draws):
        values[k + 1] = values[k] @ step.T + draw


def linear_step(
    step: np.ndarray,
    noise: np.ndarray,
    start: np.ndarray,
    steps: int,
    replicas: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Vector autoregression VAR(1): paths of x' = step x + noise.

    Parameters
    ----------
    step : array (parameter, parameter)
        Matrix of the recursion.
    noise : array (parameter, parameter)
        Covariance of the noise.
    start : array (parameter, parameter)
        Covariance of the first points.
    steps, replicas : int
    rng : Generator

    Returns
    -------
    array (step, replica, parameter)
        A plain array, since the unit and the clock of the steps are the caller's.

    See Also
    --------
    ornstein_uhlenbeck : The same in continuous time.

    Notes
    -----
    The stationary covariance S solves S = step S step' + noise.

    Examples
    --------
    >>> import numpy as np
    >>> import sgdphys as sp
    >>> one = np.eye(1)
    >>> x = sp.processes.linear_step(0.6 * one, 0.64 * one, one, 1000, 50, np.random.default_rng(0))
    >>> round(float(x.var()), 1)
    1.0
    """
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
    noise = np.sqrt(2 * diffusion * dt if kappa == 0 else -variance * np.expm1(-2 * kappa * dt))
    values = noise * rng.standard_normal((steps + 1, replicas, parameters))
    if isinstance(start, str):
        values[0] *= np.sqrt(variance) / noise if noise else 0.0
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
    """Langevin equation with a rotational drift: irreversible, with known entropy production.

    Parameters
    ----------
    rotation, kappa : float
        Angular velocity w and relaxation rate.
    **options
        Of ``ornstein_uhlenbeck``: start, steps, dt, replicas, rng.

    Returns
    -------
    Dataset
        As ``ornstein_uhlenbeck``, two parameters; attribute entropy_production.

    See Also
    --------
    gyrator : Irreversible by two temperatures.
    sgdphys.dynamics.entropy_production : Estimate of the entropy production.

    Notes
    -----
    dX = -[[kappa, w], [-w, kappa]] X dt + dW, D = 1/2: entropy production 2 w**2/kappa.

    References
    ----------
    Risken (1989), "The Fokker-Planck equation".

    Examples
    --------
    >>> import sgdphys as sp
    >>> data = sp.processes.rotating_langevin(rotation=2.0, kappa=1.0, steps=100, rng=0)
    >>> round(data.attrs["entropy_production"], 6)
    8.0
    """
    drift = np.array([[kappa, rotation], [-rotation, kappa]])
    data = ornstein_uhlenbeck(kappa=drift, diffusion=0.5, **options)
    return data.assign_attrs(process="rotating_langevin")


def gyrator(
    *, coupling: float = 0.5, hot: float = 1.0, cold: float = 0.2, **options: Any
) -> xr.Dataset:
    """Brownian gyrator: two coupled parameters at different temperatures, out of equilibrium.

    Parameters
    ----------
    coupling : float
        c.
    hot, cold : float
        Diffusion coefficients of the two parameters.
    **options
        Of ``ornstein_uhlenbeck``: start, steps, dt, replicas, rng.

    Returns
    -------
    Dataset
        As ``ornstein_uhlenbeck``, two parameters; attribute entropy_production.

    See Also
    --------
    rotating_langevin : Irreversible by a rotational drift.
    sgdphys.dynamics.entropy_production : Estimate of the entropy production.

    Notes
    -----
    dX = -[[1, c], [c, 1]] X dt + sqrt(2 D) dW, D = diag(hot, cold); equilibrium only
    for hot = cold.

    References
    ----------
    Filliger and Reimann (2007), Phys. Rev. Lett. 99, 230602.

    Examples
    --------
    At equal temperatures no entropy is produced:

    >>> import sgdphys as sp
    >>> pair = [sp.processes.gyrator(hot=1.0, cold=t, steps=10, rng=0) for t in (1.0, 0.2)]
    >>> [abs(round(data.attrs["entropy_production"], 2)) for data in pair]
    [0.0, 0.4]
    """
    drift = np.array([[1.0, coupling], [coupling, 1.0]])
    data = ornstein_uhlenbeck(kappa=drift, diffusion=np.diag([hot, cold]), **options)
    return data.assign_attrs(process="gyrator")


def double_well(
    *,
    diffusion: float = 0.1,
    steps: int = 10_000,
    dt: float = 0.1,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
    substeps: int | None = None,
) -> xr.Dataset:
    """Overdamped Langevin equation in a double-well potential (Kramers escape problem).

    Parameters
    ----------
    diffusion : float
        D, the temperature.
    steps, dt, replicas, parameters, rng
        As in ``wiener``.
    substeps : int, optional
        Internal steps per point; by default of at most 0.01 each.

    Returns
    -------
    Dataset
        As ``wiener``, from the stationary density; attributes diffusion and passage_time, the mean
        first-passage time from -1 to +1.

    See Also
    --------
    slow_fold : Escape where the barrier vanishes slowly.
    sgdphys.dynamics.kramers_moyal : Estimates of drift and diffusion as functions of x.

    Notes
    -----
    dX = (X - X**3) dt + sqrt(2 D) dW, U = x**4/4 - x**2/2, stationary density exp(-U/D)/Z.
    Integrated by the stochastic Heun scheme, whose weak error is of second order.

    References
    ----------
    Risken (1989), "The Fokker-Planck equation", chapter 5.

    Examples
    --------
    The passage time tends to that of Kramers, sqrt(2) pi exp(1/(4 D)):

    >>> import math
    >>> import sgdphys as sp
    >>> data = sp.processes.double_well(diffusion=0.02, steps=10, rng=0)
    >>> round(data.attrs["passage_time"] / (math.sqrt(2) * math.pi * math.exp(12.5)), 1)
    1.0
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
            noise = np.sqrt(2 * diffusion * h) * rng.standard_normal(x.shape)
            slope = x - x**3
            guess = x + h * slope + noise
            x = x + 0.5 * h * (slope + guess - guess**3) + noise
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
    weighted = np.exp(potential[late]) * inside[late]
    return float(integrate.trapezoid(weighted, grid[late]) / diffusion)


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
    """Slow passage to a fold (saddle-node) bifurcation: a tipping point, for early-warning tests.

    Parameters
    ----------
    control : (float, float)
        r at the start and at the end, both above 0.
    diffusion, steps, dt, replicas, parameters, rng
        As in ``wiener``; integrated at internal steps of at most 0.01.

    Returns
    -------
    Dataset
        As ``wiener``; attributes control and diffusion. A path that escapes over the barrier at
        -sqrt(r) is NaN from there on.

    See Also
    --------
    pitchfork : A pitchfork bifurcation, also as a ramp.
    sgdphys.dynamics.early_warning : Detection of the rise of variance and memory.

    Notes
    -----
    dX = (r - X**2) dt + sqrt(2 D) dW, the control parameter r decreasing linearly
    towards the fold at 0. The state near sqrt(r) relaxes at the rate 2 sqrt(r): critical slowing
    down.

    References
    ----------
    Strogatz (2015), "Nonlinear dynamics and chaos", section 3.1.

    Examples
    --------
    The state follows sqrt(r), from 1 to 0.5:

    >>> import sgdphys as sp
    >>> data = sp.processes.slow_fold(control=(1.0, 0.25), steps=200, diffusion=1e-6, rng=0)
    >>> data["theta"].isel(step=[0, -1]).values.ravel().round(2)
    array([1.  , 0.51])
    """
    inner = max(1, int(np.ceil(dt / 0.01)))
    h = dt / inner
    rng = np.random.default_rng(rng)
    ramp = np.linspace(*control, steps * inner)
    x = np.full((replicas, parameters), np.sqrt(control[0]))
    values = np.empty((steps + 1, replicas, parameters))
    values[0] = x
    for k in range(steps):
        for r in ramp[k * inner : (k + 1) * inner]:
            x = x + h * (r - x * x) + np.sqrt(2 * diffusion * h) * rng.standard_normal(x.shape)
            x = np.where(x < -2 * np.sqrt(r), np.nan, x)
        values[k + 1] = x
    return labelled_path(values, dt, "slow_fold", control=list(control), diffusion=diffusion)
