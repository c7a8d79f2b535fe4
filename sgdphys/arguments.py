"""Arguments with one meaning everywhere: ``confidence``, ``resamples`` and ``rng``."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from sgdphys.draws import seed_of
from sgdphys.errors import InputError

P = ParamSpec("P")
T = TypeVar("T")


def checked(function: Callable[P, T], *, fewest: int = 1) -> Callable[P, T]:
    """Check ``confidence``, ``resamples`` and ``rng`` of a function before anything else is done.

    Parameters
    ----------
    function : callable
        With any of the three parameters. Inside it ``rng`` is always a
        ``numpy.random.SeedSequence``: see ``sgdphys.draws``.
    fewest : int
        Least number of resamples; 0 for a function that then gives no intervals.

    Raises
    ------
    InputError
        When called with a confidence that is not between 0 and 1, with resamples that are not a
        whole number or too few, or with an rng of another type.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # so that Python's message names the function
        given.apply_defaults()
        values = given.arguments
        if "confidence" in values:
            require_share(values["confidence"], "confidence")
        if "resamples" in values:
            require_whole(values["resamples"], "resamples", fewest)
        if "rng" in values:
            values["rng"] = seed_of(values["rng"])
        return function(*given.args, **given.kwargs)

    return call


def require_share(value: Any, name: str) -> None:
    """Raise an error for anything but a number between 0 and 1, such as a percentage."""
    is_number = isinstance(value, int | float | np.integer | np.floating)
    if is_number and 0 < value < 1:
        return
    hint = f": {value / 100:g} for {value:g}%" if is_number and 1 < value < 100 else ""
    raise InputError(f"{name} is {value}; it must lie between 0 and 1{hint}")


def require_whole(value: Any, name: str, fewest: int) -> None:
    """Raise an error for anything but a whole number that is large enough."""
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or value < fewest:
        raise InputError(f"{name} is {value!r}; it must be a whole number of at least {fewest}")
