"""Drift of the weights over whole epochs, and whether consecutive epochs go the same way."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from sgdphys.arguments import require_whole
from sgdphys.containers import finite_array, require_kind
from sgdphys.dynamics.blocks import in_time
from sgdphys.quantities import labelled

_ORDER = ("epoch", "replica", "layer")


def epoch_drift(weights: xr.Dataset, epochs: np.ndarray, *, over: int = 2) -> xr.Dataset:
    """Drift of the weights over whole epochs, and cosine of consecutive displacements, by layer.

    Parameters
    ----------
    weights : Dataset
        theta (step, replica, parameter) with epoch and time along step, layer along parameter.
    epochs : int array
    over : int
        Epochs n that a drift is measured over. An even number of epochs has an even number of
        updates, over which a swing of period two sums to zero.

    Returns
    -------
    Dataset
        drift_norm (epoch, replica, layer), |theta(e + n) - theta(e)| / (time(e + n) - time(e)), in
        units of theta per unit of time; displacement_cosine (epoch, replica, layer), the cosine of
        the angle between theta(e + 1) - theta(e) and theta(e + 2) - theta(e + 1): 1 for a
        drift, 0 on average for a random walk, -1 for a swing that one epoch undoes. NaN where an
        epoch was not recorded, or nothing moved.

    Raises
    ------
    InputError
        For a Dataset without one of these variables and coordinates.

    See Also
    --------
    gradient_phases : Gradient mean and drift against gradient noise.

    Notes
    -----
    For plain SGD the drift is the norm of the mean of the gradients along the epochs. The
    mean gradient at fixed weights also contains the swing of the weights across their sharpest
    direction, of a period of two updates where the curvature times the learning rate is near 2.

    References
    ----------
    Cohen et al. (2021), "Gradient descent on neural networks typically occurs at the edge of
    stability", for the swing.

    Examples
    --------
    Two weights that move by 3 and 4 per unit of time:

    >>> import numpy as np
    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> t = np.arange(4.0)
    >>> theta = ("step", "replica", "parameter"), np.stack([3 * t, 4 * t], axis=1)[:, None]
    >>> along = {"epoch": ("step", np.arange(4)), "time": ("step", t), "replica": [0]}
    >>> weights = xr.Dataset({"theta": theta}, {**along, "layer": ("parameter", [1, 1])})
    >>> found = sp.dynamics.epoch_drift(weights, [0, 1])
    >>> found["drift_norm"].values.ravel(), found["displacement_cosine"].values.ravel()
    (array([5., 5.]), array([1., 1.]))
    """
    require_kind(weights, xr.Dataset, "weights", "theta", "epoch", "layer", "time")
    require_whole(over, "over", 1)
    epochs = finite_array(epochs, "epochs").astype(np.int64)
    layer = weights["layer"].to_numpy()
    layers = np.unique(layer)
    shape = (len(epochs), weights.sizes["replica"], len(layers))
    drift, cosine = np.full(shape, np.nan), np.full(shape, np.nan)
    held: dict[int, tuple[float, np.ndarray]] = {}
    for epoch, time, theta in _each(weights, np.unique([epochs + k for k in (0, 1, 2, over)])):
        held[epoch] = time, theta
        for old in [e for e in held if e < epoch - max(2, over)]:
            del held[old]
        starts = epochs == epoch - over
        if starts.any() and epoch - over in held:
            start, first = held[epoch - over]
            moved = _by_layer((theta - first) ** 2, layer, layers)
            drift[starts] = np.sqrt(moved) / (time - start)
        starts = epochs == epoch - 2
        if starts.any() and epoch - 2 in held and epoch - 1 in held:
            one, two = held[epoch - 1][1] - held[epoch - 2][1], theta - held[epoch - 1][1]
            product, first, second = (
                _by_layer(p, layer, layers) for p in (one * two, one**2, two**2)
            )
            with np.errstate(divide="ignore", invalid="ignore"):
                cosine[starts] = product / np.sqrt(first * second)
    found = xr.Dataset(
        {"drift_norm": (_ORDER, drift), "displacement_cosine": (_ORDER, cosine)},
        coords={"epoch": epochs, "replica": weights["replica"], "layer": layers},
        attrs={"epochs": over},
    )
    return labelled(
        found,
        x=str(weights["theta"].attrs.get("units", "weight")),
        t=str(weights["time"].attrs.get("units", "time")),
    )


def _each(weights: xr.Dataset, wanted: np.ndarray) -> Iterator[tuple[int, float, np.ndarray]]:
    """Each of some epochs that was recorded, its time, and theta (replica, parameter) there."""
    recorded, times = weights["epoch"].to_numpy(), weights["time"].to_numpy()
    at = np.flatnonzero(np.isin(recorded, wanted))
    at = at[np.unique(recorded[at], return_index=True)[1]]
    if not len(at):
        return
    theta = weights["theta"].isel(step=at)
    for here, values in in_time(theta, "step", "replica", "parameter"):
        for k, place in enumerate(at[here]):
            yield int(recorded[place]), float(times[place]), values[..., k]


def _by_layer(values: np.ndarray, layer: np.ndarray, layers: np.ndarray) -> np.ndarray:
    """Sums over the parameters of each layer, (replica, layer)."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.stack([values[..., layer == k].sum(axis=-1) for k in layers], axis=-1)
