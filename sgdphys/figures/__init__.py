"""Figures: functions of results that draw; this file only lists them and writes them to disk."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from sgdphys.errors import InputError, nearest
from sgdphys.figures import training
from sgdphys.figures.style import sheet


class Entry(NamedTuple):
    """A figure and the groups it needs."""

    draw: Callable[[xr.DataTree], Figure]
    needs: tuple[str, ...]


CATALOGUE: dict[str, Entry] = {
    "training": Entry(training.loss_and_accuracy, ("training",)),
    "weight_norms": Entry(training.weight_norms, ("gradients",)),
}


def draw(
    tree: xr.DataTree,
    folder: Path,
    *,
    names: Iterable[str] | None = None,
    formats: Iterable[str] = ("png", "svg"),
) -> list[Path]:
    """Draw figures of a run into a folder.

    Parameters
    ----------
    tree : DataTree
        The trajectory.
    folder : Path
        Made if it is not there.
    names : iterable of str, optional
        All that the tree has data for by default.
    formats : iterable of str
        png, svg or pdf.

    Raises
    ------
    InputError
        For a name that is not in the catalogue, or one whose data were not recorded.
    """
    wanted = list(names) if names is not None else list(CATALOGUE)
    for name in wanted:
        if name not in CATALOGUE:
            raise InputError(f"there is no figure {name!r}; {nearest(name, CATALOGUE)}")
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    backend = mpl.get_backend()
    plt.switch_backend("agg")
    try:
        for name in wanted:
            entry = CATALOGUE[name]
            missing = [group for group in entry.needs if group not in tree.children]
            if missing and names is None:
                continue
            if missing:
                raise InputError(f"figure {name!r} needs {missing[0]}, which were not recorded")
            with sheet():
                figure = entry.draw(tree)
                paths += [_save(figure, folder / f"{name}.{suffix}") for suffix in formats]
                plt.close(figure)
    finally:
        plt.switch_backend(backend)
    return paths


def _save(figure: Figure, path: Path) -> Path:
    partial = path.with_name(f".partial-{path.name}")
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(path.suffix[1:])
    figure.savefig(partial, format=path.suffix[1:], metadata=metadata)
    os.replace(partial, path)
    return path
