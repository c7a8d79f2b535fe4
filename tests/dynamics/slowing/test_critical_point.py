"""Location and exponent of a divergence, from scans whose answer is known."""

import numpy as np
import pytest

from sgdphys.dynamics.slowing.critical_point import critical_point
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.status import words


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


def test_a_point_beyond_the_range_is_no_estimate():
    """Controls up to 1 of a divergence at 3: pinned at 2, with an interval of width 1e-7."""
    r = np.linspace(0, 1, 10)
    found = critical_point(r, 1 / (3 - r))
    assert words(found["status"]).item() == "at the end of the range"
    assert found["critical_high"] == np.inf
    assert np.isnan(found["exponent_low"])
    inside = critical_point(r, 1 / (1.5 - r))
    assert words(inside["status"]).item() == "ok"
    assert float(inside["critical"]) == pytest.approx(1.5, abs=1e-3)


@pytest.mark.parametrize("larger", [4, 5])
def test_replicas_at_one_control_do_not_narrow_the_range(larger):
    """Whichever of two at 0.9 has the longer time, the point at 1 is found."""
    r = np.repeat([0.7, 0.8, 0.9, 1.1, 1.2, 1.3], 2)
    tau = 1 / abs(r - 1)
    tau[larger] *= 1.05
    assert float(critical_point(r, tau)["critical"]) == pytest.approx(1, abs=0.01)
    with pytest.raises(NotEnoughData, match="all controls are 2"):
        critical_point(np.full(8, 2.0), np.arange(1.0, 9.0))


def test_times_that_do_not_grow_tell_no_critical_point():
    """Constant times had a location without any uncertainty."""
    found = critical_point(np.arange(1.0, 9.0), np.ones(8))
    assert words(found["status"]).item() == "no divergence"
    assert np.isinf([found["critical_low"], found["critical_high"]]).all()
