"""What a block of replicas does: train some epochs, measure its gradients, evaluate its loss."""

from typing import NamedTuple

import numpy as np

from sgdphys.compiling import compiled, inlined
from sgdphys.engines.gaussian import draw_normals, draw_words
from sgdphys.engines.losses import output_delta, sample_losses
from sgdphys.engines.optimisers import update
from sgdphys.engines.orthonormality import add_penalty
from sgdphys.engines.perceptron import add_squared_norms, backward, forward, read_rows
from sgdphys.sampling import epoch_rows
from sgdphys.simd.operations import load_block, store
from sgdphys.simd.vectors import SAMPLES

TRAINING, EVALUATION = 0, 1
"""Occasions of layer noise: the two never share a random number."""


class Data(NamedTuple):
    """The data of a block.

    x : (sample, feature)
    targets : (sample * target_lanes, output); target_lanes is 1, or one a lane where labels differ
    train_rows : int32 (training sample, lane)
    label_noise : chance of a redrawn label, or standard deviation added to real targets
    """

    x: np.ndarray
    targets: np.ndarray
    target_lanes: int
    train_rows: np.ndarray
    sampler: int
    batch_sizes: np.ndarray
    label_noise: float


class Keys(NamedTuple):
    """Philox keys: batches uint32 (2, lane), the others (2, SAMPLES * lane)."""

    batches: np.ndarray
    noise: np.ndarray
    labels: np.ndarray
    layer_noise: np.ndarray


@inlined
def _take(net, data, order, first, end, buffers):
    """Read samples order[first : end] of every lane; places beyond end repeat the last."""
    width = order.shape[1]
    for s in range(SAMPLES):
        position = min(first + s, end - 1)
        at = s * width
        for lane in range(width):
            buffers.rows[at + lane] = order[position, lane]
            buffers.positions[at + lane] = position
        if data.target_lanes == 1:
            for lane in range(width):
                buffers.target_rows[at + lane] = order[position, lane]
        else:
            for lane in range(width):
                buffers.target_rows[at + lane] = order[position, lane] * width + lane
    read_rows(data.x, net.sizes[0], buffers.rows, buffers.unit)
    read_rows(data.targets, net.sizes[-1], buffers.target_rows, buffers.target)


@compiled
def _disturb_labels(net, data, keys, epoch, buffers):
    """Label noise: a label redrawn with some chance, or Gaussian noise on real targets."""
    block = buffers.rows.shape[0]
    outputs = net.sizes[-1]
    if net.softmax:
        draw_words(keys, epoch, 0, 0, buffers)
        for k in range(block):
            if buffers.uniform[k] <= data.label_noise:
                label = min(int(buffers.uniform[block + k] * outputs), outputs - 1)
                for output in range(outputs):
                    buffers.target[output * block + k] = output == label
        return
    for output in range(outputs):
        turn = output & 3
        if turn == 0:
            draw_normals(keys, epoch, output >> 2, 0, buffers)
        noise = load_block(buffers.normal, turn * block) * data.label_noise
        store(buffers.target, output * block, load_block(buffers.target, output * block) + noise)


@inlined
def _add_sample_gradients(net, data, theta, keys, epoch, order, first, end, buffers, gradient):
    """Add the gradient of up to SAMPLES samples; buffers then hold their units and deltas."""
    _take(net, data, order, first, end, buffers)
    if data.label_noise > 0.0:
        _disturb_labels(net, data, keys.labels, epoch, buffers)
    forward(net, theta, buffers, keys.layer_noise, epoch, TRAINING)
    output_delta(net, buffers)
    if end - first < SAMPLES:
        block = buffers.rows.shape[0]
        unused = (end - first) * order.shape[1]
        top = net.unit_at[-1] * block
        for output in range(net.sizes[-1]):
            for k in range(unused, block):
                buffers.delta[top + output * block + k] = 0.0
    backward(net, theta, buffers, gradient)


@compiled
def _add_batch(gradient, samples, sums):
    """Add n g and n g**2 of a batch to (2, parameter * lane), from its summed gradient n g."""
    for k in range(gradient.shape[0]):
        g = np.float64(gradient[k])
        sums[0, k] += g
        sums[1, k] += g * g / samples


@compiled
def _keep(theta, width, out, slot):
    for lane in range(out.shape[0]):
        for parameter in range(out.shape[2]):
            out[lane, slot, parameter] = theta[parameter * width + lane]


