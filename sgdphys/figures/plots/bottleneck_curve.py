"""The information bottleneck curve, its bifurcations, and layers below it."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sgdphys.containers import require_kind
from sgdphys.figures.axes import legend_of_new, one_axes, options
from sgdphys.figures.checks import checked_figure
from sgdphys.figures.layers import layers_of
from sgdphys.figures.style import EXACT, FIT, NULL

PERMUTED = "permuted cells"
BIFURCATIONS = "bifurcations"


@checked_figure("I_XT", "I_TY", along="beta", only=("beta",))
def bottleneck_curve(
    result: xr.Dataset,
    *,
    critical: xr.Dataset | None = None,
    layers: xr.Dataset | None = None,
    ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw the information bottleneck curve, with layers of networks if they are given.

    Parameters
    ----------
    result : Dataset
        Of ``information.bottleneck_curve``: I_XT and I_TY along beta. The legend says how far the
        curve is from the optimum at most, by the largest certificate that was measured.
    critical : Dataset, optional
        Of ``information.critical_betas``: bifurcations are marked on the curve.
    layers : Dataset, optional
        Of ``information.bottleneck_distance``, or any with I_XT and I_TY (..., layer); its
        random_I_XT and random_I_TY, of randomly permuted cells, are crosses.
    ax : Axes, optional
        A new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.plot``, for the curve.

    Returns
    -------
    Axes

    See Also
    --------
    information_plane : Paths of layers through training.

    Examples
    --------
    >>> import numpy as np, sgdphys as sp
    >>> p_xy = np.array([[0.4, 0.1], [0.1, 0.4]])
    >>> result = sp.information.bottleneck_curve(p_xy, [3.0, 4.0, 8.0])
    >>> critical = sp.information.critical_betas(p_xy)
    >>> ax = sp.figures.bottleneck_curve(result, critical=critical)
    >>> ax.lines[1].get_label()
    'bifurcations'
    """
    ax, is_new = one_axes(ax)
    x, y = result["I_XT"].to_numpy(), result["I_TY"].to_numpy()
    end = np.nanmax(x)
    if layers is not None:
        require_kind(layers, xr.Dataset, "layers", "I_XT", "I_TY")
        end = max(float(layers["I_XT"].max()), end)
    certified = certificate(result)
    label = "bottleneck bound" + (f"\n(certified to {certified} bits)" if certified else "")
    own = options(kwargs, color=EXACT, linewidth=1.0, label=label, zorder=1)
    # the bound is flat from its last point on
    ax.plot(np.append(x, end), np.append(y, np.nanmax(y)), **own)
    if critical is not None:
        require_kind(critical, xr.Dataset, "critical", "beta")
        at = critical["beta"].to_numpy()
        at = at[np.isfinite(at) & (at <= result["beta"].to_numpy().max())]
        born = [np.interp(at, result["beta"].to_numpy(), v) for v in (x, y)]
        ax.plot(*born, linestyle="", marker="|", color=FIT, markersize=9, markeredgewidth=1.4,
                label=BIFURCATIONS, zorder=5)  # fmt: skip
    if layers is not None:
        _layers(ax, layers)
    ax.set_xlabel("$I(X;T)$ (bits)")
    ax.set_ylabel("$I(T;Y)$ (bits)")
    legend_of_new(ax, is_new)
    return ax


def _layers(ax: Axes, layers: xr.Dataset) -> None:
    if "random_I_XT" in layers:
        x, y = (layers[f"random_{n}"].to_numpy().ravel() for n in ("I_XT", "I_TY"))
        ax.plot(x, y, linestyle="", marker="x", color=NULL, label=PERMUTED)
    for one, style in layers_of(layers, "I_XT", has_line=False):
        x, y = (one[n].to_numpy().ravel() for n in ("I_XT", "I_TY"))
        ax.plot(x, y, **style, linestyle="", markeredgewidth=0)


def certificate(result: xr.Dataset) -> str:
    """Largest certificate of a curve, rounded up to one digit; empty where there is none above 0.

    Parameters
    ----------
    result : Dataset
        With ``certificate``, in bits.
    """
    if "certificate" not in result:
        return ""
    found = result["certificate"].to_numpy()
    worst = float(np.max(found, initial=0.0, where=np.isfinite(found)))
    if worst <= 0:
        return ""
    power = int(np.floor(np.log10(worst)))
    return f"{np.ceil(worst / 10.0**power):.0f}e{power}"
