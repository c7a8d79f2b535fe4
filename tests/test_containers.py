"""Whatever container arrays come in, every public function reads them rightly or refuses them."""

import functools

import netCDF4
import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.networks import Perceptron

ALTERNATING = [0, 1, 0, 1, 0, 1, 0]
FILLS = {
    "i2": -32767, "i4": -2147483647, "i8": -9223372036854775806,
    "u2": 65535, "u4": 4294967295, "u8": 18446744073709551614,
    "f4": 9.969209968386869e36, "f8": 9.969209968386869e36,
}  # fmt: skip


def wiener(theta, **options):
    found = sp.dynamics.fit_wiener(theta, **options)
    return found["drift"].item(), found["diffusion"].item(), found["count"].item()


def masked(dtype=float):
    values = np.array([*ALTERNATING, -999, -999, -999], dtype)
    return np.ma.array(values, mask=[False] * 7 + [True] * 3)


@pytest.mark.parametrize("dtype", [float, "f4", "i2", "i8"])
def test_masked_points_are_missing(dtype):
    assert wiener(masked(dtype)) == pytest.approx((0, 0.6, 6))
    both = sp.fit(np.ma.stack([masked(dtype)] * 2, axis=1))
    assert both["count"].values.tolist() == [6, 6]
    assert wiener(list(masked(dtype))) == pytest.approx((0, 0.6, 6))


@pytest.mark.parametrize("dtype", FILLS)
def test_what_netcdf_never_wrote_is_missing(tmp_path, dtype):
    values = np.array([*ALTERNATING, *[FILLS[dtype]] * 3], dtype)
    with netCDF4.Dataset(tmp_path / "x.nc", "w") as file:
        file.createDimension("step", None)
        file.createDimension("replica", 1)
        file.createVariable("x", dtype, ("step", "replica"), fill_value=False)[:, 0] = values
    with netCDF4.Dataset(tmp_path / "x.nc") as file:
        file.set_auto_mask(False)
        assert wiener(file["x"]) == pytest.approx((0, 0.6, 6))
    for chunks in (None, {"step": 4}):
        with xr.open_dataset(tmp_path / "x.nc", chunks=chunks) as file:
            assert wiener(file) == pytest.approx((0, 0.6, 6))
            assert wiener(file["x"].transpose().isel(replica=0)) == pytest.approx((0, 0.6, 6))
            assert sp.fit(file["x"])["count"].values.tolist() == [6]


@pytest.mark.parametrize("dtype", [d for d in FILLS if d not in {"f4", "f8"}])
def test_whole_numbers_in_memory_are_numbers(dtype):
    values = np.full(200, FILLS[dtype], dtype)
    values[::2] -= 5 if dtype[0] == "u" else -5
    right = wiener(values.astype(float))
    assert np.isfinite(right).all()
    lazily = xr.DataArray(values, dims="step").chunk(step=40)
    for given in (values, lazily, pd.Series(values), np.ma.array(values, mask=False), list(values)):
        assert wiener(given) == right


def test_variable_of_an_open_netcdf_file(tmp_path):
    with netCDF4.Dataset(tmp_path / "x.nc", "w") as file:
        file.createDimension("time", None)
        file.createVariable("time", "f8", "time")[:] = np.arange(10) * 2.0
        x = file.createVariable("x", "i4", "time")
        x.units = "m"
        x[:7] = ALTERNATING
        found = sp.dynamics.fit_wiener(x, time="time")
        assert wiener(x[:]) == pytest.approx((0, 0.6, 6))
        with pytest.raises(InputError, match=r"no dimension or coordinate 'step'.*time"):
            sp.fit(x, time="step")
    assert float(found["diffusion"]) == pytest.approx(0.3)
    assert found["diffusion"].attrs["units"] == "m**2/time"


def test_index_of_a_table_is_its_time():
    series = pd.Series([0, 1, -1, 3], index=[0, 1, 2, 6])
    assert wiener(series) == pytest.approx((0.5, 1.875, 3))
    assert wiener(series, time=series.index) == pytest.approx((0.5, 1.875, 3))
    found = sp.dynamics.fit_wiener(pd.DataFrame({"a": series, "b": 2 * series}))
    assert found["column"].values.tolist() == ["a", "b"]
    assert found["diffusion"].values == pytest.approx([1.875, 7.5])
    assert wiener(series.reset_index(drop=True)) == wiener([0, 1, -1, 3])
    assert wiener(series.astype("Int64").where(series != 1)) == pytest.approx((0.5, 1.5, 2))


