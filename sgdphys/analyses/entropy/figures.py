"""Entropy of twins and of independent starts, with free diffusion and the layers' information."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_labels, first_cases
from sgdphys.figures.layers import layers_legend, layers_of
from sgdphys.figures.plots.weight_entropy import weight_entropy
from sgdphys.figures.style import (
    NULL,
    PAGE,
    epoch_axis,
    in_place_of_data,
    subplots,
    with_cases,
)

_ROWS = {
    "noise": "twins about\ntheir family:\n$S - S_1$ (nats)",
    "starts": "independent\nstarts:\n$S - S_0$ (nats)",
}


def growth(sources: Sources) -> Figure:
    """Growth of the entropy of both clouds against epochs, and I(X;T) where it was measured."""
    data = with_cases(sources["entropy"])
    information = sources.get("information")
    names = [str(c) for c in data["case"].to_numpy()]
    titles = case_labels(sources["entropy"])
    rows = 2 + (information is not None)
    figure, axes = subplots(
        rows, len(names), figsize=(PAGE, 1.0 + 1.75 * rows), sharex=True, sharey="row",
        squeeze=False,
    )  # fmt: skip
    for column, case in enumerate(names):
        here = data.sel(case=case)
        epoch = here["mark_epoch"].to_numpy()
        for row, cloud in enumerate(_ROWS):
            _cloud(axes[row, column], here.sel(cloud=cloud), cloud)
        axes[0, column].set_title(titles[column].replace(", ", "\n"))
        if information is not None:
            _information(axes[2, column], with_cases(information), case)
        epoch_axis(axes[-1, column], int(np.nanmax(epoch)))
    for row, label in enumerate(_ROWS.values()):
        axes[row, 0].set_ylabel(label)
    if information is not None:
        axes[2, 0].set_ylabel("$I(X;T)$ (bits)")
    layers_legend(
        figure,
        data["layer"].to_numpy(),
        Line2D([], [], color=NULL, linestyle="--", label="gradient noise\nadded up freely"),
    )
    figure.suptitle(
        f"Gaussian entropy along {data.attrs['modes']} directions of each layer; "
        f"{data.attrs['families']} families of {data.attrs['twins']} twins; "
        f"bands {data.attrs['confidence']:.0%}; $S_1$, $S_0$ at the first epoch shown",
        fontsize="small",
    )
    return figure


def _cloud(ax: Axes, here: xr.Dataset, cloud: str) -> None:
    if cloud != "noise":  # free diffusion is that of twins
        here = here.drop_vars("predicted_entropy")
    weight_entropy(here, time="mark_epoch", since_start=True, ax=ax)
    ax.set(xlabel="", ylabel="")


def _information(ax: Axes, data: xr.Dataset, case: str) -> None:
    if case not in data["case"].to_numpy():
        in_place_of_data(ax, "no information of this case")
        return
    here = data.sel(case=case)
    mean = here["I_XT"].mean("replica")
    for layer, style in layers_of(mean.to_dataset(name="I_XT"), "I_XT"):
        ax.plot(here["epoch"], layer["I_XT"], **style, linewidth=1)


FIGURES = {
    "entropy_growth": Entry(
        growth,
        "Growth of the entropy of both clouds against epochs, and I(X;T) where it was measured.",
        needs=("entropy",),
        chosen=first_cases(3),
    ),
}
