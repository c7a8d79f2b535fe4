"""Figures written to disk: complete or not at all, with every text drawable."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from sgdphys.errors import WorkError
from sgdphys.figures.drawn_data import drawn_data, write_csv
from sgdphys.figures.for_print import prepare
from sgdphys.figures.presets import current
from sgdphys.figures.style import say_logarithmic, separate_ticks, sheet
from sgdphys.figures.text import drawn_anyway, make_drawable, plain
from sgdphys.trajectory.writer import write_tree

_OPTIONS: dict[str, dict[str, Any]] = {
    "svg": {"metadata": {"Date": None}},
    "pdf": {"metadata": {"CreationDate": None}},
    "png": {"pil_kwargs": {"compress_level": 1}},  # further levels take as long as the drawing
}
_ABOUT = {
    "svg": {"caption": "Description", "command": "Source"},
    "pdf": {"caption": "Subject", "command": "Keywords"},
    "png": {"caption": "Description", "command": "Source"},
}
"""What every format calls the caption of a figure, and the command that draws it."""


def finish(figure: Figure) -> Figure:
    """Make a figure ready to be written or shown, in the style that is set while this runs.

    Every figure of a run passes here, and with it every text that a user wrote.
    """
    preset = current()
    separate_ticks(figure)
    if preset is None:
        say_logarithmic(figure)
    else:
        prepare(figure, preset)
    make_drawable(figure)
    return figure


def settle(figure: Figure) -> Figure:
    """Finish a figure that is shown later: it keeps the style that is set while this runs."""
    with drawn_anyway():
        finish(figure).draw_without_rendering()  # labels of ticks are made, and laid out
    figure.set_layout_engine("none")
    return figure


def save(
    figure: Figure, paths: Sequence[Path], about: Mapping[str, str] | None = None
) -> Sequence[Path]:
    """Write a figure in the formats that the suffixes say.

    Parameters
    ----------
    figure : Figure
    paths : sequence of Path
    about : mapping, optional
        Its "caption" and the "command" that draws it, which go into the files.

    Raises
    ------
    WorkError
        When it cannot be written; whatever goes wrong, no part of a file is left behind.
    """
    finish(figure)
    for path in paths:
        kind = path.suffix[1:]
        options = dict(_OPTIONS[kind])
        if about is not None:
            said = {_ABOUT[kind][name]: plain(text) for name, text in about.items()}
            options["metadata"] = options.get("metadata", {}) | said
        with _complete(path) as partial, drawn_anyway():
            figure.savefig(partial, format=kind, **options)
        figure.set_layout_engine("none")  # laid out once, for all formats
    return paths


def save_data(figure: Figure, stem: Path, about: Mapping[str, str]) -> list[Path]:
    """Write the numbers that a figure shows beside it, as CSV and as netCDF.

    Parameters
    ----------
    figure : Figure
        Finished.
    stem : Path
        Of the figure, without a suffix.
    about : mapping
        Its "caption" and the "command" that draws it.

    Raises
    ------
    WorkError
        When they cannot be written.
    """
    data = drawn_data(figure)
    said = {name: plain(text) for name, text in about.items()}
    table, netcdf = (stem.with_name(f"{stem.name}{suffix}") for suffix in (".csv", ".nc"))
    with _complete(table) as partial:
        write_csv(data, partial, said)
    with _complete(netcdf) as partial:
        write_tree(xr.DataTree(data.assign_attrs(said)), partial)
    return [table, netcdf]


@contextmanager
def _complete(path: Path) -> Iterator[Path]:
    """A path to write to in place of another, which has the file once it is complete."""
    partial = path.with_name(f".partial-{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise WorkError(
            f"{path} could not be written ({error.strerror or error}); make room, or choose "
            "another location"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def draw_one(
    panels: Callable[[xr.Dataset], Figure],
    data: xr.Dataset,
    path: Path,
    style: str | None = None,
    size: tuple[float, float] | None = None,
) -> Path:
    """Draw one figure of one dataset to a path, whose suffix says the format."""
    with sheet(style, size):
        save(panels(data), [path])
    return path
