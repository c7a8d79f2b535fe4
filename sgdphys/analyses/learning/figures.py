"""Test errors, and learning as a phase transition: order and its fluctuations over a sweep."""

import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_colours, case_labels, control, control_axis, swept
from sgdphys.figures.curves import curve
from sgdphys.figures.plots.phase_diagram import class_handles, phase_diagram
from sgdphys.figures.plots.scan import scan
from sgdphys.figures.style import EXACT, NULL, PAGE, epoch_axis, subplots, with_cases
from sgdphys.quantities import axis_label

PANELS = {
    "order": r"order parameter $\langle |m| \rangle$",
    "susceptibility": r"susceptibility $\chi$",
    "binder": "Binder cumulant $U$",
    "relaxation_epoch_ensemble": "relaxation time\n(epochs)",
}
_FEWEST = 3
_MOST_CURVES = 12
"""In one panel, each with a name of its own."""
_HALF = 0.5
"""Order parameter at the boundary that is drawn."""


def has_control(learning: xr.Dataset) -> bool:
    """Whether order parameters over a scan, or over a grid of two keys, can be drawn."""
    if not set(PANELS) <= set(learning.data_vars) or "case" not in learning.dims:
        return False
    one = control(learning)
    return grid_of(learning) is not None or (one is not None and len(one[1]) >= _FEWEST)


def grid_of(data: xr.Dataset) -> tuple[str, str] | None:
    """The two keys of a sweep over a grid of numbers, or None."""
    keys = swept(data)
    if len(keys) != 2 or any(not np.issubdtype(v.dtype, np.number) for v in keys.values()):
        return None
    (first, a), (second, b) = keys.items()
    # lists in step have more pairs than cases; a case whose networks all diverged is missing
    cases = len(json.loads(data.attrs.get("cases", "[]"))) or data.sizes["case"]
    is_grid = data.sizes["case"] <= len(np.unique(a)) * len(np.unique(b)) <= cases
    return (first, second) if is_grid else None


def order_over_control(sources: Sources) -> Figure:
    """Order parameter, susceptibility, Binder cumulant and relaxation time over a sweep."""
    learning = with_cases(sources["learning"])
    keys = grid_of(learning)
    return _grid(learning, *keys) if keys is not None else _scan(learning)


def _by_size(learning: xr.Dataset) -> dict[str, xr.Dataset]:
    """The cases of every network, where its layers are swept besides a grid of two keys."""
    if "swept_layers" not in learning.coords:
        return {}
    layers = learning["swept_layers"].to_numpy().astype(str)
    found = {}
    for name in dict.fromkeys(layers):
        one = learning.isel(case=np.flatnonzero(layers == name)).drop_vars("swept_layers")
        found[name or "none"] = one.assign_attrs(cases=json.dumps(one["case"].to_numpy().tolist()))
    return found


def has_sizes(learning: xr.Dataset) -> bool:
    """Whether order parameters over a grid of two keys can be drawn for several networks."""
    if "share_dead" not in learning or "case" not in learning.dims or "order" not in learning:
        return False
    sizes = _by_size(learning)
    return len(sizes) > 1 and all(grid_of(one) is not None for one in sizes.values())


