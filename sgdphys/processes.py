"""Stochastic processes that carry their exact answers, for testing what reads trajectories.

Every process returns a Dataset theta (step, replica, parameter) with coordinates step (whole) and
time = step dt; its attributes hold the truth, per unit ``time``. In Langevin form
dX = b(X) dt + sqrt(2 D) dW, so that the mean squared displacement is 2 D t a coordinate.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from scipy import integrate, linalg, optimize, signal, special

from sgdphys.errors import InputError
from sgdphys.quantities import labelled


def _dataset(values: np.ndarray, dt: float, process: str, **truth: Any) -> xr.Dataset:
    """Label (step, replica, parameter) and attach the truth."""
    steps = np.arange(len(values))
    data = xr.Dataset(
        {"theta": (("step", "replica", "parameter"), values)},
        coords={"step": steps, "time": ("step", steps * float(dt))},
        attrs={"process": process, "dt": float(dt), **truth},
    )
    data = labelled(data)
    data["time"].attrs["units"] = "time"
    return data


def _noise(seed: Any, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def wiener(
    *,
    drift: float = 0.0,
    diffusion: float = 0.5,
    steps: int = 10_000,
    dt: float = 1.0,
    replicas: int = 1,
    parameters: int = 1,
    seed: Any = 0,
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
    seed : int, SeedSequence or Generator
    """
    dx = drift * dt + np.sqrt(2 * diffusion * dt) * _noise(seed, steps, replicas, parameters)
    return _dataset(_summed(dx), dt, "wiener", drift=drift, diffusion=diffusion)


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
    seed: Any = 0,
) -> xr.Dataset:
    """Brownian motion in the clock t**alpha: <(X(t_w + tau) - X(t_w))**2> = 2 D ((t_w + tau)**alpha - t_w**alpha)."""  # noqa: E501
    clock = np.diff((dt * np.arange(steps + 1)) ** alpha)
    dx = np.sqrt(2 * diffusion * clock)[:, None, None] * _noise(seed, steps, replicas, parameters)
    return _dataset(_summed(dx), dt, "scaled_brownian", alpha=alpha, diffusion=diffusion)


