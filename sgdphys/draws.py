"""Random numbers: what ``rng=`` means, one stream per series, and bootstrap draws.

``rng`` of every public function is one of

* an int or a ``numpy.random.SeedSequence``: a seed; the same seed gives the same result;
* a ``numpy.random.Generator``: it gives one seed, so that the next call draws other numbers;
* None: a seed from the entropy of the system; results do not repeat.

Each function first turns it into a seed (``arguments.checked``), and draws everything from that
seed. The random numbers of one series of an array are seeded by the flat index of the series over
the other dimensions in their order. They depend neither on the values of other series nor on
blocks, chunks or threads.
"""

import numpy as np

from sgdphys.errors import InputError

Seed = int | np.integer | np.random.SeedSequence | np.random.Generator | None
"""Types that ``rng=`` takes."""
RESAMPLES = 1000
"""Default number of bootstrap resamples."""


def seed_of(rng: Seed) -> np.random.SeedSequence:
    """Seed from an ``rng=`` argument; a Generator advances.

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
    """Random numbers of one series, from a seed and a key such as the index of the series.

    Parameters
    ----------
    seed : Seed
        Without a key, the stream of the seed itself.
    *key : int
        Different keys give independent streams.
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
    """Counts of every member in every bootstrap resample, float64 (resample, member).

    Parameters
    ----------
    members : int
        Number of members, which are drawn with replacement as often.
    rng : Seed
    resamples : int
        With fewer than about 200 the ends of a 95% interval depend on a few extreme resamples, and
        the interval is too narrow.

    Notes
    -----
    Statistics that are combined, such as the two averages of a ratio, must use the same resamples:
    draw once, and pass the draws to all of them.
    """
    drawn = np.random.default_rng(seed_of(rng)).integers(0, members, (resamples, members))
    counts = np.zeros((resamples, members))
    np.add.at(counts, (np.arange(resamples)[:, None], drawn), 1.0)
    return counts
