"""Drift of the weights over whole epochs, and whether consecutive epochs go the same way."""

import numpy as np
import xarray as xr

from sgdphys.arguments import require_whole
from sgdphys.containers import finite_array, require_kind
from sgdphys.missing import missing_as_nan
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
    recorded, read = _read(weights, np.unique([epochs + k for k in (0, 1, 2, over)]))
    shape = (len(epochs), weights.sizes["replica"], len(layers))
    drift, cosine = np.full(shape, np.nan), np.full(shape, np.nan)
    has = np.isin(epochs, recorded) & np.isin(epochs + over, recorded)
    if has.any():
        start, end = (np.searchsorted(recorded, epochs[has] + k) for k in (0, over))
        time = _time(weights, recorded)
        moved = _by_layer((read[end] - read[start]) ** 2, layer, layers)
        drift[has] = np.sqrt(moved) / (time[end] - time[start])[:, None, None]
    has = np.all([np.isin(epochs + k, recorded) for k in (0, 1, 2)], axis=0)
    if has.any():
        at = [np.searchsorted(recorded, epochs[has] + k) for k in (0, 1, 2)]
        first, second = read[at[1]] - read[at[0]], read[at[2]] - read[at[1]]
        product, one, other = (
            _by_layer(p, layer, layers) for p in (first * second, first**2, second**2)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            cosine[has] = product / np.sqrt(one * other)
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


def _read(weights: xr.Dataset, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of some epochs were recorded, and theta there, in one pass over the file."""
    recorded = weights["epoch"].to_numpy()
    at = np.flatnonzero(np.isin(recorded, wanted))
    theta = weights["theta"].isel(step=at).transpose("step", "replica", "parameter")
    return recorded[at], missing_as_nan(theta.to_numpy()).astype(np.float64)


def _time(weights: xr.Dataset, epochs: np.ndarray) -> np.ndarray:
    """Time at recorded epochs."""
    recorded = weights["epoch"].to_numpy()
    return np.asarray(weights["time"].to_numpy()[np.searchsorted(recorded, epochs)])


def _by_layer(values: np.ndarray, layer: np.ndarray, layers: np.ndarray) -> np.ndarray:
    """Sums over the parameters of each layer, (epoch, replica, layer)."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.stack([values[..., layer == k].sum(axis=-1) for k in layers], axis=-1)
