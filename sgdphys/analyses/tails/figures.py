"""Tail index of the gradient noise across parameters and along batches, beside Gaussian noise."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_colours, case_labels, first_cases
from sgdphys.figures.style import EXACT, PAGE, epoch_axis, subplots, with_cases

_PANELS = {
    "across": "across the parameters\nof one batch",
    "along": "along the batches\nof one parameter",
}


def noise_tails(sources: Sources) -> Figure:
    """Tail index of gradient noise and of Gaussian noise with the same covariance."""
    data, labels = with_cases(sources["tails"]), case_labels(sources["tails"])
    sizes = data["noise_batch"].to_numpy()
    figure, axes = subplots(
        2, len(sizes), figsize=(PAGE, 4.2), squeeze=False, sharex=True, sharey=True
    )
    colours = case_colours(data)
    epoch = data["epoch"].to_numpy()
    for column, size in enumerate(sizes):
        for row, name in enumerate(_PANELS):
            ax = axes[row, column]
            for k, colour in enumerate(colours):
                here = data.isel(case=k, noise_batch=column)
                _points(ax, epoch, here, name, {"color": colour, "marker": "o"})
                _points(ax, epoch, here, f"null_{name}",
                        {"color": colour, "marker": "o", "markerfacecolor": "white",
                         "linestyle": ":"})  # fmt: skip
            ax.axhline(2, color=EXACT, linewidth=0.8)
        axes[0, column].set_title(f"batches of {size}", fontsize="medium")
        epoch_axis(axes[1, column], int(epoch.max()))
    for row, label in enumerate(_PANELS.values()):
        axes[row, 0].set_ylabel(f"tail index\n{label}")
    handles = [Line2D([], [], color=c, label=n) for c, n in zip(colours, labels, strict=True) if n]
    grey: dict[str, Any] = {"color": "#444444", "marker": "o", "ms": 3}
    handles += [
        Line2D([], [], label="gradient noise", **grey),
        Line2D([], [], label="Gaussian, same covariance", linestyle=":", markerfacecolor="white",
               **grey),
        Line2D([], [], color=EXACT, linewidth=0.8, label="Gaussian, equal variances"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    figure.suptitle(
        f"mean over networks, bars from least to largest; {data.attrs.get('batches', '')} batches "
        "at fixed weights",
        fontsize="small",
    )
    return figure


def _points(
    ax: Axes, epoch: np.ndarray, here: xr.Dataset, name: str, style: dict[str, Any]
) -> None:
    """Mean over networks against the epoch, with the range over them."""
    values = here[name].transpose("epoch", "replica").to_numpy()
    known = np.isfinite(values).any(axis=1)
    if not known.any():
        return
    kept = values[known]
    mean, low, high = np.nanmean(kept, 1), np.nanmin(kept, 1), np.nanmax(kept, 1)
    ax.errorbar(epoch[known], mean, [mean - low, high - mean], ms=3, linewidth=1, elinewidth=0.6,
                **style)  # fmt: skip


FIGURES = {
    "noise_tails": Entry(
        noise_tails,
        "Tail index of gradient noise and of Gaussian noise with the same covariance.",
        needs=("tails",),
        applies=lambda d: bool(np.isfinite(d["across"]).any()),
        chosen=first_cases(6),
    ),
}
