"""Statistics of the transition on curves whose epochs are known, and what they refuse."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.analyses.catalogue import statistics
from sgdphys.analyses.critical_batch.tuning import tuned
from sgdphys.claims import measuring
from sgdphys.claims.claim import Claim
from sgdphys.errors import InputError, NotEnoughData

EPOCH = np.unique(np.r_[0, np.rint(np.geomspace(1, 2000, 200))]).astype(int)
AXES = {"epoch": EPOCH, "replica": np.arange(6), "layer": [1, 2]}
SHAPE = (len(EPOCH), 6, 2)


def phases(**crossings):
    """Ratios of every reading that fall below 1 at an epoch; the last record has no update."""
    curves = {}
    for name in ("followed", "gradient", "drift", "sample"):
        ratio = (1 + crossings.get(name, 50)) / (1 + EPOCH[:, None, None]) * np.ones(SHAPE)
        if name in ("followed", "drift"):
            ratio[-1] = np.nan
        curves[f"own_{name}_ratio"] = ("epoch", "replica", "layer"), ratio
    return xr.Dataset(curves, AXES, {"of": "phases"})


def plane(onset=100.0):
    """Layers that lose three bits like the logarithm of the epoch; a tenth by a given one."""
    start = np.exp((np.log(onset) - 0.1 * np.log(2000)) / 0.9)
    share = np.log(np.maximum(EPOCH, 1) / start) / np.log(2000 / start)
    lost = 3 * np.clip(share, 0, 1)[:, None, None] * np.ones(SHAPE)
    return xr.Dataset(
        {"I_XT": (("epoch", "replica", "layer"), 9 - lost)}, AXES, {"of": "information"}
    )


def measure(statistic, groups, **where):
    claim = Claim(says="s", by="b", statistic=statistic, where=where, above=0.0, null="n")
    return measuring.measure(claim, groups, statistics()[statistic])


def test_each_reading_has_its_own_transition():
    groups = {"phases": phases(followed=16, gradient=800, drift=30)}
    for reading, at in (("followed", 16), ("fixed", 800), ("drift", 30)):
        found = measure("transition_epoch", groups, reading=reading, layer=2)
        assert found.value == pytest.approx(at, rel=1e-6)
    assert measure("transition_epoch", groups).value == pytest.approx(16)  # the paper's own
    with pytest.raises(InputError, match="no reading 'paper'; there are followed, fixed"):
        measure("transition_epoch", groups, reading="paper")


def test_a_ratio_of_samples_crosses_where_it_has_fallen_by_half():
    found = measure("transition_epoch", {"phases": phases()}, reading="samples")
    assert found.value == pytest.approx(1, rel=1e-6)  # (1 + 1)/(1 + 0) = 2


def test_one_update_an_epoch_has_no_transition_and_says_why():
    data = phases()
    data["own_followed_ratio"] = np.inf * data["own_sample_ratio"]
    with pytest.raises(NotEnoughData, match="every epoch is one update, whose gradients have no"):
        measure("transition_epoch", {"phases": data})


def test_networks_that_have_learnt_nothing_are_left_out():
    data = phases().assign_coords(learned=("replica", [1, 1, 1, 1, 0, 0]))
    assert measure("transition_epoch", {"phases": data}).members == 4


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_onsets_are_those_of_a_share(share):
    start = np.exp((np.log(100) - 0.1 * np.log(2000)) / 0.9)
    at = start * (2000 / start) ** share
    groups = {"phases": phases(followed=20), "information": plane(100)}
    found = measure("onset_after_transition", groups, share=share)
    assert found.value == pytest.approx(at / 20, rel=0.05)  # of the grid of epochs


def test_the_factor_between_layers_by_window():
    data, information = phases(), plane(100)
    factor = np.where(EPOCH < 100, 1.5, 1.0)[:, None, None] ** np.array([1.0, -1.0])
    data["own_followed_ratio"] = data["own_followed_ratio"] * factor
    groups = {"phases": data, "information": information}
    for window, at in (("before compression", 1.5), ("after compression", 1.0)):
        assert measure("ratio_spread", groups, window=window).value == pytest.approx(at, rel=1e-6)


def test_cosines_are_averaged_in_their_window():
    data = phases()
    cosine = np.where(EPOCH < 90, 1.0, -0.5)[:, None, None] * np.ones(SHAPE)
    data["own_displacement_cosine"] = (("epoch", "replica", "layer"), cosine)
    groups = {"phases": data, "information": plane(100)}
    assert measure("displacement_cosine", groups, window="compression").value == pytest.approx(-0.5)
    assert measure("displacement_cosine", groups, window="before compression").value > 0.9


def test_without_compression_there_is_no_window():
    flat = plane() * 0 + 9
    with pytest.raises(NotEnoughData, match=r"no layer loses 0\.1 bit"):
        measure("ratio_spread", {"phases": phases(), "information": flat.assign_attrs(
            of="information")})  # fmt: skip


def sweep(costs):
    """Updates at three rates of every batch size."""
    rates = np.tile([0.1, 0.2, 0.4], len(costs))
    batch = np.repeat(2.0 ** np.arange(4, 4 + len(costs)), 3)
    steps = np.ravel(costs)[:, None] * np.linspace(0.9, 1.1, 4)
    return xr.Dataset(
        {"steps_to_loss": (("case", "replica"), steps), "mean_batch_size": ("case", batch),
         "mean_noise_scale": (("case", "replica"), 0 * steps + 5)},
        {"swept_batch_size": ("case", batch), "swept_learning_rate": ("case", rates)},
    )  # fmt: skip


def test_the_best_rate_of_every_batch_size_is_taken():
    found = tuned(sweep([[90, 80, 85], [70, 60, 61], [55, 50, np.nan]]))
    assert found.rate.tolist() == [0.2, 0.2, 0.2]
    assert found.steps.mean(axis=1) == pytest.approx([80, 60, 50])


def test_a_batch_size_whose_best_rate_is_the_last_is_not_tuned():
    data = sweep([[90, 80, 85], [70, 60, 61], [55, 50, 51], [40, 30, 20]])
    assert tuned(data).batch.tolist() == [16, 32, 64]
    with pytest.raises(NotEnoughData, match="2 batch sizes have a best rate between"):
        tuned(data.isel(case=slice(3, None)))
