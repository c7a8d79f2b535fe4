"""Forward and backward pass of a block: SAMPLES samples of one register of replicas.

Quantities are rows of lanes. The weights of a block are one row a parameter, in the order of
``networks.Perceptron``; unit, slope and delta hold SAMPLES rows a unit, inputs first.
"""

from typing import NamedTuple

import numpy as np

from sgdphys.compiling import compiled, inlined
from sgdphys.engines.gaussian import draw_normals
from sgdphys.networks.activations import activate
from sgdphys.simd.operations import (
    COLUMNS,
    across_samples,
    add_products,
    fma,
    gather,
    load,
    load_block,
    store,
    store_columns,
    sum_samples,
)
from sgdphys.simd.vectors import SAMPLES


class Net(NamedTuple):
    """A perceptron as the kernels see it.

    ``sizes`` counts units from inputs to outputs; ``weight_at``, ``bias_at`` and ``unit_at`` are
    the first row of each layer's weights, biases and units; ``has_bias`` 0 or 1; ``softmax`` 1 for
    cross-entropy, 0 for squared error; ``noise`` the standard deviation added to hidden units.
    """

    sizes: np.ndarray
    weight_at: np.ndarray
    bias_at: np.ndarray
    unit_at: np.ndarray
    activation: int
    has_bias: int
    softmax: int
    noise: float


class Pass(NamedTuple):
    """Scratch of one pass over SAMPLES samples of every replica of a block.

    unit, slope, delta, target : rows of lanes, SAMPLES wide
    rows, target_rows : int32, the present samples' rows of the inputs and of the targets
    positions : uint32, what the random numbers of the present samples are counted by
    uniform, normal : scratch of the random numbers
    """

    unit: np.ndarray
    slope: np.ndarray
    delta: np.ndarray
    target: np.ndarray
    rows: np.ndarray
    target_rows: np.ndarray
    positions: np.ndarray
    uniform: np.ndarray
    normal: np.ndarray


@inlined
def read_rows(table, columns, rows, out):
    """Gather the present samples' rows of a table into rows of lanes, one a column."""
    block = rows.shape[0]
    whole = columns - columns % COLUMNS
    for column in range(0, whole, COLUMNS):
        store_columns(table, rows, columns, column, out, column * block)
    for column in range(whole, columns):
        store(out, column * block, gather(table, rows, 0, columns, column))


@inlined
def _start(net, w, layer, j, width):
    if net.has_bias:
        return across_samples(load(w, (net.bias_at[layer] + j) * width))
    return across_samples(load(w, 0)) * 0.0


@inlined
def forward_layer(net, w, layer, buffers):
    """Net input of a layer's units, then their activation and slope; the output stays linear."""
    block = buffers.rows.shape[0]
    width = block // SAMPLES
    n_in, n_out = net.sizes[layer], net.sizes[layer + 1]
    below = net.unit_at[layer] * block
    above = net.unit_at[layer + 1] * block
    row = net.weight_at[layer] * width
    step = n_in * width
    j = 0
    while j + 1 < n_out:  # two units at a time: each input loaded serves both
        z0 = _start(net, w, layer, j, width)
        z1 = _start(net, w, layer, j + 1, width)
        for i in range(n_in):
            x = load_block(buffers.unit, below + i * block)
            at = row + i * width
            z0 = fma(across_samples(load(w, at)), x, z0)
            z1 = fma(across_samples(load(w, at + step)), x, z1)
        store(buffers.unit, above + j * block, z0)
        store(buffers.unit, above + (j + 1) * block, z1)
        row += 2 * step
        j += 2
    if j < n_out:
        z0 = _start(net, w, layer, j, width)
        for i in range(n_in):
            x = load_block(buffers.unit, below + i * block)
            z0 = fma(across_samples(load(w, row + i * width)), x, z0)
        store(buffers.unit, above + j * block, z0)
    if layer + 2 < net.sizes.shape[0]:
        for at in range(above, above + n_out * block, block):
            a, slope = activate(net.activation, load_block(buffers.unit, at))
            store(buffers.unit, at, a)
            store(buffers.slope, at, slope)


