"""The cases of a sweep side by side: their names, colours and panels."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sgdphys.figures.colours import SEVERAL, ordered
from sgdphys.figures.style import PAGE, subplots, with_cases

_COLUMNS = 4
_WIDE = 20


def swept(data: xr.Dataset) -> dict[str, np.ndarray]:
    """Values of the swept keys that differ between cases, by key."""
    found = {
        str(name).removeprefix("swept_"): data[name].to_numpy()
        for name in data.coords
        if str(name).startswith("swept_")
    }
    return {name: values for name, values in found.items() if len(np.unique(values)) > 1}


def first_cases(most: int) -> Callable[[xr.Dataset], list[int]]:
    """A choice of cases: the first ones, at most this number."""
    return lambda data: list(range(min(data.sizes["case"], most)))


def control(data: xr.Dataset) -> tuple[str, np.ndarray] | None:
    """The one key that is swept over numbers, and its values; None where there is no such key."""
    keys = swept(data)
    if len(keys) != 1:
        return None
    name, values = next(iter(keys.items()))
    return (name, values.astype(float)) if np.issubdtype(values.dtype, np.number) else None


def control_axis(ax: Axes, name: str, values: np.ndarray) -> None:
    """Name a control parameter on an axis, logarithmic where it spans a factor of 20."""
    label = name.replace("_", " ")
    positive = values[values > 0]
    if (values >= 0).all() and positive.max() / positive.min() > _WIDE:
        if len(positive) == len(values):
            ax.set_xscale("log")
            label += " (logarithmic)"
        else:
            ax.set_xscale("symlog", linthresh=positive.min(), linscale=0.5)
            ax.set_xlim(-0.3 * positive.min(), 1.5 * positive.max())
            label += f" (logarithmic from {positive.min():g})"
    ax.set_xlabel(label)


def case_labels(data: xr.Dataset) -> list[str]:
    """Name of every case by what differs."""
    if "case" not in data.dims:
        return [""]
    if "case_label" in data.coords:  # of a sweep of which these are some cases
        return [str(label) for label in data["case_label"].to_numpy()]
    telling: dict[str, np.ndarray] = {}
    apart = 1
    for name, values in swept(data).items():
        tried = {**telling, name: values}
        now = len(set(zip(*tried.values(), strict=True)))
        if now > apart:  # of lists in step one may be a companion of another, and says nothing new
            telling, apart = tried, now
    if not telling:
        return [str(case) for case in data["case"].to_numpy()]
    for is_short in (True, False):
        labels = [
            ", ".join(_said(name, values[k], is_short=is_short) for name, values in telling.items())
            for k in range(data.sizes["case"])
        ]
        if len(set(labels)) == apart:
            break
    return labels


def _said(name: str, value: Any, *, is_short: bool) -> str:
    """A value with the name of its key, which words do without.

    In short a number has six digits, and of "module:function" the function is left.
    """
    words = name.replace("_", " ")
    if not isinstance(value, str):
        is_float = isinstance(value, float | np.floating)
        return f"{words} {value:g}" if is_float and is_short else f"{words} {value}"
    said = value.rpartition(":")[2] if is_short else value
    if not said:
        return f"no {words}"
    # a legend leaves out labels that begin with an underscore
    return f"{words} {said}" if said[0].isdigit() or said[0] == "_" else said


def case_colours(data: xr.Dataset) -> list[Any]:
    """A colour for every case: in order along a scale of numbers, otherwise distinct."""
    count = data.sizes.get("case", 1)
    if control(data) is None and count <= len(SEVERAL):
        return list(SEVERAL[:count])
    return ordered(count)


def panels(
    data: xr.Dataset, height: float = 1.75, **options: Any
) -> tuple[Figure, list[tuple[Any, xr.Dataset, str]]]:
    """A figure with a panel for each case, and each panel with its data and title.

    Parameters
    ----------
    data : Dataset
    height : float
        Of a row, inches.
    **options
        Passed to ``Figure.subplots``.
    """
    data = with_cases(data)
    count = data.sizes["case"]
    rows = -(-count // _COLUMNS)
    columns = -(-count // rows)
    figure, axes = subplots(
        rows, columns, figsize=(PAGE, 0.7 + height * rows), squeeze=False, **options
    )
    flat = list(axes.ravel())
    for k in range(count, len(flat)):
        flat[k].set_visible(False)
        flat[k - columns].xaxis.set_tick_params(labelbottom=True)  # it has nothing below it
    titles = case_labels(data)
    return figure, [
        (flat[k], data.isel(case=k, drop=True), titles[k].replace(", ", "\n")) for k in range(count)
    ]
