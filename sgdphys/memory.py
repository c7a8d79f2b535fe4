"""Memory: the limit on what is read of a large array at once.

The environment variable ``SGDPHYS_MEMORY`` sets it, as in ``SGDPHYS_MEMORY="500 MB"``. Parts of a
lazy array are then chosen such that what an estimator reads, and its copies, stay within the limit.
Results, and arrays that are in memory already, come in addition.
"""

import os
import re

from sgdphys.errors import InputError

VARIABLE = "SGDPHYS_MEMORY"
"""Environment variable that limits memory."""
_UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
          "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}  # fmt: skip
_LEAST = 2**25
"""Bytes; a limit below is refused, since single chunks of a file are read whole."""


def limit() -> float | None:
    """Bytes that may be read at once with all copies, or None where no limit is set.

    Raises
    ------
    InputError
        For a value of SGDPHYS_MEMORY that is no number of bytes, or less than 32 MiB.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d*)?) *([kMGT]i?)?B?", text)
    size = float(found[1]) * _UNITS[found[2] or ""] if found else 0.0
    if not found or size < _LEAST:
        what = "too little: give at least 32 MiB" if found else "no size: give one as in 500 MB"
        raise InputError(f"{VARIABLE} is {text!r}, which is {what}")
    return size


def at_once(most: int, share: float) -> int:
    """Bytes of a part that is read: so many at most, and a share of the limit.

    Parameters
    ----------
    most : int
        Where there is no limit, or a large one.
    share : float
        Of the limit, such that the copies that are made of the part fit into the rest.
    """
    size = limit()
    return most if size is None else max(1, min(most, int(share * size)))
