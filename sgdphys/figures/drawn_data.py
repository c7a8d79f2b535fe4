"""The numbers that a figure shows, as a table beside it: what a reader can draw again."""

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.container import ErrorbarContainer
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator

from sgdphys.figures.for_print import panels_of
from sgdphys.figures.presets import letters

_AUTOMATIC = re.compile(r"_(?:child\d+|nolegend_|)")
"""Labels that are no names."""
COLUMNS = ("x", "y", "low", "high", "value")
_MEANING = {
    "x": "horizontal place",
    "y": "vertical place",
    "low": "lower end of a band or an interval at x, or at y where x is missing; or of value",
    "high": "upper end of a band or an interval at x, or at y where x is missing; or of value",
    "value": "what a colour, a contour or the width of a bar stands for",
}
_said: WeakKeyDictionary[Artist, dict[str, np.ndarray]] = WeakKeyDictionary()


class Curve(NamedTuple):
    """One artist of a panel: a curve, points, a band, intervals, bars or an image."""

    panel: str
    kind: str
    label: str
    numbers: np.ndarray
    """(row, column of ``COLUMNS``)."""


def say(artist: Artist, **columns: Any) -> None:
    """Have an artist's rows say numbers that its shape does not: ``value``, ``low``, ``high``."""
    _said[artist] = {name: np.ravel(np.asarray(v, float)) for name, v in columns.items()}


def drawn_data(figure: Figure) -> xr.Dataset:
    """Return the numbers that a figure shows, in the units of its axes.

    Parameters
    ----------
    figure : Figure
        With its legend, from which curves have their names where they have none themselves.

    Returns
    -------
    Dataset
        x, y, low, high and value of every row, and the curve to which it belongs; panel, kind and
        label of every curve; and the labels of every panel's axes, with what fixed ticks stand for.
    """
    panels = _panels(figure)
    curves = [c for letter, ax in panels for c in _curves(ax, letter)]
    numbers = np.concatenate([np.empty((0, len(COLUMNS))), *(c.numbers for c in curves)])
    data: dict[str, Any] = {
        name: ("row", numbers[:, k], {"long_name": _MEANING[name]})
        for k, name in enumerate(COLUMNS)
    }
    sizes = [len(c.numbers) for c in curves]
    data["curve_of_row"] = ("row", np.repeat(np.arange(len(curves), dtype=np.int32), sizes))
    for name in ("panel", "kind", "label"):
        said = np.array([getattr(c, name) for c in curves], dtype=object)
        data[f"curve_{name}"] = ("curve", said)
    data["x_label"] = ("panel", np.array([_label(ax, "x") for _, ax in panels], dtype=object))
    data["y_label"] = ("panel", np.array([_label(ax, "y") for _, ax in panels], dtype=object))
    return xr.Dataset(data, {"panel": [letter for letter, _ in panels]})


def write_csv(data: xr.Dataset, path: Path, about: Mapping[str, str]) -> None:
    """Write the numbers of a figure as a table; what it is stands above, behind ``#``.

    Parameters
    ----------
    data : Dataset
        Of ``drawn_data``.
    path : Path
    about : mapping of str to str
    """
    kept = [n for n in COLUMNS if np.isfinite(data[n]).any()]
    named = [data[f"curve_{n}"].to_numpy() for n in ("panel", "kind", "label")]
    of_row = data["curve_of_row"].to_numpy()
    columns = [[_number(v) for v in data[n].to_numpy()] for n in kept]
    with path.open("w", encoding="utf-8", newline="") as file:
        for name, said in about.items():
            file.write(f"# {name}: {' '.join(said.split())}\n")
        for letter, x, y in zip(
            *(data[n].to_numpy() for n in ("panel", "x_label", "y_label")), strict=True
        ):
            file.write(f"# panel {letter}: x is {x or 'without a label'}; y is {y}\n")
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["panel", "kind", "label", *kept])
        for curve, *numbers in zip(of_row, *columns, strict=True):
            table.writerow([*(said[curve] for said in named), *numbers])


def _number(value: float) -> str:
    return f"{value:.9g}" if np.isfinite(value) else ""


