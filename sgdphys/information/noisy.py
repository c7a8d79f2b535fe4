"""Information of layers that carry noise of their own, by Monte Carlo: finite and unbinned."""

import numpy as np
import xarray as xr
from scipy.special import logsumexp

from sgdphys.errors import InputError
from sgdphys.information.binned import whole_labels
from sgdphys.networks import Perceptron, activate
from sgdphys.quantities import labelled

_ROWS = 256


def noisy_information(
    network: Perceptron,
    theta: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    *,
    draws: int = 4,
    own_draws: int = 64,
    rng: int = 0,
) -> xr.Dataset:
    """I(X;T) and I(T;Y) in bits of every hidden layer of a network with layer noise.

    Parameters
    ----------
    network : Perceptron
        With ``noise`` above 0.
    theta : (parameter,)
    x : (sample, feature)
        Equally likely inputs, the population.
    y : (sample,)
        Hard labels.
    draws : int
        Noisy passes of every input that make up the layer's law.
    own_draws : int
        Noisy passes of an input that make up its law given that input.
    rng : int
        Seed.

    Returns
    -------
    Dataset
        I_XT, I_TY with ``_low``, ``_high`` (layer): the Monte Carlo error alone, two-sided normal;
        hidden layers only, since the output has no noise of its own.

    Raises
    ------
    InputError
        For a network without noise.

    Notes
    -----
    T = S + sigma Z, with S the layer's activation given noisy layers below: the law of T, and that
    given an input or label, are mixtures of Gaussians around draws of S, and I(X;T) = E log2
    p(T|X)/p(T). In the first layer S is a function of the input and both are exact mixtures; in
    later ones few draws make p(T|X) too narrow where the layer is wide, and I(X;T) too small.

    References
    ----------
    Goldfeld et al. (2019), "Estimating information flow in deep neural networks", section 4.
    """
    if not network.noise > 0:
        raise InputError(
            "the network has no layer noise, and I(X;T) of a continuous deterministic layer is "
            "infinite; use a binned or kernel estimator, or set network.noise"
        )
    generator = np.random.default_rng(rng)
    labels, _ = whole_labels(y)
    rows = []
    for layer in range(1, network.layers):
        around = [_before_noise(network, theta, x, layer, generator) for _ in range(draws)]
        here = _before_noise(network, theta, x, layer, generator)
        t = here + network.noise * generator.standard_normal(here.shape)
        own = 1 if layer == 1 else own_draws  # the first layer's S is its own
        given_x = np.stack(
            [
                _log_kernel(t, _before_noise(network, theta, x, layer, generator), network.noise)
                for _ in range(own)
            ]
        )
        log_given_x = logsumexp(given_x, axis=0) - np.log(own)
        log_all, log_given_y = _mixtures(t, around[: 1 if layer == 1 else draws], labels,
                                         network.noise)  # fmt: skip
        rows.append([*_mean(log_given_x - log_all), *_mean(log_given_y - log_all)])
    found = np.array(rows)
    names = ("I_XT", "I_XT_low", "I_XT_high", "I_TY", "I_TY_low", "I_TY_high")
    data = xr.Dataset(
        {name: ("layer", found[:, k]) for k, name in enumerate(names)},
        coords={"layer": np.arange(1, network.layers)},
        attrs={
            "estimator": "noisy",
            "noise": network.noise,
            "draws": draws,
            "own_draws": own_draws,
            "reference": "Goldfeld et al. (2019)",
            "confidence": 0.95,
            "interval_method": "normal, Monte Carlo error alone",
        },
    )
    return labelled(data)


def _before_noise(
    network: Perceptron, theta: np.ndarray, x: np.ndarray, layer: int, rng: np.random.Generator
) -> np.ndarray:
    """Activations of a hidden layer before its own noise, with that of the layers below."""
    units = x
    for k, (w, b) in enumerate(network.matrices(theta)[:layer], start=1):
        units = activate(network.activation, units @ w.T + b)
        if k < layer:
            units = units + network.noise * rng.standard_normal(units.shape)
    return units


def _log_kernel(t: np.ndarray, s: np.ndarray, noise: float) -> np.ndarray:
    """Log Gaussian without its constant, row by row."""
    return -((t - s) ** 2).sum(axis=1) / (2 * noise**2)


def _mixtures(
    t: np.ndarray, around: list[np.ndarray], labels: np.ndarray, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Log densities of every point under all draws, and under those of its own label."""
    centre = t.mean(axis=0)
    s = np.concatenate(around) - centre
    of = np.tile(labels, len(around))
    norms = (s**2).sum(axis=1)
    log_all, log_label = np.empty((2, len(t)))
    same = [of == kind for kind in range(int(labels.max()) + 1)]
    for first in range(0, len(t), _ROWS):
        part = slice(first, first + _ROWS)
        here = t[part] - centre
        squares = (here**2).sum(axis=1)[:, None] + norms - 2 * here @ s.T
        logs = -np.maximum(squares, 0.0) / (2 * noise**2)
        log_all[part] = logsumexp(logs, axis=1) - np.log(len(s))
        for kind, inside in enumerate(same):
            rows = np.flatnonzero(labels[part] == kind)
            if len(rows):
                log_label[first + rows] = logsumexp(logs[np.ix_(rows, inside)], axis=1) - np.log(
                    inside.sum()
                )
    return log_all, log_label


def _mean(nats: np.ndarray) -> tuple[float, float, float]:
    """Mean in bits, and its interval."""
    mean = float(nats.mean() / np.log(2))
    reach = 1.96 * float(nats.std(ddof=1) / np.sqrt(len(nats)) / np.log(2))
    return mean, mean - reach, mean + reach
