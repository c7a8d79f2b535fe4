"""The trajectory file: what is written is what is read, and damage is told in words."""

import gc
import os
import threading
import weakref

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from sgdphys.errors import InputError, WorkError
from sgdphys.networks import Perceptron
from sgdphys.trajectory import checksums, joining, schema
from sgdphys.trajectory.digests import digest_path
from sgdphys.trajectory.reader import check, open_trajectory
from sgdphys.trajectory.stored import Stored
from sgdphys.trajectory.tensor_table import named, table_group
from sgdphys.trajectory.writer import SegmentWriter, complete, write_tree

TABLE = Perceptron((2, 2)).parameters


def segment(steps, seed=0, table=TABLE, dtype="float32", **attributes):
    steps = np.asarray(steps, np.int64)
    theta = np.random.default_rng(seed).standard_normal((1000, 3, table.count))
    weights = schema.dataset(
        "weights",
        {"theta": theta[steps].astype(dtype), "diverged_step": np.array([-1, -1, -1])},
        {
            "step": steps,
            "epoch": ("step", steps / 10),
            "replica": np.arange(3),
        },
    )
    tree = xr.DataTree.from_dict({"weights": named(weights, table), "tensors": table_group(table)})
    tree.attrs = {name: "x" for name in schema.ROOT_ATTRIBUTES} | attributes
    return tree


def written(folder, *segments):
    for k, tree in enumerate(segments):
        write_tree(tree, folder / f"{k}-{k + 1}.nc")
    return folder


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("compression", ["none", "zlib"])
def test_round_trip_keeps_every_bit_and_name(tmp_path, dtype, compression):
    tree = segment(range(300), dtype=dtype)
    write_tree(tree, tmp_path / "a.nc", compression)
    back = open_trajectory(tmp_path / "a.nc")
    xr.testing.assert_identical(back["weights"].to_dataset().load(), tree["weights"].to_dataset())
    assert back["weights"]["step"].dtype == np.int64
    assert check(tmp_path / "a.nc") == []


def test_attributes_of_every_kind_survive(tmp_path):
    given = {"none": None, "yes": True, "nested": {"a": [1, None]}, "number": 3, "text": "json"}
    write_tree(segment([0], **given), tmp_path / "a.nc")
    back = open_trajectory(tmp_path / "a.nc").attrs
    assert {name: back[name] for name in given} == given
    assert back["yes"] is True


def test_times_in_a_unit_that_xarray_does_not_know_are_numbers(tmp_path):
    tree = segment(range(3))
    unit = {"units": "days since beginning of run"}
    weights = tree["weights"].to_dataset()
    weights["when"] = ("step", [0.0, 1.5, 2.0], unit)
    tree["weights"] = xr.DataTree(weights)
    write_tree(tree, tmp_path / "a.nc")
    when = open_trajectory(tmp_path / "a.nc")["weights"]["when"]
    assert when.values.tolist() == [0, 1.5, 2]
    assert when.attrs["units"] == unit["units"]
    assert check(tmp_path / "a.nc") == []


def test_names_of_parameters_may_be_anything(tmp_path):
    """C14: slashes and trailing blanks in the user's names."""
    names = ["block/0.weight ", "block/0.weight", "é", "a b", "", "x" * 300]
    table = schema.tensor_table(names, [1] * 6)
    write_tree(segment([0], table=table), tmp_path / "a.nc")
    back = open_trajectory(tmp_path / "a.nc")
    assert back["weights"]["parameter_name"].to_numpy().tolist() == names
    assert back["tensors"]["tensor_name"].to_numpy().tolist() == names


