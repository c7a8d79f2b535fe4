"""Errors whose message is one sentence: what was wrong, where, and what to do."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """What was asked for cannot be done: a wrong value, file or name."""


class WorkError(RuntimeError):
    """What was asked for is right, and doing it failed."""


class NotEnoughData(InputError):
    """Too few data for an answer; ``estimate`` is what they would say, unvouched for."""

    def __init__(self, message: str, estimate: object = None) -> None:
        super().__init__(message)
        self.estimate = estimate


def nearest(name: str, known: Iterable[object], *, listed_by: str = "", among: str = "") -> str:
    """Return 'did you mean X?' for the nearest known name, or the names, or what lists them.

    With ``among``, such as "it has", all names follow the nearest one.
    """
    names = [str(k) for k in known]
    begin = [n for n in names if str(name) and n.lower().startswith(str(name).lower())]
    close = begin if len(begin) == 1 else difflib.get_close_matches(str(name), names, n=1)
    if close:
        others = f" ({among} {', '.join(names)})" if among else ""
        return f"did you mean {close[0]!r}?{others}"
    if listed_by:
        return f"{listed_by} lists them"
    return "it can be " + ", ".join(repr(n) for n in names)