@pytest.mark.parametrize(
    "index",
    [
        pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-07"]),
        pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-07"], utc=True),
        pd.to_timedelta([0, 1, 2, 6], unit="D"),
    ],
)
def test_dates_are_times_in_seconds(index):
    day = 86400
    found = sp.dynamics.fit_wiener(pd.Series([0, 1, -1, 3], index=index))
    assert float(found["diffusion"]) * day == pytest.approx(1.875)
    assert found["diffusion"].attrs["units"] == "1/second"
    given = sp.dynamics.fit_wiener([0, 1, -1, 3], time=index)
    assert float(given["diffusion"]) == float(found["diffusion"])
    assert given["diffusion"].attrs["units"] == "1/second"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pd.Series([0.0, 1, 2], index=[0, 2, 1]), "row 2 has 2 and row 3 1; sort"),
        (pd.Series([0.0, 1, 2], index=[0, 1, 1]), "do not increase|have no value in row"),
        (pd.Series([0.0, 1, 2], index=list("abc")), "numbers or dates"),
        (pd.Series([0.0, 1], index=pd.MultiIndex.from_tuples([(0, 1), (1, 2)])), "levels"),
        (
            pd.DataFrame({"_step": [0, 1, 2], "t": [1, 2, 3], "loss": [3.0, 2, 1]}),
            "the columns _step, t may all be the times of the rows; give one of them as time",
        ),
        (pd.DataFrame({"date": ["1/2/2024", "2/2/2024"], "x": [0, 1]}), "the month may come first"),
        (pd.DataFrame({"x": [0, 1, 2], "word": ["a", "b", "c"]}), "column 'word'"),
        (
            pd.DataFrame({"x": [0, 1, 2], "day": pd.date_range("2020", periods=3)}),
            r"column 'day' holds dates; .* table.set_index\('day'\)",
        ),
        (pd.DataFrame({"x": []}), "no values"),
    ],
)
def test_tables_that_are_no_series(table, said):
    with pytest.raises(InputError, match=said):
        sp.fit(table)


def test_a_column_that_is_named_as_times_are_is_the_times():
    """As the command reads the same file."""
    table = pd.DataFrame({"Time (s)": [0, 1, 2, 6], "x (um)": [0, 1, -1, 3]})
    found = sp.dynamics.fit_wiener(table)
    assert float(found["diffusion"].squeeze()) == pytest.approx(1.875)
    assert found["diffusion"].attrs["units"] == "um**2/s"
    assert found["column"].item() == "x (um)"
    counted = pd.DataFrame({"time (s)": [0, 1, 2, 3], "x (um)": [0, 1, -1, 3]})
    assert sp.dynamics.fit_wiener(counted)["diffusion"].attrs["units"] == "um**2/s"
    with pytest.raises(InputError, match="column 'x' occurs twice"):
        sp.fit(pd.DataFrame([[0, 1, 2], [1, 2, 3]], columns=["t", "x", "x"]))
    for part in (table[1:], table[::3], table.sample(frac=1, random_state=0).sort_index()[1:]):
        for given in (None, "Time (s)"):  # the rows that are left keep their numbers
            times = sp.dynamics.series.paths(part, time=given).times
            assert times.tolist() == part["Time (s)"].tolist()
    for kind in (object, "category", str):
        typed = counted.astype({"time (s)": kind})
        assert sp.dynamics.series.paths(typed).times.tolist() == [0, 1, 2, 3]
    days = [20240131, 20240201, 20240202, 20240206]
    for kind in (object, "category", str, "int64"):
        dated = pd.DataFrame({"date": days, "x": [0, 1, -1, 3]}).astype({"date": kind})
        times = sp.dynamics.series.paths(dated).times
        assert (times / 86400).tolist() == [0, 1, 2, 6]
    row = pd.DataFrame({"x": [0, 1, -1, 3]}).rename_axis("foo")
    assert wiener(row, time="foo") == wiener([0, 1, -1, 3])
    named = table.rename(columns={"Time (s)": "tau"})
    assert wiener(named, time="tau") == pytest.approx((0.5, 1.875, 3))
    dated = table.assign(date=["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-07"])
    found = sp.dynamics.fit_wiener(dated.drop(columns="Time (s)"))
    assert float(found["diffusion"].squeeze()) * 86400 == pytest.approx(1.875)
    mixed = sp.dynamics.fit_wiener(table.assign(**{"v (m/s)": table["x (um)"]}))
    assert mixed["diffusion"].attrs["units"] == "value**2/s"  # that of each column
    with pytest.raises(InputError, match="no column 'tme' for the times"):
        sp.fit(table, time="tme")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_tensors(dtype):
    x = torch.tensor([0.0, 1, -1, 3], dtype=dtype, requires_grad=True)
    assert wiener(x) == wiener([0, 1, -1, 3])
    assert wiener(list(x)) == wiener([0, 1, -1, 3])
    assert wiener(torch.nn.Parameter(x.detach())) == wiener([0, 1, -1, 3])


