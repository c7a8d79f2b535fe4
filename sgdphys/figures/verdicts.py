"""Every claim with its interval, seen from its threshold."""

import re
from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.figures.style import EXACT, NULL, PAGE

Sources = Mapping[str, xr.Dataset]
COLOURS = {
    "supported": "#0072B2",
    "not supported": "#D55E00",
    "inconclusive": "#8C8C8C",
    "no data": "#BBBBBB",
}
_MARKERS = {"supported": "o", "not supported": "s", "inconclusive": "D", "no data": "x"}
_ROW, _WIDE = 0.30, 58
_WORDS = re.compile(r"(?:\$[^$]*\$|\S)+")
"""What stays on one line: between spaces, a formula with its spaces."""


def _wrapped(text: str, width: int) -> str:
    words, lines = _WORDS.findall(text), [""]
    for word in words:
        if len(lines[-1]) + len(word) + 1 > width and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines[:2]) + ("..." if len(lines) > 2 else "")


def from_threshold(
    above: float, below: float, low: float, value: float, high: float
) -> tuple[float, float, float]:
    """Low end, value and high end as distances into a claim's side of its threshold.

    A threshold that is NaN is none. Of two the nearer one counts, and the interval reaches as far
    in as its place that is nearest to the middle.
    """

    def inside(at: float) -> float:
        return float(np.fmin(at - above, below - at))

    middle = (above + below) / 2
    best = inside(float(np.clip(middle, low, high)))
    if np.isnan(middle):
        best = float(np.maximum(inside(low), inside(high)))
    return float(np.minimum(inside(low), inside(high))), inside(value), best


def forest(sources: Sources) -> Figure:
    """Verdicts: each interval from its threshold, in units of the farther end."""
    data = sources["verdicts"]
    names = [str(c) for c in data["claim"].to_numpy()]
    headings: dict[int, str] = {}  # of the parts of a study of studies, each before its first claim
    for k, name in enumerate(names):
        part = name.rpartition("/")[0]
        if part and part not in headings.values():
            headings[k] = part
    places = np.arange(len(names)) + np.cumsum([k in headings for k in range(len(names))])
    rows = int(places[-1]) + 1
    figure, ax = plt.subplots(figsize=(PAGE, 0.9 + _ROW * rows))
    ax.axvspan(0, 1.12, color="#0072B2", alpha=0.07, linewidth=0)
    ax.axvline(0, color=EXACT, linewidth=0.8)
    labels = []
    for k, y in enumerate(places):
        row = data.isel(claim=k)
        word = str(row["word"].item())
        value, low, high = (float(row[n]) for n in ("value", "low", "high"))
        labels.append(_wrapped(str(row["says"].item()), _WIDE))
        said = word
        if np.isfinite(value):
            above, below = float(row["above"]), float(row["below"])
            ends = np.array(from_threshold(above, below, low, value, high))
            scale = np.nanmax(np.abs(ends)) or 1.0
            ax.plot(ends[[0, 2]] / scale, [y, y], color=COLOURS[word], linewidth=1.4)
            ax.plot(ends[1] / scale, y, _MARKERS[word], color=COLOURS[word], markersize=3.5)
            said = f"{value:.3g} [{low:.3g}, {high:.3g}], {row['rule'].item()}: {word}"
        ax.text(1.15, y, said, va="center", fontsize=5.5)
        if k in headings:
            words = headings[k].replace("_", " ")
            ax.text(-1.12, y - 0.85, words, va="center", fontsize=6.5, fontweight="bold")
    ax.set_ylim(rows - 0.4, -0.6)
    ax.set_xlim(-1.12, 1.12)
    ax.set_yticks(places, labels, fontsize=5.5)
    ax.set_xticks([-0.56, 0, 0.56], ["against\nthe claim", "threshold", "for\nthe claim"])
    ax.grid(visible=False)
    handles = [
        Line2D([], [], color=colour, marker=_MARKERS[word], markersize=3.5, label=word)
        for word, colour in COLOURS.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    ax.tick_params(axis="both", length=0)
    ax.hlines(places[:-1] + 0.5, -1.12, 1.12, color=NULL, linewidth=0.2)
    return figure
