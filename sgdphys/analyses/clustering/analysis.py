"""Whether the samples of one label draw together, and whether binned entropy follows."""

import numpy as np
import xarray as xr

from sgdphys.analyses.clustering.settings import Settings
from sgdphys.analyses.source import Source
from sgdphys.information.clustering import distance_ratio
from sgdphys.information.estimators.binned import binned_information
from sgdphys.information.layers import ranges_of, weights_at
from sgdphys.information.samples import whole_labels
from sgdphys.networks import from_description
from sgdphys.quantities import labelled


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Distances within over between labels, and binned H(T), of every hidden layer.

    Bins are those of the information plane: equal ones over the range of the activation, or over
    the extremes of a layer's activations at all epochs where that is infinite.
    """
    task = source.task
    network = from_description(source.trajectory.attrs["network"])
    x, (y, _) = task["x"].to_numpy(), whole_labels(task["y"].to_numpy())
    replicas = source.trajectory["weights"]["replica"].to_numpy()[: analysis.replicas]
    own = source.ensemble.labels_of(replicas) if source.has_own_labels else [y] * len(replicas)
    theta, epochs = weights_at(source.trajectory, source.spread_epochs(analysis.epochs))
    theta = theta[:, : analysis.replicas]
    shape = (*theta.shape[:2], network.layers - 1)
    ratio, entropy = np.full(shape, np.nan), np.full(shape, np.nan)
    ranges = ranges_of(network, softmax=True)
    for r in range(shape[1]):
        finite = np.flatnonzero(np.isfinite(theta[:, r]).all(axis=-1))
        layers = [network.forward(theta[e, r].astype(np.float64), x)[:-1] for e in finite]
        for k in range(shape[2]):
            low, high = ranges[k]
            if layers and not np.isfinite([low, high]).all():
                seen = (min(t[k].min() for t in layers), max(t[k].max() for t in layers))
                low, high = np.where(np.isinf(ranges[k]), seen, ranges[k]).tolist()
            for e, units in zip(finite, layers, strict=True):
                t = units[k]
                ratio[e, r, k] = distance_ratio(t, own[r])
                binned = binned_information(t, own[r], bins=analysis.bins, low=low, high=high)
                entropy[e, r, k] = float(binned["I_XT"])
    axes = ("epoch", "replica", "layer")
    data = xr.Dataset(
        {"distance_ratio": (axes, ratio), "binned_entropy": (axes, entropy)},
        coords={"epoch": epochs, "layer": np.arange(1, network.layers)},
        attrs={
            "bins": analysis.bins,
            "reference": "Goldfeld et al. (2019)",
            "interval_method": "none: over replicas only",
        },
    )
    return labelled(data)
