"""Simulated series of reshuffled descent and of a double well: plain numpy, own algorithms.

Each returns (series, n) paths; the truth is in its arguments.
"""

import numpy as np
from scipy.signal import lfilter


def reshuffled(rng, series, n, batches, rate, fixed=False):
    """x' = (1 - rate) x + kick; kicks of variance 1 sum to 0 in epochs that begin at any phase.

    New normal kicks in every epoch, or one fixed set in new order.
    """
    before = 500
    epochs = (n + before) // batches + 2
    if fixed:
        kicks = rng.standard_normal((series, 1, batches)).repeat(epochs, axis=1)
        order = rng.random(kicks.shape).argsort(axis=2)
        kicks = np.take_along_axis(kicks, order, axis=2)
    else:
        kicks = rng.standard_normal((series, epochs, batches))
    kicks -= kicks.mean(axis=2, keepdims=True)
    if fixed:
        kicks /= kicks.std(axis=2, keepdims=True)
    else:
        kicks *= np.sqrt(batches / (batches - 1))
    first = rng.integers(0, batches, series)[:, None] + np.arange(n + before)
    kicks = np.take_along_axis(kicks.reshape(series, -1), first, axis=1)
    return lfilter([1.0], [1.0, rate - 1.0], kicks, axis=1)[:, before:]


def double_well(rng, series, n, dt, diffusion):
    """dx = (x - x**3) dt + sqrt(2 D) dW from one of the wells, in Euler steps of at most 0.005."""
    fine = int(np.ceil(dt / 0.005))
    h = dt / fine
    x = np.where(rng.random(series) < 0.5, -1.0, 1.0)
    out = np.empty((n, series))
    for k in range(n):
        out[k] = x
        noise = np.sqrt(2 * diffusion * h) * rng.standard_normal((fine, series))
        for kick in noise:
            x = x + (x - x**3) * h + kick
    return out.T.copy()
