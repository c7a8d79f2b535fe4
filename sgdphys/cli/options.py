"""Options that several commands have, and how their values are read."""

from pathlib import Path
from typing import Annotated

import typer

from sgdphys.errors import InputError

STYLE = "Style of figures: prl and prl-two, one and two columns of Physical Review; slides."
SIZE = "Inches, as in 3.4x2.6."
Scheduler = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="A Dask scheduler whose workers do it: tcp://HOST:8786."),
]


def inches_of(style: str | None, size: str | None) -> tuple[float, float] | None:
    """Value of --size: width and height; and whether --style is known."""
    from sgdphys.figures.presets import preset_of

    if size is None:
        if style is not None:
            preset_of(style)
        return None
    if style is None:
        raise InputError("--size needs --style, as in --style prl --size 3.4x2.6")
    width, _, height = size.partition("x")
    try:
        inches = float(width), float(height)
    except ValueError:
        raise InputError(f"--size is {size!r}; give width and height in inches: 3.4x2.6") from None
    preset_of(style, inches)
    return inches


def require_store(out: Path | None) -> None:
    """Refuse a name by which other programs would take a netCDF file for something else."""
    if out is not None and out.suffix not in (".nc", ".zarr"):
        raise InputError(f"--out {out}: the name must end in .nc or .zarr")
