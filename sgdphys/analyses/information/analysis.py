"""Information of every layer, replayed from recorded weights."""

import numpy as np
import xarray as xr

from sgdphys.analyses.information.settings import Settings
from sgdphys.analyses.source import Source, narrowed
from sgdphys.errors import NotEnoughData
from sgdphys.information.over_epochs import layer_information
from sgdphys.networks.activations import ACTIVATIONS

_MOST_EPOCHS = 40
"""Epochs at which modules are evaluated, and at which slow estimators are computed."""


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """I(X;T) and I(T;Y) of every layer, by epoch and replica."""
    task, study = source.task, source.study
    activations = None
    epochs = source.nearest_epochs(analysis.epochs) if analysis.epochs else None
    if study.network.module:
        from sgdphys.engines.activations import activations_of
        from sgdphys.engines.modules import ModuleNetwork

        network = source.ensemble.network
        assert isinstance(network, ModuleNetwork)
        softmax = study.train.loss == "cross_entropy"
        activations = activations_of(network, task["x"].to_numpy(), softmax=softmax)
        epochs = source.spread_epochs(_MOST_EPOCHS) if epochs is None else epochs
    elif analysis.estimator != "binned" and epochs is None:
        epochs = source.spread_epochs(_MOST_EPOCHS)
    activation = source.study.network.activation
    if analysis.estimator == "net_input" and not source.study.network.module:
        if ACTIVATIONS[activation].inverse is None:  # other cases of a sweep have data all the same
            raise NotEnoughData(
                f"net inputs cannot be told from values of {activation}, which falls"
            )
    members = source.trajectory["weights"]["replica"].to_numpy()[: analysis.replicas or None]
    if source.has_own_labels:
        labels = source.ensemble.labels_of(members)
        task = task.assign(y=(("replica", "sample"), labels))
    found = layer_information(
        narrowed(source.trajectory, replicas=analysis.replicas),
        task,
        activations=activations,
        epochs=epochs,
        estimator=analysis.estimator,
        noise_variance=analysis.noise_variance,
        bins=analysis.bins,
        edges=analysis.edges,
        bin_range=analysis.range,
        labels=analysis.labels,
        patterns=analysis.patterns,
        rng=source.study.train.seed,
    )
    _, counts = np.unique(task["y"].to_numpy(), return_counts=True)
    shares = counts / counts.sum()
    return found.assign_attrs(label_entropy=float(-(shares * np.log2(shares)).sum()))
