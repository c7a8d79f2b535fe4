"""Clustering and entropy given the epoch, and responses to doses, where they are known."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.analyses.catalogue import statistics
from sgdphys.claims.claim import Claim
from sgdphys.claims.ranks import spearman
from sgdphys.claims.verdicts import SUPPORTED, judge

AXES = ("epoch", "replica", "layer")


def verdict(name, data, *, above=0.3):
    claim = Claim(says="s", by="b", statistic=name, above=above, null="n")
    return judge({"c": claim}, {"clustering": data}, statistics())[0]


def curves(first, second):
    data = {"distance_ratio": (AXES, first), "binned_entropy": (AXES, second)}
    return xr.Dataset(data, {"epoch": np.arange(len(first))}, {"of": "clustering"})


def test_two_unrelated_trends_do_not_follow_each_other():
    """A curve t**2 and a curve sqrt(t), each with its noise: at most the 99% limit of 5%.

    With ranks over epochs 96 of 100 such pairs were taken to follow each other.
    """
    rng = np.random.default_rng(3)
    t = np.linspace(0, 1, 20)[:, None, None]
    words = [
        verdict("clustering_with_entropy", curves(
            t**2 + 0.2 * rng.standard_normal((20, 5, 5)),
            np.sqrt(t) + 0.2 * rng.standard_normal((20, 5, 5)),
        ), above=0.0).word
        for _ in range(60)
    ]  # fmt: skip
    assert words.count(SUPPORTED) <= 7


def test_deviations_that_follow_each_other_are_found():
    rng = np.random.default_rng(4)
    t = np.linspace(0, 1, 20)[:, None, None]
    own = 0.2 * rng.standard_normal((20, 8, 4))
    found = verdict("clustering_with_entropy", curves(t**2 + own, -np.sqrt(t) + 3 * own))
    assert found.value == pytest.approx(1)


def test_a_dose_response_has_the_order_of_its_doses():
    """Falling with every dose gives -1; 0.01 less and 1 more, as if it were less, does not."""
    for end, expected in (([0.2, 0.3, 0.4, 0.5], -1.0), ([0.3, 0.5, 0.4, 0.2], 0.4)):
        ratio = np.stack([np.ones((4, 3, 2)), np.tile(np.array(end)[:, None, None], (1, 3, 2))], 1)
        data = xr.Dataset(
            {"distance_ratio": (("case", *AXES), ratio)},
            {"epoch": [0, 10], "case": list("abcd"),
             "swept_orthonormality": ("case", [0.0, 0.01, 0.1, 1.0])}, {"of": "clustering"},
        )  # fmt: skip
        assert verdict("clustering_with_dose", data).value == pytest.approx(expected)
    few = data.isel(case=[0, 1])
    assert "at least 3 cases" in verdict("clustering_with_dose", few).reason


def test_ranks_along_a_dimension():
    """Ties share their mean rank, missing pairs are left out, a constant has no correlation."""
    first = xr.DataArray([[1.0, 2, 3, np.nan], [1, 1, 2, 3], [5, 5, 5, 5]], dims=("r", "x"))
    second = xr.DataArray([10.0, 20, 40, 30], dims="x")
    found = spearman(first, second, "x")
    assert found[0] == pytest.approx(1)
    assert found[1] == pytest.approx(3.5 / np.sqrt(4.5 * 5))
    assert np.isnan(found[2])
