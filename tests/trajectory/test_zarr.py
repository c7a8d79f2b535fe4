"""Zarr stores: they hold what netCDF files hold, and no damage is read in silence."""

import itertools
import json
import shutil
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import sgdphys as sp
from sgdphys.errors import InputError, WorkError
from sgdphys.networks import Perceptron
from sgdphys.trajectory import schema
from sgdphys.trajectory.locations import bytes_of, location
from sgdphys.trajectory.reader import check, open_trajectory
from sgdphys.trajectory.segments import segment_paths
from sgdphys.trajectory.tensor_table import named, table_group
from sgdphys.trajectory.writer import write_tree

zarr = pytest.importorskip("zarr", reason="the extra zarr is not installed")
pytest.importorskip("upath", reason="the extra zarr is not installed")

TABLE = Perceptron((60, 20)).parameters
_NUMBERS = itertools.count()


def segment(steps=range(30), table=TABLE, **attributes):
    steps = np.asarray(steps, np.int64)
    theta = np.random.default_rng(0).standard_normal((100, 3, table.count)).astype(np.float32)
    weights = schema.dataset(
        "weights",
        {"theta": theta[steps], "diverged_step": np.array([-1, -1, 7])},
        {"step": steps, "epoch": ("step", steps / 10), "replica": np.arange(3)},
    )
    train = schema.dataset("split", {"train": np.arange(60).reshape(3, 20) % 3 > 0}, {})
    tree = xr.DataTree.from_dict(
        {"weights": named(weights, table), "tensors": table_group(table), "split": train}
    )
    said = {"ratio": np.nan, "none": None, "table": {"a": [1, 2]}, "text": "json:[1"}
    tree.attrs = {name: "x" for name in schema.ROOT_ATTRIBUTES} | said | attributes
    return tree


def url():
    """A place in memory that no other test has."""
    return f"memory://tests/{next(_NUMBERS)}"


def recorded(path, steps=5, model=None, **options):
    if model is None:
        model = torch.nn.Linear(3, 2)
        for parameter in model.parameters():
            torch.nn.init.zeros_(parameter)
    with sp.record(model, path, **options) as recording:
        for k in range(steps):
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.add_(1.0)
            recording.step(loss=float(k))
            if k == steps // 2:
                recording.flush()
    return model


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("stores") / "whole.zarr"
    write_tree(segment(), path)
    return path


@pytest.fixture
def store(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "copy.zarr")


def chunk(store, name="weights/theta"):
    return next(p for p in sorted((store / name / "c").rglob("*")) if p.is_file())


@pytest.mark.parametrize("compression", ["none", "zlib"])
def test_both_formats_hold_the_same(tmp_path, compression):
    for name in ("a.nc", "a.zarr"):
        write_tree(segment(), tmp_path / name, compression)
    in_netcdf, in_zarr = (open_trajectory(tmp_path / n).load() for n in ("a.nc", "a.zarr"))
    for group in in_netcdf.children:
        for name, variable in in_netcdf[group].variables.items():
            assert variable.identical(in_zarr[group][name].variable), (group, name)
            assert variable.dtype == in_zarr[group][name].dtype
    assert repr(in_zarr.attrs) == repr(in_netcdf.attrs)  # NaN is unequal to itself
    assert check(tmp_path / "a.zarr") == check(tmp_path / "a.nc") == []


def test_xarray_reads_a_store(whole):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of xarray, about the format
        theirs = xr.open_datatree(whole, engine="zarr")
        values = theirs["weights"]["theta"].to_numpy()
    np.testing.assert_array_equal(values, open_trajectory(whole)["weights"]["theta"].to_numpy())


