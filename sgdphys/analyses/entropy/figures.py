"""Entropy of twins and of independent starts, beside free diffusion and the layers' information."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_labels, first_cases
from sgdphys.figures.style import (
    NULL,
    PAGE,
    epoch_axis,
    in_place_of_data,
    layer_styles,
    layers_legend,
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
    figure, axes = plt.subplots(
        rows, len(names), figsize=(PAGE, 1.0 + 1.75 * rows), sharex=True, sharey="row",
        squeeze=False,
    )  # fmt: skip
    for column, case in enumerate(names):
        here = data.sel(case=case)
        epoch = here["mark_epoch"].to_numpy()
        for row, cloud in enumerate(_ROWS):
            for layer, colour, _ in layer_styles(data["layer"].to_numpy()):
                _cloud(axes[row, column], epoch, here.sel(layer=layer, cloud=cloud), colour)
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
        fontsize=7,
    )
    return figure


def _cloud(ax: Axes, epoch: np.ndarray, here: xr.Dataset, colour: object) -> None:
    entropy = here["entropy"].to_numpy()
    there = np.isfinite(entropy) & np.isfinite(epoch)
    if not there.any():
        in_place_of_data(ax, "the twins never part")
        return
    base = entropy[there][0]
    ax.plot(epoch[there], entropy[there] - base, color=colour, linewidth=1)
    low, high = (here[f"entropy_{e}"].to_numpy()[there] - base for e in ("low", "high"))
    ax.fill_between(epoch[there], low, high, color=colour, alpha=0.15, linewidth=0)
    if str(here["cloud"].item()) == "noise":
        ax.plot(epoch[there], here["predicted_entropy"].to_numpy()[there] - base, color=colour,
                linewidth=0.8, linestyle="--")  # fmt: skip


def _information(ax: Axes, data: xr.Dataset, case: str) -> None:
    if case not in data["case"].to_numpy():
        in_place_of_data(ax, "no information of this case")
        return
    here = data.sel(case=case)
    mean = here["I_XT"].mean("replica")
    for layer, colour, _ in layer_styles(data["layer"].to_numpy()):
        ax.plot(here["epoch"], mean.sel(layer=layer), color=colour, linewidth=1)


FIGURES = {
    "entropy_growth": Entry(
        growth,
        "Growth of the entropy of both clouds against epochs, and I(X;T) where it was measured.",
        needs=("entropy",),
        chosen=first_cases(3),
    ),
}
