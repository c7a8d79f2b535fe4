"""Fluctuation-dissipation relations of SGD: tests of stationarity and of white noise."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.containers import labelled_array, require_dimensions
from sgdphys.dynamics.clock import number_given
from sgdphys.dynamics.series import paths
from sgdphys.errors import InputError
from sgdphys.intervals import METHOD, finite_mean, jackknife_interval, means_without_each
from sgdphys.missing import labelled_without_missing
from sgdphys.quantities import attributes, labelled


def require_rates(learning_rate: float, momentum: float) -> None:
    """Refuse a learning rate that is not above 0, and a momentum that is not from 0 to below 1."""
    if not number_given(learning_rate, "learning_rate") > 0:
        raise InputError(f"learning_rate is {learning_rate}; it must be above 0")
    require_momentum(momentum)


def require_momentum(momentum: float) -> None:
    """Refuse a momentum that is not from 0 to below 1."""
    if not 0 <= number_given(momentum, "momentum") < 1:
        raise InputError(f"momentum is {momentum}; it must be at least 0 and below 1")


def minibatch_gradients(
    theta: xr.DataArray, *, learning_rate: float, momentum: float = 0.0, time: Any = None
) -> xr.DataArray:
    """Minibatch gradients reconstructed from weights recorded after every SGD update.

    Parameters
    ----------
    theta : DataArray
        At consecutive steps, best in float64: float32 leaves few digits of a small step.
    learning_rate, momentum : float
        eta and mu of v' = mu v - eta g, theta' = theta + v', as in torch.optim.SGD; g includes
        weight decay where there is any.
    time : str, float, array or pair, optional
        Times of the points: see ``dynamics.series.paths``.

    Returns
    -------
    DataArray
        g at every step except the last, and with momentum except the first, in the unit of theta; a
        DataArray and no Dataset, since a transformed series is again a series.

    Raises
    ------
    InputError
        For steps that are not consecutive, a learning rate of 0, or a momentum of 1.

    See Also
    --------
    fluctuation_ratios : Fluctuation-dissipation ratios, from these gradients.

    Notes
    -----
    g_t = [mu (theta_t - theta_{t-1}) - (theta_{t+1} - theta_t)]/eta.

    Examples
    --------
    Gradient descent on theta**2/2, where g = theta:

    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> theta = xr.DataArray([1.0, 0.9, 0.81], dims="step")
    >>> sp.dynamics.minibatch_gradients(theta, learning_rate=0.1).values.round(6)
    array([1. , 0.9])
    """
    require_rates(learning_rate, momentum)
    series = paths(theta, time=time, relabel=False)
    theta, dim = labelled_without_missing(series.theta), series.dim
    if dim in theta.coords and not np.all(np.diff(series.times) == 1):
        raise InputError(
            f"gradients are computed from weights at consecutive {dim}s; choose one stretch of "
            'record.weights = "step" or { burst = ..., starts = ... }'
        )
    moved = theta.diff(dim, label="lower")
    if momentum:
        late, early = moved.isel({dim: slice(1, None)}), moved.isel({dim: slice(None, -1)})
        found = late.copy(data=(momentum * early.data - late.data) / learning_rate)
    else:
        found = -moved / learning_rate
    return found.assign_attrs(attributes("batch_gradient", x=series.value_unit))


@checked
def fluctuation_ratios(
    theta: xr.DataArray,
    *,
    learning_rate: float,
    momentum: float = 0.0,
    full_gradient: xr.DataArray | None = None,
    hessian_gradient: xr.DataArray | None = None,
    time: Any = None,
    over: str = "replica",
    coordinates: str = "parameter",
    confidence: float = 0.95,
) -> xr.Dataset:
    """Fluctuation-dissipation relations of SGD (FDR): tests of stationarity and of white noise.

    Parameters
    ----------
    theta : DataArray (time, over, coordinates)
        Weights after consecutive updates. Paths with a missing point are left out.
    learning_rate, momentum : float
        eta and mu.
    full_gradient : DataArray, optional
        Gradient f of the whole loss at some or all of the same steps.
    hessian_gradient : DataArray, optional
        Hessian times minibatch gradient, H g, at some or all of the same steps.
    time : str, float, array or pair, optional
        Times of the points: see ``dynamics.series.paths``.
    over : str
        Ensemble dimension: independent paths.
    coordinates : str
        Dimension of the weight vector, over which products are summed.
    confidence : float
        Level of the intervals.

    Returns
    -------
    Dataset
        minibatch_ratio; with ``full_gradient`` full_ratio and effective_temperature; with both
        gradients second_ratio; each with ``_low`` and ``_high``. Ratios are dimensionless and 1 in
        the state that each assumes.

    Raises
    ------
    InputError
        For steps that are not consecutive, or gradients at none of the steps.

    See Also
    --------
    minibatch_gradients : The gradients g, reconstructed from the weights.
    hessian_mode_statistics : Stationary variance direction by direction.

    Notes
    -----
    Heavy ball: v' = mu v - eta g, theta' = theta + v'. Stationarity gives exactly
    <theta.g> = (1 + mu) <|v|**2>/(2 eta), theta relative to its mean. minibatch_ratio, with the
    gradients that were used, is a telescoping identity: it tests only that |theta|**2 no longer
    drifts. full_ratio, with the full gradient f, also tests that the noise is white. second_ratio
    is <|f|**2>/[(eta/2) <g.H g>], 1 for a quadratic loss without momentum. All are ratios of
    averages. effective_temperature is <theta.f> per parameter, as in equipartition.

    Measuring theta from its own mean over n steps would take 2/(eta h n) out of <theta.f> along a
    direction of curvature h. With white noise that part is -<(m - theta_0).(G - F)>, m, G and F the
    means of theta, g and f, and theta_0 the first weights, on which later noise does not depend;
    it is added. In windows from 0.4 relaxation times of the softest direction on the mean of
    full_ratio is then 0.98 to 1.02 for white noise.

    References
    ----------
    Yaida (2019), ICLR, "Fluctuation-dissipation relations for stochastic gradient descent".

    Examples
    --------
    SGD with white noise on a quadratic loss of curvature 2, where f = 2 theta:

    >>> import sgdphys as sp
    >>> x = sp.processes.sgd_on_quadratic(curvature=2.0, steps=5000, replicas=8, rng=0)["theta"]
    >>> found = sp.dynamics.fluctuation_ratios(x, learning_rate=0.1, full_gradient=2 * x)
    >>> round(found["minibatch_ratio"].item(), 1), round(found["full_ratio"].item(), 1)
    (1.0, 1.0)
    """
    series = paths(theta, time=time, relabel=False)
    theta, dim = labelled_without_missing(series.theta).astype(np.float64), series.dim
    require_dimensions(theta, over, coordinates)
    g = minibatch_gradients(theta, learning_rate=learning_rate, momentum=momentum, time=time)
    if dim not in theta.coords:
        theta = theta.assign_coords({dim: np.arange(theta.sizes[dim])})
        g = g.assign_coords({dim: np.arange(g.sizes[dim]) + (1 if momentum else 0)})
    steps = g[dim]
    moved = theta.diff(dim, label="lower").sel({dim: steps})
    deviation = theta - theta.sel({dim: steps}).mean(dim, skipna=False)

    def averaged(products: xr.DataArray) -> xr.DataArray:
        """Over steps, of sums over coordinates; NaN for a path with a missing point."""
        return products.sum(coordinates, skipna=False).mean(dim, skipna=False)

    sums: dict[str, xr.DataArray] = {
        "virial": averaged(deviation.sel({dim: steps}) * g),
        "kinetic": (1 + momentum) / (2 * learning_rate) * averaged(moved**2),
    }
    if full_gradient is not None:
        f = _at_steps(labelled_array(full_gradient, dim), steps, dim, "full_gradient")
        where = {dim: f[dim]}
        by_coordinate = _virial_of_full(theta.sel(where), f, g.sel(where), dim)
        sums["full"] = by_coordinate.sum(coordinates, skipna=False)
        sums["square"] = averaged(f**2)
    if hessian_gradient is not None:
        h = _at_steps(labelled_array(hessian_gradient, dim), steps, dim, "hessian_gradient")
        sums["curved"] = learning_rate / 2 * averaged(g.sel({dim: h[dim]}) * h)
    rows = np.stack([v.transpose(over, ...).to_numpy() for v in sums.values()], axis=-1)
    is_complete = np.isfinite(rows).all(axis=-1)  # all averages are of the same paths
    rows = np.where(is_complete[..., None], rows, np.nan)
    members = is_complete.sum(axis=0)
    without_each = means_without_each(rows)
    template = sums["virial"].isel({over: 0}, drop=True)
    data: dict[str, Any] = {}
    estimates = _ratios(dict(zip(sums, np.moveaxis(finite_mean(rows), -1, 0), strict=True)))
    left_out = _ratios(dict(zip(sums, np.moveaxis(without_each, -1, 0), strict=True)))
    size = theta.sizes[coordinates]
    for name, value in estimates.items():
        scale = 1 / size if name == "effective_temperature" else 1.0
        low, high = jackknife_interval(value, left_out[name], members, confidence)
        for end, column in (("", value), ("_low", low), ("_high", high)):
            data[name + end] = template.copy(data=scale * column)
    return labelled(xr.Dataset(data)).assign_attrs(
        method="ratios of averages over steps and paths",
        reference="Yaida (2019)",
        learning_rate=learning_rate,
        momentum=momentum,
        steps=len(steps),
        confidence=confidence,
        interval_method=METHOD,
    )


def _virial_of_full(
    theta: xr.DataArray, f: xr.DataArray, g: xr.DataArray, dim: str
) -> xr.DataArray:
    """<theta.f> without the bias of measuring theta from its own mean over a finite window.

    White noise g - f is independent of the first weights, so that (mean - first).(mean g - mean f)
    has the expectation of mean.(mean g - mean f); and mean.(mean g), which telescopes, has that
    of 0. What the mean of theta takes out, mean.(mean f), is therefore minus the former.
    """
    mean = theta.mean(dim, skipna=False)
    inside = ((theta - mean) * f).mean(dim, skipna=False)
    moved = mean - theta.isel({dim: 0}, drop=True)
    return inside - moved * (g - f).mean(dim, skipna=False)


def _at_steps(given: xr.DataArray, steps: xr.DataArray, dim: str, name: str) -> xr.DataArray:
    """A given array at the steps whose minibatch gradients are known."""
    if dim not in given.coords:
        raise InputError(f"{name} has no coordinate {dim!r}, so its steps are unknown")
    common = np.intersect1d(given[dim].to_numpy(), steps.to_numpy())
    if len(common) == 0:
        raise InputError(f"{name} was taken at none of the {dim}s of the weights")
    return labelled_without_missing(given.sel({dim: common})).astype(np.float64)


def _ratios(sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {"minibatch_ratio": sums["virial"] / sums["kinetic"]}
        if "full" in sums:
            found["full_ratio"] = sums["full"] / sums["kinetic"]
            found["effective_temperature"] = sums["full"]
        if "full" in sums and "curved" in sums:
            found["second_ratio"] = sums["square"] / sums["curved"]
    return found
