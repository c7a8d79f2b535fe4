"""Simulated motion with inertia: plain numpy and scipy, own algorithms; (series, n) paths."""

import numpy as np
from scipy.linalg import expm, solve_continuous_lyapunov
from scipy.signal import lfilter


def underdamped(rng, series, n, friction, stiffness, place=0.0):
    """Langevin equation with inertia, D = 1, spacing 1, in the stationary state.

    ``place`` is the centre of the well, or the drift of the free particle. The covariance of a step
    is an integral by Simpson's rule with 64 intervals.
    """
    flow = np.array([[0.0, 1.0], [-stiffness, -friction]])
    strength = 2 * friction**2
    fine = 64
    # Simpson's rule for the integral of the covariance
    weights = np.r_[1, np.tile([4, 2], fine // 2 - 1), 4, 1] / (3 * fine)
    responses = np.array([expm(s * flow)[:, 1] for s in np.linspace(0, 1, fine + 1)])
    noise = strength * np.einsum("s,si,sj->ij", weights, responses, responses)
    step, root = expm(flow), np.linalg.cholesky(noise)
    if stiffness:
        spread = solve_continuous_lyapunov(flow, -np.diag([0.0, strength]))
    else:
        spread = np.diag([1e-30, friction])
    state = np.linalg.cholesky(spread) @ rng.standard_normal((2, series))
    out = np.empty((n, series))
    for k in range(n):
        out[k] = state[0]
        state = step @ state + root @ rng.standard_normal((2, series))
    return out.T + (place if stiffness else place * np.arange(n))


def heavy_ball(rng, series, n, momentum, rate, place=0.0):
    """Descent with momentum under kicks of deviation 1, after 2000 updates that are left out.

    ``place`` is the centre of the well, or the drift of the free walk.
    """
    kicks = rng.standard_normal((series, n + 2000))
    if rate:
        path = lfilter([1.0], [1.0, rate - 1 - momentum, momentum], kicks, axis=1)[:, 2000:]
        return path + place
    steps = lfilter([1.0], [1.0, -momentum], kicks, axis=1)[:, 2000:]
    return steps.cumsum(axis=1) + place * np.arange(n)
