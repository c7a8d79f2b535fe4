"""Layers on the bottleneck curve, and their betas compared with its bifurcations."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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

_GRID_END = 500.0
"""Where the search for a layer's beta ends: a fit there is a lower bound."""
_FLAT, _TOP = 900.0, 2000.0
"""Where percentages stand on the axis of betas, and its upper end."""


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
        ax.set_title(title, fontsize=7)
    bins = data.attrs.get("bins", "?")
    figure.suptitle(
        f"{data.sizes['replica']} networks at epoch {last}, soft labels, {bins} bins"
        f"{_certified(data)}",
        fontsize=7,
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
    """Fitted beta of every layer, compared with permuted cells and the bifurcations."""
    data = with_cases(sources["bottleneck"])
    figure, axes = _panels(data.sizes["case"], 2.5)
    last = int(data["epoch"].max())
    for k, (ax, title) in enumerate(zip(axes, _titles(sources["bottleneck"]), strict=False)):
        _beta_panel(ax, data.isel(case=k).sel(epoch=last))
        ax.set_title(title, fontsize=7)
        ax.set_xlabel("layer")
        ax.set_ylabel(r"$\beta$ (logarithmic)")
    grey: dict[str, Any] = {"color": "#444444", "linestyle": ""}
    extra = [
        Line2D([], [], color=FIT, linewidth=0.8, label="onset and bifurcations"),
        Line2D([], [], color=NULL, linestyle="", marker="x", label=PERMUTED),
        Line2D([], [], marker="_", label="$\\beta$ of the bound\nat the layer's $I(X;T)$", **grey),
        Line2D([], [], marker=6, label=f"at least {_GRID_END:.0f}", **grey),
    ]
    layers_legend(figure, data["layer"].to_numpy(), *extra, linestyle="")
    figure.suptitle(
        f"beta of the nearest self-consistent encoder at epoch {last}; a percentage: networks "
        "whose layer lies on the\nflat part of the bound, where beta is undefined",
        fontsize=7,
    )
    return figure


def _beta_panel(ax: Axes, here: xr.Dataset) -> None:
    for layer, colour, _ in layer_styles(here["layer"].to_numpy()):
        one = here.sel(layer=layer)
        at = layer + np.linspace(-0.25, 0.25, one.sizes["replica"])
        own: dict[str, Any] = {"marker": layer_marker(layer), "color": colour, "markeredgewidth": 0}
        for name, style in (
            ("random_beta_fit", {"marker": "x", "color": NULL, "markeredgewidth": 0.7}),
            ("beta_fit", own),
        ):
            values = np.maximum(one[name].to_numpy(), 0.5)
            is_bound = values >= _GRID_END
            ax.plot(at[~is_bound], values[~is_bound], linestyle="", alpha=0.7, **style)
            arrow = style | {"marker": 6, "markeredgewidth": 0}  # a caret upwards
            ax.plot(at[is_bound], np.full(is_bound.sum(), _GRID_END), linestyle="", **arrow)
        bound = one["beta_bound"].to_numpy()
        ax.plot(at, np.where(np.isfinite(bound), bound, np.nan), "_", color="#444444")
        flat = np.mean(~np.isfinite(bound))
        ax.text(layer, _FLAT, f"{flat:.0%}", ha="center", va="bottom", fontsize=6)
    for beta in here["transition_beta"].to_numpy():
        if np.isfinite(beta):
            ax.axhline(beta, color=FIT, linewidth=0.6, alpha=0.7)
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
        "Fitted beta of every layer, compared with permuted cells and the bifurcations.",
        needs=("bottleneck",),
        chosen=first_cases(4),
    ),
}
