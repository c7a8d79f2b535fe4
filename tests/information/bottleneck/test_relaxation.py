"""Plain bottleneck iterations slow down at the onset, as 1/|beta - beta_c|."""

import numpy as np
import pytest

from sgdphys.dynamics.slowing.critical_point import critical_point
from sgdphys.information import bottleneck_relaxation


@pytest.mark.thorough(reason="solves the bottleneck at many betas: 5 s")
@pytest.mark.parametrize(
    "flip",
    [
        pytest.param(flip, marks=pytest.mark.slow(reason="the same law once more: 4 s"))
        if flip != 0.2
        else flip
        for flip in (0.1, 0.2, 0.3)
    ],
)
def test_place_and_exponent_of_the_symmetric_channel(flip):
    """Within 3% of the onset: beta_c within 0.1%, the exponent 1 within 5%, and covered."""
    p_xy = 0.5 * np.array([[1 - flip, flip], [flip, 1 - flip]])
    onset = 1 / (1 - 2 * flip) ** 2
    distance = np.array([0.003, 0.005, 0.008, 0.012, 0.02, 0.03])
    found = bottleneck_relaxation(p_xy, onset * np.concatenate([1 - distance, 1 + distance]))
    assert bool(found["converged"].all())
    assert float(found["onset"]) == pytest.approx(onset, rel=1e-5)
    fit = critical_point(found["beta"], found["relaxation_time"])
    assert float(fit["critical"]) == pytest.approx(onset, rel=1e-3)
    assert float(fit["exponent"]) == pytest.approx(1, abs=0.05)
    assert float(fit["exponent_low"]) < 1.002
    assert float(fit["exponent_high"]) > 0.998
    assert found["relaxation_time"].attrs["units"] == "iteration"


@pytest.mark.thorough(reason="solves the bottleneck at many betas: 3 s")
def test_eigenvalues_on_both_sides():
    """Below the onset 1 - lambda is the distance, above it twice that, as at any pitchfork."""
    p_xy = 0.5 * np.array([[0.9, 0.1], [0.1, 0.9]])
    found = bottleneck_relaxation(p_xy, 1.5625 * np.array([0.99, 1.01]))
    below, above = 1 - found["eigenvalue"].to_numpy()
    assert below == pytest.approx(0.01, rel=0.02)
    assert above == pytest.approx(0.02, rel=0.05)
