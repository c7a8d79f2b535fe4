"""Data collapse: a scan of several sizes, and the same data scaled by the fitted exponents."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sgdphys.errors import InputError, nearest
from sgdphys.figures.axes import axes_of, axis_label, legend_of_new, names_of, options, returned
from sgdphys.figures.checks import checked_figure
from sgdphys.figures.sizes import (
    by_size,
    control_of,
    error_points,
    refusal,
    said,
    symbol_of,
    why_refused,
)
from sgdphys.figures.style import FIT, in_place_of_data

_PANELS = {
    "raw": ("order", "control"),
    "scaled": ("scaled_order", "scaled_control"),
    "corrected": ("corrected_order", "scaled_control"),
}


@checked_figure("order", "critical_point", "exponent_control", "exponent_order", method="errorbar")
def collapse(
    result: xr.Dataset,
    *,
    panels: str | Sequence[str] | None = None,
    size: str = "size",
    ax: Axes | Iterable[Axes] | None = None,
    **kwargs: Any,
) -> Any:
    r"""Draw a data collapse: the order parameter of all sizes, as it is and scaled.

    Parameters
    ----------
    result : Dataset
        Of ``transitions.collapse``: critical_point, exponent_control and exponent_order with their
        intervals; order, scaled_control and scaled_order of every size.
    panels : str or sequence of str
        "raw": against the control parameter, with the interval of the critical point. "scaled": all
        points, open outside the window of the fit. "corrected": only the points in the window,
        without the fitted correction to scaling, which is what collapses where corrections were
        fitted. Both have the exponents and the quality S in a corner, "corrected" also how many of
        all points it shows. By default "raw" and "corrected", or "scaled" without corrections. A
        collapse that was refused has the reason in place of the exponents.
    size : str
        Dimension of the sizes.
    ax : Axes or array of Axes, optional
        One per panel, such as an inset; a new figure by default, which gets legends.
    **kwargs
        Passed to ``Axes.errorbar``.

    Returns
    -------
    Axes or array of Axes
        Axes where ``panels`` is one name.

    See Also
    --------
    scan, crossing : The same scan in other variables.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> sizes, control = np.array([64, 256]), np.linspace(0.9, 1.1, 9)
    >>> scaled = (control - 1) * np.sqrt(sizes)[:, None]
    >>> dims, order = ("size", "control"), np.exp(scaled) / sizes[:, None] ** 0.25
    >>> result = xr.Dataset(
    ...     {"order": (dims, order), "scaled_order": (dims, np.exp(scaled)),
    ...      "scaled_control": (dims, scaled), "critical_point": 1.0, "critical_point_low": 0.99,
    ...      "critical_point_high": 1.01, "exponent_control": 0.5, "exponent_order": 0.25},
    ...     {"size": sizes, "control": control},
    ... )
    >>> raw, scaled = sp.figures.collapse(result)
    >>> print(scaled.texts[0].get_text())
    $x_c$ = 1.000 [0.990, 1.010]
    $1/\nu$ = 0.5
    $\beta/\nu$ = 0.25
    """
    if panels is None:
        is_corrected = "corrected_order" in result and "exponent_correction" in result
        panels = ("raw", "corrected" if is_corrected else "scaled")
    names = names_of(panels)
    for name in names:
        if name not in _PANELS:
            raise InputError(f"there is no panel {name!r}; {nearest(name, tuple(_PANELS))}")
    refused = refusal(result)
    along = control_of(result, "order", size, None)
    symbol = symbol_of(result, along, "x")
    axes, names, is_new = axes_of(ax, panels)
    for panel, name in zip(axes, names, strict=True):
        y, x = _PANELS[name]
        if name != "raw" and not (y in result and np.isfinite(result[y]).any()):
            in_place_of_data(panel, why_refused(result) or "no collapse")
            continue
        x = x if x in result.variables else control_of(result, y, size, None)
        for one, style in by_size(result, size):
            _points(panel, one, (x, y), kwargs, style, is_scaled=name != "raw")
        if name == "raw":
            panel.set_xlabel(axis_label(result[x]))
            panel.set_ylabel(axis_label(result[y]))
            if not refused:
                critical_region(panel, result, symbol, is_told_beside=len(names) > 1)
        else:
            extent = symbol_of(result, size, "N")
            panel.set_xlabel(rf"$({symbol} - {symbol}_c)\,{extent}^{{1/\nu}}$")
            order = symbol_of(result, "order", "m")
            scaled = rf"{order}\,{extent}^{{\beta/\nu}}"
            less = r" - \mathrm{correction}" if name == "corrected" else ""
            panel.set_ylabel(f"${scaled}{less}$")
            _exponents(panel, result, symbol, refused, is_corrected=name == "corrected")
    for panel, name in zip(axes, names, strict=True):
        if name == "raw" or len(names) == 1:
            legend_of_new(panel, is_new)
    return returned(axes, panels)


def _points(
    ax: Axes,
    one: xr.Dataset,
    names: tuple[str, str],
    given: dict[str, Any],
    style: dict[str, Any],
    *,
    is_scaled: bool,
) -> None:
    """Points of one size; those that the scaled fit left out are open."""
    x, y = names
    along = one[x].to_numpy().astype(float)
    inside = np.ones(len(along), bool)
    if is_scaled and "in_window" in one:
        inside = one["in_window"].to_numpy() > 0
    (dim,) = (str(d) for d in one[y].dims)
    for kept, face in ((inside, style["color"]), (~inside, "white")):
        if kept.any():
            own = options(given, **style, markerfacecolor=face)
            error_points(ax, along[kept], one.isel({dim: np.flatnonzero(kept)}), y, **own)
            style = {k: v for k, v in style.items() if k != "label"}


def critical_region(
    ax: Axes, result: xr.Dataset, symbol: str = "x", *, is_told_beside: bool = False
) -> None:
    """Mark a critical point and its interval on the axis of the control parameter.

    Its numbers stand in the legend, unless another panel tells them.
    """
    value, low, high = (float(result[f"critical_point{e}"]) for e in ("", "_low", "_high"))
    if np.isfinite(low) and np.isfinite(high):
        ax.axvspan(low, high, color=FIT, alpha=0.2, linewidth=0)
    if np.isfinite(value):
        number = "" if is_told_beside else f" = {said(result, 'critical_point')}"
        label = f"${symbol}_c${number}"
        ax.axvline(value, color=FIT, linewidth=0.8, linestyle="--", zorder=1, label=label)


def _exponents(
    ax: Axes, result: xr.Dataset, symbol: str, refused: str, *, is_corrected: bool
) -> None:
    """Critical point and exponents with their intervals, in a corner without data."""
    shown = (("critical_point", f"${symbol}_c$"), ("exponent_control", r"$1/\nu$"),
             ("exponent_order", r"$\beta/\nu$"))  # fmt: skip
    lines = [] if refused else [f"{of} = {said(result, name)}" for name, of in shown]
    if "quality" in result and np.isfinite(float(result["quality"])):
        lines.append(f"$S$ = {float(result['quality']):.2g}")
    if is_corrected and "in_window" in result:
        known = np.isfinite(result["order"])
        fitted = (result["in_window"] > 0) & known
        if int(fitted.sum()) < int(known.sum()):
            lines.append(f"{int(fitted.sum())} of {int(known.sum())} points fitted")
    if refused:
        lines.append(refused)
    rises = _rises(ax)
    ax.text(
        0.03 if rises else 0.97, 0.97, "\n".join(lines), transform=ax.transAxes, va="top",
        ha="left" if rises else "right", fontsize="small",
    )  # fmt: skip


def _rises(ax: Axes) -> bool:
    """Whether what is drawn rises to the right, so that its upper left corner is free."""
    drawn = [np.asarray(line.get_xydata(), float) for line in ax.lines]
    x, y = np.concatenate([np.empty((0, 2)), *drawn]).T
    kept = np.isfinite(x) & np.isfinite(y)
    return bool(np.cov(x[kept], y[kept])[0, 1] >= 0) if kept.sum() > 1 else True
