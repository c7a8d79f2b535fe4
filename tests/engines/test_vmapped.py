"""The vmapped engine against the fused one, and modules that only it can train."""

import dataclasses

import numpy as np
import pytest
import torch
from ensembles import every_step, small
from torch_models import residual

from sgdphys.engines.base import Ensemble, Plan
from sgdphys.engines.choice import engine_for
from sgdphys.engines.fused import FusedEngine
from sgdphys.engines.modules import ModuleNetwork
from sgdphys.engines.vmapped import VmappedEngine
from sgdphys.errors import InputError


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


def test_a_module_is_trained_as_a_plain_loop_would():
    """Layer norm, attention, residuals; every replica against torch's own SGD on its batches."""
    ensemble = module_ensemble("residual", rate=0.05, momentum=0.9)
    engine = VmappedEngine(ensemble)
    state = engine.initial_state()
    _, found = engine.advance(state, ensemble.epochs, every_step(ensemble))
    ends = np.cumsum(ensemble.batch_sizes)[:-1]
    for replica in range(ensemble.replicas):
        model = residual(3).double()
        torch.nn.utils.vector_to_parameters(
            torch.as_tensor(state.theta[replica]), model.parameters()
        )
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        for epoch in range(ensemble.epochs):
            for rows in np.split(engine._order(epoch)[replica].numpy(), ends):
                optimizer.zero_grad()
                out = model(torch.as_tensor(ensemble.samples.x[rows]))
                targets = torch.as_tensor(ensemble.samples.targets[0][rows])
                torch.nn.functional.cross_entropy(out, targets).backward()
                optimizer.step()
        flat = torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
        np.testing.assert_allclose(found.theta[replica, -1], flat, atol=1e-9)


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
