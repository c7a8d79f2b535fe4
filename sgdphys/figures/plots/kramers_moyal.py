"""Drift and diffusion as functions of the position."""

from collections.abc import Iterable, Sequence
from typing import Any

import xarray as xr
from matplotlib.axes import Axes

from sgdphys.figures.axes import axes_of, axis_label, names_of, options, returned
from sgdphys.figures.checks import checked_figure, require_drawable
from sgdphys.figures.curves import about_values, curve
from sgdphys.figures.style import DATA, FIT, NULL

_COLOURS = {"drift": DATA, "diffusion": FIT}
_MARKERS = {"drift": "o", "diffusion": "s"}


@checked_figure()
def kramers_moyal(
    result: xr.Dataset,
    *,
    panels: str | Sequence[str] = ("drift", "diffusion"),
    ax: Axes | Iterable[Axes] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw drift and diffusion against position, with their intervals.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.kramers_moyal``: drift and diffusion along position.
    panels : str or sequence of str
        Variables along position, one panel each; also "pawula", "fourth".
    ax : Axes or array of Axes, optional
        One per panel, and the same one twice for both in one panel; a new figure by default.
    **kwargs
        Passed to ``Axes.plot``.

    Returns
    -------
    Axes or array of Axes
        Axes where ``panels`` is one name.

    See Also
    --------
    fit : A fit at a glance, of which this is one panel.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> walk = np.random.default_rng(0).standard_normal((500, 8)).cumsum(axis=0)
    >>> theta = xr.DataArray(walk, dims=("time", "path"))
    >>> result = sp.dynamics.kramers_moyal(theta, time="time", over="path", bins=10)
    >>> drift, diffusion = sp.figures.kramers_moyal(result)
    >>> len(drift.lines)  # the curve, and zero
    2
    """
    require_drawable(result, *names_of(panels), along="position")
    axes, names, _ = axes_of(ax, panels)
    for one, name in zip(axes, names, strict=True):
        own = options(kwargs, color=_COLOURS.get(name, DATA), marker=_MARKERS.get(name, "o"),
                      label=result[name].attrs.get("long_name", name))  # fmt: skip
        curve(one, result, name, "position", **own)
        if name != "diffusion":
            one.axhline(0, color=NULL, linewidth=0.6, zorder=1)
        one.set_xlabel(axis_label(result["position"]))
        one.set_ylabel(axis_label(result[name]))
    for one in dict.fromkeys(axes):
        drawn = [name for ax_of, name in zip(axes, names, strict=True) if ax_of is one]
        about_values(one, result[drawn].to_array())
    return returned(axes, panels)
