"""Which process is it: right in 95% of long series, and none where none of them is."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from truths import scales

import sgdphys as sp
from sgdphys import processes
from sgdphys.dynamics.diffusion.fractional_noise import autocovariance
from sgdphys.dynamics.models import residual_tests
from sgdphys.dynamics.models.catalogue import MODELS
from sgdphys.dynamics.models.rivals import path_rivals, second_order_beside_gaps
from sgdphys.errors import InputError
from sgdphys.status import words

STEPS = 10_000
FIRST = ["wiener", "drifted_wiener", "ou", "fbm", "levy"]
CASES = {
    "wiener": ("wiener", lambda o: processes.wiener(**o)),
    "drifted": ("drifted_wiener", lambda o: processes.wiener(drift=5 / np.sqrt(STEPS), **o)),
    "ou 0.05": ("ou", lambda o: processes.ornstein_uhlenbeck(dt=0.05, **o)),
    "ou 0.5": ("ou", lambda o: processes.ornstein_uhlenbeck(dt=0.5, **o)),
    "fbm 0.3": ("fbm", lambda o: processes.fractional_brownian(hurst=0.3, **o)),
    "fbm 0.7": ("fbm", lambda o: processes.fractional_brownian(hurst=0.7, **o)),
    "levy 1.5": ("levy", lambda o: processes.levy_flight(tail_index=1.5, **o)),
    "geometric": ("none", lambda o: processes.geometric_brownian(growth=0.1, volatility=0.5, **o)),
    "double well": ("double_well", lambda o: processes.double_well(diffusion=0.1, **o)),
}


@pytest.mark.parametrize(
    "case",
    [
        "drifted",
        "ou 0.05",
        "fbm 0.3",
        "levy 1.5",
        pytest.param("double well", marks=pytest.mark.thorough(reason="every model: 4 s")),
    ],
)
def test_the_best_is_the_true_one(case):
    """At least 90% of 20 series: at 98% true, fewer than 18 has a chance of 7 in 1000."""
    truth, process = CASES[case]
    found = sp.fit(process({"steps": STEPS, "parameters": 20, "rng": 91})["theta"])
    assert int((found["best"] == truth).sum()) >= 18


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_best_is_the_true_one_in_many(case):
    truth, process = CASES[case]
    found = sp.fit(process({"steps": STEPS, "parameters": 500, "rng": 92})["theta"])
    assert float((found["best"] == truth).mean()) >= 0.95


def test_a_walk_is_not_called_ornstein_uhlenbeck():
    """Plain AIC would call 40% of walks of 100 points that; the Dickey-Fuller law does not."""
    found = sp.fit(processes.wiener(steps=100, parameters=400, rng=93)["theta"])
    assert float((found["best"] == "ou").mean()) < 0.05
    gain = found["aic"].sel(model="wiener") - found["aic"].sel(model="ou")
    assert float((gain > 0).mean()) == pytest.approx(0.4, abs=0.07)


def test_the_shape_of_the_result():
    theta = processes.ornstein_uhlenbeck(steps=400, dt=0.1, replicas=2, parameters=3)["theta"]
    theta = theta.assign_coords(layer=("parameter", [1, 1, 2]))
    found = sp.fit(theta, time="time")
    assert found["best"].dims == ("replica", "parameter")
    assert found["diffusion"].dims == ("replica", "parameter", "model")
    assert found["kappa"].dims == ("replica", "parameter")
    assert tuple(found["model"].to_numpy()) == tuple(MODELS)
    assert found["layer"].to_numpy().tolist() == [1, 1, 2]
    assert found["diffusion"].attrs["units"] == "weight**2/time"
    assert found["kappa"].attrs["units"] == "1/time"
    for name in found.data_vars:
        assert {"units", "long_name"} <= found[name].attrs.keys(), name
    assert {"method", "reference", "confidence", "interval_method"} <= found.attrs.keys()


def test_a_bare_array():
    """C8: an array and a spacing are enough; a list too."""
    x = processes.ornstein_uhlenbeck(dt=0.01, steps=5000, rng=94)["theta"].to_numpy()[:, 0, 0]
    found = sp.fit(x, time=0.01)
    assert str(found["best"].to_numpy()) == "ou"
    assert found["diffusion"].attrs["units"] == "1/time"
    assert float(found["kappa_low"]) < 1 < float(found["kappa_high"])
    assert float(sp.fit(list(x), time=0.01)["kappa"]) == float(found["kappa"])


def test_integers_dates_and_units():
    """P02: the file's own unit, not nanoseconds; integers are numbers."""
    x = [0, 1, -1, 3]
    for unit, seconds in (("seconds", 1), ("days", 86400)):
        t = np.array([0, 1, 2, 6]) * np.timedelta64(seconds, "s")
        coordinate = xr.Variable("time", t.astype("timedelta64[ns]"), encoding={"units": unit})
        series = xr.DataArray(x, dims="time", coords={"time": coordinate})
        found = sp.fit(series, time="time")
        at = found["diffusion"].sel(model="drifted_wiener")
        assert float(at) == pytest.approx(1.875)
        assert found["diffusion"].attrs["units"] == f"1/{unit[:-1]}"
        assert str(found["best"].to_numpy()) == "not compared"
        assert words(found["status"]) == "too short to compare models"


