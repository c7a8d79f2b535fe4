"""Ornstein-Uhlenbeck fits: unbiased, covered, and honest about what they cannot tell."""

import numpy as np
import pytest
from simulators import ornstein_uhlenbeck as simulated_ou
from simulators import with_gaps
from truths import covers, estimate, fires, median_recovers, scales

from sgdphys import dynamics, processes
from sgdphys.dynamics.diffusion import unit_root
from sgdphys.status import words

GRID = [(0.03, 200), (0.1, 200), (0.1, 1000), (0.3, 500), (1.0, 200), (0.01, 1000)]
WHOLE = [(k, n) for k in (0.01, 0.03, 0.1, 0.3, 1.0) for n in (200, 500, 1000, 3000, 10_000)]


def check(kappa_dt, steps, parameters):
    process = processes.ornstein_uhlenbeck(
        kappa=1.0, diffusion=0.5, dt=kappa_dt, steps=steps, parameters=parameters, rng=31
    )
    found = estimate(dynamics.fit_ou, process)
    best = 2 * 1.96 * np.sqrt(np.expm1(2 * kappa_dt) / steps) / kappa_dt
    median_recovers(found, "kappa", 1.0)
    covers(found, "kappa", 1.0, efficient_width=best)
    covers(found, "relaxation_time", 1.0)
    # D = s**2 kappa/(1 - phi**2) inherits the errors of both
    slope = 1 - 2 * kappa_dt / np.expm1(2 * kappa_dt)
    error = np.sqrt(2 / steps + (slope * best / 3.92) ** 2)
    covers(found, "diffusion", 0.5, efficient_width=0.5 * 2 * 1.96 * error)


@pytest.mark.parametrize(("kappa_dt", "steps"), GRID)
def test_kappa_and_diffusion(kappa_dt, steps):
    check(kappa_dt, steps, 600)


@pytest.mark.slow
@pytest.mark.parametrize(("kappa_dt", "steps"), [p for p in WHOLE if p[0] * p[1] >= 5])
def test_kappa_and_diffusion_everywhere(kappa_dt, steps):
    check(kappa_dt, steps, 1500)


@pytest.mark.parametrize("start", [3.0, 7.0])
def test_a_start_far_from_the_centre(start):
    """The decay of a displaced start must not narrow the interval wrongly."""
    process = processes.ornstein_uhlenbeck(
        kappa=1.0, diffusion=0.5, dt=0.01, steps=1000, parameters=600, start=start, rng=32
    )
    covers(estimate(dynamics.fit_ou, process), "kappa", 1.0)


def test_weak_identification_is_said():
    """Below 5 relaxation times: said, and the interval reaches to 0 where it should."""
    process = processes.ornstein_uhlenbeck(dt=0.01, steps=200, parameters=600, rng=33)
    found = estimate(dynamics.fit_ou, process)
    assert (words(found["status"]) == "weakly identified").mean() > 0.6
    covers(found, "kappa", 1.0)
    assert float((found["kappa_low"] == 0).mean()) > 0.5


def test_very_uneven_times():
    """P21: spacings 1, 21, 3, 8; rows as unit time would say 0.35, their mean spacing 0.043."""
    gaps = np.tile([1.0, 21, 3, 8], 100)[:399]
    t = np.concatenate([[0], np.cumsum(gaps)])
    noise = np.random.default_rng(34).standard_normal((400, 400))
    x = np.empty((400, 400))
    x[0] = noise[0]
    for k, gap in enumerate(gaps):
        memory = np.exp(-0.05 * gap)
        x[k + 1] = memory * x[k] + np.sqrt(1 - memory**2) * noise[k + 1]
    found = dynamics.fit_ou(x, time=t)
    median_recovers(found, "kappa", 0.05)
    covers(found, "kappa", 0.05)
    covers(found, "diffusion", 0.05)


def test_gaps():
    process = processes.corrupt(
        processes.ornstein_uhlenbeck(dt=0.1, steps=300, parameters=400, rng=35), gaps=0.2
    )
    found = estimate(dynamics.fit_ou, process)
    covers(found, "kappa", 1.0)
    covers(found, "diffusion", 0.5)


def test_oscillation_has_no_relaxation_time():
    """P24: full-batch descent at eta lambda = 1.5 plus noise, phi = -0.5."""
    noise = np.random.default_rng(36).standard_normal(2000)
    x = np.zeros(2000)
    for k in range(1, 2000):
        x[k] = -0.5 * x[k - 1] + noise[k]
    found = dynamics.fit_ou(x)
    assert float(found["phi"]) == pytest.approx(-0.5, abs=0.06)
    assert np.isnan(found["kappa"])
    assert np.isnan(found["relaxation_time"])
    assert words(found["status"]) == "oscillating at this sampling"


