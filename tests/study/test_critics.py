"""The analyses of the critics' studies, each against what can be worked out beside it."""

import numpy as np
import pytest
import xarray as xr

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.information.estimators.binned import binned_information
from sgdphys.information.estimators.noisy import noisy_information
from sgdphys.information.over_epochs import layer_information
from sgdphys.networks import Perceptron, from_description
from sgdphys.study.runs import Run

RULE = {
    "title": "critics",
    "network": {"layers": [4, 3], "activation": "relu"},
    "train": {"epochs": 40, "replicas": 6, "batch_size": 500},
    "record": {"weights": "log_pairs"},
    "analyses": {
        "information": {}, "learning": {"error": 0.3}, "diversity": {},
        "clustering": {"epochs": 4, "replicas": 2}, "rescaling": {}, "one_unit": {},
        "precision": {"of": "information", "estimator": "precision", "epochs": [0, 40],
                      "replicas": 2},
    },
    "figures": {"formats": []},
}  # fmt: skip
LINEAR = {
    "title": "linear",
    "task": {"name": "teacher_student", "features": 5, "relevant": 2, "samples": 60, "noise": 0.5},
    "network": {"layers": [3], "activation": "identity", "bias": False},
    "train": {
        "epochs": 50, "replicas": 4, "sampling": "full", "loss": "squared_error",
        "learning_rate": 0.2, "train_fraction": 0.5, "dtype": "float64",
    },
    "record": {"weights": "log"},
    "analyses": {"linear": {"noise_variance": 0.3}},
    "figures": {"formats": []},
}  # fmt: skip


@pytest.fixture(scope="module")
def rule(tmp_path_factory):
    return sp.run(RULE, tmp_path_factory.mktemp("critics") / "rule")


@pytest.fixture(scope="module")
def linear(tmp_path_factory):
    return sp.run(LINEAR, tmp_path_factory.mktemp("critics") / "linear")


def group(run: Run, name: str) -> xr.Dataset:
    with run.results as results:
        return results[name].to_dataset().load()


def last_weights(run: Run) -> tuple[Perceptron, np.ndarray]:
    with run.trajectory as trajectory:
        theta = trajectory["weights"].theta.isel(step=-1).to_numpy()
        return from_description(trajectory.attrs["network"]), theta.astype(np.float64)


def test_pairs_are_log_spaced_epochs_and_the_one_after_each(rule):
    with rule.trajectory as trajectory:
        weights = set(trajectory["weights"]["epoch"].to_numpy().astype(int))
        marks = trajectory["training"]["epoch"].to_numpy()
    assert weights == set(marks) | {min(int(m) + 1, 40) for m in marks}


def test_learning_says_when_and_how_well(rule):
    found = group(rule, "learning")
    with rule.trajectory as trajectory:
        training = trajectory["training"].to_dataset().load()
    accuracy = training["test_accuracy"].transpose("epoch", "replica").to_numpy()
    assert found["final_test_accuracy"].to_numpy() == pytest.approx(accuracy[-1])
    for replica, epoch in enumerate(found["error_epoch"].to_numpy()):
        reached = np.flatnonzero(accuracy[:, replica] >= 0.7)
        assert (
            (epoch == training["epoch"].to_numpy()[reached[0]]) if len(reached) else np.isnan(epoch)
        )
    order = 2 * accuracy[-1] - 1
    assert float(found["order"]) == pytest.approx(np.abs(order).mean())
    loss = training["test_loss"].transpose("epoch", "replica").to_numpy()
    lowest = loss.mean(axis=1).argmin()
    assert found["overtraining"].to_numpy() == pytest.approx(loss[-1] - loss[lowest])


@pytest.mark.thorough(reason="a run with many figures: 5 s")
def test_what_the_critics_look_at_is_drawn(rule, linear):
    of_rule = ["compression", "relaxation", "test_error", "diversity", "clustering", "one_unit"]
    drawn = {
        path.stem
        for run, names in ((rule, of_rule), (linear, ["linear"]))
        for path in run.write_figures(names, formats=["svg"])
    }
    assert {*of_rule, "compression-precision", "linear"} <= drawn


def test_norms_grow_as_the_weights_say(rule):
    found = group(rule, "diversity")
    with rule.trajectory as trajectory:
        theta = trajectory["weights"].theta.isel(step=[0, -1]).load()
    inside = theta["layer"].to_numpy() == 2
    norm = np.linalg.norm(theta.to_numpy()[..., inside], axis=-1)
    assert found["norm_ratio"].sel(layer=2).to_numpy() == pytest.approx(norm[1] / norm[0], rel=1e-6)


def test_clustering_reads_the_entropy_of_the_histogram(rule):
    found = group(rule, "clustering").isel(epoch=-1)
    network, theta = last_weights(rule)
    task = sp.tasks.symmetric_rule()
    units = network.forward(theta[0], task.x.to_numpy())[1]
    read = float(binned_information(units, task.y.to_numpy())["I_XT"])
    assert float(found["binned_entropy"].sel(layer=2).isel(replica=0)) == pytest.approx(read)
    assert 0 < float(found["distance_ratio"].sel(layer=2).isel(replica=0)) < 1


