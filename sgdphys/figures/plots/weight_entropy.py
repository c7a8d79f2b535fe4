"""Entropy of a cloud of networks through training."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sgdphys.figures.axes import axis_label, legend_of_new, one_axes, options
from sgdphys.figures.checks import checked_figure, require_drawable
from sgdphys.figures.curves import curve
from sgdphys.figures.layers import layers_of
from sgdphys.figures.style import DATA, in_place_of_data


@checked_figure("entropy")
def weight_entropy(
    result: xr.Dataset,
    *,
    time: str | None = None,
    since_start: bool = False,
    ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw the Gaussian entropy of a cloud of networks against time, with its interval.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.weight_entropy``: entropy (time) in nats with ``_low`` and ``_high``; layers
        have a curve each. predicted_entropy, if there, is dashed.
    time : str, optional
        Coordinate to draw against; the dimension by default.
    since_start : bool
        Subtract the first finite value of each curve.
    ax : Axes, optional
        A new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.plot``.

    Returns
    -------
    Axes

    See Also
    --------
    msd : The displacement of single networks.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> cloud = np.random.default_rng(0).standard_normal((50, 24, 3)).cumsum(axis=0)
    >>> theta = xr.DataArray(cloud, dims=("step", "replica", "parameter"))
    >>> ax = sp.figures.weight_entropy(sp.dynamics.weight_entropy(theta, time="step"))
    >>> len(ax.lines)
    1
    """
    require_drawable(result, "entropy", along=time or _clock(result["entropy"]))
    ax, is_new = one_axes(ax)
    drawn = []
    for one, style in layers_of(result, "entropy"):
        x = time or _clock(one["entropy"])
        finite = one["entropy"].to_numpy()[np.isfinite(one["entropy"].to_numpy())]
        if not len(finite):
            continue
        if since_start:
            names = ("entropy", "entropy_low", "entropy_high", "predicted_entropy")
            one = one.assign({n: one[n] - finite[0] for n in names if n in one})
        line = curve(ax, one, "entropy", x, **options(kwargs, **{"color": DATA} | style))
        drawn.append(line)
        if line is not None and "predicted_entropy" in one:
            curve(ax, one, "predicted_entropy", x, color=line.get_color(), linestyle="--",
                  linewidth=0.8)  # fmt: skip
        ax.set_xlabel(axis_label(one[x]))
    if not drawn:
        in_place_of_data(ax, "the networks never part")
    ax.set_ylabel(axis_label(result["entropy"]) + (" since the start" if since_start else ""))
    legend_of_new(ax, is_new)
    return ax


def _clock(entropy: xr.DataArray) -> str:
    """The first dimension but the layer, which is time; a number has none."""
    return next((str(d) for d in entropy.dims if d != "layer"), "time")
