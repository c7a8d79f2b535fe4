"""From drift to diffusion: the mean of each layer's gradient against its noise."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sgdphys.figures.axes import axes_of, axis_label, legend_of_new, names_of, options, returned
from sgdphys.figures.checks import checked_figure, require_drawable
from sgdphys.figures.curves import about_values, bars, curve
from sgdphys.figures.layers import layers_of
from sgdphys.figures.style import NULL, epoch_axis, in_place_of_data
from sgdphys.intervals import mean_with_interval

_EVENTS = {
    "gradient_ratio": "transition_epoch",
    "drift_ratio": "drift_transition_epoch",
    "followed_ratio": "followed_transition_epoch",
}
"""Of each ratio, the epoch at which it falls below 1."""
_COSINE = "displacement_cosine"


@checked_figure("gradient_ratio", along="epoch")
def gradient_phases(
    result: xr.Dataset,
    *,
    panels: str | Sequence[str] | None = None,
    ax: Axes | Iterable[Axes] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw gradient mean against gradient noise of every layer over epochs, with intervals.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.gradient_phases``, or the group ``phases`` of a run's results.
    panels : str or sequence of str, optional
        Variables (epoch, layer), one panel each; by default the ratios that there are:
        "gradient_ratio", "drift_ratio" and "followed_ratio". Also "mean_over_weight",
        "noise_over_weight" and "displacement_cosine". Marked points have their intervals. Ratios
        are geometric means over replicas; a triangle marks the geometric mean of the epochs at
        which those of single replicas fall below 1, with its interval.
    ax : Axes or array of Axes, optional
        One per panel; a new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.plot``, for the curve of every layer.

    Returns
    -------
    Axes or array of Axes
        Axes where ``panels`` is one name.

    See Also
    --------
    sgdphys.dynamics.gradient_phases : The result that is drawn.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> epoch, dims = np.arange(20), ("epoch", "replica", "layer")
    >>> mean = np.broadcast_to(np.exp(-epoch / 4)[:, None, None], (20, 8, 2))
    >>> norms = {"mean_norm": (dims, mean)} | {
    ...     name: (dims, np.full((20, 8, 2), 0.3)) for name in ("noise_norm", "noise_trace")
    ... } | {"weight_norm": (dims, np.ones((20, 8, 2)))}
    >>> norms = xr.Dataset(norms, {"epoch": epoch, "layer": [1, 2]})
    >>> result = sp.dynamics.gradient_phases(norms, batch_size=10, batches=4)
    >>> ax = sp.figures.gradient_phases(result, panels="gradient_ratio")
    >>> ax.get_yscale()
    'log'
    """
    result = _of_networks(result.load())
    if panels is None:
        panels = [name for name in _EVENTS if name in result]
    require_drawable(result, *names_of(panels), along="epoch")
    axes, names, is_new = axes_of(ax, panels)
    for one, name in zip(axes, names, strict=True):
        values = result[name]
        is_cosine = name == _COSINE
        if is_cosine:
            one.set_ylim(-1.05, 1.05)
            one.axhline(0.0, color=NULL, linewidth=0.8, zorder=1)
        elif bool(((values > 0) & np.isfinite(values)).any()):
            one.set_yscale("log")
        else:
            in_place_of_data(one, "no noise: one batch per epoch")
        layers = layers_of(result, name)
        for k, (layer, style) in enumerate(layers):
            own = options(kwargs, **style, linewidth=0.7)
            alone = layer.drop_vars([f"{name}_low", f"{name}_high"], errors="ignore")
            drawn = curve(one, alone, name, "epoch", is_positive=not is_cosine, **own)
            if drawn is not None:
                bars(one, drawn, layer, name, "epoch", k / len(layers))
            if drawn is not None and name in _EVENTS:
                _transition(one, layer, _EVENTS[name], drawn.get_color())
        if name in _EVENTS:
            one.axhline(1.0, color=NULL, linewidth=0.8, zorder=1)
        epoch_axis(one, int(result["epoch"].max()))
        one.set_ylabel(axis_label(values))
    of_axes = {one: result[n] for one, n in zip(axes, names, strict=True) if n != _COSINE}
    for one in of_axes:  # axes that share a scale show the values of all
        together = one.get_shared_y_axes().get_siblings(one)
        shown = xr.concat(
            [of_axes[o].drop_vars(of_axes[o].coords) for o in together if o in of_axes], "panel"
        )
        about_values(one, shown, *([1.0] if of_axes[one].name in _EVENTS else []))
    legend_of_new(axes[0], is_new)
    return returned(axes, panels)


def _of_networks(result: xr.Dataset) -> xr.Dataset:
    """Geometric means over replicas of every ratio and its event, as claims judge them.

    The ratio of averages over replicas is another quantity: those with the largest gradients rule
    it, and it may fall below 1 much earlier or later than that of a replica.
    """
    confidence = result.attrs.get("confidence", 0.95)
    changed = {}
    for ratio, event in _EVENTS.items():
        for name, values in ((ratio, f"own_{ratio}"), (event, event)):
            if values in result and "replica" in result[values].dims:
                mean = mean_with_interval(
                    result[values].rename(name), kind="geometric", confidence=confidence
                )
                for end in ("", "_low", "_high"):
                    changed[f"{name}{end}"] = mean[f"{name}{end}"]
    for name in _EVENTS:
        if name in changed:
            changed[name].attrs = result[name].attrs
    return result.drop_vars([n for n in changed if n in result]).assign(changed)


def _transition(ax: Axes, layer: xr.Dataset, event: str, colour: Any) -> None:
    """Mark where a ratio falls below 1, with its interval."""
    if event not in layer or not np.isfinite(layer[event]):
        return
    value = float(layer[event])
    low, high = (float(layer[f"{event}_{e}"]) if f"{event}_{e}" in layer else np.nan
                 for e in ("low", "high"))  # fmt: skip
    if np.isfinite(low) and np.isfinite(high):
        ax.plot([low, high], [1, 1], color=colour, linewidth=1, zorder=4)
    ax.plot([value], [1], marker="v", color=colour, markeredgecolor="white", markeredgewidth=0.5,
            markersize=5, zorder=5)  # fmt: skip
