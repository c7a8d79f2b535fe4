"""``sgdphys fit`` from outside: anyone's file, and files that broke other tools."""

import json
import os
import re

import dask.array as da
import netCDF4
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from commands import command, refused
from scipy.signal import lfilter

import sgdphys as sp
from sgdphys import processes
from sgdphys.dynamics.clock import clock_of
from sgdphys.errors import InputError
from sgdphys.fitting import output, reading
from sgdphys.fitting.fits import fit_file


@pytest.fixture(scope="module")
def particles(tmp_path_factory):
    """Somebody else's dimensions and names."""
    path = tmp_path_factory.mktemp("fit") / "particles.nc"
    x = np.random.default_rng(1).standard_normal((500, 3)).cumsum(axis=0)
    xr.Dataset(
        {"x": (("time", "particle"), x), "y": (("time", "particle"), 2 * x)},
        coords={"time": np.arange(500) * 2.0},
    ).to_netcdf(path)
    return path


def fitted(*arguments):
    result = command("fit", *arguments, "--json")
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    return json.loads(result.stdout)


def test_names_of_their_own(particles):
    """C25."""
    found = fitted(particles, "--variable", "x", "--time", "time")
    assert found["units"]["diffusion"] == "1/time"
    at = found["models"].index("drifted_wiener")
    assert np.array(found["series"]["diffusion"])[:, at].mean() == pytest.approx(0.25, abs=0.04)


def test_what_is_not_there_is_listed(particles):
    refused(command("fit", particles), 2, "--variable", "x, y")
    refused(command("fit", particles, "--variable", "z"), 2, "no variable 'z'", "'x', 'y'")
    assert fitted(particles, "--variable", "x")["units"]["diffusion"] == "1/time"
    refused(command("fit", particles, "--variable", "x", "--time", "z"), 2, "'time', 'particle'")
    refused(command("fit", __file__), 2, "not a netCDF file")
    refused(command("fit", "nowhere.nc"), 2, "no file or folder nowhere.nc")
    refused(
        command("fit", particles, "--variable", "x", "--time", "time", "--along", "pca:2"), 2,
        "needs a dimension 'parameter'",
    )  # fmt: skip
    refused(command("fit", particles, "--figure", "figure.gif"), 2, ".png, .svg or .pdf")
    refused(command("fit", particles, "--out", "no/folder/fit.nc"), 2, "no folder no/folder")


def test_a_file_is_never_written_over_itself(particles, tmp_path):
    """P03: by its own name, ./ and a link."""
    before = particles.read_bytes()
    link = tmp_path / "link.nc"
    link.symlink_to(particles)
    relative = os.path.relpath(particles)
    for out in (particles, link, f"./{relative}"):
        result = command("fit", particles, "--variable", "x", "--time", "time", "--out", out)
        refused(result, 2, "is the file that is read")
    assert particles.read_bytes() == before


@pytest.mark.parametrize("unit", ["seconds", "days", "days since 2000-01-01"])
def test_times_keep_the_unit_of_the_file(tmp_path, unit):
    """P02."""
    path = tmp_path / "t.nc"
    t = ("time", [0, 1, 2, 6], {"units": unit})
    xr.Dataset({"x": ("time", [0, 1, -1, 3])}, coords={"time": t}).to_netcdf(path)
    found = fitted(path)
    at = found["models"].index("drifted_wiener")
    assert found["series"]["drift"][at] == 0.5
    assert found["series"]["diffusion"][at] == pytest.approx(1.875)
    assert found["units"]["diffusion"] == f"1/{unit.split()[0][:-1]}"


