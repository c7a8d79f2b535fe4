"""How all figures look: sizes, lettering, and colours that mean something."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogFormatter,
    LogFormatterSciNotation,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
    ScalarFormatter,
)

from sgdphys.figures.colours import DATA as DATA
from sgdphys.figures.colours import EXACT as EXACT
from sgdphys.figures.colours import FIT as FIT
from sgdphys.figures.colours import NULL as NULL
from sgdphys.figures.colours import TEST as TEST
from sgdphys.figures.presets import current, own_style, use

PAGE = 7.2
"""Width of a journal's page, inches."""

SHEET: Any = {
    "figure.dpi": 150,
    "savefig.dpi": 300,
    "figure.constrained_layout.use": True,
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 3,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "sgdphys",
    "pdf.fonttype": 42,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.5,
}


@contextmanager
def sheet(style: str | None = None, size: tuple[float, float] | None = None) -> Iterator[None]:
    """Draw in the house style or a preset, whatever the user's own settings.

    Parameters
    ----------
    style : str, optional
        One of ``presets.PRESETS``.
    size : (float, float), optional
        Of a figure in that style, inches.
    """
    with own_style(), mpl.rc_context():
        mpl.rcdefaults()
        if style is None:
            mpl.rcParams.update(SHEET)
            yield
            return
        with use(style, size=size):
            yield


def subplots(
    rows: int = 1, columns: int = 1, *, figsize: tuple[float, float], **options: Any
) -> tuple[Figure, Any]:
    """Make a figure and its axes without ``pyplot``, whose backend is the user's.

    Parameters
    ----------
    rows, columns : int
    figsize : (float, float)
        Inches; that of the preset where one is in use, which may put the panels of a row in
        several.
    **options
        Passed to ``Figure.subplots``.
    """
    preset = current()
    if preset is None:
        figure = Figure(figsize=figsize)
        FigureCanvasAgg(figure)
        return figure, figure.subplots(rows, columns, **options)
    stands = preset.columns(columns) if rows == 1 or preset.size is None else columns
    lines = -(-rows * columns // stands)
    figure = Figure(figsize=preset.figsize(lines, stands))
    FigureCanvasAgg(figure)
    if stands == columns:
        return figure, figure.subplots(rows, columns, **options)
    return figure, _stacked(figure, (lines, stands), (rows, columns), options)


def _stacked(
    figure: Figure, stand: tuple[int, int], belong: tuple[int, int], options: dict[str, Any]
) -> np.ndarray:
    """Panels in fewer columns than they belong in, as an array of the rows where they belong."""
    means_all = (True, "all", "row") if belong[0] == 1 else (True, "all")
    shared: dict[str, Any] = {name: options.get(name) in means_all for name in ("sharex", "sharey")}
    drawn = np.ravel(figure.subplots(*stand, squeeze=False, **shared))
    panels = belong[0] * belong[1]
    for spare in drawn[panels:]:
        spare.remove()
    for above in drawn[panels - stand[1] : panels]:  # some have nothing below them
        above.xaxis.set_tick_params(labelbottom=True)
    kept = drawn[:panels].reshape(belong)
    return kept[0] if options.get("squeeze", True) and belong[0] == 1 else kept


def with_cases(data: xr.Dataset) -> xr.Dataset:
    """Load an analysis, with a dimension of cases: one where the run is no sweep."""
    data = data.load()
    return data if "case" in data.dims else data.expand_dims(case=[""])


def field_values(ax: Axes, table: np.ndarray, is_bright: np.ndarray) -> None:
    """Write each value of an image into its field, dark on bright and bright on dark.

    Parameters
    ----------
    ax : Axes
    table, is_bright : (row, column)
    """
    size = "small" if table.size <= 20 else "x-small"
    for (row, column), value in np.ndenumerate(table):
        if np.isfinite(value):
            colour = "black" if is_bright[row, column] else "white"
            text = f"{value:.0f}" if value >= 99.5 else f"{value:.2g}"
            ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)


_LONG = 60
"""Characters from which words in place of data are printed small."""
_FILLED, _OF_LETTER = 0.9, 0.55
"""Share of a panel's width that they fill; width of a letter, in units of the size of its font."""


def in_place_of_data(ax: Axes, words: str) -> None:
    """Say in an empty panel why it is empty, in lines that fit into it."""
    size = FontProperties(size="medium" if len(words) < _LONG else "small").get_size_in_points()
    points = 72 * ax.get_window_extent().width / ax.figure.dpi
    width = max(int(_FILLED * points / (_OF_LETTER * size)), 12)
    lines = [line for part in words.split("\n") for line in textwrap.wrap(part, width)]
    ax.text(0.5, 0.5, "\n".join(lines), transform=ax.transAxes, ha="center", va="center",
            color=NULL, fontsize=size)  # fmt: skip
    if not ax.has_data():  # of these axes alone: others may share their ticks
        ax.tick_params(which="both", length=0, labelbottom=False, labelleft=False)