def test_short_series_among_others():
    """P36: 7 points 0, 1, 0, 1, ... among ordinary series."""
    x = np.random.default_rng(95).standard_normal((300, 3)).cumsum(axis=0)
    alone = sp.fit(x[:, 1:])
    x[:, 0] = np.nan
    x[:7, 0] = np.arange(7) % 2
    found = sp.fit(x)
    assert float(found["diffusion"].sel(model="drifted_wiener")[0]) == pytest.approx(0.6)
    assert bool(found["p_value"][0].sel(test="ljung_box").isnull())
    assert words(found["status"]).tolist() == ["too short to compare models", "ok", "ok"]
    xr.testing.assert_equal(found["bic"][1:], alone["bic"])


def test_gaps_leave_wiener_and_ou():
    process = processes.corrupt(processes.ornstein_uhlenbeck(dt=0.2, steps=2000, rng=96), gaps=0.1)
    found = sp.fit(process["theta"])
    assert str(found["best"].to_numpy().item()) == "ou"
    assert bool(found["bic"].sel(model=["fbm", "levy"]).isnull().all())


def test_a_model_that_could_not_be_compared_is_named():
    """A missing point leaves fbm out: the walk is none of the others, and might be that."""
    x = processes.fractional_brownian(hurst=0.3, steps=2000, rng=99)["theta"].to_numpy()[:, 0, 0]
    x[700] = np.nan
    found = sp.fit(x, models=FIRST)
    assert str(found["best"].to_numpy()) == "not compared"
    assert found["compared"].to_numpy().tolist() == [True, True, True, False, False]
    row = found.summary().iloc[0]
    assert row["not_compared"] == "fbm, levy"
    assert "the residuals are correlated" in row["reason"].lower()
    assert "models that could not be compared: fbm, levy" in row["reason"]


def test_changing_variance_is_no_levy_flight_beyond_the_range():
    """Its index is below all that are compared, and its steps are not alike."""
    sizes = np.repeat([1.0, 1e-1, 1e-2, 1e-3], 500)
    found = sp.fit((sizes * np.random.default_rng(104).standard_normal(2000)).cumsum())
    assert found["tail_index"].item() == pytest.approx(0.8)
    assert found["best"].item() == "none"


def test_gaps_do_not_hide_a_model_that_is_better_without_them():
    """Fractional motion looks like a walk under noise, and alone is not compared with gaps."""
    x = processes.fractional_brownian(hurst=0.3, steps=2000, rng=99)["theta"].to_numpy()[:, 0, 0]
    x[700] = np.nan
    found = sp.fit(x)
    assert found["candidate"].item().startswith("noisy_")
    assert found["best"].item() == "not compared"
    assert "fbm is more likely on the longest stretch without gaps" in found["reason"].item()


def test_white_noise_relaxes_within_one_step():
    """Never fbm with an exponent at the end of its grid."""
    found = sp.fit(np.random.default_rng(100).standard_normal((400, 20)))
    assert (found["best"] == "ou").all()
    assert set(words(found["status"])) == {"ok", "relaxes within one step"}