def test_what_was_never_written_is_missing(tmp_path):
    """P07: netCDF's fill value is no data: drift 0 and D = 0.6 from 6 increments."""
    path = tmp_path / "unfinished.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("step", None)
        step = file.createVariable("step", "i8", "step")
        theta = file.createVariable("theta", "f4", "step", fill_value=False)
        step[:] = np.arange(10)
        theta[0:7] = np.arange(7) % 2
    with netCDF4.Dataset(path, "a") as file:
        file["theta"].set_auto_mask(False)
        file["theta"][7:10] = 9.969209968386869e36
    found = fitted(path)
    at = found["models"].index("drifted_wiener")
    assert found["series"]["count"] == 6
    assert found["series"]["drift"][at] == 0
    assert found["series"]["diffusion"][at] == pytest.approx(0.6)


@pytest.mark.thorough(reason="a run and five fits: 7 s")
def test_results_figure_and_directions_of_a_run(tmp_path):
    study = {
        "network": {"layers": [4, 3]},
        "train": {"epochs": 30, "replicas": 2},
        "record": {"weights": "step"},
    }
    sp.run(study, tmp_path / "run")
    out, figure = tmp_path / "fit.nc", tmp_path / "fit.png"
    result = command("fit", tmp_path / "run", "--out", out, "--figure", figure, "--sample", 20)
    assert result.returncode == 0, result.stderr
    assert "layer 3" in result.stdout
    assert "models were compared on" in result.stderr
    with xr.open_dataset(out) as found:
        assert found["best"].dims == ("replica", "parameter")
        compared = (found["best"] != "not compared").sum()
        assert 14 <= int(compared) <= 28
        # every layer is in the sample, and every series has its D
        assert len(np.unique(found["layer"].where(found["best"] != "not compared"))) >= 3
        assert bool(found["diffusion"].sel(model="drifted_wiener").notnull().all())
        assert {"interval_method", "source"} <= found.attrs.keys()
    assert figure.stat().st_size > 20_000
    for along, series in (("layer-norm", 6), ("pca:2", 4), ("random:5", 10)):
        found = fitted(tmp_path / "run", "--along", along, "--models", "wiener,ou")
        assert found["groups"][-1]["series"] == series
    refused(command("fit", tmp_path / "run", "--along", "pca"), 2, "pca:10")
    inside = tmp_path / "run" / "trajectory" / "fit.nc"
    refused(command("fit", tmp_path / "run", "--out", inside), 2, "the file that is read")


def test_some_models_are_compared(tmp_path):
    path = tmp_path / "walk.npy"
    np.save(path, np.random.default_rng(0).standard_normal((300, 3)).cumsum(axis=0))
    found = fitted(path, "--models", "wiener,ou")
    assert found["models"] == ["wiener", "ou"]
    assert found["groups"][0]["best"] == {"wiener": 3}
    assert "give other models" in command("fit", path, "--models", "ou").stdout
    refused(command("fit", path, "--models", "winer"), 2, "did you mean 'wiener'")
    refused(command("fit", path, "--sample", "many"), 2, "give a number, or all")


def test_coefficients_have_their_intervals_units_and_meaning(tmp_path):
    path = tmp_path / "a.csv"
    x = processes.ornstein_uhlenbeck(dt=0.1, steps=2000, rng=1).theta.to_numpy().ravel()
    pd.DataFrame({"t": 0.1 * np.arange(len(x)), "x": x}).to_csv(path, index=False)
    said = command("fit", path, "--models", "wiener,ou").stdout
    (row,) = fitted(path, "--models", "wiener,ou")["best"]
    low, high = row["intervals"]["kappa"]
    assert low < 1 < high
    assert low < row["coefficients"]["kappa"] < high
    assert "center" not in row["intervals"]
    assert re.search(r"coefficient +value +95% interval +unit\n", said)
    assert re.search(r"kappa +[\d.]+ +[\d.]+ to [\d.]+  1/t\n", said)
    assert re.search(r"center +[-\d.]+ +-  1\n", said)
    assert "\ncenter: mean of the stationary state\n" in said
    several = tmp_path / "several.npy"
    np.save(several, np.random.default_rng(0).standard_normal((300, 3)).cumsum(axis=0))
    said = command("fit", several, "--models", "wiener,ou").stdout
    assert re.search(r"coefficient +median +median 95% interval +unit\n", said)