@compiled
def train(
    net, rule, data, keys, weights, buffers, order, words, epochs, rates, slots, out, followed
):
    """Train a block for some epochs, in place.

    Parameters
    ----------
    epochs : (int, int)
        First epoch and the one after the last.
    rates : float64 (epoch,)
        Learning rate of every epoch of the run.
    slots : int64 (update,)
        Where in ``out`` the weights go after each update of these epochs; -1 is nowhere.
    out : (lane, slot, parameter)
        Receives the weights of the first ``out.shape[0]`` lanes.
    followed : float64 (2, parameter * lane) or (2, 0)
        If not empty, sum_b n_b g_b and sum_b n_b g_b**2 are added, g_b the mean gradient of the
        loss over batch b at the weights that it met.
    """
    width = order.shape[1]
    updates = 0
    for epoch in range(epochs[0], epochs[1]):
        epoch_rows(keys.batches, epoch, data.train_rows, data.sampler, order, words)
        end = 0
        for batch in range(data.batch_sizes.shape[0]):
            start, end = end, end + data.batch_sizes[batch]
            for first in range(start, end, SAMPLES):
                _add_sample_gradients(
                    net, data, weights.theta, keys, epoch, order, first, end, buffers,
                    weights.gradient,
                )  # fmt: skip
            if followed.shape[1] > 0:
                _add_batch(weights.gradient, end - start, followed)
            if rule.orthonormality > 0.0:
                strength = rule.orthonormality * (end - start)  # gradients are sums over samples
                add_penalty(net, weights.theta, strength, width, weights.gradient)
            step = epoch * data.batch_sizes.shape[0] + batch + 1
            update(rule, weights, rates[epoch], end - start, step, keys.noise, buffers)
            if slots[updates] >= 0:
                _keep(weights.theta, width, out, slots[updates])
            updates += 1


@compiled
def _add_losses(net, buffers, count, totals):
    """Add loss and hits of the first ``count`` present samples of every lane to (2, lane)."""
    width = totals.shape[1]
    loss = buffers.uniform[: SAMPLES * width]
    hit = buffers.normal[: SAMPLES * width]
    sample_losses(net, buffers, loss, hit)
    for k in range(count * width):
        totals[0, k % width] += loss[k]
        totals[1, k % width] += hit[k]


@compiled
def measure(
    net, data, keys, theta, gradient, squares, buffers, order, sizes, epoch, sums, norms, totals
):
    """Sum batch gradients, per-sample norms and losses over one pass at fixed weights.

    Parameters
    ----------
    order : int32 (position, lane)
        The pass.
    sizes : int64 (batch,)
        Its batches.
    sums : float64 (2, parameter * lane)
        Filled with sum_b n_b g_b and sum_b n_b g_b**2, g_b the mean gradient of batch b.
    norms : float64 (layer, lane)
        Filled with the sum over samples of the squared gradient of each layer.
    totals : float64 (2, lane)
        Filled with the summed loss and the hits.
    """
    width = order.shape[1]
    layers = net.sizes.shape[0] - 1
    sums[:] = 0.0
    norms[:] = 0.0
    totals[:] = 0.0
    end = 0
    for batch in range(sizes.shape[0]):
        start, end = end, end + sizes[batch]
        gradient[:] = 0.0
        squares[:] = 0.0
        for first in range(start, end, SAMPLES):
            _add_sample_gradients(
                net, data, theta, keys, epoch, order, first, end, buffers, gradient
            )
            add_squared_norms(net, buffers, squares)
            _add_losses(net, buffers, min(SAMPLES, end - first), totals)
        _add_batch(gradient, sizes[batch], sums)
        for k in range(layers * width):
            norms[k // width, k % width] += squares[k]
    gradient[:] = 0.0


@compiled
def evaluate(net, data, keys, theta, buffers, order, epoch, totals):
    """Sum loss and hits at fixed weights over the samples of an order.

    Parameters
    ----------
    order : int32 (position, lane)
        Rows of the samples.
    totals : float64 (2, lane)
        Filled with the summed loss and the hits.
    """
    totals[:] = 0.0
    end = order.shape[0]
    for first in range(0, end, SAMPLES):
        _take(net, data, order, first, end, buffers)
        for k in range(buffers.rows.shape[0]):
            buffers.positions[k] = buffers.rows[k]  # noise of a sample, wherever it stands
        forward(net, theta, buffers, keys.layer_noise, epoch, EVALUATION)
        _add_losses(net, buffers, min(SAMPLES, end - first), totals)
