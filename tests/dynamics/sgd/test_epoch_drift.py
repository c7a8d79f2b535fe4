"""Drift over whole epochs where the motion is known: a line, a walk, a swing over odd updates."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.dynamics import epoch_drift
from sgdphys.errors import InputError

K = 7
"""Updates in an epoch."""


def weights(theta, recorded=None):
    """Weights (update, parameter) of one network, recorded at the epochs of K updates."""
    at = np.arange(0, len(theta), K)
    recorded = np.arange(len(at)) if recorded is None else np.asarray(recorded)
    return xr.Dataset(
        {"theta": (("step", "replica", "parameter"), theta[at][recorded][:, None])},
        coords={
            "epoch": ("step", recorded.astype(float)), "time": ("step", 0.1 * K * recorded),
            "replica": [0], "layer": ("parameter", np.ones(theta.shape[1], int)),
        },
    )  # fmt: skip


def swing(epochs, drift=0.0):
    """Two weights that swing by 1 with a period of two updates, and drift along the second."""
    update = np.arange(epochs * K + 1)
    return np.stack([0.5 * (-1.0) ** update, drift * 0.1 * update], axis=1)


def test_a_swing_over_an_odd_number_of_updates_is_no_drift_over_two_epochs():
    given = weights(swing(10, drift=0.2))
    one, two = (epoch_drift(given, [0, 3], over=n)["drift_norm"].to_numpy() for n in (1, 2))
    assert two == pytest.approx(np.full((2, 1, 1), 0.2))
    assert one == pytest.approx(np.full((2, 1, 1), np.hypot(1 / (0.1 * K), 0.2)))


def test_cosines_of_a_swing_a_line_and_a_walk():
    assert epoch_drift(weights(swing(10)), [0, 3])["displacement_cosine"].to_numpy() == (
        pytest.approx(-1.0)
    )
    line = np.outer(np.arange(71.0), [3.0, 4.0])
    assert epoch_drift(weights(line), [0, 3])["displacement_cosine"].to_numpy() == (
        pytest.approx(1.0)
    )
    walk = np.random.default_rng(0).standard_normal((K * 300 + 1, 50)).cumsum(axis=0)
    cosines = epoch_drift(weights(walk), np.arange(290))["displacement_cosine"].to_numpy()
    assert abs(cosines.mean()) < 4 / np.sqrt(290 * 50)  # false alarms: 1 in 10 000


def test_epochs_that_were_not_recorded_are_missing():
    found = epoch_drift(weights(swing(10), [0, 1, 2, 5, 6]), [0, 1, 5, 6])
    assert np.isfinite(found["drift_norm"].to_numpy().ravel()).tolist() == [True] + [False] * 3
    assert np.isfinite(found["displacement_cosine"].to_numpy().ravel()).sum() == 1
    with pytest.raises(InputError, match="over"):
        epoch_drift(weights(swing(10)), [0], over=0)
