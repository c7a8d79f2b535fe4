"""The vmapped engine against the fused one, and modules that only it can train."""

import dataclasses

import numpy as np
import pytest
import torch
from ensembles import every_step, flat, small
from torch_models import frozen, residual

from sgdphys.engines.base import Ensemble, Plan
from sgdphys.engines.choice import engine_for
from sgdphys.engines.curvature import gradients, hessians, landscape_of
from sgdphys.engines.fused import FusedEngine
from sgdphys.engines.modules import ModuleNetwork
from sgdphys.engines.vmapped import VmappedEngine
from sgdphys.errors import InputError
from sgdphys.sampling import SAMPLERS, epoch_rows, philox_keys


def both(ensemble):
    plan = every_step(ensemble)
    found = []
    for kind in (FusedEngine, VmappedEngine):
        engine = kind(ensemble)
        found.append(engine.advance(engine.initial_state(), ensemble.epochs, plan))
    return found


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.9, "weight_decay": 0.01},
        {"momentum": 0.9, "nesterov": True, "sampler": "replacement"},
        {"optimiser": "adam", "rate": 0.01, "activation": "swish", "sampler": "fixed"},
        {"loss": "squared_error", "activation": "relu", "sampler": "full", "twins": 3},
        {"loss": "squared_error", "labels": True, "bias": False},
    ],
)
def test_step_by_step_agreement(options):
    """Same batches and first weights: every recorded number agrees to rounding."""
    (_, one), (_, other) = both(small(**options))
    np.testing.assert_allclose(other.theta, one.theta, atol=1e-10)
    for name, values in one.by_epoch.items():
        np.testing.assert_allclose(other.by_epoch[name], values, atol=1e-8, rtol=1e-6, err_msg=name)


def test_both_say_the_update_at_which_a_replica_diverged():
    ensemble = small(rate=1e160, activation="identity", loss="squared_error")
    plan = Plan(np.arange(0), np.arange(0), gradients=False)
    found = []
    for kind in (FusedEngine, VmappedEngine):
        engine = kind(ensemble)
        after, _ = engine.advance(engine.initial_state(), ensemble.epochs, plan)
        found.append(after.diverged_step.tolist())
    assert found[0] == found[1]
    assert min(found[0]) > 0
    assert any(step % ensemble.updates_per_epoch for step in found[0])


def test_resuming_changes_nothing():
    ensemble = small()
    plan = every_step(ensemble)
    engine = VmappedEngine(ensemble)
    _, whole = engine.advance(engine.initial_state(), ensemble.epochs, plan)
    half, first = engine.advance(engine.initial_state(), 3, plan)
    _, second = engine.advance(half, ensemble.epochs, plan)
    np.testing.assert_array_equal(np.concatenate([first.theta, second.theta], axis=1), whole.theta)


def module_ensemble(name, replicas=3, **options):
    base = small(replicas=replicas, sizes=(16, 4, 3), epochs=12, batch_size=10, **options)
    network = ModuleNetwork(f"torch_models:{name}", (1, 4, 4), 3)
    return Ensemble(network, base.training, base.samples, base.seed, base.twins)


def trained_by_a_loop(ensemble, theta, make, optimizer):
    """Weights (replica, parameter) after torch's own optimizer on the engine's batches."""
    members = range(ensemble.replicas)
    rows, keys = ensemble.train_rows(members), philox_keys(ensemble.seed, members, "batches")
    sampler, ends = SAMPLERS.index(ensemble.training.sampler), np.cumsum(ensemble.batch_sizes)
    order = np.zeros((ends[-1], len(members)), np.int32)
    words = np.zeros((4, len(members)), np.uint32)
    models = [make(3).double() for _ in members]
    for model, start in zip(models, theta, strict=True):
        torch.nn.utils.vector_to_parameters(torch.as_tensor(start), model.parameters())
    loops = [optimizer([p for p in m.parameters() if p.requires_grad]) for m in models]
    for epoch in range(ensemble.epochs):
        epoch_rows(keys, epoch, rows, sampler, order, words)
        for model, loop, own in zip(models, loops, order.T, strict=True):
            for batch in np.split(own, ends[:-1]):
                loop.zero_grad()
                out = model(torch.as_tensor(ensemble.samples.x[batch]))
                targets = torch.as_tensor(ensemble.samples.targets[0][batch])
                torch.nn.functional.cross_entropy(out, targets).backward()
                loop.step()
    return np.stack([flat(model.parameters()) for model in models])


def test_a_module_is_trained_as_a_plain_loop_would():
    """Layer norm, attention, residuals; every replica against torch's own SGD on its batches."""
    ensemble = module_ensemble("residual", rate=0.05, momentum=0.9)
    engine = VmappedEngine(ensemble)
    state = engine.initial_state()
    _, found = engine.advance(state, ensemble.epochs, every_step(ensemble))
    looped = trained_by_a_loop(
        ensemble, state.theta, residual, lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)
    )
    np.testing.assert_allclose(found.theta[:, -1], looped, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "optimizer"),
    [
        (
            {"momentum": 0.9, "weight_decay": 0.1},
            lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.1),
        ),
        (
            {"optimiser": "adam", "weight_decay": 0.1},
            lambda p: torch.optim.Adam(p, lr=0.05, weight_decay=0.1),
        ),
    ],
)
def test_frozen_parameters_stay_and_the_others_are_trained_as_a_plain_loop_would(
    options, optimizer
):
    ensemble = module_ensemble("frozen", rate=0.05, **options)
    engine = VmappedEngine(ensemble)
    state = engine.initial_state()
    after, found = engine.advance(state, ensemble.epochs, every_step(ensemble))
    names = [name for name, p in frozen(3).named_parameters() if not p.requires_grad]
    assert names == ["1.weight", "1.bias", "3.bias"]
    stays = np.isin(ensemble.network.parameters.parameter_name, names)
    assert (found.theta[..., stays] == state.theta[:, None, stays]).all()
    assert (after.velocity[:, stays] == 0).all()
    assert (found.by_epoch["gradient_mean"][..., stays] == 0).all()
    assert (found.by_epoch["noise_norm"][..., 0] == 0).all()
    assert (found.theta[:, -1, ~stays] != state.theta[:, ~stays]).all()
    looped = trained_by_a_loop(ensemble, state.theta, frozen, optimizer)
    np.testing.assert_allclose(found.theta[:, -1], looped, atol=1e-9)


