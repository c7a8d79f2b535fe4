"""Stretches of time with their own coefficients."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sgdphys.figures.axes import axes_of, axis_label, legend_of_new, names_of, options, returned
from sgdphys.figures.checks import checked_figure, require_drawable
from sgdphys.figures.style import DATA, NULL

_SHADE = 0.2


@checked_figure("start", "end")
def segments(
    result: xr.Dataset,
    *,
    panels: str | Sequence[str] = "diffusion",
    ax: Axes | Iterable[Axes] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw the coefficients of stretches against time, with their intervals.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.segments``, of one series.
    panels : str or sequence of str
        Coefficients, one panel each, such as "drift" or "kappa". Stretches on which the model does
        not hold are grey.
    ax : Axes or array of Axes, optional
        One per panel; a new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.plot``, for the stretches on which the model holds.

    Returns
    -------
    Axes or array of Axes
        Axes where ``panels`` is one name.

    See Also
    --------
    rolling_indicators : Windows of one length.

    Examples
    --------
    >>> import numpy as np, sgdphys as sp
    >>> noise = np.random.default_rng(0).standard_normal(2000)
    >>> noise[1200:] /= 2
    >>> ax = sp.figures.segments(sp.dynamics.segments(noise.cumsum()))
    >>> [line.get_xdata().tolist() for line in ax.lines]
    [[0.0, 1199.0], [1199.0, 1999.0]]
    """
    names = names_of(panels)
    require_drawable(result, *names)
    apart = [d for d in result.dims if d != "segment" and result.sizes[d] == 1]
    of_one = result.squeeze(apart)
    for name in ("start", "end", *names):
        require_drawable(of_one, name, along="segment", only=("segment",))
    axes, _, is_new = axes_of(ax, panels)
    for one, name in zip(axes, names, strict=True):
        _panel(one, of_one, name, kwargs)
    legend_of_new(axes[0], is_new)
    return returned(axes, panels)


def _panel(ax: Axes, result: xr.Dataset, name: str, given: dict[str, Any]) -> None:
    """One coefficient: a horizontal line for each stretch, and its interval."""
    start, end, y = (result[n].to_numpy().astype(float) for n in ("start", "end", name))
    ends = (f"{name}_low", f"{name}_high")
    low, high = (result[n].to_numpy().astype(float) if n in result else y for n in ends)
    holds = result["model"].to_numpy() != "none" if "model" in result else np.ones(len(y), bool)
    labels = {True: "model holds", False: "model is rejected"}
    for k in np.flatnonzero(np.isfinite(y) & np.isfinite(start)):
        own = options(given, color=DATA) if holds[k] else {"color": NULL}
        label = labels.pop(bool(holds[k]), None)
        (line,) = ax.plot([start[k], end[k]], [y[k], y[k]], **({"label": label} | own))
        if np.isfinite(low[k]) and np.isfinite(high[k]):
            ax.fill_between([start[k], end[k]], low[k], high[k], color=line.get_color(),
                            alpha=_SHADE, linewidth=0)  # fmt: skip
    unit = result["start"].attrs.get("units", "time")
    ax.set_xlabel("time" if unit == "time" else f"time ({unit})")
    ax.set_ylabel(axis_label(result[name]))
