"""Simulators for the estimators of information, apart from ``sgdphys``: plain NumPy arrays."""

import numpy as np


def gaussian_classes(rng, series, n, units, apart, along="one"):
    """Activations (series, n, units) of two equally likely classes, N(+-m, 1) with |2 m| = apart.

    The means differ in "one" unit, or along the diagonal of "all" of them, so that I(T;Y) is
    ``gaussian_bits(apart)`` whatever their number. Label k is that of the samples k, k + 2, ...
    """
    direction = np.eye(units)[0] if along == "one" else np.full(units, units**-0.5)
    shift = apart * (np.arange(n) % 2 - 0.5)
    return rng.standard_normal((series, n, units)) + shift[:, None] * direction


def gaussian_bits(apart):
    """Mutual information in bits of two equally likely classes N(+-apart/2, 1) and their label."""
    x = np.linspace(-0.5 * apart - 12, 0.5 * apart + 12, 200_001)
    one, other = (np.exp(-0.5 * (x - s * apart) ** 2) / np.sqrt(2 * np.pi) for s in (0.5, -0.5))
    mixed = 0.5 * (one + other)
    entropy = -np.sum(mixed * np.log2(np.maximum(mixed, 1e-300))) * (x[1] - x[0])
    return entropy - 0.5 * np.log2(2 * np.pi * np.e)


def binned_bits(apart, bins, low, high):
    """The same for a unit that is cut into equal bins from low to high, the outer ones open."""
    from scipy.special import ndtr

    edges = np.concatenate([[-np.inf], np.linspace(low, high, bins + 1)[1:-1], [np.inf]])
    given = np.stack([np.diff(ndtr(edges - s * apart)) for s in (0.5, -0.5)])
    mixed = given.mean(axis=0)

    def entropy(p):
        return -np.sum(p[p > 0] * np.log2(p[p > 0]))

    return entropy(mixed) - 0.5 * (entropy(given[0]) + entropy(given[1]))