def test_one_name_of_two_meanings_is_explained_by_model(tmp_path):
    x = processes.ornstein_uhlenbeck(dt=0.1, steps=500, parameters=2, rng=1).theta
    found = sp.fit(x, models=["ou", "double_well"])
    found["best"].to_numpy()[..., 0] = "double_well"
    said = output.meanings(found)
    assert "center of ou: mean of the stationary state" in said
    assert "center of double_well: top of the barrier" in said


def test_models_that_gaps_leave_out_are_named(tmp_path):
    x = np.random.default_rng(0).standard_normal(400).cumsum()
    x[100:120] = np.nan
    np.save(tmp_path / "gap.npy", x)
    said = fitted(tmp_path / "gap.npy", "--models", "wiener,fbm,levy")["advice"]
    assert any("without gaps" in s and s.endswith("fbm (100%), levy (100%)") for s in said)


def test_a_transient_is_left_out(tmp_path):
    """A jump before time 20, at a spacing of 0.1."""
    x = np.random.default_rng(0).standard_normal(1000).cumsum() * np.sqrt(0.1)
    x[:200] += 1000 * np.arange(200)[::-1]
    np.save(tmp_path / "a.npy", x)
    given = (tmp_path / "a.npy", "--time", "0.1", "--models", "wiener")
    result = command("fit", *given, "--since", "20", "--until", "99.9", "--json")
    found = json.loads(result.stdout)
    assert found["series"]["diffusion"][0] == pytest.approx(0.5, rel=0.1)
    said = "fitted: 800 of 1000 points, at times 20 to 99.9 (time)"
    assert said in result.stderr
    assert found["range"] == said
    assert fitted(*given)["series"]["diffusion"][0] > 1e4
    refused(
        command("fit", *given, "--since", "99.85"), 2,
        "--since 99.85 leaves 1 of 1000 points, which are at times 0 to 99.9 (time)",
    )  # fmt: skip


def test_an_end_of_the_range_may_have_rounding_errors():
    """0.1 times 121 is a little more than 12.1."""
    x = xr.DataArray(np.arange(1501.0), dims="time", coords={"time": 0.1 * np.arange(1501)})
    for name in ("float64", "float32"):
        kept = x.assign_coords(time=x["time"].astype(name))
        assert reading.within(kept, None, 0.3, 12.1)[0].size == 119
    part, time, _ = reading.within(x.drop_vars("time"), "0.5 s", 10, 20)
    assert clock_of(part, time)[1].tolist() == np.arange(10, 20.5, 0.5).tolist()


def test_an_end_of_the_range_may_have_a_unit_or_be_a_date():
    x = xr.DataArray(np.arange(1501.0), {"time": 0.1 * np.arange(1501)}, "time")
    timed = x.assign_coords(time=x["time"].assign_attrs(units="ms"))
    part, _, said = reading.within(timed, None, "10ms", "0.02 s")
    assert part.sizes["time"] == 101
    assert said == "fitted: 101 of 1501 points, at times 10 to 20 (ms)"
    dated = x.assign_coords(time=pd.date_range("2024-01-01", periods=1501))
    assert reading.within(dated, None, "2024-02-01", "2024-02-10")[0].sizes["time"] == 10
    part = reading.within(dated, None, pd.Timestamp("2024-02-01"), "40 days")[0]
    assert part.sizes["time"] == 10
    with pytest.raises(InputError, match=r"--since 01/02/2024 cannot be read; .* such as 2024-02"):
        reading.within(dated, None, "01/02/2024", None)  # the day or the month may come first
    for given, refused_with in (
        (x, "--since 10 ms cannot be read; give a number in the"),
        (timed, "--since soon cannot be read; give a number in the unit"),
    ):
        with pytest.raises(InputError, match=refused_with):
            reading.within(given, None, "10 ms" if given is x else "soon", None)