def test_one_variable_of_a_dataset_or_tree():
    data = xr.Dataset({"x": ("step", [0, 1, -1, 3]), "name": ((), "a word")})
    assert wiener(data) == wiener([0, 1, -1, 3])
    assert wiener(xr.DataTree.from_dict({"deep/er": data})) == wiener([0, 1, -1, 3])
    with pytest.raises(InputError, match="it has x, y"):
        sp.fit(data.assign(y=data["x"]))
    with pytest.raises(InputError, match="it has x, deep/x"):
        sp.fit(xr.DataTree.from_dict({"/": data, "deep": data}))


def test_quantities_keep_their_units():
    pint = pytest.importorskip("pint")
    unit = pint.UnitRegistry()
    found = sp.dynamics.fit_wiener(
        np.array([0.0, 1, -1, 3]) * unit.micrometer, time=np.array([0.0, 1, 2, 6]) * unit.hour
    )
    assert float(found["diffusion"]) == pytest.approx(1.875)
    assert found["diffusion"].attrs["units"] == "micrometer**2/hour"
    with pytest.raises(InputError, match="from_list"):
        sp.fit([1 * unit.meter, 2 * unit.centimeter, 3 * unit.meter])
    with pytest.raises(InputError, match=r"masked array of quantities.*Quantity\(array, unit\)"):
        sp.fit(masked() * unit.meter)
    assert wiener(unit.Quantity(masked(), "meter")) == pytest.approx((0, 0.6, 6))
    inside = xr.DataArray(np.array([0.0, 1, -1, 3]) * unit.meter, dims="step")
    assert sp.dynamics.fit_wiener(inside)["diffusion"].attrs["units"] == "meter**2/step"


def dask_of_unknown_length():
    import dask.array as da

    x = da.arange(10, chunks=5)
    return x[x > 3]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ([[0, 1, 2], [1, 2]], "unequal length"),
        ([torch.zeros(2), torch.zeros(3)], "unequal shape"),
        (np.array([0, None, 2]), "object; real numbers"),
        (["a", "b", "c"], "<U1; real numbers"),
        ([0, 1j, 2], "complex128; real numbers"),
        (torch.tensor([0, 1j, 2]), "complex64; real numbers"),
        (torch.tensor([0.0, 1]).to_sparse(), "tensor cannot be read"),
        (np.array(["2020-01-01"], "M8[s]"), "real numbers"),
        (np.zeros((0, 3)), r"no values.*\(0, 3\)"),
        ([], "no values"),
        (3.0, "single number"),
        ({"x": [0, 1]}, "a dict was given"),
        ((k for k in range(3)), "a generator was given"),
        ("beads.nc", "open it first.*sgdphys fit"),
        (np.zeros(3, "f4,f4"), "real numbers"),
    ],
)
def test_what_is_no_array_of_numbers(what, said):
    with pytest.raises(InputError, match=said):
        sp.fit(what)


def test_length_that_dask_does_not_know():
    with pytest.raises(InputError, match="compute_chunk_sizes"):
        sp.fit(dask_of_unknown_length())


def test_archive_of_arrays(tmp_path):
    np.savez(tmp_path / "two.npz", x=np.arange(9.0), y=np.arange(9.0))
    with np.load(tmp_path / "two.npz") as file, pytest.raises(InputError, match="it has x, y"):
        sp.fit(file)


@pytest.mark.parametrize(
    ("dim", "unit"),
    [("m", "m"), ("n", "n"), ("p", "p"), ("u", "u"), ("t", "t"), ("axis", "axis"),
     ("steps", "step"), ("epochs", "epoch"), ("frames", "frame"), ("step", "step")],
)  # fmt: skip
def test_a_dimension_is_printed_as_it_is(dim, unit):
    bare = xr.DataArray([0.0, 1, -1, 3], dims=dim)
    for theta in (bare, bare.assign_coords({dim: [0, 1, 2, 6]})):
        found = sp.dynamics.fit_wiener(theta, time=dim)
        assert found["diffusion"].attrs["units"] == f"1/{unit}"


# Every public function with an array in each of its places: as a masked array, a table, an array
# that netCDF wrote in part, and empty.


def series(missing=True):
    x = np.random.default_rng(5).standard_normal((60, 6)).cumsum(axis=0)
    if missing:
        x[30, 2] = np.nan
    return np.round(64 * x)


