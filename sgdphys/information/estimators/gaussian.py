"""Exact information of jointly Gaussian variables, and their bottleneck in closed form."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.containers import finite_array
from sgdphys.errors import InputError
from sgdphys.quantities import labelled


def _blocks(covariance: Any, inputs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blocks of X, of Y and between them."""
    c = finite_array(covariance, "covariance")
    if c.ndim != 2 or c.shape[0] != c.shape[1] or not np.allclose(c, c.T, atol=1e-10):
        raise InputError(f"a covariance is a symmetric matrix; this has shape {c.shape}")
    if not 1 <= inputs < len(c):
        raise InputError(f"inputs is {inputs}; it must lie between 1 and {len(c) - 1}")
    if np.linalg.eigvalsh(c)[0] <= 0:
        raise InputError(
            "the covariance is singular: information between its parts may be infinite; add noise "
            "or leave out what is determined"
        )
    return c[:inputs, :inputs], c[inputs:, inputs:], c[:inputs, inputs:]


def gaussian_information(covariance: Any, inputs: int) -> float:
    """Mutual information in bits of the first variables of a Gaussian vector with the others.

    Parameters
    ----------
    covariance : array (variable, variable)
    inputs : int
        How many variables come first.

    Raises
    ------
    InputError
        For what is no covariance, or a singular one.

    Notes
    -----
    1/2 log2 [det S_x det S_y / det S]. For a linear layer T = W X + noise, S holds W S_x W' + the
    noise's covariance; without noise the information is infinite.

    References
    ----------
    Cover and Thomas (2006), section 8.5.
    """
    x, y, between = _blocks(covariance, inputs)
    rest = y - between.T @ np.linalg.solve(x, between)
    return float(0.5 * (np.linalg.slogdet(y)[1] - np.linalg.slogdet(rest)[1]) / np.log(2))


def linear_layer_information(weights: Any, input_covariance: Any, noise: float) -> float:
    """I(X;T) in bits of T = W X + Gaussian noise, X Gaussian: 1/2 log2 det(1 + W S_x W'/noise).

    Parameters
    ----------
    weights : array (unit, input)
    input_covariance : array (input, input)
    noise : float
        Variance of the noise of every unit, above 0.
    """
    if not noise > 0:
        raise InputError(f"noise is {noise}; without noise a linear layer keeps all, without end")
    w = finite_array(weights, "weights")
    covariance = finite_array(input_covariance, "input_covariance")
    if w.ndim != 2 or not w.size or covariance.shape != (w.shape[1], w.shape[1]):
        raise InputError(
            f"weights have shape {w.shape} and input_covariance {covariance.shape}; (unit, input) "
            "and (input, input) were expected"
        )
    signal = w @ covariance @ w.T
    return float(0.5 * np.linalg.slogdet(np.eye(len(w)) + signal / noise)[1] / np.log(2))


def gaussian_bottleneck(covariance: Any, inputs: int, betas: Iterable[float]) -> xr.Dataset:
    """Information bottleneck of jointly Gaussian variables.

    Parameters
    ----------
    covariance : array (variable, variable)
        Of X, then Y.
    inputs : int
        How many variables X has.
    betas : iterable of float

    Returns
    -------
    Dataset
        I_XT, I_TY (beta) in bits, and modes, how many are open; critical_beta (mode), ascending,
        infinite for modes that know nothing of Y.

    Raises
    ------
    InputError
        For what is no covariance, or betas that are not above 0.

    Notes
    -----
    With lambda_i the eigenvalues of S_{x|y} S_x^{-1}, mode i opens at beta_i = 1/(1 - lambda_i);
    with n open I(X;T) = 1/2 sum log2[(beta - 1)(1 - lambda_i)/lambda_i] and I(T;Y) = I(X;T) - 1/2
    sum log2[beta (1 - lambda_i)].

    References
    ----------
    Chechik, Globerson, Tishby and Weiss (2005), J. Mach. Learn. Res. 6, 165.
    """
    x, y, between = _blocks(covariance, inputs)
    beta = np.unique(finite_array(list(betas), "betas"))
    if not len(beta) or not (beta > 0).all():
        raise InputError("betas must be above 0, at least one of them")
    given = x - between @ np.linalg.solve(y, between.T)
    eigenvalues = np.clip(np.sort(np.linalg.eigvals(np.linalg.solve(x, given)).real), 0.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        critical = np.where(eigenvalues < 1 - 1e-14, 1 / (1 - eigenvalues), np.inf)
        open_ = beta[:, None] > critical
        gain = np.log2((beta[:, None] - 1) * (1 - eigenvalues) / eigenvalues)
        about_x = 0.5 * np.where(open_, gain, 0.0).sum(axis=1)
        lost = 0.5 * np.where(open_, np.log2(beta[:, None] * (1 - eigenvalues)), 0.0).sum(axis=1)
    data = xr.Dataset(
        {
            "I_XT": ("beta", about_x),
            "I_TY": ("beta", about_x - lost),
            "modes": ("beta", open_.sum(axis=1)),
            "critical_beta": ("mode", critical),
        },
        coords={"beta": beta, "mode": np.arange(1, len(critical) + 1)},
        attrs={
            "method": "closed form",
            "reference": "Chechik et al. (2005)",
            "interval_method": "none: the covariance is given",
        },
    )
    return labelled(data)
