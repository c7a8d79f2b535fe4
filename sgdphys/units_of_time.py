"""Units of time: their names, symbols and lengths, and what else counts the points of a series."""

SECONDS = {
    "femtosecond": 1e-15, "picosecond": 1e-12, "nanosecond": 1e-9, "microsecond": 1e-6,
    "millisecond": 1e-3, "second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0,
}  # fmt: skip
"""Lengths of units, by name."""
_SYMBOLS = {
    "fs": "femtosecond", "ps": "picosecond", "ns": "nanosecond", "us": "microsecond",
    "µs": "microsecond", "μs": "microsecond", "ms": "millisecond", "s": "second", "sec": "second",
    "min": "minute", "h": "hour", "hr": "hour", "d": "day", "y": "year", "yr": "year",
}  # fmt: skip
_COUNTS = ("step", "epoch", "frame", "update", "iteration")
_NAMES = (*SECONDS, "week", "month", "year", *_COUNTS)
_SINGULAR = {f"{name}s": name for name in (*_NAMES, "sample", "draw")}
UNIT = rf"((?:{'|'.join((*_SYMBOLS, *_NAMES))})s?)"
"""Regular expression of a unit in a name, as in "Time (s)"."""


def singular(unit: str) -> str:
    """A unit of time in the singular; any other unit or name unchanged."""
    return _SINGULAR.get(unit, unit)


def plural(unit: str) -> str:
    """A unit of time in the plural: words have one, symbols such as "ms" do not."""
    return next((many for many, one in _SINGULAR.items() if one == unit), unit)


def is_counted(unit: str) -> bool:
    """Whether a text, in the singular or plural, is a word for units of time or for points."""
    return singular(unit) in _SINGULAR.values()


def seconds_of(unit: str) -> float | None:
    """Seconds of a unit of time, by its name or symbol; None for any other unit."""
    return SECONDS.get(_SYMBOLS.get(unit, singular(unit)))