def as_masked(x):
    hidden = np.isnan(x)
    return np.ma.array(np.where(hidden, -999, x), mask=hidden)


def as_whole_numbers(x):
    return np.ma.masked_equal(np.where(np.isnan(x), FILLS["i4"], x).astype("i4"), FILLS["i4"])


OPTIONS = {
    "two_time_msd": {"waiting_times": [1], "lags": [1, 2]},
    "rolling_indicators": {"window": 20},
    "minibatch_gradients": {"learning_rate": 0.1},
    "fluctuation_ratios": {"learning_rate": 0.1},
    "kramers_moyal": {"bins": 4},
    "early_warning": {"resamples": 19},
    "fit": {"models": ["wiener", "ou", "levy"]},
    "fit_langevin": {"resamples": 5},
    "entropy_production": {"resamples": 5, "blocks": 5},
    "trajectory_components": {"resamples": 3, "components": 2},
    "variance_components": {"family": "family"},
    "hessian_mode_statistics": {"learning_rate": 0.1},
    "epoch_drift": {"epochs": [0]},
    "gradient_phases": {"batch_size": 1, "batches": 1},
}
SECOND = {
    "project",
    "hessian_mode_statistics",
    "variance_flatness",
    "noise_alignment",
    "critical_point",
}
OF_DATASETS = {"pass_rate", "epoch_drift", "gradient_phases"}


def answer(function, *arguments, **options):
    """What a function answers, or the type of its refusal; any other exception fails the test."""
    try:
        found = function(*arguments, **options)
    except InputError:
        return None
    if isinstance(found, xr.DataArray):
        found = found.rename("values").to_dataset()
    return found if isinstance(found, xr.Dataset) else xr.Dataset({"values": ((), float(found))})


def labelled(x, name):
    if name in {"project", "hessian_mode_statistics"}:
        return xr.DataArray(x, dims=("step", "parameter"))
    if name == "order_parameter":
        return xr.DataArray(x, dims=("replica", "dim_1"))
    across = "parameter" if name in {"fit_langevin", "entropy_production"} else "replica"
    return xr.DataArray(x, dims=("step", across))


def same(found, right):
    if right is None or found is None:
        return found is None or right is None
    if "step" in right.dims:  # of a bare array detrended() puts time last
        found, right = found.transpose("step", ...), right.transpose("step", ...)
    return all(
        np.array_equal(found[n].values.ravel(), right[n].values.ravel(), equal_nan=True)
        if right[n].dtype.kind == "f"
        else np.array_equal(found[n].values.ravel(), right[n].values.ravel())
        for n in right.data_vars
    )


@pytest.mark.thorough(reason="every function")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", [n for n in dir(sp.dynamics) if n.islower()])
def test_every_function_of_dynamics(name):
    function, options = getattr(sp.dynamics, name), OPTIONS.get(name, {})
    second = (series(missing=False),) if name in SECOND else ()
    x = series()
    right = answer(function, labelled(x, name), *second, **options)
    table = pd.DataFrame(x)
    for given in (as_masked(x), as_whole_numbers(x), table, x.tolist(), torch.tensor(x)):
        assert same(answer(function, given, *second, **options), right)
    # whatever named dimensions it has, an array that was written in part is one with gaps
    if name not in OF_DATASETS | SECOND:
        for dtype in ("f4", "i4"):
            part = np.where(np.isnan(x), FILLS[dtype], x).astype(dtype)
            gaps = labelled(x.astype("f4") if dtype == "f4" else x, name)
            read = labelled(part, name)
            read.encoding["source"] = "part.nc"  # what xarray says of what it read from a file
            found = answer(function, read, *second, **options)
            assert same(found, answer(function, gaps, *second, **options))
    for given in (np.zeros((0, 6)), np.zeros((6, 0)), [], None, "x", [[1], [1, 2]]):
        assert answer(function, given, *second, **options) is None
    if second:
        assert answer(function, labelled(x, name), np.zeros((0, 6)), **options) is None
    if name == "fit_wiener":
        assert right is not None


LABELS = np.arange(40) % 2
ACTIVATIONS = np.random.default_rng(6).standard_normal((40, 3)) + LABELS[:, None]
OF_ACTIVATIONS = [
    "binned_information", "compare", "extrapolated_information", "kde_information",
    "neighbour_information",
]  # fmt: skip


