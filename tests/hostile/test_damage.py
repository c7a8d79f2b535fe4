"""Files with a flipped bit, a zeroed block or a cut: an error in words, never another number."""

import os
import random
import select
import signal

import dask
import numpy as np
import pytest
import xarray as xr

from sgdphys.errors import InputError, WorkError
from sgdphys.networks import Perceptron
from sgdphys.trajectory import schema
from sgdphys.trajectory.digests import digest_path
from sgdphys.trajectory.reader import check, open_trajectory, unprotected
from sgdphys.trajectory.tensor_table import table_group
from sgdphys.trajectory.writer import write_tree


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    """A file with large and small arrays, of half a megabyte."""
    table = Perceptron((12, 10, 7, 2)).parameters
    rng = np.random.default_rng(0)
    along = {"step": np.arange(200), "replica": np.arange(2), "epoch": ("step", np.arange(200.0))}
    values = {
        "theta": rng.standard_normal((200, 2, table.count)).astype(np.float32),
        "diverged_step": np.array([-1, -1]),
    }
    epochs = {"epoch": np.arange(0, 200, 50), "replica": np.arange(2)}
    loss = {"loss": rng.random((4, 2)), "test_loss": rng.random((4, 2))}
    tree = xr.DataTree.from_dict(
        {
            "weights": schema.dataset("weights", values, along),
            "training": schema.dataset("training", loss, epochs),
            "tensors": table_group(table),
        }
    )
    tree.attrs = {name: f"a text of {name}" for name in schema.ROOT_ATTRIBUTES}
    path = tmp_path_factory.mktemp("damage") / "intact.nc"
    write_tree(tree, path)
    assert check(path) == []
    return path


def contents(path):
    """Every array, coordinate and attribute of a file."""
    found = {}
    for node in open_trajectory(path).subtree:
        data = node.to_dataset()
        owners = {None: data, **data.variables}
        for name, owner in owners.items():
            for key, value in owner.attrs.items():
                found[node.path, name, key] = np.asarray(value)
            if name is not None:
                found[node.path, name, "values"] = owner.to_numpy()
    return found


def equal(first, second):
    return first.keys() == second.keys() and all(
        a.dtype == second[name].dtype
        and np.array_equal(a, second[name], equal_nan=a.dtype.kind == "f")
        for name, a in first.items()
    )


def outcome(path, truth):
    """What comes of opening a damaged file, in a process of its own: HDF5 may loop or crash."""
    receiver, sender = os.pipe()
    process = os.fork()
    if process == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            said = "same" if equal(contents(path), truth) else "other numbers in silence"
        except (InputError, WorkError):
            said = "told"
        except BaseException as error:
            said = f"raw {error!r}"
        os.write(sender, said.encode()[:500])
        os._exit(0)
    os.close(sender)
    ready, _, _ = select.select([receiver], [], [], 60)
    said = os.read(receiver, 500).decode() if ready else "hangs"
    if not ready:
        os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    os.close(receiver)
    return said or "crashes"


def flipped(raw, rng):
    at = rng.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1 :]


def zeroed(raw, rng):
    size = rng.choice([512, 4096])
    at = rng.randrange(0, len(raw) - size, 512)
    return raw[:at] + bytes(size) + raw[at + size :]


def cut(raw, rng):
    return raw[: rng.randrange(len(raw))]


def outcomes(intact, folder, damage, count, seed=1):
    raw, rng = intact.read_bytes(), random.Random(seed)
    path = folder / "trajectory" / "000000000-000000199.nc"
    path.parent.mkdir()
    digest_path(path).write_bytes(digest_path(intact).read_bytes())
    with dask.config.set(scheduler="synchronous"):  # its threads do not survive a fork
        truth = contents(intact)
        found = []
        for _ in range(count):
            path.write_bytes(damage(raw, rng))
            found.append(outcome(path, truth))
    counts = {said: found.count(said) for said in sorted(set(found))}
    print(f"{damage.__name__}, {count} files: {counts}")
    return set(found)


@pytest.mark.parametrize("damage", [flipped, zeroed, cut])
def test_damage_is_told_or_harmless(intact, tmp_path, damage):
    assert outcomes(intact, tmp_path, damage, 12) <= {"told", "same"}