def test_a_rescaled_network_is_the_same_function_with_another_information(rule):
    found = group(rule, "rescaling")
    network, theta = last_weights(rule)
    x = sp.tasks.symmetric_rule().x.to_numpy()
    with rule.trajectory as trajectory:
        layer = trajectory["weights"]["layer"].to_numpy()
        kind = trajectory["weights"]["kind"].to_numpy()
    scale = np.where(layer == 1, 0.1, np.where((layer == 2) & (kind == "weight"), 10.0, 1.0))
    before, after = (network.forward(theta[0] * s, x)[-1] for s in (1.0, scale))
    assert after == pytest.approx(before, rel=1e-9)
    change = (found["rescaled_I_XT"] - found["I_XT"]).sel(layer=1)
    assert (change < -0.1).all()
    assert found["rescaled_I_XT"].sel(layer=2).to_numpy() == pytest.approx(
        found["I_XT"].sel(layer=2).to_numpy(), abs=0.05
    )


def test_at_machine_precision_distinct_rows_are_counted(rule):
    found = group(rule, "precision")
    network, theta = last_weights(rule)
    t = network.forward(theta[1], sp.tasks.symmetric_rule().x.to_numpy())[0].astype(np.float32)
    _, counts = np.unique(t, axis=0, return_counts=True)
    p = counts / counts.sum()
    last = found["I_XT"].isel(epoch=-1, replica=1).sel(layer=1)
    assert float(last) == pytest.approx(-(p * np.log2(p)).sum())
    assert found["replica"].to_numpy().tolist() == [0, 1]  # to be aligned with other analyses


def test_bins_equal_in_net_input_are_those_of_the_net_input(tmp_path):
    keys = {**RULE, "network": {"layers": [3]}, "analyses": {}}
    run = sp.run(keys, tmp_path / "tanh")
    task = sp.tasks.symmetric_rule()
    with run.trajectory as trajectory:
        found = layer_information(trajectory, task, estimator="net_input", epochs=[40], bins=200)
    network, theta = last_weights(run)
    z = np.arctanh(network.forward(theta[0], task.x.to_numpy())[0])
    cells = np.floor((z + 50) / 0.5).astype(int)
    read = float(binned_information(cells, task.y.to_numpy(), bins=200, low=0, high=200)["I_XT"])
    assert float(found["I_XT"].isel(epoch=0, replica=0).sel(layer=1)) == pytest.approx(read)


def test_linear_networks_against_closed_forms_and_many_samples(linear):
    found = group(linear, "linear").isel(epoch=-1)
    network, theta = last_weights(linear)
    task = sp.tasks.teacher_student(5, 60, noise=0.5, relevant=2)
    (w, _), (v, _) = network.matrices(theta[0])
    # I(X;T) by determinants of the joint covariance; irrelevant inputs are the last three
    s, n = np.eye(5) / 5, 0.3 * np.eye(3)
    whole = w @ s @ w.T + n
    without = w[:, :2] @ s[:2, :2] @ w[:, :2].T + n
    bits = [0.5 * np.log2(np.linalg.det(whole) / np.linalg.det(m)) for m in (n, without)]
    one = found.isel(replica=0).sel(layer=1)
    assert float(one["I_XT"]) == pytest.approx(bits[0])
    assert float(one["I_irrelevant"]) == pytest.approx(bits[1])
    x = np.random.default_rng(0).standard_normal((400_000, 5)) / np.sqrt(5)
    away = (x @ (v @ w).T)[:, 0] - x @ task.teacher.to_numpy()
    error = float(found["generalisation_error"].isel(replica=0))
    assert error == pytest.approx((away**2).mean() + 0.25, rel=0.01)


@pytest.mark.parametrize("rate", [1e30, 1e50])
def test_linear_networks_on_their_way_to_divergence_have_no_information(tmp_path, rate):
    train = {**LINEAR["train"], "learning_rate": rate, "epochs": 2}
    run = sp.run({**LINEAR, "train": train, "record": {"weights": "epoch"}}, tmp_path / "run")
    assert (run.diverged_steps == -1).all()
    found = group(run, "linear")
    assert np.isfinite(found["I_XT"].sel(epoch=0)).all()
    assert found["I_XT"].sel(epoch=2, layer=2).isnull().all()
    assert found["generalisation_error"].sel(epoch=2).isnull().all()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"network": {"layers": [3], "activation": "tanh"}}, "exact for linear networks"),
        ({"task": {**LINEAR["task"], "relevant": 9}}, "task.relevant is 9"),
    ],
)
def test_what_is_not_linear_is_refused(tmp_path, changed, words):
    with pytest.raises(InputError, match=words):
        sp.run({**LINEAR, **changed}, tmp_path / "run")


def test_a_noisy_layer_never_knows_more_than_there_is():
    network = Perceptron((6, 8, 6, 2), noise=0.005)
    x = ((np.arange(64)[:, None] >> np.arange(6)) & 1).astype(float)
    theta = network.initial_weights(np.random.default_rng(0))
    found = noisy_information(network, theta, x, x[:, 0].astype(int))
    assert (found["I_XT"] <= 6 + 1e-9).all()
    assert found["I_XT"].to_numpy() == pytest.approx(6, abs=0.05)


def test_the_null_of_noisy_layers_is_that_of_other_labels():
    network = Perceptron((6, 3, 2, 2), noise=0.3)
    x = ((np.arange(64)[:, None] >> np.arange(6)) & 1).astype(float)
    theta = 2 * network.initial_weights(np.random.default_rng(1))
    y = (x.sum(axis=1) > 3).astype(int)
    other = np.random.default_rng(2).permutation(y)
    both = noisy_information(network, theta, x, y, shuffled=other, draws=16)
    alone = noisy_information(network, theta, x, other, draws=16)
    assert both["null_I_TY"].to_numpy() == pytest.approx(alone["I_TY"].to_numpy())
    assert (both["null_I_TY"] < both["I_TY"]).all()
