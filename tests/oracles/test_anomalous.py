"""Displacements, exponents, tails: against fractional, scaled and stable processes."""

import numpy as np
import pytest
import xarray as xr
from simulators import fractional_brownian as simulated_fbm
from simulators import levy as simulated_levy
from truths import covers, estimate, median_recovers, recovers, scales

from sgdphys import dynamics, processes
from sgdphys.dynamics.diffusion.msd_exponent import displacement_covariance
from sgdphys.dynamics.diffusion.stable_law import table
from sgdphys.errors import InputError
from sgdphys.status import words


def again(*case):
    """A further case of what others show, counted as they are."""
    return pytest.param(*case, marks=pytest.mark.slow(reason="a count of the same once more"))


def spectrum(hurst, frequency):
    """Shape of the spectrum of fractional Gaussian noise at angular frequencies in (0, pi].

    (1 - cos w) sum_j |w + 2 pi j|**(-2 H - 1); the tail of the sum is replaced by its integral.
    """
    power = -2 * hurst - 1
    j = 2 * np.pi * np.arange(1, 30 + 1)[:, None]
    total = frequency**power + ((j + frequency) ** power + (j - frequency) ** power).sum(axis=0)
    edge = 2 * np.pi * (30 + 0.5)
    total += ((edge + frequency) ** (power + 1) + (edge - frequency) ** (power + 1)) / (
        4 * np.pi * hurst
    )
    return (1 - np.cos(frequency)) * total


def hurst_error(hurst, points):
    """Cramer-Rao bound of H of fractional Gaussian noise of unknown variance."""
    w = (np.arange(20_000) + 0.5) / 20_000 * np.pi
    slope = (np.log(spectrum(hurst + 1e-4, w)) - np.log(spectrum(hurst - 1e-4, w))) / 2e-4
    return np.sqrt(2 / (points * slope.var()))


def index_error(index, points):
    """Cramer-Rao bound of the index of a stable law of unknown scale."""
    tables = table()
    k = int(np.argmin(np.abs(tables.indices - index)))
    x = np.sinh(np.arange(tables.log_density.shape[1]) * tables.step)
    mass = 2 * np.exp(tables.log_density[k]) * np.sqrt(1 + x**2) * tables.step
    by_index = (tables.log_density[k + 1] - tables.log_density[k - 1]) / 0.04
    by_scale = x**2 * tables.weight[k] - 1
    both = [[(mass * a * b).sum() for a in (by_index, by_scale)] for b in (by_index, by_scale)]
    return np.sqrt(np.linalg.inv(both)[0, 0] / points)


def fractional(hurst, steps, parameters, seed=41):
    return processes.fractional_brownian(hurst=hurst, steps=steps, parameters=parameters, rng=seed)


