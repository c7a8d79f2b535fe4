"""Distances within and between labels, binned entropy, and the response to a penalty."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_labels
from sgdphys.figures.curves import ensemble_curve, points
from sgdphys.figures.layers import layer_marker, layer_styles
from sgdphys.figures.style import DATA, NULL, PAGE, epoch_axis, subplots, with_cases
from sgdphys.information.onset import fall_after_peak
from sgdphys.intervals import mean_with_interval
from sgdphys.quantities import axis_label


def clustering(sources: Sources) -> Figure:
    """Ratio of distances within and between labels, and binned entropy, case by case."""
    data = with_cases(sources["clustering"])
    count = data.sizes["case"]
    figure, axes = subplots(2, count, figsize=(PAGE, 3.9), sharey="row", squeeze=False)
    layers, last = data["layer"].to_numpy(), int(data["epoch"].max())
    for k, title in enumerate(case_labels(data)):
        here = data.isel(case=k)
        for row, name in enumerate(("distance_ratio", "binned_entropy")):
            # the output has no part in it, and keeps its own colour for itself
            for layer, colour, label in layer_styles(np.append(layers, layers[-1] + 1))[:-1]:
                ensemble_curve(axes[row, k], here[name].sel(layer=layer), color=colour,
                               label=label, marker=layer_marker(layer), markevery=0.12)  # fmt: skip
            epoch_axis(axes[row, k], last, "")
        axes[0, k].set_title(title.replace(", ", "\n"), fontsize="small")
    figure.supxlabel("epoch (logarithmic from 1)", fontsize="medium")
    axes[0, 0].set_ylabel("distance within\n/ between labels")
    axes[1, 0].set_ylabel(axis_label(data["binned_entropy"]))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
    figure.suptitle(f"median and middle 90% of {data.sizes['replica']} networks", fontsize="small")
    return figure


def dose_response(sources: Sources) -> Figure:
    """Bits lost by each layer, and training accuracy, against the orthonormality penalty."""
    information, learning = (with_cases(sources[name]) for name in ("information", "learning"))
    figure, (left, right) = subplots(1, 2, figsize=(PAGE, 3.2))
    doses = information["swept_orthonormality"].to_numpy()
    names = [f"{dose:g}" for dose in doses]
    if "swept_init" in information.coords:
        inits = information["swept_init"].to_numpy()
        names = [
            f"{dose}\n{str(k).replace('_', '-')}" for dose, k in zip(names, inits, strict=True)
        ]
    at = np.arange(len(names))
    lost = [fall_after_peak(information["I_XT"].isel(case=k)) for k in at]
    for layer, colour, label in layer_styles(information["layer"].to_numpy()):
        ends = [mean_with_interval(v.sel(layer=layer, drop=True).rename("v"), kind="symmetric")
                for v in lost]  # fmt: skip
        found = {n: ("case", [float(e[n]) for e in ends]) for n in ("v", "v_low", "v_high")}
        points(left, at, xr.Dataset(found), "v", color=colour, marker=layer_marker(layer),
               label=label, linestyle="")  # fmt: skip
    left.axhline(0, color=NULL, linewidth=0.8)
    left.set_ylabel("bits lost")
    accuracy = learning["final_accuracy"].transpose("case", "replica").to_numpy()
    right.boxplot([v[np.isfinite(v)] for v in accuracy], positions=at, widths=0.5, whis=(0, 100),
                  medianprops={"color": DATA})  # fmt: skip
    right.set_ylabel("training accuracy at the end")
    for ax in (left, right):
        ax.set_xticks(at, names, fontsize="small")
        ax.set_xlabel("orthonormality penalty, initial weights")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=6)
    figure.suptitle(
        f"95% intervals over {information.sizes['replica']} networks; boxes: quartiles; "
        "whiskers: all networks",
        fontsize="small",
    )
    return figure


FIGURES = {
    "dose_response": Entry(
        dose_response,
        "Bits lost by each layer, and training accuracy, against the orthonormality penalty.",
        needs=("information", "learning"),
        applies=lambda d: "swept_orthonormality" in d.coords,
    ),
    "clustering": Entry(
        clustering,
        "Ratio of distances within and between labels, and binned entropy, case by case.",
        needs=("clustering",),
    ),
}
