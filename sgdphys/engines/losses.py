"""Losses of a block: the output's delta, and the loss and hit of each sample."""

from sgdphys.compiling import compiled, inlined
from sgdphys.simd.elementary import exp, log
from sgdphys.simd.operations import by_dtype, fma, load_block, quick_divide, store, where

_negligible = by_dtype(-60.0, -600.0)
"""Logarithm of a probability that moves no weight. Products of smaller ones are subnormal numbers,
over which processors take a hundred times as long."""


@inlined
def _largest(at, count, block, rows):
    largest = load_block(rows, at)
    for k in range(1, count):
        z = load_block(rows, at + k * block)
        largest = where(z > largest, z, largest)
    return largest


@inlined
def output_delta(net, buffers):
    """Derivative of each sample's loss by the linear output.

    Cross-entropy: softmax - target. Squared error, half the sum over outputs: output - target.
    """
    block = buffers.rows.shape[0]
    outputs = net.sizes[-1]
    at = net.unit_at[-1] * block
    if net.softmax == 0:
        for k in range(outputs):
            error = load_block(buffers.unit, at + k * block) - load_block(buffers.target, k * block)
            store(buffers.delta, at + k * block, error)
        return
    largest = _largest(at, outputs, block, buffers.unit)
    total = largest * 0.0
    for k in range(outputs):
        below = load_block(buffers.unit, at + k * block) - largest
        e = where(below < _negligible(below), below * 0.0, exp(below))
        store(buffers.delta, at + k * block, e)
        total = total + e
    scale = quick_divide(1.0 + total * 0.0, total)
    for k in range(outputs):
        p = load_block(buffers.delta, at + k * block) * scale
        store(buffers.delta, at + k * block, p - load_block(buffers.target, k * block))


@compiled
def sample_losses(net, buffers, loss, hit):
    """Loss of each present sample (nats, or half squared error), and 1 where argmax is right."""
    block = buffers.rows.shape[0]
    outputs = net.sizes[-1]
    at = net.unit_at[-1] * block
    largest = _largest(at, outputs, block, buffers.unit)
    wanted = _largest(0, outputs, block, buffers.target)
    total = largest * 0.0
    dot = largest * 0.0
    squares = largest * 0.0
    right = largest * 0.0
    undecided = 1.0 + largest * 0.0
    for k in range(outputs):
        z = load_block(buffers.unit, at + k * block)
        y = load_block(buffers.target, k * block)
        total = total + exp(z - largest)
        dot = fma(y, z - largest, dot)
        squares = fma(z - y, z - y, squares)
        # the first of equal outputs decides, as argmax does
        first = where(z < largest, z * 0.0, undecided)
        right = right + where(y < wanted, y * 0.0, first)
        undecided = undecided - first
    if net.softmax:
        store(loss, 0, log(total) - dot)
    else:
        store(loss, 0, 0.5 * squares)
    store(hit, 0, right)
