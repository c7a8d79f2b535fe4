"""Predictive checks: a series beside the bands of simulated copies of its model."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sgdphys.figures.axes import axes_of, axis_label, legend_of_new, names_of, options, returned
from sgdphys.figures.checks import checked_figure, require_drawable
from sgdphys.figures.style import DATA, NULL, in_place_of_data

_ALONG = {
    "displacement": "lag",
    "increment_autocorrelation": "lag",
    "tail": "share",
    "autocorrelation": "lag",
    "density": "level",
}
_BELOW = 0.05
"""p-values that are written in bold."""


@checked_figure("p_value")
def predictive_checks(
    result: xr.Dataset,
    *,
    panels: str | Sequence[str] = tuple(_ALONG),
    ax: Axes | Iterable[Axes] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw predictive checks: the curves of a series, the bands of its copies, the p-values.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.predictive_checks``, of one series.
    panels : str or sequence of str
        Checks, one panel each; all of them by default.
    ax : Axes or array of Axes, optional
        One per panel; a new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.plot``, for the series.

    Returns
    -------
    Axes or array of Axes
        Axes where ``panels`` is one name.

    See Also
    --------
    fit : A fit at a glance.

    Examples
    --------
    >>> import numpy as np, sgdphys as sp
    >>> walk = np.random.default_rng(0).standard_normal(400).cumsum()
    >>> found = sp.dynamics.predictive_checks(walk, model="wiener", copies=50)
    >>> axes = sp.figures.predictive_checks(found)
    >>> axes[4].get_xlabel(), axes[4].get_ylabel()
    ('level (standard deviations from its mean)', 'probability density of the level')
    """
    names = names_of(panels)
    require_drawable(result, *names)
    own = (*_ALONG.values(), "check")
    of_one = result.squeeze([d for d in result.dims if d not in own and result.sizes[d] == 1])
    for name in names:
        require_drawable(of_one, name, along=_ALONG.get(name), only=own)
    axes, _, is_new = axes_of(ax, panels, columns=min(len(names), 3))
    for one, name in zip(axes, names, strict=True):
        _panel(one, of_one, name, kwargs)
    legend_of_new(axes[0], is_new)
    return returned(axes, panels)


def _panel(ax: Axes, result: xr.Dataset, name: str, given: dict[str, Any]) -> None:
    """One check: band of the copies, curve of the series, p-value."""
    along = _ALONG[name]
    x = result[along].to_numpy()
    y, low, high = (result[f"{name}{end}"].to_numpy() for end in ("", "_low", "_high"))
    ax.set_xlabel(axis_label(result[along]))
    ax.set_ylabel(axis_label(result[name]))
    if not np.isfinite(y).any():
        in_place_of_data(ax, "not checked")
        return
    confidence = result.attrs.get("confidence", 0.95)
    model = str(result["model"].item()) if "model" in result and result["model"].ndim == 0 else ""
    said = f"{100 * confidence:g}% of copies{f' of {model}' if model else ''}"
    ax.fill_between(x, low, high, color=NULL, alpha=0.4, linewidth=0, label=said)
    ax.plot(x, y, **options(given, color=DATA, marker="o", label="series"))
    if along != "level":
        ax.set_xscale("log")
    if name in ("displacement", "tail"):
        ax.set_yscale("log")
    else:
        ax.axhline(0, color=NULL, linewidth=0.6, zorder=1)
    if along == "share":
        ax.invert_xaxis()
    p_value = float(result["p_value"].sel(check=name))
    ax.set_title(
        f"p = {p_value:.2g}", loc="right", fontweight="bold" if p_value < _BELOW else "normal"
    )