@pytest.mark.thorough(reason="every estimator")
@pytest.mark.parametrize("name", OF_ACTIVATIONS)
def test_every_function_of_activations(name):
    function = getattr(sp.information, name)
    repeat = 2 if name == "extrapolated_information" else 1
    t, y = np.tile(ACTIVATIONS, (repeat, 1)), np.tile(LABELS, repeat)
    right = function(t, y)
    hidden = np.ma.array(np.vstack([t, t[:3]]), mask=False)
    hidden[-3:] = np.ma.masked
    for given, labels in (
        (hidden, np.append(y, [0, 1, 1])),
        (pd.DataFrame(t, index=np.arange(len(t))[::-1]), pd.Series(y).map({0: "a", 1: "b"})),
        (torch.tensor(t, requires_grad=True), torch.tensor(y)),
        (t.reshape(len(t), 3, 1, 1), y[:, None]),
        (t.tolist(), y.tolist()),
        (xr.DataArray(t), xr.DataArray(y)),
    ):
        xr.testing.assert_identical(function(given, labels), right)
    part = np.ma.array(t, mask=False)
    part[2, 1] = np.ma.masked
    labels = np.ma.array(y, mask=False)
    labels[4] = np.ma.masked
    for given, of, said in (
        (part, y, "single units of 1 samples are masked"),
        (np.ma.masked_all((4, 2)), y[:4], "all samples are masked"),
        (t, labels, "labels are masked"),
        (t, y[:-1], "labels"),
        (t, pd.Series(y).where(y > 0), "labels are missing"),
        (t, np.array(["a", 1, None] * len(t), object)[: len(t)], "labels are"),
        (np.zeros((0, 3)), [], "at least one sample"),
        (np.zeros((6, 0)), LABELS[:6], "one unit"),
        (t.astype(complex), y, "complex"),
    ):
        with pytest.raises(InputError, match=said):
            function(given, of)


JOINT = np.array([[0.3, 0.1], [0.1, 0.3], [0.05, 0.15]])
COVARIANCE = np.array([[1.0, 0.5], [0.5, 1.0]])
CURVE = np.array([[2.0, 1.0], [3.0, 2.0], [1.0, 0.5]])


@functools.cache
def bound():
    """The bound of JOINT, which takes a second to find without betas."""
    onset = float(sp.information.critical_betas(JOINT, most=2)["beta"][0])
    return sp.information.bottleneck_curve(JOINT, [onset, 2 * onset, 9 * onset])


OTHERS = {
    "bottleneck_curve": (JOINT, lambda f, a: f(a, [2.0, 8.0])),
    "bottleneck_distance": (JOINT, lambda f, a: f(a, [0, 1, 1], curve=bound())),
    "bottleneck_relaxation": (JOINT, lambda f, a: f(a, [2.0], iterations=50)),
    "critical_betas": (JOINT, lambda f, a: f(a, most=2)),
    "finite_sample_gap": (CURVE, lambda f, a: xr.Dataset({"gap": (("a", "b"), f(a, 9))})),
    "gaussian_bottleneck": (COVARIANCE, lambda f, a: f(a, 1, [2.0])),
    "gaussian_information": (COVARIANCE, lambda f, a: f(a, 1)),
    "linear_layer_information": (CURVE, lambda f, a: f(a, COVARIANCE, 0.1)),
    "compression": (CURVE, lambda f, a: f(a)),
    "noisy_information": (
        CURVE,
        lambda f, a: f(Perceptron((2, 2, 1), noise=0.5), np.ones(9), a, [0, 1, 0], own_draws=2),
    ),
    "layer_cells": (CURVE, lambda f, a: f(a, xr.Dataset())),
    "layer_information": (CURVE, lambda f, a: f(a, xr.Dataset())),
}


def test_no_function_of_information_is_left_out():
    assert {*OTHERS, *OF_ACTIVATIONS} == {*dir(sp.information)}


@pytest.mark.thorough(reason="every function")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", OTHERS)
def test_every_other_function_of_information(name):
    right_array, call = OTHERS[name]
    function = getattr(sp.information, name)
    right = answer(call, function, right_array)
    assert (right is None) == name.startswith("layer_")
    whole = np.ma.array(right_array, mask=False)
    for given in (whole, pd.DataFrame(whole), whole.tolist(), torch.tensor(right_array)):
        assert same(answer(call, function, given), right)
    hidden = np.ma.array(right_array, mask=False)
    hidden[0, 0] = np.ma.masked
    with_gap = np.array(right_array)
    with_gap[0, 0] = np.nan
    assert same(answer(call, function, hidden), answer(call, function, with_gap))
    for given in ([[1.0], [1, 2]], "x", None):
        assert answer(call, function, given) is None
    if name != "finite_sample_gap":
        assert answer(call, function, np.zeros((0, 2))) is None
