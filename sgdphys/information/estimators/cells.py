"""Cells of a layer's histogram, replayed from recorded weights: partitions of the inputs."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from sgdphys.containers import require_kind
from sgdphys.information.estimators.histogram import Table, add_bins, binning, number_codes
from sgdphys.information.layers import inputs_of, ranges_of, weights_at
from sgdphys.networks import from_description
from sgdphys.quantities import labelled


def layer_cells(
    trajectory: xr.DataTree,
    task: xr.Dataset,
    *,
    epochs: Iterable[int] | None = None,
    bins: int = 30,
    edges: str = "full",
) -> xr.DataArray:
    """Partition of the inputs by the binned activations of every layer, from recorded weights.

    Parameters
    ----------
    trajectory : DataTree
        Of perceptrons.
    task : Dataset
        x (sample, feature).
    epochs : iterable of int, optional
        Epochs whose weights were recorded; the last one by default, since the result is large.
    bins : int
        Bins of each unit.
    edges : str
        As in ``layer_information``, whose bins and ranges these are.

    Returns
    -------
    DataArray int32 (epoch, replica, layer, sample)
        Cell of each input, numbered in order of appearance; -1 where weights are not finite. A
        DataArray, since it is the ``cells`` that ``bottleneck_distance`` takes.

    Raises
    ------
    InputError
        For epochs that were not recorded, or a task that does not fit the network.

    See Also
    --------
    bottleneck_distance : Distance of these partitions from the bottleneck bound.
    layer_information : Mutual information of the same histograms.

    Examples
    --------
    A layer whose units are single input bits gives each of the 4096 inputs its own cell:

    >>> import numpy as np
    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> network = {"kind": "perceptron", "sizes": [12, 12], "bias": False}
    >>> theta = ("step", "replica", "parameter"), np.eye(12).reshape(1, 1, 144)
    >>> weights = xr.Dataset({"theta": theta}, {"epoch": ("step", [0]), "replica": [0]})
    >>> root = xr.Dataset(attrs={"network": network})
    >>> trajectory = xr.DataTree.from_dict({"/": root, "weights": weights})
    >>> cells = sp.information.layer_cells(trajectory, sp.tasks.symmetric_rule())
    >>> len(np.unique(cells))
    4096
    """
    require_kind(trajectory, xr.DataTree, "trajectory", "weights")
    require_kind(task, xr.Dataset, "task", "x")
    network = from_description(trajectory.attrs.get("network", {}))
    x = inputs_of(task, network).astype(np.float64)
    if epochs is None:
        epochs = [int(trajectory["weights"]["epoch"].to_numpy()[-1])]
    theta, at = weights_at(trajectory, epochs)
    softmax = trajectory.attrs.get("loss") == "cross_entropy"
    ranges = ranges_of(network, softmax)
    found = np.full((len(at), theta.shape[1], network.layers, len(x)), -1, np.int32)
    everything, table = np.arange(len(x)), Table.of(len(x))
    stamp = 0
    for e in range(len(at)):
        for r in range(theta.shape[1]):
            if not np.isfinite(theta[e, r]).all():
                continue
            layers = network.forward(theta[e, r].astype(np.float64), x, softmax=softmax)
            for k, units in enumerate(layers):
                seen = float(units.min()), float(units.max())
                low, high = np.where(np.isinf(ranges[k]), seen, ranges[k]).tolist()
                codes = np.zeros(len(x), np.uint64)
                add_bins(*binning(low, high, bins, edges), np.ascontiguousarray(units.T), codes)
                stamp += 1
                number_codes(codes, everything, table.keys, table.owners, stamp, table.numbers)
                found[e, r, k] = table.numbers
    cells = xr.DataArray(
        found,
        dims=("epoch", "replica", "layer", "sample"),
        coords={"epoch": at, "layer": np.arange(1, network.layers + 1)},
        name="cell",
        attrs={"bins": bins, "edges": edges},
    )
    return labelled(cells.to_dataset())["cell"]
