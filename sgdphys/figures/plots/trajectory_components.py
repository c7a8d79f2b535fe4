"""Principal components of a trajectory compared with those of random walks."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sgdphys.errors import InputError, nearest
from sgdphys.figures.axes import axes_of, axis_label, legend_of_new, names_of, options, returned
from sgdphys.figures.checks import checked_figure, require_drawable
from sgdphys.figures.style import DATA, NULL, in_place_of_data

_PANELS = ("share", "score", "path")
_SHARES = ("component_share", *(f"null_component_share{e}" for e in ("", "_low", "_high")))
_SHOWN = 3


@checked_figure(*_SHARES, "score", "null_score", along="component")
def trajectory_components(
    result: xr.Dataset,
    *,
    panels: str | Sequence[str] = _PANELS,
    time: str | None = None,
    ax: Axes | Iterable[Axes] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw principal components of a trajectory, and in grey those of a random walk.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.trajectory_components``.
    panels : str or sequence of str
        "share", of the variance, of all networks, against the interval of random walks; "score",
        the first three components against time; "path", the second against the first. The last two
        are of the first network; select another one with ``isel``. The walk is scaled to the same
        total size.
    time : str, optional
        Coordinate to draw scores against; their dimension by default.
    ax : Axes or array of Axes, optional
        One per panel; a new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.plot``, for the curves of the trajectory.

    Returns
    -------
    Axes or array of Axes
        Axes where ``panels`` is one name.

    See Also
    --------
    sgdphys.dynamics.trajectory_components : The result that is drawn.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> walk = np.random.default_rng(0).standard_normal((60, 10)).cumsum(axis=0)
    >>> theta = xr.DataArray(walk, dims=("step", "parameter"))
    >>> result = sp.dynamics.trajectory_components(theta, time="step", resamples=20)
    >>> ax = sp.figures.trajectory_components(result, panels="share")
    >>> ax.get_ylabel()
    'fraction of the variance'
    """
    for name in names_of(panels):
        if name not in _PANELS:
            raise InputError(f"there is no panel {name!r}; {nearest(name, _PANELS)}")
    if time is not None:
        require_drawable(result, "score", along=time)
    axes, names, is_new = axes_of(ax, panels)
    further = [d for d in result["component_share"].dims if d != "component"]
    first = result.isel(dict.fromkeys(further, 0))
    for one, name in zip(axes, names, strict=True):
        if name == "share":
            _share(one, result, kwargs)
        elif name == "score":
            _score(one, first, time, kwargs)
        else:
            _path(one, first, kwargs)
    legend_of_new(axes[0], is_new)
    return returned(axes, panels)


def _share(ax: Axes, result: xr.Dataset, given: dict[str, Any]) -> None:
    number = result["component"].to_numpy()
    null, low, high = (_mean(result[n]) for n in _SHARES[1:])
    level = result.attrs.get("confidence", 0.95)
    ax.fill_between(number, low, high, color=NULL, alpha=0.35, linewidth=0,
                    label=f"random walks, {level:.0%}")  # fmt: skip
    ax.plot(number, null, color=NULL, linestyle="--", label="random walks, mean")
    shares = result["component_share"].transpose("component", ...).to_numpy()
    for k, share in enumerate(shares.reshape(len(number), -1).T):
        own = options(given, color=DATA, marker="o", linewidth=0.6,
                      label="trajectories" if k == 0 else None)  # fmt: skip
        ax.plot(number, share, **own)
    ax.set_yscale("log")
    ax.set_xticks(number)
    ax.set_xlabel("component")
    ax.set_ylabel("fraction of the variance")


def _mean(values: xr.DataArray) -> np.ndarray:
    return values.mean([d for d in values.dims if d != "component"]).to_numpy()


def _score(ax: Axes, first: xr.Dataset, time: str | None, given: dict[str, Any]) -> None:
    (dim,) = (d for d in first["score"].dims if d != "component")
    at = first[time or str(dim)]
    for k in range(min(_SHOWN, first.sizes["component"])):
        fade: dict[str, Any] = {"linewidth": 1.5 - 0.5 * k}
        ax.plot(at, _scaled(first, k), color=NULL, linestyle="--", **fade)
        own = options(given, color=DATA, label=f"component {k + 1}", **fade)
        ax.plot(at, first["score"].isel(component=k), **own)
    ax.set_xlabel(axis_label(at))
    ax.set_ylabel("score" + _unit(first))


def _path(ax: Axes, first: xr.Dataset, given: dict[str, Any]) -> None:
    if first.sizes["component"] < 2:
        in_place_of_data(ax, "one component")
        return
    ax.plot(_scaled(first, 0), _scaled(first, 1), color=NULL, linestyle="--", linewidth=0.8)
    score = first["score"]
    ax.plot(score.isel(component=0), score.isel(component=1),
            **options(given, color=DATA, linewidth=1.0))  # fmt: skip
    ax.set_xlabel(f"component 1{_unit(first)}")
    ax.set_ylabel(f"component 2{_unit(first)}")


def _unit(first: xr.Dataset) -> str:
    unit = first["score"].attrs.get("units", "1")
    return f" ({unit})" if unit != "1" else ""


def _scaled(first: xr.Dataset, k: int) -> np.ndarray:
    """A component of the walk in units of the trajectory's total spread."""
    sizes = [float(np.sqrt((first[n] ** 2).sum())) for n in ("score", "null_score")]
    scale = sizes[0] / sizes[1] if sizes[1] else 0.0
    return first["null_score"].isel(component=k).to_numpy() * scale
