"""Relaxation times over a scan, the power law fitted to them, and where it diverges."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sgdphys.containers import array_of
from sgdphys.figures.axes import axis_label, legend_of_new, one_axes, options
from sgdphys.figures.checks import checked_figure
from sgdphys.figures.style import DATA, FIT

_FEWEST = 3
"""Points of a side for its own background slope, as in the fit."""
_ABOVE = 30
"""How far the divergence is drawn, in units of the largest time."""


@checked_figure("critical", "exponent", "critical_low", "critical_high", only=())
def critical_point(
    result: xr.Dataset,
    control: Any,
    relaxation_time: Any,
    *,
    ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw relaxation times over a control parameter, the fitted law and the critical point.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.critical_point``: critical and exponent with ``_low`` and ``_high``.
    control, relaxation_time : array (point,)
        What was fitted; labels are taken from the attributes of a DataArray.
    ax : Axes, optional
        A new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.plot``, for the points.

    Returns
    -------
    Axes

    See Also
    --------
    relaxation_time : Times with their intervals.

    Examples
    --------
    >>> import numpy as np, sgdphys as sp
    >>> r = np.array([0.2, 0.5, 0.8, 0.9, 1.1, 1.2, 1.5, 1.8])
    >>> tau = 1 / np.abs(r - 1)
    >>> ax = sp.figures.critical_point(sp.dynamics.critical_point(r, tau), r, tau)
    >>> ax.lines[-1].get_label()
    '$r_c$ = 1 [1, 1]'
    """
    ax, is_new = one_axes(ax)
    r, tau = (np.asarray(array_of(v, n), np.float64).ravel()
              for v, n in ((control, "control"), (relaxation_time, "relaxation_time")))  # fmt: skip
    ax.plot(r, tau, **options(kwargs, color=DATA, marker="o", linestyle="", label="data"))
    critical, exponent = float(result["critical"]), float(result["exponent"])
    width = np.ptp(np.append(r, critical))
    label = f"fit, $|r - r_c|^{{-{exponent:.3g}}}$"
    for side in (-1, 1):
        here = side * (r - critical) > 0
        if not here.any():
            continue
        reach = np.abs(r[here] - critical).max()
        distance = np.geomspace(min(1e-3 * width, np.abs(r[here] - critical).min()), reach, 200)
        degree = 1 if here.sum() >= _FEWEST else 0
        background = np.polyfit(
            r[here] - critical, np.log(tau[here]) + exponent * np.log(np.abs(r[here] - critical)),
            degree,
        )  # fmt: skip
        law = np.exp(np.polyval(background, side * distance) - exponent * np.log(distance))
        ax.plot(critical + side * distance, law, color=FIT, linewidth=1.0, zorder=1, label=label)
        label = "_nolegend_"
    low, high = (float(result[f"critical_{e}"]) for e in ("low", "high"))
    said = f"$r_c$ = {critical:.3g} [{low:.3g}, {high:.3g}]"
    if np.isfinite(low) and np.isfinite(high):
        ax.axvspan(low, high, color=FIT, alpha=0.15, linewidth=0)
    ax.axvline(critical, color=FIT, linewidth=0.8, linestyle="--", label=said)
    ax.set_yscale("log")
    ax.set_ylim(0.5 * tau.min(), _ABOVE * tau.max())  # the law has no upper end
    ax.set_xlabel(_label(control, "control parameter $r$"))
    ax.set_ylabel(_label(relaxation_time, r"relaxation time $\tau$"))
    legend_of_new(ax, is_new)
    return ax


def _label(values: Any, fallback: str) -> str:
    has_name = isinstance(values, xr.DataArray) and (values.name or values.attrs.get("long_name"))
    return axis_label(values) if has_name else fallback
