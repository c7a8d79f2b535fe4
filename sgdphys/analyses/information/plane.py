"""The information plane of one ensemble: snapshots, paths, and its two axes against epochs.

Every figure names its estimator and shows what I(T;Y) reads for permuted labels.
"""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.entry import Sources
from sgdphys.claims.results import LEARNED
from sgdphys.figures.layers import finite_layers, layers_legend
from sgdphys.figures.plots.information_plane import (
    CEILING_LABEL,
    NULL_LABEL,
    information_plane,
)
from sgdphys.figures.plots.information_snapshot import information_snapshot
from sgdphys.figures.plots.information_vs_epoch import information_vs_epoch
from sgdphys.figures.style import NULL, PAGE, subplots
from sgdphys.information.fit import FITTED, epoch_at, rise_record
from sgdphys.information.onset import finite_to_the_end
from sgdphys.quantities import axis_label


def estimator_line(information: xr.Dataset) -> str:
    """How the information of a figure was measured, in words."""
    a = information.attrs
    which = {"all": "all patterns", "train": "training patterns", "test": "test patterns"}
    said = {  # cases of a sweep may differ in any of them
        "estimator": str(a.get("estimator", "")).replace("_", " "),
        "noise_variance": f"noise variance {a.get('noise_variance', 0):g}",
        "noise": f"noise {a.get('noise', 0):g} on every hidden unit",
        "bins": f"{a.get('bins')} "
        + ("edges, as published" if a.get("edges") == "as_published" else "bins"),
        "bin_range": "over each epoch's own range",
        "labels": f"{a.get('labels')} labels",
        "samples": f"{a.get('samples')} samples ({which.get(str(a.get('patterns')), '')})",
    }
    words = [text for key, text in said.items() if key in a]
    words.append(f"{information.sizes['replica']} networks")
    idle = int((information[LEARNED] == 0).sum()) if LEARNED in information.coords else 0
    if idle:
        words.append(f"{idle} of them learnt nothing")
    return ", ".join(words)


def _chosen_epochs(epochs: np.ndarray) -> np.ndarray:
    """First, middle (about 400 of 10^4) and last epoch, as far as they differ."""
    middle = epochs[np.argmin(np.abs(epochs - 0.04 * epochs[-1]))]
    return np.unique([epochs[0], middle, epochs[-1]])


def snapshots(sources: Sources) -> Figure:
    """Every layer of every network on the plane, at the start, early and late."""
    information = sources["information"]
    epochs = _chosen_epochs(information["epoch"].to_numpy())
    figure, axes = subplots(
        1, len(epochs), figsize=(PAGE, 2.5), sharey=True, sharex=True, squeeze=False
    )
    for ax, epoch in zip(axes[0], epochs, strict=True):
        information_snapshot(information, epoch=int(epoch), ax=ax)
        ax.set(title=f"epoch {epoch}", xlabel="", ylabel="")
    figure.supxlabel(axis_label(information["I_XT"]), fontsize="medium")
    figure.supylabel(axis_label(information["I_TY"]), fontsize="medium")
    layers_legend(
        figure,
        information["layer"].to_numpy(),
        Line2D([], [], color=NULL, marker="x", lw=0.8, label=f"{NULL_LABEL} (median)"),
        Line2D([], [], color=NULL, linestyle=":", label=CEILING_LABEL),
        shown=finite_layers(information, "I_XT"),
        linestyle="",
    )
    figure.suptitle(estimator_line(information), fontsize="small")
    return figure


def paths(sources: Sources) -> Figure:
    """Median path of each layer on the plane, coloured by epoch, and that of permuted labels."""
    information = sources["information"]
    figure, ax = subplots(figsize=(PAGE * 0.72, 3.2))
    information_plane(information, ax=ax)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.suptitle(
        f"{estimator_line(information)}\nmedian, cross: middle 90% of networks; layers are "
        "numbered at the end of path and null",
        fontsize="small",
    )
    return figure


def against_epochs(sources: Sources) -> Figure:
    """I(X;T) and I(T;Y) of each layer against epochs, with the null of permuted labels."""
    information = sources["information"]
    figure, axes = subplots(1, 2, figsize=(PAGE, 2.9))
    information_vs_epoch(information, ax=axes)
    dashed = Line2D([], [], color="#444444", linewidth=0.8, linestyle="--", label=NULL_LABEL)
    handles = [*axes[0].get_legend_handles_labels()[0], dashed]
    fitted = _end_of_fit(information)
    if np.isfinite(fitted):
        for ax in axes:
            ax.axvline(fitted, color=NULL, linestyle=":", linewidth=0.9)
        label = f"end of the fit,\nepoch {fitted:.0f}"
        handles.append(Line2D([], [], color=NULL, linestyle=":", linewidth=0.9, label=label))
    figure.legend(handles=handles, loc="outside right center")
    figure.suptitle(
        f"{estimator_line(information)}\nmedians over networks and middle 90%; end of the fit: "
        f"{FITTED:.0%} of the rise of the output's mean $I(T;Y)$",
        fontsize="small",
    )
    return figure


def _end_of_fit(information: xr.Dataset) -> float:
    """Epoch at which 90% of the rise of the output's mean I(T;Y) is there; NaN if it never is."""
    curves = finite_to_the_end(information["I_TY"]).mean("replica").dropna("layer", how="all")
    if not curves.sizes["layer"]:
        return np.nan
    output = curves.isel(layer=-1).to_numpy()
    return float(epoch_at(curves["epoch"].to_numpy(), rise_record(output, FITTED)))