def test_headings_give_units_or_are_said_to_give_none(tmp_path):
    table = pd.DataFrame({"time_s": TIMES, "x (um)": WALK, "y (um)": WALK})
    table.to_csv(tmp_path / "a.csv", index=False)
    assert drift_of(tmp_path / "a.csv") == (0.5, 1.875, "um**2/s")
    assert fit_file(tmp_path / "a.csv").notes == []
    walks = np.random.default_rng(0).standard_normal((300, 2)).cumsum(axis=0)
    table = pd.DataFrame({"t": np.arange(300), "x (um)": walks[:, 0], "v (m/s)": walks[:, 1]})
    table.to_csv(tmp_path / "b.csv", index=False)
    notes = fit_file(tmp_path / "b.csv").notes
    assert notes[0].startswith("the times of column 't' have no unit")
    assert notes[1].startswith("the columns have several units (um, m/s): 'value' stands for")
    found = fit_file(tmp_path / "b.csv", models=["drifted_wiener"]).results
    assert [row[-1] for row in output.models_table(found)[1:]] == [
        "um/t",
        "um**2/t",
        "m/s/t",
        "m**2/s**2/t",
    ]
    names, *rows = output.table(found)
    assert [row[names.index("apparent D (value**2/t)")] for row in rows][-1] == "-"


def test_medians_are_of_the_same_series(tmp_path):
    """White noise relaxes within a step: its kappa has no upper end."""
    rng = np.random.default_rng(0)
    x = processes.ornstein_uhlenbeck(kappa=2, dt=0.1, steps=1000, rng=1).theta.to_numpy().ravel()
    pd.DataFrame({"t": 0.1 * np.arange(len(x)), "trap": x, "white": rng.standard_normal(len(x))}
                 ).to_csv(tmp_path / "a.csv", index=False)  # fmt: skip
    (row,) = fitted(tmp_path / "a.csv", "--models", "wiener,ou")["best"]
    assert row["series"] == 2
    assert "kappa" not in row["intervals"]
    said = command("fit", tmp_path / "a.csv", "--models", "wiener,ou").stdout
    assert re.search(r"^trap +ou +kappa +[12]\.[\d.]+ +[\d.]+ to [\d.]+ ", said, re.MULTILINE)
    assert re.search(r"^white +ou +kappa +[-\d.]+ +- ", said, re.MULTILINE)


def test_a_process_is_named(tmp_path):
    path = tmp_path / "ou.nc"
    processes.ornstein_uhlenbeck(dt=0.1, steps=4000, parameters=4, rng=3).to_netcdf(path)
    result = command("fit", path)
    assert result.returncode == 0, result.stderr
    assert "ou 100%" in result.stdout


WALK, TIMES = np.array([0.0, 1, -1, 3]), np.array([0, 1, 2, 6])


def drift_of(path, **options):
    """Drift and D of the first series of a file, and the unit of D."""
    found = fit_file(path, **options).results.sel(model="drifted_wiener")
    values = (float(found[n].values.ravel()[0]) for n in ("drift", "diffusion"))
    return *values, found["diffusion"].attrs["units"]


