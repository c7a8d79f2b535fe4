"""Indicators of a critical transition in moving windows."""

from collections.abc import Iterable, Sequence
from typing import Any

import xarray as xr
from matplotlib.axes import Axes

from sgdphys.figures.axes import axes_of, axis_label, legend_of_new, names_of, options, returned
from sgdphys.figures.checks import checked_figure, require_drawable
from sgdphys.figures.curves import BAND, curve
from sgdphys.figures.layers import layers_of
from sgdphys.figures.style import DATA


@checked_figure()
def rolling_indicators(
    result: xr.Dataset,
    *,
    panels: str | Sequence[str] = ("variance", "autocorrelation"),
    time: str | None = None,
    band: float = BAND,
    ax: Axes | Iterable[Axes] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw indicators of a critical transition against time.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.rolling_indicators`` or ``dynamics.ensemble_indicators``. Over several series
        the median is drawn, with a band; layers have a curve each.
    panels : str or sequence of str
        Variables along time, one panel each; also "skewness", "reddening".
    time : str, optional
        Coordinate to draw against; the last dimension of the variables by default.
    band : float
        Fraction of the series inside the band.
    ax : Axes or array of Axes, optional
        One per panel; a new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.plot``, for the median.

    Returns
    -------
    Axes or array of Axes
        Axes where ``panels`` is one name.

    See Also
    --------
    early_warning : Trends of the indicators, tested against stationary surrogates.

    Examples
    --------
    >>> import numpy as np, sgdphys as sp
    >>> noise = np.random.default_rng(0).standard_normal((300, 8))
    >>> result = sp.dynamics.rolling_indicators(noise, window=100)
    >>> variance, memory = sp.figures.rolling_indicators(result)
    >>> len(variance.lines)
    1
    """
    require_drawable(result, *names_of(panels))
    for name in names_of(panels):
        require_drawable(result, name, along=time or _last(result[name]))
    axes, names, is_new = axes_of(ax, panels)
    for one, name in zip(axes, names, strict=True):
        x = time or _last(result[name])
        label = "median" if result[name].size > result[x].size else None
        for layer, style in layers_of(result, name):
            own = options(kwargs, **{"color": DATA, "label": label} | style)
            curve(one, layer, name, x, band=band, **own)
        one.set_xlabel(axis_label(result[x]))
        one.set_ylabel(axis_label(result[name]))
    legend_of_new(axes[0], is_new)
    return returned(axes, panels)


def _last(values: xr.DataArray) -> str:
    """The last dimension, which is time; a number has none."""
    return str(values.dims[-1]) if values.dims else "time"
