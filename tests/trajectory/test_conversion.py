"""Conversion between netCDF and Zarr: nothing is lost, and what would be is refused."""

import itertools
import json
import warnings

import netCDF4
import numpy as np
import pytest
import torch
import xarray as xr
from commands import command

import sgdphys as sp
from sgdphys.errors import InputError, WorkError
from sgdphys.trajectory.digests import digest_path

zarr = pytest.importorskip("zarr", reason="the extra zarr is not installed")
pytest.importorskip("upath", reason="the extra zarr is not installed")

ODD_NAN = np.array([0x7FC12345], np.uint32).view(np.float32)
_NUMBERS = itertools.count()


def everything(path):
    """A file with all that either format can hold."""
    file = netCDF4.Dataset(path, "w")
    file.set_auto_maskandscale(False)
    for name, size in (("time", None), ("empty", 0), ("three", 3), ("unused", 7), ("many", 90_000)):
        file.createDimension(name, size)
    file.setncatts({
        "f4": np.float32(1.1), "i8": 5, "i2": np.array([1, 2, 3], np.int16), "nan": np.nan,
        "infinite": np.array([np.inf, 1.0]), "json": 'json:{"a": [1, null]}', "text": "ünï\n",
        "texts": ["a", "b"], "nothing": "", "u8": np.uint64(2**63 + 5), "odd": ODD_NAN[0],
    })  # fmt: skip
    rng = np.random.default_rng(0)
    values = rng.standard_normal((4, 3)).astype(np.float32)
    values[0, 0] = ODD_NAN[0]
    for name, kind, dimensions, held in (
        ("floats", "f4", ("time", "three"), values),
        ("none", "f8", ("empty", "three"), np.zeros((0, 3))),
        ("number", "i8", (), np.int64(4)),
        ("words", str, ("three",), np.array(["a", "", "ß\n"], object)),
        ("u8", "u8", ("three",), np.array([0, 2**64 - 1, 5], np.uint64)),
        ("large", "f8", ("many",), rng.standard_normal(90_000)),
    ):
        file.createVariable(name, kind, dimensions)[...] = held
    filled = file.createVariable("filled", "i4", ("three",), fill_value=-9)
    filled[:] = [1, -9, 3]
    filled.units = "m"
    inner = file.createGroup("a/b")
    inner.createVariable("packed", "f4", ("three",), zlib=True)[:] = [1, 2, 3]
    file.close()


def held(path):
    """All that a netCDF file holds, bit by bit."""
    found = {}
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        groups = [file]
        for group in groups:
            groups += group.groups.values()
            if "checksums" in group.path:
                continue
            sizes = {n: (d.size, d.isunlimited()) for n, d in group.dimensions.items()}
            attributes = {n: bits(group.getncattr(n)) for n in group.ncattrs() if "digest" not in n}
            found[group.path] = sizes, attributes
            for name, variable in group.variables.items():
                own = {n: bits(variable.getncattr(n)) for n in variable.ncattrs()}
                found[group.path, name] = variable.dimensions, own, bits(variable[...])
    return found


def bits(value):
    if isinstance(value, str | list):
        return value
    value = np.asarray(value)
    return value.dtype.str, value.tolist() if value.dtype.kind == "O" else value.tobytes()


def test_nothing_is_lost_there_and_back(tmp_path):
    everything(tmp_path / "a.nc")
    sp.convert(tmp_path / "a.nc", tmp_path / "b.zarr")
    sp.convert(tmp_path / "b.zarr", tmp_path / "c.nc")
    assert held(tmp_path / "c.nc") == held(tmp_path / "a.nc")
    sp.convert(tmp_path / "b.zarr", "memory://conversion/b.zarr")
    sp.convert("memory://conversion/b.zarr", tmp_path / "d.nc")
    assert held(tmp_path / "d.nc") == held(tmp_path / "a.nc")
    assert not [p.name for p in tmp_path.iterdir() if "partial" in p.name]


def test_a_recording_keeps_all_and_is_checked(tmp_path):
    with sp.record(torch.nn.Linear(300, 300), tmp_path / "a.nc", metadata={"a": None}) as recording:
        for loss in (1.0, np.nan, 2.0):
            recording.step(loss=loss)
    sp.convert(tmp_path / "a.nc", tmp_path / "b.zarr")
    sp.convert(tmp_path / "b.zarr", tmp_path / "c.nc")
    before = sp.open_trajectory(tmp_path / "a.nc")
    for name in ("b.zarr", "c.nc"):
        xr.testing.assert_identical(sp.open_trajectory(tmp_path / name), before)
        assert sp.check(tmp_path / name) == []
    assert digest_path(tmp_path / "c.nc").is_file()
    assert held(tmp_path / "c.nc") == held(tmp_path / "a.nc")


def test_a_segment_keeps_the_state_that_its_run_resumes_from(tmp_path):
    keys = {"train": {"epochs": 3, "replicas": 1}, "network": {"layers": [2]}}
    sp.run(keys | {"figures": {"formats": []}}, tmp_path / "run", tell=lambda sentence: None)
    (path,) = (tmp_path / "run" / "trajectory").glob("*.nc")
    sp.convert(path, tmp_path / "a.zarr")
    sp.convert(tmp_path / "a.zarr", tmp_path / "a.nc")
    assert held(tmp_path / "a.nc") == held(path)


