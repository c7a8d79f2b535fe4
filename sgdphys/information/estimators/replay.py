"""Binned information of perceptrons' layers, from recorded weights by a compiled kernel."""

from typing import Literal

import numpy as np
import xarray as xr

from sgdphys import parallel
from sgdphys.compiling import compiled
from sgdphys.draws import Seed
from sgdphys.information.estimators.histogram import (
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
from sgdphys.information.layers import ranges_of
from sgdphys.information.samples import label_stream
from sgdphys.networks import Perceptron
from sgdphys.networks.activations import code_of
from sgdphys.networks.forward import Layout, forward_block
from sgdphys.quantities import labelled
from sgdphys.simd.vectors import SAMPLES, lanes
from sgdphys.status import BROKEN, OK, SATURATED, flagged

EACH_EPOCH = "epoch"
"""Range of bins that follows the activations of each epoch."""
Range = tuple[float, float] | Literal["epoch"] | None
_BLOCKS = 4
"""Blocks of samples that are binned at a time."""


@compiled
def _forward_group(layout, theta, x, first, unit, block):
    """Activations of as many blocks as fit into ``unit``; returns the number of samples."""
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
    """Information of every layer of one network at given epochs.

    Parameters
    ----------
    theta : (epoch, parameter)
    x : (feature, sample)
        Padded to whole blocks.
    rows : int64 (member,)
        Samples that are used.
    cuts : float64 (epoch, layer, 3)
        The binning of each layer.
    codes : uint64 (layer, sample)
    labels : int64 (2, member)
        Hard labels and their permutation; no member where labels are soft.
    label_entropy : float
    weights, orders : float64 (member, label), int64 (2, member)
        Soft labels, and the order in which samples get them: their own and permuted.
    out : float64 (epoch, layer, 6)
        Filled with I_XT, I_TY, null I_TY, occupied cells, fractions of extreme values and zeros.
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
                    cuts[epoch, layer, 0], cuts[epoch, layer, 1], cuts[epoch, layer, 2],
                    unit[row : row + width],
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


def replayed(
    theta: np.ndarray,
    epochs: np.ndarray,
    network: Perceptron,
    x: np.ndarray,
    y: np.ndarray,
    *,
    softmax: bool,
    soft: np.ndarray | None = None,
    is_member: np.ndarray | None = None,
    bins: int = 30,
    edges: str = "full",
    bin_range: Range = None,
    rng: Seed = 0,
) -> xr.Dataset:
    """Binned information of every layer of given perceptrons at given epochs.

    Parameters
    ----------
    theta : (epoch, replica, parameter)
    epochs : int (epoch,)
    network : Perceptron
    x : (sample, feature)
    y : int (sample,) or (replica, sample)
        Whole labels from 0.
    softmax : bool
        Whether the output is read after a softmax.
    soft : (sample, label), optional
        Soft labels, used instead of ``y``.
    is_member : bool (replica, sample), optional
        The samples that are used, equally many in every replica; all by default.
    bins, edges
        See ``binning``.
    bin_range : (float, float) or "epoch", optional
        Of the hidden layers; "epoch" for the extremes of each replica's layer at each epoch. By
        default that of the activation, and where it is unbounded the extremes of each replica's
        layer over all its units, samples and epochs.
    rng : int, SeedSequence or Generator
        Seed of the permuted labels.

    Returns
    -------
    Dataset
        As ``layer_information``.
    """
    replicas = theta.shape[1]
    layout = Layout(
        sizes=np.array(network.sizes, np.int64),
        weight_at=np.ascontiguousarray(network.weight_at),
        bias_at=np.ascontiguousarray(network.bias_at),
        has_bias=int(network.bias),
        activation=code_of(network.activation),
        softmax=int(softmax),
    )
    ends = ranges_of(network, softmax)
    of_each_epoch = bin_range == EACH_EPOCH
    if isinstance(bin_range, tuple):
        ends = [bin_range] * (network.layers - 1) + ends[-1:]
    elif of_each_epoch:
        ends = [(-np.inf, np.inf)] * (network.layers - 1) + ends[-1:]
    y = np.broadcast_to(y, (replicas, y.shape[-1]))
    if is_member is None:
        is_member = np.ones(y.shape, bool)
    if soft is None:
        soft = np.zeros((0, int(y.max()) + 1))
    found = np.full((len(epochs), replicas, network.layers, 6), np.nan)
    ranges = np.full((2, len(epochs) if of_each_epoch else 1, replicas, network.layers), np.nan)

    def work(replica: int) -> None:
        finite = np.isfinite(theta[:, replica]).all(axis=1)
        rows = np.flatnonzero(is_member[replica])
        if not finite.any() or not len(rows):
            return
        weights = np.ascontiguousarray(theta[finite, replica])
        order = label_stream(rng, replica).permutation(len(rows))
        out, seen = _one_network(
            layout, weights, x, rows, y[replica], soft, order, ends, bins, edges, of_each_epoch
        )
        found[finite, replica] = out
        ranges[:, finite if of_each_epoch else slice(None), replica] = seen

    parallel.map(work, range(replicas))
    if not of_each_epoch:
        ranges = ranges[:, 0]
    return _labelled(found, ranges, epochs, int(is_member[0].sum())).assign_attrs(
        output="softmax" if softmax else "linear",
        bins=bins,
        edges=edges,
        method="plug-in of the histogram of every unit's bin",
        reference="Shwartz-Ziv and Tishby (2017)",
        interval_method="over replicas; a network by itself has none: patterns are the population",
    )


def _one_network(
    layout: Layout,
    theta: np.ndarray,
    x: np.ndarray,
    rows: np.ndarray,
    y: np.ndarray,
    soft: np.ndarray,
    order: np.ndarray,
    ends: list[tuple[float, float]],
    bins: int,
    edges: str,
    of_each_epoch: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Result of ``_read_layers`` for one network, and the ranges of its bins.

    These are (2, epoch, layer), with one epoch where all have the same.
    """
    block = SAMPLES * lanes(theta.dtype)
    samples, layers = len(x), len(layout.sizes) - 1
    padded = _padded(x, block, theta.dtype)
    unit = np.zeros((int(layout.sizes.sum()), _BLOCKS * block), theta.dtype)
    fixed = np.array(ends).T[:, None]
    is_open = np.isinf(fixed)
    groups = [theta[[e]] for e in range(len(theta))] if of_each_epoch else [theta]
    seen = np.stack([np.full((len(groups), layers), s * np.inf) for s in (1, -1)])
    if is_open.any():
        for k, group in enumerate(groups):
            extremes = np.ascontiguousarray(seen[:, k])
            _find_extremes(layout, group, padded, unit, block, extremes)
            seen[:, k] = extremes
    ranges = np.where(is_open, seen, fixed)
    cuts = np.array(
        [[binning(low, high, bins, edges) for low, high in of.T] for of in ranges.swapaxes(0, 1)]
    )
    cuts = np.ascontiguousarray(np.broadcast_to(cuts, (len(theta), layers, 3)))
    hard = len(soft) == 0
    kinds = int(y.max()) + 1 if hard else soft.shape[1]
    out = np.empty((len(theta), layers, 6))
    if len(rows) < samples:
        padded, samples = _padded(x[rows], block, theta.dtype), len(rows)
    _read_layers(
        layout,
        theta,
        padded,
        unit,
        block,
        np.arange(samples),
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


def _padded(x: np.ndarray, block: int, dtype: np.dtype) -> np.ndarray:
    """Inputs (feature, sample), the last sample repeated so that blocks are whole."""
    samples = len(x)
    padded = np.empty((x.shape[1], -(-samples // block) * block), dtype)
    padded[:, :samples] = x.T
    padded[:, samples:] = x[-1:].T  # leaves the extremes unchanged
    return padded


def _labelled(
    found: np.ndarray, ranges: np.ndarray, epochs: np.ndarray, samples: int
) -> xr.Dataset:
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
            "bin_low": (axes[3 - ranges[0].ndim :], ranges[0]),
            "bin_high": (axes[3 - ranges[1].ndim :], ranges[1]),
        },
        coords={
            "epoch": epochs,
            "layer": layers,
        },
        attrs={"samples": samples},
    )
    dataset["status"] = flagged(dataset["status"])
    return labelled(dataset)
