"""Perceptrons without hidden layers: logistic and linear regression, written out by hand."""

import dataclasses

import numpy as np
import pytest
from ensembles import every_step, small

import sgdphys as sp
from sgdphys.engines.fused import FusedEngine
from sgdphys.engines.vmapped import VmappedEngine
from sgdphys.sampling import epoch_rows

ENGINES = pytest.mark.parametrize("engine", [FusedEngine, VmappedEngine])
SIZES = (5, 2)


def trained(engine, ensemble):
    made = engine(ensemble)
    return made.advance(made.initial_state(), ensemble.epochs, every_step(ensemble))


def batches(ensemble, replica):
    """Rows of the data of every batch of the run, in order."""
    block = FusedEngine(ensemble).blocks[0]
    rows = np.zeros_like(block.order)
    for epoch in range(ensemble.epochs):
        epoch_rows(
            block.keys.batches, epoch, block.data.train_rows, block.data.sampler, rows, block.words
        )
        yield from np.split(rows[:, replica].copy(), np.cumsum(ensemble.batch_sizes)[:-1])


@ENGINES
@pytest.mark.parametrize("options", [{}, {"sampler": "full"}, {"momentum": 0.9, "batch_size": 3}])
def test_two_outputs_are_logistic_regression(engine, options):
    """With w = w_1 - w_0 and p = 1/(1 + exp(-w.x - b)), dL/dw = (p - y) x, shared as -+ 1/2."""
    ensemble = small(sizes=SIZES, dtype="float64", **options)
    _, found = trained(engine, ensemble)
    momentum, rate = ensemble.training.momentum, ensemble.training.rates[0]
    for replica in range(2):
        path = found.theta[replica].astype(float)
        w, b = path[0, 5:10] - path[0, :5], path[0, 11] - path[0, 10]
        moving = np.zeros(6)
        for step, rows in enumerate(batches(ensemble, replica), 1):
            x, y = ensemble.samples.x[rows], ensemble.labels_of([replica])[0][rows]
            wrong = 1 / (1 + np.exp(-(x @ w + b))) - y
            slope = np.append(wrong @ x, wrong.sum()) / len(rows)
            moving = momentum * moving + slope
            w, b = w - 2 * rate * moving[:5], b - 2 * rate * moving[5]
            now = path[step]
            assert now[5:10] - now[:5] == pytest.approx(w, rel=1e-10, abs=1e-12)
            assert now[11] - now[10] == pytest.approx(b, rel=1e-10, abs=1e-12)
            assert now[5:10] + now[:5] == pytest.approx(path[0, 5:10] + path[0, :5], abs=1e-12)


@ENGINES
def test_squared_error_is_linear_regression(engine):
    """Without biases: W <- W - rate (W x - t) x', averaged over the batch."""
    ensemble = small(sizes=SIZES, dtype="float64", loss="squared_error", rate=0.02, bias=False)
    _, found = trained(engine, ensemble)
    w = found.theta[0, 0].reshape(2, 5).astype(float)
    for step, rows in enumerate(batches(ensemble, 0), 1):
        x = ensemble.samples.x[rows]
        error = x @ w.T - ensemble.samples.targets[rows]
        w = w - ensemble.training.rates[0] * error.T @ x / len(rows)
        assert found.theta[0, step].reshape(2, 5) == pytest.approx(w, rel=1e-10, abs=1e-12)


@ENGINES
def test_loss_accuracy_and_gradients_are_those_of_the_recorded_weights(engine):
    ensemble = small(sizes=SIZES, dtype="float64", sampler="full")
    _, found = trained(engine, ensemble)
    train = ensemble.samples.is_train[1]
    x, y = ensemble.samples.x[train], ensemble.labels_of([1])[0][train]
    for at, theta in enumerate(found.theta[1]):
        out = x @ theta[:10].reshape(2, 5).T + theta[10:]
        p = np.exp(out) / np.exp(out).sum(axis=1, keepdims=True)
        assert found.by_epoch["loss"][at, 1] == pytest.approx(-np.log(p[range(len(y)), y]).mean())
        assert found.by_epoch["accuracy"][at, 1] == np.mean(out.argmax(axis=1) == y)
        if at < ensemble.epochs:
            error = p - np.eye(2)[y]
            slope = np.append((error.T @ x).ravel(), error.sum(axis=0)) / len(y)
            norm = found.by_epoch["mean_norm"][at, 1]
            assert norm == pytest.approx([np.linalg.norm(slope)])


@ENGINES
def test_a_training_that_is_taken_up_again_goes_on_as_it_would_have(engine):
    ensemble = small(sizes=SIZES, momentum=0.5)
    _, whole = trained(engine, ensemble)
    made = engine(ensemble)
    state, first = made.advance(made.initial_state(), 3, every_step(ensemble))
    _, second = engine(ensemble).advance(state, ensemble.epochs, every_step(ensemble))
    np.testing.assert_array_equal(np.append(first.theta, second.theta, axis=1), whole.theta)


def test_rates_follow_their_schedule():
    ensemble = small(sizes=SIZES, dtype="float64", sampler="full")
    rates = np.where(np.arange(ensemble.epochs) == 2, 0.0, 0.1)
    training = dataclasses.replace(ensemble.training, rates=rates)
    _, found = trained(FusedEngine, dataclasses.replace(ensemble, training=training))
    moved = np.abs(np.diff(found.theta, axis=1)).max(axis=(0, 2)) > 0
    np.testing.assert_array_equal(moved, rates > 0)


@pytest.mark.thorough(reason="a run of its own: 2 s")
def test_a_study_of_such_perceptrons(tmp_path):
    keys = {
        "task": {"name": "random_labels", "features": 4, "samples": 30},
        "network": {"layers": []},
        "train": {"epochs": 12, "replicas": 6, "batch_size": 10},
        "analyses": {"information": {}, "phases": {}, "learning": {}, "diversity": {}},
        "figures": {"formats": []},
    }
    done = sp.run(keys, tmp_path / "run")
    assert done.trajectory["weights"].sizes["parameter"] == 2 * 4 + 2
    with done.results as results:
        information = results["information"].to_dataset().load()
    assert information["layer"].to_numpy().tolist() == [1]
    assert (information["I_XT"] <= np.log2(30) + 1e-9).all()
