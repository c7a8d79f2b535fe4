"""Binder cumulants of several sizes, where they cross, and where their crossings go."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sgdphys.errors import InputError, nearest
from sgdphys.figures.axes import axes_of, axis_label, legend_of_new, names_of, options, returned
from sgdphys.figures.checks import checked_figure
from sgdphys.figures.curves import about_values, curve
from sgdphys.figures.plots.collapse import critical_region
from sgdphys.figures.sizes import (
    by_size,
    control_of,
    error_points,
    said,
    symbol_of,
    why_refused,
)
from sgdphys.figures.style import DATA, FIT, in_place_of_data

_FOR_THE_LEGEND = 0.3
"""Height that is left free above crossings, as a share of theirs."""
_PANELS = ("binder", "crossing")


@checked_figure("binder", "crossing", "critical_point")
def crossing(
    result: xr.Dataset,
    *,
    panels: str | Sequence[str] = _PANELS,
    size: str = "size",
    ax: Axes | Iterable[Axes] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw Binder cumulants of all sizes, the region where they cross, and its extrapolation.

    Parameters
    ----------
    result : Dataset
        Of ``transitions.crossing``: binder (size, control), crossing (pair) and the extrapolated
        critical_point, each with its interval.
    panels : str or sequence of str
        "binder", cumulants against the control parameter; "crossing", the crossings of pairs of
        sizes against the reciprocal of the smaller size, with the critical point at 0.
    size : str
        Dimension of the sizes.
    ax : Axes or array of Axes, optional
        One per panel; a new figure by default, which gets legends.
    **kwargs
        Passed to ``Axes.plot``, for the cumulants.

    Returns
    -------
    Axes or array of Axes
        Axes where ``panels`` is one name.

    See Also
    --------
    collapse : Critical point and exponents together.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> control, sizes = np.linspace(0.9, 1.1, 9), np.array([64, 256])
    >>> u = 0.27 + (control - 1) * np.sqrt(sizes)[:, None] / 4
    >>> result = xr.Dataset(
    ...     {"binder": (("size", "control"), u), "crossing": ("pair", [1.0]),
    ...      "critical_point": 1.0, "critical_point_low": 0.99, "critical_point_high": 1.01},
    ...     {"size": sizes, "control": control, "smaller_size": ("pair", [64])},
    ... )
    >>> ax = sp.figures.crossing(result, panels="binder")
    >>> len(ax.lines)  # two sizes, and the critical point
    3
    """
    names = names_of(panels)
    for name in names:
        if name not in _PANELS:
            raise InputError(f"there is no panel {name!r}; {nearest(name, _PANELS)}")
    x = control_of(result, "binder", size, None)
    axes, names, is_new = axes_of(ax, panels)
    for panel, name in zip(axes, names, strict=True):
        if name == "crossing":
            _extrapolation(panel, result, kwargs)
            panel.set_ylabel(axis_label(result["crossing"]))
        else:
            for one, style in by_size(result, size):
                along = one.sortby(x) if x in one.coords else one
                curve(panel, along, "binder", x, **options(kwargs, **style))
            about_values(panel, result["binder"])
            symbol = symbol_of(result, x, "x")
            critical_region(panel, result, symbol, is_told_beside="crossing" in names)
            panel.set_xlabel(axis_label(result[x]))
            panel.set_ylabel(axis_label(result["binder"]))
        legend_of_new(panel, is_new)
    return returned(axes, panels)


def _extrapolation(ax: Axes, result: xr.Dataset, given: dict[str, Any]) -> None:
    """Crossings of pairs against 1/size, and the critical point with its interval at 0."""
    found = result["crossing"]
    coordinate = next((n for n in ("size_of_pair", "smaller_size") if n in result.variables), None)
    if coordinate is None:  # the name of the coordinate of a pair's smaller size
        on_pair = [str(n) for n in result.coords if result[n].dims == found.dims]
        coordinate = next((n for n in on_pair if n != "larger_size"), None)
    places = np.arange(1, found.size + 1) if coordinate is None else result[coordinate].to_numpy()
    if not np.isfinite(found).any():
        in_place_of_data(ax, why_refused(result) or "no crossing")
        return
    inverse = 1 / places.astype(float)
    own = {n: v for n, v in given.items() if n in ("zorder", "alpha")}
    error_points(ax, inverse, result, "crossing", color=DATA, marker="o", label="pairs of sizes",
                 **own)  # fmt: skip
    limit = result[[n for n in result.data_vars if str(n).startswith("critical_point")]]
    if np.isfinite(limit["critical_point"]):
        label = f"limit, {said(result, 'critical_point')}"
        error_points(ax, np.zeros(1), limit.expand_dims(limit=1), "critical_point", color=FIT,
                     marker="s", label=label)  # fmt: skip
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + _FOR_THE_LEGEND * (high - low))
    ax.set_xlabel("1 / smaller size of the pair")
    ax.set_xlim(left=-0.06 * inverse.max())
