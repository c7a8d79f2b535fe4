"""Files of plain arrays and tables as series: .npy, .npz, .csv and .parquet."""

import itertools
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from sgdphys.containers import labelled_array
from sgdphys.dynamics.clock import first_axis, name_in
from sgdphys.errors import InputError, nearest
from sgdphys.headings import OF_EACH, is_clock, seeming_times, times_among, times_of, value_unit
from sgdphys.units_of_time import is_counted


def open_table(path: Path, variable: str | None, time: Any) -> xr.DataArray:
    """Read a file of plain arrays or a table.

    Parameters
    ----------
    path : Path
        Its name ends in one of ``READERS``.
    variable : str, optional
        Array of an .npz file, by default its only one; column of a table, by default all but the
        times.
    time : str or float, optional
        What the first axis of an array is called, "step" by default; the array of an .npz file, or
        the column of a table, that holds the times, by default the only one with a name that times
        have; or the spacing of the points.

    Returns
    -------
    DataArray (time, ...)

    Raises
    ------
    InputError
        For what cannot be read as numbers, and for an array or column that is not there.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    if not path.stat().st_size:
        raise InputError(f"{path} is empty")
    try:
        return READERS[path.suffix.lower()](path, variable, time)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (ValueError, OSError, UnicodeError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read: {said}") from error


def _npy(path: Path, variable: str | None, time: Any) -> xr.DataArray:
    if variable is not None:
        raise InputError("an .npy file holds one array, without a name; leave out --variable")
    return labelled_array(np.load(path, mmap_mode="r", allow_pickle=False), first_axis(time))


def _npz(path: Path, variable: str | None, time: Any) -> xr.DataArray:
    """An array, with another one as its times: the one named, or the one that is named as times."""
    time = name_in(time)
    with np.load(path, allow_pickle=False) as file:
        names = file.files
        others = [n for n in names if n != time and not is_clock(n)] or names
        if variable is None and len(others) != 1:
            raise InputError(f"give --variable; it holds {', '.join(names) or 'no array'}")
        wanted = variable or others[0]
        if wanted not in names:
            raise InputError(
                f"there is no array {wanted!r}; {nearest(wanted, names, among='it holds')}"
            )
        values = file[wanted]
        clocks = [
            n
            for n in ([time] if time in names else filter(is_clock, names))
            if n != wanted and (n == time or file[n].shape == values.shape[:1])
        ]
        if len(clocks) > 1 or (clocks and time not in (None, *clocks)):
            raise InputError(
                f"give --time: {', '.join(clocks)} may be the times of {wanted}; it holds "
                f"{', '.join(names)}"
            )
        if not clocks:
            return labelled_array(values, first_axis(time))
        times = file[clocks[0]]
    if times.shape != values.shape[:1]:
        raise InputError(
            f"{clocks[0]} has the shape {times.shape} and {wanted} the shape {values.shape}; give "
            "one time for each point, or --time with the spacing of the points"
        )
    return labelled_array(values, clocks[0]).assign_coords({clocks[0]: times})


def _csv(path: Path, variable: str | None, time: Any) -> xr.DataArray:
    _require_commas(path)
    first = pd.read_csv(path, header=None, nrows=1, dtype=str).iloc[0]
    # pandas leaves the name of its index empty, and numbers columns without names
    names = [str(k) for k in range(len(first) - 1)]
    has_index = bool(pd.isna(first.iloc[0])) and (
        not all(map(_is_number, first)) or first.iloc[1:].tolist() == names
    )
    is_numbered = first.tolist() == [str(k) for k in range(len(first))]
    # without a header the first row is data
    is_header = has_index or is_numbered or not all(map(_is_number, first))
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:  # a comma at the end of each row is no column
            table = pd.read_csv(path, header=0 if is_header else None, index_col=False)
        except pd.errors.ParserWarning as error:
            raise InputError(
                "its rows have more columns than its first line; name all of them"
            ) from error
    if is_numbered and len(first) == 1 and table.iloc[:, 0].dtype.kind == "i":
        raise InputError(
            "its first line is 0, which may be the first point or the name that pandas gives to a "
            "column; write a name as its first line"
        )
    if not is_header:
        table.columns = [f"column{k}" for k in range(1, table.shape[1] + 1)]
    if not len(table):
        raise InputError("it has names of columns and no rows")
    return _of_table(_by_index(table) if has_index else table, variable, time)


def _require_commas(path: Path) -> None:
    """Refuse columns that something else than commas sets apart."""
    with path.open(encoding="utf-8-sig") as file:
        lines = [re.sub(r'"[^"]*"', "", line) for line in itertools.islice(file, 2)]
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if lines and all(separator in line for line in lines):
            raise InputError(
                f"its columns are set apart by {name}; write it with commas between them, and "
                "points in the numbers"
            )


def _by_index(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its first column as the index: times, or a mere count of the rows."""
    index = table.iloc[:, 0]
    rest = table.iloc[:, 1:]
    if index.tolist() == list(range(len(table))) or any(is_clock(c) for c in rest.columns):
        return rest
    return rest.set_index(pd.Index(times_of(index, "the first column").array))


