"""Overlaps of units and of networks, and growth of norms."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sgdphys.analyses.diversity.statistics import excess_correlation
from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_labels, first_cases
from sgdphys.figures.colours import DATA, SECOND
from sgdphys.figures.style import (
    NULL,
    PAGE,
    subplots,
    with_cases,
)


def diversity(sources: Sources) -> Figure:
    """Correlations of units beyond chance, overlaps of networks, and growth of norms."""
    data = with_cases(sources["diversity"])
    titles = case_labels(sources["diversity"])
    layers = data["layer"].to_numpy()
    count = len(titles)
    figure, axes = subplots(count, 3, figsize=(PAGE, 0.6 + 2.0 * count), sharex=True, squeeze=False)
    for k, (row, title) in enumerate(zip(axes, titles, strict=True)):
        here = data.isel(case=k)
        _overlaps(row[0], _beyond_chance(here), "unit_overlap", "correlation beyond chance")
        row[0].set_ylim(-0.5, 1)
        _overlaps(row[1], here, "matched_overlap", "cosine of in-weights")
        growth = here["norm_ratio"].transpose("replica", "layer").to_numpy()
        kept = [values[np.isfinite(values)] for values in growth.T]
        row[2].boxplot(kept, positions=layers, widths=0.5, whis=(0, 100),
                       medianprops={"color": DATA})  # fmt: skip
        row[2].axhline(1, color=NULL, linewidth=0.8)
        row[2].set_ylim(bottom=0)
        if title:
            row[0].set_ylabel("\n".join((*title.split(", "), row[0].get_ylabel())))
    words = ("two units of a layer", "two networks, units matched", "weight norm, end over start")
    for ax, title in zip(axes[0], words, strict=True):
        ax.set_title(title)
    for ax in axes[-1]:
        ax.set_xticks(layers, [str(n) for n in layers])
        ax.set_xlabel("layer")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle(
        "95% intervals over networks; negative: more orthogonal than random; boxes: quartiles, "
        "whiskers: all networks",
        fontsize="small",
    )
    return figure


def _beyond_chance(data: xr.Dataset) -> xr.Dataset:
    """Overlaps of units as correlations beyond that of random weights, which then is 0."""
    null = data["null_unit_overlap"]
    names = [f"{when}unit_overlap{end}" for when in ("", "first_") for end in ("", "_low", "_high")]
    found = {name: excess_correlation(data[name], null) for name in names}
    return data.assign({**found, "null_unit_overlap": null * 0})


def _overlaps(ax: Axes, data: xr.Dataset, name: str, label: str) -> None:
    """One overlap of every layer at the start and the end, with that of random weights."""
    layers = data["layer"].to_numpy()
    for prefix, colour, when, shift in (
        ("first_", SECOND, "at the start", -0.12), ("", DATA, "at the end", 0.12),
    ):  # fmt: skip
        middle, low, high = (
            data[f"{prefix}{name}{end}"].to_numpy() for end in ("", "_low", "_high")
        )
        ax.errorbar(layers + shift, middle, [middle - low, high - middle], fmt="o", ms=3,
                    color=colour, elinewidth=0.9, label=when)  # fmt: skip
    ax.plot(layers, data[f"null_{name}"], "_", color=NULL, ms=12, label="random weights")
    ax.set_ylim(0, 1)
    ax.set_ylabel(label)


FIGURES = {
    "diversity": Entry(
        diversity,
        "Correlations of units beyond chance, overlaps of networks, and growth of norms.",
        needs=("diversity",),
        chosen=first_cases(4),
    ),
}