@inlined
def forward(net, w, buffers, noise_keys, epoch, occasion):
    """All layers, from gathered inputs to the linear output, with the layers' noise."""
    layers = net.sizes.shape[0] - 1
    block = buffers.rows.shape[0]
    for layer in range(layers):
        forward_layer(net, w, layer, buffers)
        if net.noise > 0.0 and layer + 1 < layers:
            first = net.unit_at[layer + 1]
            for u in range(net.sizes[layer + 1]):
                turn = u & 3
                if turn == 0:
                    # a layer's own counters, whatever the sizes of the others
                    draw = (layer << 20) + (u >> 2)
                    draw_normals(noise_keys, epoch, draw, occasion, buffers)
                at = (first + u) * block
                noise = load_block(buffers.normal, turn * block) * net.noise
                store(buffers.unit, at, load_block(buffers.unit, at) + noise)


@inlined
def backward(net, w, buffers, gradient):
    """Add the gradient of the present samples' summed loss, given the output's delta."""
    for layer in range(net.sizes.shape[0] - 2, -1, -1):
        add_gradient(net, layer, buffers, gradient)
        if layer > 0:
            propagate(net, w, layer, buffers)


@compiled
def add_squared_norms(net, buffers, squares):
    """Add each layer's squared per-sample gradient norm, |delta|**2 (|input|**2 + bias)."""
    block = buffers.rows.shape[0]
    width = block // SAMPLES
    for layer in range(net.sizes.shape[0] - 1):
        below = net.unit_at[layer] * block
        above = net.unit_at[layer + 1] * block
        x = load_block(buffers.unit, below)
        inputs = x * x + net.has_bias
        for i in range(1, net.sizes[layer]):
            x = load_block(buffers.unit, below + i * block)
            inputs = fma(x, x, inputs)
        d = load_block(buffers.delta, above)
        deltas = d * d
        for j in range(1, net.sizes[layer + 1]):
            d = load_block(buffers.delta, above + j * block)
            deltas = fma(d, d, deltas)
        at = layer * width
        store(squares, at, sum_samples(load(squares, at), inputs * deltas))


@inlined
def propagate(net, w, layer, buffers):
    """Delta of the layer below from that of the layer above."""
    block = buffers.rows.shape[0]
    width = block // SAMPLES
    n_in, n_out = net.sizes[layer], net.sizes[layer + 1]
    below = net.unit_at[layer] * block
    above = net.unit_at[layer + 1] * block
    row = net.weight_at[layer] * width
    step = n_in * width
    i = 0
    while i + 1 < n_in:
        e0 = across_samples(load(w, row + i * width)) * load_block(buffers.delta, above)
        e1 = across_samples(load(w, row + (i + 1) * width)) * load_block(buffers.delta, above)
        for j in range(1, n_out):
            d = load_block(buffers.delta, above + j * block)
            at = row + j * step + i * width
            e0 = fma(across_samples(load(w, at)), d, e0)
            e1 = fma(across_samples(load(w, at + width)), d, e1)
        at = below + i * block
        store(buffers.delta, at, e0 * load_block(buffers.slope, at))
        store(buffers.delta, at + block, e1 * load_block(buffers.slope, at + block))
        i += 2
    if i < n_in:
        e0 = across_samples(load(w, row + i * width)) * load_block(buffers.delta, above)
        for j in range(1, n_out):
            d = load_block(buffers.delta, above + j * block)
            e0 = fma(across_samples(load(w, row + j * step + i * width)), d, e0)
        at = below + i * block
        store(buffers.delta, at, e0 * load_block(buffers.slope, at))


@inlined
def add_gradient(net, layer, buffers, gradient):
    """Add the present samples' gradient of a layer's weights and biases."""
    block = buffers.rows.shape[0]
    width = block // SAMPLES
    n_in, n_out = net.sizes[layer], net.sizes[layer + 1]
    below = net.unit_at[layer] * block
    above = net.unit_at[layer + 1] * block
    row = net.weight_at[layer] * width
    step = n_in * width
    j = 0
    while j + 1 < n_out:
        d0 = load_block(buffers.delta, above + j * block)
        d1 = load_block(buffers.delta, above + (j + 1) * block)
        for i in range(n_in):
            x = load_block(buffers.unit, below + i * block)
            at = row + i * width
            store(gradient, at, add_products(load(gradient, at), d0, x))
            at += step
            store(gradient, at, add_products(load(gradient, at), d1, x))
        row += 2 * step
        j += 2
    if j < n_out:
        d0 = load_block(buffers.delta, above + j * block)
        for i in range(n_in):
            x = load_block(buffers.unit, below + i * block)
            at = row + i * width
            store(gradient, at, add_products(load(gradient, at), d0, x))
    if net.has_bias:
        for j in range(n_out):
            at = (net.bias_at[layer] + j) * width
            d0 = load_block(buffers.delta, above + j * block)
            store(gradient, at, sum_samples(load(gradient, at), d0))
