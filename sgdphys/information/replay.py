"""Other estimators than the histogram, on activations replayed from recorded weights."""

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.draws import Seed
from sgdphys.errors import InputError
from sgdphys.information.binned import binned_information
from sgdphys.information.gaussian import linear_layer_information
from sgdphys.information.kde import kde_information
from sgdphys.information.neighbours import neighbour_information
from sgdphys.information.noisy import noisy_information
from sgdphys.information.samples import label_stream, whole_labels
from sgdphys.networks import Perceptron, activate
from sgdphys.quantities import labelled

ESTIMATORS = (
    "equal_mass",
    "net_input",
    "precision",
    "kde_lower",
    "kde_upper",
    "neighbours",
    "noisy",
    "gaussian",
)


_NET_INPUT = 50.0
"""Net inputs from minus this to this are cut into equal bins."""


def _cells(t: np.ndarray, estimator: str, bins: int, activation: str) -> np.ndarray:
    """Cell of every unit, equal in net input, or of every sample, one for each distinct row."""
    if estimator == "precision":
        return np.unique(t.astype(np.float32), axis=0, return_inverse=True)[1].reshape(-1)
    ends = activate(activation, np.linspace(-_NET_INPUT, _NET_INPUT, bins + 1))
    return np.searchsorted(ends[1:-1], t, side="right")


def _reader(
    estimator: str, bins: int, noise_variance: float, neighbours: int, activation: str = "tanh"
) -> Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[float, float, float]]:
    """I(X;T), I(T;Y) and its null of activations, labels and shuffled labels."""

    def at_once(t: np.ndarray, y: np.ndarray, shuffled: np.ndarray) -> tuple[float, float, float]:
        both = kde_information(t, y, shuffled=shuffled, noise_variance=noise_variance)
        found = both.sel(bound=estimator.removeprefix("kde_"))
        return float(found["I_XT"]), float(found["I_TY"]), float(found["null_I_TY"])

    def in_turn(t: np.ndarray, y: np.ndarray, shuffled: np.ndarray) -> tuple[float, float, float]:
        return *read(t, y), read(t, shuffled)[1]

    def read(t: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        if estimator == "equal_mass":
            found = binned_information(t, y, bins=bins, edges="equal_mass")
        elif estimator == "binned":
            found = binned_information(t, y, bins=bins)
        elif estimator in ("net_input", "precision"):
            cells = _cells(t, estimator, bins, activation)
            most = int(cells.max()) + 1
            found = binned_information(cells, y, bins=max(most, 2), low=0, high=max(most, 2))
        else:
            return np.nan, float(neighbour_information(t, y, neighbours=neighbours)["raw_I_TY"])
        return float(found["I_XT"]), float(found["I_TY"])

    return at_once if estimator.startswith("kde_") else in_turn


@checked
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
    rng: Seed = 0,
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
        "equal_mass", "net_input" (bins equal in the net input from -50 to 50), "precision" (a cell
        for every distinct float32 row), "kde_lower", "kde_upper", "neighbours" (I_TY alone, raw),
        "noisy" (hidden
        layers of a network with layer noise), or "gaussian" (I_XT alone: linear networks, Gaussian
        inputs of the task's covariance, noise of ``noise_variance`` on every unit).
    softmax : bool
        Whether the output is read after a softmax.
    bins, noise_variance, neighbours
        What the estimators take.
    rng : int, SeedSequence or Generator
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
        "net_input": {"bins": bins},
        "precision": {},
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
    if estimator in ("noisy", "gaussian"):

        def whole(weights: np.ndarray, shuffled: np.ndarray) -> np.ndarray:
            found = np.full((network.layers, 3), np.nan)
            if estimator == "gaussian":
                found[:, 0] = _linear(network, weights, x, noise_variance)
                return found
            values = noisy_information(network, weights, x, labels, shuffled=shuffled, rng=rng)
            names = ("I_XT", "I_TY", "null_I_TY")
            found[:-1] = np.stack([values[name] for name in names], axis=1)
            return found

    else:
        read = _reader(estimator, bins, noise_variance, neighbours, network.activation)
        # the output has no activation of its own to take the net input of
        of_last = "binned" if estimator == "net_input" else estimator
        last = _reader(of_last, bins, noise_variance, neighbours)

        def whole(weights: np.ndarray, shuffled: np.ndarray) -> np.ndarray:
            units = network.forward(weights, x, softmax=softmax)
            readers = [read] * (len(units) - 1) + [last]
            return np.array([
                r(t, labels, shuffled) for r, t in zip(readers, units, strict=True)
            ])  # fmt: skip

    threads = len(os.sched_getaffinity(0))
    return _each_network(theta, epochs, network.layers, labels, whole, rng, threads).assign_attrs(
        estimator=estimator, **settings[estimator], interval_method="none: over replicas only"
    )


def _each_network(
    theta: np.ndarray,
    epochs: Iterable[int],
    layers: int,
    labels: np.ndarray,
    whole: Callable[[np.ndarray, np.ndarray], np.ndarray],
    rng: Seed,
    threads: int = 1,
) -> xr.Dataset:
    """I_XT, I_TY and its null of every layer, network and epoch.

    ``whole`` gives (layer, 3) of the weights of one network and its shuffled labels; with several
    threads it is called from all of them.
    """
    at = np.array(list(epochs))
    found = np.full((len(at), theta.shape[1], layers, 3), np.nan)

    def work(place: tuple[int, int]) -> None:
        e, r = place
        weights = theta[e, r].astype(np.float64)
        if np.isfinite(weights).all():
            shuffled = label_stream(rng, r).permutation(labels)
            found[e, r] = whole(weights, shuffled)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, np.ndindex(len(at), theta.shape[1])))
    names = ("I_XT", "I_TY", "null_I_TY")
    axes = ("epoch", "replica", "layer")
    rises = (np.diff(found[..., :2], axis=2) > 1e-9).sum(axis=(2, 3))
    data = xr.Dataset(
        {name: (axes, found[..., k]) for k, name in enumerate(names)}
        | {"order_violations": (axes[:2], rises)},
        coords={"epoch": at, "layer": np.arange(1, layers + 1)},
    )
    return labelled(data)


