"""Information after a rescaling of the weights that preserves the network function."""

import numpy as np
import xarray as xr

from sgdphys.analyses.rescaling.settings import Settings
from sgdphys.analyses.source import Source, narrowed
from sgdphys.information.over_epochs import layer_information
from sgdphys.networks import from_description
from sgdphys.networks.activations import ACTIVATIONS
from sgdphys.quantities import labelled


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """I(X;T) of the hidden layers before and after layer 1 / c and layer 2 * c, in the same bins.

    The bins of all hidden layers run from 0 (or minus the largest) to the largest activation of
    the trained network. NaN where the activation is not homogeneous, so that the function changes.
    """
    study, task = source.study, source.task
    last = narrowed(source.trajectory, steps=source.weights["step"].to_numpy()[-1:])
    network = from_description(last.attrs["network"])
    weights = last["weights"].to_dataset().load()
    theta = weights["theta"].to_numpy()
    finite = theta[np.isfinite(theta).all(axis=2)].astype(np.float64)
    hidden = [network.forward(w, task["x"].to_numpy())[:-1] for w in finite]
    most = max((float(np.abs(t).max()) for units in hidden for t in units), default=1.0)
    activation = ACTIVATIONS[study.network.activation]
    ends = (max(activation.range[0], -most), max(most, 1e-12))
    layer, kind = weights["layer"].to_numpy(), weights["kind"].to_numpy()
    scale = np.ones(theta.shape[-1])
    scale[layer == 1] = 1 / analysis.factor
    scale[(layer == 2) & (kind == "weight")] = analysis.factor
    found = {}
    for name, factors in (("I_XT", np.ones_like(scale)), ("rescaled_I_XT", scale)):
        changed = weights.copy()
        changed["theta"] = weights["theta"].copy(data=(theta * factors).astype(theta.dtype))
        tree = xr.DataTree.from_dict({"weights": changed, "split": last["split"].to_dataset()})
        tree.attrs = last.attrs
        read = layer_information(
            tree, task, bins=analysis.bins, bin_range=ends, rng=study.train.seed
        )["I_XT"].isel(epoch=-1, layer=slice(0, -1))  # fmt: skip
        read = read.drop_vars("epoch")
        found[name] = read if activation.is_homogeneous else read * np.nan
    return labelled(xr.Dataset(found)).assign_attrs(factor=analysis.factor, bins=analysis.bins)
