"""Online linear regression, whose weights have power-law tails, and their index."""

from typing import Any

import numpy as np
import xarray as xr
from scipy import optimize, special

from sgdphys.processes.labels import labelled_path, root_of

_QUADRATURE_UP_TO = 100.0
"""Power up to which 180 nodes of a Gaussian quadrature are enough."""


def online_linear_regression(
    *,
    covariance: Any = 1.0,
    label_noise: float = 1.0,
    learning_rate: float = 0.1,
    batch_size: int = 1,
    steps: int = 10_000,
    replicas: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Online linear regression: SGD with multiplicative noise (least mean squares, Kesten process).

    Parameters
    ----------
    covariance : float, array (parameter,) or (parameter, parameter)
        A, the covariance of the inputs.
    label_noise : float
        s**2, the variance of the label noise.
    learning_rate : float
        eta.
    batch_size : int
        B, fresh samples in every step.
    steps, replicas, rng
        As in ``wiener``. Paths start at 0, the solution.

    Returns
    -------
    Dataset
        theta (step, replica, parameter) with coordinates step and time = step. Attributes hold
        stationary_covariance, flattened (NaN where it is infinite), and in one dimension
        weight_tail_index.

    See Also
    --------
    kesten_index : Tail index of the weights.
    sgd_on_quadratic : SGD with additive noise.

    Notes
    -----
    Squared error with inputs x ~ N(0, A). The stationary covariance S solves A S + S A - eta
    [(1 + 1/B) A S A + tr(A S) A/B] = eta s**2 A/B: the noise grows with the distance from the
    solution, and formulas of additive noise fail.

    References
    ----------
    Gurbuzbalaban, Simsekli and Zhu (2021), "The heavy-tail phenomenon in SGD".

    Examples
    --------
    >>> import sgdphys as sp
    >>> data = sp.processes.online_linear_regression(steps=2000, replicas=50, rng=0)
    >>> round(float(data["theta"].var()), 2), data.attrs["stationary_covariance"].round(2)
    (0.06, array([0.06]))
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
    rng = np.random.default_rng(rng)
    root = root_of(a)
    values = np.zeros((steps + 1, replicas, d))
    for k in range(steps):
        x = rng.standard_normal((replicas, b, d)) @ root.T
        error = np.einsum("rbd,rd->rb", x, values[k])
        error -= np.sqrt(label_noise) * rng.standard_normal((replicas, b))
        values[k + 1] = values[k] - eta / b * np.einsum("rbd,rb->rd", x, error)
    return labelled_path(
        values,
        1.0,
        "online_linear_regression",
        learning_rate=eta,
        batch_size=b,
        stationary_covariance=truth if is_stable else np.full(d * d, np.nan),
        weight_tail_index=index,
    )


def kesten_index(learning_rate: float, batch_size: int) -> float:
    """Tail index of the weight in one-dimensional online regression (Kesten-Goldie theorem).

    Parameters
    ----------
    learning_rate : float
        eta, for inputs of variance 1.
    batch_size : int
        B.

    Returns
    -------
    float
        alpha, P(|w| > x) ~ x**-alpha; infinite without a tail, NaN without a stationary state. A
        plain number, since it is exact.

    See Also
    --------
    online_linear_regression : The process.
    sgdphys.dynamics.tail_index : Tail index of increments, estimated.

    Notes
    -----
    The alpha > 0 with E|1 - eta h|**alpha = 1, h the mean of B squared inputs,
    distributed as Gamma(B/2, 2/B). It is a tail of the weights, caused by multiplicative noise; the
    noise of one step has its own.

    References
    ----------
    Kesten (1973), Acta Math. 131, 207; Gurbuzbalaban, Simsekli and Zhu (2021).

    Examples
    --------
    The variance of the weight is infinite from eta = 2/3 on, where alpha is 2:

    >>> import sgdphys as sp
    >>> round(sp.processes.kesten_index(2 / 3, batch_size=1), 3)
    2.0
    """
    nodes, weights = special.roots_genlaguerre(180, batch_size / 2 - 1)
    weights = weights / weights.sum()
    h = nodes * 2 / batch_size

    def excess(alpha: float) -> float:
        with np.errstate(over="ignore"):
            return float(np.log((weights * np.abs(1 - learning_rate * h) ** alpha).sum()))

    if excess(1e-3) > 0:
        return np.nan
    if excess(_QUADRATURE_UP_TO) > 0:
        return float(optimize.brentq(excess, 1e-3, _QUADRATURE_UP_TO))
    high = 2 * _QUADRATURE_UP_TO
    while (above := _log_moment(high, learning_rate, batch_size)) < 0:
        high *= 2
    assert above > 0
    return float(
        optimize.brentq(_log_moment, high / 2, high, args=(learning_rate, batch_size), xtol=1e-6)
    )


def _log_moment(alpha: float, learning_rate: float, batch_size: float) -> float:
    """Logarithm of E|1 - eta h|**alpha, by the trapezoidal rule in the root of h.

    A Gaussian quadrature has no nodes where the integrand of a large power peaks.
    """
    b = batch_size
    longest = 2 * np.sqrt((b + 2 * alpha) / b) + 20 / np.sqrt(b)
    u = np.linspace(0, longest, 200_001)[1:]
    with np.errstate(divide="ignore"):
        logs = (b - 1) * np.log(u) - 0.5 * b * u**2
        logs += alpha * np.log(np.abs(1 - learning_rate * u**2))
    total = special.logsumexp(logs) + np.log(u[0])
    return float(total + np.log(2) + 0.5 * b * np.log(b / 2) - special.gammaln(b / 2))