def test_arrays_and_tables(tmp_path):
    np.save(tmp_path / "x.npy", WALK)
    np.savez(tmp_path / "xy.npz", x=WALK, y=2 * WALK)
    table = pd.DataFrame({"time": TIMES, "x": WALK, "y": 2 * WALK})
    table.to_csv(tmp_path / "named.csv", index=False)
    dated = table.assign(date=pd.to_datetime(86400 * TIMES, unit="s")).drop(columns="time")
    dated.to_csv(tmp_path / "dated.csv", index=False)
    table[["x", "y"]].to_csv(tmp_path / "bare.csv", index=False, header=False)
    assert drift_of(tmp_path / "x.npy") == (1, 4.5, "1/step")
    assert drift_of(tmp_path / "xy.npz", variable="y") == (2, 18, "1/step")
    assert drift_of(tmp_path / "named.csv") == (0.5, 1.875, "1/time")
    assert drift_of(tmp_path / "named.csv", variable="y") == (1, 7.5, "1/time")
    assert drift_of(tmp_path / "bare.csv") == (1, 4.5, "1/step")
    drift, diffusion, unit = drift_of(tmp_path / "dated.csv")
    assert (drift * 86400, diffusion * 86400, unit) == pytest.approx((0.5, 1.875, "1/second"))
    said = fitted(tmp_path / "named.csv")
    assert said["units"]["diffusion"] == "1/time"
    assert [group["name"] for group in said["groups"]] == ["x", "y", "all"]
    assert [group["series"] for group in said["groups"]] == [1, 1, 2]


def test_times_are_found_by_every_way_to_write_them(tmp_path):
    """The diffusion coefficient is wrong by any factor where times are taken for a name."""
    np.savez(tmp_path / "named.npz", x=WALK, t=TIMES)
    np.savez(tmp_path / "other.npz", x=WALK, tau=TIMES, y=WALK)
    np.savez(tmp_path / "other_length.npz", x=WALK, t=[0.0, 1.0])
    np.save(tmp_path / "x.npy", WALK)
    for name in ("Time (s)", "t [s]", "time/s", "seconds", "tau"):
        long = pd.DataFrame({name: np.arange(12) * 2.0, "x": [*WALK, *WALK, *WALK][:12]})
        long.to_csv(tmp_path / f"{name.replace('/', '_')}.csv", index=False)
    per_time, per_step = (0.5, 1.875), (1, 4.5)
    assert drift_of(tmp_path / "named.npz") == (*per_time, "1/t")
    assert drift_of(tmp_path / "named.npz", variable="x", time="t") == (*per_time, "1/t")
    assert drift_of(tmp_path / "other.npz", variable="x", time="tau") == (*per_time, "1/tau")
    assert drift_of(tmp_path / "other_length.npz") == (*per_step, "1/step")
    assert drift_of(tmp_path / "x.npy", time="update") == (*per_step, "1/update")
    assert drift_of(tmp_path / "x.npy", time="2 s") == (0.5, 2.25, "1/s")
    for name in ("Time (s)", "t [s]", "time_s"):
        assert drift_of(tmp_path / f"{name}.csv")[2] == "1/s"
    assert drift_of(tmp_path / "seconds.csv")[2] == "1/second"
    assert drift_of(tmp_path / "tau.csv", time="tau")[2] == "1/tau"
    assert drift_of(tmp_path / "tau.csv", variable="x", time=2.0)[2] == "1/time"


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("t.npz", {"time": "nonsense"}, "give --time: t may be the times of x; it holds x, t"),
        ("x.npy", {"time": "foo"}, "time is 'foo', and the array has no names"),
        ("x.npy", {"time": "0,5"}, "time is '0,5', and the array has no names"),
        ("short.npz", {"time": "t"}, r"t has the shape \(2,\) and x the shape \(12,\)"),
        ("tau.csv", {}, "column 'tau' increases in every row, as times do; give --time 'tau'"),
        ("tau.csv", {"variable": "x"}, "column 'tau' increases in every row"),
    ],
)
def test_times_that_are_not_clear_are_asked_for(tmp_path, name, options, said):
    x, t = np.sin(np.arange(12.0)), np.arange(12) * 2.0
    np.savez(tmp_path / "t.npz", x=x, t=t)
    np.savez(tmp_path / "short.npz", x=x, t=t[:2])
    np.save(tmp_path / "x.npy", x)
    pd.DataFrame({"tau": t, "x": x}).to_csv(tmp_path / "tau.csv", index=False)
    with pytest.raises(InputError, match=said):
        fit_file(tmp_path / name, **options)


