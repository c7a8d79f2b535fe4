"""The layers of recorded networks: weights at given epochs, and their activations."""

from collections.abc import Callable, Iterable

import numpy as np
import xarray as xr

from sgdphys.containers import finite_array
from sgdphys.errors import InputError
from sgdphys.networks import Perceptron
from sgdphys.networks.activations import ACTIVATIONS

Activations = Callable[[np.ndarray], list[np.ndarray]]
"""Maps the weights of one network (parameter,) to activations (sample, unit) of each layer."""


def weights_at(
    trajectory: xr.DataTree, epochs: Iterable[int] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (epoch, replica, parameter) and the epochs they were recorded at."""
    theta = trajectory["weights"]["theta"]
    recorded = theta["epoch"].to_numpy()
    if epochs is None:
        wanted = recorded
        if "training" in trajectory.children:
            wanted = np.intersect1d(trajectory["training"]["epoch"].to_numpy(), recorded)
    else:
        wanted = np.unique(finite_array(list(epochs), "epochs"))
        missing = wanted[~np.isin(wanted, recorded)]
        if len(missing):
            near = recorded[np.argsort(np.abs(recorded - missing[0]))[:3]]
            raise InputError(
                f"weights were not recorded at epoch {missing[0]:g}; the nearest epochs are "
                f"{', '.join(f'{e:g}' for e in np.sort(near))}"
            )
    if not len(wanted):
        raise InputError("no epoch has recorded weights")
    indices = np.searchsorted(recorded, wanted)
    return theta.isel(step=indices).to_numpy(), wanted.astype(np.int64)


def inputs_of(task: xr.Dataset, network: Perceptron) -> np.ndarray:
    """Inputs (sample, feature) of a task; refused if they do not fit the network."""
    x = task["x"].to_numpy()
    if x.ndim != 2 or x.shape[1] != network.sizes[0]:
        raise InputError(
            f"the task has inputs of shape {x.shape[1:]} and the network takes "
            f"{network.sizes[0]}; give the task that it was trained on"
        )
    return x


def perceptron_layers(network: Perceptron, x: np.ndarray, softmax: bool) -> Activations:
    """Activations of a perceptron's layers at given inputs, output linear or after a softmax."""
    inputs = x.astype(np.float64)
    return lambda theta: network.forward(theta, inputs, softmax=softmax)


def ranges_of(network: Perceptron, softmax: bool) -> list[tuple[float, float]]:
    """Range of each layer's activations; infinite ends stand for extremes of the data."""
    output = (0.0, 1.0) if softmax else (-np.inf, np.inf)
    return [ACTIVATIONS[network.activation].range] * (network.layers - 1) + [output]