@checked
def of_activations(
    activations: Callable[[np.ndarray], list[np.ndarray]],
    theta: np.ndarray,
    epochs: Iterable[int],
    y: np.ndarray,
    *,
    estimator: str = "binned",
    bins: int = 30,
    bin_range: tuple[float, float] | None = None,
    noise_variance: float = 1e-3,
    neighbours: int = 3,
    rng: Seed = 0,
) -> xr.Dataset:
    """Information of the layers of any network, from a function that gives their activations.

    Parameters
    ----------
    activations : callable
        Of the weights of one network (parameter,): a list of (sample, unit), one a layer.
    theta : (epoch, replica, parameter)
    epochs : iterable of int
    y : (sample,)
    estimator : str
        "binned", "equal_mass", "kde_lower", "kde_upper" or "neighbours".
    bins : int
    bin_range : (float, float), optional
        Of every layer but the last; by default the extremes of each layer over all networks and
        epochs.
    noise_variance, neighbours
        What the estimators take.
    rng : int, SeedSequence or Generator
        Seed of shuffled labels.

    Returns
    -------
    Dataset
        As ``estimated``; for bins also bin_low and bin_high (layer).
    """
    labels, _ = whole_labels(y)
    ends: list[tuple[float, float]] = []
    layers = 0
    for weights in theta.reshape(-1, theta.shape[-1]):
        if not np.isfinite(weights).all():
            continue
        units = activations(weights.astype(np.float64))
        layers = len(units)
        if estimator != "binned":
            break
        seen = [(float(t.min()), float(t.max())) for t in units]
        ends = [(min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(ends or seen, seen, strict=True)]
    if bin_range is not None:
        ends = [bin_range] * (layers - 1) + ends[-1:]
    reader = _reader(estimator, bins, noise_variance, neighbours) if estimator != "binned" else None

    def whole(weights: np.ndarray, shuffled: np.ndarray) -> np.ndarray:
        rows: list[tuple[float, ...]] = []
        for k, t in enumerate(activations(weights)):
            if reader is not None:
                rows.append(reader(t, labels, shuffled))
                continue
            low, high = ends[k]
            both = [
                binned_information(t, of, bins=bins, low=low, high=high)
                for of in (labels, shuffled)
            ]
            rows.append((float(both[0]["I_XT"]), *(float(b["I_TY"]) for b in both)))
        return np.array(rows)

    data = _each_network(theta, epochs, layers, labels, whole, rng)
    if ends:
        low, high = np.array(ends).T
        data = data.assign(bin_low=("layer", low), bin_high=("layer", high))
    settings: dict[str, Any] = {"bins": bins}
    if estimator.startswith("kde"):
        settings = {"noise_variance": noise_variance}
    return labelled(data).assign_attrs(
        estimator=estimator, **settings, interval_method="none: over replicas only"
    )


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
