"""Exact information of jointly Gaussian variables."""

from typing import Any

import numpy as np

from sgdphys.containers import finite_array
from sgdphys.errors import InputError


def blocks_of(covariance: Any, inputs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blocks of a covariance: first variables, other variables, and between them."""
    c = finite_array(covariance, "covariance")
    if c.ndim != 2 or c.shape[0] != c.shape[1] or not np.allclose(c, c.T, atol=1e-10):
        raise InputError(f"a covariance is a symmetric matrix; this has shape {c.shape}")
    if not 1 <= inputs < len(c):
        raise InputError(f"inputs is {inputs}; it must lie between 1 and {len(c) - 1}")
    if np.linalg.eigvalsh(c)[0] <= 0:
        raise InputError(
            "the covariance is singular: information between its parts may be infinite; add noise "
            "or leave out variables that are functions of the others"
        )
    return c[:inputs, :inputs], c[inputs:, inputs:], c[:inputs, inputs:]


def gaussian_information(covariance: Any, inputs: int) -> float:
    """Mutual information of jointly Gaussian variables, exact, in bits.

    Parameters
    ----------
    covariance : array (variable, variable)
        Joint covariance of X, then Y.
    inputs : int
        Number of variables of X.

    Returns
    -------
    float
        I(X;Y) in bits; a plain number, since it is exact: there is no interval or status.

    Raises
    ------
    InputError
        If the matrix is no covariance, or singular.

    See Also
    --------
    linear_layer_information : The same for a linear layer with noise.
    gaussian_bottleneck : The bottleneck of the same variables.

    Notes
    -----
    1/2 log2 [det S_x det S_y / det S]. For a linear layer T = W X + noise, S_t is W S_x W' + the
    covariance of the noise; without noise the information is infinite.

    References
    ----------
    Cover and Thomas (2006), "Elements of information theory", section 8.5.

    Examples
    --------
    A correlation of 0.8 gives -1/2 log2(1 - 0.8**2) bits:

    >>> import sgdphys as sp
    >>> round(sp.information.gaussian_information([[1.0, 0.8], [0.8, 1.0]], 1), 3)
    0.737
    """
    x, y, between = blocks_of(covariance, inputs)
    rest = y - between.T @ np.linalg.solve(x, between)
    return float(0.5 * (np.linalg.slogdet(y)[1] - np.linalg.slogdet(rest)[1]) / np.log(2))


def linear_layer_information(weights: Any, input_covariance: Any, noise: float) -> float:
    """I(X;T) of a linear layer with Gaussian inputs and noise (Gaussian channel capacity formula).

    Parameters
    ----------
    weights : array (unit, input)
        W.
    input_covariance : array (input, input)
        S_x.
    noise : float
        Variance of the noise of every unit, above 0.

    Returns
    -------
    float
        I(X;T) in bits; a plain number, since it is exact: there is no interval or status.

    Raises
    ------
    InputError
        For noise that is not above 0, or shapes that do not match.

    See Also
    --------
    gaussian_information : Any jointly Gaussian variables.

    Notes
    -----
    T = W X + noise: I(X;T) = 1/2 log2 det(1 + W S_x W'/noise).

    References
    ----------
    Cover and Thomas (2006), "Elements of information theory", chapter 9.

    Examples
    --------
    A signal-to-noise ratio of 3 gives 1/2 log2(1 + 3) = 1 bit:

    >>> import sgdphys as sp
    >>> round(sp.information.linear_layer_information([[1.0]], [[3.0]], noise=1.0), 6)
    1.0
    """
    if not noise > 0:
        raise InputError(
            f"noise is {noise}; without noise the information of a linear layer is infinite"
        )
    w = finite_array(weights, "weights")
    covariance = finite_array(input_covariance, "input_covariance")
    if w.ndim != 2 or not w.size or covariance.shape != (w.shape[1], w.shape[1]):
        raise InputError(
            f"weights have shape {w.shape} and input_covariance {covariance.shape}; (unit, input) "
            "and (input, input) were expected"
        )
    signal = w @ covariance @ w.T
    return float(0.5 * np.linalg.slogdet(np.eye(len(w)) + signal / noise)[1] / np.log(2))
