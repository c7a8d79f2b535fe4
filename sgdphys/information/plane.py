"""Where layers stand on the information plane, replayed from recorded weights."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import xarray as xr

from sgdphys.compiling import compiled
from sgdphys.containers import finite_array, require_kind
from sgdphys.errors import InputError
from sgdphys.information.binned import (
    Table,
    add_bins,
    binning,
    counted_information,
    entropy_of_labels,
    entropy_steps,
    number_codes,
    saturated,
    weighted_information,
)
from sgdphys.information.replay import estimated, of_activations, require_estimator
from sgdphys.information.samples import whole_labels
from sgdphys.lanes.activations import ACTIVATIONS
from sgdphys.lanes.forward import Layout, forward_block
from sgdphys.lanes.vectors import SAMPLES, lanes
from sgdphys.networks import Perceptron, from_description
from sgdphys.quantities import labelled
from sgdphys.status import BROKEN, OK, SATURATED, flagged

RANGES: dict[str, tuple[float | None, float | None]] = {
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "relu": (0.0, None),
    "softplus": (0.0, None),
    "elu": (-1.0, None),
    "swish": (None, None),
    "identity": (None, None),
}
"""Ends of each activation's range; None where there is none, and the data give it."""

PATTERNS = ("all", "train", "test")
_BLOCKS = 4
"""Blocks of samples that are binned together."""


@compiled
def _forward_group(layout, theta, x, first, unit, block):
    """Activations of as many blocks as ``unit`` has room for; how many samples those were."""
    columns = min(unit.shape[1], x.shape[1] - first)
    for column in range(0, columns, block):
        forward_block(layout, theta, x, first + column, unit, column)
    return columns


@compiled
def _find_extremes(layout, theta, x, unit, block, out):
    """Smallest and largest activation of each layer over epochs and samples, (2, layer)."""
    for epoch in range(theta.shape[0]):
        for first in range(0, x.shape[1], unit.shape[1]):
            columns = _forward_group(layout, theta[epoch], x, first, unit, block)
            row = layout.sizes[0]
            for layer in range(out.shape[1]):
                for u in range(row, row + layout.sizes[layer + 1]):
                    for s in range(columns):
                        value = np.float64(unit[u, s])
                        if value < out[0, layer]:
                            out[0, layer] = value
                        if value > out[1, layer]:
                            out[1, layer] = value
                row += layout.sizes[layer + 1]


@compiled
def _read_layers(
    layout, theta, x, unit, block, rows, cuts, codes, table, labels, label_entropy, weights, orders,
    in_cell, joint, soft_joint, steps, out,
):  # fmt: skip
    """Information of every layer of one network at some epochs.

    Parameters
    ----------
    theta : (epoch, parameter)
    x : (feature, sample)
        Padded to whole blocks.
    rows : int64 (member,)
        Samples that count.
    cuts : float64 (layer, 3)
        The binning of each layer.
    codes : uint64 (layer, sample)
    labels : int64 (2, member)
        Hard labels and the same in another order; no member where labels are soft.
    label_entropy : float
    weights, orders : float64 (member, label), int64 (2, member)
        Soft labels, and who wears whose.
    out : float64 (epoch, layer, 6)
        Filled with I_XT, I_TY, null I_TY, occupied cells, shares of extreme values and of zeros.
    """
    layers = layout.sizes.shape[0] - 1
    for epoch in range(theta.shape[0]):
        for layer in range(layers):
            out[epoch, layer, 4] = 0.0
            out[epoch, layer, 5] = 0.0
            for s in range(codes.shape[1]):
                codes[layer, s] = 0
        for first in range(0, x.shape[1], unit.shape[1]):
            columns = _forward_group(layout, theta[epoch], x, first, unit, block)
            row = layout.sizes[0]
            for layer in range(layers):
                width = layout.sizes[layer + 1]
                extreme, zeros = add_bins(
                    cuts[layer, 0], cuts[layer, 1], cuts[layer, 2], unit[row : row + width],
                    codes[layer, first : first + columns],  # without the padding
                )  # fmt: skip
                out[epoch, layer, 4] += extreme
                out[epoch, layer, 5] += zeros
                row += width
        for layer in range(layers):
            stamp = epoch * layers + layer
            cells = number_codes(codes[layer], rows, table.keys, table.owners, stamp, table.numbers)
            if labels.shape[1]:
                entropy, both, mixed = counted_information(
                    table.numbers, cells, labels, in_cell, joint, steps
                )
                about_y = max(entropy + label_entropy - both, 0.0)
                null = max(entropy + label_entropy - mixed, 0.0)
            else:
                entropy, about_y = weighted_information(
                    table.numbers, cells, weights, orders[0], soft_joint
                )
                _, null = weighted_information(table.numbers, cells, weights, orders[1], soft_joint)
            out[epoch, layer, 0] = entropy
            out[epoch, layer, 1] = about_y
            out[epoch, layer, 2] = null
            out[epoch, layer, 3] = cells
            values = layout.sizes[layer + 1] * codes.shape[1]
            out[epoch, layer, 4] /= values
            out[epoch, layer, 5] /= values