def fractional_brownian(
    *,
    hurst: float,
    diffusion: float = 0.5,
    steps: int = 10_000,
    dt: float = 1.0,
    replicas: int = 1,
    parameters: int = 1,
    seed: Any = 0,
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
    rng = np.random.default_rng(seed)
    # a loop, so that memory is that of one series
    dx = np.empty((steps, replicas, parameters))
    for r in range(replicas):
        for p in range(parameters):
            z = rng.standard_normal((2, len(spectrum)))
            waves = np.sqrt(spectrum * size / 2) * (z[0] + 1j * z[1])
            waves[0], waves[-1] = (np.sqrt(spectrum[e] * size) * z[0, e] for e in (0, -1))
            dx[:, r, p] = np.fft.irfft(waves, size)[:steps]
    dx *= np.sqrt(2 * diffusion * dt ** (2 * hurst))
    return _dataset(
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
    seed: Any = 0,
) -> xr.Dataset:
    """Symmetric stable flight: increments with characteristic function exp(-dt |scale k|**alpha).

    At a tail index of 2 it is a Wiener process with D = scale**2.

    References
    ----------
    Chambers, Mallows and Stuck (1976), J. Am. Stat. Assoc. 71, 340.
    """
    if not 0 < tail_index <= 2:
        raise InputError(f"tail_index is {tail_index}; it must lie above 0 and be at most 2")
    rng = np.random.default_rng(seed)
    shape = (steps, replicas, parameters)
    angle = rng.uniform(-np.pi / 2, np.pi / 2, shape)
    wait = rng.exponential(size=shape)
    if tail_index == 1:
        dx = np.tan(angle)
    else:
        dx = np.sin(tail_index * angle) / np.cos(angle) ** (1 / tail_index)
        dx *= (np.cos((1 - tail_index) * angle) / wait) ** ((1 - tail_index) / tail_index)
    dx *= scale * dt ** (1 / tail_index)
    return _dataset(_summed(dx), dt, "levy_flight", tail_index=tail_index, scale=scale)


def geometric_brownian(
    *,
    growth: float = 0.0,
    volatility: float = 1.0,
    start: float = 1.0,
    steps: int = 10_000,
    dt: float = 1e-3,
    replicas: int = 1,
    parameters: int = 1,
    seed: Any = 0,
) -> xr.Dataset:
    """Geometric Brownian motion, dX = growth X dt + volatility X dW (Ito), sampled exactly.

    D1 = growth x, D2 = volatility**2 x**2 / 2.
    """
    z = _noise(seed, steps, replicas, parameters)
    logs = _summed((growth - volatility**2 / 2) * dt + volatility * np.sqrt(dt) * z)
    return _dataset(
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
    seed: Any = 0,
) -> xr.Dataset:
    """DX = -kappa (X - center) dt + sqrt(2 D) dW, sampled exactly at any dt.

    Parameters
    ----------
    kappa, diffusion : float or array (parameter, parameter)
        A scalar is the rate of independent parameters. With a matrix kappa the drift is
        -kappa (x - center), any matrix; diffusion may then be a number or a symmetric matrix.
    center : float or array (parameter,)
    start : "stationary", float or array (parameter,)
    steps, dt, replicas, parameters, seed
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
            np.random.default_rng(seed),
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
    rng = np.random.default_rng(seed)
    values = np.empty((steps + 1, replicas, d))
    if is_stable:
        covariance = linalg.solve_continuous_lyapunov(drift, 2 * spread)
        truth["stationary_covariance"] = covariance
        if np.linalg.det(spread) > 0:
            flow = drift.T @ np.linalg.inv(spread) @ drift @ covariance
            truth["entropy_production"] = float(np.trace(flow) - np.trace(drift))
    if isinstance(start, str):
        values[0] = rng.standard_normal((replicas, d)) @ _root(covariance).T
    else:
        values[0] = np.asarray(start, float) - centers
    _follow(values, step, noise, rng)
    flat = {k: np.ravel(v) if np.ndim(v) else v for k, v in truth.items()}
    return _dataset(values + centers, dt, "ornstein_uhlenbeck", **flat)


def _follow(
    values: np.ndarray, step: np.ndarray, noise: np.ndarray, rng: np.random.Generator
) -> None:
    """Fill values (step, replica, parameter) after the first by x' = step x + noise."""
    kicks = rng.standard_normal(values[1:].shape) @ _root(noise).T
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
    values[0] = rng.standard_normal((replicas, len(step))) @ _root(start).T
    _follow(values, step, noise, rng)
    return values


def _root(covariance: np.ndarray) -> np.ndarray:
    """A square root of a covariance that may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))


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
    return _dataset(
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
    seed: Any = 0,
) -> xr.Dataset:
    """DX = (X - X**3) dt + sqrt(2 D) dW, begun in the stationary density exp(-U/D).

    Integrated by the stochastic Heun rule, whose weak error is of second order, at internal steps
    of at most 0.01. The truth holds ``passage_time``, the mean time from -1 to +1.
    """
    inner = substeps or max(1, int(np.ceil(dt / 0.01)))
    h = dt / inner
    rng = np.random.default_rng(seed)
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
    return _dataset(
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


def epoch_noise_spectrum(frequency: np.ndarray, batches: int) -> np.ndarray:
    """Spectrum of unit minibatch noise, drawn without replacement in epochs of K batches.

    S(f) = K/(K - 1) [1 - (sin(pi f K) / (K sin(pi f)))**2], f in cycles per step.
    """
    k = batches
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.sin(np.pi * frequency * k) / (k * np.sin(np.pi * frequency))
    ratio = np.where(np.isfinite(ratio), ratio, 1.0)
    return k / (k - 1) * (1 - ratio**2)


def epoch_noise_diffusion(lags: np.ndarray, batches: int) -> np.ndarray:
    """D over that of white noise, for noise that sums to 0 over every epoch of K steps.

    [n + 2 sum_{k < n} (n - k) C(k)]/n at a lag of n steps, with C(k) = -(K - k)/(K (K - 1)) for
    0 < k < K averaged over places in the epoch; it falls as (K + 1)/(3 n) beyond an epoch.
    """
    k = np.arange(1, max(batches, 2))
    correlation = -(batches - k) / (batches * (batches - 1.0)) if batches > 1 else np.zeros(1)
    n = np.asarray(lags)[..., None]
    return 1 + 2 * (np.maximum(n - k, 0) * correlation).sum(axis=-1) / n[..., 0]


def sgd_on_quadratic(
    *,
    curvature: Any = 1.0,
    noise: Any = 1.0,
    learning_rate: float = 0.1,
    momentum: float = 0.0,
    batches: int = 0,
    steps: int = 10_000,
    replicas: int = 1,
    seed: Any = 0,
) -> xr.Dataset:
    """SGD on f = x'Ax/2 with gradient noise: v' = mu v - eta (A x + xi), x' = x + v'.

    Parameters
    ----------
    curvature : float, array (parameter,) or (parameter, parameter)
        A; with momentum or reshuffled noise it must not be a matrix.
    noise : float, array (parameter,) or (parameter, parameter)
        C, the covariance of xi.
    learning_rate, momentum : float
        eta and mu.
    batches : int
        0: white noise, as of batches drawn with replacement. K > 1: noise that sums to 0 over each
        epoch of K steps, as of batches drawn without replacement at fixed weights.
    steps, replicas, seed
        As in ``wiener``. Starts at 0.

    Notes
    -----
    The stationary covariance S solves A S + S A - eta A S A = eta C; with momentum, a scalar,
    Var x = eta C (1 + mu)/[h (1 - mu)(2 (1 + mu) - eta h)]; with reshuffled noise (mu = 0) it is
    eta**2 times the integral of C S(f)/|exp(2 pi i f) - (1 - eta h)|**2.
    """
    a, c = np.asarray(curvature, float), np.asarray(noise, float)
    rng = np.random.default_rng(seed)
    eta, mu = learning_rate, momentum
    if a.ndim == 2:
        if mu or batches:
            raise InputError("a matrix of curvature goes with momentum 0 and white noise alone")
        c = c if c.ndim == 2 else np.diag(np.broadcast_to(c, (len(a),)))
        step = np.eye(len(a)) - eta * a
        variance = linalg.solve_discrete_lyapunov(step, eta**2 * c)
        kicks = rng.standard_normal((steps, replicas, len(a))) @ _root(c).T
    else:
        a, c = (np.atleast_1d(v) for v in np.broadcast_arrays(a, c))
        step = 1 - eta * a
        kicks = np.sqrt(c) * _epoch_noise(rng, batches, steps, replicas, len(a))
        with np.errstate(divide="ignore"):  # nothing holds a flat direction
            variance = eta * c * (1 + mu) / (a * (1 - mu) * (2 * (1 + mu) - eta * a))
        if batches:
            f = (np.arange(200_000) + 0.5) / 200_000
            transfer = abs(np.exp(2j * np.pi * f)[:, None] - step) ** 2
            variance = eta**2 * c * (epoch_noise_spectrum(f, batches)[:, None] / transfer).mean(0)
            if mu:
                variance = np.full_like(variance, np.nan)
    values = np.zeros((steps + 1, replicas, a.shape[-1]))
    v = np.zeros_like(values[0])
    for k in range(steps):
        gradient = values[k] @ a if a.ndim == 2 else values[k] * a
        v = mu * v - eta * (gradient + kicks[k])
        values[k + 1] = values[k] + v
    return _dataset(
        values,
        1.0,
        "sgd_on_quadratic",
        curvature=a.ravel(),
        noise=c.ravel(),
        learning_rate=eta,
        momentum=mu,
        batches=batches,
        stationary_covariance=variance.ravel(),
        variance_of_v=(2 * eta**2 * c / ((1 - mu) * (2 * (1 + mu) - eta * a))).ravel()
        if a.ndim == 1 and not batches
        else np.nan,
    )


def _epoch_noise(
    rng: np.random.Generator, batches: int, steps: int, replicas: int, parameters: int
) -> np.ndarray:
    """Unit noise (step, replica, parameter), white or summing to 0 over epochs."""
    if not batches:
        return rng.standard_normal((steps, replicas, parameters))
    epochs = -(-steps // batches)
    z = rng.standard_normal((epochs, batches, replicas, parameters))
    z -= z.mean(axis=1, keepdims=True)
    z *= np.sqrt(batches / (batches - 1))
    return z.reshape(-1, replicas, parameters)[:steps]


def online_linear_regression(
    *,
    covariance: Any = 1.0,
    label_noise: float = 1.0,
    learning_rate: float = 0.1,
    batch_size: int = 1,
    steps: int = 10_000,
    replicas: int = 1,
    seed: Any = 0,
) -> xr.Dataset:
    """SGD on squared error with inputs x ~ N(0, A), fresh at every step, and labels of noise s**2.

    The stationary covariance solves A S + S A - eta [(1 + 1/B) A S A + tr(A S) A/B] = eta s**2 A/B:
    the noise grows with the distance, and additive-noise formulas fail.

    Parameters
    ----------
    covariance : float, array (parameter,) or (parameter, parameter)
    label_noise : float
        s**2.
    learning_rate, batch_size, steps, replicas, seed
    """
    a = np.atleast_1d(np.asarray(covariance, float))
    a = np.diag(a) if a.ndim == 1 else a
    d, eta, b = len(a), learning_rate, batch_size
    identity = np.eye(d)
    index = kesten_index(float(a[0, 0]) * eta, b) if d == 1 else np.nan
    operator = np.kron(a, identity) + np.kron(identity, a) - eta * (1 + 1 / b) * np.kron(a, a)
    operator -= eta / b * np.outer(a.ravel(), a.ravel())
    truth = np.linalg.solve(operator, eta * label_noise / b * a.ravel())
    is_stable = bool((np.linalg.eigvals(operator).real > 0).all())
    rng = np.random.default_rng(seed)
    root = _root(a)
    values = np.zeros((steps + 1, replicas, d))
    for k in range(steps):
        x = rng.standard_normal((replicas, b, d)) @ root.T
        error = np.einsum("rbd,rd->rb", x, values[k])
        error -= np.sqrt(label_noise) * rng.standard_normal((replicas, b))
        values[k + 1] = values[k] - eta / b * np.einsum("rbd,rb->rd", x, error)
    return _dataset(
        values,
        1.0,
        "online_linear_regression",
        learning_rate=eta,
        batch_size=b,
        stationary_covariance=truth if is_stable else np.full(d * d, np.nan),
        weight_tail_index=index,
    )


def kesten_index(learning_rate: float, batch_size: int) -> float:
    """Tail index of the weight of one-dimensional online regression with unit inputs.

    The alpha at which E|1 - eta h|**alpha = 1, h the mean of B squared inputs, Gamma(B/2, 2/B). It
    is a tail of the weights, made by multiplication; the noise of a step has its own.

    References
    ----------
    Kesten (1973), Acta Math. 131, 207; Gurbuzbalaban, Simsekli and Zhu (2021).
    """
    nodes, weights = special.roots_genlaguerre(180, batch_size / 2 - 1)
    weights = weights / weights.sum()
    h = nodes * 2 / batch_size

    def excess(alpha: float) -> float:
        with np.errstate(over="ignore"):
            return float(np.log((weights * np.abs(1 - learning_rate * h) ** alpha).sum()))

    try:
        return float(optimize.brentq(excess, 1e-3, 200.0))
    except ValueError:  # it falls or rises throughout
        return np.inf if excess(1e-3) < 0 else np.nan


def pitchfork(
    *,
    signal: float,
    decay: float = 1.0,
    learning_rate: float = 0.01,
    noise: float = 1e-4,
    start: tuple[float, float] | None = None,
    steps: int = 10_000,
    replicas: int = 1,
    seed: Any = 0,
) -> xr.Dataset:
    """SGD on the two-layer scalar linear network L = (s - a b)**2/2 + g (a**2 + b**2)/2.

    Parameters (a, b), with white gradient noise of variance C each. A pitchfork at s = g: below it
    both vanish, above it a b = s - g. In units of time = steps x eta the slow mode relaxes with
    ``relaxation_time`` 1/(g - s) below and 1/(2 (s - g)) above.
    """
    s, g, eta = signal, decay, learning_rate
    rest = np.sqrt(max(s - g, 0.0))
    rng = np.random.default_rng(seed)
    kicks = np.sqrt(noise) * rng.standard_normal((steps, replicas, 2))
    values = np.empty((steps + 1, replicas, 2))
    values[0] = (rest, rest) if start is None else start
    for k in range(steps):
        a, b = values[k].T
        pull = s - a * b
        gradient = np.stack([g * a - pull * b, g * b - pull * a], axis=1)
        values[k + 1] = values[k] - eta * (gradient + kicks[k])
    tau = np.inf if s == g else 1 / (g - s) if s < g else 1 / (2 * (s - g))
    return _dataset(values, eta, "pitchfork", signal=s, decay=g, relaxation_time=tau, noise=noise)


def spoil(
    data: xr.Dataset, *, noise: float = 0.0, gaps: float = 0.0, thin: int = 1, seed: Any = 0
) -> xr.Dataset:
    """Make a trajectory worse: measurement noise, missing values, thinning; the truth stays.

    Parameters
    ----------
    data : Dataset
        Of this module.
    noise : float
        Standard deviation of what is added to every value.
    gaps : float
        Share of values that go missing (NaN).
    thin : int
        Keep every so many steps.
    seed : int, SeedSequence or Generator
    """
    if not isinstance(seed, np.random.Generator | np.random.SeedSequence):
        seed = np.random.SeedSequence(seed, spawn_key=(1,))  # not the numbers that made the path
    rng = np.random.default_rng(seed)
    data = data.isel(step=slice(None, None, thin))
    theta = data["theta"] + noise * rng.standard_normal(data["theta"].shape)
    theta = theta.where(rng.uniform(size=theta.shape) >= gaps)
    return labelled(data.assign(theta=theta)).assign_attrs(
        measurement_noise=noise, gaps=gaps, thinned=thin
    )


PROCESSES: Mapping[str, Callable[..., xr.Dataset]] = {
    f.__name__: f
    for f in (
        wiener, ornstein_uhlenbeck, fractional_brownian, scaled_brownian, levy_flight,
        geometric_brownian, double_well, rotating_langevin, gyrator, sgd_on_quadratic,
        online_linear_regression, pitchfork,
    )
}  # fmt: skip