def test_heavy_steps_of_finite_variance_are_not_stable():
    r = np.random.default_rng(101)
    jumps = 5 * (r.random((10_000, 2)) < 0.02) * r.standard_normal((10_000, 2))
    steps = np.concatenate(
        [r.standard_t(3, (10_000, 2)), r.standard_normal((10_000, 2)) + jumps], axis=1
    )
    found = sp.fit(steps.cumsum(axis=0), models=FIRST)
    assert (found["candidate"] == "levy").all()
    assert (found["best"] == "none").all()
    odds = found["p_value"].sel(test=["student_t", "jumps"]).argmin("test")
    assert odds.to_numpy().tolist() == [0, 0, 1, 1]


NULLS = {
    "autocorrelation": lambda z, walk: residual_tests.autocorrelation(z),
    "changing_variance": residual_tests.changing_variance,
    "volatility_clustering": lambda z, walk: residual_tests.volatility_clustering(z),
    "nonlinear_drift": lambda z, walk: residual_tests.nonlinear_drift(z, walk, np.zeros(len(z))),
}


@pytest.mark.parametrize("name", NULLS)
@pytest.mark.parametrize("points", [60, 400])
def test_residual_tests_of_short_series_keep_their_level(name, points):
    """At 0.25%, what Holm leaves of 1%: more than 32 of 6000 have a chance below 1 in 10 000."""
    z = np.random.default_rng(102).standard_normal((6000, points))
    walk = z.cumsum(axis=1) - z
    assert (NULLS[name](z, walk) < 0.0025).sum() <= 32


@pytest.mark.parametrize("hurst", [0.01, 0.3, 0.99])
def test_fractional_noise_of_a_million_points_has_a_positive_spectrum(hurst):
    """Autocovariances at long lags are differences of nearly equal numbers."""
    points = 2**20
    covariance = (1 - np.arange(points) / points) * autocovariance(hurst, points - 1)
    assert (2 * np.fft.rfft(covariance).real - covariance[0] > 0).all()


def test_lazy_data_in_blocks():
    theta = processes.wiener(steps=300, replicas=4, parameters=5, rng=97)["theta"]
    eager = sp.fit(theta)
    xr.testing.assert_identical(sp.fit(theta.chunk({"step": 50, "parameter": 2})), eager)


@pytest.mark.parametrize(
    ("wrong", "words_"),
    [
        ({"time": "times"}, "there is no dimension or coordinate 'times'; did you mean 'time'"),
        ({"time": 2.0}, "time is 2 and the spacing of coordinate 'step' is 1"),
        ({"time": -1.0}, "time is -1"),
        ({"time": ("step", "time")}, "a pair is a dimension and the spacing or times"),
        ({"time": np.inf}, "time is inf; a spacing must be a finite"),
        ({"time": True}, "time is True; a spacing must be a finite number"),
        ({"time": "tim"}, "did you mean 'time'"),
        ({"confidence": 95}, "between 0 and 1"),
        ({"time": [0, 1]}, "there are 11 points"),
    ],
)
def test_wrong_questions(wrong, words_):
    theta = processes.wiener(steps=10)["theta"]
    with pytest.raises(InputError, match=words_):
        sp.fit(theta, **wrong)


@pytest.mark.parametrize("steps", [[0, 1, 1, 2], [0, 2, 1, 3]])
def test_times_must_increase(steps):
    x = xr.DataArray(np.arange(4.0), dims="step", coords={"step": steps})
    with pytest.raises(InputError, match="must increase"):
        sp.fit(x)


def test_what_is_not_a_series():
    with pytest.raises(InputError, match="a single number"):
        sp.fit(3.0)
    with pytest.raises(InputError, match="real numbers"):
        sp.fit(np.array(["a", "b"]))
    data = processes.wiener(steps=10).rename(theta="x")
    with pytest.raises(InputError, match=r"one variable of the dataset.* it has x, more"):
        sp.fit(data.assign(more=data["x"]))


@pytest.mark.thorough(reason="fits every model twice: 2 s")
@settings(max_examples=4, deadline=None, derandomize=True)
@given(st.floats(1e-4, 1e4))
def test_scaling(factor):
    theta = processes.ornstein_uhlenbeck(dt=0.1, steps=200, parameters=2, rng=98)["theta"]
    scales(sp.fit, theta, factor, {"diffusion": 2, "kappa": 0, "tail_index": 0, "hurst": 0})


