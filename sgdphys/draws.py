"""Random numbers: what ``rng=`` means, a stream for each series, and bootstrap draws.

``rng`` of every public function is one of

* an int or a ``numpy.random.SeedSequence``: a seed, and the same seed gives the same result;
* a ``numpy.random.Generator``: asked once for a seed, so that the next call draws other numbers;
* None: a seed from the entropy of the system, so that nothing repeats.

A function turns it into a seed at its door (``arguments.checked``), and draws everything from that.
What is drawn for one series of an array is seeded by the place of the series in the array alone:
its flat index over the other dimensions in their order. It depends neither on the values of other
series nor on blocks, chunks or threads.
"""

import numpy as np

from sgdphys.errors import InputError

Seed = int | np.integer | np.random.SeedSequence | np.random.Generator | None
"""What ``rng=`` takes."""
RESAMPLES = 1000
"""Bootstrap resamples where a function does not ask how many."""


def seed_of(rng: Seed) -> np.random.SeedSequence:
    """Seed that an ``rng=`` stands for; a Generator moves on by it.

    Raises
    ------
    InputError
        For anything but an int of at least 0, a SeedSequence, a Generator or None.
    """
    if isinstance(rng, np.random.SeedSequence):
        return rng
    if isinstance(rng, np.random.Generator):
        return np.random.SeedSequence(rng.integers(0, 2**32, 4, dtype=np.uint32).tolist())
    if rng is None:
        return np.random.SeedSequence()
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool) and rng >= 0:
        return np.random.SeedSequence(int(rng))
    raise InputError(
        f"rng is {rng!r}; give an int of at least 0, a numpy SeedSequence or a numpy Generator"
    )


def stream(seed: Seed, *key: int) -> np.random.Generator:
    """Random numbers of one series: of a seed and the key of the series, such as its index.

    Parameters
    ----------
    seed : Seed
        Without a key, its own numbers.
    *key : int
        Different keys give independent numbers.
    """
    root = seed_of(seed)
    if not key:
        return np.random.default_rng(root)
    return np.random.default_rng(
        np.random.SeedSequence(
            root.entropy, spawn_key=(*root.spawn_key, *map(int, key)), pool_size=root.pool_size
        )
    )


def bootstrap_draws(members: int, rng: Seed, resamples: int = RESAMPLES) -> np.ndarray:
    """How often every member is in every bootstrap resample, float64 (resample, member).

    Parameters
    ----------
    members : int
        Drawn with replacement, as many as there are.
    rng : Seed
    resamples : int
        Below about 200 the ends of a 95% interval rest on a few outermost resamples, and lie too
        near to each other.

    Notes
    -----
    Statistics that are combined into one, such as the two averages of a ratio, must be of the same
    resamples: draw once, and hand the draws to all of them.
    """
    drawn = np.random.default_rng(seed_of(rng)).integers(0, members, (resamples, members))
    counts = np.zeros((resamples, members))
    np.add.at(counts, (np.arange(resamples)[:, None], drawn), 1.0)
    return counts
