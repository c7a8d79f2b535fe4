"""The information bottleneck of jointly Gaussian variables, in closed form."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.containers import finite_array
from sgdphys.errors import InputError
from sgdphys.information.estimators.gaussian import blocks_of
from sgdphys.quantities import labelled


def gaussian_bottleneck(covariance: Any, inputs: int, betas: Iterable[float]) -> xr.Dataset:
    """Gaussian information bottleneck (GIB), in closed form.

    Parameters
    ----------
    covariance : array (variable, variable)
        Joint covariance of X, then Y.
    inputs : int
        Number of variables of X.
    betas : iterable of float
        Above 0.

    Returns
    -------
    Dataset
        I_XT, I_TY (beta) in bits, and modes, the number of active modes; critical_beta (mode),
        ascending, infinite for modes that are independent of Y.

    Raises
    ------
    InputError
        If the matrix is no covariance, or for betas that are not above 0.

    See Also
    --------
    bottleneck_curve : The bottleneck of discrete variables.
    gaussian_information : Mutual information of Gaussian variables.

    Notes
    -----
    With lambda_i the eigenvalues of S_{x|y} S_x^{-1}, mode i becomes active at beta_i =
    1/(1 - lambda_i). Over the active modes I(X;T) = 1/2 sum log2[(beta - 1)(1 - lambda_i)/lambda_i]
    and I(T;Y) = I(X;T) - 1/2 sum log2[beta (1 - lambda_i)].

    References
    ----------
    Chechik, Globerson, Tishby and Weiss (2005), J. Mach. Learn. Res. 6, 165.

    Examples
    --------
    Two variables of correlation 0.8: critical beta 1/0.8**2, and I(X;Y) = 0.737 bit at large beta:

    >>> import sgdphys as sp
    >>> found = sp.information.gaussian_bottleneck([[1.0, 0.8], [0.8, 1.0]], 1, [1.5, 1e6])
    >>> found["critical_beta"].values.round(4), found["I_TY"].values.round(3)
    (array([1.5625]), array([0.   , 0.737]))
    """
    x, y, between = blocks_of(covariance, inputs)
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
