"""Mean squared displacement against the lag, with a reference slope."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sgdphys.figures.axes import axis_label, legend_of_new, one_axes, options
from sgdphys.figures.checks import checked_figure
from sgdphys.figures.curves import BAND, curve
from sgdphys.figures.layers import layers_of
from sgdphys.figures.style import DATA, EXACT


@checked_figure("msd", along="lag")
def msd(
    result: xr.Dataset,
    *,
    slope: float | None = 1.0,
    band: float = BAND,
    ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw the mean squared displacement against the lag, on logarithmic axes.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.msd``: msd (..., lag). Over several series the median is drawn, with a band;
        layers have a curve each.
    slope : float, optional
        Exponent of a dotted reference line through the first point; 1 is normal diffusion. None
        draws no line.
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
    diffusion_vs_lag : Half the displacement per unit lag: flat where diffusion is normal.

    Examples
    --------
    >>> import numpy as np, sgdphys as sp
    >>> walk = np.random.default_rng(0).standard_normal((500, 8)).cumsum(axis=0)
    >>> ax = sp.figures.msd(sp.dynamics.msd(walk))
    >>> [line.get_label() for line in ax.lines]
    ['median', 'slope 1']
    """
    ax, is_new = one_axes(ax)
    lag = result["lag"].to_numpy()
    first: tuple[float, float] | None = None
    label = "median" if result["msd"].size > len(lag) else None
    for one, style in layers_of(result, "msd"):
        own = options(kwargs, **{"color": DATA, "marker": "o", "label": label} | style)
        drawn = curve(ax, one, "msd", "lag", band=band, is_positive=True, **own)
        if drawn is not None and first is None:
            at = np.isfinite(np.asarray(drawn.get_ydata(), float)).argmax()
            x, y = (np.asarray(v, float)[at] for v in (drawn.get_xdata(), drawn.get_ydata()))
            first = float(x), float(y)
    positive = lag[lag > 0]
    if slope is not None and first is not None:
        start, height = first
        ax.plot(positive, height * (positive / start) ** slope, color=EXACT, linestyle=":",
                linewidth=0.8, label=f"slope {slope:g}")  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(axis_label(result["lag"]))
    ax.set_ylabel(axis_label(result["msd"]))
    legend_of_new(ax, is_new)
    return ax
