"""Figure 7: layers and the bottleneck bound for several amounts of training data."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.entry import Sources
from sgdphys.figures.cases import control_axis
from sgdphys.figures.colours import SCALE
from sgdphys.figures.layers import layer_marker, layer_styles, layers_legend
from sgdphys.figures.style import EXACT, PAGE, subplots
from sgdphys.intervals import mean_with_interval

AMOUNT = "swept_train_fraction"


def over_samples(sources: Sources) -> Figure:
    """Layers on the bound at the end, by amount of data, and their distance to it twice.

    One row per strength of the labels. Filled points and lines: the last epoch; open points and
    dashed lines: that of lowest test loss.
    """
    data = sources["bottleneck"]
    strengths = data["swept_information"].to_numpy() if "swept_information" in data.coords else None
    rows = [data] if strengths is None else [
        data.isel(case=np.flatnonzero(strengths == s)) for s in dict.fromkeys(strengths)
    ]  # fmt: skip
    figure, axes = subplots(len(rows), 2, figsize=(PAGE, 0.7 + 2.5 * len(rows)), squeeze=False,
                            width_ratios=(1.25, 1))  # fmt: skip
    amounts = np.sort(np.unique(data[AMOUNT]))
    norm = LogNorm(amounts[0], amounts[-1])
    for (plane, below), row in zip(axes, rows, strict=True):
        ordered = row.isel(case=np.argsort(row[AMOUNT].to_numpy()))
        points = _on_the_plane(plane, ordered, norm)
        bar = figure.colorbar(points, ax=plane, ticks=amounts, format="%g")
        bar.ax.minorticks_off()
        bar.ax.tick_params(labelsize="small")
        _distances(below, ordered)
        if strengths is not None:
            bits = float(row["swept_information"][0])
            plane.set_title(
                f"$I(X;Y)$ = {bits:g} bit; colour: share of the patterns", fontsize="small"
            )
    handles = [
        Line2D([], [], color="#444444", linestyle="--", label="at the lowest\ntest loss"),
        Line2D([], [], color=EXACT, label="bottleneck bound"),
    ]
    layers_legend(figure, data["layer"].to_numpy(), *handles)
    figure.suptitle(
        f"last epoch, mean of {data.sizes['replica']} networks; bands 95%", fontsize="small"
    )
    return figure


def _at(case: xr.Dataset, when: str) -> xr.Dataset | None:
    """The layers of one case at one of its two epochs, None where it has none."""
    epoch = float(case[when])
    return case.sel(epoch=epoch) if np.isfinite(epoch) else None


def _cases(data: xr.Dataset, when: str) -> list[tuple[float, xr.Dataset]]:
    found = [(float(data[AMOUNT][k]), _at(data.isel(case=k), when))
             for k in range(data.sizes["case"])]  # fmt: skip
    return [(amount, case) for amount, case in found if case is not None]


def _on_the_plane(ax: Axes, data: xr.Dataset, norm: LogNorm) -> PathCollection:
    first = data.isel(case=0)
    ends = _cases(data, "last_epoch")
    most = max(float(case["I_XT"].mean("replica").max()) for _, case in ends)
    x, y = (first[f"curve_{n}"].to_numpy() for n in ("I_XT", "I_TY"))
    ax.plot(np.append(x, max(most, x.max())), np.append(y, y.max()), color=EXACT, linewidth=1.0)
    for layer in data["layer"].to_numpy():
        means = [case[["I_XT", "I_TY"]].sel(layer=layer).mean("replica") for _, case in ends]
        points = ax.scatter(
            [float(m["I_XT"]) for m in means], [float(m["I_TY"]) for m in means], s=16, linewidth=0,
            c=[amount for amount, _ in ends], norm=norm, cmap=SCALE, marker=layer_marker(layer),
            zorder=3,
        )  # fmt: skip
    ax.set_xlabel("$I(X;T)$ (bits)")
    ax.set_ylabel("$I(T;Y)$ (bits)")
    ax.set_ylim(bottom=0)
    return points


def _distances(ax: Axes, data: xr.Dataset) -> None:
    for when, style in (("last_epoch", "-"), ("lowest_loss_epoch", "--")):
        cases = _cases(data, when)
        for layer, colour, _ in layer_styles(data["layer"].to_numpy()):
            ends = [mean_with_interval(case["gap"].sel(layer=layer, drop=True), kind="symmetric")
                    for _, case in cases]  # fmt: skip
            middle, low, high = ([float(e[f"gap{end}"]) for e in ends]
                                 for end in ("", "_low", "_high"))  # fmt: skip
            amounts = [amount for amount, _ in cases]
            marker = layer_marker(layer) if when == "last_epoch" else ""
            ax.plot(amounts, middle, color=colour, linestyle=style, linewidth=0.8, marker=marker)
            ax.fill_between(amounts, low, high, color=colour, alpha=0.15, linewidth=0)
    control_axis(ax, "train_fraction", data[AMOUNT].to_numpy())
    ax.set_ylabel("bits below the bound")
    ax.set_ylim(bottom=0)
