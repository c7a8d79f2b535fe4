"""Update rules on lanes: SGD with momentum and weight decay, Adam, and added Langevin noise."""

from typing import NamedTuple

import numpy as np

from sgdphys.compiling import compiled
from sgdphys.engines.gaussian import draw_normals
from sgdphys.simd.operations import any_lane, fma, is_nan, load, square_root, store
from sgdphys.simd.vectors import SAMPLES

SGD, ADAM = 0, 1
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class Rule(NamedTuple):
    """How a gradient becomes an update.

    The conventions are those of torch.optim: velocity u = mu u + g, theta = theta - eta u (Nesterov
    g + mu u), g the gradient of the loss plus ``weight_decay`` theta, and that of the penalty
    ``orthonormality``. ``langevin`` is a diffusion coefficient D per unit time (sum of learning
    rates): it adds a variance of 2 D eta an update.
    """

    optimiser: int
    momentum: float
    nesterov: int
    weight_decay: float
    orthonormality: float
    langevin: float


class Weights(NamedTuple):
    """State of one block: rows of lanes, one a parameter; diverged_step int64 (lane,)."""

    theta: np.ndarray
    velocity: np.ndarray
    square: np.ndarray
    gradient: np.ndarray
    diverged_step: np.ndarray


@compiled
def update(rule, weights, rate, samples, step, noise_keys, buffers):
    """Apply one update from the summed gradient of ``samples`` samples, and clear the gradient.

    Lanes whose weights stop being finite are marked with ``step``, the count of updates done.
    """
    theta, velocity, square, gradient, diverged_step = weights
    width = diverged_step.shape[0]
    per_sample = 1.0 / samples
    first_scale = 1.0 / (1.0 - BETA1**step)
    second_scale = 1.0 / (1.0 - BETA2**step)
    kick = np.sqrt(2.0 * rule.langevin * rate)
    group = 4 * SAMPLES * width  # parameters that one call of draw_normals serves
    bad = load(theta, 0) * 0.0
    for at in range(0, theta.shape[0], width):
        w = load(theta, at)
        g = load(gradient, at) * per_sample
        store(gradient, at, w * 0.0)
        if rule.weight_decay != 0.0:
            g = fma(w, rule.weight_decay, g)
        if rule.optimiser == ADAM:
            u = fma(load(velocity, at), BETA1, (1.0 - BETA1) * g)
            v = fma(load(square, at), BETA2, (1.0 - BETA2) * (g * g))
            store(velocity, at, u)
            store(square, at, v)
            g = (u * first_scale) / (square_root(v * second_scale) + EPSILON)
        elif rule.momentum != 0.0:
            u = fma(load(velocity, at), rule.momentum, g)
            store(velocity, at, u)
            g = fma(u, rule.momentum, g) if rule.nesterov else u
        w = fma(g, -rate, w)
        if rule.langevin != 0.0:
            within = at % group
            if within == 0:
                for k in range(SAMPLES * width):
                    buffers.positions[k] = (at // group) * SAMPLES + k // width
                draw_normals(noise_keys, step & 0xFFFFFFFF, step >> 32, 0, buffers)
            w = fma(load(buffers.normal, within), kick, w)
        bad = fma(w, 0.0, bad)
        store(theta, at, w)
    if any_lane(is_nan(bad)):
        for lane in range(width):
            if diverged_step[lane] < 0:
                for at in range(lane, theta.shape[0], width):
                    if not np.isfinite(theta[at]):
                        diverged_step[lane] = step
                        break
