"""Which random labels a plane separates, which descent has separated, and Cover's probability."""

import numpy as np
import xarray as xr

from sgdphys.analyses.capacity.separability import is_separable
from sgdphys.analyses.capacity.settings import Settings
from sgdphys.analyses.source import Source
from sgdphys.glossary import Quantity
from sgdphys.intervals import mean_with_interval
from sgdphys.processes.separability import cover_probability
from sgdphys.quantities import labelled

_NAMED = {
    "separable": Quantity("1", "linearly separable", "", "1 where a plane separates the labels"),
    "separated": Quantity(
        "1", "separated by descent", "", "1 where a network gives every training point its label"
    ),
    "share_separable": Quantity("1", "share that is linearly separable", "", "of all data sets"),
    "share_separated": Quantity("1", "share separated by descent", "", "of all networks"),
    "cover": Quantity(
        "1", "probability of separation", r"P_\mathrm{sep}", "Cover's counting theorem, exact"
    ),
    "points": Quantity("1", "points", "P", "number of labelled points of each network"),
    "dimension": Quantity(
        "1", "dimension", "N", "inputs, and one more where the network has biases"
    ),
    "load": Quantity("1", "load", r"\alpha", "points per dimension, P/N"),
}


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Separability of every network's data, by a proof, and its separation by descent over epochs.

    ``separated`` (epoch, replica) is 1 where a network gives every training point its label at a
    recorded epoch, 0 otherwise and where it diverged. ``separable`` (replica) is that of the same
    points and labels by a plane, through the origin where the network has no biases; ``cover`` is
    its exact probability. For networks with hidden layers that is what a perceptron could do.
    """
    samples, bias = source.ensemble.samples, source.study.network.bias
    networks = len(samples.is_train)
    labels = source.ensemble.labels_of(range(networks))
    x = samples.x.reshape(len(samples.x), -1).astype(np.float64)
    x = np.hstack([x, np.ones((len(x), 1))]) if bias else x
    separable = np.array(
        [
            is_separable(x[rows], labels[k][rows] == 1) for k, rows in enumerate(samples.is_train)
        ]
    )  # fmt: skip
    accuracy = source.trajectory["training"]["accuracy"].load().transpose("epoch", "replica")
    separated = (accuracy == 1).astype(np.float64)
    points, dimension = source.ensemble.train_samples, x.shape[1]
    found = xr.Dataset(
        {
            "separable": ("replica", separable.astype(np.float64)),
            "separated": separated,
            "cover": float(cover_probability(points, dimension)),
            "points": points,
            "dimension": dimension,
            "load": points / dimension,
        }
    )
    for name in ("separable", "separated"):
        share = found[name].rename(f"share_{name}")
        found = found.merge(
            mean_with_interval(share, kind="share", confidence=analysis.confidence).drop_attrs()
        )
    return labelled(found, _NAMED).assign_attrs(
        confidence=analysis.confidence,
        reference="Cover (1965)",
        interval_method="Clopper-Pearson over networks",
    )
