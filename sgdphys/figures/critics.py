"""What the critics of the information plane look at."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.figures.cases import case_colours, case_labels, panels
from sgdphys.figures.style import (
    EXACT,
    NULL,
    PAGE,
    epoch_axis,
    layer_styles,
    layers_legend,
    with_cases,
)
from sgdphys.figures.training import ensemble_curve
from sgdphys.quantities import axis_label

Sources = Mapping[str, xr.Dataset]


def one_unit(sources: Sources) -> Figure:
    """Information of one binned unit with a Gaussian input against its weight, in closed form."""
    data = with_cases(sources["one_unit"])
    figure, ax = plt.subplots(figsize=(PAGE * 0.72, 2.8))
    seen: set[str] = set()
    for k, colour in enumerate(case_colours(data)):
        name = str(data["swept_activation"].to_numpy()[k]) if "swept_activation" in data.coords \
            else str(data.attrs.get("activation", "this activation"))  # fmt: skip
        curve = data["unit_I_XT"].isel(case=k)
        if name in seen or not np.isfinite(curve).any():
            continue
        seen.add(name)
        ax.plot(data["weight"], curve, color=colour, label=name)
    ax.set_xscale("log")
    ax.set_xlabel("weight $w$ of the unit (logarithmic)")
    ax.set_ylabel(axis_label(data["unit_I_XT"]))
    ax.set_ylim(bottom=0)
    figure.legend(loc="outside right center")
    figure.suptitle("T = bin(f(w X)), X standard normal; exact", fontsize=7)
    return figure


def noise_scale(sources: Sources) -> Figure:
    """Noise scale of each layer where noise passes the mean gradient, against the batch size."""
    data = with_cases(sources["phases"])
    batch = data["swept_batch_size"].to_numpy().astype(float)
    layers = data["layer"].to_numpy()
    figure, ax = plt.subplots(figsize=(PAGE * 0.72, 2.9))
    shift = np.linspace(0.92, 1.09, len(layers))
    for k, (layer, colour, _) in enumerate(layer_styles(layers)):
        scale = data["transition_noise_scale"].sel(layer=layer).transpose("case", "replica")
        own = scale.to_numpy() * batch[:, None]
        with np.errstate(invalid="ignore"):
            there = np.isfinite(own).sum(axis=1) > 2
        if not there.any():
            continue
        low, middle, high = np.nanquantile(own[there], [0.05, 0.5, 0.95], axis=1)
        at = batch[there] * shift[k]
        ax.errorbar(at, middle, [middle - low, high - middle], fmt="o", ms=2.5, color=colour,
                    elinewidth=0.7)  # fmt: skip
    ends = np.array([batch.min() * 0.8, batch.max() * 1.2])
    ax.plot(ends, ends, color=EXACT, linewidth=0.8)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(np.unique(batch), [f"{b:.0f}" for b in np.unique(batch)])
    ax.xaxis.minorticks_off()
    ax.set_xlabel("batch size (logarithmic)")
    ax.set_ylabel("noise scale tr $S/|G|^2$ at the\ntransition (samples, logarithmic)")
    law = Line2D([], [], color=EXACT, linewidth=0.8, label="equal")
    layers_legend(figure, layers, law, marker="o", linestyle="", markersize=3)
    figure.suptitle("median and middle 90% of networks", fontsize=7)
    return figure


def clustering(sources: Sources) -> Figure:
    """Distances within over between labels, and binned entropy, case by case."""
    data = with_cases(sources["clustering"])
    count = data.sizes["case"]
    figure, axes = plt.subplots(2, count, figsize=(PAGE, 3.9), sharey="row", squeeze=False)
    layers, last = data["layer"].to_numpy(), int(data["epoch"].max())
    for k, title in enumerate(case_labels(data)):
        here = data.isel(case=k)
        for row, name in enumerate(("distance_ratio", "binned_entropy")):
            # the output has no part in it, and keeps its own colour for itself
            for layer, colour, label in layer_styles(np.append(layers, layers[-1] + 1))[:-1]:
                ensemble_curve(axes[row, k], here[name].sel(layer=layer), colour, label)
            epoch_axis(axes[row, k], last, "")
        axes[0, k].set_title(title.replace(", ", "\n"), fontsize=7)
    figure.supxlabel("epochs (logarithmic from 1)", fontsize=8)
    axes[0, 0].set_ylabel("distance within /\nbetween labels")
    axes[1, 0].set_ylabel(axis_label(data["binned_entropy"]))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
    figure.suptitle(f"median and middle 90% of {data.sizes['replica']} networks", fontsize=7)
    return figure


def linear(sources: Sources) -> Figure:
    """Exact test error and exact information of linear networks against epochs."""
    data = sources["linear"]
    figure, drawn = panels(data, height=2.2)
    last = int(data["epoch"].max())
    names = {"I_XT": "all inputs", "I_irrelevant": "irrelevant inputs"}
    for ax, here, title in drawn:
        first = here.isel(layer=0)
        for name, colour in zip(names, ("#0072B2", "#56B4E9"), strict=True):
            if float(first[name].max()) > 1e-9:
                ensemble_curve(ax, first[name], colour, names[name])
        ax.set_ylim(bottom=0)
        twin = ax.twinx()
        ensemble_curve(twin, here["generalisation_error"], "#D55E00", "test error")
        twin.grid(visible=False)
        twin.set_ylim(bottom=0)
        twin.tick_params(axis="y", colors="#D55E00")
        epoch_axis(ax, last, "")
        ax.set_title(title.replace(", ", "\n"), fontsize=6)
    figure.supxlabel("epochs (logarithmic from 1)", fontsize=8)
    figure.supylabel("$I$ of the hidden layer (bits)", fontsize=8)
    handles = [Line2D([], [], color="#D55E00", label="test error\n(right scale)")]
    handles += [
        Line2D([], [], color=c, label=label)
        for label, c in zip(names.values(), ("#0072B2", "#56B4E9"), strict=True)
    ]
    figure.legend(handles=handles, loc="outside right center")
    figure.suptitle(
        f"exact, with noise of variance {data.attrs.get('noise_variance', 1):g} on every unit; "
        f"median and middle 90% of {data.sizes['replica']} networks",
        fontsize=7,
    )
    return figure


def diversity(sources: Sources) -> Figure:
    """Overlaps of units and of networks at the start and the end, and growth of norms."""
    data = with_cases(sources["diversity"])
    titles = case_labels(sources["diversity"])
    layers = data["layer"].to_numpy()
    count = len(titles)
    figure, axes = plt.subplots(
        count, 3, figsize=(PAGE, 0.6 + 2.0 * count), sharex=True, squeeze=False
    )
    for k, (row, title) in enumerate(zip(axes, titles, strict=True)):
        here = data.isel(case=k)
        _overlaps(row[0], here, "unit_overlap", "cosine of in-weights (rms)")
        _overlaps(row[1], here, "matched_overlap", "cosine of in-weights")
        growth = here["norm_ratio"].transpose("replica", "layer").to_numpy()
        kept = [values[np.isfinite(values)] for values in growth.T]
        row[2].boxplot(kept, positions=layers, widths=0.5, whis=(0, 100),
                       medianprops={"color": "#0072B2"})  # fmt: skip
        row[2].axhline(1, color=NULL, linewidth=0.8)
        row[2].set_ylim(bottom=0)
        if title:
            row[0].set_ylabel("\n".join((*title.split(", "), row[0].get_ylabel())))
    words = ("two units of a layer", "two networks, units matched", "weight norm, end over start")
    for ax, title in zip(axes[0], words, strict=True):
        ax.set_title(title)
    for ax in axes[-1]:
        ax.set_xticks(layers, [str(n) for n in layers])
        ax.set_xlabel("layer")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle(
        "95% intervals over networks; boxes: quartiles, whiskers: all networks", fontsize=7
    )
    return figure


def _overlaps(ax: Axes, data: xr.Dataset, name: str, label: str) -> None:
    """One overlap of every layer at the start and the end, with that of random weights."""
    layers = data["layer"].to_numpy()
    for prefix, colour, when, shift in (
        ("first_", "#56B4E9", "at the start", -0.12), ("", "#0072B2", "at the end", 0.12),
    ):  # fmt: skip
        middle, low, high = (
            data[f"{prefix}{name}{end}"].to_numpy() for end in ("", "_low", "_high")
        )
        ax.errorbar(layers + shift, middle, [middle - low, high - middle], fmt="o", ms=3,
                    color=colour, elinewidth=0.9, label=when)  # fmt: skip
    ax.plot(layers, data[f"null_{name}"], "_", color=NULL, ms=12, label="random weights")
    ax.set_ylim(0, 1)
    ax.set_ylabel(label)
