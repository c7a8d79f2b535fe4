"""Processes with linear drift: Ornstein-Uhlenbeck in one and more dimensions, with currents."""

from typing import Any

import numpy as np
import xarray as xr
from scipy import linalg, signal

from sgdphys.errors import InputError
from sgdphys.processes.labels import labelled_path, root_of


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
        if np.size(center) not in (1, parameters):
            if parameters != 1:
                raise InputError(
                    f"center has {np.size(center)} values and parameters is {parameters}"
                )
            parameters = np.size(center)
        return _scalar_ou(
            kappa, diffusion, center, start, steps, dt, replicas, parameters,
            np.random.default_rng(rng),
        )  # fmt: skip
    drift = np.asarray(kappa, float)
    d = len(drift)
    spread = np.asarray(diffusion, float)
    spread = spread * np.eye(d) if spread.ndim == 0 else spread
    centers = np.broadcast_to(np.asarray(center, float), (d,))
    step, noise = step_over(dt, -drift, 2 * spread)
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


def step_over(dt: float, flow: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Step matrix exp(flow dt), and the covariance of what is added to it (Van Loan 1978).

    Parameters
    ----------
    dt : float
    flow : (parameter, parameter)
        A of dX = A X dt + ...
    noise : (parameter, parameter)
        Covariance of the noise per unit time.
    """
    size = len(flow)
    doublings = max(0, int(np.ceil(np.log2(max(dt * np.abs(flow).sum(), 1e-300)))))
    block = np.block([[-flow, noise], [np.zeros((size, size)), flow.T]])
    both = linalg.expm(dt / 2**doublings * block)
    step = both[size:, size:].T
    covariance = step @ both[:size, size:]
    for _ in range(doublings):  # the exponential of a long time loses all digits
        covariance = step @ covariance @ step.T + covariance
        step = step @ step
    return step, covariance


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
        stationary_variance=variance if kappa >= 0 else np.nan,
        relaxation_time=np.nan if kappa < 0 else 1 / kappa if kappa else np.inf,
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