def test_the_landscape_has_no_slope_along_frozen_parameters():
    ensemble = module_ensemble("frozen", weight_decay=0.1)
    stays = ~ensemble.network.is_trained
    landscape = landscape_of(ensemble)
    theta = ensemble.initial_weights()[None]
    slope, second = gradients(landscape, theta), hessians(landscape, theta)
    assert (slope[..., stays] == 0).all()
    assert (slope[..., ~stays] != 0).any(axis=(0, 1)).all()
    assert (second[..., stays, :] == 0).all()
    assert (second[..., :, stays] == 0).all()
    inside = np.ix_(~stays, ~stays)
    step = 1e-5 * np.where(stays, 0.0, 1.0)
    ahead = gradients(landscape, theta + step)[0, 0, ~stays] - slope[0, 0, ~stays]
    np.testing.assert_allclose(second[0, 0][inside].sum(axis=1) * 1e-5, ahead, atol=1e-9)


def test_batch_norm_and_dropout_of_each_replica():
    """Buffers and random numbers are each replica's own, and repeat with the seed."""
    ensemble = module_ensemble("convolution", twins=3)
    engine = VmappedEngine(ensemble)
    after, found = engine.advance(engine.initial_state(), 12, every_step(ensemble))
    means = after.buffers["1.running_mean"]
    assert means.shape == (3, 4)
    assert len(np.unique(means[:, 0])) == 3
    assert (after.buffers["1.num_batches_tracked"] == ensemble.epochs * 3).all()
    # twins start alike and part by their batches and masks
    np.testing.assert_array_equal(found.theta[0, 0], found.theta[1, 0])
    assert not np.allclose(found.theta[0, -1], found.theta[1, -1])
    again = VmappedEngine(ensemble)
    _, second = again.advance(again.initial_state(), 12, every_step(ensemble))
    np.testing.assert_array_equal(second.theta, found.theta)
    assert np.isfinite(found.by_epoch["noise_norm"]).all()
    assert np.isnan(found.by_epoch["noise_trace"]).all()
    assert found.by_epoch["loss"][-1].mean() < found.by_epoch["loss"][0].mean()


def test_the_engine_is_chosen_with_a_word():
    said = []
    assert engine_for(small(), tell=said.append).name == "fused"
    assert not said
    assert engine_for(module_ensemble("residual"), tell=said.append).name == "vmapped"
    assert "module of torch" in said[-1]
    wide = small(sizes=(5, 300, 2))
    assert engine_for(wide, tell=said.append).name == "vmapped"
    assert "300 units" in said[-1]
    noisy = dataclasses.replace(wide, training=dataclasses.replace(wide.training, langevin=0.1))
    assert engine_for(noisy).name == "fused"


def test_what_it_refuses():
    with pytest.raises(InputError, match="belong to the fused engine"):
        VmappedEngine(small(langevin=0.1))
    with pytest.raises(InputError, match="orthonormality"):
        VmappedEngine(small(orthonormality=0.1))
    with pytest.raises(InputError, match="trains perceptrons alone"):
        engine_for(module_ensemble("residual"), "fused")
    lonely = module_ensemble("convolution", train=31)
    with pytest.raises(InputError, match="a last one of 1 of 31 samples, which batch norm"):
        VmappedEngine(lonely)
    with pytest.raises(InputError, match="cannot be found"):
        ModuleNetwork("nowhere:make", (1,), 2).make()
    with pytest.raises(InputError, match="has no 'residul'; did you mean 'residual'"):
        ModuleNetwork("torch_models:residul", (1,), 2).make()
    with pytest.raises(InputError, match=r"failed to make .* \(ZeroDivisionError: 2 outputs\)"):
        ModuleNetwork("torch_models:failing", (1,), 2).make()
    with pytest.raises(InputError, match="without a parameter to train"):
        VmappedEngine(module_ensemble("untrainable"))
    with pytest.raises(InputError, match=r"made a str; a torch\.nn\.Module"):
        ModuleNetwork("os:getcwd", (1,), 2).make()
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="sees no CUDA device"):
            VmappedEngine(small(), device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_agrees_with_the_cpu():
    ensemble = small()
    plan = Plan(np.arange(0, 33, 8), np.arange(9))
    found = []
    for device in ("cpu", "cuda"):
        engine = VmappedEngine(ensemble, device=device)
        found.append(engine.advance(engine.initial_state(), ensemble.epochs, plan)[1].theta)
    np.testing.assert_allclose(found[0], found[1], atol=1e-9)
