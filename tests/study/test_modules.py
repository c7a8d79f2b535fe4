"""Studies of modules: trained, resumed, read layer by layer, and told when it cannot be."""

import sys

import numpy as np
import pytest
import torch
from commands import command, refused

import sgdphys as sp
from sgdphys.engines.activations import activations_of
from sgdphys.engines.modules import ModuleNetwork
from sgdphys.networks import Perceptron

MODELS = """
import torch

def make(inputs, outputs):
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 6), torch.nn.BatchNorm1d(6), torch.nn.Tanh(),
        torch.nn.Linear(6, outputs),
    )

def plain():
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
"""


@pytest.fixture
def models(tmp_path, monkeypatch):
    (tmp_path / "my_models.py").write_text(MODELS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_models", raising=False)
    return tmp_path


KEYS = {
    "task": {"name": "digits"},
    "network": {"module": "my_models:make"},
    "train": {"epochs": 6, "replicas": 3, "batch_size": 300, "learning_rate": 0.1},
    "record": {"weights": "epoch", "gradients": "log"},
    "analyses": {"information": {"bins": 10}, "phases": {}, "components": {"replicas": 1,
                                                                         "points": 10}},
    "figures": {"formats": ["svg"]},
}  # fmt: skip


def test_a_module_is_a_study(models):
    run = sp.run(KEYS, out=models / "run")
    found = run.results["information"].to_dataset().load()
    assert found["I_XT"].sizes == {"epoch": 7, "replica": 3, "layer": 3}
    assert (found["I_TY"] <= np.log2(10) + 1e-9).all()
    assert sp.check(models / "run") == []
    trajectory = run.trajectory
    assert trajectory.attrs["engine"] == "vmapped"
    assert list(dict.fromkeys(trajectory["weights"].layer_name.to_numpy())) == ["1", "2", "4"]
    assert {p.stem for p in (models / "run" / "figures").iterdir()} >= {
        "training", "plane_snapshots", "gradient_ratio", "components",
    }  # fmt: skip


def test_a_stopped_run_goes_on_with_its_buffers(models, monkeypatch):
    from sgdphys.engines.base import Stopped
    from sgdphys.study import recording
    from sgdphys.study.running import run

    monkeypatch.setattr(recording, "SEGMENT_WORK", 1.0)
    monkeypatch.setattr(recording, "SEGMENTS_AT_LEAST", 3)
    keys = KEYS | {"analyses": {}}
    whole = sp.run(keys, out=models / "whole").trajectory["weights"].to_dataset().load()
    asked = iter([True] * 4)
    with pytest.raises(Stopped):
        run(keys, models / "halves", stop=lambda: not next(asked, False))
    halves = sp.run(keys, out=models / "halves").trajectory["weights"].to_dataset().load()
    np.testing.assert_array_equal(halves["theta"], whole["theta"])


def test_layers_of_a_module_are_those_of_the_perceptron(models):
    module = ModuleNetwork("my_models:plain", (3,), 2)
    twin = Perceptron((3, 4, 2))
    x = np.random.default_rng(0).standard_normal((20, 3))
    theta = twin.initial_weights(np.random.default_rng(1))
    one, other = (activations_of(n, x)(theta) for n in (module, twin))
    assert len(one) == len(other) == 2
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_the_command_finds_a_module_beside_it(models):
    (models / "mine.toml").write_text(
        '[task]\nname = "digits"\n[network]\nmodule = "my_models:make"\n'
        "[train]\nepochs = 2\nreplicas = 2\n[figures]\nformats = []\n"
    )
    result = command("run", "mine.toml", cwd=models)
    assert result.returncode == 0, result.stderr
    assert "the network is a module of torch" in result.stderr
    wrong = command("run", "mine.toml", "--set", "network.module=nowhere:make", "--out", "b",
                    cwd=models)  # fmt: skip
    refused(wrong, 2, "nowhere:make", "cannot be found")
    wrong = command("run", "mine.toml", "--set", "train.engine=fused", "--out", "c", cwd=models)
    refused(wrong, 2, "trains perceptrons alone")
    if not torch.cuda.is_available():
        wrong = command("run", "mine.toml", "--set", "train.device=cuda", "--out", "d", cwd=models)
        refused(wrong, 2, "sees no CUDA device")
