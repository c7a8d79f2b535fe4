"""Principal components of trajectories, always beside those of random walks."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_labels, first_cases
from sgdphys.figures.style import DATA, NULL, PAGE, with_cases

_SHOWN = 3


def beside_walks(sources: Sources) -> Figure:
    """Shares of the variance, and one network's path along its components, with a random walk's."""
    data = with_cases(sources["components"])
    titles = case_labels(sources["components"])
    figure, axes = plt.subplots(
        len(titles), 3, figsize=(PAGE, 0.6 + 2.2 * len(titles)), squeeze=False
    )
    for number_of_case, (row, title) in enumerate(zip(axes, titles, strict=True)):
        here = data.isel(case=number_of_case)
        number = here["component"].to_numpy()
        shares = here["component_share"].transpose("replica", "component").to_numpy()
        null = here["null_component_share"].mean("replica").to_numpy()
        low, high = (here[f"null_component_share_{e}"].mean("replica") for e in ("low", "high"))
        row[0].fill_between(number, low, high, color=NULL, alpha=0.35, linewidth=0)
        row[0].plot(number, null, color=NULL, linestyle="--", label="random walk, 95%")
        for k, share in enumerate(shares):
            row[0].plot(number, share, color=DATA, marker="o", ms=2.5, linewidth=0.6,
                        label="networks" if k == 0 else None)  # fmt: skip
        row[0].set_yscale("log")
        row[0].set_xticks(number)
        row[0].set_ylabel("share of the variance")
        row[0].set_title(title, fontsize=7)
        step = here["step"].to_numpy()
        first = here.isel(replica=0)
        for k in range(_SHOWN):
            style = {"linewidth": 1.2 - 0.3 * k, "alpha": 1 - 0.25 * k}
            row[1].plot(step, first["score"].isel(component=k), color=DATA, **style)
            row[1].plot(step, _scaled(first, k), color=NULL, linestyle="--", **style)
        row[1].set_ylabel("coordinate (weight)")
        row[2].plot(first["score"].isel(component=0), first["score"].isel(component=1),
                    color=DATA, linewidth=1)  # fmt: skip
        row[2].plot(_scaled(first, 0), _scaled(first, 1), color=NULL, linestyle="--", linewidth=0.8)
        row[2].set_ylabel("component 2 (weight)")
    for ax, label in zip(axes[-1], ("component", "step", "component 1 (weight)"), strict=True):
        ax.set_xlabel(label)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.suptitle(
        "middle: components 1 to 3 of one network (thick to thin); dashed: a random walk with the "
        "same noise, scaled to the same size",
        fontsize=7,
    )
    return figure


def _scaled(first: xr.Dataset, k: int) -> np.ndarray:
    """A component of the walk in units of the trajectory's total spread."""
    sizes = [float(np.sqrt((first[n] ** 2).sum())) for n in ("score", "null_score")]
    scale = sizes[0] / sizes[1] if sizes[1] else 0.0
    return first["null_score"].isel(component=k).to_numpy() * scale


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
        beside_walks,
        "Shares of the variance, and one network's path along its components, with a random "
        "walk's.",
        needs=("components",),
        applies=lambda d: bool(np.isfinite(d["component_share"]).any()),
        chosen=first_cases(3),
        seen=_seen,
    ),
}
