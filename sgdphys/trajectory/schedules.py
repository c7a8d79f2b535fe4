"""Which steps of a loop of unknown length are recorded."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sgdphys.errors import InputError

Every = int | str | Mapping[str, int]
Schedule = Callable[[int], bool]
A_DECADE = 40
"""Records a decade on a logarithmic schedule."""
LOG_FOLLOWED = {"log": 0, "log_pairs": 1, "log_triples": 2}
"""Schedules of log-spaced epochs: how many epochs after each are recorded too."""
LOG_POINTS = 395
"""Epochs asked for on a logarithmic axis; rounding leaves about 275 of 10^4."""


def plain(every: Every) -> Every:
    """Return a schedule of steps with its integers as int.

    Raises
    ------
    InputError
        For what ``schedule_of`` does not take.
    """
    if isinstance(every, int | np.integer) and every >= 1:
        return int(every)
    if isinstance(every, str) and every == "log":
        return every
    if isinstance(every, Mapping) and set(every) == {"burst", "starts", "updates"}:
        are_whole = all(isinstance(number, int | np.integer) for number in every.values())
        if not are_whole or min(every.values()) < 1 or every["burst"] > every["updates"]:
            raise InputError(
                f"every is {dict(every)}; give whole numbers of at least 1, and a burst that fits "
                "into the updates"
            )
        return {name: int(number) for name, number in every.items()}
    raise InputError(
        f'every is {every!r}; it can be a number of steps, "log", or '
        '{"burst": k, "starts": n, "updates": N}'
    )


def schedule_of(every: Every) -> Schedule:
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
    every = plain(every)
    if isinstance(every, int):
        return lambda step: step % every == 0
    if isinstance(every, str):
        return _is_log_spaced
    starts = burst_starts(every["burst"], every["starts"], every["updates"])
    inside = {int(s) + k for s in starts for k in range(every["burst"] + 1)}
    return lambda step: step in inside


def promised_steps(schedules: Sequence[tuple[int, Every]], last: int) -> np.ndarray:
    """Return the steps that a recording promises, int64 ascending.

    Parameters
    ----------
    schedules : sequence of (int, every)
        The step from which each schedule holds, ascending: a resumed recording may have several.
    last : int
        The last update.
    """
    ends = [first for first, _ in schedules[1:]] + [last]
    found = [np.zeros(0, np.int64)]
    for (first, every), end in zip(schedules, ends, strict=True):
        steps = _scheduled(every, end)
        found.append(steps[steps >= first])
    return np.unique(np.concatenate(found))


def _scheduled(every: Every, last: int) -> np.ndarray:
    """Steps from 0 to the last one on a schedule."""
    if isinstance(every, int):
        return np.arange(0, last + 1, every)
    if isinstance(every, Mapping):
        starts = burst_starts(every["burst"], every["starts"], every["updates"])
        steps = np.unique(starts[:, None] + np.arange(every["burst"] + 1))
    else:
        powers = np.arange(np.ceil(A_DECADE * np.log10(max(last, 1))) + 2)
        steps = np.unique([0, *np.rint(10 ** (powers / A_DECADE)).astype(np.int64)])
    return np.asarray(steps[steps <= last], np.int64)


def burst_starts(burst: int, starts: int, whole: int) -> np.ndarray:
    """Where bursts begin: at 0, at the last place that holds one, and log-spaced between."""
    last = max(whole - burst, 0)
    # apart from the first and, where there is room, from each other
    later = np.geomspace(max(last, 1), 2 * burst, starts - 1)
    return np.unique([0, *np.minimum(np.rint(later).astype(np.int64), last)])


def overlap_told(burst: int, starts: int, whole: int, unit: str) -> str:
    """A sentence on bursts of which some overlap, having too little room; empty where none do."""
    apart, end = 0, 0
    for start in burst_starts(burst, starts, whole):
        if start >= end:
            apart, end = apart + 1, start + burst
    if apart == starts:
        return ""
    return (
        f"{apart} of {starts} bursts of {burst} {unit} lie apart in {whole} {unit}; what overlaps "
        "adds little"
    )


def _is_log_spaced(step: int) -> bool:
    """Whether a step is the nearest to one of 40 places a decade."""
    if step == 0:
        return True
    place = round(A_DECADE * np.log10(step))
    return any(round(10 ** (k / A_DECADE)) == step for k in (place - 1, place, place + 1))


def log_epochs(epochs: int, followed: int = 0) -> np.ndarray:
    """Epoch 0, and integer epochs evenly spaced on a logarithmic axis up to the last.

    With ``followed``, each and as many epochs after it.
    """
    spaced = np.round(np.geomspace(1, epochs, LOG_POINTS)).astype(np.int64)
    spaced = np.unique(np.concatenate([[0], spaced, [epochs]]))
    return np.unique(np.minimum(spaced[:, None] + np.arange(followed + 1), epochs))
