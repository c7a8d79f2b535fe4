"""Training against a plain torch loop, and what must repeat bit for bit."""

import dataclasses

import numpy as np
import pytest
import torch
from ensembles import every_step, flat, small, torch_loss, torch_model

from sgdphys import parallel
from sgdphys.engines.base import Plan, Stopped
from sgdphys.engines.fused import FusedEngine
from sgdphys.networks import Perceptron
from sgdphys.sampling import SAMPLERS, epoch_rows


def recorded(ensemble, threads=None, plan=None):
    with parallel.limited(threads):
        engine = FusedEngine(ensemble)
        plan = plan or every_step(ensemble)
        return engine.advance(engine.initial_state(), ensemble.epochs, plan)


def torch_loop(ensemble, theta, replica):
    """Weights after every update of an ordinary loop fed the same batches."""
    training = ensemble.training
    model = torch_model(ensemble, theta)
    options = {"lr": 1.0, "weight_decay": training.weight_decay}
    if training.optimiser == "adam":
        optimiser = torch.optim.Adam(model.parameters(), **options)
    else:
        optimiser = torch.optim.SGD(
            model.parameters(),
            momentum=training.momentum,
            nesterov=training.nesterov,
            **options,
        )
    block = FusedEngine(ensemble).blocks[0]
    rows = np.zeros_like(block.order)
    path = [flat(model.parameters())]
    for epoch in range(ensemble.epochs):
        optimiser.param_groups[0]["lr"] = training.rates[epoch]
        epoch_rows(
            block.keys.batches, epoch, block.data.train_rows, block.data.sampler, rows, block.words
        )
        for batch in np.split(rows[:, replica], np.cumsum(ensemble.batch_sizes)[:-1]):
            optimiser.zero_grad()
            loss = torch_loss(ensemble, model, batch)
            for w in (p for p in model.parameters() if p.ndim == 2):
                away = w @ w.T - torch.eye(len(w), dtype=w.dtype)
                loss = loss + 0.25 * training.orthonormality * (away**2).sum()
            loss.backward()
            optimiser.step()
            path.append(flat(model.parameters()))
    return np.stack(path)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"weight_decay": 0.01, "momentum": 0.5},
        {"optimiser": "adam", "rate": 0.01},
        {"optimiser": "adam", "rate": 0.01, "weight_decay": 0.1},
        {"orthonormality": 0.7, "sizes": (5, 4, 6, 2), "momentum": 0.5},
        {"sampler": "replacement"},
        {"sampler": "fixed"},
        {"sampler": "full", "activation": "relu"},
        {"loss": "squared_error", "rate": 0.02},
        {"batch_size": 1, "epochs": 2},
        {"batch_size": 512},
    ],
    ids=str,
)
def test_training_agrees_with_a_torch_loop(dtype, options):
    ensemble = small(dtype=dtype, **options)
    _, found = recorded(ensemble)
    for replica in range(2):
        wanted = torch_loop(ensemble, found.theta[replica, 0], replica)
        tolerance = 1e-5 if dtype == "float32" else 1e-10
        assert found.theta[replica] == pytest.approx(wanted, rel=tolerance, abs=tolerance)


def test_weights_are_kept_orthonormal():
    """To what the gradient of the loss, at most 1 a batch, can pull against a penalty of 10."""
    ensemble = small(orthonormality=10.0, rate=0.02, epochs=60, init="fan_in", sizes=(5, 4, 6, 2))
    _, found = recorded(ensemble)
    first, last = ([w for w, _ in ensemble.network.matrices(found.theta[0, at])] for at in (0, -1))
    for before, after in zip(first, last, strict=True):
        rows, columns = after.shape
        away = [
            np.abs((w if rows <= columns else w.T) @ (w.T if rows <= columns else w)
                   - np.eye(min(rows, columns))).max()
            for w in (before, after)
        ]  # fmt: skip
        assert away[1] < 0.1 < away[0]


def test_schedule_sets_the_rate_of_each_epoch():
    ensemble = small(momentum=0.5)
    training = dataclasses.replace(ensemble.training, rates=0.2 * 0.5 ** np.arange(8))
    ensemble = dataclasses.replace(ensemble, training=training)
    _, found = recorded(ensemble)
    wanted = torch_loop(ensemble, found.theta[0, 0], 0)
    assert found.theta[0] == pytest.approx(wanted, rel=1e-10, abs=1e-12)


NOISY = {"noise": 0.1, "label_noise": 0.2, "langevin": 1e-3, "momentum": 0.5}


