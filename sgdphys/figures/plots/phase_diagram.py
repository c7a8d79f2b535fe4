"""Phase diagram: a grid of two control parameters, with its boundary and what happened to whom."""

from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke

from sgdphys.containers import require_kind
from sgdphys.errors import InputError
from sgdphys.figures.axes import axis_label, figure_of, one_axes, options
from sgdphys.figures.checks import checked_figure
from sgdphys.figures.colours import EXACT, FIT
from sgdphys.figures.drawn_data import say

_CLASSES = {"dead": EXACT, "diverged": FIT}
"""What may happen to a network besides learning, and its colour at the foot of a cell."""
_FOOT = 0.12
"""Height of the strip at the foot of a cell that shows shares of classes."""
_BRIGHT = 0.55
_WHOLE = 99.5
"""Values from here on are written without a point."""


@checked_figure(method="imshow")
def phase_diagram(
    result: xr.Dataset,
    *,
    variable: str = "order",
    boundary: float | None = None,
    replicas: int | None = None,
    ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw a phase diagram: a colour and a number for each pair of two control parameters.

    Parameters
    ----------
    result : Dataset
        Of ``transitions.order_parameter``, along two dimensions: the rows and the columns. With
        ``_low`` and ``_high`` each cell has half the width of its interval too. share_dead and
        share_diverged, if there, are drawn at the foot of each cell, and counted in it.
    variable : str
        What is drawn.
    boundary : float, optional
        Level of a line; its interval is dotted, the lines of that level of both ends. No line by
        default.
    replicas : int, optional
        Networks of a cell; by default as many as the dimension "replica" has.
    ax : Axes, optional
        A new figure by default.
    **kwargs
        Passed to ``Axes.imshow``.

    Returns
    -------
    Axes

    See Also
    --------
    scan : One control parameter.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> m = np.random.default_rng(0).standard_normal((24, 2, 3)) + [0.0, 1.0, 3.0]
    >>> m = xr.DataArray(
    ...     m, dims=("replica", "batch", "rate"), coords={"batch": [8, 16], "rate": [0.1, 0.2, 0.4]}
    ... )
    >>> ax = sp.figures.phase_diagram(sp.transitions.order_parameter(m), boundary=2.0)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('rate', 'batch')
    """
    require_kind(result, xr.Dataset, "result", variable)
    values = result[variable]
    if values.ndim != 2:
        dims = ", ".join(map(str, values.dims)) or "of a number"
        raise InputError(
            f"{variable} has the dimensions {dims}; a phase diagram is along two, its rows and its "
            "columns: select the others"
        )
    rows, columns = (str(d) for d in values.dims)
    result = result.sortby([d for d in (rows, columns) if d in result.coords])
    table = result[variable].to_numpy().astype(float)
    finite = table[np.isfinite(table)]
    ends = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    ax, is_new = one_axes(ax)
    if is_new and figure_of(ax).get_layout_engine() is None:
        figure_of(ax).set_layout_engine("constrained")  # before there is a colour bar
    own = options(kwargs, AxesImage, cmap="viridis", zorder=1)
    if "norm" not in own:
        own = {"vmin": ends[0], "vmax": max(ends[1], ends[0] + 1e-9)} | own
    image = ax.imshow(table, **{"origin": "lower", "aspect": "auto", **own})
    if has_ends := f"{variable}_low" in result and f"{variable}_high" in result:
        say(image, low=result[f"{variable}_low"], high=result[f"{variable}_high"])
    _numbers(ax, result, variable, image, has_ends=has_ends)
    _classes(ax, result, (rows, columns), replicas)
    if boundary is not None:
        _boundary(ax, result, variable, boundary)
    for axis, dim in ((ax.yaxis, rows), (ax.xaxis, columns)):
        axis.set_ticks(range(result.sizes[dim]), [_said(v) for v in result[dim].to_numpy()])
        axis.set_label_text(axis_label(result[dim]))
    ax.grid(visible=False)
    ax.tick_params(length=0)
    figure_of(ax).colorbar(image, ax=ax, label=axis_label(result[variable]))
    if is_new and (handles := class_handles(result)):
        figure_of(ax).legend(handles=handles, loc="outside lower center", ncols=2)
    return ax


def _said(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)


def _numbers(ax: Axes, result: xr.Dataset, name: str, image: AxesImage, *, has_ends: bool) -> None:
    """Value of every cell, and half the width of its interval."""
    table = result[name].to_numpy().astype(float)
    half: Any = np.full(table.shape, np.nan)
    if has_ends:
        half = (result[f"{name}_high"] - result[f"{name}_low"]).to_numpy() / 2
    size = _lettering(table.size)
    for (row, column), value in np.ndenumerate(table):
        if not np.isfinite(value):
            continue
        width = half[row, column]
        field = image.to_rgba(value)
        is_bright = np.dot(field[:3], (0.3, 0.6, 0.1)) > _BRIGHT
        ax.text(
            column, row + 0.18, _estimate(value, width), ha="center", va="center", fontsize=size,
            linespacing=0.95, color="black" if is_bright else "white", zorder=4,
            path_effects=[withStroke(linewidth=1.2, foreground=field)],
        )  # fmt: skip


_LEAST_WIDTH = 1e-9
"""Share of a value below which the width of an interval is rounding."""
_MOST_DIGITS = 3


def _estimate(value: float, width: float) -> str:
    """A value and half the width of its interval, in the digits that this leaves."""
    if not np.isfinite(width):
        return f"{value:.0f}" if abs(value) >= _WHOLE else f"{value:.2g}"
    if not width > _LEAST_WIDTH * abs(value):
        return f"{value:.3g}\n\u00b10"
    digits = int(max(-np.floor(np.log10(width)), 0))
    if digits > _MOST_DIGITS:
        return f"{value:.1e}\n\u00b1{width:.0e}"
    return f"{value:.{digits}f}\n\u00b1{width:.{digits}f}"


def _classes(ax: Axes, result: xr.Dataset, dims: tuple[str, str], replicas: int | None) -> None:
    """Shares of the classes in a strip at the foot of each cell, and their numbers in it."""
    there = [name for name in _CLASSES if f"share_{name}" in result]
    if not there:
        return
    count = replicas or result.sizes.get("replica", 100)
    shares = {n: result[f"share_{n}"].transpose(*dims).fillna(0).to_numpy() for n in there}
    size = _lettering(next(iter(shares.values())).size)
    for row, column in np.ndindex(*next(iter(shares.values())).shape):
        left = column - 0.5
        for name, table in shares.items():
            share = float(table[row, column])
            if share <= 0:
                continue
            strip = Rectangle((left, row - 0.5), share, _FOOT, facecolor=_CLASSES[name],
                              linewidth=0, zorder=3, label=f"_share {name}")  # fmt: skip
            say(ax.add_patch(strip), value=share)
            left += share
        said = "/".join(f"{table[row, column] * count:.0f}" for table in shares.values())
        if left > column - 0.5:
            ax.text(
                column, row - 0.5 + 1.15 * _FOOT, said, ha="center", va="bottom", zorder=4,
                fontsize=size, bbox={"facecolor": "white", "pad": 0.4, "linewidth": 0},
            )  # fmt: skip


def class_handles(result: xr.Dataset) -> list[Patch]:
    """Handles of a legend for the classes of networks that are counted in the cells."""
    there = [name for name in _CLASSES if f"share_{name}" in result]
    places = ("1st count", "2nd count")
    return [Patch(color=_CLASSES[name], label=f"{name} ({place})" if len(there) > 1 else name)
            for name, place in zip(there, places, strict=False)]  # fmt: skip


def _lettering(cells: int) -> float:
    base = float(mpl.rcParams["font.size"])
    return base * (0.85 if cells <= 20 else 0.65)


def _boundary(ax: Axes, result: xr.Dataset, name: str, level: float) -> None:
    """Line of a level between cells; dotted, that of both ends of the interval."""
    symbol = axis_label(result[name])
    ends = {"": "-", "_low": ":", "_high": ":"}
    for end, line in ends.items():
        variable = f"{name}{end}"
        if variable not in result:
            continue
        table = result[variable].to_numpy().astype(float)
        if min(table.shape) < 2 or not np.nanmin(table) < level < np.nanmax(table):
            continue
        ax.contour(np.ma.masked_invalid(table), [level], colors="white", linewidths=2.2, zorder=2.4)
        drawn = ax.contour(np.ma.masked_invalid(table), [level], colors=EXACT, linestyles=line,
                           linewidths=1.2, zorder=2.5)  # fmt: skip
        of = {"": "", "_low": "lower end of ", "_high": "upper end of "}[end]
        drawn.set_label(f"_{of}{symbol} = {level:g}")
