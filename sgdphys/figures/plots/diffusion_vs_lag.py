"""The diffusion coefficient against the lag: flat where diffusion is normal."""

from typing import Any

import xarray as xr
from matplotlib.axes import Axes

from sgdphys.figures.axes import axis_label, legend_of_new, one_axes, options
from sgdphys.figures.checks import checked_figure, require_drawable
from sgdphys.figures.curves import BAND, curve
from sgdphys.figures.layers import layers_of
from sgdphys.figures.style import DATA, FIT


@checked_figure()
def diffusion_vs_lag(
    result: xr.Dataset,
    *,
    variable: str = "diffusion",
    lag: str = "lag",
    band: float = BAND,
    ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw the lag-dependent diffusion coefficient, on logarithmic axes.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.diffusion_vs_lag``: diffusion (..., lag), with its interval if it has one;
        otherwise the median of the series is drawn, with a band. Layers have a curve each.
        green_kubo, if there, is dashed for a result without layers.
    variable : str
        Another variable along the lag, such as a ratio to a prediction.
    lag : str
        Another coordinate of the lag, such as "lag_epochs".
    band : float
        Fraction of the series inside the band.
    ax : Axes, optional
        A new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.plot``, for the curves of ``variable``.

    Returns
    -------
    Axes

    See Also
    --------
    msd : The displacement itself.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> walk = np.random.default_rng(0).standard_normal((500, 8)).cumsum(axis=0)
    >>> theta = xr.DataArray(walk, dims=("time", "path"))
    >>> result = sp.dynamics.diffusion_vs_lag(theta, time="time", over="path")
    >>> ax = sp.figures.diffusion_vs_lag(result)
    >>> [line.get_label() for line in ax.lines]
    ['variance of increments', 'Green-Kubo sum']
    """
    require_drawable(result, variable, along=lag)
    ax, is_new = one_axes(ax)
    for one, style in layers_of(result, variable):
        own = {"color": DATA, "marker": "o", "label": "variance of increments"} | style
        own.pop("markevery", None)  # lags are few: each has its marker
        curve(ax, one, variable, lag, band=band, is_positive=True, **options(kwargs, **own))
    if variable == "diffusion" and "green_kubo" in result and "layer" not in result.dims:
        curve(ax, result, "green_kubo", lag, band=band, is_positive=True, color=FIT,
              linestyle="--", label="Green-Kubo sum")  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(axis_label(result[lag]))
    ax.set_ylabel(axis_label(result[variable]))
    legend_of_new(ax, is_new)
    return ax
