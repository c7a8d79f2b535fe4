"""Distance from the start beside the laws of its growth; displacements by lag and waiting time."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.analyses.motion.laws import FEWEST, growth_power
from sgdphys.figures.cases import case_labels, first_cases
from sgdphys.figures.colours import of_layers, ordered
from sgdphys.figures.curves import curve
from sgdphys.figures.style import DATA, EXACT, NULL, PAGE, subplots, with_cases

_MOST_CASES = 4
_SHARES = (0.001, 0.003, 0.03, 0.3, 1.0)
"""Ends of the windows in which the power of growth is shown, as shares of training."""


def distance_from_start(sources: Sources) -> Figure:
    """Distance of the weights from the start, and the power with which it grows."""
    data, titles = with_cases(sources["motion"]), case_labels(sources["motion"])
    figure, axes = subplots(
        2, len(titles), figsize=(PAGE, 4.4), squeeze=False, sharex=True, sharey="row"
    )
    for k, title in enumerate(titles):
        here = data.isel(case=k)
        here = here.isel(epoch=np.flatnonzero(here["epoch"] > 0))
        _laws(axes[0, k], here)
        _powers(axes[1, k], here)
        axes[0, k].set_title(title, fontsize="small")
        axes[1, k].set_xlabel("epoch")
    axes[0, 0].set_ylabel("distance from the start\n$|w_t - w_0|$ (weight)")
    axes[1, 0].set_ylabel("power $p$ of the growth\nwithin a window")
    handles, _ = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    figure.suptitle(
        "median and middle 90% of networks; p: 0 logarithm, 1/2 random walk, 1 drift, below 0 "
        "saturation",
        fontsize="small",
    )
    return figure


def _laws(ax: Axes, here: xr.Dataset) -> None:
    """The distance with a logarithm and a square root through its first and last quarter."""
    curve(ax, here, "distance", "epoch", color=DATA, label="networks")
    t = here["epoch"].to_numpy().astype(float)
    y = here["distance"].median("replica").to_numpy()
    kept = np.isfinite(y)
    ax.set_xscale("log")
    if kept.sum() < FEWEST:
        return
    t, y = t[kept], y[kept]
    ends = [int(np.abs(np.log(t) - f * np.log(t[-1])).argmin()) for f in (0.5, 0.85)]
    for law, style, colour, label in (
        (np.log, "--", EXACT, "a + b ln t"), (np.sqrt, ":", NULL, "a + b $t^{1/2}$, random walk"),
    ):  # fmt: skip
        f = law(t)
        if f[ends[0]] == f[ends[1]]:
            continue
        slope = (y[ends[1]] - y[ends[0]]) / (f[ends[1]] - f[ends[0]])
        drawn = y[ends[0]] + slope * (f - f[ends[0]])
        ax.plot(t, np.where((drawn > 0) & (drawn < 1.3 * y.max()), drawn, np.nan), style,
                color=colour, linewidth=0.9, label=label)  # fmt: skip


def _powers(ax: Axes, here: xr.Dataset) -> None:
    """The power of each network within windows of training, drawn over the window."""
    t = here["epoch"].to_numpy().astype(float)
    y = here["distance"].transpose("epoch", "replica").to_numpy()
    edges = np.array(_SHARES) * t[-1]
    for first, last in itertools.pairwise(edges):
        inside = (t >= first) & (t <= last)
        if inside.sum() < FEWEST:
            continue
        powers = growth_power(t[inside], y[inside])
        powers = powers[np.isfinite(powers)]
        ax.plot([first, last], [np.median(powers)] * 2 if len(powers) else [np.nan] * 2, color=DATA)
        ax.plot(np.full(len(powers), np.sqrt(first * last)), powers, ".", color=DATA, ms=2)
    for level, style, colour in ((0, "--", EXACT), (0.5, ":", NULL)):
        ax.axhline(level, linestyle=style, color=colour, linewidth=0.9)


def displacement_by_lag(sources: Sources) -> Figure:
    """Squared displacement against lag and against waiting time, with diffusion and drift."""
    data, titles = with_cases(sources["motion"]), case_labels(sources["motion"])
    figure, axes = subplots(2, len(titles), figsize=(PAGE, 5.0), squeeze=False, sharey="all")
    for k, title in enumerate(titles):
        here = data.isel(case=k)["squared_displacement"].median("replica")
        _against(axes[0, k], here, "lag_epochs", "waiting_epoch", of_layers, most=7)
        _against(axes[1, k], here, "waiting_epoch", "lag_epochs", ordered, most=5)
        _guides(axes[0, k], here)
        axes[0, k].set_title(title, fontsize="small")
        axes[0, k].set_xlabel(r"lag $\tau$ (epochs)")
        axes[1, k].set_xlabel("waiting time $t_w$ (epochs)")
    for ax in axes[:, 0]:
        ax.set_ylabel("squared displacement\n" + r"$|w_{t_w+\tau} - w_{t_w}|^2$ (weight$^2$)")
    for row, title in enumerate(("waiting time\n(epochs)", "lag\n(epochs)")):
        axes[row, -1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title=title,
                             fontsize="small", title_fontsize="small")  # fmt: skip
    guides = [
        Line2D([], [], color=EXACT, linestyle=":", linewidth=0.9, label="diffusion, exponent 1"),
        Line2D([], [], color=EXACT, linestyle="--", linewidth=0.9, label="drift, exponent 2"),
    ]
    figure.legend(handles=guides, loc="outside lower center", ncols=2)
    figure.suptitle(
        "median of networks; below: horizontal where displacements are stationary", fontsize="small"
    )
    return figure


def _against(
    ax: Axes,
    squared: xr.DataArray,
    x: str,
    colour_of: str,
    shades: Callable[[int], list[Any]],
    *,
    most: int,
) -> None:
    """One curve for each of some values of another coordinate."""
    values = squared[colour_of].to_numpy()
    chosen = np.unique(np.linspace(0, len(values) - 1, min(most, len(values))).round().astype(int))
    for place, shade in zip(chosen, shades(len(chosen)), strict=True):
        y = squared.isel({colour_of: place}).to_numpy()
        ax.plot(squared[x], np.where(y > 0, y, np.nan), color=shade, marker="o", ms=2,
                label=f"{values[place]:g}")  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")


def _guides(ax: Axes, squared: xr.DataArray) -> None:
    """Lines of slope 1 and 2 through the end of the last curve."""
    lag = squared["lag_epochs"].to_numpy().astype(float)
    last = squared.isel(waiting_epoch=-1).to_numpy()
    kept = np.isfinite(last) & (last > 0)
    if kept.sum() < 2:
        return
    end = np.flatnonzero(kept)[-1]
    for exponent, style in ((1, ":"), (2, "--")):
        ax.plot(
            lag, 2 * last[end] * (lag / lag[end]) ** exponent, style, color=EXACT, linewidth=0.9
        )


FIGURES = {
    "distance_from_start": Entry(
        distance_from_start,
        "Distance of the weights from the start, and the power with which it grows.",
        needs=("motion",),
        chosen=first_cases(_MOST_CASES),
    ),
    "displacement_by_lag": Entry(
        displacement_by_lag,
        "Squared displacement against lag and against waiting time, with diffusion and drift.",
        needs=("motion",),
        chosen=first_cases(_MOST_CASES),
    ),
}
