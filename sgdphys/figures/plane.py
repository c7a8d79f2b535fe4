"""The information plane: snapshots, paths, and its two axes against epochs.

Every figure names its estimator and shows what I(T;Y) reads for shuffled labels.
"""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.figures.style import NULL, PAGE, epoch_axis, layer_styles
from sgdphys.figures.training import ensemble_curve
from sgdphys.quantities import axis_label

Sources = Mapping[str, xr.Dataset]


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


def _limits(ax: Axes, information: xr.Dataset) -> None:
    ceiling = np.log2(information.attrs["samples"])
    ax.set_xlim(0, ceiling * 1.04)
    top = float(information["I_TY"].max())
    ax.set_ylim(-0.02 * max(top, 0.1), 1.12 * max(top, 0.1))
    ax.axvline(ceiling, color=NULL, linewidth=0.8, linestyle=":")


def _layer_legend(figure: Figure, information: xr.Dataset, *extra: Line2D) -> None:
    handles = [
        Line2D([], [], color=colour, marker="o", linestyle="", markersize=4, label=label)
        for _, colour, label in layer_styles(information["layer"].to_numpy())
    ]
    ceiling = Line2D([], [], color=NULL, linestyle=":", label="log$_2$ of the samples")
    figure.legend(handles=[*handles, *extra, ceiling], loc="outside right center")


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
    figure.supxlabel(axis_label("I_XT"), fontsize=8)
    figure.supylabel(axis_label("I_TY"), fontsize=8)
    _layer_legend(figure, information, _null_handle())
    figure.suptitle(estimator_line(information), fontsize=7)
    return figure


def _null_handle() -> Line2D:
    return Line2D([], [], color=NULL, marker="x", ms=4, lw=0.8, label="shuffled labels (mean)")


def paths(sources: Sources) -> Figure:
    """Mean path of each layer on the plane, coloured by epoch, and that of shuffled labels."""
    information = sources["information"]
    mean = information[["I_XT", "I_TY", "null_I_TY"]].mean("replica").load()
    epochs = mean["epoch"].to_numpy()
    figure, ax = plt.subplots(figsize=(PAGE * 0.72, 3.2))
    log = np.log10(1.0 + epochs)
    points = None
    for layer, _, label in layer_styles(mean["layer"].to_numpy()):
        path = mean.sel(layer=layer)
        ax.plot(path["I_XT"], path["null_I_TY"], color=NULL, linewidth=0.8, zorder=1)
        ax.plot(path["I_XT"], path["I_TY"], color="#BBBBBB", linewidth=0.6, zorder=2)
        points = ax.scatter(
            path["I_XT"], path["I_TY"], c=log, cmap="plasma", s=8, linewidth=0, zorder=3,
            vmin=0.0, vmax=max(log[-1], 0.1),
        )  # fmt: skip
        # layers near the ceiling end side by side: the first one's number goes to the right
        ax.annotate(
            label.removeprefix("layer "),
            (float(path["I_XT"][-1]), float(path["I_TY"][-1])),
            xytext=(5 if layer == 1 else -5 if layer == 2 else 0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=7,
            zorder=4,
        )
    _limits(ax, information)
    ax.set_xlabel(axis_label("I_XT"))
    ax.set_ylabel(axis_label("I_TY"))
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
        ax.set_ylabel(axis_label(name))
        ax.set_ylim(bottom=0)
    dashed = Line2D([], [], color="#444444", linewidth=0.8, linestyle="--", label="shuffled labels")
    handles = [*axes[0].get_legend_handles_labels()[0], dashed]
    figure.legend(handles=handles, loc="outside right center")
    figure.suptitle(f"{estimator_line(information)}; median and middle 90%; null: mean", fontsize=7)
    return figure
