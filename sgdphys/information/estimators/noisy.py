"""Information of layers with internal noise, by Monte Carlo: finite and without bins."""

import numpy as np
import xarray as xr
from scipy.special import logsumexp

from sgdphys.arguments import checked
from sgdphys.compiling import compiled
from sgdphys.containers import finite_array
from sgdphys.draws import Seed, stream
from sgdphys.errors import InputError
from sgdphys.information.samples import label_array, samples_of, whole_labels
from sgdphys.networks import Perceptron
from sgdphys.networks.activations import ACTIVATIONS
from sgdphys.quantities import labelled

FAR = 40.0
"""Nats beyond the nearest centre from which on a term is 0 in double precision."""


@checked
def noisy_information(
    network: Perceptron,
    theta: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    *,
    shuffled: np.ndarray | None = None,
    draws: int = 4,
    own_draws: int = 64,
    rng: Seed = 0,
) -> xr.Dataset:
    """Mutual information of the hidden layers of a noisy network, by Monte Carlo, without bins.

    Parameters
    ----------
    network : Perceptron
        With ``noise`` above 0.
    theta : (parameter,)
        Its weights.
    x : (sample, feature)
        Equally likely inputs, the population.
    y : (sample,)
        Hard labels.
    shuffled : (sample,), optional
        The same labels randomly permuted, for the null.
    draws : int
        Noisy passes of every input that represent the distribution of the layer.
    own_draws : int
        Noisy passes of an input that represent its distribution given that input.
    rng : int, SeedSequence or Generator
        Seed of the noise.

    Returns
    -------
    Dataset
        I_XT, I_TY in bits with ``_low``, ``_high`` (layer): 95% intervals of the Monte Carlo error
        alone; hidden layers only, since the output has no noise of its own; null_I_TY (layer) of
        the permuted labels, where they are given.

    Raises
    ------
    InputError
        For a network without noise, or weights and inputs that do not fit it.

    See Also
    --------
    kde_information : Bounds for noise that is added for the measurement only.
    linear_layer_information : Exact, for linear layers with Gaussian inputs.

    Notes
    -----
    T = S + sigma Z, S the activation given noisy layers below. p(t), p(t|x) and p(t|y)
    are mixtures of Gaussians about draws of S, and I(X;T) = E log2 p(T|X)/p(T). In the first layer
    S is a function of the input and the mixtures are exact; in later layers few draws make both
    densities too narrow where the layer is wide. The input's own density has more draws than those
    of the other inputs, the same in both, so that I(X;T) <= log2 n.

    References
    ----------
    Goldfeld et al. (2019), "Estimating information flow in deep neural networks", section 4.

    Examples
    --------
    A hidden tanh unit that separates two inputs by much more than its noise keeps 1 bit:

    >>> import numpy as np
    >>> import sgdphys as sp
    >>> from sgdphys.networks import Perceptron
    >>> network = Perceptron((1, 1, 1), noise=0.1, bias=False)
    >>> x = np.repeat([[-3.0], [3.0]], 50, axis=0)
    >>> found = sp.information.noisy_information(network, np.ones(2), x, x.ravel() > 0)
    >>> round(found["I_TY"].item(), 3)
    1.0
    """
    if not isinstance(network, Perceptron):
        raise InputError(f"network is a {type(network).__name__}; a Perceptron was expected")
    if not network.noise > 0:
        raise InputError(
            "the network has no layer noise, and I(X;T) of a continuous deterministic layer is "
            "infinite; use a binned or kernel estimator, or set network.noise"
        )
    generator = stream(rng)
    x, labels, _, is_kept = samples_of(x, y)
    theta = finite_array(theta, "theta")
    if theta.shape != (network.parameters.count,) or x.shape[1] != network.sizes[0]:
        raise InputError(
            f"theta has shape {theta.shape} and the inputs {x.shape}; the network takes "
            f"({network.parameters.count},) and (sample, {network.sizes[0]})"
        )
    labellings = [labels]
    if shuffled is not None:
        labellings.append(whole_labels(label_array(shuffled, is_kept))[0])
    rows, nulls = [], []
    for layer in range(1, network.layers):
        centres = [_before_noise(network, theta, x, layer, generator) for _ in range(draws)]
        here = _before_noise(network, theta, x, layer, generator)
        t = here + network.noise * generator.standard_normal(here.shape)
        own = 1 if layer == 1 else own_draws  # the S of the first layer is a function of the input
        given_x = np.stack(
            [
                _log_kernel(t, _before_noise(network, theta, x, layer, generator), network.noise)
                for _ in range(own)
            ]
        )
        log_given_x = logsumexp(given_x, axis=0) - np.log(own)
        log_all, log_given_y = _mixtures(
            t,
            centres[: 1 if layer == 1 else draws],
            log_given_x,
            np.stack(labellings),
            network.noise,
        )
        rows.append([*_mean(log_given_x - log_all), *_mean(log_given_y[0] - log_all)])
        nulls.append(_mean(log_given_y[-1] - log_all)[0])
    found = np.array(rows)
    names = ("I_XT", "I_XT_low", "I_XT_high", "I_TY", "I_TY_low", "I_TY_high")
    data = xr.Dataset(
        {name: ("layer", found[:, k]) for k, name in enumerate(names)}
        | ({} if shuffled is None else {"null_I_TY": ("layer", nulls)}),
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
    """Activations of a hidden layer without its own noise, with that of the layers below."""
    activation = ACTIVATIONS[network.activation].value
    units = x
    for k, (w, b) in enumerate(network.matrices(theta)[:layer], start=1):
        units = activation(units @ w.T + b)
        if k < layer:
            units = units + network.noise * rng.standard_normal(units.shape)
    return units


def _log_kernel(t: np.ndarray, s: np.ndarray, noise: float) -> np.ndarray:
    """Log Gaussian without its normalisation, row by row."""
    return -((t - s) ** 2).sum(axis=1) / (2 * noise**2)


@compiled
def _log_sums(t, s, labels, of, squares, nearest, sums, out):
    """Log sums of exp(-d**2) over the centres of other inputs: all, and those with the same label.

    Parameters
    ----------
    t : float64 (unit, input)
    s : float64 (unit, centre)
        Centres of all inputs in order, repeated for every draw.
    labels, of : int64 (labelling, input), int64 (labelling, centre)
    squares, nearest, sums : float64 (centre,), (1 + labelling,) twice
        Scratch.
    out : float64 (1 + labelling, input)
        Filled.
    """
    kinds = labels.shape[0]
    inputs = labels.shape[1]
    for own in range(inputs):
        for k in range(1 + kinds):
            nearest[k] = np.inf
            sums[k] = 0.0
        for c in range(s.shape[1]):
            squares[c] = 0.0
        for u in range(s.shape[0]):
            here = t[u, own]
            for c in range(s.shape[1]):
                difference = here - s[u, c]
                squares[c] += difference * difference
        for start in range(0, s.shape[1], inputs):
            squares[start + own] = np.inf
        for c in range(s.shape[1]):
            d = squares[c]
            if d < nearest[0]:
                nearest[0] = d
            for k in range(kinds):
                if d < nearest[1 + k] and of[k, c] == labels[k, own]:
                    nearest[1 + k] = d
        farthest = 0.0
        for k in range(1 + kinds):
            farthest = max(farthest, nearest[k])
        for c in range(s.shape[1]):
            d = squares[c]
            if d >= farthest + FAR:
                continue
            sums[0] += np.exp(nearest[0] - d)
            for k in range(kinds):
                if of[k, c] == labels[k, own]:
                    sums[1 + k] += np.exp(nearest[1 + k] - d)
        for k in range(1 + kinds):
            out[k, own] = np.log(sums[k]) - nearest[k] if sums[k] > 0 else -np.inf


def _mixtures(
    t: np.ndarray, centres: list[np.ndarray], log_own: np.ndarray, labellings: np.ndarray,
    noise: float,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Log densities p(t) (point,) and p(t|y) (labelling, point) of every point.

    The density given the point's own input has more draws than the others, the same in both.
    """
    scale = 1 / (np.sqrt(2) * noise)
    s = np.ascontiguousarray(np.concatenate(centres).T) * scale
    of = np.tile(labellings, (1, len(centres)))
    out, scratch = np.empty((1 + len(labellings), len(t))), np.empty((2, 1 + len(labellings)))
    points = np.ascontiguousarray(t.T) * scale
    _log_sums(points, s, labellings, of, np.empty(s.shape[1]), scratch[0], scratch[1], out)
    both = np.logaddexp(out - np.log(len(centres)), log_own)
    counts = np.stack([np.bincount(row)[row] for row in labellings])
    return both[0] - np.log(len(t)), both[1:] - np.log(counts)


def _mean(nats: np.ndarray) -> tuple[float, float, float]:
    """Mean in bits, and its 95% interval."""
    mean = float(nats.mean() / np.log(2))
    half_width = 1.96 * float(nats.std(ddof=1) / np.sqrt(len(nats)) / np.log(2))
    return mean, mean - half_width, mean + half_width
