"""Long series: worked on by parts, judged on stretches, without losing digits."""

import itertools
import tracemalloc

import numpy as np
import pytest
import xarray as xr
from scipy.special import chdtri, ndtri
from scipy.stats import norm

import sgdphys as sp
from sgdphys.dynamics import stretches
from sgdphys.dynamics.clock import clock_of
from sgdphys.dynamics.diffusion import fractional, whittle
from sgdphys.dynamics.diffusion.ornstein_uhlenbeck import levels_lose_digits, ou_kernel
from sgdphys.dynamics.diffusion.stable_fit import fit_weighted, scratch
from sgdphys.dynamics.diffusion.stable_law import table
from sgdphys.dynamics.diffusion.tail_index import levy_columns, levy_columns_of_path
from sgdphys.dynamics.models.catalogue import MODELS
from sgdphys.dynamics.models.judged import judged
from sgdphys.dynamics.models.rivals import path_rivals
from sgdphys.errors import InputError

FIVE = ["wiener", "drifted_wiener", "ou", "fbm", "levy"]


@pytest.fixture
def lowered(monkeypatch):
    """Series of more than 8192 increments are long."""
    for name, value in (("AT_ONCE", 2**13), ("PART", 2**12), ("LENGTH", 2**11), ("MANY", 8)):
        monkeypatch.setattr(stretches, name, value)


def walk(points, seed=0, drift=0.0):
    """A random walk with steps of unit variance."""
    return (np.random.default_rng(seed).standard_normal(points) + drift).cumsum()


def test_stretches_are_evenly_spread_and_parts_cover_everything(lowered):
    """Short series are one stretch and one part; parts share a point, stretches do not overlap."""
    assert stretches.stretches(2**13) == [slice(0, 2**13)]
    assert list(stretches.parts(2**13)) == [slice(0, 2**13 + 1)]
    found = stretches.stretches(50_000)
    assert [found[0].start, found[-1].stop, len(found)] == [0, 50_000, 8]
    assert stretches.number_judged(50_000) == 8 * 2**11
    gaps = [b.start - a.stop for a, b in itertools.pairwise(found)]
    assert min(gaps) > 0
    assert np.ptp(gaps) <= 1
    late = stretches.stretches(50_000, 45_000)
    assert [late[0].start, late[-1].stop, len(late)] == [45_000, 50_000, 2]
    covered = [k for p in stretches.parts(20_000) for k in range(p.start, p.stop - 1)]
    assert covered == list(range(20_000))


@pytest.mark.thorough(reason="long series: 4 s")
@pytest.mark.parametrize("process", ["wiener", "ou", "fbm", "levy"])
def test_a_long_series_gets_the_answer_of_the_whole(process, monkeypatch, request):
    """The same name, reason and coefficients, to a tenth of an interval's width."""
    points = 30_000
    made = {
        "wiener": lambda: walk(points),
        "ou": lambda: sp.processes.ornstein_uhlenbeck(kappa=0.1, steps=points, rng=1).theta,
        "fbm": lambda: sp.processes.fractional_brownian(hurst=0.3, steps=points, rng=1).theta,
        "levy": lambda: sp.processes.levy_flight(tail_index=1.5, steps=points, rng=1).theta,
    }
    x = np.asarray(made[process]())
    whole = sp.fit(x, models=FIVE)
    request.getfixturevalue("lowered")
    found = sp.fit(x, models=FIVE)
    assert found.best.item() == whole.best.item() == process
    assert found.reason.item() == whole.reason.item()
    assert "judged_on" not in whole.attrs
    assert "stretches" in found.attrs["judged_on"]
    for name in ("kappa", "hurst", "tail_index", "diffusion"):
        width = (whole[f"{name}_high"] - whole[f"{name}_low"]).to_numpy()
        for end in ("", "_low", "_high"):
            apart = np.abs(found[name + end] - whole[name + end]).to_numpy()
            assert np.all((apart <= 0.1 * width) | ~np.isfinite(width)), name + end
    assert found.log_likelihood.to_numpy() == pytest.approx(
        whole.log_likelihood.to_numpy(), abs=0.1, nan_ok=True
    )


def test_residuals_of_a_stretch_are_those_of_the_whole(monkeypatch, request):
    """Each stretch has the past that a prediction needs, also one with a memory."""
    x = sp.processes.fractional_brownian(hurst=0.8, steps=20_000, rng=2).theta.to_numpy()
    x, t = x.reshape(1, -1), np.arange(20_001.0)
    model, values = MODELS["fbm"], np.array([[0.8, 0.0, 1.0]])
    whole = judged(model, values, x, t)
    likelihood = model.fit(x, t, 0.95).log_likelihood
    request.getfixturevalue("lowered")
    found = judged(model, values, x, t)
    at = np.concatenate([np.arange(s.start, s.stop) for s in stretches.stretches(20_000)])
    for one, other in zip(found, whole, strict=True):
        assert one == pytest.approx(other[:, at], abs=1e-9)
    assert model.fit(x, t, 0.95).log_likelihood == pytest.approx(likelihood, abs=0.02)


def test_a_change_is_seen_on_stretches(lowered):
    """Noise that grows along the series rejects the process, with the words for it."""
    steps = np.random.default_rng(0).standard_normal(30_000) * np.linspace(1, 2, 30_000)
    found = sp.fit(steps.cumsum(), models=["wiener", "drifted_wiener", "ou"])
    assert found.best.item() == "none"
    assert found.rejected_by.item() == "variance_in_time"


