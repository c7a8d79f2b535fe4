"""Other estimators than the histogram, on activations replayed from recorded weights."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.information.binned import binned_information, whole_labels
from sgdphys.information.gaussian import linear_layer_information
from sgdphys.information.kde import kde_information
from sgdphys.information.neighbours import neighbour_information
from sgdphys.information.noisy import noisy_information
from sgdphys.networks import Perceptron
from sgdphys.quantities import labelled

ESTIMATORS = ("equal_mass", "kde_lower", "kde_upper", "neighbours", "noisy", "gaussian")


def _reader(
    estimator: str, bins: int, noise_variance: float, neighbours: int
) -> Callable[[np.ndarray, np.ndarray], tuple[float, float]]:
    """I(X;T) and I(T;Y) of activations and labels."""

    def read(t: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        if estimator == "equal_mass":
            found = binned_information(t, y, bins=bins, edges="equal_mass")
        elif estimator == "neighbours":
            return np.nan, float(neighbour_information(t, y, neighbours=neighbours)["raw_I_TY"])
        else:
            both = kde_information(t, y, noise_variance=noise_variance)
            found = both.sel(bound=estimator.removeprefix("kde_"))
        return float(found["I_XT"]), float(found["I_TY"])

    return read


def estimated(
    theta: np.ndarray,
    epochs: Iterable[int],
    network: Perceptron,
    x: np.ndarray,
    y: np.ndarray,
    *,
    estimator: str,
    softmax: bool,
    bins: int = 30,
    noise_variance: float = 1e-3,
    neighbours: int = 3,
    rng: int = 0,
) -> xr.Dataset:
    """Information of every layer of some networks at some epochs by another estimator.

    Parameters
    ----------
    theta : (epoch, replica, parameter)
    epochs : iterable of int
    network : Perceptron
    x : (sample, feature)
    y : (sample,)
    estimator : str
        "equal_mass", "kde_lower", "kde_upper", "neighbours" (I_TY alone, raw), "noisy" (hidden
        layers of a network with layer noise), or "gaussian" (I_XT alone: linear networks, Gaussian
        inputs of the task's covariance, noise of ``noise_variance`` on every unit).
    softmax : bool
        Whether the output is read after a softmax.
    bins, noise_variance, neighbours
        What the estimators take.
    rng : int
        Seed of shuffled labels and of noise.

    Returns
    -------
    Dataset
        I_XT, I_TY, null_I_TY (epoch, replica, layer); NaN where weights are not finite or an
        estimator has no value.
    """
    labels, _ = whole_labels(y)
    settings: Mapping[str, Any] = {
        "equal_mass": {"bins": bins},
        "kde_lower": {"noise_variance": noise_variance},
        "kde_upper": {"noise_variance": noise_variance},
        "neighbours": {"neighbours": neighbours},
        "noisy": {"noise": network.noise},
        "gaussian": {"noise_variance": noise_variance},
    }
    if estimator == "gaussian" and network.activation != "identity":
        raise InputError(
            f"estimator 'gaussian' is exact for linear networks; this one has {network.activation}"
        )
    read = _reader(estimator, bins, noise_variance, neighbours)
    at = np.array(list(epochs))
    found = np.full((len(at), theta.shape[1], network.layers, 3), np.nan)
    for e in range(len(at)):
        for r in range(theta.shape[1]):
            weights = theta[e, r].astype(np.float64)
            if not np.isfinite(weights).all():
                continue
            shuffled = np.random.default_rng([rng, r]).permutation(labels)
            if estimator == "noisy":
                values, null = (
                    noisy_information(network, weights, x, of, rng=rng) for of in (labels, shuffled)
                )
                found[e, r, :-1] = np.stack([values["I_XT"], values["I_TY"], null["I_TY"]], axis=1)
                continue
            if estimator == "gaussian":
                found[e, r, :, 0] = _linear(network, weights, x, noise_variance)
                continue
            for k, units in enumerate(network.forward(weights, x, softmax=softmax)):
                found[e, r, k] = (*read(units, labels), read(units, shuffled)[1])
    names = ("I_XT", "I_TY", "null_I_TY")
    data = xr.Dataset(
        {name: (("epoch", "replica", "layer"), found[..., k]) for k, name in enumerate(names)},
        coords={"epoch": at, "layer": np.arange(1, network.layers + 1)},
        attrs={
            "estimator": estimator,
            **settings[estimator],
            "interval_method": "none: over replicas only",
        },
    )
    return labelled(data)


def _linear(
    network: Perceptron, theta: np.ndarray, x: np.ndarray, noise_variance: float
) -> list[float]:
    """I(X;T) of every layer of a linear network."""
    covariance, through = np.cov(x.T), np.eye(x.shape[1])
    found = []
    for w, _ in network.matrices(theta):
        through = w @ through
        found.append(linear_layer_information(through, covariance, noise_variance))
    return found


def require_estimator(estimator: str) -> None:
    """Refuse an unknown estimator."""
    if estimator not in ("binned", *ESTIMATORS):
        known = ", ".join(("binned", *ESTIMATORS))
        raise InputError(f"estimator is {estimator!r}; it can be {known}")
