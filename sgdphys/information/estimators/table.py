"""Estimators of the information of layers, all with one signature, and their use on networks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sgdphys import parallel
from sgdphys.draws import Seed
from sgdphys.errors import InputError
from sgdphys.information.estimators.binned import cells_of
from sgdphys.information.estimators.gaussian import linear_layer_information
from sgdphys.information.estimators.histogram import (
    counted_information,
    entropy_of_labels,
    entropy_steps,
    saturated,
)
from sgdphys.information.estimators.kde import kde_information
from sgdphys.information.estimators.neighbours import neighbour_information
from sgdphys.information.estimators.noisy import noisy_information
from sgdphys.information.layers import Activations
from sgdphys.information.samples import label_stream
from sgdphys.networks import Perceptron
from sgdphys.networks.activations import ACTIVATIONS
from sgdphys.quantities import labelled
from sgdphys.status import BROKEN, OK, SATURATED, flagged

_NET_INPUT = 50.0
"""Net inputs from minus this to this are cut into equal bins."""


class Settings(NamedTuple):
    """Settings of all estimators; each uses those it needs."""

    bins: int = 30
    noise_variance: float = 1e-3
    neighbours: int = 3
    rng: Seed = 0
    ranges: tuple[tuple[float, float], ...] = ()
    """Ranges of each layer's bins."""
    of_each_epoch: bool = False
    """Whether the bins of hidden layers follow the activations of each network and epoch."""


@dataclass(frozen=True)
class Layers:
    """The layers of one network at one epoch.

    Attributes
    ----------
    theta : float64 (parameter,)
    activations : callable
        See ``layers.Activations``.
    network : Perceptron, optional
        Where the weights are those of a perceptron, with its inputs ``x`` (sample, feature).
    """

    theta: np.ndarray
    activations: Activations
    network: Perceptron | None = None
    x: np.ndarray | None = None

    @cached_property
    def units(self) -> list[np.ndarray]:
        """Activations (sample, unit) of each layer."""
        return self.activations(self.theta)

    def perceptron(self, estimator: str) -> tuple[Perceptron, np.ndarray]:
        """The perceptron and its inputs, for an estimator that needs more than activations."""
        if self.network is None or self.x is None:
            raise InputError(
                f"estimator {estimator!r} reads the weights of perceptrons, and activations alone "
                "were given; choose another one"
            )
        return self.network, self.x


Row = tuple[float, float, float, float]
"""I(X;T), I(T;Y), and I(T;Y') of permuted labels Y', in bits, NaN where there is no value; and the
status."""
Estimate = Callable[[Layers, np.ndarray, np.ndarray, Settings], np.ndarray]
"""Maps layers, labels, permuted labels (sample,) and settings to one ``Row`` per layer."""


def _binned(layers: Layers, y: np.ndarray, shuffled: np.ndarray, given: Settings) -> np.ndarray:
    """Equal bins in the range given for each layer, or in that of its activations."""
    hidden = len(given.ranges) - 1
    rows = []
    for layer, (t, (low, high)) in enumerate(zip(layers.units, given.ranges, strict=True)):
        ends: dict[str, Any] = (
            {} if given.of_each_epoch and layer < hidden else {"low": low, "high": high}
        )
        rows.append(_in_bins(t, y, shuffled, bins=given.bins, **ends))
    return np.array(rows)


def _equal_mass(layers: Layers, y: np.ndarray, shuffled: np.ndarray, given: Settings) -> np.ndarray:
    """Bins of each unit with equally many samples."""
    return np.array([
        _in_bins(t, y, shuffled, bins=given.bins, edges="equal_mass") for t in layers.units
    ])  # fmt: skip


def _net_input(layers: Layers, y: np.ndarray, shuffled: np.ndarray, given: Settings) -> np.ndarray:
    """Bins equal in the net input; for the output, which has no activation, in its range."""
    edges = np.linspace(-_NET_INPUT, _NET_INPUT, given.bins + 1)
    activation = layers.perceptron("net_input")[0].activation
    ends = ACTIVATIONS[activation].value(edges)
    if (np.diff(ends) < 0).any():
        raise InputError(
            f"estimator 'net_input' needs an activation that never falls; {activation!r} does"
        )
    cells = [np.searchsorted(ends[1:-1], t, side="right") for t in layers.units[:-1]]
    rows = [_in_cells(c, y, shuffled) for c in cells]
    return np.array([*rows, _in_bins(layers.units[-1], y, shuffled, bins=given.bins)])


