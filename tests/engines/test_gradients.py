"""Gradients and their statistics against torch autograd, in float64."""

import itertools

import numpy as np
import pytest
import torch
from ensembles import every_step, flat, small, torch_loss, torch_model

from sgdphys.engines.base import Plan
from sgdphys.engines.fused import FusedEngine
from sgdphys.engines.gradients import batch_gradients
from sgdphys.networks.activations import ACTIVATIONS
from sgdphys.sampling import SAMPLERS, epoch_rows, philox_keys


def statistics(ensemble, epoch=0):
    """What the engine records at the first epoch, and the weights it recorded them at."""
    engine = FusedEngine(ensemble)
    plan = Plan(np.array([0]), np.array([0]))
    _, recorded = engine.advance(engine.initial_state(), 1, plan)
    return recorded.by_epoch, recorded.theta[:, 0]


def autograd(ensemble, theta, rows):
    model = torch_model(ensemble, theta)
    return flat(torch.autograd.grad(torch_loss(ensemble, model, rows), list(model.parameters())))


def train_rows(ensemble, replica):
    return np.flatnonzero(ensemble.samples.is_train[replica])


@pytest.mark.parametrize(
    ("activation", "loss"),
    [*itertools.product(ACTIVATIONS, ["cross_entropy", "squared_error"])],
)
@pytest.mark.parametrize("bias", [True, False])
def test_gradient_of_every_activation_and_loss(activation, loss, bias):
    ensemble = small(activation=activation, loss=loss, bias=bias, sampler="full", train=31)
    found, theta = statistics(ensemble)
    for replica in range(ensemble.replicas):
        wanted = autograd(ensemble, theta[replica], train_rows(ensemble, replica))
        scale = np.abs(wanted).max()
        assert found["gradient_mean"][0, replica] == pytest.approx(
            wanted, rel=1e-9, abs=1e-12 * scale
        )


def test_gradients_of_batches_are_those_of_their_samples():
    """At weights and in batches of each place's own."""
    ensemble = small(train=31)
    theta = FusedEngine(ensemble).initial_state().theta
    places = np.stack([theta, 1.5 * theta])
    batches = np.zeros((2, *ensemble.samples.is_train.shape), bool)
    rows = {(k, r): train_rows(ensemble, r)[k::3][:9] for k, r in np.ndindex(places.shape[:2])}
    for (k, r), inside in rows.items():
        batches[k, r, inside] = True
    found = batch_gradients(ensemble, places, batches)
    for (k, r), inside in rows.items():
        wanted = autograd(ensemble, places[k, r], inside)
        assert found[k, r] == pytest.approx(wanted, rel=1e-9, abs=1e-12 * np.abs(wanted).max())


def test_squared_error_of_labels():
    ensemble = small(loss="squared_error", labels=True, sampler="full")
    found, theta = statistics(ensemble)
    wanted = autograd(ensemble, theta[1], train_rows(ensemble, 1))
    assert found["gradient_mean"][0, 1] == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_statistics_at_fixed_weights(sampler, loss):
    """Mean and variance over the coming epoch's batches, weighted by size; exact trace.

    30 samples in batches of 8: the last batch holds 6 without replacement (C20).
    """
    ensemble = small(sampler=sampler, loss=loss)
    engine = FusedEngine(ensemble)
    found, theta = statistics(ensemble)
    for replica in range(ensemble.replicas):
        rows = np.zeros((int(ensemble.batch_sizes.sum()), 1), np.int32)
        block = engine.blocks[0]
        epoch_rows(
            philox_keys(ensemble.seed, range(replica, replica + 1), "batches"),
            0,
            np.ascontiguousarray(block.data.train_rows[:, replica : replica + 1]),
            SAMPLERS.index(sampler),
            rows,
            np.zeros((4, 1), np.uint32),
        )
        batches = np.split(rows[:, 0], np.cumsum(ensemble.batch_sizes)[:-1])
        gradients = np.stack([autograd(ensemble, theta[replica], b) for b in batches])
        share = ensemble.batch_sizes / ensemble.batch_sizes.sum()
        mean = share @ gradients
        assert found["gradient_mean"][0, replica] == pytest.approx(mean, rel=1e-8, abs=1e-12)
        if sampler == "full":
            variance = np.zeros_like(mean)
        else:
            variance = share @ (gradients - mean) ** 2 / (1 - (share**2).sum())
        assert found["gradient_variance"][0, replica] == pytest.approx(
            variance, rel=1e-8, abs=1e-14
        )
        each = np.stack(
            [autograd(ensemble, theta[replica], [r]) for r in train_rows(ensemble, replica)]
        )
        layer = ensemble.network.parameters.layer
        for k in range(ensemble.network.layers):
            own = layer == k + 1
            record = {n: found[n][0, replica, k] for n in found if found[n].ndim == 3}
            assert record["mean_norm"] == pytest.approx(np.linalg.norm(mean[own]), rel=1e-8)
            assert record["noise_norm"] == pytest.approx(np.sqrt(variance[own].sum()), rel=1e-8)
            assert record["weight_norm"] == pytest.approx(
                np.linalg.norm(theta[replica][own]), rel=1e-12
            )
            trace = each[:, own].var(axis=0).sum()
            assert record["noise_trace"] == pytest.approx(trace, rel=1e-8)


