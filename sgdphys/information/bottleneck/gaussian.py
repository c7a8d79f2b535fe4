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
