"""Separable and separated shares against the load, with Cover's exact curve."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.colours import SEVERAL
from sgdphys.figures.style import EXACT, PAGE, subplots, with_cases
from sgdphys.processes.separability import cover_probability

_COLOURS = SEVERAL
_MARKERS = "os^Dv<"
_CURVES = 5
"""Times of which the share separated is drawn."""


def capacity(sources: Sources) -> Figure:
    """Separable share, share separated by descent at several times, and its approach to Cover's."""
    data = with_cases(sources["capacity"])
    shapes = _by_shape(data)
    figure, axes = subplots(
        len(shapes), 3, figsize=(PAGE, 0.5 + 2.3 * len(shapes)), squeeze=False,
        gridspec_kw={"width_ratios": [1, 1, 1]},
    )  # fmt: skip
    for row, (name, cases) in zip(axes, shapes.items(), strict=True):
        _separable(row[0], cases)
        _separated(row[1], cases)
        _approach(row[2], cases)
        row[0].set_ylabel(f"{name}\nshare linearly separable" if name else "linearly separable")
    figure.suptitle(
        f"shares of {data.sizes['replica']} networks at each point, bars 95%; lines: exact",
        fontsize="small",
    )
    return figure


def _by_shape(data: xr.Dataset) -> dict[str, xr.Dataset]:
    """The cases by hidden layers; one group where these are not swept."""
    if "swept_layers" not in data.coords:
        return {"": data}
    layers = data["swept_layers"].to_numpy().astype(str)
    return {
        f"hidden layers {name}" if name else "no hidden layers": data.isel(
            case=np.flatnonzero(layers == name)
        )
        for name in dict.fromkeys(layers)
    }


def _errorbars(ax: Axes, load: np.ndarray, one: xr.Dataset, name: str, **options: Any) -> None:
    value, low, high = (one[f"{name}{end}"].to_numpy() for end in ("", "_low", "_high"))
    order = np.argsort(load)
    ax.errorbar(load[order], value[order], [(value - low)[order], (high - value)[order]],
                markersize=3, elinewidth=0.7, linewidth=0.9, **options)  # fmt: skip


def _exact(ax: Axes, load: np.ndarray, dimension: int, colour: str) -> None:
    points = np.arange(int(load.min() * dimension), int(load.max() * dimension) + 1)
    ax.plot(points / dimension, cover_probability(points, dimension), color=colour, linewidth=0.9,
            label=f"_Cover, exact, N = {dimension}")  # fmt: skip


def _separable(ax: Axes, data: xr.Dataset) -> None:
    sizes = np.unique(data["dimension"].dropna("case"))
    for k, size in enumerate(sizes):
        one = data.isel(case=np.flatnonzero(data["dimension"] == size))
        colour = _COLOURS[k % len(_COLOURS)]
        load = one["load"].to_numpy()
        _exact(ax, load, int(size), colour)
        _errorbars(ax, load, one, "share_separable", fmt=_MARKERS[k % 6], color=colour,
                   label=f"N = {int(size)}")  # fmt: skip
    ax.set(xlabel="load P/N", ylim=(-0.03, 1.03))
    ax.legend(fontsize="small")


def _separated(ax: Axes, data: xr.Dataset) -> None:
    """Of the largest size, at times spread over the logarithm of the clock."""
    size = float(data["dimension"].max())
    one = data.isel(case=np.flatnonzero(data["dimension"] == size))
    load, clock = one["load"].to_numpy(), _clock(one)
    later = np.flatnonzero(clock > 0)
    wanted = np.geomspace(max(clock[later[0]], clock[-1] / 1000), clock[-1], _CURVES)
    times = np.unique([later[np.abs(np.log(clock[later] / t)).argmin()] for t in wanted])
    for k, at in enumerate(times):
        _errorbars(ax, load, one.isel(epoch=at), "share_separated", color=_COLOURS[k],
                   fmt=f"-{_MARKERS[k]}", label=f"{clock[at]:.4g}")  # fmt: skip
    ax.plot([], [], color=EXACT, label="Cover, exact")
    _exact(ax, load, int(size), EXACT)
    ax.set(xlabel="load P/N", ylabel=f"share separated, N = {size:.0f}", ylim=(-0.03, 1.03))
    ax.legend(title="rate x updates", fontsize="small", title_fontsize="small")


def _approach(ax: Axes, data: xr.Dataset) -> None:
    """At the load nearest to 2, against the clock, of every size; dashed: what is separable."""
    for k, size in enumerate(np.unique(data["dimension"].dropna("case"))):
        one = data.isel(case=np.flatnonzero(data["dimension"] == size))
        one = one.isel(case=int(np.abs(one["load"].to_numpy() - 2).argmin()))
        clock, colour = _clock(one), _COLOURS[k % len(_COLOURS)]
        value, low, high = (one[f"share_separated{end}"] for end in ("", "_low", "_high"))
        ax.plot(
            clock, value, color=colour, label=f"N = {int(size)}, P/N = {float(one['load']):.3g}"
        )
        ax.fill_between(clock, low, high, color=colour, alpha=0.15, linewidth=0)
        ax.axhline(float(one["cover"]), color=colour, linewidth=0.8, linestyle="--",
                   label=f"_Cover, exact, N = {int(size)}")  # fmt: skip
    ax.set(xscale="log", xlabel="rate x updates", ylabel="share separated", ylim=(-0.03, 1.03))
    ax.plot([], [], color=EXACT, linewidth=0.8, linestyle="--", label="Cover, exact")
    ax.legend(fontsize="small")


def _clock(data: xr.Dataset) -> np.ndarray:
    """Sum of learning rates at the recorded epochs, one for all cases."""
    time = data["flow_time"]
    return time.to_numpy() if time.ndim == 1 else time.max("case").to_numpy()


def _is_scan(data: xr.Dataset) -> bool:
    return "case" in data.dims and data["load"].to_numpy().size > 1


FIGURES = {
    "capacity": Entry(
        capacity,
        "Share of random labels that a plane separates and that descent has separated, against the "
        "points per input, with Cover's exact probability; and the approach to it over time.",
        needs=("capacity",),
        applies=_is_scan,
    ),
}