def _precision(layers: Layers, y: np.ndarray, shuffled: np.ndarray, given: Settings) -> np.ndarray:
    """A cell for every distinct row of float32."""
    rows = (np.unique(t.astype(np.float32), axis=0, return_inverse=True)[1] for t in layers.units)
    return np.array([_in_cells(r.reshape(-1), y, shuffled) for r in rows])


def _kernel(bound: str) -> Estimate:
    """The upper or lower kernel bound."""

    def read(layers: Layers, y: np.ndarray, shuffled: np.ndarray, given: Settings) -> np.ndarray:
        found = [
            kde_information(t, y, shuffled=shuffled, noise_variance=given.noise_variance)
            for t in layers.units
        ]
        names = ("I_XT", "I_TY", "null_I_TY")
        return np.array([
            (*(float(f[name].sel(bound=bound)) for name in names), int(f["status"])) for f in found
        ])  # fmt: skip

    return read


def _nearest(layers: Layers, y: np.ndarray, shuffled: np.ndarray, given: Settings) -> np.ndarray:
    """Nearest neighbours, without I(X;T)."""

    def about(t: np.ndarray, labels: np.ndarray) -> tuple[float, int]:
        found = neighbour_information(t, labels, neighbours=given.neighbours)
        return float(found["raw_I_TY"]), int(found["status"])

    rows = [(*about(t, y), about(t, shuffled)[0]) for t in layers.units]
    return np.array([(np.nan, value, null, status) for value, status, null in rows])


def _noisy(layers: Layers, y: np.ndarray, shuffled: np.ndarray, given: Settings) -> np.ndarray:
    """Monte Carlo of layer noise; the output has none of its own."""
    network, x = layers.perceptron("noisy")
    found = noisy_information(network, layers.theta, x, y, shuffled=shuffled, rng=given.rng)
    columns = [found[name].to_numpy() for name in ("I_XT", "I_TY", "null_I_TY")]
    rows = np.stack([*columns, np.full(len(columns[0]), OK)], axis=1)
    return np.concatenate([rows, [[np.nan, np.nan, np.nan, OK]]])


def _gaussian(layers: Layers, y: np.ndarray, shuffled: np.ndarray, given: Settings) -> np.ndarray:
    """I(X;T) of linear networks and Gaussian inputs of the same covariance."""
    network, x = layers.perceptron("gaussian")
    if network.activation != "identity":
        raise InputError(
            f"estimator 'gaussian' is exact for linear networks; this one has {network.activation}"
        )
    covariance, through = np.atleast_2d(np.cov(x.T)), np.eye(x.shape[1])
    rows = []
    for w, _ in network.matrices(layers.theta):
        through = w @ through
        about_x = linear_layer_information(through, covariance, given.noise_variance)
        rows.append((about_x, np.nan, np.nan, OK))
    return np.array(rows)


def _in_bins(
    t: np.ndarray, y: np.ndarray, shuffled: np.ndarray, *, bins: int,
    low: float | None = None, high: float | None = None, edges: str = "full",
) -> Row:  # fmt: skip
    """Row of a histogram; its samples are the population, so that few in a cell are no fault."""
    units = np.asarray(t, np.float64).reshape(len(t), -1)
    numbers, cells, _, _ = cells_of(units, bins=bins, low=low, high=high, edges=edges)
    samples = len(units)
    scratch = np.zeros(cells, np.uint32), np.zeros((2, cells, int(y.max()) + 1), np.uint32)
    about_x, both, mixed = counted_information(
        numbers, cells, np.stack([y, shuffled]), *scratch, entropy_steps(samples)
    )
    of_labels = entropy_of_labels(y)
    about_y, null = (max(about_x + of_labels - joint, 0.0) for joint in (both, mixed))
    return about_x, about_y, null, SATURATED if saturated(about_x, samples) else OK


def _in_cells(cells: np.ndarray, y: np.ndarray, shuffled: np.ndarray) -> Row:
    """Row of cells numbered from 0, (sample,) or (sample, unit)."""
    most = max(int(cells.max()) + 1, 2)
    return _in_bins(cells, y, shuffled, bins=most, low=0, high=most)


class Estimator(NamedTuple):
    """An estimator and the settings it depends on."""

    read: Estimate
    settings: tuple[str, ...] = ()
    """Names in ``Settings``; they are attributes of the results."""


