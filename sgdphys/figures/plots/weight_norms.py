"""Norm of every layer's weights through training."""

from typing import Any

import xarray as xr
from matplotlib.axes import Axes

from sgdphys.figures.axes import axis_label, legend_of_new, one_axes, options
from sgdphys.figures.checks import checked_figure
from sgdphys.figures.curves import BAND, curve
from sgdphys.figures.layers import layers_of
from sgdphys.figures.style import epoch_axis


@checked_figure("weight_norm", along="epoch")
def weight_norms(
    result: xr.Dataset, *, band: float = BAND, ax: Axes | None = None, **kwargs: Any
) -> Axes:
    """Draw the norm of every layer's weights against epochs: median and band over networks.

    Parameters
    ----------
    result : Dataset
        The group ``gradients`` of a trajectory: weight_norm (epoch, replica, layer).
    band : float
        Fraction of the networks inside the band.
    ax : Axes, optional
        A new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.plot``, for the median of every layer.

    Returns
    -------
    Axes

    See Also
    --------
    training_curves : Loss and accuracy.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> norm = np.ones((10, 3, 2)) * np.arange(1, 11)[:, None, None]
    >>> gradients = xr.Dataset(
    ...     {"weight_norm": (("epoch", "replica", "layer"), norm)},
    ...     {"epoch": range(10), "layer": [1, 2]},
    ... )
    >>> ax = sp.figures.weight_norms(gradients)
    >>> len(ax.lines)
    2
    """
    ax, is_new = one_axes(ax)
    norms = result[["weight_norm"]].load()
    for layer, style in layers_of(norms, "weight_norm"):
        curve(ax, layer, "weight_norm", "epoch", band=band, **options(kwargs, **style))
    epoch_axis(ax, int(norms["epoch"].max()))
    ax.set_ylabel(axis_label(norms["weight_norm"]))
    legend_of_new(ax, is_new)
    return ax
