"""Relaxation times with their intervals, over a control parameter."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from sgdphys.errors import InputError
from sgdphys.figures.axes import axis_label, one_axes, options
from sgdphys.figures.checks import checked_figure, require_drawable
from sgdphys.figures.curves import points
from sgdphys.figures.style import DATA


@checked_figure("relaxation_time", method="errorbar")
def relaxation_time(
    result: xr.Dataset, *, control: str | None = None, ax: Axes | None = None, **kwargs: Any
) -> Axes:
    """Draw relaxation times with their intervals, on a logarithmic axis.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.relaxation_time``: relaxation_time with ``_low`` and ``_high``, along one
        dimension. An interval without an upper end is drawn as an arrow, from the lower end where
        the time itself is infinite.
    control : str, optional
        Coordinate to draw against; the dimension by default.
    ax : Axes, optional
        A new figure by default.
    **kwargs
        Passed to ``Axes.errorbar``.

    Returns
    -------
    Axes

    See Also
    --------
    critical_point : Times over a scan, with the law fitted to them.

    Examples
    --------
    >>> import numpy as np, sgdphys as sp
    >>> noise = np.random.default_rng(0).standard_normal((500, 8))
    >>> series = 0.1 * noise.cumsum(axis=0) + noise
    >>> ax = sp.figures.relaxation_time(sp.dynamics.relaxation_time(series), fmt="s")
    >>> ax.get_yscale()
    'log'
    """
    times = result["relaxation_time"]
    if times.ndim != 1:
        raise InputError(
            f"relaxation_time has the dimensions {', '.join(map(str, times.dims)) or 'of a number'}"
            "; one is drawn: select or average the others, or expand_dims a single number"
        )
    control = control or str(times.dims[0])
    require_drawable(result, "relaxation_time", along=control)
    x = result[control] if control in result else xr.DataArray(np.arange(times.size), name=control)
    ax, _ = one_axes(ax)
    fmt: dict[str, Any] = {} if "fmt" in kwargs else {"marker": "o", "linestyle": ""}
    own = options(kwargs, Line2D, color=DATA, **fmt)
    points(ax, x.to_numpy(), result, "relaxation_time", **own)
    ax.set_yscale("log")
    ax.set_xlabel(axis_label(x))
    ax.set_ylabel(axis_label(times))
    return ax
