"""Log-likelihood of the true process, at its true coefficients, of series of ``simulators_fit``.

Each takes (series, n) paths and returns (series,), given the first point.
"""

import numpy as np
import simulators_fit as processes
from scipy.stats import norm, t


def student_walk(x, freedom):
    return t.logpdf(np.diff(x, axis=1), freedom).sum(axis=1)


def jump_diffusion(x):
    dx = np.diff(x, axis=1)
    with_jump = norm.pdf(dx, scale=np.hypot(1, processes.JUMP_SIZE))
    return np.log((1 - processes.JUMPS) * norm.pdf(dx) + processes.JUMPS * with_jump).sum(axis=1)


def noisy_ornstein_uhlenbeck(x):
    """Kalman filter."""
    phi = np.exp(-processes.NOISY_KAPPA)
    stationary = 1 / (2 * processes.NOISY_KAPPA)
    mean, variance = np.zeros(len(x)), stationary
    total = np.zeros(len(x))
    for k in range(x.shape[1]):
        if k:
            mean, variance = phi * mean, phi**2 * variance + (1 - phi**2) * stationary
            total += norm.logpdf(x[:, k], mean, np.sqrt(variance + 1))
        gain = variance / (variance + 1)
        mean, variance = mean + gain * (x[:, k] - mean), (1 - gain) * variance
    return total


def second_order(x, first, second):
    """Given the first two points; the second has its stationary density given the first."""
    rho = first / (1 - second)
    variance = (1 - second) / ((1 + second) * ((1 - second) ** 2 - first**2))
    kicks = x[:, 2:] - first * x[:, 1:-1] - second * x[:, :-2]
    at_second = norm.logpdf(x[:, 1], rho * x[:, 0], np.sqrt(variance * (1 - rho**2)))
    return at_second + norm.logpdf(kicks).sum(axis=1)


def garch(x):
    constant, news, memory = processes.GARCH
    steps = np.diff(x, axis=1)
    variance = np.ones(len(x))
    total = np.zeros(len(x))
    for k in range(steps.shape[1]):
        total += norm.logpdf(steps[:, k], 0, np.sqrt(variance))
        variance = constant + news * steps[:, k] ** 2 + memory * variance
    return total


def double_well(x, dt):
    """Euler's density of one step, which is that of the process where dt is small."""
    drift = (x - x**3)[:, :-1]
    return norm.logpdf(np.diff(x, axis=1), drift * dt, np.sqrt(dt)).sum(axis=1)


def switching_diffusion(x):
    """Forward algorithm over the two states."""
    steps = np.diff(x, axis=1)
    chances = np.full((2, len(x)), 0.5)
    total = np.zeros(len(x))
    for k in range(steps.shape[1]):
        moved = (1 - processes.SWITCHING) * chances + processes.SWITCHING * chances[::-1]
        joint = moved * np.stack([norm.pdf(steps[:, k], 0, s) for s in (1.0, 2.0)])
        total += np.log(joint.sum(axis=0))
        chances = joint / joint.sum(axis=0)
    return total
