"""Critical slowing down of the pitchfork, and the early warning of a slow ramp."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.curves import points
from sgdphys.figures.plots.early_warning import early_warning as tau_histogram
from sgdphys.figures.plots.rolling_indicators import rolling_indicators
from sgdphys.figures.style import DATA, EXACT, FIT, NULL, PAGE, few_decades, subplots, with_cases

_POINT: dict[str, Any] = {"linestyle": "", "markersize": 3.5, "elinewidth": 0.8}


def critical_slowing(sources: Sources) -> Figure:
    """Relaxation time and variance against the distance from the pitchfork; order against s."""
    data = with_cases(sources["pitchfork"])
    figure, axes = subplots(2, 2, figsize=(PAGE * 0.8, 4.8))
    axes = axes.ravel()
    decay = float(data.attrs.get("decay", 1.0))
    signal = data["swept_signal"].to_numpy()
    distance = np.abs(signal - decay)
    for name, ax in (("relaxation_time", axes[0]), ("variance", axes[1])):
        for side, marker, filled in ((signal < decay, "o", True), (signal > decay, "s", False)):
            here = data.isel(case=np.flatnonzero(side))
            order = np.argsort(distance[side])
            colour = {"color": DATA, "markerfacecolor": DATA if filled else "white"}
            ax.plot(distance[side][order], here[f"exact_{name}"].to_numpy()[order], color=EXACT,
                    linewidth=0.8)  # fmt: skip
            if name == "relaxation_time":
                ax.plot(distance[side][order], here["discrete_relaxation_time"].to_numpy()[order],
                        color=EXACT, linewidth=0.8, linestyle=":")  # fmt: skip
            points(ax, distance[side], here, name, marker=marker, **_POINT, **colour)
            ax.plot(distance[side], here[f"simulated_{name}"], marker="x", markersize=3.5,
                    linestyle="", color=FIT, markeredgewidth=0.8, zorder=5)  # fmt: skip
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("$|s - g|$ (logarithmic)")
        ax.xaxis.set_minor_formatter(NullFormatter())
        few_decades(ax.yaxis)
        ends = np.array([0.1, 0.2, 0.4, 0.8])
        shown = ends[(ends >= 0.9 * distance.min()) & (ends <= 1.1 * distance.max())]
        ax.set_xticks(shown, [f"{v:g}" for v in shown])
    axes[0].set_ylabel("relaxation time\n(steps times learning rate)")
    axes[1].set_ylabel("variance of the slow mode\n(weight$^2$)")
    _order_panel(axes[2], data, signal, decay)
    _binder_panel(axes[3], data, signal, decay)
    figure.legend(handles=_handles(), loc="outside lower center", ncols=4)
    if "critical" in data:
        figure.suptitle(
            f"$s_c$ = {_said(data, 'critical')}, $z\\nu$ = {_said(data, 'exponent')} fitted "
            f"together (exact: {decay:g} and 1); bars 95% over replicas",
            fontsize="small",
        )
    return figure


def _said(data: xr.Dataset, name: str) -> str:
    value, low, high = (float(data[f"{name}{e}"]) for e in ("", "_low", "_high"))
    return f"{value:.4f} [{low:.4f}, {high:.4f}]"


def _order_panel(ax: Axes, data: xr.Dataset, signal: np.ndarray, decay: float) -> None:
    fine = np.linspace(np.nanmin(signal), np.nanmax(signal), 300)
    ax.plot(fine, np.sqrt(2 * np.maximum(fine - decay, 0)), color=EXACT, linewidth=0.8)
    for side, marker, filled in ((signal < decay, "o", True), (signal >= decay, "s", False)):
        here = data.isel(case=np.flatnonzero(side))
        points(ax, signal[side], here, "order", marker=marker, color=DATA,
               markerfacecolor=DATA if filled else "white", **_POINT)  # fmt: skip
    ax.axvline(decay, color=NULL, linewidth=0.8, linestyle="--")
    ax.set_xlabel("signal $s$")
    ax.set_ylabel(r"order parameter $\langle|m|\rangle$" + "\n(weight)")


def _binder_panel(ax: Axes, data: xr.Dataset, signal: np.ndarray, decay: float) -> None:
    points(ax, signal, data, "binder", marker="^", color=FIT, **_POINT)
    for level in (0, 2 / 3):  # Gaussian about 0, and all members with the same order
        ax.axhline(level, color=NULL, linewidth=0.6, linestyle=":", zorder=1)
    ax.axvline(decay, color=NULL, linewidth=0.8, linestyle="--")
    ax.set_ylim(min(-0.2, float(data["binder"].min()) - 0.1), 0.75)
    ax.set_xlabel("signal $s$")
    ax.set_ylabel("Binder cumulant $U$")


def _handles() -> list[Line2D]:
    point: dict[str, Any] = {"linestyle": "", "markersize": 3.5}
    return [
        Line2D([], [], marker="o", color=DATA, label="trained, $s < g$", **point),
        Line2D([], [], marker="s", color=DATA, markerfacecolor="white", label="trained, $s > g$",
               **point),
        Line2D([], [], marker="x", color=FIT, label="simulated", **point),
        Line2D([], [], color=EXACT, linewidth=0.8, label="exact law"),
        Line2D([], [], color=EXACT, linewidth=0.8, linestyle=":",
               label="exact law of discrete steps"),
        Line2D([], [], marker="^", color=FIT, label="Binder cumulant", **point),
        Line2D([], [], color=NULL, linewidth=0.8, linestyle="--", label="$s = g$"),
    ]  # fmt: skip


_COURSES = {"ramp": (DATA, "s rises to g"), "control": (NULL, "s constant")}


def early_warning(sources: Sources) -> Figure:
    """A path, its indicators, and Kendall's tau of all paths: on a slow ramp and without one."""
    data = with_cases(sources["pitchfork"])
    if "ramp_path" not in data:
        figure, ax = subplots(figsize=(PAGE / 2, 2))
        ax.text(0.5, 0.5, "one value of s: no ramp", ha="center", va="center", color=NULL)
        return figure
    figure, axes = subplots(2, 2, figsize=(PAGE, 4.2))
    for course, (colour, label) in _COURSES.items():
        here = data.sel(course=course)
        step = here["ramp_step"].to_numpy()
        axes[0, 0].plot(step, here["ramp_path"], color=colour, linewidth=0.5, label=label)
        names = ("variance", "autocorrelation")
        windows = here[[f"ramp_{n}" for n in names]].rename({f"ramp_{n}": n for n in names})
        rolling_indicators(
            windows, time="ramp_step", band=0.8, ax=[axes[0, 1], axes[1, 0]], color=colour,
            label=label,
        )  # fmt: skip
        share, p = float(here["warning_share"]), float(here["ensemble_p_value"])
        tau_histogram(
            here, ax=axes[1, 1], color=colour,
            label=f"{label}: {share:.0%} warn (across replicas: p = {p:.3f})",
        )  # fmt: skip
    axes[0, 0].set_ylabel("one path, slow mode\n(weight)")
    axes[0, 1].set_ylabel("variance in the window\n(weight$^2$)")
    axes[0, 1].set_yscale("log")
    axes[1, 0].set_ylabel("lag-1 autocorrelation")
    axes[1, 1].set_xlabel(r"Kendall's $\tau$, mean of variance and autocorrelation")
    axes[1, 1].set_ylabel("number of paths")
    for ax in axes.ravel()[:3]:
        ax.set_xlabel("step")
        ax.xaxis.set_major_locator(MaxNLocator(5))
    few_decades(axes[0, 1].yaxis)
    axes[1, 1].xaxis.set_major_locator(MaxNLocator(5))
    figure.legend(*axes[1, 1].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.suptitle(
        "simulated paths; bands hold 80% of them; a warning: p of 5% at most, AR(1) surrogates",
        fontsize="small",
    )
    return figure


FIGURES = {
    "critical_slowing": Entry(
        critical_slowing,
        "Relaxation time and variance against the distance from the pitchfork; order against s.",
        needs=("pitchfork",),
        applies=lambda data: "swept_signal" in data.coords,
    ),
    "early_warning": Entry(
        early_warning,
        "A path, its indicators, and Kendall's tau of all paths: on a slow ramp and without one.",
        needs=("pitchfork",),
    ),
}
