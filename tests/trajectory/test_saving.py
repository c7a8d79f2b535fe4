"""What was opened can be saved and opened again, whatever its texts; old files are still read."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import sgdphys as sp
from sgdphys.errors import WorkError
from sgdphys.trajectory.reader import check, open_trajectory, unprotected
from sgdphys.trajectory.schema import decode_attributes, encode_attributes
from sgdphys.trajectory.writer import write_tree

OLD = Path(__file__).with_name("schema_1.nc")


def recorded(path, steps=4, **options):
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with sp.record(model, path, optimizer=optimizer, **options) as recording:
        for _ in range(steps):
            optimizer.zero_grad()
            loss = model(torch.ones(1, 3)).square().sum()
            loss.backward()
            optimizer.step()
            recording.step(loss=loss)
    return model


def test_an_opened_trajectory_is_saved_by_xarray_and_opened_again(tmp_path):
    recorded(tmp_path / "a.nc")
    tree = open_trajectory(tmp_path / "a.nc")
    tree.to_netcdf(tmp_path / "b.nc")
    back = open_trajectory(tmp_path / "b.nc")
    assert back.attrs == tree.attrs
    for name, node in tree.children.items():
        xr.testing.assert_identical(back[name].to_dataset().load(), node.to_dataset().load())
    tree["weights"].to_dataset().rename(step="update").to_netcdf(tmp_path / "c.nc")
    with xr.open_dataset(tmp_path / "c.nc") as renamed:
        assert renamed["theta"].dims == ("update", "replica", "parameter")


TEXTS = ["json: my notes", "json:{}", "json:oops", "$\\foo$", "[/x]", "tab\tand é\n", "", "json:"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_title_of_any_text_survives(tmp_path, text):
    recorded(tmp_path / "a.nc", title=text)
    assert open_trajectory(tmp_path / "a.nc").attrs["title"] == text


def test_attributes_of_every_kind_survive():
    given = {
        "none": None, "yes": True, "nested": {"a": [1, None, {"b": False}]}, "huge": 2**70,
        "list": ["a", 1], "number": 3.5, "array": [1.0, 2.0], **{t: t for t in TEXTS},
    }  # fmt: skip
    assert decode_attributes(encode_attributes(given)) == given
    odd = decode_attributes(encode_attributes({"path": Path("a/b"), "flag": np.bool_(True)}))
    assert odd == {"path": "a/b", "flag": True}


def test_files_of_the_first_schema_are_read():
    tree = open_trajectory(OLD)
    weights = tree["weights"]
    assert int(tree.attrs["schema_version"]) == 1
    assert weights["step"].to_numpy().tolist() == [0, 1, 2, 3, 4]
    assert float(weights["theta"][4, 0, 0]) == pytest.approx(-0.01033002)
    names = ["a.weight"] * 6 + ["a.bias"] * 3 + ["b.weight"] * 6
    assert weights["parameter_name"].to_numpy().tolist() == names
    assert tree["scalars"]["loss"].sizes == {"step": 4}
    assert check(OLD) == []
    assert unprotected(OLD) == [OLD]


def test_a_recording_of_the_first_schema_is_gone_on_with(tmp_path):
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.Linear(2, 3), torch.nn.Linear(3, 2, bias=False)

    path = tmp_path / "old.nc"
    path.write_bytes(OLD.read_bytes())
    model = Model()
    torch.nn.utils.vector_to_parameters(
        torch.tensor(open_trajectory(path)["weights"]["theta"][-1, 0].to_numpy()),
        model.parameters(),
    )
    with sp.record(model, path, resume=True) as recording:
        recording.step()
    assert open_trajectory(path)["weights"]["step"].to_numpy().tolist() == [0, 1, 2, 3, 4, 5]
    assert check(path) == []
    assert unprotected(path) == []


def test_a_write_onto_a_segment_is_refused(tmp_path):
    tree = xr.DataTree.from_dict({"weights": xr.Dataset({"theta": ("step", [1.0])})})
    write_tree(tree, tmp_path / "a.nc", replace=False)
    before = (tmp_path / "a.nc").read_bytes()
    with pytest.raises(FileExistsError, match="is not written over"):
        write_tree(tree, tmp_path / "a.nc", replace=False)
    assert (tmp_path / "a.nc").read_bytes() == before


@pytest.mark.parametrize("every", [1, 3, "log", {"burst": 2, "starts": 2, "updates": 9}], ids=str)
def test_check_misses_what_the_schedule_promises(tmp_path, every):
    recorded(tmp_path / "a.nc", steps=9, every=every)
    assert check(tmp_path / "a.nc") == []
    tree = open_trajectory(tmp_path / "a.nc")
    kept = np.delete(np.arange(tree["weights"].sizes["step"]), 1)
    missing = int(tree["weights"]["step"][1])
    tree["weights"] = xr.DataTree(tree["weights"].to_dataset().isel(step=kept))
    write_tree(tree, tmp_path / "b.nc")
    assert check(tmp_path / "b.nc") == [
        f"weights at 1 scheduled steps are missing, first {missing}"
    ]


def test_a_missing_segment_of_a_recording_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("sgdphys.trajectory.recorder.SEGMENT_BYTES", 64)
    model = torch.nn.Linear(3, 2)
    recording = sp.record(model, tmp_path / "a.nc")
    for _ in range(6):
        recording.step()
    recording.flush()
    parts = sorted((tmp_path / "a.nc.parts").glob("*.nc"))
    assert len(parts) >= 3
    parts[1].unlink()
    with pytest.raises(WorkError, match=r"of the recording, before .* are missing"):
        open_trajectory(tmp_path / "a.nc")


def test_shapes_and_ties_are_in_the_table(tmp_path):
    recorded(tmp_path / "a.nc")
    table = open_trajectory(tmp_path / "a.nc")["tensors"]
    assert [json.loads(s) for s in table["tensor_shape"].to_numpy()] == [[2, 3], [2]]