def _panels(figure: Figure) -> list[tuple[str, Axes]]:
    """Axes with data and their letters; a second pair of axes of a panel is its right one."""
    own = panels_of(figure)
    found = [(letters(k), ax) for k, ax in enumerate(own)]
    for ax in figure.axes:
        first = [k for k, one in enumerate(own) if one.get_subplotspec() == ax.get_subplotspec()]
        if ax not in own and ax.get_label() != "<colorbar>" and ax.get_subplotspec() and first:
            found.append((f"{letters(first[0])} right", ax))
    return found


def _label(ax: Axes, of: str) -> str:
    """What an axis shows: its label and, of fixed ticks, what each place stands for."""
    axis = getattr(ax, f"{of}axis")
    words = _words(ax, of)
    if not isinstance(axis.get_major_locator(), FixedLocator):
        return words
    ticks = np.asarray(axis.get_majorticklocs(), float)
    texts = [" ".join(t.split()) for t in axis.get_major_formatter().format_ticks(ticks)]
    if len(texts) != len(ticks) or len(ticks) < 1 or not (np.diff(ticks) == 1).all():
        return words
    pairs = [(f"{at:g}", text) for at, text in zip(ticks, texts, strict=True) if text]
    if all(at == text for at, text in pairs):
        return words
    return f"place along {words or 'an axis'} ({', '.join(f'{at} = {t}' for at, t in pairs)})"


def _words(ax: Axes, of: str) -> str:
    """Label of an axis, or that of the panels that share it, or of the whole figure."""
    own = str(getattr(ax, f"get_{of}label")())
    if own:
        return " ".join(own.split())
    shared = getattr(ax, f"get_shared_{of}_axes")().get_siblings(ax)
    labels = [str(getattr(one, f"get_{of}label")()) for one in shared]
    over = getattr(ax.get_figure(root=True), f"get_sup{of}label")()
    return " ".join(next((label for label in labels if label), over).split())


def _look(line: Line2D) -> tuple[str, ...]:
    return tuple(str(v) for v in (line.get_color(), line.get_linestyle(), line.get_marker()))


def _legend_names(ax: Axes) -> dict[tuple[str, ...], str]:
    """What the legends of a panel and of its figure call a curve of some colour, line and marker.

    Legends of other panels say nothing about this one: there, a colour may mean something else.
    """
    root = ax.get_figure(root=True)
    assert root is not None
    place = ax.get_subplotspec()
    own = [one for one in root.axes if one is ax or (place and one.get_subplotspec() == place)]
    found: dict[tuple[str, ...], str] = {}
    for legend in (*(one.get_legend() for one in own), *root.legends):
        for handle, text in zip(legend.legend_handles, legend.get_texts()) if legend else ():  # noqa: B905
            if isinstance(handle, Line2D):
                found.setdefault(_look(handle), " ".join(text.get_text().split()))
    return found


def _own_label(artist: Any) -> str:
    """Label of an artist; one that is kept out of legends has an underscore before it."""
    label = " ".join(str(artist.get_label()).split())
    return "" if _AUTOMATIC.fullmatch(label) else label.removeprefix("_")


def _names(ax: Axes) -> dict[int, str]:
    """What every artist of a panel is called, by its identity.

    A curve without a name of its own has that of its errorbars, or that of the legend; a band or
    an interval has that of the curve of its colour which was drawn last before it, or else first.
    """
    of_legend = _legend_names(ax)
    found = {id(one): _own_label(one) for one in ax.get_children()}
    of_errors: dict[int, str] = {}
    for container in ax.containers:
        if isinstance(container, ErrorbarContainer):
            of_errors |= {id(one): _own_label(container) for one in container.get_children()}
    curves: list[tuple[int, tuple[float, ...], str]] = []
    for place, one in enumerate(ax.get_children()):
        found[id(one)] = found[id(one)] or of_errors.get(id(one), "")
        if isinstance(one, Line2D):
            found[id(one)] = found[id(one)] or of_legend.get(_look(one), "")
            curves.append((place, to_rgb(one.get_color()), found[id(one)]))
    for place, one in enumerate(ax.get_children()):
        if isinstance(one, LineCollection | PolyCollection) and not found[id(one)]:
            faces = one.get_facecolor() if isinstance(one, PolyCollection) else one.get_edgecolor()
            colours = {tuple(face[:3]) for face in np.atleast_2d(faces)}
            alike = [(at, name) for at, rgb, name in curves if colours == {rgb}]
            before = [name for at, name in alike if at < place]
            found[id(one)] = before[-1] if before else alike[0][1] if alike else ""
    return found


