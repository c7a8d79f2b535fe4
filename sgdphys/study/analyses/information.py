"""Binned information of every layer."""

import xarray as xr

from sgdphys.information.plane import layer_information
from sgdphys.study.analyses.source import Source
from sgdphys.study.keys import InformationAnalysis
from sgdphys.study.recording import task_of


def analyse_information(source: Source, analysis: InformationAnalysis) -> xr.Dataset:
    """I(X;T) and I(T;Y) of every layer, by epoch and replica."""
    return layer_information(
        source.trajectory,
        task_of(source.study),
        bins=analysis.bins,
        edges=analysis.edges,
        bin_range=analysis.range,
        labels=analysis.labels,
        patterns=analysis.patterns,
        rng=source.study.train.seed,
        threads=source.threads,
    )
