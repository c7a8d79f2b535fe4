"""A figure that a run can have: what draws it, what it shows, and of what."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import xarray as xr

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Sources = Mapping[str, xr.Dataset]


class Entry(NamedTuple):
    """A figure and the kinds of data it needs.

    A kind is a group of a trajectory, or what an analysis is ``of``.
    """

    draw: "Callable[[Sources], Figure]"
    shows: str
    """What is drawn, as captions say it: a sentence."""
    needs: tuple[str, ...]
    by_case: bool = False
    """Whether each case of a sweep has a figure of its own: of few cases, or when asked for."""
    applies: Callable[[xr.Dataset], bool] = lambda data: True
    """Whether data of the first kind hold what the figure shows."""
    chosen: Callable[[xr.Dataset], list[int]] = lambda data: list(range(data.sizes["case"]))
    """Indices of the cases that are drawn, in their order, where data of the first kind are of a
    sweep; figure and caption say how many they are."""
    seen: Callable[[xr.Dataset], str] | None = None
    """What it shows of a single ensemble, in numbers: a sentence, or an empty text."""


def is_sweep(data: xr.Dataset) -> bool:
    """Whether data are of several cases."""
    return data.sizes.get("case", 1) > 1
