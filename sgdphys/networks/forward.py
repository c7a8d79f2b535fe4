"""Forward pass of one perceptron with samples in the SIMD lanes, for replaying recorded weights.

The training engine has replicas in the lanes; here one network sees many samples. Sums are taken in
the same order, so activations are those of the training, bit for bit.
"""

from typing import NamedTuple

import numpy as np

from sgdphys.compiling import compiled
from sgdphys.networks.activations import activate
from sgdphys.simd.elementary import exp
from sgdphys.simd.operations import fma, load_block, quick_divide, store, where


class Layout(NamedTuple):
    """Positions in a flat weight vector, as in ``networks.Perceptron``.

    ``activation`` is an index in ``ACTIVATIONS``; with ``softmax`` 1 the output has a softmax.
    """

    sizes: np.ndarray
    weight_at: np.ndarray
    bias_at: np.ndarray
    has_bias: int
    activation: int
    softmax: int


@compiled
def forward_block(layout, theta, x, first, unit, column):
    """Activations of one block of samples.

    Parameters
    ----------
    layout : Layout
    theta : (parameter,)
    x : (feature, sample)
        Padded to whole blocks.
    first : int
        First sample of the block.
    unit : (units, columns)
        The block that begins at ``column`` is filled: the inputs, then every layer; the output
        linear or after its softmax.
    column : int
    """
    sizes = layout.sizes
    flat = unit.reshape(-1)
    samples = x.reshape(-1)
    block, columns = unit.shape[1], x.shape[1]
    for f in range(sizes[0]):
        store(flat, f * block + column, load_block(samples, f * columns + first))
    below = column
    for layer in range(sizes.shape[0] - 1):
        n_in, n_out = sizes[layer], sizes[layer + 1]
        above = below + n_in * block
        w = layout.weight_at[layer]
        last = layer + 2 == sizes.shape[0]
        for j in range(n_out):
            z = load_block(flat, below) * 0.0
            if layout.has_bias:
                z = z + theta[layout.bias_at[layer] + j]
            for i in range(n_in):
                z = fma(load_block(flat, below + i * block), theta[w + j * n_in + i], z)
            if last:
                store(flat, above + j * block, z)
            else:
                store(flat, above + j * block, activate(layout.activation, z)[0])
        below = above
    if layout.softmax:
        _softmax(flat, below, sizes[-1], block)


@compiled
def _softmax(flat, at, outputs, block):
    largest = load_block(flat, at)
    for k in range(1, outputs):
        z = load_block(flat, at + k * block)
        largest = where(z > largest, z, largest)
    total = largest * 0.0
    for k in range(outputs):
        e = exp(load_block(flat, at + k * block) - largest)
        store(flat, at + k * block, e)
        total = total + e
    scale = quick_divide(1.0 + total * 0.0, total)
    for k in range(outputs):
        store(flat, at + k * block, load_block(flat, at + k * block) * scale)
