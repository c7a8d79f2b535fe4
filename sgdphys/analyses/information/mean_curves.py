"""Functions of mean curves over replicas, as values whose mean and scatter are theirs."""

from collections.abc import Callable

import numpy as np
import xarray as xr

from sgdphys.intervals import finite_mean, means_without_each

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Maps I(X;T) (..., layer, epoch) and the output's I(T;Y) (..., epoch) to values (..., layer)."""


def of_mean_curves(
    information: xr.Dataset, kernel: Kernel, *, is_geometric: bool = False
) -> xr.DataArray:
    """Pseudo-values of a function of the mean curves of I(X;T) and of the output's I(T;Y).

    Parameters
    ----------
    information : Dataset
        I_XT and I_TY (epoch, replica, layer), NaN throughout where a replica does not count.
    kernel : callable
    is_geometric : bool
        Whether values are averaged as logarithms.

    Returns
    -------
    DataArray (replica, layer)
        Their mean over replicas is the function of the mean curves; Student's interval of that mean
        is the jackknife's. NaN for replicas that are not finite at the end in every layer that any
        is. A single replica has its own value.

    Notes
    -----
    With s of all n curves and s_i of all but the i-th, the pseudo-values are s + (n - 1)(m - s_i),
    m the mean of s_i: those of Tukey without his correction of the bias. A mean curve has a
    fraction of the fluctuations by which a single curve reaches a level too early.

    References
    ----------
    Efron and Tibshirani (1993), "An introduction to the bootstrap", chapter 11.
    """
    x = information["I_XT"].transpose("replica", "layer", "epoch")
    about_x = x.to_numpy().astype(np.float64)
    about_y = information["I_TY"].transpose("replica", "layer", "epoch").to_numpy()
    has_end = np.isfinite(about_x[..., -1])
    layers = has_end.any(axis=0)
    outputs = np.flatnonzero(np.isfinite(about_y[..., -1]).any(axis=0))
    found = np.full(about_x.shape[:2], np.nan)
    of_x = x.isel(epoch=-1, drop=True)
    if not layers.any() or not len(outputs):
        return of_x.copy(data=found)
    output = about_y[:, outputs[-1]].astype(np.float64)
    keep = has_end[:, layers].all(axis=1) & np.isfinite(output[:, -1])
    if not keep.any():
        return of_x.copy(data=found)
    curves = about_x[np.ix_(keep, layers)], output[keep]
    count = int(keep.sum())
    log, exp = (np.log, np.exp) if is_geometric else (np.asarray, np.asarray)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = log(kernel(*(finite_mean(c) for c in curves)))
        if count > 1:
            without = log(kernel(*(means_without_each(c) for c in curves)))
            value = value + (count - 1) * (without.mean(axis=0) - without)
        found[np.ix_(keep, layers)] = exp(value)
    return of_x.copy(data=found)