def phase_diagrams(sources: Sources) -> Figure:
    """Order parameter over a grid of two keys for networks of several sizes."""
    learning = with_cases(sources["learning"])
    sizes = _by_size(learning)
    first, second = grid_of(next(iter(sizes.values()))) or ("", "")
    figure, axes = subplots(
        len(sizes), 2, figsize=(PAGE, 0.9 + 2.3 * len(sizes)), sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    names = {"order": "all networks", "order_without_dead": "without dead and diverged"}
    for row, (layers, one) in zip(axes, sizes.items(), strict=True):
        grid = _on_grid(one, first, second)
        for ax, (name, said) in zip(row, names.items(), strict=True):
            shares = [n for n in grid if str(n).startswith("share_")] if name == "order" else []
            here = grid[[name, f"{name}_low", f"{name}_high", *shares]]
            here[name].attrs = grid["order"].attrs  # the title says of which networks
            phase_diagram(here, variable=name, boundary=_HALF, vmin=0, vmax=1, ax=ax,
                          replicas=learning.sizes["replica"])  # fmt: skip
            ax.set(xlabel="", ylabel="")
            ax.set_title(f"layers {layers}, {said}", fontsize="small")
    figure.supylabel(second.replace("_", " "), fontsize="medium")
    for ax in axes[-1]:  # a label of the figure would lie under the legend
        ax.set_xlabel(first.replace("_", " "))
    handles = class_handles(_on_grid(next(iter(sizes.values())), first, second))
    line = Line2D([], [], color=EXACT, label=f"$\\langle |m| \\rangle$ = {_HALF:g}, dotted: 95%")
    figure.legend(handles=[*handles, line], loc="outside lower center", ncols=len(handles) + 1)
    figure.suptitle(
        f"{_caption(learning)};\n$\\pm$: half of the 95% interval; empty: under 5 networks left",
        fontsize="small",
    )
    return figure


def _scan(learning: xr.Dataset) -> Figure:
    found = control(learning)
    assert found is not None
    name, values = found
    figure, axes = subplots(2, 2, figsize=(PAGE * 0.8, 4.0), sharex=True)
    axes[1, 1].set_yscale("log")
    scan(learning, panels=tuple(PANELS), control=f"swept_{name}", ax=axes)
    for ax, label in zip(axes.ravel(), PANELS.values(), strict=True):
        ax.set(xlabel="", ylabel=label)
    for ax in axes[1]:
        control_axis(ax, name, values)
    figure.suptitle(
        f"{_caption(learning)}; bands 95%\ndashed: all networks have the same $m$",
        fontsize="small",
    )
    return figure


def _grid(learning: xr.Dataset, first: str, second: str) -> Figure:
    grid = _on_grid(learning, first, second)
    figure, axes = subplots(2, 2, figsize=(PAGE, 6.4), sharex=True, sharey=True)
    for k, (ax, (name, label)) in enumerate(zip(axes.ravel(), PANELS.items(), strict=True)):
        shares = [n for n in grid if str(n).startswith("share_")] if k == 0 else []
        shown = [n for n in (name, f"{name}_low", f"{name}_high") if n in grid]
        here = grid[[*shown, *shares]]
        scale: dict[str, Any] = {}
        if name == "susceptibility":  # one cell may have all of the scale otherwise
            scale = {"vmax": float(here[name].quantile(0.9))}
        elif name == "relaxation_epoch_ensemble" and bool((here[name] > 0).any()):
            positive = here[name].where(here[name] > 0)
            scale = {"norm": LogNorm(float(positive.min()), float(positive.max()))}
        phase_diagram(here, variable=name, boundary=_HALF if name == "order" else None, ax=ax,
                      replicas=learning.sizes["replica"], **scale)  # fmt: skip
        ax.set(xlabel=first.replace("_", " ") if k > 1 else "",
               ylabel="" if k % 2 else second.replace("_", " "))  # fmt: skip
        figure.axes[-1].set_ylabel(label.replace("\n", " "))  # of the colour bar
    handles = class_handles(grid)
    line = Line2D([], [], color=EXACT, label=f"$\\langle |m| \\rangle$ = {_HALF:g}, dotted: 95%")
    figure.legend(handles=[*handles, line], loc="outside lower center", ncols=len(handles) + 1)
    figure.suptitle(
        f"{_caption(learning)}; \u00b1: half of the 95% interval; empty: no value",
        fontsize="small",
    )
    return figure


def _on_grid(learning: xr.Dataset, first: str, second: str) -> xr.Dataset:
    """Cases as rows and columns of two keys."""
    keys = swept(learning)
    wanted = [str(n) for n, v in learning.data_vars.items() if v.dims == ("case",)]
    placed = xr.Dataset({n: ("case", learning[n].to_numpy(), learning[n].attrs) for n in wanted})
    placed = placed.assign_coords({key: ("case", keys[key]) for key in (second, first)})
    found: xr.Dataset = placed.set_index(case=[second, first]).unstack("case")
    return found.transpose(second, first)


def _caption(learning: xr.Dataset) -> str:
    order = learning.attrs.get("order", "test accuracy above chance, divided by its maximum")
    return f"$m$: {order}; {learning.sizes['replica']} networks per point"


def test_error(sources: Sources) -> Figure:
    """Test error of every case against epochs, and the study's error level."""
    return _curves(sources, "test_error", level=float(sources["learning"].attrs["error"]))


def test_loss(sources: Sources) -> Figure:
    """Test loss of every case against epochs."""
    return _curves(sources, "test_loss")


def _curves(sources: Sources, name: str, level: float | None = None) -> Figure:
    """A curve of every case against epochs."""
    learning = with_cases(sources["learning"])
    figure, ax = subplots(figsize=(PAGE, 2.9))
    colours, labels = case_colours(learning), case_labels(learning)
    for k, (colour, label) in enumerate(zip(colours, labels, strict=True)):
        here = learning[[name]].isel(case=k).dropna("epoch", how="all")
        curve(ax, here, name, "epoch", color=colour, linewidth=1.0, label=label or "networks")
    if level is not None:
        ax.axhline(level, color=NULL, linewidth=0.8, linestyle="--", label=f"error {level:g}")
    epoch_axis(ax, int(learning["epoch"].max()))
    ax.set_ylabel(axis_label(learning[name]))
    ax.set_ylim(bottom=0)
    figure.legend(loc="outside right center", fontsize="small")
    figure.suptitle(
        f"median and middle 90% of {learning.sizes['replica']} networks", fontsize="small"
    )
    return figure


def _has_few_curves(learning: xr.Dataset, name: str = "test_error") -> bool:
    few = learning.sizes.get("case", 1) <= _MOST_CURVES
    return few and name in learning and bool(np.isfinite(learning[name]).any())


def _has_losses_alone(learning: xr.Dataset) -> bool:
    return not np.isfinite(learning["test_error"]).any() and _has_few_curves(learning, "test_loss")


def _seen(learning: xr.Dataset) -> str:
    reached = learning["error_epoch"]
    count = int(reached.notnull().sum())
    if not count:
        return f"No network reaches a test error of {learning.attrs['error']:g}."
    return (
        f"{count} of {reached.size} networks reach a test error of {learning.attrs['error']:g}, "
        f"the median one at epoch {float(reached.median()):.0f}."
    )


FIGURES = {
    "test_error": Entry(
        test_error,
        "Test error of every case against epochs, and the study's error level.",
        needs=("learning",),
        applies=_has_few_curves,
        seen=_seen,
    ),
    "test_loss": Entry(
        test_loss,
        "Test loss of every case against epochs, of tasks without labels.",
        needs=("learning",),
        applies=_has_losses_alone,
    ),
    "order_parameter": Entry(
        order_over_control,
        "Order parameter, susceptibility, Binder cumulant and relaxation time over a sweep.",
        needs=("learning",),
        applies=has_control,
    ),
    "order_diagram": Entry(
        phase_diagrams,
        "Order parameter over a grid of two keys for networks of several sizes, of all networks "
        "and of those that neither died nor diverged; shares of these at the foot of a cell.",
        needs=("learning",),
        applies=has_sizes,
    ),
}
