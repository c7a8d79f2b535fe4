"""Gaussian numbers on lanes, from counters (Box-Muller on Philox)."""

from sgdphys.compiling import compiled
from sgdphys.sampling import philox
from sgdphys.simd.elementary import log, sine_and_cosine_of_turn
from sgdphys.simd.operations import load_block, square_root, store

_UNIT = 2.0**-32


@compiled
def draw_words(keys, c1, c2, c3, buffers):
    """Four uniform rows in (0, 1] for the counters (positions, c1, c2, c3)."""
    block = buffers.positions.shape[0]
    uniform = buffers.uniform
    for k in range(block):
        a, b, c, d = philox(buffers.positions[k], c1, c2, c3, keys[0, k], keys[1, k])
        uniform[k] = (a + 0.5) * _UNIT
        uniform[block + k] = (b + 0.5) * _UNIT
        uniform[2 * block + k] = (c + 0.5) * _UNIT
        uniform[3 * block + k] = (d + 0.5) * _UNIT


@compiled
def draw_normals(keys, c1, c2, c3, buffers):
    """Four rows of standard normal numbers for the counters (positions, c1, c2, c3)."""
    block = buffers.positions.shape[0]
    draw_words(keys, c1, c2, c3, buffers)
    for pair in range(0, 4 * block, 2 * block):
        radius = square_root(-2.0 * log(load_block(buffers.uniform, pair)))
        sine, cosine = sine_and_cosine_of_turn(load_block(buffers.uniform, pair + block))
        store(buffers.normal, pair, radius * cosine)
        store(buffers.normal, pair + block, radius * sine)
