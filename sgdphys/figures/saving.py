"""Figures written to disk: complete or not at all, with every text drawable."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from sgdphys.errors import WorkError
from sgdphys.figures.style import say_logarithmic, sheet
from sgdphys.figures.text import drawn_anyway, make_drawable

_OPTIONS: dict[str, dict[str, Any]] = {
    "svg": {"metadata": {"Date": None}},
    "pdf": {"metadata": {"CreationDate": None}},
    "png": {"pil_kwargs": {"compress_level": 1}},  # further levels take as long as the drawing
}


def finish(figure: Figure) -> Figure:
    """Make a figure ready to be written or shown, in the style that is set while this runs.

    Every figure of a run passes here, and with it every text that a user wrote.
    """
    say_logarithmic(figure)
    make_drawable(figure)
    return figure


def settle(figure: Figure) -> Figure:
    """Finish a figure that is shown later: it keeps the style that is set while this runs."""
    with drawn_anyway():
        finish(figure).draw_without_rendering()  # labels of ticks are made, and laid out
    figure.set_layout_engine("none")
    return figure


def save(figure: Figure, paths: Sequence[Path]) -> Sequence[Path]:
    """Write a figure in the formats that the suffixes say.

    Raises
    ------
    WorkError
        When it cannot be written; whatever goes wrong, no part of a file is left behind.
    """
    finish(figure)
    for path in paths:
        kind = path.suffix[1:]
        with _complete(path) as partial, drawn_anyway():
            figure.savefig(partial, format=kind, **_OPTIONS[kind])
        figure.set_layout_engine("none")  # laid out once, for all formats
    return paths


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


def draw_one(panels: Callable[[xr.Dataset], Figure], data: xr.Dataset, path: Path) -> Path:
    """Draw one figure of one dataset to a path, whose suffix says the format."""
    with sheet():
        save(panels(data), [path])
    return path
