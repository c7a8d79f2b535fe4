"""Random numbers: published answers of Philox, fair batches, streams that never shift."""

import numpy as np
import pytest

from sgdphys.sampling import (
    PURPOSES,
    SAMPLERS,
    batch_sizes,
    epoch_rows,
    philox_block,
    philox_keys,
    seed_sequence,
)


def rows_of(epoch, sampler, replicas=range(4), count=24, positions=None, seed=1):
    keys = philox_keys(seed, replicas, "batches")
    train = np.repeat(np.arange(count, dtype=np.int32)[:, None] + 100, len(replicas), axis=1)
    rows = np.zeros((positions or count, len(replicas)), np.int32)
    scratch = np.zeros((4, len(replicas)), np.uint32)
    epoch_rows(keys, epoch, train, SAMPLERS.index(sampler), rows, scratch)
    return rows


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (
            (0xFFFFFFFF,) * 4,
            (0xFFFFFFFF,) * 2,
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_known_answers(counter, key, words):
    out = np.zeros((4, 1), np.uint32)
    philox_block(np.array([[key[0]], [key[1]]], np.uint32), *map(np.uint32, counter), out)
    assert tuple(out[:, 0].tolist()) == words


def test_shuffle_is_a_permutation_and_differs_by_epoch_and_replica():
    first, second = rows_of(0, "shuffle"), rows_of(1, "shuffle")
    assert (np.sort(first, axis=0) == np.arange(100, 124)[:, None]).all()
    assert (first != second).any(axis=0).all()
    assert len({tuple(c) for c in first.T.tolist()}) == 4


def test_any_epoch_and_replica_alone_is_the_same():
    together = rows_of(7, "shuffle", range(9))
    for _ in range(3):
        rows_of(np.random.default_rng(0).integers(100), "shuffle")
    alone = rows_of(7, "shuffle", range(5, 6))
    assert (together[:, 5:6] == alone).all()


def test_shuffle_is_uniform():
    """Every sample is as likely at every place: chi-squared over 2000 epochs of 6 samples.

    One seed; at 25 degrees of freedom 52.6 is passed once in 1000.
    """
    counts = np.zeros((6, 6))
    for epoch in range(500):
        rows = rows_of(epoch, "shuffle", count=6) - 100
        for position in range(6):
            np.add.at(counts[position], rows[position], 1)
    expected = 2000 / 6
    assert ((counts - expected) ** 2 / expected).sum() < 52.6


def test_replacement_is_uniform():
    counts = np.zeros(24)
    for epoch in range(100):
        np.add.at(counts, rows_of(epoch, "replacement").ravel() - 100, 1)
    expected = counts.sum() / 24
    assert ((counts - expected) ** 2 / expected).sum() < 49.7  # 23 degrees of freedom, 1 in 1000


@pytest.mark.parametrize("sampler", ["fixed", "full"])
def test_orders_that_never_change(sampler):
    assert (rows_of(0, sampler) == rows_of(5, sampler)).all()


def test_batches_add_up():
    """C20: one batch when it is larger than the set, and a shorter last batch."""
    assert batch_sizes(30, 8, "shuffle").tolist() == [8, 8, 8, 6]
    assert batch_sizes(32, 8, "shuffle").tolist() == [8, 8, 8, 8]
    assert batch_sizes(30, 8, "replacement").tolist() == [8, 8, 8, 8]
    assert batch_sizes(30, 512, "shuffle").tolist() == [30]
    assert batch_sizes(30, 8, "full").tolist() == [30]


def test_streams_are_frozen():
    """A new purpose must never shift an old stream: these words are for good."""
    assert PURPOSES == {
        "init": 0, "batches": 1, "noise": 2, "dropout": 3, "split": 4, "labels": 5,
        "layer_noise": 6,
    }  # fmt: skip
    words = seed_sequence(1, 2, "batches").generate_state(2).tolist()
    assert words == np.random.SeedSequence(1, spawn_key=(2, 1)).generate_state(2).tolist()


def test_twins_share_start_and_split_alone():
    def words(replica, purpose):
        return seed_sequence(9, replica, purpose, twins=2).generate_state(4).tolist()

    for purpose in PURPOSES:
        shared = purpose in ("init", "split")
        assert (words(2, purpose) == words(3, purpose)) == shared
        assert words(1, purpose) != words(2, purpose)
