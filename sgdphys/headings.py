"""What names of dimensions and columns say: which hold times, and in which units; and the times."""

import re
import warnings
from collections.abc import Iterable

import numpy as np
import pandas as pd

from sgdphys.errors import InputError, nearest
from sgdphys.units_of_time import UNIT, is_counted, seconds_of

CLOCK_NAMES = ("time", "t", "step", "epoch", "iteration", "draw", "frame", "date")
"""Names of dimensions and columns that hold times."""
_MORE_NAMES = ("datetime", "timestamp", "elapsed", "update", "seconds", "minutes", "hours", "days")
_WITH_TIME = re.compile(
    rf"(.+?)\s*(?:[\[(]\s*{UNIT}\s*[\])]|/\s*{UNIT})"
    r"|(..+)_([fpnuµμm]?s|sec|seconds?|minutes?|hours?|days?)",
    re.IGNORECASE,
)
"""A name with a unit of time. With an underscore t_s and time_min may be words of other things."""
_NAMED_UNITS = (
    "m", "g", "s", "A", "K", "mol", "Hz", "N", "Pa", "J", "W", "C", "V", "F", "ohm", "Ω", "S", "T",
    "H", "eV", "rad", "bit", "bits", "nat", "nats", "M", "L", "l",
)  # fmt: skip
_WITHOUT_PREFIX = ("px", "pixel", "pixels", "deg", "°", "°C", "Å", "dB", "kT", "%",
                   "‰", "ppm", "ppb", "EUR", "USD", "GBP", "CHF", "JPY")  # fmt: skip
_UNIT = (
    rf"(?:[fpnuµμmcdhkMGT]?(?:{'|'.join(_NAMED_UNITS)})|{'|'.join(_WITHOUT_PREFIX)})"
    r"(?:(?:\^|\*\*)?-?[1-9]|[²³])?"
)
_KNOWN = rf"(?:1/)?{_UNIT}(?:[/ *·]{_UNIT}){{0,3}}|a\.u\.|arb\. ?u(?:nits|\.)"
_WITH_UNIT = re.compile(rf".+?\s*(?:\[\s*({_KNOWN})\s*\]|\(\s*({_KNOWN})\s*\)|\s/\s({_KNOWN}))")
"""A name with a unit; anything else in brackets, such as (train), may say what it will."""
_POWER = re.compile(r"(?:\^|\*\*)?([23])|([²³])")
OF_EACH = "value"
"""Unit of columns of several units: it stands for that of each."""
_FEWEST_ROWS = 10
"""Rows from which a column that always increases is taken for times."""


def is_clock(name: object) -> bool:
    """Whether the name of a dimension or column is one for times: time, _step, Time (s) ..."""
    found = _WITH_TIME.fullmatch(str(name))
    bare = (found[1] or found[4] if found else str(name)).strip("_").lower()
    if not found and str(name) == "T":  # a temperature
        return False
    return bare in (*CLOCK_NAMES, *_MORE_NAMES)


def clock_unit(name: object) -> str:
    """Unit of times of this name: s of "elapsed (s)", "t / s" and "time_s", otherwise the name."""
    found = _WITH_TIME.fullmatch(str(name))
    if not found:
        return str(name)
    unit = str(found[2] or found[3] or found[5])
    return unit if seconds_of(unit) is not None or is_counted(unit) else unit.lower()


def value_unit(name: object) -> str | None:
    """Unit in the name of a column: um of "x (um)", m/s**2 of "a [m/s^2]"; None without one."""
    found = _WITH_UNIT.fullmatch(str(name))
    if found is None:
        return None
    said = found[1] or found[2] or found[3]
    if re.search(r"[ *·-]", said):  # a product stays as it is written
        return said
    return _POWER.sub(lambda p: f"**{p[1] or '23'['²³'.index(p[2])]}", said)


def unit_of_all(names: Iterable[object]) -> str | None:
    """Unit of columns by their names: ``OF_EACH`` where they differ; None where no name has one."""
    units = {value_unit(name) for name in names}
    return units.pop() if len(units) == 1 else OF_EACH if units else None


def times_among(columns: pd.Index, time: str | None) -> str | None:
    """The column that holds the times of the rows: the one named, or the only one named as times.

    Raises
    ------
    InputError
        When the one named is not there, when several may be meant, and for names that occur twice.
    """
    names = [str(c) for c in columns]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise InputError(f"column {twice!r} occurs twice; give every column a name of its own")
    if time is not None:
        if time not in names:
            raise InputError(
                f"there is no column {time!r} for the times; "
                + nearest(time, names, among="it has")
            )
        return time
    clocks = [name for name in names if is_clock(name)]
    if len(clocks) > 1:
        raise InputError(
            f"the columns {', '.join(clocks)} may all be the times of the rows; give one of them "
            "as time"
        )
    return clocks[0] if clocks else None


def seeming_times(table: pd.DataFrame) -> str | None:
    """Name of the first column of a table if it alone increases in every row, as times do."""
    if table.shape[1] < 2 or len(table) < _FEWEST_ROWS:
        return None

    def increases(column: pd.Series) -> bool:
        return bool(pd.api.types.is_numeric_dtype(column.dtype) and (column.diff()[1:] > 0).all())

    first, *others = (table.iloc[:, k] for k in range(table.shape[1]))
    if not increases(first) or all(map(increases, others)):
        return None
    return str(table.columns[0])


def as_dates(index: pd.Index) -> pd.Index:
    """Times of the name date, such as 20240131, as dates; any other times unchanged."""
    is_named = is_clock(index.name) and "date" in str(index.name).lower()
    if not is_named or index.dtype.kind not in "iu" or not len(index):
        return index
    if not 1000_00_00 < index.min() <= index.max() < 10000_00_00:
        return index
    dates = pd.to_datetime(index.astype(str), format="%Y%m%d", errors="coerce")
    return index if dates.hasnans else dates.rename(index.name)


def times_of(column: pd.Series, name: str) -> pd.Series:
    """Times in a column: numbers, or dates from texts and from numbers such as 20240131.

    Raises
    ------
    InputError
        For a text that is no date, and for dates whose day and month may be exchanged.
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        return pd.Series(as_dates(pd.Index(column)), column.index)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return column
    # objects, categories or texts; a text such as 20240131 in a column of dates is a date
    are_texts = column.map(lambda value: isinstance(value, str)).any()
    numbers = pd.to_numeric(column.astype(object), errors="coerce")
    if numbers.notna().all() and not (are_texts and "date" in str(column.name).lower()):
        return pd.Series(as_dates(pd.Index(numbers)), column.index)
    texts = column.astype(str).str.strip()
    parts = texts.str.extract(r"^(\d{1,2})[/.-](\d{1,2})[/.-]\d{2,4}\b").dropna().astype(int)
    is_day_first = bool(len(parts) and (parts[0] > 12).any())
    if len(parts) and not is_day_first and not (parts[1] > 12).any():
        raise InputError(
            f"{name} holds dates such as {texts[parts.index[0]]}, in which the day or the month "
            "may come first; write them as 2024-02-01"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of formats that differ
        try:
            return pd.to_datetime(column, dayfirst=is_day_first)
        except (ValueError, TypeError):
            times = pd.to_datetime(
                column, dayfirst=is_day_first, format="mixed", errors="coerce", utc=True
            ).dt.tz_localize(None)
    wrong = np.flatnonzero(times.isna() & column.notna())
    if len(wrong):
        raise InputError(
            f"{name} holds {column.iloc[wrong[0]]!r} in row {wrong[0] + 1}, which is no time; "
            "remove the row if it holds units, or correct it"
        )
    return times
