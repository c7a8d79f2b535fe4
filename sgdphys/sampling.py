"""Random numbers of a run: one stream a replica and purpose, and the batches of any epoch.

Every draw is a function of (seed, replica, purpose, epoch, index) alone, so replica r is the same
however many run beside it, and epoch e can be drawn without the epochs before it.

References
----------
Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3", for Philox 4x32-10.
"""

import numpy as np

from sgdphys.compiling import compiled, inlined

PURPOSES = {
    "init": 0,
    "batches": 1,
    "noise": 2,
    "dropout": 3,
    "split": 4,
    "labels": 5,
    "layer_noise": 6,
}
_SHARED_BY_A_FAMILY = {"init", "split"}

SAMPLERS = ("shuffle", "replacement", "fixed", "full")


def seed_sequence(seed: int, replica: int, purpose: str, twins: int = 1) -> np.random.SeedSequence:
    """Return the stream of one replica for one purpose.

    Parameters
    ----------
    seed : int
        Seed of the run.
    replica : int
        Index of the replica.
    purpose : str
        One of ``PURPOSES``.
    twins : int
        Replicas of a family; initial weights and split are drawn once a family.
    """
    k = replica // twins if purpose in _SHARED_BY_A_FAMILY else replica
    return np.random.SeedSequence(seed, spawn_key=(k, PURPOSES[purpose]))


def philox_keys(seed: int, replicas: range, purpose: str) -> np.ndarray:
    """Return the Philox keys of some replicas, uint32 (2, replica)."""
    words = [seed_sequence(seed, r, purpose).generate_state(2, np.uint32) for r in replicas]
    return np.stack(words, axis=1)


def batch_sizes(samples: int, batch_size: int, sampler: str) -> np.ndarray:
    """Return the number of samples in each batch of an epoch, int64 (batch,).

    Without replacement the last batch may be shorter; a batch larger than the training set is the
    training set. With replacement all batches are of one size.
    """
    if sampler == "full":
        return np.array([samples], dtype=np.int64)
    size = min(batch_size, samples)
    whole, rest = divmod(samples, size)
    if rest == 0:
        return np.full(whole, size, dtype=np.int64)
    return np.array([size] * whole + [size if sampler == "replacement" else rest], dtype=np.int64)


@inlined
def philox(c0, c1, c2, c3, k0, k1):
    """Philox 4x32-10: four uint32 from a counter of four and a key of two."""
    m0 = np.uint64(0xD2511F53)
    m1 = np.uint64(0xCD9E8D57)
    low = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    c0, c1, c2, c3 = np.uint64(c0), np.uint64(c1), np.uint64(c2), np.uint64(c3)
    k0, k1 = np.uint64(k0), np.uint64(k1)
    for _ in range(10):
        p0 = m0 * c0
        p1 = m1 * c2
        c0 = (p1 >> half) ^ c1 ^ k0
        c1 = p1 & low
        c2 = (p0 >> half) ^ c3 ^ k1
        c3 = p0 & low
        k0 = (k0 + np.uint64(0x9E3779B9)) & low
        k1 = (k1 + np.uint64(0xBB67AE85)) & low
    return np.uint32(c0), np.uint32(c1), np.uint32(c2), np.uint32(c3)


@compiled
def philox_block(keys, c0, c1, c2, c3, out):
    """Fill out (4, replica) with the four words of one counter under each replica's key."""
    for r in range(keys.shape[1]):
        out[0, r], out[1, r], out[2, r], out[3, r] = philox(c0, c1, c2, c3, keys[0, r], keys[1, r])


@inlined
def _below(word, count):
    """A whole number below count from 32 random bits (uneven by count / 2**32 at most)."""
    return (np.uint64(word) * np.uint64(count)) >> np.uint64(32)


@compiled
def epoch_rows(keys, epoch, train_rows, sampler, rows, words):
    """Write the order in which each replica sees its training samples in one epoch.

    Parameters
    ----------
    keys : uint32 (2, replica)
        Keys of the purpose "batches".
    epoch : int
        The epoch drawn; any, in any order.
    train_rows : int32 (sample, replica)
        Rows of the data that each replica trains on.
    sampler : int
        Index in ``SAMPLERS``.
    rows : int32 (position, replica)
        Filled; as long as the batches of an epoch together.
    words : uint32 (4, replica)
        Scratch.

    Notes
    -----
    "shuffle" is the Fisher-Yates permutation, drawn from the identity each epoch.
    """
    count, replicas = train_rows.shape
    if sampler == 1:
        for position in range(rows.shape[0]):
            turn = position & 3
            if turn == 0:
                philox_block(keys, position >> 2, epoch, 0, 0, words)
            for r in range(replicas):
                rows[position, r] = train_rows[_below(words[turn, r], count), r]
        return
    for position in range(count):
        for r in range(replicas):
            rows[position, r] = train_rows[position, r]
    if sampler != 0:
        return
    for draw in range(count - 1):
        turn = draw & 3
        if turn == 0:
            philox_block(keys, draw >> 2, epoch, 0, 0, words)
        last = count - 1 - draw
        for r in range(replicas):
            other = _below(words[turn, r], last + 1)
            kept = rows[last, r]
            rows[last, r] = rows[other, r]
            rows[other, r] = kept