@pytest.mark.slow
@pytest.mark.parametrize(("damage", "count"), [(flipped, 200), (zeroed, 60), (cut, 50)])
def test_damage_is_told_or_harmless_at_length(intact, tmp_path, damage, count):
    assert outcomes(intact, tmp_path, damage, count, seed=2) <= {"told", "same"}


def test_check_compares_the_whole_file(intact, tmp_path):
    """A bit that no array, coordinate or attribute depends on is told as well."""
    path = tmp_path / "a.nc"
    raw = intact.read_bytes()
    path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    (tmp_path / "a.nc.sha256").write_text(
        (intact.with_name("intact.nc.sha256")).read_text().replace("intact", "a")
    )
    (fault,) = check(path)
    assert "differs from the digest of the whole file" in fault


def test_check_reads_all_arrays_where_no_digest_stands_beside(intact, tmp_path):
    path = tmp_path / "a.nc"
    raw = bytearray(intact.read_bytes())
    theta = open_trajectory(intact)["weights"]["theta"][3, 1, 50:60].to_numpy().tobytes()
    at = raw.find(theta)
    assert at > 0
    raw[at + 5] ^= 1
    path.write_bytes(raw)
    (fault,) = check(path)
    assert "truncated or damaged" in fault


@pytest.mark.thorough(reason="waits until a reader is stopped: 2 s")
def test_a_structure_in_which_hdf5_loops_is_told(intact, tmp_path, monkeypatch):
    """What stands beside a file of the user's own counts only once another process failed."""
    path = tmp_path / "a.nc"
    path.write_bytes(intact.read_bytes())
    digest_path(path).write_text(digest_path(intact).read_text())
    assert open_trajectory(path).attrs["title"]
    open_trajectory(path).load().to_netcdf(tmp_path / "b.nc")  # by xarray, without digests
    (tmp_path / "b.nc").replace(path)
    assert open_trajectory(path).attrs["title"]
    assert "if you wrote it anew yourself, remove the digest" in check(path)[0]
    monkeypatch.setattr("sgdphys.trajectory.digests.PATIENCE", 0.01)
    with pytest.raises(WorkError, match="its structure differs from its checksum"):
        open_trajectory(path)


def test_a_lost_chunk_is_told(tmp_path):
    """HDF5 fills what it does not find, whatever its own checksums say."""
    netcdf = pytest.importorskip("netCDF4")
    path = tmp_path / "a.nc"
    rng = np.random.default_rng(0)
    data = xr.Dataset({"theta": (("step", "p"), rng.standard_normal((3, 100_000)))})
    write_tree(xr.DataTree.from_dict({"weights": data}), path)
    with netcdf.Dataset(path, "a") as file:
        file["weights"]["theta"][0, 0] = 1e3
    with pytest.raises(WorkError, match="a chunk of weights/theta differs from its checksum"):
        open_trajectory(path)["weights"]["theta"].to_numpy()


def test_an_attribute_or_a_coordinate_that_changed_is_told(intact, tmp_path):
    netcdf = pytest.importorskip("netCDF4")
    path = tmp_path / "a.nc"
    for change in (
        lambda file: file.setncattr("title", "another"),
        lambda file: file["weights"]["theta"].setncattr("units", "m"),
        lambda file: file["training"]["epoch"].__setitem__(1, 51),
        lambda file: file["weights"].createDimension("more", 3),
        lambda file: file.createGroup("more"),
    ):
        path.write_bytes(intact.read_bytes())
        with netcdf.Dataset(path, "a") as file:
            change(file)
        with pytest.raises(WorkError, match=r"digest|was added"):
            open_trajectory(path)


def test_files_of_the_first_schema_say_that_they_have_no_checksum(intact, tmp_path):
    tree = open_trajectory(intact)
    tree.attrs["schema_version"] = 1
    tree.to_netcdf(tmp_path / "old.nc")
    assert unprotected(tmp_path / "old.nc") == [tmp_path / "old.nc"]
    assert check(tmp_path / "old.nc") == []
