"""Hysteresis: loops of a control ramped up and down, and their area by speed."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sgdphys.errors import InputError, nearest
from sgdphys.figures.axes import axes_of, axis_label, legend_of_new, names_of, options, returned
from sgdphys.figures.checks import checked_figure
from sgdphys.figures.curves import curve
from sgdphys.figures.sizes import by_size, error_points, said
from sgdphys.figures.style import DATA, FIT, few_decades
from sgdphys.status import LOOP, NO_LOOP, words
from sgdphys.transitions.zero_speed import REFUSED

_PANELS = ("order", "area")
_LINES = {"up": "-", "down": "--"}


@checked_figure("order", "area", "area_at_zero_speed", "exponent")
def hysteresis(
    result: xr.Dataset,
    *,
    panels: str | Sequence[str] = _PANELS,
    ax: Axes | Iterable[Axes] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw hysteresis loops by speed of the ramp, and their area with its limit of zero speed.

    Parameters
    ----------
    result : Dataset
        Of ``transitions.hysteresis``: order (speed, direction, control), area (speed),
        area_at_zero_speed and exponent, each with its interval.
    panels : str or sequence of str
        "order", the mean curves, up solid and down dashed; "area", against speed on a logarithmic
        axis, with the fitted law and the band of the area at zero speed. Areas that the law was not
        fitted to are open. A law that was refused is not drawn; the reason is in the legend.
    ax : Axes or array of Axes, optional
        One per panel; a new figure by default, which gets legends.
    **kwargs
        Passed to ``Axes.plot``, for the loops and the law.

    Returns
    -------
    Axes or array of Axes
        Axes where ``panels`` is one name.

    See Also
    --------
    scan : A control that stands still.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> speed, control = [0.01, 0.04], np.linspace(-1, 1, 21)
    >>> up, down = np.tanh(9 * control - 2), np.tanh(9 * control + 2)
    >>> result = xr.Dataset(
    ...     {"order": (("speed", "direction", "control"), np.array([[up, down]] * 2)),
    ...      "area": ("speed", [0.6, 0.9]), "area_at_zero_speed": 0.4, "exponent": 2 / 3},
    ...     {"speed": speed, "direction": ["up", "down"], "control": control},
    ... )
    >>> loops, area = sp.figures.hysteresis(result)
    >>> len(loops.lines)  # up and down at two speeds, and the key of directions
    6
    """
    names = names_of(panels)
    for name in names:
        if name not in _PANELS:
            raise InputError(f"there is no panel {name!r}; {nearest(name, _PANELS)}")
    dims = [str(d) for d in result["order"].dims]
    speed = [str(d) for d in result["area"].dims]
    along = [d for d in dims if d not in (*speed, "direction")]
    if len(speed) != 1 or len(along) != 1 or "direction" not in dims:
        raise InputError(
            f"order has the dimensions {', '.join(dims) or 'of a number'}; it must be along speed, "
            "direction and control"
        )
    axes, names, is_new = axes_of(ax, panels)
    for panel, name in zip(axes, names, strict=True):
        if name == "order":
            _loops(panel, result, speed[0], along[0], kwargs)
        else:
            _areas(panel, result, speed[0], kwargs)
        panel.set_ylabel(axis_label(result[name]))
        legend_of_new(panel, is_new)
    return returned(axes, panels)


def _loops(ax: Axes, result: xr.Dataset, speed: str, x: str, given: dict[str, Any]) -> None:
    for loop, style in by_size(result, speed):
        for direction, line in _LINES.items():
            if direction not in result["direction"]:
                continue
            own = {**style, "linestyle": line, "marker": ""}
            if direction == "down":
                own["label"] = f"_{own['label']}, down" if "label" in own else "_down"
            here = loop.sel(direction=direction)
            curve(ax, here, "order", x, **options(given, **own))
    for direction, line in _LINES.items():
        ax.plot([], [], color="black", linestyle=line, label=direction)
    ax.set_xlabel(axis_label(result[x]))


def _areas(ax: Axes, result: xr.Dataset, speed: str, given: dict[str, Any]) -> None:
    v = result[speed].to_numpy().astype(float)
    refused = _refusal(result)
    fitted = result["is_fitted"].to_numpy() > 0 if "is_fitted" in result else np.isfinite(v)
    for kept, inside in ((fitted, DATA), (~fitted, "white")):
        error_points(ax, v[kept], result.isel({speed: np.flatnonzero(kept)}), "area", color=DATA,
                     marker="o", markerfacecolor=inside)  # fmt: skip
    ax.set_xscale("log")
    if v.max() < 100 * v.min():
        few_decades(ax.xaxis)
    ax.set_xlabel(axis_label(result[speed]))
    if refused:
        ax.plot([], [], linestyle="", label=textwrap.fill(refused, 38))
        return
    zero, low, high = (
        float(result[n]) if (n := f"area_at_zero_speed{end}") in result else np.nan
        for end in ("", "_low", "_high")
    )
    if np.isfinite(low) and np.isfinite(high):
        ax.axhspan(low, high, color=FIT, alpha=0.2, linewidth=0)
    power, y = float(result["exponent"]), result["area"].to_numpy().astype(float)
    kept = fitted & np.isfinite(y)
    if np.isfinite([zero, power]).all() and kept.any():
        label = f"at zero speed {said(result, 'area_at_zero_speed')}"
        ax.axhline(zero, color=FIT, linewidth=0.8, linestyle="--", label=label)
        basis = v[kept] ** power
        slope = max(float(basis @ (y[kept] - zero) / (basis @ basis)), 0.0)  # as the law was fitted
        grid = np.geomspace(v[kept].min(), v[kept].max(), 100)
        own = options(given, color=FIT, label=f"$A_0 + c\\,v^a$, $a$ = {said(result, 'exponent')}")
        ax.plot(grid, zero + slope * grid**power, **own)
    if "status" in result:
        ax.plot([], [], linestyle="", label=str(words(result["status"]).item()))


def _refusal(result: xr.Dataset) -> str:
    """Why there is no law to draw: it was rejected, or there is none."""
    if "status" not in result or int(result["status"].item()) in (LOOP, NO_LOOP):
        return ""
    is_rejected = "p_value" in result and float(result["p_value"]) < REFUSED
    if np.isfinite(float(result["area_at_zero_speed"])) and not is_rejected:
        return ""
    reason = str(result.attrs.get("reason", ""))
    return ": ".join(filter(None, (str(words(result["status"]).item()), reason)))
