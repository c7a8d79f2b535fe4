"""How the layers of a network are told apart: colour, marker and label, alike on every figure."""

from collections.abc import Collection
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.figures.colours import OUTPUT, of_layers

_MARKERS = "os^Dv<>pPX"
_BETWEEN = 0.12
"""From marker to marker along a curve, as a fraction of the axes' diagonal."""


def layer_styles(layers: np.ndarray) -> list[tuple[int, Any, str]]:
    """Number, colour and label of each layer, the same on every figure.

    Parameters
    ----------
    layers : int (layer,)
        1 to L. Hidden ones go from dark to bright; the output, the last, has a colour of its own.
    """
    last = len(layers) - 1
    colours = of_layers(last)
    return [
        (int(n), OUTPUT, f"layer {n} (output)") if k == last else
        (int(n), colours[k], f"layer {n}")
        for k, n in enumerate(layers)
    ]  # fmt: skip


def layer_marker(layer: int) -> str:
    """Marker of a layer, counted from 1: tells layers apart without colour."""
    return _MARKERS[(layer - 1) % len(_MARKERS)]


def finite_layers(data: xr.Dataset, name: str) -> list[int]:
    """Numbers of the layers of which a variable holds anything finite, in any case of a sweep."""
    values = data[name]
    flat = values.transpose("layer", ...).to_numpy().reshape(values.sizes["layer"], -1)
    return [int(n) for n in numbers_of_layers(data)[np.isfinite(flat).any(axis=1)]]


def numbers_of_layers(data: xr.Dataset) -> np.ndarray:
    """Numbers of the layers: the coordinate, or 1 to L where there is none."""
    if "layer" in data.coords:
        return np.atleast_1d(data["layer"].to_numpy())
    return np.arange(1, data.sizes["layer"] + 1)


def layers_of(
    data: xr.Dataset, name: str, *, has_line: bool = True
) -> list[tuple[xr.Dataset, dict[str, Any]]]:
    """Split a result into its layers, each with the options of its artist.

    Parameters
    ----------
    data : Dataset
        Without a dimension ``layer`` it is one whole, with no options.
    name : str
        Layers of which this variable holds nothing finite are left out. The last one left is the
        output, but of an estimator that reads none.
    has_line : bool
        Whether markers stand on a line, at distances along it.
    """
    if "layer" not in data.dims:
        return [(data, {})]
    numbers, kept = numbers_of_layers(data), finite_layers(data, name)
    styles = {n: (colour, label) for n, colour, label in layer_styles(numbers)}
    if kept and data.attrs.get("estimator") != "noisy":  # which reads no output
        styles[kept[-1]] = (OUTPUT, f"layer {kept[-1]} (output)")
    along = {"markevery": _BETWEEN} if has_line else {}
    return [
        (
            data.isel(layer=int(np.flatnonzero(numbers == n)[0])),
            {"color": styles[n][0], "label": styles[n][1], "marker": layer_marker(n), **along},
        )
        for n in kept
    ]


def layers_legend(
    figure: Figure,
    layers: np.ndarray,
    *extra: Line2D,
    shown: Collection[int] | None = None,
    **line: Any,
) -> None:
    """Legend beside the panels: every layer in its colour and marker, then further handles.

    Parameters
    ----------
    figure : Figure
    layers : int (layer,)
    *extra : Line2D
    shown : collection of int, optional
        Layers that have a handle; all by default.
    **line
        How a layer's handle is drawn apart from its colour.
    """
    handles = [
        Line2D([], [], **{"color": colour, "label": label, "marker": layer_marker(number),
                          "ms": 3} | line)
        for number, colour, label in layer_styles(layers)
        if shown is None or number in shown
    ]  # fmt: skip
    figure.legend(handles=[*handles, *extra], loc="outside right center")
