"""``sgdphys fit`` on Zarr stores of every kind."""

import warnings

import numpy as np
import pytest
import xarray as xr
from commands import command, diffusion, refusal

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.fitting.fits import fit_file
from sgdphys.fitting.reading import open_variable
from sgdphys.trajectory.locations import location

pytestmark = pytest.mark.thorough(reason="commands on stores of all kinds")

zarr = pytest.importorskip("zarr", reason="the extra zarr is not installed")

WALKS = np.random.default_rng(0).standard_normal((200, 3)).cumsum(axis=0)
LABELLED = xr.Dataset(
    {"x": (("time", "walk"), WALKS), "name": ("walk", ["a", "b", "c"])},
    {"time": np.arange(200) * 0.5},
)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    path = tmp_path_factory.mktemp("walks") / "walks.npy"
    np.save(path, WALKS)
    return diffusion(path)


def written(data, path, version):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Zarr, about texts and consolidated metadata
        data.to_zarr(path, zarr_format=version)
    return path


@pytest.mark.parametrize("version", [2, 3])
def test_a_store_that_xarray_wrote(tmp_path, version, expected):
    path = written(LABELLED, tmp_path / "a.zarr", version)
    assert diffusion(path) == pytest.approx(expected / 0.5)  # by the times of the store
    assert fit_file(path, models=["drifted_wiener"]).notes == []


@pytest.mark.parametrize("version", [2, 3])
def test_an_array_without_names(tmp_path, version, expected):
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=WALKS.shape, chunks=(50, 2), dtype="f8", zarr_format=version
    )
    array[:] = WALKS
    assert diffusion(tmp_path / "a.zarr") == pytest.approx(expected)


def test_arrays_in_groups(tmp_path, expected):
    root = zarr.create_group(tmp_path / "a.zarr")
    for name, values in (("walks", WALKS), ("others", WALKS[:50]), ("inner/deep", WALKS)):
        root.create_array(name, data=values)
    path = tmp_path / "a.zarr"
    assert diffusion(path, "--variable", "walks") == pytest.approx(expected)
    assert diffusion(path, "--variable", "inner/deep") == pytest.approx(expected)
    assert "give --variable" in refusal(path)
    assert "did you mean 'walks'" in refusal(path, "--variable", "walk")
    assert "did you mean 'inner'" in refusal(path, "--group", "iner", "--variable", "deep")


def test_names_that_have_several_lengths(tmp_path, expected):
    root = zarr.create_group(tmp_path / "a.zarr")
    for name, values in (("0", WALKS), ("1", WALKS[::2]), ("2", WALKS[::4])):  # as images have it
        root.create_array(name, data=values, dimension_names=("time", "walk"))
    root.create_array("square", data=WALKS[:3], dimension_names=("x", "x"))
    assert diffusion(tmp_path / "a.zarr", "--variable", "0") == pytest.approx(expected)
    for name, shape in (("1", (100, 3)), ("square", (3, 3))):
        assert open_variable(tmp_path / "a.zarr", name).shape == shape


@pytest.mark.parametrize("fill", ["NaN", -1.5, "Infinity"])
def test_fill_values_of_other_writers(tmp_path, fill):
    array = zarr.create_array(
        tmp_path / "a.zarr", data=np.array([1.0, -1.5, 2.0]), dimension_names=("time",),
        attributes={"_FillValue": fill},
    )  # fmt: skip
    assert array.shape == (3,)
    missing = np.isnan(open_variable(tmp_path / "a.zarr", None).to_numpy())
    assert missing.tolist() == [False, fill == -1.5, False]


def test_missing_values_and_packed_numbers(tmp_path):
    data = LABELLED[["x"]].copy(deep=True)
    data["x"][5, 1] = np.nan
    for version in (2, 3):
        packed = data.copy()
        packed["x"].encoding = {
            "dtype": "i4", "scale_factor": 0.5, "add_offset": 10.0, "_FillValue": -999
        }  # fmt: skip
        path = written(packed, tmp_path / f"{version}.zarr", version)
        found = open_variable(path, None).to_numpy()
        np.testing.assert_allclose(found, data["x"], atol=0.25)
        assert np.isnan(found[5, 1])


