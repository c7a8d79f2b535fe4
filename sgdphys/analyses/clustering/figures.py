"""Distances within and between labels, and binned entropy."""

import numpy as np
from matplotlib.figure import Figure

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_labels
from sgdphys.figures.curves import ensemble_curve
from sgdphys.figures.layers import layer_marker, layer_styles
from sgdphys.figures.style import PAGE, epoch_axis, subplots, with_cases
from sgdphys.quantities import axis_label


def clustering(sources: Sources) -> Figure:
    """Ratio of distances within and between labels, and binned entropy, case by case."""
    data = with_cases(sources["clustering"])
    count = data.sizes["case"]
    figure, axes = subplots(2, count, figsize=(PAGE, 3.9), sharey="row", squeeze=False)
    layers, last = data["layer"].to_numpy(), int(data["epoch"].max())
    for k, title in enumerate(case_labels(data)):
        here = data.isel(case=k)
        for row, name in enumerate(("distance_ratio", "binned_entropy")):
            # the output has no part in it, and keeps its own colour for itself
            for layer, colour, label in layer_styles(np.append(layers, layers[-1] + 1))[:-1]:
                ensemble_curve(axes[row, k], here[name].sel(layer=layer), color=colour,
                               label=label, marker=layer_marker(layer), markevery=0.12)  # fmt: skip
            epoch_axis(axes[row, k], last, "")
        axes[0, k].set_title(title.replace(", ", "\n"), fontsize=7)
    figure.supxlabel("epoch (logarithmic from 1)", fontsize=8)
    axes[0, 0].set_ylabel("distance within\n/ between labels")
    axes[1, 0].set_ylabel(axis_label(data["binned_entropy"]))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
    figure.suptitle(f"median and middle 90% of {data.sizes['replica']} networks", fontsize=7)
    return figure


FIGURES = {
    "clustering": Entry(
        clustering,
        "Ratio of distances within and between labels, and binned entropy, case by case.",
        needs=("clustering",),
    ),
}
