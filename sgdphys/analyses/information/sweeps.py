"""Information and learning over the cases of a sweep."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.entry import Sources
from sgdphys.analyses.information.plane import estimator_line
from sgdphys.figures.cases import (
    case_colours,
    case_labels,
    control,
    control_axis,
    panels,
)
from sgdphys.figures.curves import points
from sgdphys.figures.layers import finite_layers, layer_marker, layer_styles, layers_legend
from sgdphys.figures.plots.information_plane import NULL_LABEL, information_plane
from sgdphys.figures.plots.information_vs_epoch import information_vs_epoch
from sgdphys.figures.style import NULL, PAGE, subplots, with_cases
from sgdphys.information.onset import LEAST_LOSS, fall_after_peak
from sgdphys.intervals import mean_with_interval
from sgdphys.quantities import axis_label

_MARKERS = "os^Dv<>pPX"


def plane_of_cases(sources: Sources) -> Figure:
    """Median path of every layer on the plane, case by case (figures 3 and 5)."""
    information = sources["information"]
    figure, drawn = panels(information, sharex=True, sharey=True)
    layers = information["layer"].to_numpy()
    for ax, data, title in drawn:
        information_plane(data, by="layer", ax=ax)
        ax.set_title(title, fontsize="small")
        ax.set(xlabel="", ylabel="")
    figure.supxlabel(axis_label(information["I_XT"]), fontsize="medium")
    figure.supylabel(axis_label(information["I_TY"]), fontsize="medium")
    null = Line2D([], [], color=NULL, linewidth=0.8, label=NULL_LABEL.replace(" ", "\n"))
    layers_legend(figure, layers, null, shown=finite_layers(information, "I_XT"))
    figure.suptitle(
        f"median paths, crosses: middle 90% at the last epoch; {estimator_line(information)}",
        fontsize="small",
    )
    return figure


def information_of_cases(sources: Sources) -> Figure:
    """I(X;T) of every layer against epochs, case by case."""
    information = sources["information"]
    figure, drawn = panels(information, sharey=True)
    layers = information["layer"].to_numpy()
    for ax, data, title in drawn:
        information_vs_epoch(data, panels="I_XT", ax=ax)
        ax.set_title(title, fontsize="small")
        ax.set(xlabel="", ylabel="")
    drawn[0][0].set_ylim(0, 1.05 * max(float(information["I_XT"].max()), 0.1))
    figure.supxlabel("epoch (logarithmic from 1)", fontsize="medium")
    figure.supylabel(axis_label(information["I_XT"]), fontsize="medium")
    layers_legend(figure, layers, shown=finite_layers(information, "I_XT"))
    figure.suptitle(f"median and middle 90%; {estimator_line(information)}", fontsize="small")
    return figure


def compression_of_cases(sources: Sources) -> Figure:
    """Bits each layer loses after the peak of its mean curve, by case."""
    information = with_cases(sources["information"])
    figure, ax = subplots(figsize=(PAGE, 2.9))
    layers = information["layer"].to_numpy()
    count = information.sizes["case"]
    handles = []
    last = set()
    for k, (colour, label) in enumerate(
        zip(case_colours(information), case_labels(information), strict=True)
    ):
        lost = fall_after_peak(information["I_XT"].isel(case=k, drop=True)).rename("lost")
        found = mean_with_interval(lost, kind="symmetric")
        middle = found["lost"].to_numpy()
        at = layers + (k - (count - 1) / 2) * 0.7 / count
        style: dict[str, Any] = {"color": colour, "marker": _MARKERS[k % len(_MARKERS)]}
        points(ax, at, found, "lost", linestyle="", elinewidth=0.9, **style)
        handles.append(Line2D([], [], linestyle="", label=label, **style))
        last.add(layers[np.isfinite(middle)].max(initial=0))
    ax.axhline(0, color=NULL, linewidth=0.8, zorder=1)
    # networks of several depths have no output in common
    output = len(layers) if last == {len(layers)} else None
    ax.set_xticks(layers, [f"{n}\noutput" if n == output else f"{n}" for n in layers])
    ax.set_xlabel("layer")
    ax.set_ylabel("loss of $I(X;T)$ after its peak (bits)")
    ax.set_ylim(top=max(ax.get_ylim()[1], LEAST_LOSS))  # less is no compression
    if handles[0].get_label():  # a run that is no sweep has no name of a case
        figure.legend(handles=handles, loc="outside right center", fontsize="small")
    figure.suptitle(
        f"{estimator_line(information)}\nmean of networks and its 95% interval, from the peak of "
        "the mean curve of the other half of them to the last epoch",
        fontsize="small",
    )
    return figure


def converged_layers(sources: Sources) -> Figure:
    """Where every layer ends on the plane, over the values of a control parameter (figure 7)."""
    information = with_cases(sources["information"])
    found = control(information)
    assert found is not None
    name, values = found
    order = np.argsort(values)
    ends = [
        information[["I_XT", "I_TY", "null_I_TY"]].isel(case=int(k)).dropna("epoch", how="all")
        for k in order
    ]
    figure, (ax, below) = subplots(1, 2, figsize=(PAGE, 3.0), width_ratios=(1.3, 1))
    layers = information["layer"].to_numpy()
    # y is a function of x, so the bound is min(I(X;T), H(Y)); the first layer knows all of y
    most = float(information["I_TY"].max())
    for layer, colour, _ in layer_styles(layers):
        here = [e.isel(epoch=-1).sel(layer=layer) for e in ends]
        x, y, null = (
            np.array([float(h[n].mean("replica")) for h in here])
            for n in ("I_XT", "I_TY", "null_I_TY")
        )
        ax.plot(x, null, "x", color=NULL, markersize=3)
        marker = layer_marker(layer)
        ax.plot(x, y, color=colour, linewidth=0.8)
        ax.scatter(x, y, s=6 + 26 * np.linspace(0, 1, len(x)), color=colour, linewidth=0,
                   marker=marker, zorder=3)  # fmt: skip
        bound = [h["I_XT"].clip(max=most) - h["I_TY"] for h in here]
        gaps = [
            mean_with_interval(
                v.drop_vars("epoch", errors="ignore").rename("gap"), kind="symmetric"
            )
            for v in bound
        ]
        middle, low, high = (np.array([float(g["gap" + e]) for g in gaps])
                             for e in ("", "_low", "_high"))  # fmt: skip
        below.plot(values[order], middle, marker=marker, linewidth=0.8, color=colour)
        below.fill_between(values[order], low, high, color=colour, alpha=0.2, linewidth=0)
    ax.set_xlabel(axis_label(information["I_XT"]))
    ax.set_ylabel(axis_label(information["I_TY"]))
    ax.set_ylim(bottom=0)
    control_axis(below, name, values)
    below.set_ylabel("bits below the bound min($I(X;T)$, $H(Y)$)")
    below.set_ylim(bottom=0)
    small, large = values[order[0]], values[order[-1]]
    handles = [
        Line2D([], [], color="#444444", marker="o", linestyle="", markersize=s, label=f"{v:g}")
        for s, v in ((2.5, small), (5.5, large))
    ]
    null_handle = Line2D([], [], color=NULL, marker="x", linestyle="",
                         label=NULL_LABEL.replace(" ", "\n"))  # fmt: skip
    layers_legend(figure, layers, *handles, null_handle)
    figure.suptitle(
        f"last epoch, mean of networks; larger points: larger {name.replace('_', ' ')}; bands 95%\n"
        f"{estimator_line(information)}",
        fontsize="small",
    )
    return figure
