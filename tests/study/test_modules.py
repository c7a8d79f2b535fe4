"""Studies of modules: trained, resumed, read layer by layer, and told when it cannot be."""

import sys

import numpy as np
import pytest
import tomli_w
import torch
from commands import command, refused

import sgdphys as sp
from sgdphys.engines.activations import activations_of
from sgdphys.engines.modules import ModuleNetwork, model_of
from sgdphys.networks import Perceptron

MODELS = """
import torch

def make(inputs, outputs):
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 6), torch.nn.LayerNorm(6), torch.nn.Tanh(),
        torch.nn.Linear(6, outputs),
    )

def with_buffers(inputs, outputs):
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
    "figures": {"formats": []},
}  # fmt: skip


@pytest.mark.thorough(reason="a run of its own: 6 s")
def test_a_module_is_a_study(models):
    run = sp.run(KEYS, out=models / "run")
    found = run.results["information"].to_dataset().load()
    assert found["I_XT"].sizes == {"epoch": 7, "replica": 3, "layer": 3}
    assert (found["I_TY"] <= np.log2(10) + 1e-9).all()
    assert sp.check(models / "run") == []
    trajectory = run.trajectory
    assert trajectory.attrs["engine"] == "vmapped"
    assert list(dict.fromkeys(trajectory["weights"].layer_name.to_numpy())) == ["1", "2", "4"]
    names = ["training", "plane_snapshots", "gradient_ratio", "components"]
    assert [p.stem for p in run.write_figures(names, formats=["svg"], data=False)] == names


@pytest.mark.thorough(reason="a run of its own: 6 s")
def test_layers_behind_running_statistics_have_no_information(models):
    """They were read with a mean of 0 and a variance of 1: those of another function."""
    network = {"module": "my_models:with_buffers"}
    told = []
    keys = KEYS | {"network": network, "analyses": {"information": {}, "learning": {}}}
    run = sp.run(keys, out=models / "run", tell=told.append)
    assert any("information has no data: its layers depend on the running" in t for t in told)
    assert "learning" in run.results.children


@pytest.mark.slow(reason="trains a convolutional network three times: 44 s")
def test_a_stopped_run_goes_on_with_its_buffers(models, monkeypatch):
    from sgdphys.engines.base import Stopped
    from sgdphys.study import recording
    from sgdphys.study.running import run

    monkeypatch.setattr(recording, "SEGMENT_WORK", 1.0)
    monkeypatch.setattr(recording, "SEGMENTS_AT_LEAST", 3)
    keys = KEYS | {"analyses": {}, "network": {"module": "my_models:with_buffers"}}
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


@pytest.mark.slow
def test_the_command_finds_a_module_beside_it(models):
    (models / "mine.toml").write_text(
        '[task]\nname = "digits"\n[network]\nmodule = "my_models:make"\n'
        "[train]\nepochs = 2\nreplicas = 2\n[figures]\nformats = []\n"
    )
    elsewhere = models / "elsewhere"
    elsewhere.mkdir()
    result = command("run", models / "mine.toml", cwd=elsewhere)
    assert result.returncode == 0, result.stderr
    assert "the network is a module of torch" in result.stderr
    assert (elsewhere / "runs" / "mine").is_dir()
    wrong = command("run", "mine.toml", "--set", "network.module=nowhere:make", "--out", "b",
                    cwd=models)  # fmt: skip
    refused(wrong, 2, "nowhere:make", "cannot be found")
    wrong = command("run", "mine.toml", "--set", "train.engine=fused", "--out", "c", cwd=models)
    refused(wrong, 2, "trains perceptrons alone")
    if not torch.cuda.is_available():
        wrong = command("run", "mine.toml", "--set", "train.device=cuda", "--out", "d", cwd=models)
        refused(wrong, 2, "sees no CUDA device")


@pytest.mark.slow(reason="starts processes that load torch: 17 s")
def test_processes_that_analyse_find_a_module_beside_the_study_too(tmp_path):
    """Two cases are analysed by another process, which imports the module anew."""
    (tmp_path / "beside_it.py").write_text(MODELS.replace("def plain", "def other"))
    keys = {
        "task": {"name": "digits"},
        "train": {"epochs": 1, "replicas": 1, "batch_size": 2000},
        "record": {"gradients": "none"},
        "analyses": {"information": {"bins": 10, "epochs": [0]}},
        "figures": {"formats": []},
        "sweep": {"network.module": ["beside_it:make", ""]},
    }
    (tmp_path / "study.toml").write_text(tomli_w.dumps(keys))
    try:
        run = sp.run(tmp_path / "study.toml", tmp_path / "run")
    finally:
        sys.modules.pop("beside_it", None)
    found = run.results["information"].to_dataset().load()
    assert found["swept_module"].to_numpy().tolist() == ["beside_it:make", ""]
    assert np.isfinite(found["I_XT"].isel(case=0, layer=[0, 1, 2])).all()


def test_frozen_layers_stay_in_a_study(tmp_path, monkeypatch):
    (tmp_path / "frozen_net.py").write_text(
        MODELS.replace(
            "    return torch.nn.Sequential(\n        torch.nn.Flatten()",
            "    return frozen(torch.nn.Sequential(\n        torch.nn.Flatten()",
            1,
        ).replace("(6, outputs),\n    )", "(6, outputs),\n    ))", 1)
        + "\ndef frozen(m):\n    m[1].requires_grad_(False)\n    return m\n"
    )
    monkeypatch.chdir(tmp_path)
    keys = {**KEYS, "network": {"module": "frozen_net:make"}, "analyses": {}}
    keys["train"] = {**KEYS["train"], "epochs": 2, "weight_decay": 0.1}
    with sp.run(keys, out=tmp_path / "run").trajectory as trajectory:
        theta = trajectory["weights"].theta.load()
    stays = theta["layer_name"] == "1"
    assert int(stays.sum()) == 64 * 6 + 6
    assert bool((theta[:, :, stays.to_numpy()] == theta[0][:, stays.to_numpy()]).all())
    assert bool((theta[-1][:, ~stays.to_numpy()] != theta[0][:, ~stays.to_numpy()]).all())
    sys.modules.pop("frozen_net")


BUFFERS = """
import torch

class Random(torch.nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.register_buffer("features", torch.randn(8, inputs[0]))
        self.out = torch.nn.Linear(8, outputs)

    def forward(self, x):
        return self.out(torch.tanh(x @ self.features.T))

def make(inputs, outputs):
    return Random(inputs, outputs)
"""


def test_random_buffers_are_the_same_for_training_and_analysis(tmp_path, monkeypatch):
    """Each analysis drew its own, and read a function that nobody had trained."""
    (tmp_path / "random_features.py").write_text(BUFFERS)
    monkeypatch.syspath_prepend(tmp_path)
    network = ModuleNetwork("random_features:make", (3,), 2)
    x = np.random.default_rng(0).standard_normal((5, 3))
    theta = network.initial_weights(np.random.default_rng(1))
    model = model_of(network, torch.float64, "cpu")
    out, _ = model.forward(torch.as_tensor(theta), model.buffers, torch.as_tensor(x), False)
    torch.manual_seed(99)
    read = activations_of(network, x, softmax=False)(theta)
    np.testing.assert_allclose(read[-1], out.detach().numpy(), rtol=1e-12)