def test_equal_batches_give_the_variance_with_ddof_1():
    ensemble = small(train=32, samples=40)
    found, theta = statistics(ensemble)
    assert len(set(ensemble.batch_sizes.tolist())) == 1
    block = FusedEngine(ensemble).blocks[0]
    rows = np.zeros_like(block.order)
    epoch_rows(block.keys.batches, 0, block.data.train_rows, 0, rows, block.words)
    batches = np.split(rows[:, 0], 4)
    gradients = np.stack([autograd(ensemble, theta[0], b) for b in batches])
    assert found["gradient_variance"][0, 0] == pytest.approx(
        gradients.var(axis=0, ddof=1), rel=1e-8, abs=1e-14
    )


@pytest.mark.parametrize("sampler", ["shuffle", "replacement"])
def test_one_batch_has_no_noise_unless_it_was_drawn(sampler):
    found, _ = statistics(small(sampler=sampler, batch_size=30))
    variance = found["gradient_variance"]
    assert (variance == 0).all() if sampler == "shuffle" else np.isnan(variance).all()


def test_loss_and_accuracy_of_both_halves():
    ensemble = small()
    found, theta = statistics(ensemble)
    for replica in range(ensemble.replicas):
        model = torch_model(ensemble, theta[replica])
        for name, rows in (
            ("", ensemble.samples.is_train[replica]),
            ("test_", ~ensemble.samples.is_train[replica]),
        ):
            rows = np.flatnonzero(rows)
            loss = torch_loss(ensemble, model, rows).item()
            out = model(torch.from_numpy(ensemble.samples.x[rows])).argmax(dim=1).numpy()
            assert found[f"{name}loss"][0, replica] == pytest.approx(loss, rel=1e-10)
            right = (out == ensemble.samples.targets[0][rows]).mean()
            assert found[f"{name}accuracy"][0, replica] == right


def test_no_test_samples_is_not_a_number():
    found, _ = statistics(small(train=40))
    assert np.isnan(found["test_loss"]).all()
    assert np.isfinite(found["loss"]).all()


def test_real_targets_have_no_accuracy():
    found, _ = statistics(small(loss="squared_error"))
    assert np.isnan(found["accuracy"]).all()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_gradients_that_the_updates_followed(sampler):
    """Mean and spread over an epoch's batches, each at the weights that it met.

    Those of plain descent are the differences of the weights. No update follows the last epoch.
    """
    ensemble = small(sampler=sampler, epochs=3)
    engine = FusedEngine(ensemble)
    _, recorded = engine.advance(engine.initial_state(), 3, every_step(ensemble))
    found, updates = recorded.by_epoch, ensemble.updates_per_epoch
    share = ensemble.batch_sizes / ensemble.batch_sizes.sum()
    layer = ensemble.network.parameters.layer
    for epoch in range(3):
        path = recorded.theta[:, epoch * updates : (epoch + 1) * updates + 1]
        gradients = -np.diff(path, axis=1) / 0.1  # (replica, batch, parameter)
        mean = np.einsum("b,rbp->rp", share, gradients)
        variance = np.zeros_like(mean)
        if updates > 1:
            spread = np.einsum("b,rbp->rp", share, (gradients - mean[:, None]) ** 2)
            variance = spread / (1 - (share**2).sum())
        for k in range(ensemble.network.layers):
            own = layer == k + 1
            assert found["followed_mean_norm"][epoch, :, k] == pytest.approx(
                np.linalg.norm(mean[:, own], axis=1), rel=1e-8
            )
            assert found["followed_noise_norm"][epoch, :, k] == pytest.approx(
                np.sqrt(variance[:, own].sum(axis=1)), rel=1e-7
            )
    assert np.isnan(found["followed_mean_norm"][3]).all()


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_followed_gradients_hold_neither_decay_nor_penalty_nor_momentum(optimiser):
    """They are those of the loss, whatever rule turns them into updates."""
    options = {"optimiser": optimiser, "weight_decay": 0.1, "orthonormality": 0.1}
    options |= {"momentum": 0.9} if optimiser == "sgd" else {}
    ensemble = small(epochs=1, **options)
    engine = FusedEngine(ensemble)
    _, recorded = engine.advance(engine.initial_state(), 1, every_step(ensemble))
    block = engine.blocks[0]
    rows = np.zeros_like(block.order)
    epoch_rows(block.keys.batches, 0, block.data.train_rows, 0, rows, block.words)
    ends = np.cumsum(ensemble.batch_sizes)
    for replica in range(ensemble.replicas):
        batches = np.split(rows[:, replica], ends[:-1])
        gradients = np.stack(
            [autograd(ensemble, recorded.theta[replica, k], b) for k, b in enumerate(batches)]
        )
        mean = (ensemble.batch_sizes / ends[-1]) @ gradients
        found = recorded.by_epoch["followed_mean_norm"][0, replica]
        assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(mean), rel=1e-8)