_MARGIN = 1.1
"""Right end of an axis of epochs, in units of the last one."""


def epoch_axis(ax: Axes, last: int, label: str = "epoch") -> None:
    """Logarithmic epochs that show epoch 0, on a linear stretch up to epoch 1."""
    if ax.get_xscale() == "symlog":  # of the same axes before
        last = max(last, round(ax.get_xlim()[1] / _MARGIN))
    ax.set_xscale("symlog", linthresh=1, linscale=0.3)
    ax.set_xlim(-0.05, max(last, 1) * _MARGIN)
    decades = [10**k for k in range(len(str(max(last, 1))))]
    ax.set_xticks([0, *decades], ["0", *(_power(d) for d in decades)])
    minor = [m * d for d in decades for m in range(2, 10) if m * d <= last]
    ax.set_xticks(minor, minor=True)
    ax.set_xlabel(label)


def _power(value: int) -> str:
    exponent = len(str(value)) - 1
    return str(value) if value < 1000 else f"$10^{exponent}$"


def few_decades(axis: Axis) -> None:
    """Label 1, 2 and 5 of every decade of a logarithmic axis that spans about one."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    powers = LogFormatterSciNotation(minor_thresholds=(np.inf, np.inf))
    powers.set_axis(axis)
    axis.set_major_formatter(
        FuncFormatter(lambda v, k: f"{v:g}" if 0.01 <= v < 10_000 else powers(v, k))
    )
    axis.set_minor_formatter(NullFormatter())


def separate_ticks(figure: Figure) -> None:
    """Label few ticks of every logarithmic axis, so that no label lies on the next one."""
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            is_plain = isinstance(axis.get_minor_formatter(), LogFormatter) and isinstance(
                axis.get_major_locator(), LogLocator
            )
            if axis.get_scale() != "log" or not is_plain:
                continue
            low, high = sorted(np.log10(np.abs(axis.get_view_interval())))
            powers = np.arange(np.floor(low), np.ceil(high) + 1)
            inside = [v for p in powers for v in p + np.log10([1, 2, 5]) if low <= v <= high]
            if np.floor(high) - np.ceil(low) >= 1:  # at least two powers of ten are labelled
                axis.set_minor_formatter(NullFormatter())
            elif len(inside) > 1:
                few_decades(axis)
            else:  # as on a linear axis
                axis.set_major_locator(MaxNLocator(3))
                axis.set_major_formatter(ScalarFormatter())
                axis.set_minor_locator(NullLocator())


def say_logarithmic(figure: Figure) -> None:
    """Have the label of every logarithmic axis say so, unless the figure's title does."""
    if "logarithmic" in figure.get_suptitle():
        return
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            label = axis.get_label_text()
            if label and axis.get_scale() in ("log", "symlog") and "logarithmic" not in label:
                word = "logarithmic"
                if axis.get_scale() == "symlog":
                    word += f" from {getattr(axis.get_transform(), 'linthresh', 1):g}"
                within = re.fullmatch(r"(.*[ \n]\(.*)\)", label, re.DOTALL)
                said = f"{within[1]}, {word})" if within else f"{label} ({word})"
                axis.set_label_text(said)


def share_axes(figures: Sequence[Figure]) -> None:
    """Give panels at the same place of several figures the same limits, where they are alike."""
    if len({len(figure.axes) for figure in figures}) != 1:
        return
    for panels in zip(*(figure.axes for figure in figures), strict=True):
        if not any(ax.images for ax in panels):
            for of in ("x", "y"):
                _share(panels, of)


def _share(panels: Sequence[Axes], of: str) -> None:
    axes: list[Axis] = [getattr(ax, f"{of}axis") for ax in panels]
    labels = {axis.get_label_text() for axis in axes}
    if len({axis.get_scale() for axis in axes}) > 1 or len(labels) > 1:
        return
    fixed = [isinstance(axis.get_major_locator(), FixedLocator) for axis in axes]
    texts = [[t.get_text() for t in axis.get_ticklabels()] for axis in axes]
    longest = max(range(len(axes)), key=lambda k: len(texts[k]))
    if any(fixed):
        # decades go on where another's end; names of cases do not
        if not all(fixed) or any(t != texts[longest][: len(t)] for t in texts):
            return
        ticks, minor = (axes[longest].get_ticklocs(minor=m) for m in (False, True))
        for axis in axes:
            axis.set_ticks(ticks, texts[longest])
            axis.set_ticks(minor, minor=True)
    ends = [getattr(ax, f"get_{of}lim")() for ax in panels]
    low, high = min(map(min, ends)), max(map(max, ends))
    for ax, (first, last) in zip(panels, ends, strict=True):
        getattr(ax, f"set_{of}lim")(*((low, high) if first <= last else (high, low)))
