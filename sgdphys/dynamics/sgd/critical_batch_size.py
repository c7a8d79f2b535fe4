"""Critical batch size, from the steps that training takes at several batch sizes."""

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.containers import labelled_array, require_dimensions
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.glossary import Quantity
from sgdphys.intervals import METHOD, finite_mean, jackknife_interval, means_without_each
from sgdphys.missing import numbers_of
from sgdphys.quantities import labelled

_FEWEST = 3
"""Batch sizes that two parameters need to be tested."""
_BEYOND = np.log(100.0)
"""How far beyond the batch sizes given, in the logarithm, a critical one is looked for."""
_STEP = 0.2
_MISFIT = Quantity(
    "1", "misfit", "", "root mean square of ln(updates) about the fitted S_min (1 + B_crit/B)"
)


@checked
def critical_batch_size(steps: xr.DataArray, *, confidence: float = 0.95) -> xr.Dataset:
    """Critical batch size: where twice the least steps cost twice the least samples.

    Parameters
    ----------
    steps : DataArray (batch_size, replica)
        Updates to a given loss, with learning rates tuned at each batch size; batch_size is a
        coordinate, in samples. Values that are not finite are left out.
    confidence : float
        Level of the intervals.

    Returns
    -------
    Dataset
        critical_batch_size (samples), least_steps (updates), least_samples (samples), each with
        ``_low`` and ``_high``; misfit, the root mean square deviation of the logarithm of steps
        from the law. NaN where the steps show no bend, so that the critical size lies a hundred
        times or more beyond the batch sizes given.

    Raises
    ------
    InputError
        For an array without the dimensions batch_size and replica, or with sizes or steps below 0.
    NotEnoughData
        With fewer than three batch sizes.

    See Also
    --------
    gradient_phases : The noise scale tr S/|G|**2 that is to predict it.

    Notes
    -----
    The law (S/S_min - 1)(E/E_min - 1) = 1 of steps S and samples E = B S is S = S_min (1 +
    B_crit/B), with B_crit = E_min/S_min. Its two parameters are fitted to the geometric means of S
    over replicas by least squares of the logarithm. Intervals are those of the jackknife over
    replicas, which share their scatter between batch sizes where they share their initial weights.

    References
    ----------
    McCandlish et al. (2018), "An empirical model of large-batch training".

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> batch = xr.DataArray([16, 64, 256, 1024], dims="batch_size")
    >>> scatter = xr.DataArray([0.9, 1.0, 1.1], dims="replica")
    >>> steps = (50 * scatter * (1 + 100 / batch)).assign_coords(batch_size=batch)
    >>> found = sp.dynamics.critical_batch_size(steps)
    >>> round(found["critical_batch_size"].item()), round(found["least_steps"].item(), 1)
    (100, 49.8)
    """
    steps = labelled_array(steps)
    require_dimensions(steps, "batch_size", "replica")
    if "batch_size" not in steps.coords:
        raise InputError("steps has no coordinate batch_size, in samples")
    values = numbers_of(steps.transpose("replica", "batch_size", ...))
    batch = steps["batch_size"].to_numpy().astype(np.float64)
    if values.ndim != 2:
        raise InputError(f"steps has {values.ndim} dimensions; it must have batch_size and replica")
    if (values <= 0).any() or not (batch > 0).all():
        raise InputError("steps and batch sizes must be above 0")
    logs = np.where(np.isfinite(values), np.log(np.where(np.isfinite(values), values, 1.0)), np.nan)
    has = np.isfinite(logs).any(axis=0)
    if len(np.unique(batch[has])) < _FEWEST:
        raise NotEnoughData(
            f"{len(np.unique(batch[has]))} batch sizes have finite steps, and the law has two "
            f"parameters; it needs at least {_FEWEST}"
        )
    logs, batch = logs[:, has], batch[has]
    members = int(np.isfinite(logs).any(axis=1).sum())
    estimate = fitted_law(finite_mean(logs), batch)
    without = [fitted_law(means, batch) for means in means_without_each(logs)]
    found: dict[str, float] = {"misfit": estimate[2]}
    names = ("critical_batch_size", "least_steps", "least_samples")
    every = np.array([(b, s, b * s) for b, s, _ in (estimate, *without)])
    low, high = jackknife_interval(every[0], every[1:], members, confidence, kind="positive")
    for k, name in enumerate(names):
        ends = {f"{name}_low": float(low[k]), f"{name}_high": float(high[k])}
        found |= {name: float(every[0, k]), **ends}
    attrs = {"confidence": confidence, "interval_method": METHOD}
    attrs["reference"] = "McCandlish et al. (2018)"
    return labelled(xr.Dataset(found, attrs=attrs), {"misfit": _MISFIT})


def fitted_law(log_steps: np.ndarray, batch: np.ndarray) -> tuple[float, float, float]:
    """Least squares of log S = log S_min + log(1 + B_crit/B).

    Parameters
    ----------
    log_steps, batch : (batch,)

    Returns
    -------
    (float, float, float)
        B_crit, S_min and the root mean square of residuals; NaN where the best B_crit is at the
        end of the range.
    """
    from scipy.optimize import minimize_scalar

    grid = np.arange(np.log(batch.min()) - _BEYOND, np.log(batch.max()) + _BEYOND, _STEP)
    bend = np.log1p(np.exp(grid)[:, None] / batch)
    rest = log_steps - bend
    centred = rest - rest.mean(axis=1, keepdims=True)
    squares = (centred**2).sum(axis=1)
    best = int(squares.argmin())
    if best in (0, len(grid) - 1):
        return np.nan, np.nan, np.nan

    def residuals(log_critical: float) -> np.ndarray:
        return np.asarray(log_steps - np.log1p(np.exp(log_critical) / batch))

    found = minimize_scalar(
        lambda log_critical: float(residuals(log_critical).var()),
        bounds=(grid[best - 1], grid[best + 1]),
        method="bounded",
        options={"xatol": 1e-7},
    ).x
    rest = residuals(found)
    return float(np.exp(found)), float(np.exp(rest.mean())), float(rest.std())