def test_steps_of_student_t_are_told_from_stable_ones(lowered):
    """The rival has seen stretches, and is compared with the candidate on them."""
    x = np.random.default_rng(0).standard_t(3, 30_000).cumsum()
    found = sp.fit(x, models=FIVE)
    assert found.candidate.item() == "levy"
    assert found.best.item() == "none"
    assert found.p_value.sel(test="student_t").item() < 1e-10


def exact_likelihood(x):
    """Log-likelihood of an AR(1) regression, in extended precision."""
    x = x.astype(np.longdouble)
    m = len(x) - 1
    a, d = x[:-1] - x[:-1].mean(), np.diff(x) - np.diff(x).mean()
    squares = (d * d).sum() - (a * d).sum() ** 2 / (a * a).sum()
    return float(-0.5 * m * (np.log(2 * np.pi * squares / m) + 1))


@pytest.mark.parametrize("drift", [0.0, 1.0, 1e4])
def test_a_drift_does_not_cost_the_digits_of_the_residuals(drift):
    """Sums of squares of levels would lose more than the whole likelihood at the largest drift."""
    x = walk(100_000, drift=drift)
    assert levels_lose_digits(x, len(x)) == (drift > 0)
    t = np.arange(float(len(x)))
    expected = exact_likelihood(x)
    columns = ou_kernel(0.95)(x[None], t)[0]
    assert columns[7] == pytest.approx(expected, abs=0.01)
    # AR(2) and ARMA(1,1) contain AR(1) and gain little
    gained = 0.5 * (4 * np.log(len(x) - 1) - path_rivals(x[None])[0]) - expected
    assert np.all((gained > -0.5) & (gained < 10))


def test_rivals_of_a_walk_do_not_depend_on_how_large_its_drift_is():
    """The constant of AR(2) and ARMA(1,1) takes it out; in the sums it cost thousands of BIC."""
    x = walk(200_000)
    large, larger = (path_rivals((x + d * np.arange(len(x)))[None])[0] for d in (1e5, 1e6))
    assert larger == pytest.approx(large, abs=0.02)


def test_a_walk_with_a_large_drift_is_no_ou_process_and_no_arma():
    """It was "none", from rounding alone."""
    found = sp.fit(walk(20_000, drift=1000.0), models=FIVE)
    assert found.best.item() == "drifted_wiener"


def test_bins_filled_from_a_path_are_those_of_its_increments():
    """Nothing is stored, and nothing changes but the log-likelihood in its last digits."""
    x = np.random.default_rng(0).standard_cauchy(5000).cumsum()
    of_increments = levy_columns(np.diff(x)[None], 0.95)[0]
    found = levy_columns_of_path(x, 0.95)
    assert found[:5].tolist() == of_increments[:5].tolist()
    assert found[5] == pytest.approx(of_increments[5], abs=0.1)


def test_interpolated_densities_do_not_make_long_gaussian_noise_stable():
    """4 10**8 increments at the quantiles of the Gaussian law, a bin for each."""
    n = 400_000
    z = ndtri((np.arange(n) + 0.5) / n)
    drop = 0.5 * float(chdtri(1, 0.05))
    found = {}
    for by_table in (False, True):
        distances = scratch(n)[2]
        points = np.empty((3, n))
        points[0], points[1] = z, 1000.0
        out = np.empty(6)
        fit_weighted(table(), n, 1000 * n, 0.0, 0.7, drop, by_table, points, distances, out)
        found[by_table] = out
    exact = 1000 * norm.logpdf(z, scale=z.std()).sum()
    assert found[False][5] - exact > 10
    assert found[True][5] - exact < 1
    assert found[True][2] == 2.0


def test_the_exponent_of_a_long_series_is_searched_closely(monkeypatch):
    """Close nodes agree with distant ones where these are exact, and correct them elsewhere."""
    x = walk(200_000)[None]
    plain = fractional.fbm_kernel(x, confidence=0.95)[0]
    monkeypatch.setattr(stretches, "AT_ONCE", 2**17)
    close = fractional.fbm_kernel(x, confidence=0.95)[0]
    assert close[:3] == pytest.approx(plain[:3], abs=0.1 * (plain[2] - plain[1]))
    # the interval is that of the curvature, 1/sqrt(n) times a number, which is even about the top
    below, above = close[0] - close[1], close[2] - close[0]
    assert below == pytest.approx(above, rel=0.02)


@pytest.mark.parametrize("at", [1, 2**12 - 1, 2**12, 2**12 + 1, 2**13])
def test_times_are_compared_by_parts(lowered, at):
    """A step back is found wherever it stands, and rounding is taken away over all parts."""
    times = np.arange(10_000.0)
    times[at] = times[at - 1]
    with pytest.raises(InputError, match=f"at point {at};"):
        clock_of(xr.DataArray(np.zeros(10_000), dims="step"), times)
    stored = (np.arange(10_000) * 0.1).astype(np.float32)
    x = xr.DataArray(np.zeros(10_000), {"time": stored}, "time")
    assert np.ptp(np.diff(clock_of(x).times)) < 1e-11


def test_memory_is_a_few_times_the_series(monkeypatch):
    """The copy, its times, two scratch arrays that are never touched, and 3 MB for stretches."""
    for name, value in (("AT_ONCE", 2**15), ("PART", 2**13), ("LENGTH", 2**10)):
        monkeypatch.setattr(stretches, name, value)
    monkeypatch.setattr(whittle, "LONGEST", 2**12)
    x = walk(500_000)
    tracemalloc.start()
    sp.fit(x, models=FIVE)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4.1 * x.nbytes + 4e6
