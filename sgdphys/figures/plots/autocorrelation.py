"""Autocorrelation against the lag."""

from typing import Any

import xarray as xr
from matplotlib.axes import Axes

from sgdphys.figures.axes import axis_label, legend_of_new, one_axes, options
from sgdphys.figures.checks import checked_figure
from sgdphys.figures.curves import BAND, curve
from sgdphys.figures.layers import layers_of
from sgdphys.figures.style import DATA, NULL


@checked_figure("autocorrelation", along="lag")
def autocorrelation(
    result: xr.Dataset, *, band: float = BAND, ax: Axes | None = None, **kwargs: Any
) -> Axes:
    """Draw the autocorrelation against the lag.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.autocorrelation``: autocorrelation (..., lag). Over several series the median
        is drawn, with a band; layers have a curve each.
    band : float
        Fraction of the series inside the band.
    ax : Axes, optional
        A new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.plot``, for the median.

    Returns
    -------
    Axes

    See Also
    --------
    relaxation_time : The time that summarises the curve.

    Examples
    --------
    >>> import numpy as np, sgdphys as sp
    >>> noise = np.random.default_rng(0).standard_normal((500, 8))
    >>> ax = sp.figures.autocorrelation(sp.dynamics.autocorrelation(noise))
    >>> float(ax.lines[0].get_ydata()[0])
    1.0
    """
    ax, is_new = one_axes(ax)
    label = "median" if result["autocorrelation"].size > result.sizes["lag"] else None
    for one, style in layers_of(result, "autocorrelation"):
        own = options(kwargs, **{"color": DATA, "label": label} | style)
        curve(ax, one, "autocorrelation", "lag", band=band, **own)
    ax.axhline(0, color=NULL, linewidth=0.8, zorder=1)
    ax.set_xlabel(axis_label(result["lag"]))
    ax.set_ylabel(axis_label(result["autocorrelation"]))
    legend_of_new(ax, is_new)
    return ax
