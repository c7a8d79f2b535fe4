"""Every layer of every network on the information plane, at one epoch."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sgdphys.errors import InputError
from sgdphys.figures.axes import legend_of_new, one_axes, options
from sgdphys.figures.checks import checked_figure
from sgdphys.figures.layers import layers_of
from sgdphys.figures.plots.information_plane import DIMS, NULL_LABEL, plane_limits
from sgdphys.figures.style import NULL

_SMALLEST, _STEP = 2.2, 0.9
"""Marker of the last layer, and how much larger that of each earlier one is, points."""


@checked_figure("I_XT", "I_TY", along="epoch", only=DIMS)
def information_snapshot(
    result: xr.Dataset, *, epoch: int | None = None, ax: Axes | None = None, **kwargs: Any
) -> Axes:
    """Draw every layer of every network on the information plane, at one epoch.

    Parameters
    ----------
    result : Dataset
        Of ``information.layer_information``: I_XT and I_TY (epoch, replica, layer); null_I_TY, if
        there, is drawn as the median over networks. Markers of earlier layers are larger, so that
        layers that know the same are all seen.
    epoch : int, optional
        A recorded one; the last by default.
    ax : Axes, optional
        A new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.plot``, for the points of every layer.

    Returns
    -------
    Axes

    See Also
    --------
    information_plane : Mean paths through training.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> bits = np.random.default_rng(0).random((5, 3, 2))
    >>> names = ("epoch", "replica", "layer")
    >>> result = xr.Dataset(
    ...     {"I_XT": (names, 4 * bits), "I_TY": (names, bits)},
    ...     {"epoch": range(5), "layer": [1, 2]},
    ... )
    >>> ax = sp.figures.information_snapshot(result, epoch=2)
    >>> [len(line.get_xdata()) for line in ax.lines]  # three networks, for each of two layers
    [3, 3]
    """
    epochs = result["epoch"].to_numpy()
    epoch = int(epochs[-1]) if epoch is None else epoch
    if epoch not in epochs:
        nearest = int(epochs[np.abs(epochs - epoch).argmin()])
        raise InputError(f"epoch {epoch} has no information; the nearest that has is {nearest}")
    ax, is_new = one_axes(ax)
    now = result.sel(epoch=epoch).load()
    if "replica" not in now.dims:
        now = now.expand_dims("replica")
    layers = layers_of(now, "I_XT", has_line=False)
    for k, (layer, style) in enumerate(layers):
        size = _SMALLEST + _STEP * (len(layers) - 1 - k)
        own = options(kwargs, **style, linestyle="", markerfacecolor="none", markersize=size,
                      markeredgewidth=0.7)  # fmt: skip
        ax.plot(layer["I_XT"].to_numpy(), layer["I_TY"].to_numpy(), **own)
    if "null_I_TY" in now:
        middle = now.median("replica")
        ax.plot(np.atleast_1d(middle["I_XT"]), np.atleast_1d(middle["null_I_TY"]), color=NULL,
                marker="x", linewidth=0.8, label=NULL_LABEL)  # fmt: skip
    plane_limits(ax, result)
    legend_of_new(ax, is_new)
    return ax
