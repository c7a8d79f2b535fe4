"""Results as tables: tidy CSV of an analysis, over networks by median and middle 90%."""

import re
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.intervals import quantiles

_MOST_ROWS = 20_000
_FORMULA = re.compile(r"[=+\-@\t\r\n]")
"""How a text begins that spreadsheets take for a formula."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_QUANTILES = {"": 0.5, "_q05": 0.05, "_q95": 0.95}


def csv_of(data: xr.Dataset) -> str:
    """Comma-separated values of a dataset, one row for every place of its largest variables.

    Parameters
    ----------
    data : Dataset
        Over replicas the median is given under the variable's name, and the middle 90% as its
        ``_q05`` and ``_q95``; ``_low`` and ``_high`` are the ends of intervals. Variables over
        other dimensions than the most common ones are left out, and so are tables of more than
        20000 rows.

    Returns
    -------
    str
        Empty where nothing is left.
    """
    reduced = _over_replicas(data)
    counts: dict[tuple[str, ...], list[str]] = {}
    for name, variable in reduced.data_vars.items():
        if variable.dims and variable.dtype.kind in "fiubU":
            counts.setdefault(tuple(map(str, variable.dims)), []).append(str(name))
    blocks = []
    for dims, names in sorted(counts.items(), key=lambda item: -len(item[1])):
        size = int(np.prod([reduced.sizes[d] for d in dims]))
        if size <= _MOST_ROWS:
            blocks.append(_block(reduced[names], dims))
    return "\r\n".join(blocks)


def _over_replicas(data: xr.Dataset) -> xr.Dataset:
    found: dict[str, Any] = {}
    for name, variable in data.data_vars.items():
        if "replica" not in variable.dims:
            found[str(name)] = variable
        elif variable.dtype.kind in "fiu":
            values = variable.transpose("replica", ...).to_numpy().astype(np.float64)
            finite = np.where(np.isfinite(values), values, np.nan)
            spread = quantiles(finite, list(_QUANTILES.values()))
            template = variable.transpose("replica", ...).isel(replica=0, drop=True)
            for k, suffix in enumerate(_QUANTILES):
                if f"{name}{suffix}" not in data.data_vars or not suffix:
                    found[f"{name}{suffix}"] = template.copy(data=spread[k])
    return xr.Dataset(found)


def _block(data: xr.Dataset, dims: tuple[str, ...]) -> str:
    """One table: its coordinates, then its variables, units in the heading."""
    units = {str(n): v.attrs.get("units", "1") for n, v in data.data_vars.items()}
    heads = [n if unit == "1" else f"{n} ({unit})" for n, unit in units.items()]
    table = data.to_dataframe(dim_order=list(dims)).reset_index()[[*dims, *units]].map(_cell)
    # lines end in CR LF, so that a text with either is quoted
    return table.to_csv(
        header=[_cell(head) for head in (*dims, *heads)], index=False, lineterminator="\r\n"
    )


def _cell(value: Any) -> str:
    """A number in five digits, or a text that no spreadsheet carries out as a formula."""
    if isinstance(value, float | np.floating):
        return f"{value:.5g}"
    text = str(value)
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text
