"""What every result of a study says: the clocks of its epochs, and which networks have learnt."""

import numpy as np
import pytest

import sgdphys as sp
from sgdphys.study.running import run
from sgdphys.study.summary import closing_lines

SMALL = {
    "network": {"layers": [4, 3]},
    "train": {"epochs": 20, "replicas": 4, "batch_size": 1000, "learning_rate": 0.5,
              "schedule": {"every": 10, "factor": 0.1}},
    "analyses": {"information": {}},
    "figures": {"formats": []},
}  # fmt: skip


def test_results_have_updates_and_the_sum_of_learning_rates(tmp_path):
    found = run(SMALL, tmp_path / "run")
    with found.results as results:
        information = results["information"].to_dataset().load()
    epoch = information["epoch"].to_numpy()
    assert (information["updates"] == 4 * epoch).all()
    rates = np.repeat([0.5, 0.05], 10)
    np.testing.assert_allclose(information["flow_time"], 4 * np.append(0, np.cumsum(rates))[epoch])
    assert information["flow_time"].attrs["units"] == "weight**2/loss"


def test_networks_at_chance_are_counted(tmp_path):
    """Labels that do not depend on the inputs, and weights that hardly move."""
    task = {"name": "random_labels", "samples": 400, "features": 5}
    train = {"epochs": 4, "replicas": 4, "learning_rate": 1e-6}
    found = run({**SMALL, "task": task, "train": train}, tmp_path / "run")
    with found.results as results:
        learned = results["information"].to_dataset()["learned"].to_numpy()
    assert not learned.any()
    assert any(line.startswith("4 of 4 networks") for line in closing_lines(found, 1.0))


def test_a_loss_of_numbers_that_falls_is_learnt(tmp_path):
    task = {"name": "teacher_student", "samples": 100, "features": 5, "noise": 0.1}
    train = {"epochs": 30, "replicas": 3, "learning_rate": 0.05, "loss": "squared_error"}
    analyses = {"linear": {}}
    network = {"layers": [4], "activation": "identity", "bias": False}
    keys = {**SMALL, "task": task, "train": train, "network": network, "analyses": analyses}
    found = run(keys, tmp_path / "run")
    with found.results as results:
        assert results["linear"].to_dataset()["learned"].all()
    assert sp.open_trajectory(found.folder)["training"]["loss"].isel(epoch=-1).max() < 1


@pytest.mark.thorough(reason="a run of its own: 5 s")
def test_layers_know_the_labels_that_their_network_was_trained_on(tmp_path):
    """Random labels that are known by heart: 0.999 bits of one's own, not of the task's."""
    study = {
        "task": {"labels": "random"},
        "network": {"layers": [40]},
        "train": {"epochs": 1500, "replicas": 3, "train_fraction": 0.02, "learning_rate": 0.5},
        "record": {"weights": "log", "gradients": "none"},
        "analyses": {"information": {"patterns": "train", "bins": 4}, "learning": {}},
        "figures": {"formats": []},
    }
    run = sp.run(study, tmp_path / "run")
    assert float(run.trajectory["training"].accuracy[-1].min()) == 1
    last = run.results["information"].to_dataset().isel(epoch=-1, layer=-1)
    assert float(last["I_TY"].min()) > 0.9
