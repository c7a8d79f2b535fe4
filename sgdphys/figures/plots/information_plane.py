"""The information plane: I(T;Y) against I(X;T), the path of every layer through training."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.patheffects import withStroke

from sgdphys.errors import InputError
from sgdphys.figures.axes import axis_label, figure_of, legend_of_new, one_axes, options
from sgdphys.figures.checks import checked_figure, require_options
from sgdphys.figures.colours import SCALE
from sgdphys.figures.curves import BAND, quantiles
from sgdphys.figures.layers import layers_of
from sgdphys.figures.style import DATA, NULL

DIMS = ("epoch", "replica", "layer")
NULL_LABEL = "permuted labels"
CEILING_LABEL = "log$_2$ of the samples"
_TOGETHER = 0.06
"""Ends of paths that are nearer than this fraction of both axes have one text."""


@checked_figure("I_XT", "I_TY", along="epoch", only=DIMS, method=None)
def information_plane(
    result: xr.Dataset,
    *,
    by: Literal["epoch", "layer"] = "epoch",
    band: float = BAND,
    ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw the median path of every layer on the information plane.

    Parameters
    ----------
    result : Dataset
        Of ``information.layer_information``, or the group ``information`` of a run's results: I_XT
        and I_TY (epoch, replica, layer); null_I_TY, if there, is drawn in grey. At the last epoch
        a cross holds the middle of the networks, along both axes.
    by : str
        What colours mean: "epoch", with a bar and each layer's number at the end of its path; or
        "layer", with a point at the end.
    band : float
        Fraction of the networks inside the crosses.
    ax : Axes, optional
        A new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.scatter`` by epoch, and to ``Axes.plot`` by layer.

    Returns
    -------
    Axes

    See Also
    --------
    information_vs_epoch : The two axes of the plane against epochs.
    information_snapshot : Every network at one epoch.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> bits = np.linspace([2.0, 1.0], [1.5, 0.9], 5)[:, None, :]
    >>> names = ("epoch", "replica", "layer")
    >>> result = xr.Dataset(
    ...     {"I_XT": (names, 4 * bits), "I_TY": (names, bits / 2)},
    ...     {"epoch": range(5), "layer": [1, 2]},
    ... )
    >>> ax = sp.figures.information_plane(result)
    >>> len(ax.collections)  # one path of points per layer
    2
    """
    if by not in ("epoch", "layer"):
        raise InputError(f"by is {by!r}; it can be epoch, layer")
    require_options(kwargs, "scatter" if by == "epoch" else "plot", ("by", "ax"))
    ax, is_new = one_axes(ax)
    names = [n for n in ("I_XT", "I_TY", "null_I_TY") if n in result]
    every = result[names].load().dropna("epoch", how="all")
    median = every
    if "replica" in every.dims:
        median = every.median("replica", keep_attrs=True)
    log = np.log10(1.0 + median["epoch"].to_numpy())
    drawn: PathCollection | None = None
    ends: dict[str, np.ndarray] = {}
    nulls: dict[str, np.ndarray] = {}
    is_first = True
    for path, style in layers_of(median, "I_XT"):
        x, y = path["I_XT"].to_numpy(), path["I_TY"].to_numpy()
        if "null_I_TY" in path:
            ax.plot(x, path["null_I_TY"], color=NULL, linewidth=0.8, zorder=1,
                    marker=style.get("marker", "o"), markersize=2.5, markevery=[len(x) - 1],
                    label=NULL_LABEL if is_first else None)  # fmt: skip
            if "label" in style:
                nulls[_number(style["label"])] = np.array([x[-1], float(path["null_I_TY"][-1])])
        is_first = False
        if "replica" in every.dims:
            here = every.sel(layer=path["layer"]) if "layer" in every.dims else every
            _cross(ax, here.isel(epoch=-1), band, style.get("color", DATA))
        if by == "layer":
            told: dict[str, Any] = {"color": DATA, "linewidth": 1.0} | style
            own = options(kwargs, **{k: v for k, v in told.items() if not k.startswith("mark")})
            (line,) = ax.plot(x, y, **{"zorder": 2, **own})
            ax.plot(x[-1:], y[-1:], style.get("marker", "o"), color=line.get_color(), zorder=3)
            continue
        ax.plot(x, y, color=NULL, linewidth=0.4, zorder=2)
        own = options(kwargs, PathCollection, cmap=SCALE, s=8, linewidths=0, zorder=3, vmin=0.0,
                      vmax=max(log[-1], 0.1))  # fmt: skip
        drawn = ax.scatter(x, y, **{"c": log, **own})
        if "label" in style:  # of a layer
            ends[style["label"].removeprefix("layer ")] = np.array([x[-1], y[-1]])
    plane_limits(ax, result)
    if drawn is not None:
        _number_ends(ax, ends)
        _number_ends(ax, nulls, color=NULL, below=True)
        _epoch_bar(ax, drawn, int(median["epoch"].max()))
    legend_of_new(ax, is_new)
    return ax


def _cross(ax: Axes, end: xr.Dataset, band: float, colour: Any) -> None:
    """Where the middle of the networks lies at the last epoch, along both axes."""
    (left, x, right), (low, y, high) = (
        quantiles(end[name].to_numpy()[None], band)[:, 0] for name in ("I_XT", "I_TY")
    )
    ax.hlines([y], [left], [right], color=colour, linewidth=0.9, zorder=2.5)
    ax.vlines([x], [low], [high], color=colour, linewidth=0.9, zorder=2.5)


def plane_limits(ax: Axes, result: xr.Dataset) -> None:
    """Limits and labels of the plane, and a line at what the samples can tell."""
    ax.set_xlabel(axis_label(result["I_XT"]))
    ax.set_ylabel(axis_label(result["I_TY"]))
    top = max(float(result["I_TY"].max()), 0.1)
    ax.set_ylim(-0.02 * top, 1.12 * top)
    if "samples" in result.attrs:
        ceiling = np.log2(result.attrs["samples"])
        ax.set_xlim(0, ceiling * 1.04)
        ax.axvline(ceiling, color=NULL, linewidth=0.8, linestyle=":", label=CEILING_LABEL)


def _number(label: str) -> str:
    return label.removeprefix("layer ").partition(" ")[0]


def _epoch_bar(ax: Axes, drawn: PathCollection, last: int) -> None:
    bar = figure_of(ax).colorbar(drawn, ax=ax, label="epoch")
    decades = 10 ** np.arange(len(str(max(last, 1))))
    bar.set_ticks([0.0, *np.log10(1.0 + decades)], labels=["0", *map(str, decades)])
    bar.minorticks_off()


def _number_ends(
    ax: Axes, ends: Mapping[str, np.ndarray], *, color: str = "black", below: bool = False
) -> None:
    """Write a layer's number at the end of its path; layers that end together share a text."""
    near = _TOGETHER * np.array([np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())])
    groups: list[dict[str, np.ndarray]] = []
    for words, end in ends.items():
        before = list(groups[-1].values())[-1] if groups else np.inf
        if (np.abs(end - before) < near).all():
            groups[-1][words] = end
        elif np.isfinite(end).all():
            groups.append({words: end})
    for group in groups:
        ax.annotate(
            ", ".join(group),
            tuple(np.mean(list(group.values()), axis=0)),
            xytext=(0, -6 if below else 6),
            textcoords="offset points",
            color=color,
            va="top" if below else "bottom",
            ha="center",
            fontsize="small",
            zorder=4,
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )
