"""Which steps of a loop of unknown length are recorded."""

from collections.abc import Callable, Mapping

import numpy as np

from sgdphys.errors import InputError

Schedule = Callable[[int], bool]
A_DECADE = 40
"""Records a decade on a logarithmic schedule."""


def schedule_of(every: int | str | Mapping[str, int]) -> Schedule:
    """Return whether a step is recorded, as a function of its number.

    Parameters
    ----------
    every : int, "log" or mapping
        See ``recorder.record``.

    Raises
    ------
    InputError
        For what is none of these.
    """
    if isinstance(every, int) and every >= 1:
        return lambda step: step % every == 0
    if every == "log":
        return _is_log_spaced
    if isinstance(every, Mapping) and set(every) == {"burst", "starts", "updates"}:
        if min(every.values()) < 1 or every["burst"] > every["updates"]:
            raise InputError(f"every is {dict(every)}; a burst must fit into the updates")
        starts = burst_starts(every["burst"], every["starts"], every["updates"])
        inside = {int(s) + k for s in starts for k in range(every["burst"] + 1)}
        return lambda step: step in inside
    raise InputError(
        f'every is {every!r}; it can be a number of steps, "log", or '
        '{"burst": k, "starts": n, "updates": N}'
    )


def burst_starts(burst: int, starts: int, whole: int) -> np.ndarray:
    """Where bursts begin: at 0, at the last place that holds one, and log-spaced between."""
    last = max(whole - burst, 0)
    # apart from the first and, where there is room, from each other
    later = np.geomspace(max(last, 1), 2 * burst, starts - 1)
    return np.unique([0, *np.minimum(np.rint(later).astype(np.int64), last)])


def _is_log_spaced(step: int) -> bool:
    """Whether a step is the nearest to one of 40 places a decade."""
    place = round(A_DECADE * np.log10(max(step, 1)))
    return any(round(10 ** (k / A_DECADE)) == step for k in (place - 1, place, place + 1))