def test_theta_is_chunked_one_replica_at_a_time(tmp_path):
    write_tree(segment(range(300)), tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", group="weights") as weights:
        assert weights["theta"].encoding["chunksizes"] == (150, 1, 6)
    assert schema.chunk_sizes((1024, 50, 10**6), 4) == (256, 1, 1024)
    assert schema.chunk_sizes((257, 50, 6), 4) == (129, 1, 6)
    # where one chunk does not hold all parameters, the last one is not mostly padding
    assert schema.chunk_sizes((250, 3, 1100), 4) == (250, 1, 550)
    assert schema.chunk_sizes((3, 10**6 + 1), 4) == (1, 250_001)
    assert schema.chunk_sizes((5, 3, 0), 4) == (5, 1, 1)


def test_segments_append(tmp_path):
    """C15: each segment carries the time on."""
    written(tmp_path, segment(range(5)), segment(range(5, 7)), segment([7]))
    theta = open_trajectory(tmp_path)["weights"]["theta"]
    assert theta["step"].to_numpy().tolist() == list(range(8))
    assert (theta.to_numpy() == segment(range(8))["weights"]["theta"].to_numpy()).all()
    assert theta.chunks is not None  # lazy


def test_a_step_told_twice_alike_is_one_step(tmp_path):
    """P01: a restarted run repeats the shared time stamp."""
    written(tmp_path, segment(range(11)), segment(range(10, 21)))
    step = open_trajectory(tmp_path)["weights"]["step"].to_numpy()
    assert step.tolist() == list(range(21))


def test_a_step_told_twice_differently_is_an_error(tmp_path):
    written(tmp_path, segment(range(11)), segment(range(10, 21), seed=1))
    with pytest.raises(WorkError, match=r"0-1\.nc and .*1-2\.nc give different theta at step 10"):
        open_trajectory(tmp_path)


def test_opening_reads_no_weights(tmp_path, monkeypatch):
    folder = written(tmp_path, segment(range(5)), segment(range(5, 9)))
    with monkeypatch.context() as patched:
        patched.setattr(Stored, "__getitem__", lambda *_: pytest.fail("weights were read"))
        weights = open_trajectory(folder)["weights"]
    assert np.isfinite(weights["theta"].to_numpy()).all()


def test_groups_that_are_asked_for_are_opened_alone(tmp_path):
    tree = segment(range(5))
    tree["more"] = xr.DataTree(xr.Dataset({"a": ("b", [1.0, 2.0])}))
    write_tree(tree, tmp_path / "a.nc")
    opened = open_trajectory(tmp_path / "a.nc", ("more", "not there"))
    assert list(opened.children) == ["more"]
    xr.testing.assert_identical(opened["more"].to_dataset(), tree["more"].to_dataset())


def test_groups_have_the_coordinates_of_the_file_itself(tmp_path):
    tree = xr.DataTree(xr.Dataset(coords={"step": [3, 4]}))
    tree["weights"] = xr.DataTree(xr.Dataset({"theta": ("step", [1.0, 2.0])}))
    tree.to_netcdf(tmp_path / "a.nc")
    opened = open_trajectory(tmp_path / "a.nc")["weights"]
    assert opened["step"].to_numpy().tolist() == [3, 4]


def test_segments_are_ordered_by_number_not_text(tmp_path):
    write_tree(segment([5]), tmp_path / "10-11.nc")
    write_tree(segment([2]), tmp_path / "9-10.nc")
    assert open_trajectory(tmp_path)["weights"]["step"].to_numpy().tolist() == [2, 5]


def test_nothing_to_open(tmp_path):
    (tmp_path / "text.nc").write_text("no netCDF")
    (tmp_path / "empty").mkdir()
    for name, says in (
        ("text.nc", "is not a netCDF file"),
        ("empty", "no finished segment yet"),
        ("missing", "no such file or folder"),
    ):
        with pytest.raises(InputError, match=says):
            open_trajectory(tmp_path / name)


def test_a_truncated_file_is_told(tmp_path):
    path = tmp_path / "a.nc"
    write_tree(segment(range(500)), path)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(WorkError, match=r"a\.nc cannot be read .* truncated or damaged"):
        open_trajectory(path)


def test_check_names_every_fault(tmp_path):
    tree = segment([0, 2, 1])
    del tree.attrs["title"]
    weights = tree["weights"].to_dataset()
    theta = weights["theta"].copy()
    theta[1, 2, 3] = np.nan
    theta[2, 0, 0] = schema.NEVER_WRITTEN
    del theta.attrs["units"]
    tree["weights"] = xr.DataTree(weights.assign(theta=theta))
    write_tree(tree, tmp_path / "a.nc")
    assert check(tmp_path / "a.nc") == [
        "the file has no attribute 'title'",
        "weights/theta has no attribute 'units'",
        "weights/step goes from 2 to 1; it should increase",
        "weights of replica 0 were never written at 1 steps, first 1",
        "weights of replica 2 are not finite at 1 steps, first 2",
    ]


def test_weights_of_a_diverged_replica_are_no_fault(tmp_path):
    tree = segment(range(4))
    weights = tree["weights"].to_dataset()
    theta = weights["theta"].copy()
    theta[2:, 1] = np.inf
    diverged = weights["diverged_step"].copy(data=np.array([-1, 2, -1]))
    tree["weights"] = xr.DataTree(weights.assign(theta=theta, diverged_step=diverged))
    write_tree(tree, tmp_path / "a.nc")
    assert check(tmp_path / "a.nc") == []


def test_writing_is_all_or_nothing(tmp_path, monkeypatch):
    """A write that fails leaves the old file and no other."""
    path = tmp_path / "a.nc"
    write_tree(segment([0]), path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_tree(segment(range(9)), path)
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [path, digest_path(path)]
    assert check(path) == []


def test_a_full_disk_is_told_as_one(tmp_path, monkeypatch):
    """netCDF says "HDF error" and nothing of the disk."""

    def broken(*_, **__):
        raise RuntimeError("NetCDF: HDF error")

    monkeypatch.setattr(xr.Dataset, "dump_to_store", broken)
    with pytest.raises(OSError, match=r"NetCDF: HDF error, with \d+ MB free"):
        write_tree(segment([0]), tmp_path / "a.nc")


def test_the_writer_tells_what_went_wrong_in_its_thread(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    def record():
        with SegmentWriter(tmp_path) as writer:
            writer.write("0-1.nc", lambda: segment([0]))
            monkeypatch.setattr(os, "fsync", full)
            for k in range(1, 9):
                writer.write(f"{k}-{k + 1}.nc", lambda: segment([1]))

    with pytest.raises(OSError, match="No space left"):
        record()
    assert {p.suffix for p in tmp_path.iterdir()} <= {".nc", ".sha256"}


def test_a_segment_is_completed_while_the_next_is_written(tmp_path, monkeypatch):
    second_begun, found = threading.Event(), []

    def second():
        second_begun.set()
        return segment([1])

    def slow(path, *rest, **kept):
        found.append((path.name, second_begun.wait(30)))
        complete(path, *rest, **kept)

    monkeypatch.setattr("sgdphys.trajectory.writer.complete", slow)
    with SegmentWriter(tmp_path) as writer:
        writer.write("0-1.nc", lambda: segment([0]))
        writer.write("1-2.nc", second)
    assert found == [("0-1.nc", True), ("1-2.nc", True)]
    assert sorted(p.name for p in tmp_path.glob("*.nc")) == ["0-1.nc", "1-2.nc"]


def test_a_segment_is_let_go_once_it_is_written(tmp_path):
    """Nodes of a tree refer to each other, and fourteen segments stayed in memory."""
    arrays = []

    def build(step):
        tree = segment([step])
        arrays.append(weakref.ref(tree["weights"]["theta"].to_numpy()))
        return tree

    gc.collect()
    gc.disable()
    try:
        with SegmentWriter(tmp_path) as writer:
            for k in range(4):
                writer.write(f"{k}-{k + 1}.nc", lambda k=k: build(k))
        assert [array() is None for array in arrays] == [True] * 4
    finally:
        gc.enable()
    assert open_trajectory(tmp_path)["weights"].sizes["step"] == 4


def test_a_segment_that_fails_leaves_no_later_one(tmp_path, monkeypatch):
    second_begun = threading.Event()

    def second():
        second_begun.set()
        return segment([1])

    def broken(path, *rest, **kept):
        second_begun.wait(30)
        if path.name == "0-1.nc":
            raise OSError(28, "No space left on device")
        complete(path, *rest, **kept)

    def record():
        with SegmentWriter(tmp_path) as writer:
            writer.write("0-1.nc", lambda: segment([0]))
            writer.write("1-2.nc", second)

    monkeypatch.setattr("sgdphys.trajectory.writer.complete", broken)
    with pytest.raises(OSError, match="No space left"):
        record()
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith("1-2")]


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
@pytest.mark.parametrize(
    ("shape", "chunks"),
    [
        ((0, 3), (1, 3)),
        ((3, 0), (3, 1)),
        ((700, 3, 350), (90, 3, 200)),
        ((40, 1, 9000), (7, 1, -1)),
    ],
)
def test_lazy_arrays_are_written_as_they_are(tmp_path, monkeypatch, suffix, shape, chunks):
    """In blocks and parts of a few chunks."""
    monkeypatch.setattr(checksums, "_BYTES", 2**20)
    values = np.random.default_rng(0).standard_normal(shape).astype("float32")
    dims = ("step", "replica", "parameter")[-len(shape) :]
    lazy = xr.Dataset({"x": (dims, da.from_array(values, chunks))})
    write_tree(xr.DataTree.from_dict({"a": lazy}), tmp_path / f"a{suffix}")
    found = open_trajectory(tmp_path / f"a{suffix}")["a"]["x"]
    np.testing.assert_array_equal(found.to_numpy(), values)


def in_parts(folder, *groups):
    """Segments as the recorder leaves them, of the given groups each."""
    parts = folder / "a.nc.parts"
    parts.mkdir()
    for k, given in enumerate(groups):
        tree = segment(range(2 * k, 2 * k + 2), recording="r", segment=k)
        for name, data in given.items():
            tree[name] = xr.DataTree(data)
        write_tree(tree, parts / f"{2 * k}-{2 * k + 1}-{k}.nc")
    return folder / "a.nc"


def scalars(k, *names, dtype=float, rows=2):
    values = {n: ("step", np.arange(rows).astype(dtype), {"units": n}) for n in names}
    steps = 2 * k + np.arange(rows)
    return {"scalars": xr.Dataset(values | {"last": ("y", [float(k)])}, {"step": steps})}


@pytest.mark.parametrize(
    ("groups", "slow"),
    [
        ([scalars(k, "loss") for k in range(4)], 0),
        ([scalars(0, "a"), {}, scalars(2, "b", "a"), scalars(3, "b")], 0),
        ([{}, scalars(1, "a"), {}, scalars(3, "a")], 0),
        *(
            pytest.param(*case, marks=pytest.mark.thorough(reason="one kind of segments more"))
            for case in (
                ([scalars(0, "a"), scalars(1, "a", dtype=np.float32), scalars(2, "a")], 1),
                ([scalars(0, "a"), scalars(1, "a", dtype=bool), scalars(2, "a")], 1),
                ([scalars(k, "a", dtype=bool) for k in range(3)], 0),
                ([{"more": xr.Dataset({"x": ("y", [k])})} for k in range(3)], 0),
                ([scalars(k, "a") for k in (0, 2, 1)], 1),
            )
        ),
        ([scalars(0, "a"), scalars(1, "b", rows=0), scalars(2, "a"), scalars(3, "a", rows=0)], 0),
        ([scalars(0, "a", rows=0), scalars(1, "a")], 1),
    ],
    ids=[
        "alike",
        "of several names",
        "in some",
        "float32",
        "flag",
        "flags",
        "no axis",
        "unsorted",
        "some empty",
        "first empty",
    ],
)
def test_segments_read_in_part_join_as_segments_opened_whole(tmp_path, monkeypatch, groups, slow):
    path = in_parts(tmp_path, *groups)
    whole = []
    joined = joining.joined_whole
    monkeypatch.setattr(joining, "joined_whole", lambda *a: whole.append(a[0]) or joined(*a))
    found = open_trajectory(path)
    assert len(whole) == slow
    monkeypatch.setattr(joining, "spliced", lambda *_: None)
    slowly = open_trajectory(path)
    xr.testing.assert_identical(found, slowly)
    for name, node in slowly.children.items():
        assert list(found[name].variables) == list(node.variables)
        for own, variable in node.to_dataset().variables.items():
            assert found[name][own].dtype == variable.dtype
            assert found[name][own].chunks == variable.chunks
    assert check(path) == []


def test_damage_in_the_middle_of_many_segments_is_told(tmp_path):
    path = in_parts(tmp_path, *({} for _ in range(4)))
    middle = tmp_path / "a.nc.parts" / "4-5-2.nc"
    raw = bytearray(middle.read_bytes())
    raw[len(raw) // 2] ^= 1
    middle.write_bytes(raw)
    with pytest.raises(WorkError, match=r"4-5-2\.nc cannot be read .* truncated or damaged"):
        open_trajectory(path)
    digest_path(middle).unlink()
    middle.write_bytes(middle.read_bytes()[:-100])
    with pytest.raises(WorkError, match=r"4-5-2\.nc cannot be read"):
        open_trajectory(path)
