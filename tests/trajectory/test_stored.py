"""Reading by chunks gives what numpy gives, and lookups of names what the table says."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.trajectory import schema
from sgdphys.trajectory.reader import open_trajectory
from sgdphys.trajectory.tensor_table import LARGE, STORED_BELOW, named, table_group
from sgdphys.trajectory.writer import write_tree

X = np.random.default_rng(0).standard_normal((300, 3, 700)).astype(np.float32)


@pytest.fixture(scope="module")
def theta(tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "a.nc"
    data = schema.dataset("weights", {"theta": X}, {})
    write_tree(xr.DataTree.from_dict({"weights": data}), path)
    found = open_trajectory(path)["weights"]["theta"]
    assert found.chunks is not None
    return found


@pytest.mark.parametrize(
    "key",
    [
        (slice(None), 1, 5),
        (slice(10, 290, 7), slice(None), slice(3, 4)),
        (slice(None, None, -1), slice(1, None), slice(690, None)),
        (-1, slice(None), slice(None)),
        (slice(5, 5), slice(None), slice(None)),
        ([0, 299, 150, 150], slice(None), slice(0, 2)),
        (slice(None), [2, 0], slice(100, 650, 100)),
        (slice(0, 3), np.array([True, False, True]), slice(None)),
        (299, -1, 699),
    ],
    ids=str,
)
def test_any_selection_is_what_numpy_selects(theta, key):
    assert np.array_equal(theta[key].to_numpy(), X[key])


def test_large_arrays_of_every_kind_are_lazy_and_come_back(tmp_path):
    rng = np.random.default_rng(1)
    given = {
        "flags": rng.random((600, 600)) > 0.5,
        "counts": rng.integers(-5, 5, (300, 300)),
        "bytes": rng.integers(0, 255, (600, 600)).astype(np.uint8),
        "numbers": rng.standard_normal((300, 300)),
    }
    data = xr.Dataset({n: ((f"{n}_a", f"{n}_b"), v) for n, v in given.items()})
    write_tree(xr.DataTree.from_dict({"more": data}), tmp_path / "a.nc")
    found = open_trajectory(tmp_path / "a.nc")["more"]
    for name, values in given.items():
        assert found[name].chunks is not None, name
        assert found[name].dtype == values.dtype, name
        assert np.array_equal(found[name].to_numpy(), values), name


def large():
    """A table of more parameters than are spelt out, and weights for it."""
    table = schema.tensor_table(["a.weight", "a.bias", "10.weight"], [LARGE, 3, 5])
    values = {"theta": np.zeros((2, 1, table.count), np.float32), "diverged_step": np.array([-1])}
    return table, schema.dataset("weights", values, {"step": [0, 1]})


def test_names_of_many_parameters_are_looked_up(tmp_path):
    table, weights = large()
    tree = xr.DataTree.from_dict({"weights": weights, "tensors": table_group(table)})
    write_tree(tree, tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", group="weights") as stored:
        assert "parameter_name" not in stored.variables
    theta = open_trajectory(tmp_path / "a.nc")["weights"]["theta"]
    last = slice(LARGE, None)
    assert theta["parameter_name"][last].to_numpy().tolist() == ["a.bias"] * 3 + ["10.weight"] * 5
    assert theta["kind"][last].to_numpy().tolist() == ["bias"] * 3 + ["weight"] * 5
    assert theta["entry"][last].to_numpy().tolist() == [0, 1, 2, 0, 1, 2, 3, 4]
    assert theta["layer"][[0, -1]].to_numpy().tolist() == [1, 2]
    assert theta["layer_name"][-1].item() == "10"
    biases = theta.isel(parameter=np.flatnonzero(theta["kind"] == "bias"))
    assert biases.sizes["parameter"] == 3
    assert set(biases["parameter_name"].to_numpy()) == {"a.bias"}
    assert theta.groupby("layer").sum().sizes["layer"] == 2


@pytest.mark.parametrize("count", [STORED_BELOW - 1, STORED_BELOW, LARGE - 1])
def test_a_file_takes_little_more_room_than_its_weights(tmp_path, count):
    """Names of 7850 weights took as long to write as 20 MB of numbers, and chunks were padded."""
    table = schema.tensor_table(["a.weight"], [count])
    values = {"theta": np.ones((250, 1, count), np.float32), "diverged_step": np.array([-1])}
    weights = schema.dataset("weights", values, {"step": np.arange(250)})
    tree = xr.DataTree.from_dict({"weights": named(weights, table), "tensors": table_group(table)})
    write_tree(tree, tmp_path / "a.nc")
    found = open_trajectory(tmp_path / "a.nc")["weights"]["theta"]
    assert found["parameter_name"].to_numpy().tolist() == ["a.weight"] * count
    with xr.open_dataset(tmp_path / "a.nc", group="weights") as stored:
        assert ("parameter_name" in stored.variables) == (count < STORED_BELOW)
    assert (tmp_path / "a.nc").stat().st_size < 1.01 * found.nbytes + 300_000


def test_many_parameters_in_another_order_keep_their_names(tmp_path):
    """Only what the table says is left out of a file."""
    table, weights = large()
    turned = named(weights, table).isel(parameter=slice(None, None, -1)).load()
    tree = xr.DataTree.from_dict({"weights": turned, "tensors": table_group(table)})
    write_tree(tree, tmp_path / "a.nc")
    back = open_trajectory(tmp_path / "a.nc")["weights"]
    assert back["parameter_name"][:6].to_numpy().tolist() == ["10.weight"] * 5 + ["a.bias"]


def test_running_statistics_are_buffers():
    names = ["n.weight", "n.bias", "n.running_mean", "n.running_var", "n.num_batches_tracked"]
    assert schema.tensor_table(names, [1] * 5).kinds == ("weight", "bias", *["buffer"] * 3)
