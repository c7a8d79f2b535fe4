"""Curves with their bands: of an ensemble, or with the interval that a result carries."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

_BEYOND = 0.4
"""How far intervals are shown beyond the values, in units of the range of these."""

BAND = 0.9
"""Fraction of the series inside the band of a median."""
_SHADE = 0.2
_BARS = 9
"""Intervals of a curve that is one of many."""
_DENSE, _FAINT = 100, 0.3
"""Points above which such a curve is faint behind its marks, and how faint."""


def curve(
    ax: Axes,
    data: xr.Dataset,
    name: str,
    x: str,
    *,
    band: float = BAND,
    is_positive: bool = False,
    **line: Any,
) -> Line2D | None:
    """Draw a variable of a result with its band.

    Parameters
    ----------
    ax : Axes
    data : Dataset
    name : str
        A variable along ``x`` alone has the band between its ``_low`` and ``_high``, if it has
        them; over further dimensions, its median and the middle of the distribution are drawn.
    x : str
        A coordinate along one dimension, or a dimension.
    band : float
        Fraction of the series inside the band.
    is_positive : bool
        Leave out what cannot stand on a logarithmic axis.
    **line
        Passed to ``Axes.plot``.

    Returns
    -------
    Line2D or None
        None where there is nothing to draw.
    """
    values, at = data[name], data[x]
    (dim,) = at.dims
    if values.dims == (dim,):
        y = values.to_numpy().astype(float)
        ends = [f"{name}_low", f"{name}_high"]
        low, high = (data[n].to_numpy() if n in data else y for n in ends)
    else:
        flat = values.transpose(dim, ...).to_numpy().reshape(len(at), -1)
        low, y, high = quantiles(flat, band)
    kept = np.isfinite(y) & np.isfinite(at.to_numpy())
    if is_positive:
        kept &= y > 0
        low = np.where(low > 0, low, np.nan)
    if not kept.any():
        return None
    x_kept, y_kept = at.to_numpy()[kept], y[kept]
    if kept.sum() == 1:  # a single point has no line
        line = {"marker": "o"} | {k: v for k, v in line.items() if k != "markevery"}
    (drawn,) = ax.plot(x_kept, y_kept, **line)
    if not np.array_equal(low, high, equal_nan=True):
        ax.fill_between(
            x_kept, low[kept], high[kept], color=drawn.get_color(), alpha=_SHADE, linewidth=0,
            zorder=drawn.get_zorder() - 0.1,
        )  # fmt: skip
    return drawn


def bars(ax: Axes, line: Line2D, data: xr.Dataset, name: str, x: str, share: float) -> None:
    """Mark some points of a curve, and draw their intervals there: many curves' bands hide them.

    Parameters
    ----------
    ax : Axes
    line : Line2D
        The curve, as ``curve`` returned it.
    data : Dataset
        ``name`` with ``_low`` and ``_high`` along ``x``.
    name, x : str
    share : float
        From 0 to 1: how far the marks stand from those of a curve with 0, so that curves of one
        panel have theirs at different places.
    """
    at = np.asarray(line.get_xdata(), float)
    wanted = np.geomspace(1, at.max() + 1, _BARS + 1)[:-1] * (at.max() + 1) ** (share / _BARS) - 1
    chosen = np.unique([int(np.abs(at - v).argmin()) for v in wanted])
    if len(at) > _DENSE:  # a curve that is mostly noise would hide its own marks, and the others
        marked = Line2D(at[chosen], np.asarray(line.get_ydata())[chosen])
        marked.update_from(line)
        marked.set(linestyle="", label=line.get_label(), zorder=line.get_zorder() + 0.5)
        ax.add_line(marked)
        own = str(line.get_label())  # kept for the numbers of the figure, and out of its legend
        line.set(alpha=_FAINT, marker="", label=own if own.startswith("_") else f"_{own}")
    else:
        line.set_markevery([int(k) for k in chosen])
    of_x = data[x].to_numpy()
    places = np.searchsorted(of_x, at[chosen])
    if f"{name}_low" in data:
        low, high = (data[f"{name}_{end}"].to_numpy()[places] for end in ("low", "high"))
        ax.vlines(at[chosen], low, high, color=line.get_color(), linewidth=0.9,
                  zorder=line.get_zorder() + 0.4)  # fmt: skip


def quantiles(values: np.ndarray, band: float) -> np.ndarray:
    """Low end, median and high end (3, point) of the finite values (point, series)."""
    found = np.full((3, len(values)), np.nan)
    kept = np.isfinite(values).any(axis=1)
    finite = np.where(np.isfinite(values[kept]), values[kept], np.nan)
    if finite.size:
        shares = [(1 - band) / 2, 0.5, (1 + band) / 2]
        found[:, kept] = np.nanquantile(finite, shares, axis=1)
    return found


def ensemble_curve(ax: Axes, values: xr.DataArray, **line: Any) -> Line2D | None:
    """Draw the median over replicas and the band of the middle 90% against epochs.

    Parameters
    ----------
    ax : Axes
    values : DataArray (epoch, replica)
        Replicas that are not finite at an epoch are left out there.
    **line
        Passed to ``Axes.plot``.
    """
    return curve(ax, values.rename("values").to_dataset(), "values", "epoch", **line)


def points(ax: Axes, x: np.ndarray, data: xr.Dataset, name: str, **style: Any) -> None:
    """Draw points with their intervals; an interval without an upper end is an arrow.

    Parameters
    ----------
    ax : Axes
    x : array (point,)
    data : Dataset
        ``name`` with ``_low`` and ``_high``, along one dimension.
    name : str
    **style
        Passed to ``Axes.errorbar``.
    """
    y = data[name].to_numpy().astype(float)
    low, high = (
        data[n].to_numpy().astype(float) if (n := f"{name}{end}") in data else y
        for end in ("_low", "_high")
    )
    # an infinite value is known to lie above its lower end
    y = np.where(np.isposinf(y), low, y)
    is_open = np.isposinf(high)
    above = np.where(is_open, y, high - y)
    below = np.where(np.isfinite(low), y - low, 0.0)
    kept = np.isfinite(y)
    if not kept.any():
        return
    errors = np.maximum(np.nan_to_num([below[kept], above[kept]]), 0)
    drawn = ax.errorbar(x[kept], y[kept], errors, **style)
    if is_open[kept].any():
        is_up = kept & is_open
        ax.plot(x[is_up], (y + above)[is_up], "^", color=drawn[0].get_color(), label="_no end")


def about_values(ax: Axes, values: xr.DataArray, *levels: float) -> None:
    """Let values fill a panel: intervals of few members or points may reach far beyond them.

    The panel has its scale already, linear or logarithmic. Levels of lines stay in it, too.
    """
    is_log = ax.get_yscale() == "log"
    shown = np.append(values.to_numpy().astype(float), levels)
    shown = shown[np.isfinite(shown) & ((shown > 0) | (not is_log))]
    if not shown.size or shown.min() == shown.max():
        return
    ends = np.log([shown.min(), shown.max()]) if is_log else np.array([shown.min(), shown.max()])
    ends += _BEYOND * np.ptp(ends) * np.array([-1, 1])
    least, most = np.exp(ends) if is_log else ends
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, least), min(high, most))