@pytest.mark.parametrize(
    "options", [{}, NOISY, {"optimiser": "adam"}], ids=["plain", "noisy", "adam"]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_replicas_are_the_same_whatever_runs_beside_them(options, dtype):
    """Bit for bit: 3 replicas or 37, one thread or two, other neighbours in the register."""
    few, many = (small(replicas=r, dtype=dtype, **options) for r in (3, 37))
    _, alone = recorded(few)
    for threads in (1, 2):
        _, together = recorded(many, threads)
        assert (alone.theta == together.theta[:3]).all()
        for name, values in alone.by_epoch.items():
            assert np.array_equal(values, together.by_epoch[name][:, :3], equal_nan=True), name


@pytest.mark.parametrize("options", [NOISY, {"optimiser": "adam"}], ids=["noisy", "adam"])
def test_stretches_join_to_the_unbroken_run(options):
    """Bit for bit, with the moments of the optimiser, and no step or epoch twice."""
    ensemble = small(**options)
    engine, plan = FusedEngine(ensemble), every_step(ensemble)
    _, whole = recorded(ensemble)
    state, parts = engine.initial_state(), []
    for until in (1, 4, 5, 8):
        state, part = engine.advance(state, until, plan)
        parts.append(part)
    assert (np.concatenate([p.theta for p in parts], axis=1) == whole.theta).all()
    assert (np.concatenate([p.steps for p in parts]) == whole.steps).all()
    assert (np.concatenate([p.epochs for p in parts]) == whole.epochs).all()
    for name, values in whole.by_epoch.items():
        joined = np.concatenate([p.by_epoch[name] for p in parts])
        assert np.array_equal(joined, values, equal_nan=True), name


def test_what_is_recorded_does_not_change_the_run():
    ensemble = small(**NOISY)
    _, dense = recorded(ensemble)
    sparse = Plan(np.array([0, 5, 32]), np.array([3]), gradients=False)
    _, found = recorded(ensemble, plan=sparse)
    assert (found.theta == dense.theta[:, [0, 5, 32]]).all()
    assert set(found.by_epoch) == {"loss", "accuracy", "test_loss", "test_accuracy"}


def test_twins_share_start_and_differ_in_batches_alone():
    _, found = recorded(small(replicas=4, twins=2))
    assert (found.theta[0, 0] == found.theta[1, 0]).all()
    assert (found.theta[0, 0] != found.theta[2, 0]).any()
    assert (found.theta[0, -1] != found.theta[1, -1]).any()
    # in one batch of everything there is no order to differ in
    _, full = recorded(small(replicas=4, twins=2, sampler="full"))
    assert (full.theta[0] == full.theta[1]).all()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samplers_are_told_apart(sampler):
    """Twins in a fixed order are one network, as in full batches: no noise to differ in."""
    _, found = recorded(small(replicas=2, twins=2, sampler=sampler))
    differs = (found.theta[0, -1] != found.theta[1, -1]).any()
    assert differs == (sampler not in ("full", "fixed"))


def test_a_replica_that_diverges_is_marked_and_the_others_untouched():
    """C19: weights that stop being finite, in one replica of many."""
    ensemble = small(replicas=5, activation="relu")
    engine, plan = FusedEngine(ensemble), every_step(ensemble)
    start = engine.initial_state()
    _, sound = engine.advance(start, 8, plan)
    start = engine.initial_state()
    start.theta[3] *= 1e200
    state, found = engine.advance(start, 8, plan)
    first = np.flatnonzero(~np.isfinite(found.theta[3]).all(axis=1))[0]
    assert state.diverged_step.tolist() == [-1, -1, -1, int(found.steps[first]), -1]
    others = [0, 1, 2, 4]
    assert (found.theta[others] == sound.theta[others]).all()
    assert (found.by_epoch["loss"][:, others] == sound.by_epoch["loss"][:, others]).all()


def test_a_dead_unit_never_moves():
    """C18: a ReLU that no pattern reaches keeps its weights exactly, the others learn."""
    ensemble = small(activation="relu", sizes=(5, 4, 2))
    engine, plan = FusedEngine(ensemble), every_step(ensemble)
    start = engine.initial_state()
    start.theta[:, ensemble.network.bias_at[0]] = -1e3
    _, found = engine.advance(start, 8, plan)
    own = np.r_[0:5, ensemble.network.bias_at[0]]
    assert (found.theta[:, :, own] == found.theta[:, :1, own]).all()
    assert (found.theta[:, -1, 5:20] != found.theta[:, 0, 5:20]).any(axis=1).all()
    assert (found.by_epoch["gradient_variance"][:, :, own] == 0).all()


def test_snapshots_are_copies():
    """P11: a quadratic from 1 at rate 0.1 is recorded as 1, 0.9, 0.81, not three times the last."""
    ensemble = small(
        replicas=1, sizes=(1, 1), activation="identity", bias=False, loss="squared_error",
        sampler="full", train=1, samples=2, epochs=2,
    )  # fmt: skip
    samples = dataclasses.replace(ensemble.samples, x=np.ones((2, 1)), targets=np.zeros((2, 1)))
    ensemble = dataclasses.replace(ensemble, samples=samples)
    engine = FusedEngine(ensemble)
    start = engine.initial_state()
    start.theta[:] = 1.0
    _, found = engine.advance(start, 2, every_step(ensemble))
    assert found.theta[0, :, 0] == pytest.approx([1.0, 0.9, 0.81], rel=1e-14)


def test_langevin_noise_has_the_discrete_stationary_variance():
    """P28: curvature 1, eta 0.1, D 0.5 per unit time: 0.5 / (1 - 0.05), not 0.5.

    2000 replicas of 80 correlation times of theta**2 (10 updates) each: four standard errors are
    1.4%, and 0.5 is 5% away.
    """
    ensemble = small(
        replicas=2000, sizes=(1, 1), activation="identity", bias=False, loss="squared_error",
        sampler="full", train=1, samples=2, epochs=1000, langevin=0.5,
    )  # fmt: skip
    samples = dataclasses.replace(ensemble.samples, x=np.ones((2, 1)), targets=np.zeros((2, 1)))
    ensemble = dataclasses.replace(ensemble, samples=samples)
    _, found = recorded(ensemble, plan=Plan(np.arange(200, 1001), np.array([0])))
    variance = found.theta[:, :, 0].var()
    assert variance == pytest.approx(0.526316, rel=4 * np.sqrt(2 / (2000 * 80)))


def test_label_noise_redraws_that_share_of_labels():
    """The mean gradient at a redrawing chance of 1 is that of labels drawn evenly.

    Checked through the output's bias, whose gradient is softmax - mean target.
    """
    ensemble = small(
        replicas=40, sizes=(5, 3), samples=600, train=600, sampler="full", label_noise=0.5, epochs=1
    )
    clean = dataclasses.replace(ensemble, training=dataclasses.replace(
        ensemble.training, label_noise=0.0))  # fmt: skip
    bias = slice(ensemble.network.bias_at[0], None)
    noisy, sound = (recorded(e)[1].by_epoch["gradient_mean"][0, :, bias] for e in (ensemble, clean))
    labels = np.bincount(ensemble.samples.targets[0], minlength=3) / 600
    # E target = (label share)/2 + 1/6, so gradients move by (labels - 1/3)/2
    assert (noisy - sound).mean(axis=0) == pytest.approx((labels - 1 / 3) / 2, abs=0.01)


def test_layer_noise_has_its_standard_deviation():
    """A linear unit reads out its noise: loss of a perfect network is half the variance."""
    ensemble = small(
        replicas=64, sizes=(1, 1, 1), activation="identity", bias=False, loss="squared_error",
        noise=0.3, samples=500, train=250, epochs=1,
    )  # fmt: skip
    samples = dataclasses.replace(ensemble.samples, targets=ensemble.samples.x.copy())
    ensemble = dataclasses.replace(ensemble, samples=samples)
    engine = FusedEngine(ensemble)
    start = engine.initial_state()
    start.theta[:] = 1.0
    _, found = engine.advance(start, 1, every_step(ensemble))
    loss = found.by_epoch["loss"][0]
    assert loss.mean() == pytest.approx(0.5 * 0.09, rel=4 * np.sqrt(2 / (64 * 250)))
    assert len(set(loss.tolist())) == 64  # each replica its own


def test_stopping_ends_the_call():
    engine = FusedEngine(small())
    with pytest.raises(Stopped):
        engine.advance(engine.initial_state(), 8, every_step(engine.ensemble), stop=lambda: True)


def test_a_failing_block_ends_the_call_with_its_error():
    engine = FusedEngine(small(replicas=37))

    def broken(count):
        raise RuntimeError("told")

    with pytest.raises(RuntimeError, match="told"):
        engine.advance(engine.initial_state(), 8, every_step(engine.ensemble), progress=broken)


def test_the_network_of_the_paper_trains():
    ensemble = dataclasses.replace(small(), network=Perceptron((5, 10, 7, 5, 4, 3, 2)))
    _, found = recorded(ensemble)
    assert np.isfinite(found.theta).all()


@pytest.mark.parametrize(("dtype", "margin"), [("float32", 88.0), ("float64", 709.0)])
def test_networks_sure_of_every_label_compute_with_normal_numbers(dtype, margin):
    """Processors take a hundred times as long over subnormal ones, and such networks met many."""
    ensemble = small(
        replicas=1, sizes=(5, 2), epochs=1, activation="identity", dtype=dtype, rate=1e-6
    )
    engine = FusedEngine(ensemble)
    state = engine.initial_state()
    x = ensemble.samples.x
    (outputs,) = ensemble.network.forward(state.theta[0].astype(float), x)
    state.theta[:] *= 1.01 * margin / np.abs(np.diff(outputs)).min()
    sure = dataclasses.replace(ensemble.samples, targets=outputs.argmax(axis=1)[None])
    engine = FusedEngine(dataclasses.replace(ensemble, samples=sure))
    _, found = engine.advance(state, 1, every_step(ensemble))
    gradients = np.abs(found.by_epoch["gradient_mean"])
    least = np.finfo(dtype).smallest_normal
    assert ((gradients == 0) | (gradients >= least)).all()