QUANTISED = {
    "steps of one": lambda r: r.choice([-1, 1], 400).cumsum(),
    "counts": lambda r: r.poisson(3.0, 400),
    "plateaus": lambda r: np.repeat(r.standard_normal(10).cumsum(), 40),
    "true or false": lambda r: r.random(400) > 0.5,
    "truncated": lambda r: np.trunc(r.standard_normal(400).cumsum()),
    "still at first": lambda r: np.concatenate([np.zeros(320), r.standard_normal(80).cumsum()]),
}


@pytest.mark.parametrize("kind", QUANTISED)
def test_quantised_series_are_compared_without_the_model_that_they_cannot_have(kind):
    x = QUANTISED[kind](np.random.default_rng(0))
    found = sp.fit(x)
    assert words(found["status"]) == "ok"
    assert np.isnan(found["log_likelihood"].sel(model="levy"))


def test_a_walk_beside_a_quantised_one_with_a_gap_is_compared_as_if_alone():
    r = np.random.default_rng(1)
    walk, other = r.standard_normal(400).cumsum(), r.choice([-1.0, 1.0], 400).cumsum()
    other[-3:] = np.nan
    alone, both = sp.fit(walk), sp.fit(np.stack([walk, other], axis=1))
    for name in alone.data_vars:
        xr.testing.assert_equal(both[name].isel(dim_1=0, drop=True), alone[name])


UNEVEN = np.r_[0.0, np.cumsum(np.random.default_rng(1).exponential(size=299))]
UNCHOSEN = {
    "screened out": ("ou", None, "no model"),
    "two screened out": (["heavy_ball", "reshuffled"], None, "no model"),
    "uneven": ("fbm", UNEVEN, "needs even spacing"),
    "two that need even times": (["fbm", "levy"], UNEVEN, "needs even spacing"),
}


@pytest.mark.parametrize("case", UNCHOSEN)
def test_the_status_says_why_no_model_could_be_chosen(case):
    """A random walk of 300 points, which is long enough."""
    models, time, status = UNCHOSEN[case]
    walk = np.random.default_rng(0).normal(size=300).cumsum()
    found = sp.fit(walk, models=models, time=time)
    assert (found["best"].item(), found["candidate"].item()) == ("not compared", "")
    assert words(found["status"]).item() == status


def test_models_may_be_given_by_a_generator():
    walk = np.random.default_rng(0).normal(size=300).cumsum()
    found = sp.fit(walk, models=(name for name in ("wiener", "ou")))
    assert found["model"].to_numpy().tolist() == ["wiener", "ou"]
    assert found.simulate().shape == (1, 300)


def with_gaps(x, share=0.01, seed=0):
    """Paths (point, series) of which some inner points are missing."""
    seen = x.copy()
    missing = np.random.default_rng(seed).uniform(size=x.shape) < share
    seen[1:-1][missing[1:-1]] = np.nan
    return seen


def test_a_second_order_process_is_told_beside_gaps():
    noise = np.random.default_rng(4).standard_normal((3000, 6))
    x = np.zeros_like(noise)
    for k in range(2, len(x)):
        x[k] = 0.5 * x[k - 1] + 0.3 * x[k - 2] + noise[k]
    found = sp.fit(with_gaps(x), models=["wiener", "ou", "noisy_ou", "heavy_ball"])
    assert (found["candidate"] == "noisy_ou").all()
    assert (found["best"] == "not compared").all()
    assert (found["p_value"].sel(test="second_order") < 1e-3).all()
    relaxing = processes.ornstein_uhlenbeck(dt=0.3, steps=3000, parameters=6, rng=5)["theta"]
    found = sp.fit(with_gaps(relaxing.to_numpy()), models=["wiener", "ou"])
    assert (found["best"] == "ou").all()
    assert (found["p_value"].sel(test="second_order") > 0.5).all()


def test_without_gaps_a_second_order_process_is_as_likely_as_given_one_point():
    x = np.random.default_rng(6).standard_normal((5, 2000)).cumsum(axis=1)
    used, bic = second_order_beside_gaps(x, np.arange(2000.0))
    assert used.all()
    assert bic == pytest.approx(path_rivals(x)[:, 1], abs=15)  # the density of one point
    endless = second_order_beside_gaps(x[:, :40], np.arange(40.0))[1]
    assert np.isinf(endless).all()
    assert np.isinf(second_order_beside_gaps(x[:, :200], np.arange(200.0) ** 1.1)[1]).all()
