"""Results over sizes of a system, or over speeds of a ramp: a colour and a marker for each."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sgdphys.errors import InputError
from sgdphys.figures.colours import DATA, ordered
from sgdphys.figures.curves import points

_MARKERS = "os^Dv<>pPX"


def by_size(
    result: xr.Dataset, size: str | None, *, label: str | None = None
) -> list[tuple[xr.Dataset, dict[str, Any]]]:
    """Split a result into its sizes, each with the options of its artist.

    Parameters
    ----------
    result : Dataset
    size : str or None
        The dimension; None, or one that is not there, for a single size.
    label : str, optional
        What sizes are called; otherwise their symbol or name.
    """
    if size is None or size not in result.dims:
        return [(result, {"color": DATA, "marker": "o"})]
    has_values = size in result.coords
    values = result[size].to_numpy() if has_values else np.arange(result.sizes[size])
    symbol = result[size].attrs.get("symbol") if has_values else None
    name = label or (f"${symbol}$ =" if symbol else size.replace("_", " "))
    places = np.argsort(values, kind="stable")
    return [
        (
            result.isel({size: int(place)}),
            {"color": colour, "marker": _MARKERS[k % len(_MARKERS)],
             "label": f"{name} {_number(values[place])}"},
        )
        for k, (place, colour) in enumerate(zip(places, ordered(len(places)), strict=True))
    ]  # fmt: skip


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)


def control_of(result: xr.Dataset, name: str, size: str | None, control: str | None) -> str:
    """The control parameter that a variable is drawn against: a coordinate or its dimension.

    Raises
    ------
    InputError
        Where the variable has other dimensions than the size and one more.
    """
    dims = [str(d) for d in result[name].dims]
    along = [d for d in dims if d != size]
    if len(along) != 1:
        raise InputError(
            f"{name} has the dimensions {', '.join(dims) or 'of a number'}; it must be along one, "
            f"the control parameter, besides {size or 'the size'}: select the others"
        )
    if control is None:
        return along[0]
    if control not in result.variables or set(map(str, result[control].dims)) - {along[0], size}:
        raise InputError(f"result has no coordinate {control!r} along {along[0]}")
    return control


def error_points(ax: Axes, x: np.ndarray, one: xr.Dataset, name: str, **style: Any) -> None:
    """Points with their intervals, without a line."""
    points(ax, x, one, name, **{"linestyle": "", "elinewidth": 0.8} | style)


def said(result: xr.Dataset, name: str, digits: int = 3) -> str:
    """An estimate with its interval, as a legend says it; "?" where it is not known."""
    value, low, high = (float(result[f"{name}{end}"]) if f"{name}{end}" in result else np.nan
                        for end in ("", "_low", "_high"))  # fmt: skip
    if not np.isfinite(value):
        return "?"
    if np.isfinite(low) and np.isfinite(high) and high > low:
        digits = int(np.clip(1 - np.floor(np.log10(high - low)), 0, 8))
        ends = f" [{low:z.{digits}f}, {high:z.{digits}f}]"
        return f"{value:z.{digits}f}{ends}".replace("-", "\N{MINUS SIGN}")
    return f"{value:z.{digits}g}".replace("-", "\N{MINUS SIGN}")


def symbol_of(result: xr.Dataset, name: str | None, fallback: str) -> str:
    """Symbol of a coordinate, as it stands within a formula."""
    has_one = name is not None and name in result.variables
    return str(result[name].attrs.get("symbol", fallback)) if has_one else fallback


def refusal(result: xr.Dataset) -> str:
    """What the status of a result says, empty where it is an answer without reserve."""
    from sgdphys.status import OK, words

    if "status" not in result or result["status"].size != 1:
        return ""
    code = int(result["status"].item())
    return "" if code == OK else str(words(result["status"]).item())


def why_refused(result: xr.Dataset) -> str:
    """The message of a result that is none, or what its status says; empty where it is one."""
    said = refusal(result)
    return said and str(result.attrs.get("message") or said)