def layer_information(
    trajectory: xr.DataTree,
    task: xr.Dataset,
    *,
    estimator: str = "binned",
    activations: Callable[[np.ndarray], list[np.ndarray]] | None = None,
    epochs: Iterable[int] | None = None,
    bins: int = 30,
    edges: str = "full",
    bin_range: tuple[float, float] | None = None,
    labels: str = "hard",
    patterns: str = "all",
    noise_variance: float = 1e-3,
    neighbours: int = 3,
    rng: int = 0,
    threads: int | None = None,
) -> xr.Dataset:
    """Information of every layer about input and label, in bits.

    Parameters
    ----------
    trajectory : DataTree
        With weights at the epochs asked for; of perceptrons, unless activations are given.
    task : Dataset
        x (sample, feature), y (sample), and p_y_given_x (sample, label) for soft labels.
    estimator : str
        "binned"; or, on all patterns and hard labels, at the epochs given, much slower:
        "equal_mass", "kde_lower", "kde_upper", "neighbours", "noisy", "gaussian" (see
        ``information.replay.estimated``).
    activations : callable, optional
        Of the weights of one network (parameter,): activations (sample, unit) of each of its
        layers. For networks that are no perceptrons: ``engines.activations.activations_of``.
    epochs : iterable of int, optional
        Epochs whose weights were recorded; by default those of the training curves that were.
    bins : int
        Bins of each unit, at least 2.
    edges : str
        "full" or "idnns"; see ``binned.binning``.
    bin_range : (float, float), optional
        Range of the hidden layers. By default that of the activation, and where it is unbounded the
        extremes of each replica's layer over all its units, samples and epochs.
    labels : str
        "hard" or "soft".
    patterns : str
        "all", or each replica's "train" or "test" samples.
    noise_variance, neighbours
        Of the kernel bounds and of the nearest neighbours.
    rng : int
        Seed of the shuffled labels, one order for each replica.
    threads : int, optional
        All processors by default.

    Returns
    -------
    Dataset
        I_XT, I_TY, null_I_TY, occupied, extreme_share, zero_share, status (epoch, replica, layer);
        bin_low, bin_high (replica, layer); order_violations (epoch, replica).

    Raises
    ------
    InputError
        For epochs that were not recorded (the nearest are named), a task that does not fit the
        network, too few bins, or an unknown choice.

    Notes
    -----
    The output counts after its softmax. Layer noise is left out of the replay. The null is I(T;Y)
    with labels shuffled among samples: with few samples a cell it is far from 0.

    References
    ----------
    Shwartz-Ziv and Tishby (2017); Saxe et al. (2018) for the dependence on the bins.
    """
    require_kind(trajectory, xr.DataTree, "trajectory", "weights")
    require_kind(task, xr.Dataset, "task", "x", "y")
    require_estimator(estimator)
    said = {"labels": "hard", "patterns": "all", "samples": task.sizes["sample"]}
    members = trajectory["weights"]["replica"].to_numpy()
    if activations is not None:
        if patterns != "all" or labels != "hard":
            raise InputError("activations= reads all patterns and hard labels")
        theta, at = weights_at(trajectory, epochs)
        read = of_activations(
            activations, theta, at, task["y"].to_numpy(), estimator=estimator, bins=bins,
            bin_range=bin_range, noise_variance=noise_variance, neighbours=neighbours, rng=rng,
        )  # fmt: skip
        return read.assign_attrs(said).assign_coords(replica=members)
    for name, value, known in (
        ("labels", labels, ("hard", "soft")),
        ("patterns", patterns, PATTERNS),
    ):
        if value not in known:
            raise InputError(f"{name} is {value!r}; it can be {', '.join(known)}")
    network = from_description(trajectory.attrs.get("network", {}))
    softmax = trajectory.attrs.get("loss") == "cross_entropy"
    x, y, soft = _fitted(task, network, labels)
    binning(-1.0, 1.0, bins, edges)  # refuse wrong bins before any work
    theta, at = weights_at(trajectory, epochs)
    if estimator != "binned":
        if patterns != "all" or labels != "hard":
            raise InputError(f"estimator {estimator!r} reads all patterns and hard labels")
        return estimated(
            theta, at, network, x.astype(np.float64), y, estimator=estimator, softmax=softmax,
            bins=bins, noise_variance=noise_variance, neighbours=neighbours, rng=rng,
        ).assign_attrs(said).assign_coords(replica=members)  # fmt: skip
    replicas = theta.shape[1]
    layout = Layout(
        sizes=np.array(network.sizes, np.int64),
        weight_at=np.ascontiguousarray(network.weight_at),
        bias_at=np.ascontiguousarray(network.bias_at),
        has_bias=int(network.bias),
        activation=ACTIVATIONS.index(network.activation),
        softmax=int(softmax),
    )
    ends = [bin_range or RANGES[network.activation]] * (network.layers - 1)
    ends.append(RANGES["softmax" if softmax else "identity"])
    is_train = trajectory["split"]["train"].to_numpy() if patterns != "all" else None
    found = np.full((len(at), replicas, network.layers, 6), np.nan)
    ranges = np.full((2, replicas, network.layers), np.nan)

    def work(replica: int) -> None:
        finite = np.isfinite(theta[:, replica]).all(axis=1)
        rows = np.arange(len(y))
        if is_train is not None:
            rows = np.flatnonzero(is_train[replica] == (patterns == "train"))
        if not finite.any() or not len(rows):
            return
        weights = np.ascontiguousarray(theta[finite, replica])
        order = np.random.default_rng([rng, replica]).permutation(len(rows))
        out, ranges[:, replica] = _one_network(
            layout, weights, x, rows, y, soft, order, ends, bins, edges
        )
        found[finite, replica] = out

    with ThreadPoolExecutor(threads or len(os.sched_getaffinity(0))) as pool:
        list(pool.map(work, range(replicas)))
    return _labelled(found, ranges, at, trajectory, len(y), patterns, softmax).assign_attrs(
        estimator=estimator,
        bins=bins,
        edges=edges,
        labels=labels,
        patterns=patterns,
        method="plug-in of the histogram of every unit's bin",
        reference="Shwartz-Ziv and Tishby (2017)",
        interval_method="none: patterns are the population; intervals are over replicas",
    )


