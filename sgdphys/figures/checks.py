"""What every figure function checks before it draws, so that nothing half drawn is left behind."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cbook import normalize_kwargs
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from sgdphys.arguments import require_share
from sgdphys.containers import require_kind
from sgdphys.errors import InputError, nearest

P = ParamSpec("P")
T = TypeVar("T")

_ARTISTS: dict[str, Callable[[], Any]] = {
    "plot": lambda: Line2D([], []),
    "errorbar": lambda: Line2D([], []),
    "scatter": lambda: PathCollection([]),
    "hist": lambda: Rectangle((0, 0), 1, 1),
    "imshow": lambda: AxesImage(Figure().add_subplot()),
}
"""What the methods of Axes draw, and give their options to."""


def checked_figure(
    *names: str,
    along: str | None = None,
    only: tuple[str, ...] | None = None,
    method: str | None = "plot",
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Check ``result``, ``ax``, ``band`` and the further options of a figure function.

    Parameters
    ----------
    *names : str
        Variables that the result must have; of any kind where there are none.
    along, only
        See ``require_drawable``.
    method : str, optional
        Of ``Axes``, to which the further options are passed; None where the function checks them.

    Raises
    ------
    InputError
        When called with the result of another function, with no matplotlib Axes, with a band that
        is not between 0 and 1, or with options that matplotlib does not know.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                given = signature.bind(*args, **kwargs).arguments
            except TypeError:
                return function(*args, **kwargs)  # so that Python's message names the function
            if names:
                require_drawable(given["result"], *names, along=along, only=only)
            if given.get("ax") is not None:
                require_axes(given["ax"])
            if "band" in given:
                require_share(given["band"], "band")
            if method is not None:
                require_options(given.get("kwargs", {}), method, signature.parameters)
            return function(*args, **kwargs)

        return call

    return decorate


def require_drawable(
    result: Any,
    *names: str,
    along: str | None = None,
    only: tuple[str, ...] | None = None,
) -> None:
    """Refuse the result of another function, and dimensions that a figure cannot show.

    Parameters
    ----------
    result : Dataset
    *names : str
        Variables that it must have.
    along : str, optional
        Coordinate or dimension that all of them must have, and that has one dimension itself.
    only : tuple of str, optional
        The dimensions that they may have; any by default.
    """
    require_kind(result, xr.Dataset, "result", *names)
    if along is not None and along not in result.variables and along not in result.dims:
        known = sorted({str(n) for n in (*result.coords, *result.dims)})
        raise InputError(
            f"result has no coordinate or dimension {along!r}; {nearest(along, known)}"
        )
    for name in names:
        has = [str(d) for d in result[name].dims]
        said = f"{name} has the dimensions {', '.join(has) or 'of a number'}"
        if along is not None:
            at = [str(d) for d in result[along].dims]
            if len(at) != 1:
                raise InputError(
                    f"{along} has the dimensions {', '.join(at) or 'of a number'}; one is drawn: "
                    f"select the others{_as_in(at[:-1])}"
                )
            if at[0] not in has:
                raise InputError(f"{said}; it is drawn along {along}, which it does not have")
        further = [d for d in has if only is not None and d not in only]
        if further:
            raise InputError(
                f"{said}; the figure shows {', '.join(only or ()) or 'a single number'} only: "
                f"select the others{_as_in(further)}"
            )


def _as_in(dims: Iterable[str]) -> str:
    chosen = ", ".join(f"{d}=0" for d in dims)
    return f", as in result.isel({chosen})" if chosen else ""


def require_axes(ax: Any) -> None:
    """Refuse anything but matplotlib Axes, or several of them."""
    several = [ax] if isinstance(ax, Axes) else np.asarray(ax, dtype=object).ravel()
    for one in several:
        if not isinstance(one, Axes):
            raise InputError(
                f"ax is a {type(one).__name__}; matplotlib Axes were expected, as those that "
                "plt.subplots() returns"
            )


def require_options(given: dict[str, Any], method: str, own: Iterable[str]) -> None:
    """Refuse options that matplotlib does not know, or whose values it refuses.

    Parameters
    ----------
    given : dict
    method : str
        Of ``Axes``, to which they are passed.
    own : iterable of str
        Arguments of the figure function, of which a name may be misspelt.
    """
    artist = _ARTISTS[method]()
    try:
        named = normalize_kwargs(given, artist)
    except TypeError as error:  # a name and its short form
        raise InputError(f"{error}; give one of them") from error
    of_method = inspect.signature(getattr(Axes, method)).parameters
    for name, value in named.items():
        is_known = hasattr(artist, f"set_{name}")
        if not is_known and name in of_method:
            continue
        if not is_known:
            known = [n.removeprefix("set_") for n in dir(artist) if n.startswith("set_")]
            mine = [n for n in own if n not in ("result", "kwargs")]
            raise InputError(
                f"{name} is no option of this figure, nor of matplotlib's Axes.{method}; "
                + _suggested(name, [*mine, *of_method, *known], mine)
            )
        try:
            artist.set(**{name: value})
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(f"{name} is {value!r}, which matplotlib refuses: {error}") from error


def _suggested(name: str, known: list[str], fallback: list[str]) -> str:
    close = nearest(name, known)
    return close if close.startswith("did") else "its own are " + ", ".join(fallback)