@pytest.mark.parametrize(
    ("dtype", "what"), [("f2", "float16"), ("c8", "complex64"), ("M8[s]", "datetime64"),
                        ("f8", "no names")],
)  # fmt: skip
def test_what_netcdf_cannot_hold_is_refused(tmp_path, dtype, what):
    names = None if what == "no names" else ("x",)
    zarr.create_group(tmp_path / "a.zarr").create_array(
        "values", shape=(3,), dtype=dtype, dimension_names=names
    )
    with pytest.raises(InputError, match=f"without loss: .*'values' .*{what}"):
        sp.convert(tmp_path / "a.zarr", tmp_path / "a.nc")
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]


@pytest.mark.parametrize("kind", ["characters", "compound", "enumeration"])
def test_what_zarr_cannot_hold_is_refused(tmp_path, kind):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        file.createDimension("x", 2)
        dtype = {
            "characters": lambda: "S1",
            "compound": lambda: file.createCompoundType(np.dtype([("a", "f4")]), "pair"),
            "enumeration": lambda: file.createEnumType(np.int8, "colours", {"red": 0}),
        }[kind]()
        file.createVariable("values", dtype, ("x",))
    with pytest.raises(InputError, match=r"without loss: .*'values'"):
        sp.convert(tmp_path / "a.nc", tmp_path / "a.zarr")
    assert [p.name for p in tmp_path.iterdir()] == ["a.nc"]


def test_stores_of_others_become_netcdf(tmp_path):
    data = xr.Dataset(
        {"a": ("x", [1.5, np.nan]), "b": ("x", [True, False]), "c": ("x", ["u", "vw"])},
        {"x": [10, 20]}, {"nested": {"a": 1}, "yes": True},
    )  # fmt: skip
    for version in (2, 3):
        path = tmp_path / f"{version}.zarr"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Zarr, about types and consolidated metadata
            data.to_zarr(path, zarr_format=version)
        sp.convert(path, tmp_path / f"{version}.nc")
        found = sp.open_trajectory(tmp_path / f"{version}.nc")
        back = xr.open_dataset(tmp_path / f"{version}.nc").load()
        for name in "abcx":
            np.testing.assert_array_equal(back[name], data[name])
        assert back["b"].dtype == bool
        assert json.loads(back.attrs["nested"].removeprefix("json:")) == {"a": 1}
        assert found.attrs["yes"] is True


def test_damage_is_not_converted(tmp_path):
    with sp.record(torch.nn.Linear(300, 300), tmp_path / "a.zarr") as recording:
        recording.step()
    lost = next(p for p in (tmp_path / "a.zarr/weights/theta/c").rglob("*") if p.is_file())
    lost.unlink()
    with pytest.raises(WorkError, match="truncated or damaged"):
        sp.convert(tmp_path / "a.zarr", tmp_path / "a.nc")
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]


def test_what_differs_after_writing_is_told(tmp_path, monkeypatch):
    everything(tmp_path / "a.nc")
    from sgdphys.trajectory import zarr_groups

    written = zarr_groups.Variable.__setitem__

    def changed(variable, key, values):
        written(variable, key, values + 1 if variable.name == "large" else values)

    monkeypatch.setattr(zarr_groups.Variable, "__setitem__", changed)
    with pytest.raises(WorkError, match="a value of 'large' of / is not kept"):
        sp.convert(tmp_path / "a.nc", tmp_path / "a.zarr")
    assert [p.name for p in tmp_path.iterdir()] == ["a.nc"]


def test_the_command_converts_and_refuses(tmp_path):
    with sp.record(torch.nn.Linear(2, 1), tmp_path / "a.nc") as recording:
        recording.step()
    a, b = tmp_path / "a.nc", tmp_path / "b.zarr"
    done = command("convert", a, b)
    assert (done.returncode, done.stdout) == (0, f"{b}, 0.0 MB\n")
    for source, target, said in (
        (a, b, "exists"), (a, tmp_path / "c.nc", "netCDF too"), (a, tmp_path / "c.h5", "must end"),
        (tmp_path / "none.nc", tmp_path / "c.zarr", "there is no file or store"),
        (tmp_path, tmp_path / "c.zarr", "is a folder"), (b, tmp_path / "d" / "c.nc", "no folder"),
    ):  # fmt: skip
        done = command("convert", source, target)
        assert done.returncode == 2
        assert said in " ".join(done.stderr.split())
    assert command("check", b).returncode == 0
    assert "1 store" in command("info", b).stdout


def test_a_place_that_cannot_be_written_is_not_blamed_on_the_source(tmp_path, monkeypatch):
    everything(tmp_path / "a.nc")

    def refused(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    at_a_value = "sgdphys.trajectory.zarr_groups.Variable.__setitem__"
    for place in ("sgdphys.trajectory.conversion.created", at_a_value):
        with monkeypatch.context() as patch:
            patch.setattr(place, refused)
            with pytest.raises(WorkError, match=r"x\.zarr cannot be written \(Permission denied\)"):
                sp.convert(tmp_path / "a.nc", tmp_path / "x.zarr")
        assert [path.name for path in tmp_path.iterdir()] == ["a.nc"]


def test_attributes_of_others_with_our_names_are_kept(tmp_path):
    """A variable's own "digest" was left out on the way, and of the comparison."""
    data = xr.Dataset({"x": ("step", np.arange(4.0), {"digest": "abc", "group_digests": "d"})})
    data.to_netcdf(tmp_path / "a.nc")
    sp.convert(tmp_path / "a.nc", tmp_path / "b.zarr")
    sp.convert(tmp_path / "b.zarr", tmp_path / "c.nc")
    with netCDF4.Dataset(tmp_path / "c.nc") as file:
        assert file["x"].getncattr("digest") == "abc"
        assert file["x"].getncattr("group_digests") == "d"
