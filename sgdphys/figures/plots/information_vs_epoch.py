"""The two axes of the information plane against epochs."""

from collections.abc import Iterable, Sequence
from typing import Any

import xarray as xr
from matplotlib.axes import Axes

from sgdphys.figures.axes import axes_of, axis_label, legend_of_new, names_of, options, returned
from sgdphys.figures.checks import checked_figure, require_drawable
from sgdphys.figures.curves import BAND, curve
from sgdphys.figures.layers import layers_of
from sgdphys.figures.style import epoch_axis


@checked_figure()
def information_vs_epoch(
    result: xr.Dataset,
    *,
    panels: str | Sequence[str] = ("I_XT", "I_TY"),
    band: float = BAND,
    ax: Axes | Iterable[Axes] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw I(X;T) and I(T;Y) of every layer against epochs: median and band over networks.

    Parameters
    ----------
    result : Dataset
        Of ``information.layer_information``, or the group ``information`` of a run's results. With
        null_I_TY, the median null of permuted labels is dashed in the panel of I_TY.
    panels : str or sequence of str
        Variables (epoch, replica, layer), one panel each.
    band : float
        Fraction of the networks inside the band.
    ax : Axes or array of Axes, optional
        One per panel; a new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.plot``, for the median of every layer.

    Returns
    -------
    Axes or array of Axes
        Axes where ``panels`` is one name.

    See Also
    --------
    information_plane : The two against each other.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> bits = np.random.default_rng(0).random((5, 3, 2))
    >>> names = ("epoch", "replica", "layer")
    >>> result = xr.Dataset(
    ...     {"I_XT": (names, 4 * bits)}, {"epoch": range(5), "layer": [1, 2]}
    ... )
    >>> ax = sp.figures.information_vs_epoch(result, panels="I_XT")
    >>> [line.get_label() for line in ax.lines]
    ['layer 1', 'layer 2 (output)']
    """
    require_drawable(result, *names_of(panels), along="epoch")
    axes, names, is_new = axes_of(ax, panels)
    result = result.load()
    for one, name in zip(axes, names, strict=True):
        for layer, style in layers_of(result, name):
            drawn = curve(one, layer, name, "epoch", band=band, **options(kwargs, **style))
            if drawn is None or name != "I_TY" or "null_I_TY" not in layer:
                continue
            null = layer["null_I_TY"]
            null = null.median("replica") if "replica" in null.dims else null
            one.plot(null["epoch"], null, color=drawn.get_color(), linewidth=0.8, linestyle="--")
        epoch_axis(one, int(result["epoch"].max()))
        one.set_ylabel(axis_label(result[name]))
        one.set_ylim(bottom=0)
    legend_of_new(axes[0], is_new)
    return returned(axes, panels)
