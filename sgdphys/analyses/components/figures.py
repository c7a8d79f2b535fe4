"""Principal components of trajectories, always compared with those of random walks."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_labels, first_cases
from sgdphys.figures.plots.trajectory_components import trajectory_components
from sgdphys.figures.style import PAGE, subplots, with_cases


def against_walks(sources: Sources) -> Figure:
    """Shares of the variance, and one network's path along its components, with a random walk's."""
    data = with_cases(sources["components"])
    titles = case_labels(sources["components"])
    figure, axes = subplots(len(titles), 3, figsize=(PAGE, 0.6 + 2.2 * len(titles)), squeeze=False)
    for k, (row, title) in enumerate(zip(axes, titles, strict=True)):
        trajectory_components(data.isel(case=k), time="step", ax=row)
        row[0].set_title(title, fontsize="small")
    for ax in axes[:-1].ravel():
        ax.set_xlabel("")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle(
        "middle: components 1 to 3 of one network (thick to thin); dashed: a random walk with the "
        "same noise, scaled to the same size",
        fontsize="small",
    )
    return figure


def _seen(components: xr.Dataset) -> str:
    share, null = (
        components[n].mean("replica").isel(component=0).item()
        for n in ("component_share", "null_component_share")
    )
    return (
        f"The first component holds {share:.0%} of a trajectory's variance, of a random walk's "
        f"with the same noise {null:.0%}."
    )


FIGURES = {
    "components": Entry(
        against_walks,
        "Shares of the variance, and one network's path along its components, with a random "
        "walk's.",
        needs=("components",),
        applies=lambda d: bool(np.isfinite(d["component_share"]).any()),
        chosen=first_cases(3),
        seen=_seen,
    ),
}
