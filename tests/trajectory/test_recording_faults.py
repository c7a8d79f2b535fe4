"""What may go wrong around a recording, and that what was recorded survives it."""

import numpy as np
import pytest
import torch

import sgdphys as sp
from sgdphys.errors import InputError


def net(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Linear(3, 2)


def steps_of(path):
    return sp.open_trajectory(path)["weights"].step.to_numpy().tolist()


@pytest.mark.parametrize("name", ["train/loss", "step", "", ".", "x" * 300, "a "])
def test_a_scalar_that_no_file_can_name_is_refused_at_once(tmp_path, name):
    with sp.record(net(), tmp_path / "a.nc") as recording:
        recording.step(loss=1.0)
        with pytest.raises(InputError, match="a scalar cannot be named"):
            recording.step(**{name: 1.0})
        recording.step(**{"Größe 2": 2.0})
    assert steps_of(tmp_path / "a.nc") == [0, 1, 2]
    scalars = sp.open_trajectory(tmp_path / "a.nc")["scalars"]
    np.testing.assert_array_equal(scalars["loss"], [1.0, np.nan])
    np.testing.assert_array_equal(scalars["Größe 2"], [np.nan, 2.0])


def test_rows_that_could_not_be_written_are_kept(tmp_path, monkeypatch):
    from sgdphys.trajectory import recorder

    monkeypatch.setattr(recorder, "SEGMENT_BYTES", 1)
    with sp.record(net(), tmp_path / "a.nc") as recording:
        away = tmp_path / "away"
        (tmp_path / "a.nc.parts").rename(away)
        with pytest.raises(OSError, match="No such file"):
            recording.step(loss=1.0)
        away.rename(tmp_path / "a.nc.parts")
        recording.step(loss=2.0)
    assert steps_of(tmp_path / "a.nc") == [0, 1, 2]
