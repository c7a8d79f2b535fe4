"""Whether the samples of one label draw together, and whether binned entropy follows."""

import numpy as np
import xarray as xr

from sgdphys.analyses.clustering.settings import Settings
from sgdphys.analyses.source import Source
from sgdphys.information.clustering import distance_ratio
from sgdphys.information.estimators.binned import binned_information
from sgdphys.information.layers import weights_at
from sgdphys.information.samples import whole_labels
from sgdphys.networks import from_description
from sgdphys.quantities import labelled


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Distances within over between labels, and binned H(T), of every hidden layer."""
    task = source.task
    network = from_description(source.trajectory.attrs["network"])
    x, (y, _) = task["x"].to_numpy(), whole_labels(task["y"].to_numpy())
    theta, epochs = weights_at(source.trajectory, source.spread_epochs(analysis.epochs))
    theta = theta[:, : analysis.replicas]
    shape = (*theta.shape[:2], network.layers - 1)
    ratio, entropy = np.full(shape, np.nan), np.full(shape, np.nan)
    for e, r in np.ndindex(shape[:2]):
        if not np.isfinite(theta[e, r]).all():
            continue
        for k, t in enumerate(network.forward(theta[e, r].astype(np.float64), x)[:-1]):
            ratio[e, r, k] = distance_ratio(t, y)
            entropy[e, r, k] = float(binned_information(t, y)["I_XT"])
    axes = ("epoch", "replica", "layer")
    data = xr.Dataset(
        {"distance_ratio": (axes, ratio), "binned_entropy": (axes, entropy)},
        coords={"epoch": epochs, "layer": np.arange(1, network.layers)},
        attrs={
            "reference": "Goldfeld et al. (2019)",
            "interval_method": "none: over replicas only",
        },
    )
    return labelled(data)
