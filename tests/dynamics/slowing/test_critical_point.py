"""Location and exponent of a divergence, from scans whose answer is known."""

import numpy as np
import pytest

from sgdphys.dynamics.slowing.critical_point import critical_point
from sgdphys.errors import InputError, NotEnoughData


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("sides", [(-1,), (1,), (-1, 1)])
def test_exact_power_laws(exponent, sides):
    """From either side alone, or both with unequal amplitudes."""
    distance = np.geomspace(0.01, 0.3, 9)
    r = np.concatenate([2.0 + side * distance for side in sides])
    tau = np.where(r > 2, 0.5, 1.0) * np.abs(r - 2) ** -exponent
    found = critical_point(r, tau)
    assert float(found["critical"]) == pytest.approx(2, abs=1e-4)
    assert float(found["exponent"]) == pytest.approx(exponent, rel=2e-3)


@pytest.mark.slow
def test_intervals_of_noisy_scans():
    """Errors of 5% on every time: 95% intervals of 80 scans hold the truth in 88% or more."""
    rng = np.random.default_rng(1)
    distance = np.geomspace(0.02, 0.3, 8)
    r = np.concatenate([1 - distance, 1 + distance])
    inside = {"critical": 0, "exponent": 0}
    truth = {"critical": 1.0, "exponent": 1.0}
    for _ in range(80):
        tau = np.where(r > 1, 0.5, 1.0) / np.abs(r - 1) * np.exp(0.05 * rng.standard_normal(16))
        found = critical_point(r, tau, between=(0.98, 1.02))
        for name, value in truth.items():
            inside[name] += float(found[f"{name}_low"]) <= value <= float(found[f"{name}_high"])
    assert inside["exponent"] >= 70
    assert inside["critical"] >= 70


def test_wrong_scans():
    with pytest.raises(NotEnoughData, match="3 points are too few"):
        critical_point([1, 2, 3], [1, 2, 1])
    with pytest.raises(InputError, match="above 0"):
        critical_point(np.arange(8), np.arange(8) - 1)
    with pytest.raises(InputError, match="control has 8 values and relaxation_time 7"):
        critical_point(np.arange(8), np.ones(7))
