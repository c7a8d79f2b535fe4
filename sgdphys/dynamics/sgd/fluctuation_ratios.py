"""Fluctuation-dissipation relations of SGD: tests of stationarity and of white noise."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.containers import labelled_array, require_dimensions
from sgdphys.dynamics.blocks import in_time
from sgdphys.dynamics.clock import number_given
from sgdphys.dynamics.series import Paths, paths
from sgdphys.errors import InputError
from sgdphys.intervals import METHOD, finite_mean, jackknife_interval, means_without_each
from sgdphys.missing import labelled_without_missing, numbers_of
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
    require_consecutive(series)
    theta, dim = labelled_without_missing(series.theta), series.dim
    moved = theta.diff(dim, label="lower")
    if momentum:
        late, early = moved.isel({dim: slice(1, None)}), moved.isel({dim: slice(None, -1)})
        found = late.copy(data=(momentum * early.data - late.data) / learning_rate)
    else:
        found = -moved / learning_rate
    return found.assign_attrs(attributes("batch_gradient", x=series.value_unit))


def require_consecutive(series: Paths, what: str = "gradients are") -> None:
    """Refuse weights of which updates between are missing."""
    steps = series.given.coords.get(series.dim)
    if steps is not None and steps.dtype.kind in "iu" and not (steps.diff(series.dim) == 1).all():
        raise InputError(
            f"{what} computed from weights at consecutive {series.dim}s; choose one stretch "
            'of record.weights = "step" or { burst = ..., starts = ... }'
        )


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
    theta, dim = series.given, series.dim
    require_dimensions(theta, over, coordinates)
    require_consecutive(series)
    if dim not in theta.coords:
        theta = theta.assign_coords({dim: np.arange(theta.sizes[dim])})
    steps = theta[dim][1 if momentum else 0 : -1]
    given = {
        name: _at_steps(labelled_array(array, dim), steps, theta, name)
        for name, array in (
            ("full_gradient", full_gradient), ("hessian_gradient", hessian_gradient)
        )
        if array is not None
    }  # fmt: skip
    order = (*(d for d in series.over if d not in (over, coordinates)), over, coordinates)
    sums = _averages(theta, dim, order, learning_rate, momentum, given)
    rows = np.moveaxis(np.stack(list(sums.values()), axis=-1), -2, 0)
    is_complete = np.isfinite(rows).all(axis=-1)  # all averages are of the same paths
    rows = np.where(is_complete[..., None], rows, np.nan)
    members = is_complete.sum(axis=0)
    without_each = means_without_each(rows)
    template = theta.isel({dim: 0, over: 0, coordinates: 0}, drop=True).transpose(*order[:-2])
    template = template.drop_vars([n for n in template.coords if n not in template.dims])
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


@np.errstate(all="ignore")  # of infinite values
def _averages(
    theta: xr.DataArray, dim: str, order: tuple[str, ...], learning_rate: float, momentum: float,
    given: Mapping[str, xr.DataArray],
) -> dict[str, np.ndarray]:  # fmt: skip
    """Averages over steps of sums over coordinates, (..., over), in one pass over the weights.

    Weights are relative to the first ones, so that subtracting their mean afterwards costs no
    digits. NaN for a path with a missing point.

    Parameters
    ----------
    theta : DataArray
    dim : str
    order : tuple of str
        The other dimensions, that over which is summed last.
    learning_rate, momentum : float
    given : mapping of str to DataArray
        Gradients at some of the steps, along dimensions of theta.
    """
    every, full, curved = _Sums(), _Sums(), _Sums()
    back = 1 if momentum else 0
    labels = theta[dim].to_numpy()
    for here, x in in_time(theta, dim, *order, before=1 + back):
        moved = np.diff(x, axis=-1)
        if moved.shape[-1] <= back:
            continue
        x = x[..., back:-1]
        late = moved[..., back:]
        g = (momentum * moved[..., :-1] - late if momentum else -late) / learning_rate
        every.add(x, g, late**2)
        at = labels[here][back:-1]
        for name, of in (("full_gradient", full), ("hessian_gradient", curved)):
            if name in given:
                f = given[name]
                is_here = np.isin(at, f[dim].to_numpy())
                if is_here.any():
                    some = f.sel({dim: at[is_here]})
                    values = numbers_of(some.transpose(*order, dim))
                    of.add(x[..., is_here], g[..., is_here], values**2, values)
    found = {
        "virial": every.covariance(),
        "kinetic": (1 + momentum) / (2 * learning_rate) * every.mean_square(),
    }
    if "full_gradient" in given:
        found |= {"full": full.virial_of_full(), "square": full.mean_square()}
    if "hessian_gradient" in given:
        found["curved"] = learning_rate / 2 * curved.mean_product()
    return found


class _Sums:
    """Sums over steps of weights x, gradients g and f, their products, and squares."""

    def __init__(self) -> None:
        self.count = 0
        self.first: Any = None
        self.x: Any = 0.0
        self.g: Any = 0.0
        self.f: Any = 0.0
        self.product: Any = 0.0
        self.of_f: Any = 0.0
        self.squares: Any = 0.0

    def add(
        self, x: np.ndarray, g: np.ndarray, squares: np.ndarray, f: np.ndarray | None = None
    ) -> None:
        """Add some steps (..., coordinate, step); with f, products with it instead of g."""
        self.first = x[..., :1].copy() if self.first is None else self.first
        x = x - self.first
        self.count += x.shape[-1]
        self.x, self.g = self.x + x.sum(axis=-1), self.g + g.sum(axis=-1)
        self.squares = self.squares + squares.sum(axis=(-2, -1))
        with_x = g if f is None else f
        self.product = self.product + (x * with_x).sum(axis=-1)
        if f is not None:
            self.f, self.of_f = self.f + f.sum(axis=-1), self.of_f + (g * f).sum(axis=(-2, -1))

    def mean_square(self) -> np.ndarray:
        """Mean over steps of sums of squares."""
        return np.asarray(self.squares / self.count)

    def mean_product(self) -> np.ndarray:
        """Mean over steps of g.f."""
        return np.asarray(self.of_f / self.count)

    def covariance(self) -> np.ndarray:
        """Mean over steps of (x - its mean).g."""
        return np.asarray((self.product - self.x * self.g / self.count).sum(axis=-1) / self.count)

    def virial_of_full(self) -> np.ndarray:
        """<x.f> without the bias of measuring x from its own mean over a finite window.

        White noise g - f is independent of the first weights, so that (mean - first).(mean g - mean
        f) has the expectation of mean.(mean g - mean f); and mean.(mean g), which telescopes, has
        that of 0. What the mean of x takes out, mean.(mean f), is therefore minus the former.
        """
        mean = self.x / self.count  # relative to the first
        inside = self.product / self.count - mean * self.f / self.count
        return np.asarray((inside - mean * (self.g - self.f) / self.count).sum(axis=-1))


def _at_steps(
    given: xr.DataArray, steps: xr.DataArray, theta: xr.DataArray, name: str
) -> xr.DataArray:
    """A given array at the steps whose minibatch gradients are known, along dimensions of theta."""
    dim = str(steps.dims[0])
    if dim not in given.coords:
        raise InputError(f"{name} has no coordinate {dim!r}, so its steps are unknown")
    common = np.intersect1d(given[dim].to_numpy(), steps.to_numpy())
    if len(common) == 0:
        raise InputError(f"{name} was taken at none of the {dim}s of the weights")
    missing = {str(d): n for d, n in theta.sizes.items() if d not in given.dims}
    further = [d for d in given.dims if d not in theta.dims]
    lengths = {d: given.sizes[d] for d in given.dims if d in theta.dims and d != dim}
    if further or any(theta.sizes[d] != n for d, n in lengths.items()):
        raise InputError(f"{name} is {dict(given.sizes)} and the weights are {dict(theta.sizes)}")
    return given.sel({dim: common}).expand_dims(missing)


def _ratios(sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {"minibatch_ratio": sums["virial"] / sums["kinetic"]}
        if "full" in sums:
            found["full_ratio"] = sums["full"] / sums["kinetic"]
            found["effective_temperature"] = sums["full"]
        if "full" in sums and "curved" in sums:
            found["second_ratio"] = sums["square"] / sums["curved"]
    return found