def test_what_pandas_writes_beside_the_columns(tmp_path):
    path = tmp_path / "indexed.csv"
    table = pd.DataFrame({"x": WALK})
    for given in (table, pd.DataFrame(WALK.astype(float)), pd.DataFrame({"x": WALK * 1.0})):
        given.to_csv(path)
        found = fitted(path)
        assert np.ravel(found["series"]["count"]).tolist() == [len(WALK) - 1]
        assert drift_of(path) == (1, 4.5, "1/step")
    table.set_index(TIMES).to_csv(path)
    assert drift_of(path) == (0.5, 1.875, "1/time")
    table.assign(time=TIMES).to_csv(path)
    assert drift_of(path) == (0.5, 1.875, "1/time")
    table.set_index(pd.to_datetime(86400 * TIMES, unit="s")).to_csv(path)
    assert drift_of(path)[2] == "1/second"


def test_tables_that_do_not_say_enough(tmp_path):
    np.savez(tmp_path / "xy.npz", x=WALK, y=WALK)
    np.save(tmp_path / "objects.npy", np.array([1, "a"], object), allow_pickle=True)
    (tmp_path / "clocks.csv").write_text("_step,_timestamp,x\n0,5,1\n1,6,2\n")
    (tmp_path / "words.csv").write_text("who,x\na,1\nb,2\n")
    (tmp_path / "unsorted.csv").write_text("t,x\n0,1\n2,2\n1,2\n")
    (tmp_path / "semicolons.csv").write_text("a;b\n1,5;2,5\n3,5;4,5\n")
    (tmp_path / "tabs.csv").write_text("1\t2\n3\t4\n")
    (tmp_path / "header.csv").write_text("a,b\n")
    (tmp_path / "wide.csv").write_text("a,b\n1,2,3,4\n")
    (tmp_path / "empty.csv").write_text("")
    for name, options, said in (
        ("xy.npz", {}, "give --variable; it holds x, y"),
        ("xy.npz", {"variable": "z"}, "no array 'z'"),
        ("xy.npz", {"group": "a"}, "no groups"),
        ("objects.npy", {}, "cannot be read"),
        (
            "clocks.csv",
            {},
            "the columns _step, _timestamp may all be the times of the rows; give one",
        ),
        ("clocks.csv", {"time": "epoch"}, "no column 'epoch'"),
        ("words.csv", {}, "column 'who' holds the text 'a' in row 1"),
        ("unsorted.csv", {}, "the times 't' do not increase: row 2 has 2 and row 3 1"),
        ("semicolons.csv", {}, "set apart by semicolons"),
        ("tabs.csv", {}, "set apart by tabs"),
        ("header.csv", {}, "no rows"),
        ("wide.csv", {}, "more columns than its first line"),
        ("empty.csv", {}, "is empty"),
        ("nowhere.npy", {}, "no file"),
    ):
        with pytest.raises(InputError, match=said):
            fit_file(tmp_path / name, **options)


def test_any_group_of_a_file(tmp_path):
    path = tmp_path / "groups.nc"
    both = xr.Dataset({n: (("chain", "draw"), np.stack([WALK] * 2)) for n in ("mu", "tau")})
    xr.DataTree.from_dict(
        {
            "/": xr.Dataset(coords={"draw": TIMES}),
            "posterior": both,
            "stats/deep": xr.Dataset({"lp": ("draw", WALK)}),
        }
    ).to_netcdf(path)
    right = (0.5, 1.875, "1/draw")
    assert drift_of(path, variable="posterior/mu") == right
    assert drift_of(path, group="posterior", variable="tau") == right
    assert drift_of(path, group="stats/deep") == right
    for options, said in (
        ({}, "give --group; .* posterior, stats/deep"),
        ({"group": "posterior"}, "give --variable; .* mu, tau"),
        ({"group": "prior"}, "no group 'prior'.*'posterior'"),
        ({"variable": "prior/mu"}, "no group 'prior'"),
    ):
        with pytest.raises(InputError, match=said):
            fit_file(path, **options)