def test_large_arrays_are_read_in_pieces(tmp_path):
    values = np.random.default_rng(1).standard_normal((5000, 40))
    zarr.create_array(tmp_path / "a.zarr", shape=values.shape, chunks=(999, 7), dtype="f8")[:] = (
        values
    )
    found = open_variable(tmp_path / "a.zarr", None)
    assert found.chunks is not None
    np.testing.assert_array_equal(found, values)
    np.testing.assert_array_equal(found[17:4000:3, [0, 39, 5]], values[17:4000:3, [0, 39, 5]])


def test_chunks_that_are_absent_are_told(tmp_path):
    array = zarr.create_array(tmp_path / "a.zarr", shape=(200, 3), chunks=(100, 3), dtype="f8")
    array[:100] = WALKS[:100]
    (note,) = fit_file(tmp_path / "a.zarr", models=["drifted_wiener"]).notes
    assert "1 of 2 chunks are not in the store and were read as 0.0" in note
    for options in ((), ("--json",)):
        done = command("fit", tmp_path / "a.zarr", "--models", "drifted_wiener", *options)
        assert " ".join(note.split()) in " ".join(done.stderr.split())


def test_a_lost_chunk_of_a_converted_file_is_told(tmp_path):
    LABELLED.to_netcdf(tmp_path / "a.nc")
    sp.convert(tmp_path / "a.nc", tmp_path / "a.zarr")
    assert open_variable(tmp_path / "a.zarr", "x").shape == (200, 3)
    next(p for p in (tmp_path / "a.zarr/x/c").rglob("*") if p.is_file()).unlink()
    done = command("fit", tmp_path / "a.zarr")
    assert done.returncode == 1
    assert "truncated or damaged" in " ".join(done.stderr.split())


def test_a_damaged_chunk_is_told(tmp_path):
    zarr.create_array(
        tmp_path / "a.zarr", data=WALKS, chunks=(100, 3), compressors=zarr.codecs.Crc32cCodec()
    )
    for damaged in (b"", b"12345678", bytes(100 * 3 * 8 + 4)):
        (tmp_path / "a.zarr/c/1/0").write_bytes(damaged)
        done = command("fit", tmp_path / "a.zarr")
        assert done.returncode == 1
        assert "truncated or damaged" in " ".join(done.stderr.split())


@pytest.mark.parametrize("what", ["text", "dates", "complex", "empty", "no number"])
def test_what_is_no_series_is_refused(tmp_path, what):
    root = zarr.create_group(tmp_path / "a.zarr")
    if what == "text":
        root.create_array("x", shape=(3,), dtype=str)
    elif what == "dates":
        root.create_array("x", shape=(3,), dtype="M8[s]")
    elif what == "complex":
        root.create_array("x", shape=(3,), dtype="c16")
    elif what == "empty":
        root.create_array("x", shape=(0,), dtype="f8")
    said = refusal(tmp_path / "a.zarr")
    assert any(s in said for s in ("none of numbers", "no values", "no variables"))


def test_recordings_in_memory_and_in_files(tmp_path, expected):
    written_to = location("memory://fits/a.zarr")
    array = zarr.create_array(
        zarr.storage.FsspecStore.from_url(str(written_to)), shape=WALKS.shape, dtype="f8"
    )
    array[:] = WALKS
    fitted = fit_file(written_to, models=["drifted_wiener"])
    assert float(fitted.results["diffusion"].median()) == pytest.approx(expected)
    path = written(LABELLED, tmp_path / "a.zarr", 3)
    assert diffusion(path.as_uri()) == pytest.approx(expected / 0.5)
    for url in ("memory://fits/none.zarr", "memory://fits/a.nc", "memory://fits/a.csv"):
        with pytest.raises(InputError):
            open_variable(location(url), None)


def test_a_run_in_stores_is_fitted(tmp_path):
    keys = {"train": {"epochs": 60, "replicas": 1}, "network": {"layers": [2]}}
    keys |= {"figures": {"formats": []}, "record": {"store": "zarr"}}
    sp.run(keys, tmp_path / "run", tell=lambda sentence: None)
    (store,) = (tmp_path / "run" / "trajectory").glob("*.zarr")
    assert diffusion(store, "--sample", "5") == diffusion(tmp_path / "run", "--sample", "5")
