"""Pages of what every run has: training curves, weight norms, verdicts."""

import xarray as xr
from matplotlib.figure import Figure

from sgdphys.analyses.entry import Sources
from sgdphys.figures.plots.training_curves import training_curves
from sgdphys.figures.plots.verdicts import height_of, verdicts, words_legend
from sgdphys.figures.plots.weight_norms import weight_norms
from sgdphys.figures.presets import current
from sgdphys.figures.style import PAGE, subplots


def loss_and_accuracy(sources: Sources) -> Figure:
    """Loss and accuracy of the ensemble on training and test samples against epochs."""
    training = sources["training"]
    has_accuracy = bool(training["accuracy"].notnull().any())
    panels = ["loss", "accuracy"] if has_accuracy else ["loss"]
    figure, axes = subplots(1, len(panels), figsize=(PAGE, 2.6), squeeze=False)
    training_curves(training, panels=panels, ax=axes)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
    figure.suptitle(_networks(training), fontsize="medium")
    return figure


def norms(sources: Sources) -> Figure:
    """Norm of each layer's weights against epochs."""
    gradients = sources["gradients"]
    figure, ax = subplots(figsize=(PAGE * 0.6, 2.8))
    weight_norms(gradients, ax=ax)
    figure.legend(loc="outside right center")
    ax.set_title(_networks(gradients))
    return figure


def forest(sources: Sources) -> Figure:
    """Verdicts: each interval from its threshold, in units of the farther end."""
    data = sources["verdicts"]
    parts = {name.rpartition("/")[0] for name in map(str, data["claim"].to_numpy())} - {""}
    height = height_of(data.sizes["claim"] + len(parts))
    figure, ax = subplots(figsize=(PAGE, height))
    preset = current()
    if preset is not None and preset.size is None:
        figure.set_figheight(height)
    verdicts(data, ax=ax)
    words_legend(ax, data)
    return figure


def _networks(data: xr.Dataset) -> str:
    return f"median and middle 90% of {data.sizes['replica']} networks"