def _parquet(path: Path, variable: str | None, time: Any) -> xr.DataArray:
    try:
        table = pd.read_parquet(path)
    except ImportError as error:
        raise InputError(
            'Parquet files cannot be read here; install the extra "parquet", as in '
            'pip install "sgdphys[parquet]"'
        ) from error
    # pandas writes the index of a table too
    name = table.index.name
    if name is not None and (name == time or is_clock(name)):
        table = table.reset_index()
    return _of_table(table, variable, time)


READERS: dict[str, Callable[[Path, str | None, Any], xr.DataArray]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".csv": _csv,
    ".parquet": _parquet,
}


def _of_table(table: pd.DataFrame, variable: str | None, time: Any) -> xr.DataArray:
    """Columns as series, one of them as their times."""
    is_given = time is not None
    table = table.rename(columns=str)
    clock = times_among(table.columns, _numbered_column(table, time) or name_in(time))
    is_clear = clock is not None or (is_given and variable is not None)
    if not is_clear and (seeming := seeming_times(table)) is not None:
        raise InputError(
            f"column {seeming!r} increases in every row, as times do; give --time {seeming!r} if "
            "it holds them, otherwise --variable and the spacing of the rows, as in --time 1"
        )
    if clock is not None:
        table[clock] = times_of(table[clock], f"column {clock!r}")
        table = table.set_index(clock)
    if variable is not None:
        if variable not in table.columns:
            raise InputError(
                f"there is no column {variable!r}; "
                + nearest(variable, table.columns, among="it has")
            )
        table = table[[variable]]
    if not len(table.columns):
        raise InputError("it has no column but the times")
    for name, column in table.items():
        _require_numbers(column, str(name))
    found = labelled_array(table if variable is None else table[variable], clock or "step")
    found.encoding["said"] = _not_said(found, clock)
    return found


def _not_said(found: xr.DataArray, clock: str | None) -> list[str]:
    """Sentences on units that the names of columns could say."""
    said = []
    if clock is not None and found[clock].dtype.kind != "M" and not is_counted(clock):
        if found[clock].attrs.get("units", clock) == clock:
            said.append(
                f"the times of column {clock!r} have no unit; a heading such as '{clock} (s)' "
                "gives one"
            )
    if found.ndim > 1 and found.attrs.get("units") == OF_EACH:
        found.encoding["units_differ"] = True
        units = [value_unit(name) or "none" for name in found[found.dims[1]].to_numpy()]
        said.append(
            f"the columns have several units ({', '.join(dict.fromkeys(units))}): {OF_EACH!r} "
            "stands for that of each, and what has such a unit has no median over all"
        )
    return said


def _numbered_column(table: pd.DataFrame, time: Any) -> str | None:
    """The column that a number names, of columns named by numbers; None for a spacing."""
    if not isinstance(time, float) or f"{time:g}" not in table.columns:
        return None
    if time > 0:
        raise InputError(
            f"--time {time:g} may be the spacing of the rows or the column {time:g}; name the "
            "columns in the first line"
        )
    return f"{time:g}"


def _require_numbers(column: pd.Series, name: str) -> None:
    """Refuse a column of texts, and say where the first one stands."""
    if not (pd.api.types.is_string_dtype(column.dtype) or column.dtype == object):
        return
    texts = [isinstance(v, str) and not _is_number(v) for v in column]
    if not any(texts):
        return
    if pd.to_datetime(column, errors="coerce", format="mixed").notna().all():
        raise InputError(
            f"column {name!r} holds dates; give --time {name!r} if they are the times of the rows, "
            "otherwise leave it out of the file"
        )
    row = texts.index(True)
    raise InputError(
        f"column {name!r} holds the text {column.iloc[row]!r} in row {row + 1}; choose another one "
        "with --variable, or correct it, and leave it empty where a value is missing"
    )


def _is_number(name: object) -> bool:
    try:
        float(str(name))
    except ValueError:
        return False
    return True
