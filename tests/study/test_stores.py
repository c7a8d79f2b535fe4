"""Runs recorded as Zarr stores: the same numbers, resumed and repaired as netCDF files are."""

import shutil
import sys

import numpy as np
import pytest
from commands import command

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.trajectory.reader import check, open_trajectory
from sgdphys.trajectory.segments import segment_paths

pytestmark = pytest.mark.thorough(reason="carries out studies")

pytest.importorskip("zarr", reason="the extra zarr is not installed")

KEYS = {
    "train": {"epochs": 40, "replicas": 2, "momentum": 0.5},
    "network": {"layers": [4, 3]},
    "figures": {"formats": []},
}
"""Of a run of four segments."""


@pytest.fixture(autouse=True)
def small_segments(monkeypatch):
    monkeypatch.setattr("sgdphys.study.recording.SEGMENT_BYTES", 6000)


def run(folder, store="zarr", **options):
    said = []
    sp.run(KEYS, folder, settings=[f"record.store={store}"], tell=said.append, **options)
    return said


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same run in both formats."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sgdphys.study.recording.SEGMENT_BYTES", 6000)
        for store in ("netcdf", "zarr"):
            run(folder / store, store)
    return folder


@pytest.fixture
def copy(runs, tmp_path):
    return shutil.copytree(runs / "zarr", tmp_path / "run")


def require_equal(first, second):
    one, two = open_trajectory(first), open_trajectory(second)
    assert one.children.keys() == two.children.keys()
    for group in one.children:
        for name, variable in one[group].variables.items():
            np.testing.assert_array_equal(variable, two[group][name].variable, str(name))


def test_a_run_is_the_same_in_both_formats(runs):
    assert {p.suffix for p in segment_paths(runs / "zarr")} == {".zarr"}
    assert len(segment_paths(runs / "zarr")) == 4
    require_equal(runs / "zarr", runs / "netcdf")
    assert check(runs / "zarr") == []


@pytest.mark.parametrize("harm", ["flipped", "lost", "metadata", "half"])
def test_a_damaged_segment_is_trained_again(runs, copy, harm):
    store = segment_paths(copy)[1]
    chunk = next(p for p in (store / "weights" / "theta" / "c").rglob("*") if p.is_file())
    if harm == "flipped":
        data = bytearray(chunk.read_bytes())
        data[40] ^= 4
        chunk.write_bytes(data)
    elif harm == "lost":
        chunk.unlink()
    elif harm == "metadata":
        (store / "zarr.json").write_text("{")
    else:  # a kill while it was written
        shutil.move(store, store.with_name(store.name + ".partial"))
    assert any(store.name in sentence for sentence in run(copy)) == (harm != "half")
    require_equal(copy, runs / "netcdf")
    assert check(copy) == []
    assert not list(copy.rglob("*.partial"))


def test_a_store_without_metadata_among_the_segments_is_trained_again(runs, copy):
    (segment_paths(copy)[2] / "zarr.json").unlink()
    run(copy)
    require_equal(copy, runs / "netcdf")


def test_a_run_is_resumed_in_the_other_format(runs, copy):
    for path in segment_paths(copy)[2:]:
        shutil.rmtree(path)
    run(copy, "netcdf")
    assert {p.suffix for p in segment_paths(copy)} == {".zarr", ".nc"}
    require_equal(copy, runs / "netcdf")


def test_the_command_takes_the_store(runs, tmp_path):
    done = command("check", runs / "zarr")
    assert done.returncode == 0
    assert "4 stores" in command("info", runs / "zarr").stdout
    done = command("run", "diffusion", "--store", "hdf", "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "record.store" in done.stderr
    assert not (tmp_path / "run").exists()


def test_without_zarr_nothing_is_trained(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sgdphys.trajectory.zarr_groups", None)
    with pytest.raises(InputError, match='the extra "zarr"'):
        run(tmp_path / "run")
    assert not segment_paths(tmp_path / "run")


def test_cases_share_a_recording_of_stores(tmp_path):
    keys = KEYS | {
        "sweep": {"record.weights": ["step", "epoch"]},
        "record": {"store": "zarr", "weights": "step"},
    }
    sp.run(keys, tmp_path / "run", tell=lambda sentence: None)
    recorded = [segment_paths(case) for case in sorted((tmp_path / "run" / "cases").iterdir())]
    assert all(p.suffix == ".zarr" for paths in recorded for p in paths)
    first, second = (next(paths[0].rglob("c/0/0/0")) for paths in recorded)
    assert first.samefile(second)