def test_directions_and_a_unit_of_time_of_their_own(tmp_path):
    path = tmp_path / "weights.nc"
    walks = np.random.default_rng(3).standard_normal((60, 3)).cumsum(axis=0)
    time = ("time", np.arange(60.0), {"units": "days since beginning of run"})
    xr.Dataset({"w": (("time", "parameter"), walks)}, coords={"time": time}).to_netcdf(path)
    for along in ("pca:2", "random:2"):
        found = fit_file(path, along=along).results
        assert found.sizes["component"] == 2
        assert found["diffusion"].attrs["units"] == "1/day"


def test_a_lazy_array_is_read_once_and_a_large_one_stays_lazy(monkeypatch):
    """Every chunk once, in its own precision and with the same labels."""
    x = np.random.default_rng(3).standard_normal((90, 3, 2)).cumsum(axis=0).astype(np.float32)
    read = []

    def chunk(block_info=None):
        place = block_info[None]["array-location"]
        read.append(place[0])
        return x[tuple(slice(*ends) for ends in place)]

    chunks = ((40, 40, 10), (3,), (2,))
    lazy = da.map_blocks(chunk, chunks=chunks, dtype=np.float32, meta=x[:0])
    theta = xr.DataArray(lazy, {"step": np.arange(90)}, ("step", "replica", "parameter"), "theta")
    found = reading.read_once(theta, "step")
    assert sorted(read) == [(0, 40), (40, 80), (80, 90)]
    assert found.dims == ("replica", "parameter", "step")
    assert found.chunks is None
    assert found.dtype == np.float32
    assert found.data.flags.c_contiguous
    xr.testing.assert_identical(found.transpose(*theta.dims), theta.copy(data=x))
    monkeypatch.setattr(reading, "_IN_MEMORY", x.nbytes - 1)
    assert reading.read_once(theta, "step").chunks is not None


def test_a_file_too_large_for_memory_gives_the_same_results(tmp_path, monkeypatch):
    x = np.random.default_rng(4).standard_normal((120, 5)).cumsum(axis=0)
    path = tmp_path / "x.nc"
    xr.Dataset({"x": (("time", "path"), x)}).to_netcdf(path)
    kept = fit_file(path, sample=3, models=["wiener", "ou"]).results
    monkeypatch.setattr(reading, "_IN_MEMORY", 0)
    xr.testing.assert_identical(fit_file(path, sample=3, models=["wiener", "ou"]).results, kept)


def test_the_norm_of_a_layer_is_missing_where_a_weight_is():
    """It jumped to 0 where a run had ended or diverged, and was fitted."""
    coords = {"step": np.arange(6), "layer": ("parameter", [1, 1, 2, 2])}
    theta = xr.DataArray(np.ones((6, 4)), coords, ("step", "parameter"))
    theta[4:] = np.nan
    theta[2, 0] = np.nan
    found = reading.project(theta, "layer-norm", "step").transpose("layer", "step")
    assert found.isnull().values[0].tolist() == [False, False, True, False, True, True]
    assert found.isnull().values[1].tolist() == [False, False, False, False, True, True]


def test_beyond_the_sample_a_series_has_the_status_of_all(tmp_path):
    """D of series that oscillate was left out as soon as there were more than the sample."""
    noise = np.random.default_rng(0).standard_normal((80, 12))
    np.save(tmp_path / "x.npy", lfilter([1.0], [1.0, 0.5], noise, axis=0))
    every, few = (
        fit_file(tmp_path / "x.npy", sample=n, models=["drifted_wiener", "ou"]).results
        for n in ("all", 4)
    )
    assert every["status"].values.tolist() == few["status"].values.tolist()
    assert (few["best"] == "not compared").sum() == 8
    np.testing.assert_array_equal(every["diffusion"][:, 0], few["diffusion"][:, 0])
