"""A fit at a glance: paths, displacement, increments, and drift and diffusion functions."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sgdphys.dynamics.models.model import Model
from sgdphys.figures.axes import axes_of, options, returned
from sgdphys.figures.checks import checked_figure
from sgdphys.figures.colours import of_layers
from sgdphys.figures.plots.kramers_moyal import kramers_moyal
from sgdphys.figures.plots.msd import msd
from sgdphys.figures.portraits import portrait, require_fitted
from sgdphys.figures.presets import title
from sgdphys.figures.style import DATA, EXACT, FIT, in_place_of_data
from sgdphys.quantities import with_word
from sgdphys.units_of_time import plural

_PANELS = ("paths", "msd", "increments", "functions")
_MOST_POINTS = 4000
"""Of a path that is drawn."""


@checked_figure("best", "candidate")
def fit(
    result: xr.Dataset,
    theta: Any,
    *,
    time: Any = None,
    models: Iterable[Model] | None = None,
    ax: Iterable[Axes] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw a fit at a glance: paths, displacement, increments, drift and diffusion.

    Parameters
    ----------
    result : Dataset
        Of ``dynamics.fit``.
    theta : DataArray or array
        The series that were fitted. Each of several is drawn about its mean, in units of its
        standard deviation (s.d.).
    time : str, float, array or pair, optional
        As it was given to ``fit``.
    models : iterable of Model, optional
        Those that were compared, if some are of your own; ``sp.fit(...).plot()`` knows them.
    ax : array of four Axes, optional
        A new figure by default; every panel has its legend.
    **kwargs
        Passed to ``Axes.plot``, for the paths.

    Returns
    -------
    array of Axes
        paths; mean squared displacement (median and quartiles) and increments, of which the
        outermost bins hold all that is beyond, each beside those
        of 50 to 100 simulated copies of the series, by their candidates with the fitted
        coefficients, whether rejected or not; drift and diffusion functions.

    See Also
    --------
    msd, kramers_moyal : Two of the panels, of results in their own units.

    Examples
    --------
    >>> import numpy as np, sgdphys as sp
    >>> walk = np.random.default_rng(0).standard_normal((300, 4)).cumsum(axis=0)
    >>> axes = sp.figures.fit(sp.fit(walk), walk)
    >>> len(axes[0].lines)
    4
    """
    require_fitted(result, theta, time)
    axes, _, _ = axes_of(ax, _PANELS, columns=2)
    draw_portrait(axes, portrait(result, theta, time=time, models=models), **kwargs)
    return returned(axes, _PANELS)


def draw_portrait(axes: Sequence[Axes], portrayed: xr.Dataset, **kwargs: Any) -> None:
    """Draw the four panels of what ``portraits.portrait`` returned."""
    t = portrayed.attrs["t"]
    _paths(axes[0], portrayed, t, kwargs)
    _displacement(axes[1], portrayed, t)
    _increments(axes[2], portrayed)
    _functions(axes[3], portrayed, t)


