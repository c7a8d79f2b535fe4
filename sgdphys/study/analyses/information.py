"""Binned information of every layer."""

import numpy as np
import xarray as xr

from sgdphys.information.plane import layer_information
from sgdphys.study.analyses.source import Source
from sgdphys.study.keys import InformationAnalysis
from sgdphys.study.recording import ensemble_of, task_of

_MOST_EPOCHS = 40
"""At which the layers of modules are read."""


def analyse_information(source: Source, analysis: InformationAnalysis) -> xr.Dataset:
    """I(X;T) and I(T;Y) of every layer, by epoch and replica."""
    task, study = task_of(source.study), source.study
    activations, epochs = None, None
    if study.network.module:
        from sgdphys.engines.activations import activations_of
        from sgdphys.engines.modules import ModuleNetwork

        network = ensemble_of(study, task).network
        assert isinstance(network, ModuleNetwork)
        softmax = study.train.loss == "cross_entropy"
        activations = activations_of(network, task["x"].to_numpy(), softmax=softmax)
        epochs = _spread(source)
    return layer_information(
        source.trajectory,
        task,
        activations=activations,
        epochs=epochs,
        bins=analysis.bins,
        edges=analysis.edges,
        bin_range=analysis.range,
        labels=analysis.labels,
        patterns=analysis.patterns,
        rng=source.study.train.seed,
        threads=source.threads,
    )


def _spread(source: Source) -> np.ndarray:
    """Some recorded epochs, evenly spread among them: replaying modules is slow."""
    whole = source.trajectory["weights"]["epoch"].to_numpy()
    whole = whole[whole == np.rint(whole)].astype(int)
    places = np.linspace(0, len(whole) - 1, min(_MOST_EPOCHS, len(whole)))
    return whole[np.unique(places.round().astype(int))]