@pytest.mark.parametrize("hurst", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("steps", [200, 1500])
def test_hurst(hurst, steps):
    found = estimate(dynamics.fit_fbm, fractional(hurst, steps, 500))
    covers(found, "hurst", hurst, efficient_width=3.92 * hurst_error(hurst, steps))


@pytest.mark.slow
@pytest.mark.parametrize("hurst", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("steps", [200, 500, 1000, 3000, 10_000])
def test_hurst_and_alpha_everywhere(hurst, steps):
    process = fractional(hurst, steps, 1000 if steps < 5000 else 500, seed=42)
    best = 3.92 * hurst_error(hurst, steps)
    covers(estimate(dynamics.fit_fbm, process), "hurst", hurst, efficient_width=best)
    found = dynamics.msd_exponent(process["theta"])
    # at 0.9 the displacements of long series say less than their likelihood, and its docstring so
    covers(found, "alpha", 2 * hurst, efficient_width=2 * best, wide=1.3 if hurst < 0.9 else 1.6)


@pytest.mark.thorough(reason="simulates a law: 3 s")
@pytest.mark.parametrize("hurst", [0.1, again(0.3), 0.5, again(0.7), 0.9])
def test_the_exponent_of_the_msd(hurst):
    found = dynamics.msd_exponent(fractional(hurst, 1000, 600, seed=43)["theta"])
    covers(found, "alpha", 2 * hurst, efficient_width=3.92 * 2 * hurst_error(hurst, 1000))
    median_recovers(found, "alpha", 2 * hurst)


def test_paths_and_increments_are_told_apart():
    """C9: white noise of length 1000 is 0.5 as increments, and near 0 as a path."""
    noise = np.random.default_rng(44).standard_normal((1000, 400))
    covers(dynamics.hurst(noise, of="increments"), "hurst", 0.5)
    assert float(dynamics.hurst(noise[:, :50])["hurst"].max()) < 0.05
    assert dynamics.hurst(noise, of="increments").attrs["of"] == "increments"
    a = dynamics.msd_exponent(noise[:, :3], of="increments")["alpha"]
    b = dynamics.msd_exponent(np.vstack([np.zeros((1, 3)), noise[:, :3].cumsum(axis=0)]))["alpha"]
    np.testing.assert_allclose(a, b)


@pytest.mark.parametrize("hurst", [0.3, 0.5, 0.7, 0.9])
def test_detrended_fluctuations(hurst):
    theta = fractional(hurst, 4000, 60, seed=45)["theta"]
    assert float(dynamics.hurst(theta, method="dfa")["hurst"].mean()) == pytest.approx(
        hurst, abs=0.03
    )


def test_less_than_a_decade_of_boxes_is_refused():
    """C10."""
    found = dynamics.hurst(np.random.default_rng(0).standard_normal(300).cumsum(), method="dfa")
    assert words(found["status"]) == "too short"
    assert np.isnan(found["hurst"])


def test_an_exponent_of_an_ensemble():
    process = processes.fractional_brownian(
        hurst=0.7, steps=200, replicas=30, parameters=400, rng=46
    )
    covers(dynamics.msd_exponent(process["theta"], over="replica"), "alpha", 1.4)


def test_drift_alone_is_ballistic_until_it_is_taken_out():
    """The mean of twins is the drift: exponent 2 with it, 1 without."""
    process = processes.wiener(drift=1.0, steps=400, replicas=40, parameters=30, rng=47)
    theta = process["theta"]
    with_drift = dynamics.msd_exponent(theta, over="replica", lags=[16, 32, 64])
    without = dynamics.msd_exponent(
        dynamics.deviation_from_mean(theta), over="replica", lags=[1, 2, 4, 8]
    )
    assert float(with_drift["alpha"].mean()) > 1.9
    assert float(without["alpha"].mean()) == pytest.approx(1.0, abs=0.03)


def test_displacement_of_every_process():
    """2 D t + (v t)**2; 2 (D/kappa)(1 - exp(-kappa t)); 2 D t**(2 H)."""
    lags = [1, 4, 16]
    cases = {
        "wiener": (processes.wiener(drift=0.5, diffusion=2.0, steps=2000, parameters=100, rng=48),
                   lambda t: 4 * t + 0.25 * t**2),
        "ou": (processes.ornstein_uhlenbeck(dt=1.0, kappa=0.2, steps=2000, parameters=100, rng=48),
               lambda t: 5 * (1 - np.exp(-0.2 * t))),
        "fbm": (fractional(0.3, 2000, 100), lambda t: t**0.6),
    }  # fmt: skip
    for process, truth in cases.values():
        found = dynamics.msd(process["theta"], lags=lags, over=["parameter", "replica"])
        np.testing.assert_allclose(found["msd"], truth(np.array(lags)), rtol=0.04)


def test_gaps_have_no_pairs_rather_than_zero():
    """C5: steps 0, 1, 2, 5, 6."""
    x = xr.DataArray([0.0, 1, 2, 5, 6], dims="step", coords={"step": [0, 1, 2, 5, 6]})
    found = dynamics.msd(x, lags=[1, 2, 3, 4, 5, 6, 7])
    assert found["pairs"].to_numpy().tolist() == [3, 1, 1, 2, 2, 1, 0]
    np.testing.assert_array_equal(found["msd"], [1, 4, 9, 16, 25, 36, np.nan])


def test_replicas_of_unequal_length_are_weighted_by_pairs():
    """C6: 200 and 900 points."""
    x = np.random.default_rng(49).standard_normal((900, 2)).cumsum(axis=0)
    x[200:, 0] = np.nan
    found = dynamics.msd(x, lags=[3], over="dim_1")
    squares = [(x[3:n, k] - x[: n - 3, k]) ** 2 for k, n in ((0, 200), (1, 900))]
    assert float(found["msd"][0]) == pytest.approx(np.concatenate(squares).mean(), rel=1e-12)
    assert int(found["pairs"][0]) == 197 + 897


@pytest.mark.parametrize(("offset", "dtype"), [(1e6, "f8"), (1e8, "f8"), (1e4, "f4")])
@pytest.mark.parametrize("lags", ["all", "log"])
def test_digits_survive_an_offset(offset, dtype, lags):
    """P26: 0, 1, 0, 1 on a large offset, and a series that drifts far from where it began."""
    x = (offset + np.arange(1024) % 2).astype(dtype)
    found = dynamics.msd(x, lags=lags)["msd"]
    assert float(found.sel(lag=1)) == pytest.approx(1, abs=1e-9)
    assert float(found.sel(lag=2)) == pytest.approx(0, abs=1e-9)
    assert float(found.min()) >= 0


def test_all_lags_are_the_direct_sums():
    x = np.random.default_rng(50).standard_normal((500, 3)).cumsum(axis=0) + np.arange(500)[:, None]
    every, direct = dynamics.msd(x, lags="all"), dynamics.msd(x, lags=[1, 7, 250, 499])
    np.testing.assert_allclose(every["msd"].sel(lag=direct["lag"]), direct["msd"], rtol=1e-9)


def test_a_lag_that_is_no_multiple():
    with pytest.raises(InputError, match=r"lags: 2\.5 is not a whole multiple of the spacing"):
        dynamics.msd(np.arange(10.0), lags=[2.5])


def test_ergodicity_breaking_is_that_of_brownian_motion():
    theta = processes.wiener(steps=200, replicas=4000, rng=51)["theta"].isel(parameter=0)
    found = dynamics.ergodicity_breaking(theta, lags=[1, 5, 20, 60, 100, 150])
    np.testing.assert_allclose(
        found["ergodicity_breaking"], found["brownian_ergodicity_breaking"], rtol=0.08
    )


@pytest.mark.parametrize(
    ("process", "ageing"),
    [
        (processes.wiener(steps=400, replicas=1500, rng=52), 0.0),
        (processes.ornstein_uhlenbeck(dt=1, kappa=0.1, steps=400, replicas=1500, rng=53), 0.0),
        (processes.scaled_brownian(alpha=0.5, steps=400, replicas=1500, rng=54), -0.5),
    ],
)
def test_ageing(process, ageing):
    theta = process["theta"].isel(parameter=0)
    found = dynamics.two_time_msd(theta, waiting_times=[100, 200, 390], lags=[1, 4])
    assert bool((found["ageing_low"] < ageing + 0.02).all())
    assert bool((found["ageing_high"] > ageing - 0.02).all())


@pytest.mark.parametrize(
    ("index", "steps"),
    [(1.2, 200), again(1.5, 200), (1.8, 200), again(1.2, 1000), (1.5, 1000), again(1.8, 1000)],
)
def test_tail_index(index, steps):
    process = processes.levy_flight(
        tail_index=index, scale=3.0, steps=steps, parameters=600, rng=55
    )
    found = estimate(dynamics.fit_levy, process)
    covers(found, "tail_index", index, efficient_width=3.92 * index_error(index, steps))
    assert float(found["scale"].median()) == pytest.approx(3.0, rel=0.02)
    simple = dynamics.tail_index(process["theta"], method="log_moment")
    covers(simple, "tail_index", index)


@pytest.mark.slow
@pytest.mark.parametrize("index", [1.2, 1.5, 1.8])
@pytest.mark.parametrize("steps", [500, 3000, 10_000])
def test_tail_index_everywhere(index, steps):
    process = processes.levy_flight(tail_index=index, steps=steps, parameters=800, rng=56)
    found = estimate(dynamics.fit_levy, process)
    covers(found, "tail_index", index, efficient_width=3.92 * index_error(index, steps))


@pytest.mark.parametrize(
    ("method", "series"), [("likelihood", 40), ("log_moment", 640), ("block_log", 640)]
)
def test_gaussian_noise_of_unequal_variances_stays_gaussian(method, series):
    """Per coordinate near 2, beside its null, however much the variances differ.

    The least sharp method errs by 0.011 from its null over so many series.
    """
    scale = np.arange(1, series + 1) ** -1.0
    x = (scale * np.random.default_rng(57).standard_normal((2000, series))).cumsum(axis=0)
    found = dynamics.tail_index(x, method=method)
    mean, null = float(found["tail_index"].mean()), float(found["null_tail_index"].mean())
    assert 1.9 < mean < 2.1
    assert mean == pytest.approx(null, abs=0.04)


def test_hill_finds_a_power_law():
    x = np.random.default_rng(58).pareto(1.5, (20_000, 20)) + 1
    found = dynamics.tail_index(x, of="increments", method="hill")
    recovers(found, "tail_index", 1.5)


@pytest.mark.parametrize(
    "dx",
    [
        np.sign(np.random.default_rng(59).standard_normal(1000)),
        np.where(np.random.default_rng(60).uniform(size=1000) < 0.7, 0.0, 1.0)
        * np.random.default_rng(61).standard_normal(1000),
    ],
)
def test_few_distinct_increments_have_no_tail(dx):
    """P30: sign-SGD, a dead unit; D is given all the same, and scaling changes nothing."""
    for factor in (1.0, 1e-9):
        found = dynamics.fit_levy(np.concatenate([[0], factor * dx.cumsum()]))
        assert np.isnan(found["tail_index"])
        assert words(found["status"]) == "too few distinct values"
    wiener = dynamics.fit_wiener(np.concatenate([[0], dx.cumsum()]))
    assert float(wiener["diffusion"]) == pytest.approx(dx.var() / 2, rel=0.01)


def test_twelve_values_are_too_few():
    x = np.cumsum(1 + 0.03 * np.random.default_rng(62).uniform(size=13))
    assert words(dynamics.fit_levy(x)["status"]) == "too short"


def test_scaling():
    theta = processes.levy_flight(tail_index=1.5, steps=400, parameters=10, rng=63)["theta"]
    scales(dynamics.fit_levy, theta, 1e-6, {"tail_index": 0, "scale": 1})
    scales(dynamics.fit_fbm, theta, 1e4, {"hurst": 0, "diffusion": 2})


def test_an_index_near_that_of_gaussian_noise():
    """Where the likelihood is narrower than the table: estimates lie within their intervals."""
    found = dynamics.fit_levy(simulated_levy(np.random.default_rng(64), 100, 1501, 1.97).T)
    index, low, high = (found[f"tail_index{e}"] for e in ("", "_low", "_high"))
    assert bool(((low >= 0.8) & (low <= index) & (index <= high) & (high <= 2)).all())
    assert 0.88 <= float(((low <= 1.97) & (high >= 1.97)).mean()) <= 1
    median_recovers(found, "tail_index", 1.97)


def test_the_end_of_a_range_is_no_result():
    """Heavier tails and rougher paths than those compared: a status, and an open interval."""
    rng = np.random.default_rng(65)
    cases = {
        "tail_index": dynamics.fit_levy(simulated_levy(rng, 30, 301, 0.5).T),
        "hurst": dynamics.fit_fbm(rng.standard_normal((1500, 30))),
        "alpha": dynamics.msd_exponent(rng.standard_normal((1500, 30))),
    }
    for name, found in cases.items():
        at_end = words(found["status"]) == "at the end of the range"
        assert at_end.sum() >= 10
        assert bool((found[f"{name}_low"][at_end] == -np.inf).all())
        assert bool((found[f"{name}_low"][~at_end] >= 0).all())
        assert len(np.unique(found[name][at_end])) == 1


@pytest.mark.parametrize(("hurst", "steps"), [(0.95, 60), (0.06, 1000), (0.05, 1500)])
def test_hurst_near_its_ends(hurst, steps):
    x = simulated_fbm(np.random.default_rng(66), 400, steps + 1, hurst)
    found = dynamics.fit_fbm(x.T)
    covers(found, "hurst", hurst)
    median_recovers(found, "hurst", hurst)


@pytest.mark.parametrize("alpha", [0.1, 1.0, 1.9])
def test_covariance_of_displacements_is_the_direct_sum(alpha):
    lags, points = np.array([1, 2, 3, 40]), 60
    found = displacement_covariance(alpha, lags, points)
    for a, n in enumerate(lags):
        for b, m in enumerate(lags):
            apart = np.subtract.outer(np.arange(points - n), np.arange(points - m)).astype(float)
            g = [abs(apart + k) ** alpha for k in (n, -m, 0, n - m)]
            direct = ((0.5 * (g[0] + g[1] - g[2] - g[3])) ** 2).mean() * 2
            assert found[a, b] == pytest.approx(direct / (n * m) ** alpha, rel=1e-9)


def test_displacements_of_a_long_path_are_told_apart():
    """At 10^5 points rounding made this matrix indefinite."""
    covariance = displacement_covariance(1.98, 2 ** np.arange(0, 14, 3), 100_001)
    assert np.linalg.eigvalsh(covariance)[0] > 0


def test_a_cycle_leaves_its_neighbours_alone():
    walks = np.random.default_rng(67).standard_normal((300, 3)).cumsum(axis=0)
    cycles = np.stack([np.arange(300) % 2, np.tile([0, 1, 0, -1], 75)], axis=1)
    found = dynamics.msd_exponent(np.hstack([walks, cycles]))
    assert words(found["status"])[3:].tolist() == ["too few distinct values"] * 2
    np.testing.assert_array_equal(found["alpha"][:3], dynamics.msd_exponent(walks)["alpha"])


def test_lags_of_an_uneven_clock_are_refused():
    times = np.delete(np.arange(101.0), 50)
    x = np.random.default_rng(68).standard_normal((100, 2)).cumsum(axis=0)
    assert set(words(dynamics.msd_exponent(x, time=times)["status"])) == {"needs even spacing"}
    for options in ({"lags": [1, 2]}, {"over": "dim_1"}):
        with pytest.raises(InputError, match="not evenly spaced"):
            dynamics.msd_exponent(x, time=times, **options)


@pytest.mark.parametrize("steps", [[0, 1000, 2500, 4500, 6000], [0, 0.1, 0.25, 0.45], [0, 4, 6]])
def test_the_common_grid_is_the_greatest_common_divisor(steps):
    found = dynamics.msd(np.array(steps, float), time=np.array(steps), lags="all")
    apart = np.subtract.outer(steps, steps)
    lags, pairs = np.unique(np.round(apart[apart > 0], 9), return_counts=True)
    kept = found.isel(lag=np.flatnonzero(found["pairs"] > 0))
    np.testing.assert_allclose(kept["lag"], lags)
    np.testing.assert_allclose(kept["msd"], lags**2)
    np.testing.assert_array_equal(kept["pairs"], pairs)


def test_times_without_a_grid():
    with pytest.raises(InputError, match="do not lie on a common grid"):
        dynamics.msd(np.arange(3.0), time=np.array([0, 1, 1 + np.pi]))


def test_a_lag_without_pairs_says_so():
    found = dynamics.msd(np.arange(5.0), time=np.array([0, 2, 4, 10, 12.0]), lags=[2, 4, 14])
    assert words(found["status"]).tolist() == ["ok", "ok", "no pairs"]
    assert words(dynamics.msd(np.full(5, np.nan), lags=[1])["status"]).tolist() == ["no data"]


@pytest.mark.parametrize("method", ["log_moment", "block_log", "hill"])
def test_a_drift_is_no_tail(method):
    """Gaussian steps with a drift of half their size had an index of 1.05."""
    steps = np.random.default_rng(0).standard_normal(10_000)
    plain, drifting = (
        float(dynamics.tail_index((v + steps).cumsum(), method=method)["tail_index"])
        for v in (0.0, 0.5)
    )
    assert drifting == pytest.approx(plain, rel=1e-6)


def test_a_level_beyond_the_table_of_the_unit_root_is_refused():
    x = np.random.default_rng(0).standard_normal(200)
    assert np.isfinite(dynamics.fit_ou(x, confidence=0.999)["kappa_low"])
    with pytest.raises(InputError, match=r"confidence is above 0\.999"):
        dynamics.fit_ou(x, confidence=0.9999)


def test_an_exponent_of_an_ensemble_says_why_there_is_none():
    g = np.random.default_rng(0)
    walks = xr.DataArray(g.standard_normal((30, 8)).cumsum(axis=0), dims=("step", "replica"))
    found = dynamics.msd_exponent(walks, over="replica")
    assert np.isnan(found["alpha"])
    assert str(words(found["status"])) == "too short"
    longer = xr.DataArray(g.standard_normal((300, 8)).cumsum(axis=0), dims=("step", "replica"))
    longer[:, 0] = np.nan
    some = dynamics.msd_exponent(longer, over="replica")
    assert str(words(some["status"])) == "ok"
    assert int(some["count"]) == 7
