"""Order parameter, susceptibility and Binder cumulant over a control parameter, by size."""

from collections.abc import Iterable, Sequence
from typing import Any

import xarray as xr
from matplotlib.axes import Axes

from sgdphys.figures.axes import axes_of, axis_label, legend_of_new, names_of, options, returned
from sgdphys.figures.checks import checked_figure, require_drawable
from sgdphys.figures.curves import about_values, curve
from sgdphys.figures.sizes import by_size, control_of
from sgdphys.figures.style import NULL

_ORDERED = 2 / 3
"""Binder cumulant where all members have the same order; 0 where they are Gaussian about 0."""


@checked_figure()
def scan(
    result: xr.Dataset,
    *,
    panels: str | Sequence[str] = ("order", "susceptibility", "binder"),
    control: str | None = None,
    size: str = "size",
    ax: Axes | Iterable[Axes] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw order parameter, susceptibility and Binder cumulant over a scan, one curve per size.

    Parameters
    ----------
    result : Dataset
        Of ``transitions.order_parameter``: order, susceptibility and binder with their intervals,
        along the control parameter, and along ``size`` where there are several.
    panels : str or sequence of str
        Variables, one panel each.
    control : str, optional
        Coordinate to draw against, which may depend on the size; the dimension by default.
    size : str
        Dimension of the sizes.
    ax : Axes or array of Axes, optional
        One per panel; a new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.plot``.

    Returns
    -------
    Axes or array of Axes
        Axes where ``panels`` is one name. The cumulant's panel has a dashed line at 2/3, where all
        members have the same order.

    See Also
    --------
    crossing, collapse : Critical point and exponents from such a scan.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> m = xr.DataArray(
    ...     np.random.default_rng(0).standard_normal((24, 4)) + np.arange(4.0),
    ...     dims=("replica", "signal"), coords={"signal": [0.5, 1.0, 1.5, 2.0]},
    ... )
    >>> axes = sp.figures.scan(sp.transitions.order_parameter(m))
    >>> [ax.get_xlabel() for ax in axes]
    ['signal', 'signal', 'signal']
    """
    names = names_of(panels)
    require_drawable(result, *names)
    x = {name: control_of(result, name, size, control) for name in names}
    for one, _ in by_size(result, size):
        require_drawable(one, *names, along=x[names[0]])
    axes, names, is_new = axes_of(ax, panels)
    for panel, name in zip(axes, names, strict=True):
        for one, style in by_size(result, size):
            along = one.sortby(x[name]) if x[name] in one.coords else one
            curve(panel, along, name, x[name], **options(kwargs, **style))
        if name != "order":
            about_values(panel, result[name])
        if name == "binder":
            panel.axhline(_ORDERED, color=NULL, linewidth=0.8, linestyle="--", zorder=1)
        panel.set_xlabel(axis_label(result[x[name]]))
        panel.set_ylabel(axis_label(result[name]))
    legend_of_new(axes[0], is_new)
    return returned(axes, panels)