@pytest.mark.parametrize("name", ["weights/theta", "weights/epoch", "tensors/tensor_name"])
@pytest.mark.parametrize("harm", ["flipped", "cut", "emptied", "missing", "swapped"])
def test_a_damaged_chunk_is_told(store, name, harm):
    path = chunk(store, name)
    data = bytearray(path.read_bytes())
    if harm == "flipped":
        data[len(data) // 2] ^= 1
    elif harm == "cut":
        del data[-3:]
    elif harm == "emptied":
        data.clear()
    path.write_bytes(data)
    if harm == "missing":
        path.unlink()
    elif harm == "swapped":  # a valid chunk of other numbers
        others = [p for p in sorted((store / name / "c").rglob("*")) if p.is_file() and p != path]
        if not others:
            pytest.skip("one chunk alone")
        path.write_bytes(others[-1].read_bytes())
    (fault,) = check(store)
    assert "damaged" in fault
    with pytest.raises(WorkError, match="truncated or damaged"):
        open_trajectory(store).load()


def test_damaged_metadata_are_told(store, tmp_path):
    root = store / "zarr.json"
    text = root.read_text()
    for harm in (
        text[: len(text) // 2],
        "",
        "[]",
        text.replace('"title": "x"', '"title": "y"'),
        text.replace('"chunk_shape": [30, 1, 1220]', '"chunk_shape": [30, 3, 1220]'),
        text.replace('"data_type": "float64"', '"data_type": "int64"', 1),
        text.replace('"weights/epoch"', '"weights/apoch"'),
        text.replace('"none"', '"some"'),
    ):
        assert harm != text
        root.write_text(harm)
        with pytest.raises(WorkError, match="truncated or damaged"):
            open_trajectory(store).load()
    root.write_text(text)
    own = store / "weights" / "epoch" / "zarr.json"
    own.write_text(own.read_text().replace("float64", "int64"))
    (fault,) = check(store)  # read by tools that leave the repeated metadata alone
    assert "the metadata of 'weights/epoch' differ" in fault


def test_what_is_no_store_is_told(tmp_path):
    other = tmp_path / "x.zarr"
    other.mkdir()
    (other / "mine.txt").write_text("kept")
    for wrong in (other, tmp_path / "none.zarr", url() + "/x.zarr", url() + "/x.nc"):
        with pytest.raises(InputError, match=r"not a Zarr store|no Zarr store|no such|no segment"):
            open_trajectory(wrong)
    with pytest.raises(InputError, match="is a folder"):
        recorded(other, overwrite=True)
    with pytest.raises(OSError, match="a folder of something else"):
        write_tree(segment(), other)
    assert [p.name for p in tmp_path.rglob("*")] == ["x.zarr", "mine.txt"]
    with pytest.raises(InputError, match=r"Unsupported|not known"):
        open_trajectory("nonsense://bucket/x.zarr")


def test_a_store_is_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / "a.zarr"
    write_tree(segment(title="old"), path)
    from sgdphys.trajectory import zarr_groups

    for fails in ("finish", "createVariable"):
        with monkeypatch.context() as patched:
            patched.setattr(zarr_groups.Group, fails, lambda *a, **k: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                write_tree(segment(title="new"), path)
        assert open_trajectory(path).attrs["title"] == "old"
        assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]
    write_tree(segment(title="new"), path)
    assert open_trajectory(path).attrs["title"] == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]


def test_a_store_at_a_url_that_was_not_finished_is_none(monkeypatch):
    folder = location(url())
    write_tree(segment(), folder / "trajectory" / "000000000-000000003.zarr")
    half = folder / "trajectory" / "000000003-000000006.zarr"
    write_tree(segment(), half)
    (half / "zarr.json").unlink()  # written last
    assert len(segment_paths(folder)) == 1
    with pytest.raises(InputError, match="not written to its end"):
        open_trajectory(half)


@pytest.mark.thorough(reason="records with torch: 5 s")
@pytest.mark.parametrize("place", ["a folder", "a URL"])
def test_a_recording_goes_on(tmp_path, place):
    path = str(tmp_path / "a.zarr") if place == "a folder" else url() + "/a.zarr"
    model = recorded(path)
    with pytest.raises(InputError, match="exists"):
        sp.record(model, path)
    recorded(path, model=model, resume=True)
    tree = sp.open_trajectory(path)
    np.testing.assert_array_equal(tree["weights"]["step"], np.arange(11))
    steps = tree["weights"]["theta"].diff("step").to_numpy()
    np.testing.assert_allclose(steps, 1.0, rtol=1e-5)
    assert sp.check(path) == []
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.sub_(6.0)
    recorded(path, steps=2, model=model, resume=4)
    assert sp.open_trajectory(path)["weights"].sizes["step"] == 7
    recorded(path, steps=1, overwrite=True)
    assert sp.open_trajectory(path)["weights"].sizes["step"] == 2
    assert [p.name for p in location(path).parent.iterdir()] == ["a.zarr"]


@pytest.mark.parametrize("place", ["a folder", "a URL"])
def test_a_recording_that_was_cut_off_is_read(tmp_path, place):
    path = str(tmp_path / "a.zarr") if place == "a folder" else url() + "/a.zarr"
    recorder = sp.record(torch.nn.Linear(3, 2), path)
    for _ in range(3):
        recorder.step(loss=1.0)
    recorder.flush()
    recorder.step(loss=2.0)
    recorder.flush()
    tree = sp.open_trajectory(path)
    assert tree["weights"].sizes["step"] == 5
    assert tree["scalars"]["loss"].to_numpy().tolist() == [1, 1, 1, 2]
    recorder.close()


@pytest.mark.thorough(reason="a new process that loads torch: 5 s")
def test_a_script_that_never_closes_keeps_what_it_recorded(tmp_path):
    code = "\n".join(
        ["import torch, sgdphys as sp", "recorder = sp.record(torch.nn.Linear(2, 1), 'a.zarr')"]
        + ["recorder.step(loss=1.0)"] * 3
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert open_trajectory(tmp_path / "a.zarr")["weights"].sizes["step"] == 4


def test_many_write_at_once(tmp_path):
    def write(k):
        write_tree(segment([3 * k, 3 * k + 1, 3 * k + 2]), tmp_path / f"{k}-{k + 1}.zarr")

    threads = [threading.Thread(target=write, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tree = open_trajectory(tmp_path)
    np.testing.assert_array_equal(
        tree["weights"]["theta"], segment(range(12))["weights"]["theta"].to_numpy()
    )


def test_segments_of_both_formats_are_joined(tmp_path):
    write_tree(segment(range(5)), tmp_path / "0-1.nc")
    write_tree(segment(range(5, 9)), tmp_path / "1-2.zarr")
    tree = open_trajectory(tmp_path)
    np.testing.assert_array_equal(
        tree["weights"]["theta"], segment(range(9))["weights"]["theta"].to_numpy()
    )


def test_bytes_of_counts_all_of_a_store(whole):
    assert bytes_of(whole) == sum(p.stat().st_size for p in whole.rglob("*") if p.is_file())
    assert bytes_of(whole) > open_trajectory(whole)["weights"]["theta"].nbytes


def test_names_that_a_store_has_for_itself_are_refused(tmp_path):
    recorder = sp.record(torch.nn.Linear(2, 1), tmp_path / "a.zarr")
    with pytest.raises(InputError, match=r"zarr\.json"):
        recorder.step(**{"zarr.json": 1.0})
    recorder.close()


def test_a_sketch_at_a_url_is_refused():
    with pytest.raises(InputError, match="a sketch needs a folder"):
        sp.record(torch.nn.Linear(2, 1), url() + "/a.zarr", what="sketch")


def test_without_zarr_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sgdphys.trajectory.zarr_groups", None)
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(InputError, match=r'the extra "zarr"'):
        open_trajectory(tmp_path / "a.zarr")
    with pytest.raises(InputError, match=r'the extra "zarr"'):
        check(tmp_path / "a.zarr")
    with pytest.raises(InputError, match=r'the extra "zarr"'):
        sp.record(torch.nn.Linear(2, 1), tmp_path / "b.zarr")
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]


def test_the_attributes_of_the_root_are_plain_json(whole):
    stored = json.loads(Path(whole, "zarr.json").read_text())
    assert stored["attributes"]["title"] == "x"
    assert stored["attributes"]["ratio"] == "NaN"


@pytest.mark.slow(reason="a hundred stores are checked")
def test_no_damage_anywhere_is_silent(whole, tmp_path):
    files = sorted(p.relative_to(whole) for p in whole.rglob("*") if p.is_file())
    rng = np.random.default_rng(0)
    for k in range(100):
        store = shutil.copytree(whole, tmp_path / f"{k}.zarr")
        path = store / files[rng.integers(len(files))]
        data = bytearray(path.read_bytes())
        harm = rng.choice(["flip", "cut", "lose"])
        if harm == "flip":
            data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        elif harm == "cut":
            del data[rng.integers(len(data)) :]
        path.write_bytes(data)
        if harm == "lose":
            path.unlink()
        said = (harm, str(path.relative_to(store)))
        if (
            path.name == "zarr.json"
            and harm == "flip"
            and json_of(path) == json_of(whole / said[1])
        ):
            assert check(store) == [], said  # between the words
        else:
            try:
                found = check(store)
            except InputError as error:  # no store any longer
                found = [str(error)]
            assert found, said
        shutil.rmtree(store)


def json_of(path):
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        return None