ESTIMATORS = {
    "binned": Estimator(_binned, ("bins",)),
    "equal_mass": Estimator(_equal_mass, ("bins",)),
    "net_input": Estimator(_net_input, ("bins",)),
    "precision": Estimator(_precision),
    "kde_lower": Estimator(_kernel("lower"), ("noise_variance",)),
    "kde_upper": Estimator(_kernel("upper"), ("noise_variance",)),
    "neighbours": Estimator(_nearest, ("neighbours",)),
    "noisy": Estimator(_noisy),
    "gaussian": Estimator(_gaussian, ("noise_variance",)),
}
"""All estimators of ``layer_information``, by name."""


def require_estimator(estimator: str) -> None:
    """Refuse an unknown estimator."""
    if estimator not in ESTIMATORS:
        raise InputError(f"estimator is {estimator!r}; it can be {', '.join(ESTIMATORS)}")


def estimated(
    theta: np.ndarray,
    epochs: Iterable[int],
    activations: Activations,
    y: np.ndarray,
    *,
    estimator: str,
    settings: Settings,
    network: Perceptron | None = None,
    x: np.ndarray | None = None,
    in_threads: bool = False,
) -> xr.Dataset:
    """Information of every layer of given networks at given epochs.

    Parameters
    ----------
    theta : (epoch, replica, parameter)
    epochs : iterable of int
    activations : callable
        See ``layers.Activations``.
    y : (sample,) or (replica, sample)
        Whole labels.
    estimator : str
        One of ``ESTIMATORS``.
    settings : Settings
    network, x : Perceptron, (sample, feature), optional
        Where weights are those of a perceptron.
    in_threads : bool
        Evaluate several networks at once, which calls ``activations`` from several threads;
        otherwise one after the other, and an estimator may use threads of its own.

    Returns
    -------
    Dataset
        I_XT, I_TY, null_I_TY, status (epoch, replica, layer); NaN where weights are not finite or
        an estimator has no value; order_violations (epoch, replica); and for "binned" bin_low and
        bin_high (layer) where all epochs share them.
    """
    labels = np.broadcast_to(y, (theta.shape[1], y.shape[-1]))
    at = np.array(list(epochs))
    is_finite = np.isfinite(theta).all(axis=2)
    pairs = [(e, r) for e, r in np.ndindex(is_finite.shape) if is_finite[e, r]]
    if estimator == "binned":
        settings = settings._replace(
            ranges=_ranges((theta[p] for p in pairs), activations, settings.ranges)
        )
    used = ESTIMATORS[estimator]
    rows: dict[tuple[int, int], np.ndarray] = {}

    def work(pair: tuple[int, int]) -> None:
        own = np.ascontiguousarray(labels[pair[1]])
        shuffled = label_stream(settings.rng, pair[1]).permutation(own)
        layers = Layers(theta[pair].astype(np.float64), activations, network, x)
        rows[pair] = used.read(layers, own, shuffled, settings)

    if in_threads:
        parallel.map(work, pairs)
    else:
        for pair in pairs:
            work(pair)
    count = len(next(iter(rows.values()))) if rows else network.layers if network else 0
    found = np.full((*is_finite.shape, count, 4), np.nan)
    found[..., 3] = BROKEN
    for pair, row in rows.items():
        found[pair] = row
    axes = ("epoch", "replica", "layer")
    rises = (np.diff(found[..., :2], axis=2) > 1e-9).sum(axis=(2, 3))
    data = xr.Dataset(
        {name: (axes, found[..., k]) for k, name in enumerate(("I_XT", "I_TY", "null_I_TY"))}
        | {
            "status": flagged(xr.DataArray(found[..., 3], dims=axes)),
            "order_violations": (axes[:2], rises),
        },
        coords={"epoch": at, "layer": np.arange(1, count + 1)},
    )
    if estimator == "binned" and settings.ranges and not settings.of_each_epoch:
        low, high = np.array(settings.ranges).T
        data = data.assign(bin_low=("layer", low), bin_high=("layer", high))
    attributes = {name: getattr(settings, name) for name in used.settings}
    if estimator == "noisy" and network is not None:
        attributes["noise"] = network.noise
    return labelled(data).assign_attrs(
        attributes, samples=labels.shape[1], interval_method="over replicas only"
    )


def _ranges(
    theta: Iterable[np.ndarray], activations: Activations, hidden: tuple[tuple[float, float], ...]
) -> tuple[tuple[float, float], ...]:
    """Bins of each layer: the extremes over all networks, or those given for hidden layers."""
    ends: list[tuple[float, float]] = []
    for weights in theta:
        seen = [(float(t.min()), float(t.max())) for t in activations(weights.astype(np.float64))]
        ends = [(min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(ends or seen, seen, strict=True)]
    return (*hidden * (len(ends) - 1), *ends[-1:]) if hidden else tuple(ends)
