"""Checkpoints read as trajectories: steps as numbers, nothing unpickled, faults one by one."""

import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch
from commands import command, refused
from safetensors.torch import save_file

import sgdphys as sp
from sgdphys.errors import InputError


def state(step, **options):
    return OrderedDict(
        {
            "a.weight": torch.full((2, 3), step / 1000, **options),
            "a.bias": torch.zeros(2, **options),
            "count": torch.tensor(step),
        }
    )


@pytest.mark.parametrize("kind", ["safetensors", "pt", "npz"])
def test_steps_are_numbers_and_not_text(tmp_path, kind):
    """step_500, step_2500, step_10000 and 0900000: in order, drift 0.001, D 0."""
    for name, step in (("step_10000", 10_000), ("step_500", 500), ("0900000", 900_000),
                       ("step_2500", 2500)):  # fmt: skip
        path = tmp_path / f"{name}.{kind}"
        if kind == "safetensors":
            save_file(dict(state(step)), path)
        elif kind == "pt":
            torch.save(state(step), path)
        else:
            np.savez(path, **{n: v.numpy() for n, v in state(step).items()})
    found = sp.read_checkpoints(tmp_path)["weights"]
    assert found.step.to_numpy().tolist() == [500, 2500, 10_000, 900_000]
    weight = int(np.flatnonzero(found.kind == "weight")[0])
    fitted = sp.dynamics.fit_wiener(found.theta).isel(replica=0, parameter=weight)
    assert float(fitted["drift"]) == pytest.approx(0.001, rel=1e-5)
    assert float(fitted["diffusion"]) < 1e-9
    assert set(found.parameter_name.to_numpy()) == {"a.weight", "a.bias"}


def test_wrapped_half_and_folders(tmp_path):
    """A trainer's checkpoint in a folder a step, weights in half precision."""
    for step in (10, 9, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
        kept = {"state_dict": state(step, dtype=torch.bfloat16), "epoch": 3}
        torch.save(kept, tmp_path / f"checkpoint-{step}" / "model.pt")
    found = sp.read_checkpoints(str(tmp_path / "*" / "model.pt"), out=tmp_path / "a.nc")
    assert found["weights"].step.to_numpy().tolist() == [9, 10, 100]
    assert found["weights"].theta.dtype == np.float32
    assert sp.check(tmp_path / "a.nc") == []


def test_arrays_with_time_first(tmp_path):
    x = np.random.default_rng(0).standard_normal((7, 2, 2))
    np.savez(tmp_path / "a.npz", w=x, step=np.arange(7) * 5)
    found = sp.read_checkpoints(tmp_path / "a.npz")["weights"]
    np.testing.assert_array_equal(found.theta[:, 0], x.reshape(7, 4))
    assert found.step.to_numpy().tolist() == list(range(0, 35, 5))
    sp.processes.wiener(steps=9, parameters=3)[["theta"]].isel(replica=0).to_netcdf(
        tmp_path / "b.nc"
    )
    assert sp.read_checkpoints(tmp_path / "b.nc")["weights"].theta.shape == (10, 1, 3)


def test_a_pickle_that_pretends_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "trapped"), "w"))

    (tmp_path / "model_1.pt").write_bytes(pickle.dumps({"w": Trap()}))
    torch.save({"w": Trap()}, tmp_path / "model_2.pth")
    np.savez(tmp_path / "model_3.npz", w=np.array([Trap()], dtype=object))
    for name in ("model_1.pt", "model_2.pth"):
        with pytest.raises(InputError, match="it is not unpickled"):
            sp.read_checkpoints([tmp_path / name] * 1)
    with pytest.raises(InputError, match="nothing is unpickled"):
        sp.read_checkpoints(tmp_path / "model_3.npz")
    assert not (tmp_path / "trapped").exists()


def test_faults_are_told_one_by_one(tmp_path):
    torch.save({"w": torch.zeros(2), "b": torch.zeros(1)}, tmp_path / "step1.pt")
    torch.save({"w": torch.zeros(3), "c": torch.zeros(1)}, tmp_path / "step2.pt")
    with pytest.raises(InputError) as error:
        sp.read_checkpoints(tmp_path)
    for part in (
        "step2.pt does not fit",
        "b is missing",
        "c is new",
        r"w has shape (3,), not (2,)",
    ):
        assert part in str(error.value)
    torch.save({"w": torch.zeros(2)}, tmp_path / "also1.pt")
    with pytest.raises(InputError, match="are both of step 1"):
        sp.read_checkpoints([tmp_path / "step1.pt", tmp_path / "also1.pt"])
    torch.save({"w": torch.zeros(2)}, tmp_path / "last.pt")
    with pytest.raises(InputError, match="no step in its name"):
        sp.read_checkpoints([tmp_path / "step1.pt", tmp_path / "last.pt"])
    with pytest.raises(InputError, match="there is no file"):
        sp.read_checkpoints("nowhere/*.pt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no checkpoint"):
        sp.read_checkpoints(tmp_path / "empty")


def test_the_command(tmp_path):
    for step in (1, 2, 30):
        torch.save(state(step), tmp_path / f"ckpt_{step}.pt")
    result = command("import", tmp_path, "--out", tmp_path / "mine.nc")
    assert result.returncode == 0, result.stderr
    assert "3 checkpoints of 8 parameters, steps 1 to 30" in result.stdout
    assert command("check", tmp_path / "mine.nc").returncode == 0
    refused(command("import", tmp_path / "no", "--out", tmp_path / "b.nc"), 2, "there is no file")
    refused(command("import", tmp_path / "ckpt_1.pt", "--out", tmp_path / "mine.nc"), 2, "exists")
