"""Training curves: loss and accuracy, and the norms of each layer's weights."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sgdphys.figures.style import DATA, PAGE, TEST, epoch_axis, layer_styles
from sgdphys.quantities import axis_label


def ensemble_curve(ax: Axes, values: xr.DataArray, colour: str, label: str) -> Axes:
    """Draw the median over replicas and the band of the middle 90%.

    Parameters
    ----------
    ax : Axes
    values : DataArray (epoch, replica)
        Replicas that are not finite are left out at their epochs.
    colour, label : str
    """
    finite = values.where(np.isfinite(values)).dropna("epoch", how="all")
    if not finite.sizes["epoch"]:
        return ax
    low, middle, high = finite.quantile([0.05, 0.5, 0.95], "replica").to_numpy()
    epoch = finite["epoch"].to_numpy()
    alone = len(epoch) == 1  # a single epoch has no line
    ax.plot(epoch, middle, color=colour, label=label, marker="o" if alone else None, ms=3)
    ax.fill_between(epoch, low, high, color=colour, alpha=0.2, linewidth=0)
    return ax


def loss_and_accuracy(sources: Mapping[str, xr.Dataset]) -> Figure:
    """Loss and accuracy of the ensemble on training and test samples against epochs."""
    training = sources["training"]
    last = int(training["epoch"].max())
    unit = training["loss"].attrs.get("units", "1")
    labels = {
        "loss": "loss" if unit == "1" else f"loss ({unit})",
        "accuracy": "accuracy (share of samples)",
    }
    names = [n for n in labels if n == "loss" or bool(np.isfinite(training[n]).any())]
    figure, axes = plt.subplots(1, len(names), figsize=(PAGE, 2.6), squeeze=False)
    for ax, name in zip(axes[0], names, strict=True):
        ensemble_curve(ax, training[name], DATA, "training samples")
        ensemble_curve(ax, training[f"test_{name}"], TEST, "test samples")
        epoch_axis(ax, last)
        ax.set_ylabel(labels[name])
    if bool((training["loss"] > 0).any()):
        axes[0, 0].set_yscale("log")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
    replicas = training.sizes["replica"]
    figure.suptitle(f"median and middle 90% of {replicas} networks", fontsize=8)
    return figure


def weight_norms(sources: Mapping[str, xr.Dataset]) -> Figure:
    """Norm of each layer's weights against epochs."""
    norms = sources["gradients"]["weight_norm"]
    last = int(norms["epoch"].max())
    figure, ax = plt.subplots(figsize=(PAGE * 0.6, 2.8))
    for layer, colour, label in layer_styles(norms["layer"].to_numpy()):
        ensemble_curve(ax, norms.sel(layer=layer), colour, label)
    epoch_axis(ax, last)
    ax.set_ylabel(axis_label(norms))
    figure.legend(loc="outside right center")
    ax.set_title(f"median and middle 90% of {norms.sizes['replica']} networks")
    return figure
