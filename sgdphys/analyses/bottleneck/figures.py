"""Layers on the bottleneck curve, and their betas beside the births of its clusters."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_labels, first_cases
from sgdphys.figures.style import EXACT, FIT, NULL, PAGE, layer_styles, layers_legend, with_cases


def _panels(count: int, height: float) -> tuple[Figure, np.ndarray]:
    rows = -(-count // 2)
    figure, axes = plt.subplots(rows, min(count, 2), figsize=(PAGE, height * rows), squeeze=False)
    for ax in axes.ravel()[count:]:
        ax.set_visible(False)
    return figure, axes.ravel()


def curve(sources: Sources) -> Figure:
    """Certified curve with its births, the layers of all networks, and layers dealt out anew."""
    data = with_cases(sources["bottleneck"])
    figure, axes = _panels(data.sizes["case"], 2.7)
    last = int(data["epoch"].max())
    for k, (ax, title) in enumerate(zip(axes, case_labels(sources["bottleneck"]), strict=False)):
        _curve_panel(ax, data.isel(case=k).sel(epoch=last))
        ax.set_title(title, fontsize=7)
        ax.set_xlabel("$I(X;T)$ (bits)")
        ax.set_ylabel("$I(T;Y)$ (bits)")
    bins = data.attrs.get("bins", "?")
    figure.suptitle(
        f"{data.sizes['replica']} networks at epoch {last}, soft labels, {bins} bins"
        f"{_certified(data)}",
        fontsize=7,
    )
    extra = [
        Line2D([], [], color=EXACT, label="bottleneck bound"),
        Line2D([], [], color=FIT, linestyle="", marker="|", label="births of clusters"),
        Line2D([], [], color=NULL, linestyle="", marker="x", ms=3, label="cells dealt out anew"),
    ]
    layers_legend(figure, data["layer"].to_numpy(), *extra, linestyle="", marker="o", ms=3)
    return figure


def _certified(data: xr.Dataset) -> str:
    """How far from the optimum the bound is at most, by the certificate of every point."""
    if "curve_certificate" not in data:
        return ""
    certificate = data["curve_certificate"].to_numpy()
    worst = float(np.max(certificate, initial=0.0, where=np.isfinite(certificate)))
    if worst <= 0:
        return ""
    power = int(np.floor(np.log10(worst)))
    return f"; the bound is certified to {np.ceil(worst / 10.0**power):.0f}e{power} bits"


def _curve_panel(ax: Axes, here: xr.Dataset) -> None:
    x, y = here["curve_I_XT"].to_numpy(), here["curve_I_TY"].to_numpy()
    end = max(float(here["I_XT"].max()), float(np.nanmax(x)))
    ax.plot(np.append(x, end), np.append(y, np.nanmax(y)), color=EXACT, linewidth=1)
    births = np.interp(here["transition_beta"], here["curve_beta"], x)
    for birth in births:
        ax.axvline(birth, ymax=0.04, color=FIT, linewidth=0.9)
    ax.plot(
        here["random_I_XT"].to_numpy().ravel(), here["random_I_TY"].to_numpy().ravel(), "x",
        color=NULL, ms=2.5, alpha=0.6,
    )  # fmt: skip
    for layer, colour, _ in layer_styles(here["layer"].to_numpy()):
        one = here.sel(layer=layer)
        ax.plot(one["I_XT"], one["I_TY"], "o", color=colour, ms=2.5, alpha=0.7, markeredgewidth=0)


def betas(sources: Sources) -> Figure:
    """Fitted beta of every layer, beside its null and the births of clusters."""
    data = with_cases(sources["bottleneck"])
    figure, axes = _panels(data.sizes["case"], 2.5)
    last = int(data["epoch"].max())
    for k, (ax, title) in enumerate(zip(axes, case_labels(sources["bottleneck"]), strict=False)):
        _beta_panel(ax, data.isel(case=k).sel(epoch=last))
        ax.set_title(title, fontsize=7)
        ax.set_xlabel("layer")
        ax.set_ylabel(r"$\beta$ (logarithmic)")
    extra = [
        Line2D([], [], color=FIT, linewidth=0.8, label="onset and births"),
        Line2D([], [], color=NULL, linestyle="", marker="x", ms=3, label="cells dealt out anew"),
        Line2D(
            [],
            [],
            color="#444444",
            linestyle="",
            marker="_",
            label="bound at its I(X;T)",
        ),
    ]
    layers_legend(figure, data["layer"].to_numpy(), *extra, linestyle="", marker="o", ms=3)
    figure.suptitle(
        f"beta of the nearest self-consistent encoder at epoch {last}; a percentage: networks "
        "whose layer lies on the\nflat part of the bound, without a beta of its own (at the top)",
        fontsize=7,
    )
    return figure


def _beta_panel(ax: Axes, here: xr.Dataset) -> None:
    top = 600.0
    for layer, colour, _ in layer_styles(here["layer"].to_numpy()):
        one = here.sel(layer=layer)
        spread = np.linspace(-0.25, 0.25, one.sizes["replica"])
        for name, marker, tint in (("random_beta_fit", "x", NULL), ("beta_fit", "o", colour)):
            values = np.clip(one[name].to_numpy(), 0.5, top)
            ax.plot(layer + spread, values, marker, color=tint, ms=2.5, alpha=0.7,
                    markeredgewidth=0.7 if marker == "x" else 0)  # fmt: skip
        bound = one["beta_bound"].to_numpy()
        ax.plot(layer + spread, np.clip(bound, 0.5, top), "_", color="#444444", ms=3)
        flat = np.mean(~np.isfinite(bound))
        ax.text(layer, 900, f"{flat:.0%}", ha="center", va="bottom", fontsize=6)
    for beta in here["transition_beta"].to_numpy():
        if np.isfinite(beta):
            ax.axhline(beta, color=FIT, linewidth=0.6, alpha=0.7)
    ax.set_yscale("log")
    ax.set_ylim(0.8, 2000)
    ax.set_xticks(here["layer"].to_numpy())


FIGURES = {
    "bottleneck_curve": Entry(
        curve,
        "Certified curve with its births, the layers of all networks, and layers dealt out anew.",
        needs=("bottleneck",),
        chosen=first_cases(4),
    ),
    "bottleneck_beta": Entry(
        betas,
        "Fitted beta of every layer, beside its null and the births of clusters.",
        needs=("bottleneck",),
        chosen=first_cases(4),
    ),
}
