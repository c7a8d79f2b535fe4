"""Test errors, and learning as a phase transition: order and its fluctuations over a sweep."""

import json

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_colours, case_labels, control, control_axis, swept
from sgdphys.figures.plots.order_parameter import order_parameter
from sgdphys.figures.style import NULL, PAGE, epoch_axis, field_values, subplots, with_cases
from sgdphys.quantities import axis_label

PANELS = {
    "order": "order parameter $\\langle m\\rangle$",
    "susceptibility": "susceptibility $\\chi$",
    "binder": "Binder cumulant $U$",
    "relaxation_epoch_ensemble": "relaxation time\n(epochs)",
}
_FEWEST = 3
_MOST_CURVES = 12
"""In one panel, each with a name of its own."""
_CAPTION = "$m$: test accuracy above chance, divided by its maximum; {} networks per point"


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


def _scan(learning: xr.Dataset) -> Figure:
    found = control(learning)
    assert found is not None
    name, values = found
    figure, axes = subplots(2, 2, figsize=(PAGE * 0.8, 4.0), sharex=True)
    order_parameter(learning, panels=tuple(PANELS), control=f"swept_{name}", ax=axes)
    for ax, label in zip(axes.ravel(), PANELS.values(), strict=True):
        ax.set(xlabel="", ylabel=label)
    axes[1, 1].set_yscale("log")
    for ax in axes[1]:
        control_axis(ax, name, values)
    figure.suptitle(
        f"{_CAPTION.format(learning.sizes['replica'])}; bands 95%\n"
        "dashed: all networks have the same $m$",
        fontsize="small",
    )
    return figure


def _grid(learning: xr.Dataset, first: str, second: str) -> Figure:
    keys = swept(learning)
    x, y = np.unique(keys[first]), np.unique(keys[second])
    figure, axes = subplots(2, 2, figsize=(PAGE, 5.0), sharex=True, sharey=True)
    for ax, (variable, label) in zip(axes.ravel(), PANELS.items(), strict=True):
        table = np.full((len(y), len(x)), np.nan)
        at = np.searchsorted(y, keys[second]), np.searchsorted(x, keys[first])
        table[at] = learning[variable].to_numpy()
        is_log = variable == "relaxation_epoch_ensemble"
        shown = np.log10(np.maximum(table, 1)) if is_log else table
        image = ax.imshow(shown, origin="lower", aspect="auto", cmap="viridis")
        field_values(ax, table, shown > (np.nanmin(shown) + np.nanmax(shown)) / 2)
        ax.set_xticks(range(len(x)), [f"{v:g}" for v in x])
        ax.set_yticks(range(len(y)), [f"{v:g}" for v in y])
        ax.grid(visible=False)
        ax.set_title(label.replace("\n", " ") + "; colour: logarithm" * is_log, fontsize="small")
        image.set_clim(np.nanmin(shown), max(np.nanmax(shown), np.nanmin(shown) + 1e-9))
    figure.supylabel(second.replace("_", " "), fontsize="medium")
    figure.supxlabel(first.replace("_", " "), fontsize="medium")
    figure.suptitle(
        f"{_CAPTION.format(learning.sizes['replica'])}; empty: every network diverged",
        fontsize="small",
    )
    return figure


def test_error(sources: Sources) -> Figure:
    """Test error of every case against epochs, and the study's error level."""
    learning = with_cases(sources["learning"])
    figure, ax = subplots(figsize=(PAGE, 2.9))
    colours, labels = case_colours(learning), case_labels(learning)
    for k, (colour, label) in enumerate(zip(colours, labels, strict=True)):
        curve = learning["test_error"].isel(case=k).dropna("epoch")
        ax.plot(
            curve["epoch"], curve, color=colour, linewidth=1.0,
            label=label or "networks",
        )  # fmt: skip
    level = learning.attrs["error"]
    ax.axhline(level, color=NULL, linewidth=0.8, linestyle="--", label=f"error {level:g}")
    epoch_axis(ax, int(learning["epoch"].max()))
    ax.set_ylabel(axis_label(learning["test_error"]))
    ax.set_ylim(bottom=0)
    figure.legend(loc="outside right center", fontsize="small")
    figure.suptitle(f"mean of {learning.sizes['replica']} networks", fontsize="small")
    return figure


def _has_few_curves(learning: xr.Dataset) -> bool:
    few = learning.sizes.get("case", 1) <= _MOST_CURVES
    return few and bool(np.isfinite(learning["test_error"]).any())


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
    "order_parameter": Entry(
        order_over_control,
        "Order parameter, susceptibility, Binder cumulant and relaxation time over a sweep.",
        needs=("learning",),
        applies=has_control,
    ),
}