def test_white_noise_relaxes_within_a_step():
    found = dynamics.fit_ou(np.random.default_rng(37).standard_normal((500, 40)))
    said = words(found["status"])
    # a memory that is certainly negative, at 2.5%
    assert (said == "oscillating at this sampling").mean() < 0.12
    assert bool((found["kappa_low"] > 1)[said != "oscillating at this sampling"].all())


def test_langevin_noise_at_a_finite_step():
    """P28: an update theta' = (1 - eta) theta + noise of variance 2 D eta has 0.526316, not 0.5."""
    data = processes.sgd_on_quadratic(
        curvature=[1.0], noise=[2 * 0.5 * 0.1 / 0.1**2], learning_rate=0.1, steps=20_000,
        replicas=50, rng=38,
    )  # fmt: skip
    found = dynamics.fit_ou(data["theta"].isel(step=slice(200, None)))
    stationary = (found["diffusion"] / found["kappa"]).mean()
    assert float(stationary) == pytest.approx(0.526316, rel=0.02)


@pytest.mark.thorough(reason="simulates a law: 3 s")
def test_unit_root_law():
    """The table at c = 0 is Dickey and Fuller's, and a new simulation repeats it."""
    for chance, critical in ((0.01, -3.43), (0.05, -2.86), (0.1, -2.57)):
        assert unit_root.quantiles(chance)[1][-1] == pytest.approx(critical, abs=0.02)
    again = unit_root.tabulate(20_000, np.array([0.0, 10.0]), seed=5)
    kept = unit_root.table()[[0, list(unit_root.DURATIONS).index(10)]]
    middle = (unit_root.CHANCES >= 0.025) & (unit_root.CHANCES <= 0.975)
    np.testing.assert_allclose(again[:, middle], kept[:, middle], atol=0.06)


def test_unit_root_size():
    found = estimate(dynamics.fit_ou, processes.wiener(steps=300, parameters=2000, rng=39))
    fires(found["adf_p_value"] > 0.05)


def test_scaling_and_shift():
    theta = processes.ornstein_uhlenbeck(steps=300, parameters=20, rng=40)["theta"]
    scales(dynamics.fit_ou, theta, 1e3, {"kappa": 0, "diffusion": 2, "center": 1, "phi": 0})
    moved = dynamics.fit_ou(theta + 1e6)
    np.testing.assert_allclose(moved["kappa"], dynamics.fit_ou(theta)["kappa"], rtol=1e-5)


@pytest.mark.parametrize("start", [0.0, 10.0, 100.0])
def test_a_far_start_and_a_short_stretch(start):
    """Less than a relaxation time, from where the decay looks like a steady drift."""
    x = simulated_ou(np.random.default_rng(31), 1000, np.arange(31), kappa=0.005, start=start)
    covers(dynamics.fit_ou(x.T), "kappa", 0.005)


@pytest.mark.parametrize(("kappa", "missing"), [(2.0, 0.0), (2.0, 0.3), (0.1, 0.3)])
def test_diffusion_with_missing_points(kappa, missing):
    rng = np.random.default_rng(32)
    x = with_gaps(rng, simulated_ou(rng, 600, np.arange(31), kappa=kappa), missing)
    x[:, 15] = np.nan
    covers(dynamics.fit_ou(x.T), "diffusion", 1.0)


def test_diffusion_at_clustered_times():
    times = np.concatenate([[0], np.cumsum(np.tile([0.1] * 9 + [9.1], 5))])
    x = simulated_ou(np.random.default_rng(33), 600, times, kappa=0.05)
    covers(dynamics.fit_ou(x.T, time=times), "diffusion", 1.0)


def test_random_walks_relax_in_an_infinite_time():
    found = dynamics.fit_ou(np.random.default_rng(34).standard_normal((30, 1000)).cumsum(axis=0))
    assert bool((found["relaxation_time_low"] >= 0).all())
    assert bool((found["relaxation_time_high"] >= found["relaxation_time_low"]).all())
    assert not np.signbit(found["kappa_high"]).any()


def test_few_points_have_no_unit_root_test():
    assert np.isnan(dynamics.fit_ou(np.random.default_rng(35).standard_normal(12))["adf_p_value"])