def inputs_of(task: xr.Dataset, network: Perceptron) -> np.ndarray:
    """Inputs (sample, feature) of a task, if the network can take them."""
    x = task["x"].to_numpy()
    if x.ndim != 2 or x.shape[1] != network.sizes[0]:
        raise InputError(
            f"the task has inputs of shape {x.shape[1:]} and the network takes "
            f"{network.sizes[0]}; give the task that it was trained on"
        )
    return x


def _fitted(
    task: xr.Dataset, network: Perceptron, labels: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, whole labels and soft labels of a task, if the network can take them."""
    x = inputs_of(task, network)
    y, kinds = whole_labels(task["y"].to_numpy())
    soft = np.zeros((0, kinds))
    if labels == "soft":
        if "p_y_given_x" not in task:
            raise InputError("the task has no soft labels p_y_given_x; use labels='hard'")
        soft = np.ascontiguousarray(task["p_y_given_x"].to_numpy(), np.float64)
    return x, y, soft


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
    places = np.searchsorted(recorded, wanted)
    return theta.isel(step=places).to_numpy(), wanted.astype(np.int64)


def _one_network(
    layout: Layout,
    theta: np.ndarray,
    x: np.ndarray,
    rows: np.ndarray,
    y: np.ndarray,
    soft: np.ndarray,
    order: np.ndarray,
    ends: list[tuple[float | None, float | None]],
    bins: int,
    edges: str,
) -> tuple[np.ndarray, np.ndarray]:
    """What ``_read_layers`` says of one network, and the ranges (2, layer) it was binned over."""
    block = SAMPLES * lanes(theta.dtype)
    samples, layers = len(x), len(layout.sizes) - 1
    padded = np.zeros((x.shape[1], -(-samples // block) * block), theta.dtype)
    padded[:, :samples] = x.T
    padded[:, samples:] = x[-1:].T  # no new extremes
    unit = np.zeros((int(layout.sizes.sum()), _BLOCKS * block), theta.dtype)
    ranges = np.array([[np.nan if end is None else end for end in pair] for pair in ends]).T
    if np.isnan(ranges).any():
        seen = np.stack([np.full(layers, np.inf), np.full(layers, -np.inf)])
        _find_extremes(layout, theta, padded, unit, block, seen)
        ranges = np.where(np.isnan(ranges), seen, ranges)
    cuts = np.array([binning(low, high, bins, edges) for low, high in ranges.T])
    hard = len(soft) == 0
    kinds = int(y.max()) + 1 if hard else soft.shape[1]
    out = np.empty((len(theta), layers, 6))
    _read_layers(
        layout,
        theta,
        padded,
        unit,
        block,
        rows,
        cuts,
        np.zeros((layers, samples), np.uint64),
        Table.of(len(rows)),
        np.stack([y[rows], y[rows][order]]) if hard else np.zeros((2, 0), np.int64),
        entropy_of_labels(y[rows]),
        soft[rows] / len(rows) if not hard else np.zeros((0, kinds)),
        np.stack([np.arange(len(rows)), order]),
        np.zeros(len(rows), np.uint32),
        np.zeros((2, len(rows) if hard else 1, kinds), np.uint32),
        np.zeros((1 if hard else len(rows), kinds)),
        entropy_steps(len(rows)),
        out,
    )
    return out, ranges


def _labelled(
    found: np.ndarray,
    ranges: np.ndarray,
    epochs: np.ndarray,
    trajectory: xr.DataTree,
    samples: int,
    patterns: str,
    softmax: bool,
) -> xr.Dataset:
    if patterns != "all":
        train = int(trajectory["split"]["train"].to_numpy()[0].sum())
        samples = train if patterns == "train" else samples - train
    layers = np.arange(1, found.shape[2] + 1)
    status = np.where(
        np.isnan(found[..., 0]),
        BROKEN,
        np.where(saturated(found[..., 0], samples), SATURATED, OK),
    )
    names = ("I_XT", "I_TY", "null_I_TY", "occupied", "extreme_share", "zero_share")
    axes = ("epoch", "replica", "layer")
    rises = (np.diff(found[..., :2], axis=2) > 1e-9).sum(axis=(2, 3))
    dataset = xr.Dataset(
        {name: (axes, found[..., k]) for k, name in enumerate(names)}
        | {
            "status": (axes, status),
            "order_violations": (axes[:2], rises),
            "bin_low": (axes[1:], ranges[0]),
            "bin_high": (axes[1:], ranges[1]),
        },
        coords={
            "epoch": epochs,
            "replica": trajectory["weights"]["replica"].to_numpy(),
            "layer": layers,
        },
        attrs={"samples": samples, "output": "softmax" if softmax else "linear"},
    )
    dataset["status"] = flagged(dataset["status"])
    return labelled(dataset)
