"""Fit and loss of mean curves, and losses of curves that only wander."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.analyses.information.mean_curves import of_mean_curves
from sgdphys.information.fit import (
    loss_after_fit,
    loss_during_fit,
    reached,
    relative_length,
)
from sgdphys.information.onset import fall_after_peak

EPOCH = np.arange(0.0, 1001)
RISE = np.clip(EPOCH / 100, 0, 1)
"""I(T;Y) that rises linearly over 100 epochs."""


def losing(begin: float, end: float, bits: float = 4.0) -> np.ndarray:
    """I(X;T) that falls linearly between two epochs, (layer, epoch)."""
    return 10 - bits * np.clip((EPOCH - begin) / (end - begin), 0, 1)[None]


def test_a_level_is_reached_between_records():
    assert reached(np.array([0.0, 0, 2, 2]), np.array(1.0)) == pytest.approx(1.5)
    assert reached(np.array([2.0, 3]), np.array(1.0)) == 0
    assert np.isnan(reached(np.array([0.0, 3, 1]), np.array(2.0)))


def test_a_level_that_is_passed_several_times_is_reached_in_the_middle():
    """First between records 0 and 1, for the last time between records 2 and 3."""
    assert reached(np.array([0.0, 2, 0, 2, 2]), np.array(1.0)) == pytest.approx(1.5)


def test_the_share_of_the_loss_that_is_done_by_the_end_of_the_fit():
    """Of a fall over epochs 45 to 545, the fit at epoch 90 has seen 45 of 500."""
    assert loss_during_fit(losing(45, 545), RISE, 0.9) == pytest.approx(0.09)
    assert loss_during_fit(losing(45, 545), RISE, 0.7) == pytest.approx(0.05)
    assert loss_during_fit(losing(200, 300), RISE, 0.9) == 0
    assert loss_during_fit(losing(0, 50), RISE, 0.9) == pytest.approx(1)
    assert np.isnan(loss_during_fit(losing(45, 545, bits=0.05), RISE, 0.9))
    assert np.isnan(loss_during_fit(losing(45, 545), 0.05 * RISE, 0.9))


def test_a_transient_before_the_end_of_the_fit_is_no_loss_after_it():
    assert loss_after_fit(losing(0, 50), RISE, 0.9) == pytest.approx(0)
    assert loss_after_fit(losing(90, 500), RISE, 0.9) == pytest.approx(4)


def test_lengths_are_durations_and_not_deadlines():
    """A fall over epochs 500 to 600 takes as long as the rise, however late it begins."""
    assert relative_length(losing(500, 600), RISE, EPOCH) == pytest.approx(1)
    assert relative_length(losing(100, 1000), RISE, EPOCH) == pytest.approx(9)


def test_pseudo_values_have_the_mean_and_interval_of_the_jackknife():
    rng = np.random.default_rng(0)
    x = 10 - rng.uniform(1, 5, (6, 1, 1)) * np.clip(EPOCH / 900, 0, 1)
    y = rng.uniform(0.5, 1, (6, 1, 1)) * RISE
    axes = ("replica", "layer", "epoch")
    data = xr.Dataset({"I_XT": (axes, x), "I_TY": (axes, y)}, {"epoch": EPOCH})

    def kernel(about_x, about_y):
        return loss_after_fit(about_x, about_y, 0.9)

    found = of_mean_curves(data, kernel)[:, 0].to_numpy()
    assert found.mean() == pytest.approx(float(kernel(x.mean(0), y.mean(0)[0])[0]))
    without = np.array([
        kernel(np.delete(x, k, 0).mean(0), np.delete(y, k, 0).mean(0)[0])[0] for k in range(6)
    ])  # fmt: skip
    assert found.std(ddof=1) / 6**0.5 == pytest.approx((5 / 6 * 6 * without.var()) ** 0.5)
    gone = data.copy(deep=True)
    gone["I_XT"][3, 0, -1] = np.nan
    alone = of_mean_curves(data.isel(replica=[0, 1, 2, 4, 5]), kernel)
    np.testing.assert_allclose(of_mean_curves(gone, kernel)[[0, 1, 2, 4, 5]], alone)
    assert np.isnan(of_mean_curves(gone, kernel)[3, 0])


@pytest.mark.parametrize("members", [5, 50])
def test_random_walks_lose_nothing_on_average(members):
    """At the peak of their own mean curve they would lose 0.28 bit (5 members), 0.09 bit (50)."""
    rng = np.random.default_rng(members)
    curves = 0.05 * np.cumsum(rng.standard_normal((275, members, 100)), axis=0)
    lost = fall_after_peak(xr.DataArray(curves, dims=("epoch", "replica", "layer")))
    each = lost.mean("replica").to_numpy()
    assert abs(each.mean()) < 3 * each.std() / 10
    own = (curves.mean(1).max(0) - curves.mean(1)[-1]).mean()
    assert own > 4 * abs(each.mean())
    assert own > 3 * each.std() / 10


def test_a_loss_that_is_there_is_found_whole():
    rng = np.random.default_rng(0)
    fall = np.r_[np.linspace(8, 10, 20), np.linspace(10, 6, 80)]
    curves = fall[:, None] + rng.normal(0, 0.01, (100, 7))
    lost = fall_after_peak(xr.DataArray(curves, dims=("epoch", "replica")))
    assert lost.dims == ("replica",)
    np.testing.assert_allclose(lost, 4, atol=0.1)
    one = fall_after_peak(xr.DataArray(curves[:, :1], dims=("epoch", "replica")))
    assert float(one[0]) == pytest.approx(curves[:, 0].max() - curves[-1, 0])
