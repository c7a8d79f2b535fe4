"""The information plane: snapshots, paths, and its two axes against epochs.

Every figure names its estimator and shows what I(T;Y) reads for shuffled labels.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from sgdphys.analyses.entry import Sources
from sgdphys.figures.cases import finite_layers
from sgdphys.figures.style import NULL, PAGE, epoch_axis, layer_styles, layers_legend
from sgdphys.figures.training import ensemble_curve
from sgdphys.quantities import axis_label

_TOGETHER = 0.06
"""Ends of paths nearer than this share of both axes have one text."""


def estimator_line(information: xr.Dataset) -> str:
    """What a figure says of how its information was measured."""
    a = information.attrs
    which = {"all": "all patterns", "train": "training patterns", "test": "test patterns"}
    said = {  # cases of a sweep may differ in any of them
        "estimator": str(a.get("estimator", "")).replace("_", " "),
        "noise_variance": f"noise variance {a.get('noise_variance', 0):g}",
        "noise": f"noise {a.get('noise', 0):g} on every hidden unit",
        "bins": f"{a.get('bins')} " + ("edges (idnns)" if a.get("edges") == "idnns" else "bins"),
        "labels": f"{a.get('labels')} labels",
        "samples": f"{a.get('samples')} samples ({which.get(str(a.get('patterns')), '')})",
    }
    words = [text for key, text in said.items() if key in a]
    return ", ".join([*words, f"{information.sizes['replica']} networks"])


def own_layers(data: xr.Dataset, name: str) -> list[tuple[int, Any]]:
    """Layers that a case has, with their colours: its output has that of outputs.

    Parameters
    ----------
    data : Dataset
        Of one case; layers that others have alone are not finite.
    name : str
        A variable with a dimension layer.
    """
    there = finite_layers(data, name)
    styles = layer_styles(data["layer"].to_numpy())
    kept = [(n, colour) for n, colour, _ in styles if n in there]
    if kept and data.attrs.get("estimator") != "noisy":  # which reads no output
        kept[-1] = (kept[-1][0], styles[-1][1])
    return kept


def _limits(ax: Axes, information: xr.Dataset) -> None:
    ceiling = np.log2(information.attrs["samples"])
    ax.set_xlim(0, ceiling * 1.04)
    top = float(information["I_TY"].max())
    ax.set_ylim(-0.02 * max(top, 0.1), 1.12 * max(top, 0.1))
    ax.axvline(ceiling, color=NULL, linewidth=0.8, linestyle=":")


def _chosen_epochs(epochs: np.ndarray) -> np.ndarray:
    """First, middle (about 400 of 10^4) and last epoch, as far as they differ."""
    middle = epochs[np.argmin(np.abs(epochs - 0.04 * epochs[-1]))]
    return np.unique([epochs[0], middle, epochs[-1]])


def snapshots(sources: Sources) -> Figure:
    """Every layer of every network on the plane, at the start, early and late."""
    information = sources["information"]
    epochs = _chosen_epochs(information["epoch"].to_numpy())
    figure, axes = plt.subplots(
        1, len(epochs), figsize=(PAGE, 2.5), sharey=True, sharex=True, squeeze=False
    )
    for ax, epoch in zip(axes[0], epochs, strict=True):
        now = information.sel(epoch=epoch)
        for layer, colour, _ in layer_styles(information["layer"].to_numpy()):
            here = now.sel(layer=layer)
            ax.scatter(here["I_XT"], here["I_TY"], s=9, color=colour, linewidth=0, alpha=0.7)
        mean = now.mean("replica")
        ax.plot(mean["I_XT"], mean["null_I_TY"], color=NULL, marker="x", ms=4, lw=0.8)
        _limits(ax, information)
        ax.set_title(f"epoch {epoch}")
    figure.supxlabel(axis_label(information["I_XT"]), fontsize=8)
    figure.supylabel(axis_label(information["I_TY"]), fontsize=8)
    layers_legend(
        figure,
        information["layer"].to_numpy(),
        Line2D([], [], color=NULL, marker="x", ms=4, lw=0.8, label="shuffled labels (mean)"),
        Line2D([], [], color=NULL, linestyle=":", label="log$_2$ of the samples"),
        shown=finite_layers(information, "I_XT"),
        marker="o",
        linestyle="",
        markersize=4,
    )
    figure.suptitle(estimator_line(information), fontsize=7)
    return figure


def paths(sources: Sources) -> Figure:
    """Mean path of each layer on the plane, coloured by epoch, and that of shuffled labels."""
    information = sources["information"]
    mean = information[["I_XT", "I_TY", "null_I_TY"]].mean("replica").load()
    epochs = mean["epoch"].to_numpy()
    figure, ax = plt.subplots(figsize=(PAGE * 0.72, 3.2))
    log = np.log10(1.0 + epochs)
    points = None
    ends = {}
    for layer, _, label in layer_styles(mean["layer"].to_numpy()):
        path = mean.sel(layer=layer)
        ax.plot(path["I_XT"], path["null_I_TY"], color=NULL, linewidth=0.8, zorder=1)
        ax.plot(path["I_XT"], path["I_TY"], color="#BBBBBB", linewidth=0.6, zorder=2)
        points = ax.scatter(
            path["I_XT"], path["I_TY"], c=log, cmap="plasma", s=8, linewidth=0, zorder=3,
            vmin=0.0, vmax=max(log[-1], 0.1),
        )  # fmt: skip
        ends[label.removeprefix("layer ")] = path[["I_XT", "I_TY"]].isel(epoch=-1).to_array()
    _limits(ax, information)
    _number_ends(ax, {words: end.to_numpy() for words, end in ends.items()})
    ax.set_xlabel(axis_label(information["I_XT"]))
    ax.set_ylabel(axis_label(information["I_TY"]))
    assert points is not None
    decades = np.arange(len(str(max(int(epochs[-1]), 1))))
    bar = figure.colorbar(points, ax=ax, label="epochs (logarithmic)")
    bar.set_ticks([0.0, *np.log10(1.0 + 10.0**decades)], labels=["0", *map(str, 10**decades)])
    handles = [
        Line2D([], [], color=NULL, linewidth=0.8, label="shuffled labels"),
        Line2D([], [], color=NULL, linewidth=0.8, linestyle=":", label="log$_2$ of the samples"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    figure.suptitle(
        f"{estimator_line(information)}\nmean over networks; the number of a layer stands at the "
        "end of its path",
        fontsize=7,
    )
    return figure


def _number_ends(ax: Axes, ends: Mapping[str, np.ndarray]) -> None:
    """Write a layer's number above the end of its path; layers that end together share a text."""
    reach = _TOGETHER * np.array([np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())])
    groups: list[dict[str, np.ndarray]] = []
    for words, end in ends.items():
        before = list(groups[-1].values())[-1] if groups else np.inf
        if (np.abs(end - before) < reach).all():
            groups[-1][words] = end
        elif np.isfinite(end).all():
            groups.append({words: end})
    for group in groups:
        ax.annotate(
            ", ".join(group),
            tuple(np.mean(list(group.values()), axis=0)),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=7,
            zorder=4,
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )


def against_epochs(sources: Sources) -> Figure:
    """I(X;T) and I(T;Y) of each layer against epochs, with the null of shuffled labels."""
    information = sources["information"].load()
    last = int(information["epoch"].max())
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 2.9))
    for layer, colour, label in layer_styles(information["layer"].to_numpy()):
        here = information.sel(layer=layer)
        ensemble_curve(axes[0], here["I_XT"], colour, label)
        ensemble_curve(axes[1], here["I_TY"], colour, label)
        null = here["null_I_TY"].mean("replica")
        axes[1].plot(null["epoch"], null, color=colour, linewidth=0.8, linestyle="--")
    for ax, name in zip(axes, ("I_XT", "I_TY"), strict=True):
        epoch_axis(ax, last)
        ax.set_ylabel(axis_label(information[name]))
        ax.set_ylim(bottom=0)
    dashed = Line2D([], [], color="#444444", linewidth=0.8, linestyle="--", label="shuffled labels")
    handles = [*axes[0].get_legend_handles_labels()[0], dashed]
    figure.legend(handles=handles, loc="outside right center")
    figure.suptitle(f"{estimator_line(information)}; median and middle 90%; null: mean", fontsize=7)
    return figure
