"""The information bottleneck at fixed beta, solved with a proof of optimality for binary labels.

An encoder that is optimal for its decoders q_t is p(t|x) = p(t)/Z(x) exp(-beta KL[p(y|x) || q_t]):
what remains to be optimised is a measure over decoders, in which the problem is convex. With

    excess(q) = sum_x p(x) exp(-beta KL[p(y|x) || q])/Z(x) - 1

a measure is optimal exactly when the excess is nowhere above 0, and its free energy, I(X;T) - beta
I(T;Y), is above the optimum by at most ln(1 + sup excess) nats. For binary labels q is one number.
"""

import functools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, xlog1py, xlogy

from sgdphys.containers import array_of
from sgdphys.errors import InputError

MERGE_WITHIN = 1e-9
"""Inputs whose label probabilities agree to this are one class."""
_EXTREME = 45.0
"""Largest logit that is distinguished from certainty."""
_SCAN = 1500
_TINY = 1e-13
_SAME_LOGIT = 1e-5
_ROUNDS = 200
_STRIDE = 1.2
"""Ratio of successive betas in annealing."""
_LARGEST_EXPONENT = 300.0
"""Exponents are cut off here, where an excess is only known to be large."""
_PATIENCE = 8
"""Rounds without halving of the excess after which only rounding errors are left."""


class Channel(NamedTuple):
    """Classes of inputs of equal label probabilities."""

    p_x: np.ndarray
    """(class,)."""
    p_y_given_x: np.ndarray
    """(class, label)."""

    @property
    def p_y(self) -> np.ndarray:
        """(label,)."""
        return self.p_x @ self.p_y_given_x

    @property
    def entropy(self) -> float:
        """Entropy of the classes in bits, the I(X;T) at which all of I(X;Y) is kept."""
        return float(-xlogy(self.p_x, self.p_x).sum() / np.log(2))

    @property
    def information(self) -> float:
        """I(X;Y) in bits."""
        p = self.p_y_given_x
        return float(
            (xlogy(p, p).sum(axis=1) @ self.p_x - xlogy(self.p_y, self.p_y).sum()) / np.log(2)
        )

    @property
    def is_deterministic(self) -> bool:
        """Whether the label is a function of the input."""
        return bool((self.p_y_given_x.max(axis=1) > 1 - 1e-12).all())


class Clusters(NamedTuple):
    """Decoders of an optimum: their masses and the logits of p(y=1|t), increasing."""

    mass: np.ndarray
    logit: np.ndarray


def channel_of(p_xy: Any) -> Channel:
    """Merge the inputs of a joint distribution that have equal label probabilities.

    Parameters
    ----------
    p_xy : array (x, y) or DataArray

    Raises
    ------
    InputError
        If p_xy is no joint distribution, or the label is constant.
    """
    p = np.asarray(array_of(p_xy, "p_xy"), np.float64)
    if p.ndim != 2 or p.shape[1] < 2 or not np.isfinite(p).all() or (p < 0).any():
        raise InputError(
            f"p_xy has shape {p.shape}; non-negative probabilities (x, y) with at least two labels "
            "were expected"
        )
    if abs(p.sum() - 1) > 1e-6:
        raise InputError(f"p_xy sums to {p.sum():.6g}; it must sum to 1")
    p = p[p.sum(axis=1) > 0] / p.sum()
    if (p.sum(axis=0) > 0).sum() < 2:
        raise InputError("one label has all the probability; there is no information to keep")
    p_x = p.sum(axis=1)
    conditional = p / p_x[:, None]
    rounded = np.round(conditional / MERGE_WITHIN).astype(np.int64)
    _, which = np.unique(rounded, axis=0, return_inverse=True)
    which = which.reshape(-1)
    mass = np.bincount(which, p_x)
    merged = np.stack(
        [np.bincount(which, p_x * conditional[:, y]) / mass for y in range(p.shape[1])], axis=1
    )
    return Channel(mass, merged)


def _log_kernel(channel: Channel, logit: np.ndarray, beta: float) -> np.ndarray:
    """-beta KL[p(y|x) || q_t] in nats, (class, cluster), for binary labels."""
    r = channel.p_y_given_x[:, 1:2]
    known = xlogy(r, r) + xlog1py(1 - r, -r)
    # ln q = -ln(1 + e^-u), ln(1 - q) = -ln(1 + e^u)
    return -beta * (known + r * np.logaddexp(0, -logit) + (1 - r) * np.logaddexp(0, logit))


def _log_z(channel: Channel, clusters: Clusters, beta: float) -> np.ndarray:
    """Ln Z(x), (class,)."""
    logs = _log_kernel(channel, clusters.logit, beta) + np.log(clusters.mass)
    top = logs.max(axis=1, keepdims=True)
    return top[:, 0] + np.log(np.exp(logs - top).sum(axis=1))


def encoder(channel: Channel, clusters: Clusters, beta: float) -> np.ndarray:
    """Optimal encoder p(t|x) of given decoders, (class, cluster)."""
    logs = _log_kernel(channel, clusters.logit, beta) + np.log(clusters.mass)
    share = np.exp(logs - logs.max(axis=1, keepdims=True))
    return share / share.sum(axis=1, keepdims=True)


def about_label(channel: Channel, joint: np.ndarray) -> float:
    """I(T;Y) in bits of p(class of x, t), every cluster with mass."""
    mass = joint.sum(axis=0)
    q = joint.T @ channel.p_y_given_x / mass[:, None]
    p_y = mass @ q
    return float((mass @ xlogy(q, q).sum(axis=1) - xlogy(p_y, p_y).sum()) / np.log(2))


def of_encoder(channel: Channel, share: np.ndarray) -> tuple[float, float]:
    """I(X;T) and I(T;Y) in bits of an encoder (class, cluster)."""
    mass = channel.p_x @ share
    kept = mass > 0
    share, mass = share[:, kept], mass[kept]
    nats = channel.p_x @ (xlogy(share, share) - xlogy(share, mass)).sum(axis=1)
    about_y = about_label(channel, channel.p_x[:, None] * share)
    return max(float(nats / np.log(2)), 0.0), max(about_y, 0.0)


def _excess_at(channel: Channel, log_z: np.ndarray, beta: float, logit: np.ndarray) -> np.ndarray:
    logs = _log_kernel(channel, logit, beta) - log_z[:, None]
    return channel.p_x @ np.exp(np.minimum(logs, _LARGEST_EXPONENT)) - 1


def excess(channel: Channel, clusters: Clusters, beta: float, logit: np.ndarray) -> np.ndarray:
    """Sum of p(x) exp(-beta KL)/Z(x) minus 1 at given decoders; nowhere above 0 at an optimum."""
    return _excess_at(channel, _log_z(channel, clusters, beta), beta, np.atleast_1d(logit))


def _bounds(channel: Channel) -> tuple[float, float]:
    """Smallest and largest logit of p(y=1|x); the decoders of an optimum lie between."""
    r = channel.p_y_given_x
    with np.errstate(divide="ignore"):
        logits = np.clip(np.log(r[:, 1]) - np.log(r[:, 0]), -_EXTREME, _EXTREME)
    return float(logits.min()), float(logits.max())


