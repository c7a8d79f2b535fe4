"""A finished figure made ready for a journal: no titles, lettered panels, the journal's labels."""

import re

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text

from sgdphys.figures.presets import Preset, letter_panels, letters

_LOGARITHMIC = re.compile(
    r",?\s*\(?logarithmic(?: from [\d.e+-]+)?(?=\))\)?|\s*\(logarithmic[^)]*\)"
)
_WEIGHT = re.compile(r"weight(?:\$\^2\$|\*\*2)?")
_LETTER = {"STIXGeneral": 0.45, "DejaVu Sans": 0.55}
"""Width of a letter over its size, on average."""


def panels_of(figure: Figure) -> list[Axes]:
    """Panels of a figure that have data: no colour bars, no second axes of a panel."""
    found: list[Axes] = []
    for ax in figure.axes:
        is_bar = ax.get_label() == "<colorbar>"
        is_second = any(_is_twin(ax, other) for other in found)
        if ax.get_visible() and ax.axison and not is_bar and not is_second:
            found.append(ax)
    return found


def _is_twin(ax: Axes, other: Axes) -> bool:
    spec = ax.get_subplotspec()
    return spec is not None and spec == other.get_subplotspec()


def words_of(figure: Figure) -> str:
    """What the titles of a figure say, as a caption says it."""
    panels = panels_of(figure)
    said = [(letters(k), _one_line(ax.get_title())) for k, ax in enumerate(panels)]
    named = [f"({letter}) {words}" if len(panels) > 1 else words for letter, words in said if words]
    parts = [_one_line(figure.get_suptitle()), *named]
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def _one_line(text: str) -> str:
    return "; ".join(line.strip(" ;") for line in text.split("\n") if line.strip(" ;"))


def prepare(figure: Figure, preset: Preset) -> None:
    """Make a figure what a preset says; its titles are left to the caption.

    What must be seen on the figure itself is the label of its title.
    """
    over = figure.suptitle(figure.get_suptitle())
    over.set_text(str(over.get_label()))
    over.set_in_layout(bool(over.get_text()))
    over.set_fontsize(0.7 * preset.font)
    panels = panels_of(figure)
    _label_lowest(panels, figure)
    for ax in panels:
        ax.set_title("")
    letter_panels(panels)
    _label_stacked(panels, figure)
    for text in _labels(figure):
        text.set_text(journal_label(text.get_text()))
    if preset.scale > 1:
        _scale_lines(figure, preset.scale)
    for legend in list(figure.legends):
        _place(legend, figure, preset)


def journal_label(label: str) -> str:
    """Label of an axis without what its ticks show, and without the unit of a weight, which is 1.

    Examples
    --------
    >>> journal_label("relaxation time (epochs, logarithmic)")
    'relaxation time (epochs)'
    >>> journal_label("weight norm (weight)"), journal_label("$D$ (weight$^2$/update)")
    ('weight norm', '$D$ (1/update)')
    """
    label = _LOGARITHMIC.sub(lambda found: ")" if found[0].startswith(",") else "", label)
    opened, bracket, unit = label.rpartition("(")
    if not bracket or not unit.endswith(")") or not _WEIGHT.search(unit):
        return label
    top, *below = (_WEIGHT.sub("", side).strip("* ") for side in unit[:-1].split("/"))
    below = [side for side in below if side]
    if not top and not below:
        return opened.rstrip()
    return f"{opened}({'/'.join([top or '1', *below])})"


def _labels(figure: Figure) -> list[Text]:
    found = [label for ax in figure.axes for label in (ax.xaxis.label, ax.yaxis.label)]
    over = (getattr(figure, f"_sup{of}label", None) for of in "xy")
    return [*found, *(text for text in over if text is not None)]


def _label_lowest(panels: list[Axes], figure: Figure) -> None:
    """Give a label of the whole figure to its lowest panels, which leave room for a legend."""
    over = getattr(figure, "_supxlabel", None)
    if over is None or not over.get_text():
        return
    text = over.get_text()
    over.set_text("")
    over.set_in_layout(False)
    for ax in panels:
        spec = ax.get_subplotspec()
        if spec is None or spec.is_last_row():
            ax.set_xlabel(text)


def _label_stacked(panels: list[Axes], figure: Figure) -> None:
    """Give panels that stood beside one with the same y axis its label."""
    if not panels or getattr(figure, "_supylabel", None) is not None:
        return
    first = panels[0]
    for ax in panels[1:]:
        spec = ax.get_subplotspec()
        at_left = spec is None or spec.is_first_col()
        if at_left and not ax.get_ylabel() and ax.get_shared_y_axes().joined(ax, first):
            ax.set_ylabel(first.get_ylabel())


def _scale_lines(figure: Figure, scale: float) -> None:
    """Lines and markers in proportion to the lettering."""
    for ax in figure.axes:
        for line in ax.lines:
            line.set_linewidth(scale * line.get_linewidth())
            line.set_markersize(scale * line.get_markersize())
        for several in ax.collections:
            several.set_linewidth([scale * w for w in np.atleast_1d(several.get_linewidth())])
            if isinstance(several, PathCollection):
                several.set_sizes(scale**2 * several.get_sizes())


def _place(legend: Legend, figure: Figure, preset: Preset) -> None:
    """A legend below the panels, in as many columns as there is room for, where they are narrow."""
    texts = [text.get_text() for text in legend.get_texts()]
    handles = [handle for handle in legend.legend_handles if handle is not None]
    if len(handles) != len(texts) or not (preset.is_narrow or preset.scale > 1):
        return
    size = float(legend.get_texts()[0].get_fontsize())
    longest = max(len(line) for text in texts for line in text.split("\n"))
    width = size * (_LETTER[preset.family] * longest + 3.5) / 72
    columns = int(np.clip(figure.get_figwidth() / width, 1, len(texts)))
    legend.remove()
    figure.legend(handles, texts, loc="outside lower center", ncols=columns)
    lines = max(text.count("\n") + 1 for text in texts)
    if preset.size is None:
        rows = -(-len(texts) // columns)
        figure.set_figheight(figure.get_figheight() + rows * lines * 1.25 * size / 72)
