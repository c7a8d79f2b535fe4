"""Chunks read from where a file's companion says that they are, without the netCDF library."""

import json

import numpy as np
import pytest
import xarray as xr

from sgdphys.errors import WorkError
from sgdphys.trajectory import schema, stored
from sgdphys.trajectory.digests import digest_path
from sgdphys.trajectory.reader import open_trajectory
from sgdphys.trajectory.writer import write_tree

SHAPE = 300, 3, 2001
"""Two chunks along parameters, of which the second is padded."""


def written(path, compression="none", seed=0):
    theta = np.random.default_rng(seed).standard_normal(SHAPE, np.float32)
    data = schema.dataset("weights", {"theta": theta}, {})
    write_tree(xr.DataTree.from_dict({"weights": data}), path, compression)
    return theta, open_trajectory(path)["weights"]["theta"]


@pytest.fixture
def library(monkeypatch):
    """How often the library is asked for chunks."""
    asked = []
    opened = stored.opened
    monkeypatch.setattr(stored, "opened", lambda path: asked.append(path) or opened(path))
    return asked


@pytest.mark.parametrize(
    "key",
    [
        (slice(None), slice(None), slice(None)),
        (slice(None), 1, slice(990, None)),
        (slice(10, 290, 7), slice(None), [3, 2000, 1000]),
        (-1, -1, -1),
    ],
    ids=str,
)
def test_chunks_are_read_without_the_library(tmp_path, library, key):
    values, theta = written(tmp_path / "a.nc")
    assert np.array_equal(theta[key].to_numpy(), values[key])
    assert not library


def test_arrays_of_other_kinds_come_back(tmp_path, library):
    rng = np.random.default_rng(1)
    given = {
        "theta": np.zeros((2, 1, 3), np.float32),
        "flags": rng.random((600, 601)) > 0.5,
        "counts": rng.integers(-5, 5, (300, 900)),
        "numbers": rng.standard_normal((3, 10**5 + 1)),
    }
    data = xr.Dataset({n: ([f"{n}_{k}" for k in range(v.ndim)], v) for n, v in given.items()})
    write_tree(xr.DataTree.from_dict({"weights": data}), tmp_path / "a.nc")
    found = open_trajectory(tmp_path / "a.nc")["weights"]
    for name, values in given.items():
        assert found[name].dtype == values.dtype
        assert np.array_equal(found[name].to_numpy(), values), name
    assert len(library) < 4  # of some only: integers that are padded, whose padding is not known


@pytest.mark.parametrize("beside", [True, False])
def test_types_are_those_of_the_array_whichever_way_it_is_read(tmp_path, beside):
    given = {
        "theta": np.zeros((2, 1, 3), np.float32),
        "flags": np.zeros((600, 601), bool),
        "swapped": np.random.default_rng(0).standard_normal((300, 400)).astype(">f8"),
    }
    data = xr.Dataset({n: ([f"{n}_{k}" for k in range(v.ndim)], v) for n, v in given.items()})
    write_tree(xr.DataTree.from_dict({"weights": data}), tmp_path / "a.nc")
    if not beside:
        digest_path(tmp_path / "a.nc").unlink()
    found = open_trajectory(tmp_path / "a.nc")["weights"]
    for name, values in given.items():
        read = found[name].to_numpy()
        assert read.dtype == values.dtype.newbyteorder("="), name
        assert np.array_equal(read, values), name


def test_what_is_compressed_is_read_by_the_library(tmp_path, library):
    values, theta = written(tmp_path / "a.nc", "zlib")
    assert np.array_equal(theta.to_numpy(), values)
    assert library


def places(path):
    line = next(s for s in digest_path(path).read_text().splitlines() if "places" in s)
    return line, json.loads(line.removeprefix("# places "))


@pytest.mark.parametrize("damage", ["missing", "other", "short", "text", "nested"])
def test_wrong_places_are_noticed(tmp_path, library, damage):
    """Chunks that stand elsewhere than it is said are read by the library, rightly."""
    values, _ = written(tmp_path / "a.nc")
    line, said = places(tmp_path / "a.nc")
    said = said["weights/theta"]
    assert len(said) == 12
    wrong = {
        "missing": [],
        "other": [said[1], said[0], *said[2:]],
        "short": [*said[:-1], (tmp_path / "a.nc").stat().st_size - 10],
        "text": "x",
        "nested": [[first] for first in said],
    }[damage]
    beside = digest_path(tmp_path / "a.nc")
    beside.write_text(beside.read_text().replace(line, "# places " + json.dumps(
        {"weights/theta": wrong})))  # fmt: skip
    theta = open_trajectory(tmp_path / "a.nc")["weights"]["theta"]
    assert np.array_equal(theta.to_numpy(), values)
    assert library


def test_a_file_that_took_the_place_of_another_is_no_longer_it(tmp_path):
    _, theta = written(tmp_path / "a.nc")
    written(tmp_path / "a.nc", seed=1)
    with pytest.raises(WorkError, match="a chunk of weights/theta differs from its checksum"):
        theta.to_numpy()


@pytest.mark.parametrize("chunk", [0, 1, 11])
def test_a_damaged_chunk_is_told(tmp_path, chunk):
    _, theta = written(tmp_path / "a.nc")
    at = places(tmp_path / "a.nc")[1]["weights/theta"][chunk] + 1001
    with (tmp_path / "a.nc").open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(WorkError, match="it is truncated or damaged"):
        theta.to_numpy()
