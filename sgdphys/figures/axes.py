"""Where a figure function draws: on axes that are given, or on a new figure in the user's style."""

from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cbook import normalize_kwargs
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys import quantities
from sgdphys.errors import InputError
from sgdphys.figures.for_print import journal_label
from sgdphys.figures.presets import current, letter_panels

_MOST_INSIDE = 6
"""Entries of a legend within a panel."""
_ABOVE = 0.1
"""Room for a panel's letter below a legend, in units of its height."""


def one_axes(ax: Axes | None) -> tuple[Axes, bool]:
    """Return the axes that are given, or those of a new figure; and whether they are new."""
    if ax is not None:
        if not isinstance(ax, Axes):
            raise InputError("ax holds several axes, and this figure is drawn on one; choose one")
        return ax, False
    from matplotlib import pyplot as plt  # a backend is chosen only where a figure is asked for

    return plt.subplots()[1], True


def axis_label(variable: xr.DataArray) -> str:
    """Label of an axis from a variable's attributes, as the preset in use wants it."""
    label = quantities.axis_label(variable)
    return label if current() is None else journal_label(label)


def names_of(panels: str | Sequence[str]) -> list[str]:
    """Return the names of the panels that are asked for."""
    return [panels] if isinstance(panels, str) else list(panels)


def axes_of(
    ax: Axes | Iterable[Axes] | None, panels: str | Sequence[str], columns: int | None = None
) -> tuple[list[Axes], list[str], bool]:
    """Return axes for every panel, the panels' names, and whether the axes are new.

    Parameters
    ----------
    ax : Axes, array of Axes or None
        As many as there are panels; new ones have the size of ``figure.figsize`` each.
    panels : str or sequence of str
    columns : int, optional
        Of new axes; all panels in one row by default.

    Raises
    ------
    InputError
        For another number of axes than panels.
    """
    names = names_of(panels)
    if ax is not None:
        given = [ax] if isinstance(ax, Axes) else list(np.asarray(ax, dtype=object).ravel())
        if len(given) != len(names):
            raise InputError(
                f"ax has {len(given)} axes and there are {len(names)} panels: {', '.join(names)}; "
                "give one axes per panel, or name fewer panels="
            )
        return given, names, False
    from matplotlib import pyplot as plt

    preset = current()
    columns = columns or len(names)
    if preset is not None:
        columns = min(columns, preset.columns(len(names)))
    rows = -(-len(names) // columns)
    width, height = mpl.rcParams["figure.figsize"]
    size = (columns * width, rows * height) if preset is None else preset.figsize(rows, columns)
    layout = None if mpl.rcParams["figure.autolayout"] or len(names) == 1 else "constrained"
    _, drawn = plt.subplots(rows, columns, figsize=size, squeeze=False, layout=layout)
    new = list(drawn.ravel())
    for spare in new[len(names) :]:
        spare.remove()
    if preset is not None:
        letter_panels(new[: len(names)])
    return new[: len(names)], names, True


def returned(axes: Sequence[Axes], panels: str | Sequence[str]) -> Any:
    """Return the axes of one panel, or an array of those of several."""
    return axes[0] if isinstance(panels, str) else np.array(axes, dtype=object)


def legend_of_new(ax: Axes, is_new: bool) -> None:
    """Give axes of a new figure a legend; on axes of the user's, the user decides.

    One of many entries stands above the panel, where it covers no curve.
    """
    count = len(ax.get_legend_handles_labels()[0]) if is_new else 0
    if count > _MOST_INSIDE:
        if figure_of(ax).get_layout_engine() is None:
            figure_of(ax).set_layout_engine("constrained")  # which makes room above
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0 + _ABOVE), ncols=2, borderaxespad=0)
    elif count:
        ax.legend()


def options(given: dict[str, Any], artist: type = Line2D, **defaults: Any) -> dict[str, Any]:
    """Join the user's options of an artist to a function's own, which yield to them."""
    named = normalize_kwargs(given, artist)
    return {k: v for k, v in defaults.items() if k not in named} | named


def figure_of(ax: Axes) -> Figure:
    """Return the figure that axes stand on."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure
