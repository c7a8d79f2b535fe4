"""Learning: dead and diverged networks as classes of their own, and a user's order parameter."""

import sys

import numpy as np
import pytest
import tomli_w

import sgdphys as sp
from sgdphys.analyses.learning.analysis import across_cases
from sgdphys.errors import InputError
from sgdphys.networks import Perceptron
from sgdphys.study.files import load_study

KEYS = {
    "task": {"name": "random_labels", "samples": 60, "features": 3},
    "network": {"layers": [4], "activation": "identity"},
    "train": {"epochs": 12, "replicas": 12, "batch_size": 60, "learning_rate": 0.1,
              "dtype": "float64"},
    "analyses": {"learning": {}},
    "figures": {"formats": []},
}  # fmt: skip
ORDER = """
import xarray as xr

def norm(trajectory, task):
    theta = trajectory["weights"].theta.isel(step=-1)
    return (theta**2).sum("parameter") ** 0.5 + task.sizes["feature"]

def loss(trajectory, task):
    return trajectory["training"]["loss"]

def fails(trajectory, task):
    return 1 / 0

def number(trajectory, task):
    return 3.0

def few(trajectory, task):
    return norm(trajectory, task).isel(replica=slice(2))

def strange(trajectory, task):
    return xr.DataArray([[1.0]], dims=("replica", "unit"))
"""


def learning(keys, folder):
    done = sp.run(keys, folder)
    with done.results as results:
        return done, results["learning"].to_dataset().load()


def test_networks_that_give_one_label_are_dead(tmp_path):
    """Weights decay to nothing and biases learn the commoner label."""
    train = {**KEYS["train"], "weight_decay": 30.0, "learning_rate": 0.03, "epochs": 60}
    keys = {**KEYS, "train": train, "network": {"layers": [4], "activation": "tanh"}}
    done, found = learning(keys, tmp_path / "run")
    theta = done.trajectory["weights"]["theta"].isel(step=-1).to_numpy()
    assert np.abs(theta).max() < 0.1
    x = sp.tasks.random_labels(3, 60)["x"].to_numpy()
    network = Perceptron((3, 4, 2), "tanh")
    for k, dead in enumerate(found["is_dead"].to_numpy()):
        answers = network.forward(theta[k], x)[-1].argmax(axis=1)
        assert dead == (len(np.unique(answers)) == 1)
    assert found["is_dead"].any()
    assert float(found["share_dead"]) == found["is_dead"].mean()
    assert found["share_dead_low"] < found["share_dead"] <= found["share_dead_high"]


def test_networks_that_diverge_count_with_no_order(tmp_path):
    """At this rate some networks diverge and some do not."""
    train = {**KEYS["train"], "learning_rate": 0.9, "replicas": 30, "epochs": 100}
    train |= {"loss": "squared_error", "batch_size": 8}
    _, found = learning({**KEYS, "train": train}, tmp_path / "run")
    diverged = found["is_diverged"].to_numpy().astype(bool)
    assert 0 < diverged.sum() < 30, diverged.sum()
    assert (found["m"].to_numpy()[diverged] == 0).all()
    assert float(found["share_diverged"]) == pytest.approx(diverged.mean())
    sound = ~(diverged | found["is_dead"].to_numpy().astype(bool))
    m = np.abs(found["m"].to_numpy())
    assert float(found["order"]) == pytest.approx(m.mean())
    if sound.sum() >= 5:
        assert float(found["order_without_dead"]) == pytest.approx(m[sound].mean())
    else:
        assert np.isnan(found["order_without_dead"])


def test_a_case_in_which_all_diverged_is_counted(tmp_path):
    train = {**KEYS["train"], "weight_decay": 1.0}
    keys = {**KEYS, "train": train, "sweep": {"train.learning_rate": [0.01, 1e300]}}
    _, found = learning(keys, tmp_path / "run")
    assert found["share_diverged"].to_numpy().tolist() == [0.0, 1.0]
    assert found["share_diverged_low"].to_numpy()[1] == pytest.approx(0.025 ** (1 / 12))
    assert found["order"].to_numpy()[1] == 0
    assert np.isnan(found["order_without_dead"].to_numpy()[1])
    study = load_study(keys)[1]
    assert across_cases(found, study, study.analyses["learning"]).equals(found)


@pytest.fixture
def study(tmp_path):
    """A study in a folder with a module of order parameters, named by its own folder."""
    name = f"orders_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(ORDER)

    def written(function):
        keys = {**KEYS, "analyses": {"learning": {"order": f"{name}:{function}"}}}
        path = tmp_path / "s.toml"
        path.write_text(tomli_w.dumps(keys))
        return path

    yield written
    sys.modules.pop(name, None)


def test_an_order_parameter_of_the_users(study, tmp_path):
    done, found = learning(study("norm"), tmp_path / "run")
    theta = done.trajectory["weights"]["theta"].isel(step=-1).to_numpy()
    wanted = np.linalg.norm(theta, axis=1) + 3
    np.testing.assert_allclose(found["m"], wanted)
    assert float(found["order"]) == pytest.approx(wanted.mean())
    assert np.isnan(found["relaxation_epoch"]).all()
    assert found.attrs["order"].endswith(":norm")


def test_results_follow_the_source_of_an_order_parameter(study, tmp_path):
    path = study("norm")
    done, _ = learning(path, tmp_path / "run")
    assert done.is_analysed_as_asked
    (module,) = tmp_path.glob("orders_*.py")
    module.write_text(ORDER.replace("** 0.5", "** 1.0"))
    assert not done.is_analysed_as_asked


def test_an_order_parameter_over_epochs_has_a_relaxation(study, tmp_path):
    done, found = learning(study("loss"), tmp_path / "run")
    loss = done.trajectory["training"]["loss"].transpose("epoch", "replica").to_numpy()
    np.testing.assert_allclose(found["m"], loss[-1])
    first = [np.argmax(curve >= (1 - np.exp(-1)) * curve[-1]) for curve in loss.T]
    epoch = done.trajectory["training"]["epoch"].to_numpy()
    np.testing.assert_array_equal(found["relaxation_epoch"], epoch[first])


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("nowhere", "has no 'nowhere'"),
        ("fails", "failed \\(ZeroDivisionError"),
        ("number", "returned a float; a DataArray with one number for every replica"),
        ("few", "returned 2 values of type float64; one number for each of 12 replicas"),
        ("strange", "returned the dimensions replica, unit"),
    ],
)
def test_an_order_parameter_that_is_none_is_refused(study, tmp_path, function, sentence):
    with pytest.raises(InputError, match=sentence):
        sp.run(study(function), tmp_path / "run")


def test_how_an_order_parameter_is_written(tmp_path):
    with pytest.raises(InputError, match=r"write it as package\.module:function"):
        sp.run({**KEYS, "analyses": {"learning": {"order": "mine"}}}, tmp_path / "run")