def largest_excess(channel: Channel, clusters: Clusters, beta: float) -> tuple[float, float]:
    """Return the supremum of the excess and the logit at which it occurs.

    A scan of the logit, denser near the clusters, refined at its highest peaks.
    """
    low, high = _bounds(channel)
    near = clusters.logit[:, None] + np.geomspace(1e-4, 1, 12) * np.array([[-1.0], [1.0]])[:, None]
    grid = np.concatenate([np.linspace(low, high, _SCAN), near.ravel()])
    grid = np.unique(np.clip(grid, low, high))
    above = functools.partial(_excess_at, channel, _log_z(channel, clusters, beta), beta)
    values = above(grid)
    inner = (values[1:-1] >= values[:-2]) & (values[1:-1] >= values[2:])
    peaks = np.concatenate([[0], np.flatnonzero(inner) + 1, [len(grid) - 1]])
    peaks = peaks[np.argsort(values[peaks])[::-1][:8]]
    left, right = grid[np.maximum(peaks - 1, 0)], grid[np.minimum(peaks + 1, len(grid) - 1)]
    golden = 0.6180339887498949
    for _ in range(36):  # golden section on all peaks at once
        a, b = right - golden * (right - left), left + golden * (right - left)
        both = above(np.concatenate([a, b]))
        better = both[: len(a)] > both[len(a) :]
        left, right = np.where(better, left, a), np.where(better, b, right)
    found = np.concatenate([(left + right) / 2, grid[peaks]])
    values = above(found)
    best = int(values.argmax())
    return float(values[best]), float(found[best])


def free_energy(channel: Channel, clusters: Clusters, beta: float) -> float:
    """I(X;T) - beta I(T;Y) + beta I(X;Y) in nats: -sum p(x) ln Z(x) of a stationary measure."""
    return float(-channel.p_x @ _log_z(channel, clusters, beta))


def newton(channel: Channel, clusters: Clusters, beta: float) -> Clusters:
    """Minimise the free energy over masses and logits of the given clusters.

    Damped Newton method in (ln mass, logit); masses are normalised after each step.
    """
    a, u = np.log(clusters.mass), clusters.logit.copy()
    k = len(a)
    p, r = channel.p_x[:, None], channel.p_y_given_x[:, 1:2]
    value = free_energy(channel, clusters, beta)
    damping = 1e-9
    for _ in range(100):
        w = np.exp(a)
        share = encoder(channel, Clusters(w, u), beta)
        q = expit(u)
        difference = q - r
        weighted = p * share
        gradient = np.concatenate(
            [w - weighted.sum(axis=0), beta * (weighted * difference).sum(axis=0)]
        )
        if np.abs(gradient).max() < 1e-15:
            break
        weighted_difference = share * difference
        hessian = np.empty((2 * k, 2 * k))
        hessian[:k, :k] = weighted.T @ share - np.outer(w, w)
        hessian[:k, :k] += np.diag(w - weighted.sum(axis=0))
        hessian[:k, k:] = -beta * weighted.T @ weighted_difference + np.diag(
            beta * (weighted * difference).sum(axis=0)
        )
        hessian[k:, :k] = hessian[:k, k:].T
        hessian[k:, k:] = beta**2 * (p * weighted_difference).T @ weighted_difference
        curvature = beta * weighted.sum(axis=0) * q * (1 - q)
        hessian[k:, k:] += np.diag(curvature - beta**2 * (weighted * difference**2).sum(axis=0))
        scale = np.sqrt(np.concatenate([w, curvature + 1e-300]))
        scaled = hessian / np.outer(scale, scale)
        moved = False
        for _ in range(40):
            try:
                step = -np.linalg.solve(scaled + damping * np.eye(2 * k), gradient / scale) / scale
            except np.linalg.LinAlgError:
                step = np.full(2 * k, np.nan)
            if np.isfinite(step).all() and np.abs(step).max() < 5:
                new_a = a + step[:k]
                new_a -= np.log(np.exp(new_a).sum())
                trial = Clusters(np.exp(new_a), np.clip(u + step[k:], -_EXTREME, _EXTREME))
                lower = free_energy(channel, trial, beta)
                if lower <= value + 1e-15 * abs(value):
                    moved = lower < value or np.abs(step).max() > 1e-14
                    a, u, value = new_a, trial.logit, lower
                    damping = max(damping * 0.1, 1e-12)
                    break
            damping = max(damping * 10, 1e-10)
        if not moved or np.abs(step).max() < 1e-13:
            break
    order = np.argsort(u)
    return Clusters(np.exp(a)[order], u[order])


