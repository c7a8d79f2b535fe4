"""Where points lie in time: every way in which the argument ``time`` can say it."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sgdphys as sp
from sgdphys.dynamics.series import paths
from sgdphys.errors import InputError
from sgdphys.headings import clock_unit, is_clock, value_unit

X = np.random.default_rng(0).standard_normal((5, 3))


def clock(theta, **options):
    read = paths(theta, **options)
    return read.dim, read.times.tolist(), read.time_unit


def named(*dims, **coords):
    sizes = dict(zip(("step", "time", "frame", "replica", "a"), (5, 5, 5, 3, 3), strict=True))
    return xr.DataArray(np.zeros([sizes[d] for d in dims]), dims=dims, coords=coords)


COUNTED = [0, 1, 2, 3, 4]
HALVES = [0, 0.5, 1, 1.5, 2]


@pytest.mark.parametrize("dim", ["step", "time", "frame"])
def test_a_dimension_that_is_named_as_times_are_is_time(dim):
    assert clock(named("replica", dim)) == (dim, COUNTED, dim)
    assert clock(named("replica", dim), time=0.5) == (dim, HALVES, "time")
    assert clock(named(dim, "replica", **{dim: HALVES})) == (dim, HALVES, dim)


def test_an_array_without_names_has_time_first():
    assert clock(X) == ("step", COUNTED, "step")
    assert clock(X, time=0.5) == ("step", HALVES, "time")
    assert clock(X, time=HALVES) == ("step", HALVES, "time")
    assert clock(X, time="frame") == ("frame", COUNTED, "frame")
    assert clock(X, time=("frame", 0.5)) == ("frame", HALVES, "time")


def test_a_single_dimension_needs_no_name():
    assert clock(xr.DataArray(X[:, 0], dims="a")) == ("a", COUNTED, "a")


def test_a_coordinate_along_a_dimension_is_a_clock():
    theta = named("step", "replica", time=("step", HALVES, {"units": "s"}))
    assert clock(theta, time="time") == ("step", HALVES, "s")
    assert clock(theta) == ("step", COUNTED, "step")


def test_a_pair_or_times_with_a_dimension_settle_it():
    both = named("step", "time", "replica")
    with pytest.raises(InputError, match="several could be time; give one of them as time: step,"):
        paths(both)
    assert clock(both, time="time") == ("time", COUNTED, "time")
    assert clock(both, time=("time", 0.5)) == ("time", HALVES, "time")
    assert clock(both, time=("time", np.array(HALVES))) == ("time", HALVES, "time")
    assert clock(both, time=xr.DataArray(HALVES, dims="time", name="t")) == ("time", HALVES, "t")


def test_a_pair_puts_its_spacing_in_place_of_the_coordinate():
    theta = named("step", step=COUNTED)
    with pytest.raises(InputError, match=r"is 1; leave time out, or give time=\('step', 0.5\)"):
        paths(theta, time=0.5)
    assert clock(theta, time=("step", 0.5)) == ("step", HALVES, "time")
    assert clock(theta, time=1) == ("step", COUNTED, "step")
    with pytest.raises(InputError, match="is not evenly spaced; give its times"):
        paths(named("step", step=[0, 1, 2, 4, 8]), time=("step", 0.5))


def test_times_from_other_containers():
    series = pd.Series(X[:, 0], index=HALVES)
    assert clock(series)[1] == HALVES
    assert clock(X, time=series.index)[1] == HALVES
    assert clock(X, time=np.array(HALVES, np.float32))[1] == HALVES


@pytest.mark.parametrize(
    ("theta", "time", "said"),
    [
        (named("replica", "a"), None, "none has a name for time; give one of them as time: repl"),
        (named("replica", "a"), 0.5, "which dimension is time"),
        (named("step"), "stp", "no dimension or coordinate 'stp'; did you mean 'step'"),
        (
            named("step", c=("step", list("abcde"))),
            "c",
            "'c' is of type <U1; numbers were expected",
        ),
        (named("step", c=1.0), "c", "'c' has the dimensions none; times need exactly one"),
        (X, [0, 1, 2], r"time has shape \(3,\) but there are 5 points along 'step'"),
        (X, [[0], [1]], r"time has shape \(2, 1\); give one time for each point"),
        (X, [0, 1, 1, 2, 3], "goes from 1 to 1 at point 2; it must increase"),
        (X, [0, 1, np.nan, 3, 4], "not all finite"),
        (X, 0, "time is 0; a spacing must be a finite number above 0"),
        (X, ("step", None), "a pair is a dimension and the spacing or times"),
    ],
)
def test_what_does_not_fit_is_refused(theta, time, said):
    with pytest.raises(InputError, match=said):
        paths(theta, time=time)


def test_a_trajectory_is_read_as_its_weights(tmp_path):
    data = xr.Dataset({"theta": (("step", "a"), X), "loss": ("step", X[:, 0])})
    tree = xr.DataTree.from_dict({"weights": data, "other": data[["loss"]]})
    right = sp.dynamics.msd(X)["msd"].to_numpy()
    for given in (data, tree):
        np.testing.assert_array_equal(sp.dynamics.msd(given)["msd"].to_numpy(), right)


def test_lags_are_in_units_of_the_clock():
    """The same walk, seen every step and every half second: the same lags, the same numbers."""
    walk = np.random.default_rng(1).standard_normal((400, 2)).cumsum(axis=0)
    d = sp.dynamics
    for function, options in (
        (d.msd, {"lags": [1, 4]}),
        (d.autocorrelation, {"lags": [1, 4]}),
        (d.autocorrelation, {"lags": 4}),
        (d.diffusion_vs_lag, {"lags": [1, 4]}),
        (d.msd_exponent, {"lags": [1, 2, 4]}),
        (d.rolling_indicators, {"window": 50, "stride": 4}),
        (d.diffusion_coefficient, {"window": 50}),
        (d.detrended, {"bandwidth": 20}),
        (d.early_warning, {"window": 100, "resamples": 19}),
    ):
        by_steps = function(walk, **options)
        halved = {k: np.asarray(v) * 0.5 if k != "resamples" else v for k, v in options.items()}
        by_time = function(walk, time=0.5, **halved)
        for data in (by_steps, by_time):
            assert all(n > 0 for n in data.sizes.values())
        assert by_steps.sizes == by_time.sizes, function.__name__
    with pytest.raises(InputError, match="not a whole multiple"):
        d.autocorrelation(walk, time=0.5, lags=[0.7])


def test_windows_of_uneven_points_span_equal_times():
    """A walk seen at random times: windows hold what lies in them, and D is right in each."""
    rng = np.random.default_rng(2)
    times = np.cumsum(rng.exponential(0.01, 20_000))
    walk = np.cumsum(
        rng.standard_normal((20_000, 4)) * np.sqrt(np.diff(times, prepend=0))[:, None], 0
    )
    found = sp.dynamics.diffusion_coefficient(walk, time=times, window=40.0)
    assert found.sizes["window"] == int(np.ptp(times) / 40)
    np.testing.assert_allclose(np.diff(found["window"]), 40)
    np.testing.assert_allclose(found["diffusion"], 0.5, rtol=0.15)


def test_pairs_a_lag_apart_across_an_ensemble():
    """Members of a walk, at uneven times: the lag pairs those points that lie so far apart."""
    times = np.array([0, 1, 2, 4, 5, 8.0])
    rng = np.random.default_rng(3)
    dx = rng.standard_normal((4000, 6)) * np.sqrt(np.diff(times, prepend=0))
    theta = xr.DataArray(dx.cumsum(axis=1), dims=("replica", "step"))
    found = sp.dynamics.ensemble_diffusion(theta, time=("step", times), lag=3)
    assert found.sizes["step"] == 3  # 1 to 4, 2 to 5, 5 to 8
    np.testing.assert_allclose(found["diffusion"], 0.5, rtol=0.1)
    with pytest.raises(InputError, match="no two points lie so far apart"):
        sp.dynamics.ensemble_diffusion(theta, time=("step", times), lag=0.5)


@pytest.mark.parametrize(
    ("function", "options", "said"),
    [
        ("msd", {"lags": []}, r"lags has the shape \(0,\)"),
        ("diffusion_vs_lag", {"lags": []}, r"lags has the shape \(0,\)"),
        ("autocorrelation", {"lags": [[1]]}, r"lags has the shape \(1, 1\)"),
        ("rolling_indicators", {"window": [30, 40]}, r"window has the shape \(2,\); it is one"),
        ("detrended", {"bandwidth": [5, 6]}, r"bandwidth has the shape \(2,\)"),
        ("diffusion_coefficient", {"window": [5, 6]}, r"window has the shape \(2,\)"),
    ],
)
def test_lags_and_windows_of_the_wrong_shape_are_refused(function, options, said):
    with pytest.raises(InputError, match=said):
        getattr(sp.dynamics, function)(np.arange(200.0) ** 1.1, **options)


def test_spacings_that_are_not_exact_give_the_same_windows():
    x = np.random.default_rng(4).standard_normal(400).cumsum()
    by_points = sp.dynamics.detrended(x, bandwidth=7)
    np.testing.assert_array_equal(sp.dynamics.detrended(x, time=0.1, bandwidth=7 * 0.1), by_points)
    assert sp.dynamics.autocorrelation(x, lags=2.9)["lag"].max() == 2
    assert sp.dynamics.autocorrelation(x, time=0.1, lags=0.3).sizes["lag"] == 4
    sp.dynamics.detrended(x, time=0.1, bandwidth=0.1)


def test_times_without_a_name_are_in_units_of_time():
    given = xr.DataArray(HALVES, dims="step")
    assert clock(named("step"), time=given) == ("step", HALVES, "time")


def relaxing(points=2000):
    """Positions of an Ornstein-Uhlenbeck process, seen every 0.1."""
    path = sp.processes.ornstein_uhlenbeck(dt=0.1, steps=points - 1, rng=5)
    return path["theta"].to_numpy()[:, 0, 0]


@pytest.mark.parametrize("times", [np.arange(2000, dtype="f4") * np.float32(0.1),
                                   1e9 + np.arange(2000) * 0.1])  # fmt: skip
def test_a_clock_that_is_even_up_to_its_rounding_loses_no_pairs(times):
    x = relaxing()
    right = sp.dynamics.kramers_moyal(x, time=0.1, bins=5)
    found = sp.dynamics.kramers_moyal(x, time=times, bins=5)
    np.testing.assert_array_equal(found["count"], right["count"])
    np.testing.assert_allclose(found["drift"], right["drift"], rtol=1e-4)
    hurst = [float(sp.dynamics.hurst(x, time=t)["hurst"]) for t in (0.1, times)]
    assert hurst[0] == pytest.approx(hurst[1])


def test_a_clock_that_is_uneven_stays_uneven():
    times = np.arange(200, dtype="f4") * np.float32(0.1)
    times[100:] += np.float32(0.01)
    assert np.isnan(paths(relaxing(200), time=times).spacing)


def test_times_with_the_labels_of_other_points_are_refused():
    theta = named("step", step=COUNTED)
    other = xr.DataArray(HALVES, dims="step", coords={"step": COUNTED[::-1]})
    with pytest.raises(InputError, match="'step' of time is not that of the data"):
        paths(theta, time=other)
    assert clock(theta, time=other.assign_coords(step=COUNTED))[1] == HALVES


def test_bandwidths_of_a_kernel_are_checked():
    for options, said in (
        ({"bandwidth": 1.0}, "bandwidth is of method='kernel'"),
        ({"method": "kernel", "bandwidth": -1.0}, "bandwidth is -1; it must be above 0"),
        ({"method": "kernel", "bandwidth": np.nan}, "not all finite"),
    ):
        with pytest.raises(InputError, match=said):
            sp.dynamics.kramers_moyal(relaxing(200), **options)


def test_more_windows_than_points_are_refused():
    with pytest.raises(InputError, match="at least two steps of 1"):
        sp.dynamics.diffusion_coefficient(relaxing(200), window=1e-12)


def test_results_carry_the_clock_that_was_given():
    """Times in place of a coordinate, or where there is none: results along time have them."""
    d, rng = sp.dynamics, np.random.default_rng(5)
    x = xr.DataArray(
        rng.standard_normal((8, 2, 60)).cumsum(axis=-1), dims=("replica", "parameter", "step"),
        coords={"step": 100 + np.arange(60)},
    )  # fmt: skip
    times = 0.5 * np.arange(60)
    for theta, time in (
        (x, ("step", 0.5)), (x, ("step", times)), (x.drop_vars("step"), ("step", 0.5)),
        (x.drop_vars("step"), 0.5), (x, xr.DataArray(times, dims="step", attrs={"units": "time"})),
    ):  # fmt: skip
        for found, wanted in (
            (d.rolling_indicators(theta, time=time, window=15), times[29:]),
            (d.detrended(theta, time=time), times),
            (d.ensemble_indicators(theta, time=time), times),
            (d.ensemble_diffusion(theta, time=time), times[:-1]),
            (d.weight_entropy(theta, time=time, modes=1), times),
            (d.entropy_balance(theta, time=time, modes=1), times[:-1]),
            (d.trajectory_components(theta, time=time, resamples=3), times),
        ):
            np.testing.assert_array_equal(found["step"], wanted)
            assert found["step"].attrs["units"] == "time"
    assert x["step"][0] == 100


def test_gradients_are_matched_by_the_labels_of_the_steps():
    """A clock with another spacing does not replace the numbers of the updates."""
    x = sp.processes.sgd_on_quadratic(curvature=2.0, steps=300, replicas=4, rng=0)["theta"]
    x = x.drop_vars([c for c in x.coords if c != "step" and "step" in x[c].dims])
    given = {"learning_rate": 0.1, "full_gradient": (2 * x).assign_coords(step=np.arange(301))}
    right = sp.dynamics.fluctuation_ratios(x, **given)
    found = sp.dynamics.fluctuation_ratios(x.drop_vars("step"), time=0.1, **given)
    assert float(found["full_ratio"]) == float(right["full_ratio"])


@pytest.mark.parametrize("pair", [["step", 0.5], (0.5, "step"), [0.5, "step"],
                                  ("step", pd.Timedelta("0.5s"))])  # fmt: skip
def test_pairs_in_other_forms(pair):
    unit = "second" if isinstance(pair[1], pd.Timedelta) else "time"
    assert clock(named("replica", "step"), time=pair) == ("step", HALVES, unit)


@pytest.mark.parametrize("given", [pd.Timedelta("0.5s"), np.timedelta64(500, "ms")])
def test_a_duration_is_a_spacing_in_seconds(given):
    assert clock(X, time=given) == ("step", HALVES, "second")
    dates = named("time", time=pd.date_range("2024-01-01", periods=5, freq="500ms"))
    assert clock(dates, time=given) == ("time", HALVES, "second")
    with pytest.raises(InputError, match=r"is 3600 and the spacing of coordinate 'time' is 0\.5"):
        paths(dates, time=pd.Timedelta("1h"))
    dates["time"].encoding["units"] = "hours since 2024-01-01"
    assert clock(dates, time=given)[2] == "hour"
    with pytest.raises(InputError, match="a spacing must be a finite number above 0"):
        paths(X, time=-given)


@pytest.mark.parametrize("pair", [("step", "time"), ["step", 1, 2], (None, "step")])
def test_pairs_that_say_nothing_are_refused(pair):
    with pytest.raises(InputError, match="a pair is a dimension and the spacing or times"):
        paths(named("step"), time=pair)


@pytest.mark.parametrize(
    ("function", "options"),
    [
        ("msd", {"lags": [pd.Timedelta("1s")]}),
        ("autocorrelation", {"lags": np.array([1, 2], "m8[s]")}),
        ("rolling_indicators", {"window": pd.Timedelta("50s")}),
        ("detrended", {"bandwidth": np.timedelta64(5, "s")}),
    ],
)
def test_lags_and_windows_that_are_durations_are_refused(function, options):
    with pytest.raises(InputError, match="is a duration; give it as a number in the unit"):
        getattr(sp.dynamics, function)(np.arange(200.0) ** 1.1, **options)


def test_a_dimension_with_a_number_for_a_name_is_refused():
    with pytest.raises(InputError, match=r"dimension 0 has no text .*rename\(\{0: 'step'\}\)"):
        paths(xr.DataArray(X, dims=[0, 1]))


@pytest.mark.parametrize("name", ["stpe", "weights"])
def test_a_name_that_is_no_coordinate_is_refused_where_there_are_names(name):
    theta = named("step", "replica", time=("step", HALVES))
    data = xr.Dataset({"theta": theta, "loss": theta})
    for given in (theta, data, xr.DataTree.from_dict({"weights": data})):
        for function in (sp.fit, sp.dynamics.msd, sp.dynamics.detrended):
            with pytest.raises(InputError, match=r"no dimension or .*step.*replica.*ti"):
                function(given, time=name)


def test_lags_beyond_the_data_are_refused():
    theta = named("step", "replica") + np.arange(5.0)[:, None]
    for function, options in (
        (sp.dynamics.ergodicity_breaking, {"lags": [1, 5]}),
        (sp.dynamics.two_time_msd, {"lags": [1, 5], "waiting_times": [0]}),
        (sp.dynamics.two_time_msd, {"lags": [3], "waiting_times": [2, 3]}),
        (sp.dynamics.two_time_msd, {"lags": [1], "waiting_times": [1, 5]}),
    ):
        with pytest.raises(InputError, match=r"\w+: \d is beyond the data, where the longest is"):
            function(theta, **options)
    with pytest.raises(InputError, match="lags must be above 0; one is 0"):
        sp.dynamics.two_time_msd(theta, waiting_times=[1], lags=[0])
    found = sp.dynamics.two_time_msd(theta, waiting_times=[1, 3], lags=[2])
    assert found["count"].values.tolist() == [[3], [0]]
    assert np.isnan(found["msd"][1, 0])


def test_a_spacing_can_have_its_unit_beside_it():
    assert clock(X, time="0.5 s") == ("step", HALVES, "s")
    assert clock(X, time="5e-1ms")[2] == "ms"
    odd = xr.DataArray(X[:, 0], dims="1h")  # a name goes before a spacing
    assert clock(odd, time="1h") == ("1h", COUNTED, "1h")


@pytest.mark.parametrize("time", ["loss", "0,5", "s", "1"])
def test_a_text_names_no_axis_of_an_array_without_names(time):
    with pytest.raises(InputError, match="the array has no names"):
        paths(X, time=time)


def test_a_first_column_that_always_increases_is_taken_for_times():
    rng = np.random.default_rng(0)
    times = rng.exponential(size=20).cumsum()
    table = pd.DataFrame({"tau": times, "x": rng.standard_normal(20)})
    with pytest.raises(InputError, match=r"give table.set_index\('tau'\)"):
        paths(table)
    assert paths(table.set_index("tau")).time_unit == "tau"
    for name in ("Time (s)", "elapsed (s)"):
        assert paths(table.set_index("tau").rename_axis(name)).time_unit == "s"
    both = paths(table.assign(x=times**2))  # no column is told from the other
    assert both.theta.sizes["column"] == 2


@pytest.mark.parametrize(
    ("name", "unit"),
    [("Time (s)", "s"), ("t [ms]", "ms"), ("time / hours", "hours"), ("T (K)", None),
     ("T/Tc", None), ("t (a.u.)", None), ("step_size (s)", None), ("epoch", "epoch"),
     ("time_s", "s"), ("elapsed_seconds", "seconds"), ("T_s", None), ("time_min", None),
     ("T", None), ("T (s)", "s")],
)  # fmt: skip
def test_a_name_with_a_unit_of_time_is_one_of_times(name, unit):
    assert is_clock(name) == (unit is not None)
    assert unit is None or clock_unit(name) == unit


@pytest.mark.parametrize(
    ("name", "unit"),
    [("x (um)", "um"), ("x [mm]", "mm"), ("p / kPa", "kPa"), ("a (m/s^2)", "m/s**2"),
     ("A (µm²)", "µm**2"), ("x (EUR)", "EUR"), ("x (m s-1)", "m s-1"),
     ("loss (train)", None), ("loss (min)", None), ("x (value)", None), ("x (%)", "%"),
     ("x(um)", "um"), ("f(x)", None), ("x (2)", None), ("w[0,3]", None), ("x", None)],
)  # fmt: skip
def test_a_heading_says_the_unit_of_its_values(name, unit):
    assert value_unit(name) == unit


@pytest.mark.parametrize(
    ("units", "given", "spacing", "unit"),
    [
        ("ms", "1000 ms", 1000, "ms"), ("ms", "1 s", 1000, "ms"), ("hour", "3600 s", 1, "hour"),
        ("hours", "60 min", 1, "hour"), ("second", "1 s", 1, "second"), ("step", "1 ms", 1, "ms"),
        ("time", "2 d", 2, "d"),
    ],
)  # fmt: skip
def test_a_spacing_is_read_in_its_unit(units, given, spacing, unit):
    """A unit is converted to that of the coordinate; a mere count gets the one that is given."""
    dim = "step" if units == "step" else "time"
    x = xr.DataArray(np.zeros(5), {dim: (dim, spacing * np.arange(5.0), {"units": units})}, dim)
    read = paths(x, time=given)
    assert (read.times.tolist(), read.time_unit) == (list(spacing * np.arange(5.0)), unit)


@pytest.mark.parametrize(
    ("units", "given", "said"),
    [
        ("hour", "1 s", "time is 0.000277778 and the spacing of coordinate 'time' is 1"),
        ("m", "1 s", "time is 1 s and coordinate 'time' is in m"),
        ("epoch", "1 ms", "time is 1 ms and coordinate 'time' is in epoch"),
    ],
)
def test_a_spacing_in_a_unit_that_contradicts_the_coordinate_is_refused(units, given, said):
    x = xr.DataArray(np.zeros(5), {"time": ("time", np.arange(5.0), {"units": units})}, "time")
    with pytest.raises(InputError, match=said):
        paths(x, time=given)


def test_nanoseconds_since_1970_are_even():
    """In float64 they are multiples of 256."""
    times = 1_700_000_000_000_000_000 + 1_000_000 * np.arange(1000)
    read = paths(np.zeros(1000), time=times)
    assert read.spacing == 1e6
    assert (np.diff(read.times) == 1e6).all()
