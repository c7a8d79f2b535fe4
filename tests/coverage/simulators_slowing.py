"""Series whose memory, entropy production and fluctuation ratios are known, by numpy alone."""

import numpy as np
from scipy.linalg import expm, solve_continuous_lyapunov
from scipy.signal import lfilter


def ar1(rng, series, n, phi):
    """Stationary AR(1): integrated time (1 + phi)/(1 - phi), relaxation time -1/ln phi."""
    noise = rng.standard_normal((series, n))
    noise[:, 0] /= np.sqrt(1 - phi**2)
    return lfilter([1.0], [1.0, -phi], noise, axis=1)


def ar2(rng, series, n, a, b, settling=1000):
    """Stationary AR(2), x(t) = a x(t-1) + b x(t-2) + e(t), for integrated times.

    With v = (1 - b)/{(1 + b)[(1 - b)**2 - a**2]} the integrated time is 1/[(1 - a - b)**2 v].
    """
    noise = rng.standard_normal((series, n + settling))
    return lfilter([1.0], [1.0, -a, -b], noise, axis=1)[:, settling:]


def two_memories(rng, series, n, fast=0.5, slow=0.99, share=0.2):
    """Sum of two AR(1) series: not an Ornstein-Uhlenbeck process."""
    return ar1(rng, series, n, fast) + share * ar1(rng, series, n, slow)


def members_at_places(rng, series, members, n, phi, offset):
    """Ensembles (series, member, point) of stationary AR(1) members of unit variance.

    Each member is moved by a number of standard deviation ``offset``: no trend of any indicator.
    """
    x = ar1(rng, series * members, n, phi).reshape(series, members, n) * np.sqrt(1 - phi**2)
    return x + offset * rng.standard_normal((series, members, 1))


def log_spaced_epochs(most=10_000, wanted=275):
    """Whole epochs as a recording in logarithmic steps has them."""
    return np.unique(np.rint(np.geomspace(1, most, wanted)))


def linear_langevin(rng, series, n, drift, diffusion, dt):
    """Stationary paths (series, point, coordinate) of dX = -B X dt + noise of covariance 2 D dt.

    Entropy production ``production(B, D)``; kappa_matrix B, diffusion_matrix D.
    """
    covariance = solve_continuous_lyapunov(drift, 2 * diffusion)
    step = expm(-drift * dt)
    root = np.linalg.cholesky(covariance - step @ covariance @ step.T)
    x = rng.standard_normal((series, len(drift))) @ np.linalg.cholesky(covariance).T
    out = np.empty((series, n, len(drift)))
    for k in range(n):
        out[:, k] = x
        x = x @ step.T + rng.standard_normal(x.shape) @ root.T
    return out


def production(drift, diffusion):
    """Entropy production of ``linear_langevin``, nats per unit of time."""
    covariance = solve_continuous_lyapunov(drift, 2 * diffusion)
    return np.trace(drift.T @ np.linalg.inv(diffusion) @ drift @ covariance) - np.trace(drift)


def sgd_on_a_quadratic(rng, sets, n, replicas, curvature, rate=0.1, momentum=0.0, settling=1500):
    """Weights (point, set, replica, direction) of SGD with white noise of unit variance.

    All fluctuation-dissipation ratios of first order are 1; the full gradient is curvature * x.
    """
    h = np.asarray(curvature, float)
    x = np.zeros((sets, replicas, len(h)))
    v = np.zeros_like(x)
    out = np.empty((n, *x.shape))
    for k in range(settling + n):
        v = momentum * v - rate * (h * x + rng.standard_normal(x.shape))
        x = x + v
        if k >= settling:
            out[k - settling] = x
    return out


def ornstein_uhlenbeck(rng, series, n, kappa_dt):
    """D = 0.5 and kappa = 1: D1 = -x; D2 = D (1 - e**(-2 kappa dt))/(2 kappa dt) at lag dt.

    Extrapolated to dt = 0 D2 is D.
    """
    phi = np.exp(-kappa_dt)
    return ar1(rng, series, n, phi) * np.sqrt(0.5 * (1 - phi**2))


def cloud(rng, times, members, directions):
    """Gaussian clouds (time, member, direction): entropy directions/2 ln(2 pi e)."""
    return rng.standard_normal((times, members, directions))