def _curves(ax: Axes, panel: str) -> Iterator[Curve]:
    names = _names(ax)
    for artist in ax.get_children():
        if not artist.get_visible() or artist in (ax.patch, *ax.spines.values()):
            continue
        for kind, numbers in _numbers(artist, ax):
            for column, values in _said.get(artist, {}).items():
                numbers[:, COLUMNS.index(column)] = values
            kept = np.isfinite(numbers).any(axis=1)
            if kept.any():
                yield Curve(panel, kind, names[id(artist)], numbers[kept])


def _table(**columns: Any) -> np.ndarray:
    size = max(np.size(v) for v in columns.values())
    missing = np.full(size, np.nan)
    given = (columns.get(name, missing) for name in COLUMNS)
    return np.stack([np.broadcast_to(np.asarray(v, float), size) for v in given], axis=1)


def _numbers(artist: Any, ax: Axes) -> Iterator[tuple[str, np.ndarray]]:
    """What one artist shows, by its kind."""
    if isinstance(artist, Line2D):
        x, y = (np.asarray(v, float) for v in artist.get_data(orig=False))
        in_x, in_y = artist.get_transform().contains_branch_seperately(ax.transData)
        if in_x and in_y:
            yield ("points" if artist.get_linestyle() in ("None", "") else "line"), _table(x=x, y=y)
        elif in_y and len(y):
            yield "level", _table(y=y[:1])
        elif in_x and len(x):
            yield "level", _table(x=x[:1])
    elif isinstance(artist, PathCollection):
        x, y = np.asarray(np.ma.filled(artist.get_offsets(), np.nan), float).T
        values = artist.get_array()
        yield "points", _table(x=x, y=y, **({} if values is None else {"value": values}))
    elif isinstance(artist, LineCollection):
        ends = [np.asarray(s, float) for s in artist.get_segments() if len(s) == 2]
        if ends:
            (x0, y0), (x1, y1) = np.moveaxis(np.array(ends), 0, -1)
            if np.array_equal(x0, x1, equal_nan=True):
                yield "interval", _table(x=x0, low=np.minimum(y0, y1), high=np.maximum(y0, y1))
            else:
                yield "interval", _table(y=y0, low=np.minimum(x0, x1), high=np.maximum(x0, x1))
    elif isinstance(artist, ContourSet):
        if _own_label(artist):  # others are the background of one
            for level, path in zip(artist.levels, artist.get_paths(), strict=True):
                x, y = np.asarray(path.vertices, float).reshape(-1, 2).T
                if len(x):
                    yield "contour", _table(x=x, y=y, value=level)
    elif isinstance(artist, PolyCollection):
        for path in artist.get_paths():
            yield from _band(np.asarray(path.vertices, float))
    elif isinstance(artist, AxesImage):
        values = np.ma.filled(np.ma.asarray(artist.get_array(), float), np.nan)
        if values.ndim == 2:
            left, right, bottom, top = artist.get_extent()
            rows, columns = values.shape
            y, x = np.meshgrid(
                bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows,
                left + (np.arange(columns) + 0.5) * (right - left) / columns,
                indexing="ij",
            )
            yield "image", _table(x=x.ravel(), y=y.ravel(), value=values.ravel())
    elif isinstance(artist, Rectangle) and artist.get_transform().contains_branch(ax.transData):
        in_x, in_y = artist.get_transform().contains_branch_seperately(ax.transData)
        box = np.array([artist.get_x(), artist.get_y(), artist.get_width(), artist.get_height()])
        if in_x and in_y and np.isfinite(box).all():
            left, low, width, height = box
            yield "bar", _table(x=left + width / 2, low=low, high=low + height)


def _band(vertices: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The two edges of what ``Axes.fill_between`` drew: there along one, and back the other."""
    count = (len(vertices) - 3) // 2
    if count < 1 or len(vertices) != 2 * count + 3:
        return
    there, back = vertices[1 : count + 1], vertices[count + 2 : 2 * count + 2][::-1]
    if np.array_equal(there[:, 0], back[:, 0], equal_nan=True):
        ends = np.stack([there[:, 1], back[:, 1]])
        yield "band", _table(x=there[:, 0], low=ends.min(axis=0), high=ends.max(axis=0))
