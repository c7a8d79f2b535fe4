"""Figures written to disk: whole or not at all, with every text drawable."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from sgdphys.errors import WorkError
from sgdphys.figures.style import say_logarithmic, sheet
from sgdphys.figures.text import drawn_anyway, make_drawable

_OPTIONS: dict[str, dict[str, Any]] = {
    "svg": {"metadata": {"Date": None}},
    "pdf": {"metadata": {"CreationDate": None}},
    "png": {"pil_kwargs": {"compress_level": 1}},  # further levels take as long as the drawing
}


def save(figure: Figure, paths: Sequence[Path]) -> Sequence[Path]:
    """Write a figure in the formats that the suffixes say, and close it.

    Every figure passes here, and with it every text that a user wrote.

    Raises
    ------
    WorkError
        When it cannot be written; whatever goes wrong, no part of a file is left behind.
    """
    try:
        say_logarithmic(figure)
        make_drawable(figure)
        for path in paths:
            kind = path.suffix[1:]
            with _whole(path) as partial, drawn_anyway():
                figure.savefig(partial, format=kind, **_OPTIONS[kind])
            figure.set_layout_engine("none")  # laid out once, for all formats
    finally:
        plt.close(figure)
    return paths


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A path to write to in place of another, which has the file once it is complete."""
    partial = path.with_name(f".partial-{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise WorkError(
            f"{path} could not be written ({error.strerror or error}); make room, or choose "
            "another place"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def draw_one(panels: Callable[[xr.Dataset], Figure], data: xr.Dataset, path: Path) -> Path:
    """Draw one figure of one dataset to a path, whose suffix says the format."""
    with off_screen(), sheet():
        save(panels(data), [path])
    return path


@contextmanager
def off_screen() -> Iterator[None]:
    """Draw to files, whatever the user draws to."""
    backend = mpl.get_backend()
    plt.switch_backend("agg")
    try:
        yield
    finally:
        plt.switch_backend(backend)