def tidied(clusters: Clusters) -> Clusters:
    """Drop clusters without mass and merge those with equal logits."""
    keep = clusters.mass > _TINY
    mass, logit = clusters.mass[keep], clusters.logit[keep]
    order = np.argsort(logit)
    mass, logit = mass[order], logit[order]
    groups = np.concatenate([[0], np.cumsum(np.diff(logit) > _SAME_LOGIT)])
    total = np.bincount(groups, mass)
    return Clusters(total / total.sum(), np.bincount(groups, mass * logit) / total)


def trivial(channel: Channel) -> Clusters:
    """Return the trivial solution: one cluster, independent of the input."""
    p = channel.p_y
    return Clusters(np.ones(1), np.array([np.log(p[1]) - np.log(p[0])]))


def optimum(
    channel: Channel, beta: float, start: Clusters, tolerance: float = 1e-10
) -> tuple[Clusters, float, int]:
    """Return the optimal clusters at one beta, the certificate and the rounds taken.

    Parameters
    ----------
    channel : Channel
        Of binary labels.
    beta : float
    start : Clusters
        Those of a nearby beta.
    tolerance : float
        Largest excess that counts as 0.

    Returns
    -------
    (Clusters, float, int)
        The certificate is the supremum of the excess: the free energy lies at most
        that many nats above the optimum.
    """
    clusters = start
    best, least = clusters, np.inf
    turns, without_gain = 0, 0
    while turns < _ROUNDS and without_gain < _PATIENCE:
        turns += 1
        clusters = tidied(newton(channel, tidied(clusters), beta))
        above, peak = largest_excess(channel, clusters, beta)
        without_gain += 1
        if above < 0.5 * least:
            without_gain = 0
        if above < least:
            best, least = clusters, above
        if above <= tolerance:
            break
        clusters = _with_new_cluster(channel, clusters, beta, peak)
    return best, max(least, 0.0), turns


def _with_new_cluster(channel: Channel, clusters: Clusters, beta: float, logit: float) -> Clusters:
    """Add a cluster at a logit with the mass that lowers the free energy most."""
    logs = _log_kernel(channel, np.array([logit]), beta)[:, 0] - _log_z(channel, clusters, beta)
    kernel = np.exp(np.minimum(logs, _LARGEST_EXPONENT))
    mass = 1e-3
    for _ in range(60):  # Newton's method for the mass, in which the free energy is convex
        mixed = 1 - mass + mass * kernel
        slope = channel.p_x @ ((kernel - 1) / mixed)
        curvature = channel.p_x @ (((kernel - 1) / mixed) ** 2)
        step = slope / curvature
        mass = float(np.clip(mass + step, 1e-12, 0.5))
        if abs(step) < 1e-14:
            break
    return Clusters(np.append(clusters.mass * (1 - mass), mass), np.append(clusters.logit, logit))


def annealed(
    channel: Channel, betas: Iterable[float], tolerance: float = 1e-10
) -> Iterator[tuple[Clusters, float, int]]:
    """Optima at increasing betas, each reached by annealing from beta = 1.

    Parameters
    ----------
    channel : Channel
        Of binary labels.
    betas : iterable of float
        Increasing.
    tolerance : float
        Largest excess that counts as 0.

    Yields
    ------
    (Clusters, float, int)
        Of each beta, as ``optimum``.

    Notes
    -----
    Up to beta = 1 one cluster is optimal, since I(T;Y) <= I(X;T). From there the optimum is
    followed along a geometric sequence of betas, and each beta asked for is solved from the last
    one below it: its solution is the same to the last bit whatever other betas are asked for.
    """
    clusters, reached = trivial(channel), 1.0
    for beta in betas:
        while reached * _STRIDE < beta:
            reached *= _STRIDE
            clusters, _, _ = optimum(channel, reached, clusters)
        yield optimum(channel, beta, clusters, tolerance)


def coordinates(channel: Channel, clusters: Clusters, beta: float) -> tuple[float, float]:
    """I(X;T) and I(T;Y) in bits of the optimal encoder of given clusters."""
    return of_encoder(channel, encoder(channel, clusters, beta))
