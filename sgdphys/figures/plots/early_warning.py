"""Trends of early-warning indicators: Kendall's tau of all series, and how many warn."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from sgdphys.arguments import require_share
from sgdphys.errors import InputError, nearest
from sgdphys.figures.axes import legend_of_new, one_axes, options
from sgdphys.figures.checks import checked_figure
from sgdphys.figures.style import DATA, NULL


@checked_figure("kendall", method="hist")
def early_warning(
    result: xr.Dataset,
    *,
    trend: str = "joint",
    level: float = 0.05,
    ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:
    r"""Draw a histogram of Kendall's tau over series, with the fraction of them that warn.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.early_warning``: kendall and p_value (..., trend).
    trend : str
        "joint" (mean of variance and autocorrelation), "variance", "autocorrelation", "skewness" or
        "reddening".
    level : float
        A series warns where its p-value is at most this.
    ax : Axes, optional
        A new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.hist``.

    Returns
    -------
    Axes

    See Also
    --------
    rolling_indicators : The indicators themselves.

    Examples
    --------
    >>> import numpy as np, sgdphys as sp
    >>> noise = np.random.default_rng(0).standard_normal((300, 8))
    >>> result = sp.dynamics.early_warning(noise, resamples=39)
    >>> ax = sp.figures.early_warning(result, trend="variance")
    >>> ax.get_xlabel()
    "Kendall's $\\tau$ of the variance"
    """
    require_share(level, "level")
    if "trend" in result.dims:
        known = [str(t) for t in result["trend"].to_numpy()]
        if trend not in known:
            raise InputError(f"there is no trend {trend!r}; {nearest(trend, known)}")
        result = result.sel(trend=trend)
    ax, is_new = one_axes(ax)
    tau = result["kendall"].to_numpy().ravel()
    tau = tau[np.isfinite(tau)]
    label = None
    if "p_value" in result:
        p = result["p_value"].to_numpy().ravel()
        p = p[np.isfinite(p)]
        warn = f"{(p <= level).sum()} of {len(p)} series" if len(p) else "no series"
        label = f"{warn} with $p \\leq$ {level:g}"
    own = options(kwargs, Rectangle, color=DATA, alpha=0.75, label=label)
    ax.hist(tau, **{"bins": np.linspace(-1, 1, 33), **own})
    ax.axvline(0, color=NULL, linewidth=0.8, linestyle="--", zorder=1)
    of = {"joint": "variance and autocorrelation, mean"}.get(trend, f"the {trend}")
    ax.set_xlabel(rf"Kendall's $\tau$ of {of}")
    ax.set_ylabel("number of series")
    legend_of_new(ax, is_new)
    return ax
