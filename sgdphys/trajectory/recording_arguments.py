"""Arguments of a recording, checked before any file is touched."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from sgdphys.errors import InputError

_SCALAR = re.compile(r"\w([^/\x00-\x1f\x7f]*[^/\s\x00-\x1f\x7f])?")
"""Names that netCDF takes for a variable."""
_TAKEN = ("step", "zarr.json")
"""Names that a file or store has for something else."""
_LONGEST = 255
"""Bytes of such a name."""


def whole_number(value: Any, name: str, least: int) -> int:
    """Return an integer of Python or NumPy as an int.

    Raises
    ------
    InputError
        For what is none, or less than the least.
    """
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or value < least:
        raise InputError(f"{name} is {value!r}; give a whole number of at least {least}")
    return int(value)


def resumed_step(resume: Any) -> bool | int:
    """Return what ``resume`` asks for: False, True, or the step to go on from.

    Raises
    ------
    InputError
        For what is none of these.
    """
    if isinstance(resume, bool | np.bool_):
        return bool(resume)
    if not isinstance(resume, int | np.integer) or resume < 0:
        raise InputError(f"resume is {resume!r}; it can be True, False or the step to go on from")
    return int(resume)


def patterns_of(what: Any) -> list[str] | None:
    """Return the names that ``what`` asks for, or None for all parameters.

    Raises
    ------
    InputError
        For what is no text, nor a list of them.
    """
    if isinstance(what, str):
        return None if what in ("parameters", "sketch") else [what]
    if not isinstance(what, Sequence) or not all(isinstance(name, str) for name in what):
        raise InputError(
            f'what is {what!r}; it can be "parameters", "sketch", or names of parameters as a list'
        )
    return list(what)


def scalar(name: str, value: Any) -> float:
    """Return a scalar of a step as a number.

    Raises
    ------
    InputError
        For a name that no file can hold, or what is no number.
    """
    too_long = len(name.encode()) > _LONGEST
    if name in _TAKEN or too_long or _SCALAR.fullmatch(name) is None:
        shown = name if len(name) < 40 else f"{name[:40]}..."
        raise InputError(
            f"a scalar cannot be named {shown!r}; a name begins with a letter, has no slash and "
            f'at most {_LONGEST} bytes, and is not "step" or "zarr.json"'
        )
    try:
        return float(value.detach() if hasattr(value, "detach") else value)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"step({name}=...) takes a number, not a {type(value).__name__}") from None