def _paths(ax: Axes, portrayed: xr.Dataset, t: str, given: dict[str, Any]) -> None:
    time = portrayed["time"].to_numpy()
    step = max(1, len(time) // _MOST_POINTS)
    paths = portrayed["path"].to_numpy()
    for path, shade in zip(paths, of_layers(len(paths)), strict=True):
        ax.plot(time[::step], path[::step], **options(given, linewidth=0.6, color=shade))
    ax.set_xlabel("time" if t == "time" else f"time ({plural(t)})")
    ax.set_ylabel(f"position{_in_brackets(portrayed)}")
    shown, total = portrayed.sizes["shown"], portrayed.attrs["series"]
    every = "path" if total == 1 else "all paths"
    title(ax, every if shown == total else f"{shown} of {total} paths shown")


def _displacement(ax: Axes, portrayed: xr.Dataset, t: str) -> None:
    title(ax, "mean squared displacement")
    ax.set_xlabel(f"lag ({plural(t)})")
    if "msd" not in portrayed:
        in_place_of_data(ax, "too few points")
        return
    moved = portrayed[["msd", "msd_low", "msd_high"]].assign_coords(lag=portrayed["lag"])
    is_alone = portrayed.attrs["series"] == 1
    msd(moved, slope=None, ax=ax, label="the series" if is_alone else "median and quartiles")
    lag, middle = portrayed["lag"].to_numpy(), portrayed["msd"].to_numpy()
    ax.plot(lag, middle[0] * lag / lag[0], color=EXACT, linewidth=0.8, linestyle=":",
            label="Wiener, $2 D t$")  # fmt: skip
    if "copies_msd" in portrayed:
        low, of_copies, high = (
            portrayed[f"copies_msd{end}"].to_numpy() for end in ("_low", "", "_high")
        )
        band = ", 95%" if is_alone else ", quartiles"
        ax.plot(
            lag,
            of_copies,
            color=FIT,
            label=f"{_of_copies(portrayed)}{band if np.isfinite(low).any() else ''}",
        )
        ax.fill_between(lag, low, high, color=FIT, alpha=0.2, linewidth=0)
    ax.set_xlabel(f"lag ({plural(t)})")
    ax.set_ylabel(f"MSD{_in_brackets(portrayed, 2)}")
    ax.legend()


def _increments(ax: Axes, portrayed: xr.Dataset) -> None:
    x, density = portrayed["bin_centre"].to_numpy(), portrayed["density"].to_numpy()
    filled = density > 0
    ax.set_xlabel("increment minus drift (its own s.d.)")
    ax.set_ylabel("probability density")
    title(ax, "increments over one step")
    if not filled.any():
        in_place_of_data(ax, "no two neighbouring points")
        return
    ax.plot(x[filled], density[filled], "o", color=DATA, label="increments, ends open")
    if "copies_density" in portrayed:
        of_copies = portrayed["copies_density"].to_numpy()
        ax.plot(x, np.where(of_copies > 0, of_copies, np.nan), color=FIT, drawstyle="steps-mid",
                label=_of_copies(portrayed))  # fmt: skip
    ax.plot(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), color=EXACT, linewidth=0.8,
            label="Gaussian")  # fmt: skip
    ax.set_yscale("log")
    ax.set_ylim(0.3 * density[filled].min(), 500 * density.max())  # room for the legend
    width = 1.15 * np.abs(x[filled]).max()
    ax.set_xlim(-width, width)
    ax.legend(loc="upper right")


def _of_copies(portrayed: xr.Dataset) -> str:
    """The label of what simulated copies show."""
    return f"simulated: {portrayed.attrs['copied']}"


def _in_brackets(portrayed: xr.Dataset, power: int = 1) -> str:
    """The unit of the positions for an axis, in brackets; empty where there is none."""
    unit = portrayed.attrs["x"]
    if unit == "1":
        return ""
    if power == 1 or not re.search(r"[/* ]", unit):
        raised = unit if power == 1 else f"{unit}**{power}"
    else:  # of a product or quotient every part is raised
        raised = with_word(f"value**{power}", "value", unit)
    return " ({})".format(re.sub(r"\*\*(\d)", r"$^\1$", raised))


def _functions(ax: Axes, portrayed: xr.Dataset, t: str) -> None:
    kramers_moyal(portrayed, ax=[ax, ax])
    ax.set_xlabel(f"position{_in_brackets(portrayed)}")
    drift, diffusion = _in_brackets(portrayed), _in_brackets(portrayed, 2)
    ax.set_ylabel(f"drift{drift} and diffusion{diffusion}\nper {t}")
    title(ax, "drift and diffusion functions, 95% bands")
    if ax.get_legend_handles_labels()[0]:
        ax.legend()
    else:
        in_place_of_data(ax, "too few neighbouring points")
