"""Every claim with its interval, seen from its threshold: a forest plot."""

import re
from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from sgdphys.containers import require_kind
from sgdphys.errors import InputError
from sgdphys.figures.axes import figure_of, options
from sgdphys.figures.checks import checked_figure
from sgdphys.figures.presets import current
from sgdphys.figures.style import EXACT, NULL, TEST
from sgdphys.quantities import estimate_text

COLOURS = {
    "supported": "#0072B2",
    "not supported": "#D55E00",
    "inconclusive": NULL,
    "no data": "#5A5A5A",
    "not judged": TEST,
}
_MARKERS = {"supported": "o", "not supported": "s", "inconclusive": "D", "no data": "x",
            "not judged": "v"}  # fmt: skip
_ROW, _NARROW_ROW = 0.30, 0.40
"""Inches of a claim at a font size of 8 points: its words beside the interval, or around it."""
_WIDE, _NARROW_WIDE = 58, 66
"""Letters in a line of words, beside the interval and around it."""
_EDGE = 1.12
_HOLLOW = "hollow: exploratory, or written after"
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
    in as its point that is nearest to the middle.
    """

    def inside(at: float) -> float:
        return float(np.fmin(at - above, below - at))

    middle = (above + below) / 2
    best = inside(float(np.clip(middle, low, high)))
    if np.isnan(middle):
        best = float(np.maximum(inside(low), inside(high)))
    return float(np.minimum(inside(low), inside(high))), inside(value), best


def height_of(rows: int) -> float:
    """Inches of a figure of so many claims and headings, in the style that is set."""
    each = _NARROW_ROW if _is_narrow() else _ROW
    return (3 * _ROW + each * rows) * float(mpl.rcParams["font.size"]) / 8


def _is_narrow() -> bool:
    """Whether the style leaves no room for words beside the intervals."""
    preset = current()
    return preset is not None and preset.is_narrow


@checked_figure()
def verdicts(result: Any, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
    """Draw the verdicts on claims: each interval from its threshold, in its own units.

    Parameters
    ----------
    result : list of Verdict, or Dataset
        ``Run.verdicts``, or the same along ``claim``. An interval is scaled so that its farther end
        is one unit away from the threshold: rows are not comparable with each other.
    ax : Axes, optional
        A new figure by default, as tall as there are claims, with a legend.
    **kwargs
        Passed to ``Axes.plot``, for the points.

    Returns
    -------
    Axes

    See Also
    --------
    sgdphys.Run : A run, with its verdicts.

    Examples
    --------
    >>> import xarray as xr, sgdphys as sp
    >>> row = {"says": "it slows down", "value": 1.0, "low": 0.9, "high": 1.1, "above": 0.5,
    ...        "below": float("nan"), "rule": "above 0.5", "word": "supported"}
    >>> result = xr.Dataset({n: ("claim", [v]) for n, v in row.items()}, {"claim": ["slow"]})
    >>> ax = sp.figures.verdicts(result)
    >>> ax.get_yticklabels()[0].get_text()
    'it slows down'
    """
    data = _as_dataset(result)
    names = [str(c) for c in data["claim"].to_numpy()]
    headings: dict[int, str] = {}  # of the parts of a study of studies, each before its first claim
    for k, name in enumerate(names):
        part = name.rpartition("/")[0]
        if part and part not in headings.values():
            headings[k] = part
    places = np.arange(len(names)) + np.cumsum([k in headings for k in range(len(names))])
    rows = int(places[-1]) + 1
    is_new = ax is None
    if ax is None:
        from matplotlib import pyplot as plt

        width = mpl.rcParams["figure.figsize"][0] * (1.0 if _is_narrow() else 1.6)
        _, ax = plt.subplots(figsize=(width, height_of(rows)), layout="constrained")
    ax.axvspan(0, _EDGE, color="#0072B2", alpha=0.07, linewidth=0)
    ax.axvline(0, color=EXACT, linewidth=0.8)
    for k, y in enumerate(places):
        _row(ax, data.isel(claim=k), y, kwargs)
        if k in headings:
            words = headings[k].replace("_", " ")
            ax.text(-_EDGE, y - 0.85, words, va="center", fontsize="small", fontweight="bold")
    ax.set_ylim(rows - 0.4, -0.6)
    ax.set_xlim(-_EDGE, _EDGE)
    if _is_narrow():
        ax.set_yticks([])
        for y, says in zip(places, data["says"].to_numpy(), strict=True):
            ax.text(-_EDGE + 0.03, y - 0.1, _wrapped(str(says), _NARROW_WIDE), va="bottom",
                    fontsize="x-small")  # fmt: skip
    else:
        labels = [_wrapped(str(says), _WIDE) for says in data["says"].to_numpy()]
        ax.set_yticks(places, labels, fontsize="x-small")
    ax.set_xticks([-0.56, 0, 0.56], ["against\nthe claim", "threshold", "for\nthe claim"])
    ax.grid(visible=False)
    ax.tick_params(axis="both", length=0)
    ax.hlines(places[:-1] + 0.5, -_EDGE, _EDGE, color=NULL, linewidth=0.2)
    if is_new:
        words_legend(ax, data)
    return ax


def words_legend(ax: Axes, data: xr.Dataset) -> None:
    """Give the figure of some axes a legend of the words that verdicts along ``claim`` have."""
    said = set(map(str, data["word"].to_numpy()))
    handles = [
        Line2D([], [], color=colour, marker=_MARKERS[word], markersize=3.5, label=word)
        for word, colour in COLOURS.items()
        if word in said
    ]
    if not all(_is_judged_blind(data.isel(claim=k)) for k in range(data.sizes["claim"])):
        handles.append(
            Line2D([], [], color=EXACT, marker="o", markersize=3.5, linestyle="",
                   markerfacecolor="white", label=_HOLLOW)
        )  # fmt: skip
    figure_of(ax).legend(handles=handles, loc="outside lower center", ncols=3)


def _row(ax: Axes, row: xr.Dataset, y: float, given: dict[str, Any]) -> None:
    """The interval of one claim, and its numbers at the right."""
    word = str(row["word"].item())
    value, low, high = (float(row[n]) for n in ("value", "low", "high"))
    said = word
    if np.isfinite(value):
        above, below = float(row["above"]), float(row["below"])
        ends = np.array(from_threshold(above, below, low, value, high))
        scale = np.nanmax(np.abs(ends)) or 1.0
        ax.plot(ends[[0, 2]] / scale, [y, y], color=COLOURS[word], linewidth=1.4)
        inside = COLOURS[word] if _is_judged_blind(row) else "white"
        own = options(given, color=COLOURS[word], marker=_MARKERS[word], markersize=3.5,
                      markerfacecolor=inside)  # fmt: skip
        ax.plot(ends[1:2] / scale, [y], **own)
        unit = str(row["unit"].item()) if "unit" in row else ""
        said = estimate_text(value, low, high, unit)
        replicas = row["replicas"].item() if "replicas" in row else 0
        if replicas and 0 < row["members"].item() < replicas:
            said += f" from {row['members'].item()} of {replicas}"
        said += f", {row['rule'].item()}: {word}"
        if "survives" in row and row["survives"].item() == "no":
            said += " (does not survive)"
    if _is_narrow():
        said = _wrapped(said, _NARROW_WIDE)
        ax.text(_EDGE - 0.03, y + 0.1, said, va="top", ha="right", fontsize="x-small",
                bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.5})  # fmt: skip
    else:
        ax.text(_EDGE + 0.03, y, said, va="center", fontsize="x-small")


def _is_judged_blind(row: xr.Dataset) -> bool:
    """Whether a claim of the paper or its critics was written before its data."""
    if "kind" not in row:
        return True
    return row["kind"].item() in ("paper", "critic") and row["written"].item() == "before"


def _as_dataset(result: Any) -> xr.Dataset:
    """Verdicts along ``claim``."""
    if not isinstance(result, xr.Dataset) and isinstance(result, Iterable):
        given = list(result)
        for one in given:
            if not hasattr(one, "_asdict"):
                raise InputError(
                    f"result holds a {type(one).__name__}; verdicts were expected, as Run.verdicts"
                )
        rows = [verdict._asdict() | {"survives": verdict.survives} for verdict in given]
        if not rows:
            raise InputError("there are no verdicts to draw; does the study have [claims]?")
        names = [row.pop("claim") for row in rows]
        columns = {n: ("claim", np.array([row[n] for row in rows])) for n in rows[0]}
        return xr.Dataset(columns, coords={"claim": names})
    require_kind(result, xr.Dataset, "result", "claim", "says", "value", "low", "high",
                 "above", "below", "rule", "word")  # fmt: skip
    found: xr.Dataset = result
    return found
