"""Layers on the bottleneck curve, their betas, and their distance to it by amount of data."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.bottleneck.samples import AMOUNT, over_samples
from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_labels, first_cases
from sgdphys.figures.layers import layer_marker, layer_styles, layers_legend
from sgdphys.figures.plots.bottleneck_curve import (
    BIFURCATIONS,
    PERMUTED,
    bottleneck_curve,
    certificate,
)
from sgdphys.figures.style import EXACT, FIT, NULL, PAGE, subplots, with_cases
from sgdphys.information.onset import is_finite

_GRID_END = 500.0
"""Where the search for a layer's beta ends: a fit there is a lower limit."""
_TOP = 12_000.0
"""Upper end of the axis of betas, above the last beta of the bound."""
_LIMIT = r"$\uparrow$"
"""Marker of a lower limit, which no layer has."""


def _panels(count: int, height: float) -> tuple[Figure, np.ndarray]:
    rows = -(-count // 2)
    figure, axes = subplots(rows, min(count, 2), figsize=(PAGE, height * rows), squeeze=False)
    for ax in axes.ravel()[count:]:
        ax.set_visible(False)
    return figure, axes.ravel()


def curve(sources: Sources) -> Figure:
    """Certified curve with its bifurcations, all networks' layers, and randomly permuted cells."""
    data = with_cases(sources["bottleneck"])
    figure, axes = _panels(data.sizes["case"], 2.7)
    last = int(data["epoch"].max())
    for k, (ax, title) in enumerate(zip(axes, _titles(sources["bottleneck"]), strict=False)):
        _curve_panel(ax, data.isel(case=k).sel(epoch=last))
        ax.set_title(title, fontsize="small")
    bins = data.attrs.get("bins", "?")
    figure.suptitle(
        f"{data.sizes['replica']} networks at epoch {last}, soft labels, {bins} bins"
        f"{_certified(data)}",
        fontsize="small",
    )
    extra = [
        Line2D([], [], color=EXACT, label="bottleneck bound"),
        Line2D([], [], color=FIT, linestyle="", marker="|", markersize=9, markeredgewidth=1.4,
               label=BIFURCATIONS),
        Line2D([], [], color=NULL, linestyle="", marker="x", label=PERMUTED),
    ]  # fmt: skip
    layers_legend(figure, data["layer"].to_numpy(), *extra, linestyle="")
    return figure


def _titles(data: xr.Dataset) -> list[str]:
    """Titles of the cases, in which the key of the rule's information is what it means."""
    labels = case_labels(data)
    if "swept_information" not in data.coords:
        return labels
    return [
        label.replace(f"information {bits:g}", f"$I(X;Y)$ = {bits:g} bit")
        for label, bits in zip(labels, data["swept_information"].to_numpy(), strict=True)
    ]


def _certified(data: xr.Dataset) -> str:
    """How far from the optimum the bound is at most, by the certificate of every point."""
    if "curve_certificate" not in data:
        return ""
    measured = certificate(data.rename(curve_certificate="certificate"))
    return f"; the bound is certified to {measured} bits" if measured else ""


def _curve_panel(ax: Axes, here: xr.Dataset) -> None:
    curve = xr.Dataset(
        {name: ("beta", here[f"curve_{name}"].to_numpy()) for name in ("I_XT", "I_TY")},
        {"beta": here["curve_beta"].to_numpy()},
    )
    critical = xr.Dataset({"beta": ("transition", here["transition_beta"].to_numpy())})
    bottleneck_curve(curve, critical=critical, layers=here, ax=ax)


def betas(sources: Sources) -> Figure:
    """Both betas of every layer, compared with permuted cells and the bifurcations."""
    data = with_cases(sources["bottleneck"])
    figure, axes = _panels(data.sizes["case"], 2.5)
    last = int(data["epoch"].max())
    for k, (ax, title) in enumerate(zip(axes, _titles(sources["bottleneck"]), strict=False)):
        _beta_panel(ax, data.isel(case=k).sel(epoch=last))
        ax.set_title(title, fontsize="small")
        ax.set_xlabel("layer")
        ax.set_ylabel(r"$\beta$ (logarithmic)")
    grey: dict[str, Any] = {"color": "#444444", "linestyle": ""}
    extra = [
        Line2D([], [], color=FIT, linewidth=0.8, label="onset and bifurcations"),
        Line2D([], [], color=NULL, linestyle="", marker="x", label=PERMUTED),
        Line2D([], [], marker="_", label="slope of the bound\nat the layer's $I(X;T)$", **grey),
        Line2D([], [], marker=_LIMIT, label="lower limit", **grey),
    ]
    layers_legend(figure, data["layer"].to_numpy(), *extra, linestyle="")
    figure.suptitle(
        f"two betas at epoch {last}: of the nearest self-consistent encoder (points), and of the "
        "bound (bars), which is\ntoo large for any layer below it; a percentage: networks whose "
        "layer lies where the bound is flat",
        fontsize="small",
    )
    return figure


def _beta_panel(ax: Axes, here: xr.Dataset) -> None:
    last = float(here["curve_beta"].max())
    for layer, colour, _ in layer_styles(here["layer"].to_numpy()):
        one = here.sel(layer=layer)
        at = layer + np.linspace(-0.25, 0.25, one.sizes["replica"])
        own: dict[str, Any] = {"marker": layer_marker(layer), "color": colour, "markeredgewidth": 0}
        for name, end, style in (
            ("random_beta_fit", _GRID_END, {"marker": "x", "color": NULL, "markeredgewidth": 0.7}),
            ("beta_fit", _GRID_END, own),
            ("beta_bound", last, {"marker": "_", "color": "#444444"}),
        ):
            values = one[name].to_numpy()
            if name == "beta_bound":
                values = np.where(np.isfinite(values), values, np.nan)
            is_limit = values >= end
            ax.plot(at[~is_limit], values[~is_limit], linestyle="", **style)
            arrow: dict[str, Any] = {
                "marker": _LIMIT,
                "color": style["color"],
                "markeredgewidth": 0,
            }
            ax.plot(at[is_limit], np.full(is_limit.sum(), end), linestyle="", **arrow)
        bound = one["beta_bound"].where(is_finite(one["gap"]), drop=True)
        if bound.size:
            ax.text(layer, 0.99, f"{float((bound == np.inf).mean()):.0%}", ha="center", va="top",
                    fontsize="small", transform=ax.get_xaxis_transform())  # fmt: skip
    for beta in here["transition_beta"].to_numpy():
        if np.isfinite(beta):
            ax.axhline(beta, color=FIT, linewidth=0.6)
    ax.set_yscale("log")
    ax.set_ylim(0.8, _TOP)
    ax.set_xticks(here["layer"].to_numpy())


FIGURES = {
    "bottleneck_curve": Entry(
        curve,
        "Certified curve with its bifurcations, all networks' layers, and randomly permuted cells.",
        needs=("bottleneck",),
        chosen=first_cases(4),
    ),
    "bottleneck_beta": Entry(
        betas,
        "Both betas of every layer, compared with permuted cells and the bifurcations.",
        needs=("bottleneck",),
        chosen=first_cases(4),
    ),
    "bound_over_samples": Entry(
        over_samples,
        "Layers on the bound for several amounts of training data, and their distance to it; "
        "figure 7 of Shwartz-Ziv and Tishby (2017).",
        needs=("bottleneck",),
        applies=lambda d: AMOUNT in d.coords,
    ),
}
