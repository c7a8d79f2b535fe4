"""Recording other people's loops: closures, scalers, several optimizers, models that change."""

import contextlib
import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.trajectory.reader import check

X = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))


def net(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))


def loss_of(model):
    return model(X).square().mean()


def flat(model):
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()]).numpy()


def gradient_of(model):
    grads = torch.autograd.grad(loss_of(model), list(model.parameters()))
    return torch.cat([g.reshape(-1) for g in grads]).numpy()


def opened(path):
    assert check(path) == []
    return sp.open_trajectory(path)


def by_layer(gradient):
    """Norms of the two layers' parts of a gradient."""
    return [np.linalg.norm(gradient[:16]), np.linalg.norm(gradient[16:])]


@pytest.mark.parametrize("kind", ["plain", "closure", "lbfgs"])
def test_gradients_are_those_at_the_weights_before_the_update(tmp_path, kind):
    model, truth, weights = net(), [], [flat(net())]
    optimizer = (
        torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4)
        if kind == "lbfgs"
        else torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    )

    def closure():
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        return loss

    with sp.record(model, tmp_path / "a.nc", optimizer=optimizer, gradients=True):
        for _ in range(5):
            truth.append(by_layer(gradient_of(model)))
            if kind == "plain":
                closure()
                optimizer.step()
            else:
                optimizer.step(closure)
            weights.append(flat(model))
    tree = opened(tmp_path / "a.nc")
    np.testing.assert_array_equal(tree["weights"].theta[:, 0].to_numpy(), weights)
    found = tree["updates"].last_gradient_norm[1:, 0].to_numpy()
    np.testing.assert_allclose(found, truth, rtol=1e-5)
    np.testing.assert_allclose(tree["updates"].mean_norm[1:, 0], truth, rtol=1e-5)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_updates_that_a_scaler_skips_are_none_and_gradients_are_unscaled(tmp_path, kind, fused):
    model, truth = net(), []
    optimizer = kind(model.parameters(), lr=0.01, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    with sp.record(model, tmp_path / "a.nc", optimizer=optimizer, gradients=True) as recording:
        for k in range(6):
            optimizer.zero_grad()
            if k != 2:
                truth.append(by_layer(gradient_of(model)))
            scaler.scale(loss_of(model) * (np.inf if k == 2 else 1.0)).backward()
            scaler.step(optimizer)
            scaler.update()
    assert recording.steps == 5
    tree = opened(tmp_path / "a.nc")
    assert tree["weights"].step.to_numpy().tolist() == list(range(6))
    assert (np.diff(tree["weights"].theta[:, 0], axis=0) != 0).any(axis=1).all()
    found = tree["updates"].last_gradient_norm[1:, 0].to_numpy()
    np.testing.assert_allclose(found, truth, rtol=1e-4)


def test_a_step_of_several_optimizers_is_done_when_all_have_stepped(tmp_path):
    model, weights = net(), [flat(net())]
    first = torch.optim.SGD(model[0].parameters(), lr=0.1)
    second = torch.optim.SGD(model[2].parameters(), lr=0.02)
    with sp.record(
        model, tmp_path / "a.nc", optimizer=[first, second], gradients=True
    ) as recording:
        for k in range(4):
            for optimizer in (first, second):
                optimizer.zero_grad()
                loss_of(model).backward()
                if k < 3 or optimizer is first:  # the last step is half done
                    optimizer.step()
            weights.append(flat(model))
    assert recording.steps == 4
    tree = opened(tmp_path / "a.nc")
    np.testing.assert_array_equal(tree["weights"].theta[:, 0], weights)
    np.testing.assert_allclose(tree["updates"].learning_rate[1:], [[0.1, 0.02]] * 4)
    np.testing.assert_allclose(tree["weights"].time, 0.1 * np.arange(5))


def test_each_model_of_an_ensemble_may_have_an_optimizer(tmp_path):
    models = [net(seed) for seed in range(3)]
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.1) for m in models]
    with sp.record(models, tmp_path / "a.nc", optimizer=optimizers):
        for _ in range(3):
            for model, optimizer in zip(models, optimizers, strict=True):
                optimizer.zero_grad()
                loss_of(model).backward()
                optimizer.step()
    theta = opened(tmp_path / "a.nc")["weights"].theta
    assert theta.sizes["step"] == 4
    np.testing.assert_array_equal(theta[-1], [flat(m) for m in models])


def test_learning_rates_of_all_groups(tmp_path):
    model = net()
    groups = [{"params": model[0].parameters(), "lr": 1.0}, {"params": model[2].parameters()}]
    optimizer = torch.optim.SGD(groups, lr=torch.tensor(0.001))
    with sp.record(model, tmp_path / "a.nc", optimizer=optimizer):
        for _ in range(2):
            loss_of(model).backward()
            optimizer.step()
            optimizer.param_groups[0]["lr"] *= 0.5
    rates = opened(tmp_path / "a.nc")["updates"].learning_rate
    assert rates.dims == ("step", "group")
    assert rates.attrs["units"] == "weight**2/loss"
    np.testing.assert_allclose(rates[1:], [[1.0, 0.001], [0.5, 0.001]])


def add(model):
    model.append(torch.nn.Linear(1, 1))


def replace(model):
    model[2] = torch.nn.Linear(4, 1)


def replace_one(model):
    model[2].bias = torch.nn.Parameter(torch.zeros(1))


def resize(model):
    model[2].weight.data = torch.zeros(2, 4)


def delete(model):
    del model[2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (add, "parameter 3.weight was added"),
        (replace, "parameter 2.weight was replaced"),
        (replace_one, "parameter 2.bias was replaced"),
        (resize, "parameter 2.weight has shape (2, 4), not (1, 4)"),
        (delete, "parameter 2.weight was deleted"),
    ],
)
@pytest.mark.parametrize("what", ["parameters", "sketch"])
def test_a_model_that_changes_ends_the_recording_and_training_goes_on(tmp_path, change, said, what):
    model = net()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with sp.record(model, tmp_path / "a.nc", what=what, sketch=5) as recording:
            for k in range(6):
                if k == 3:
                    change(model)
                recording.step(loss=1.0)
    assert [said in str(w.message) for w in warned] == [True]
    tree = opened(tmp_path / "a.nc")
    assert tree["weights"].step.to_numpy().tolist() == [0, 1, 2, 3]
    assert int(tree.attrs["ended_at_step"]) == 3
    assert said in tree.attrs["ended_because"]


def test_complex_parameters_are_recorded_whole(tmp_path):
    model = torch.nn.Module()
    model.w = torch.nn.Parameter(torch.tensor([1 + 2j, 3 - 4j]))
    model.b = torch.nn.Parameter(torch.tensor([5.0]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    with sp.record(model, tmp_path / "a.nc", optimizer=optimizer, gradients=True):
        (model.w.abs().square().sum() / 2 + model.b.sum()).backward()
        optimizer.step()
    tree = opened(tmp_path / "a.nc")
    np.testing.assert_allclose(tree["weights"].theta[0, 0], [1, 2, 3, -4, 5])
    np.testing.assert_allclose(
        tree["weights"].theta[1, 0], [*torch.view_as_real(model.w.detach()).ravel(), 4.5]
    )
    assert json.loads(tree.attrs["complex"]) == ["w"]
    assert tree["weights"].entry.to_numpy().tolist() == [0, 1, 2, 3, 0]


def test_what_cannot_be_recorded_is_refused_by_name_and_leaves_nothing(tmp_path):
    lazy = torch.nn.LazyLinear(2)
    whole = torch.nn.Module()
    whole.count = torch.nn.Parameter(torch.tensor([1, 2]), requires_grad=False)
    other = net(1)
    refused = [
        ({"model": lazy}, "weight has no values yet; run one batch"),
        ({"model": net().to("meta")}, "0.weight is on the meta device"),
        ({"model": whole}, "count holds int64, not real numbers; .*what="),
        ({"model": {"a": np.zeros(3)}}, "a torch.nn.Module was expected, not a dict"),
        ({"optimizer": torch.optim.SGD(other.parameters())}, "updates no parameter"),
        ({"optimizer": object()}, "is a object without step hooks"),
        ({"gradients": True}, "gradients=True needs optimizer="),
        ({"metadata": {"a": {1j}}}, "metadata cannot be kept as JSON"),
        ({"buffers": True, "what": "sketch"}, "a sketch is of parameters alone"),
        ({"resume": 3}, "nothing at .* to resume"),
    ]
    for options, said in refused:
        with pytest.raises(InputError, match=said):
            sp.record(options.pop("model", net()), tmp_path / "a.nc", **options)
    assert list(tmp_path.iterdir()) == []
    with sp.record(net(), tmp_path / "a.nc") as recording:
        with pytest.raises(InputError, match=r"step\(loss=\.\.\.\) takes a number, not a NoneType"):
            recording.step(loss=None)
        recording.step(loss=torch.tensor([1.0], requires_grad=True))


def test_sparse_gradients_shared_and_parametrized_modules(tmp_path):
    class Shared(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.bag = torch.nn.EmbeddingBag(5, 2, sparse=True)
            self.encoder = torch.nn.Linear(2, 2)
            self.decoder = self.encoder

    model = Shared()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with sp.record(
        model, tmp_path / "a.nc", optimizer=optimizer, gradients=True, what=["bag*", "decoder.*"]
    ):
        model.decoder(model.bag(torch.tensor([[0, 1]]))).sum().backward()
        optimizer.step()
    tree = opened(tmp_path / "a.nc")
    assert tree["tensors"].tensor_name.to_numpy().tolist() == [
        "bag.weight", "decoder.weight", "decoder.bias",
    ]  # fmt: skip
    norm = np.linalg.norm([p.grad.to_dense().norm() for p in (model.bag.weight,)])
    assert tree["updates"].last_gradient_norm[1, 0, 0] == pytest.approx(norm)
    normed = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(2, 2))
    with sp.record(normed, tmp_path / "b.nc"):
        pass


def test_names_are_those_of_the_model_inside(tmp_path):
    compiled = torch.compile(net(), backend="eager")
    inside = net()
    inside[0] = torch.compile(inside[0], backend="eager")
    for k, model in enumerate((compiled, torch.nn.DataParallel(net()), inside)):
        with sp.record(model, tmp_path / f"{k}.nc"):
            pass
        names = opened(tmp_path / f"{k}.nc")["tensors"].tensor_name.to_numpy().tolist()
        assert names == ["0.weight", "0.bias", "2.weight", "2.bias"]
    holder = torch.nn.Module()
    holder.module = net()  # the user's own name stays
    with sp.record(holder, tmp_path / "own.nc"):
        pass
    assert opened(tmp_path / "own.nc")["tensors"].tensor_name[0] == "module.0.weight"


def test_buffers_are_of_their_own_kind_or_said_to_be_absent(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    for name, wanted in (("with", True), ("without", False)):
        with sp.record(model, tmp_path / f"{name}.nc", buffers=wanted) as recording:
            model(X)
            recording.step()
    tree = opened(tmp_path / "with.nc")
    assert tree["tensors"].tensor_kind.to_numpy().tolist() == [
        "weight", "bias", "weight", "bias", "buffer", "buffer",
    ]  # fmt: skip
    first, last = tree["weights"].theta[:, 0, 12:].to_numpy()
    np.testing.assert_array_equal(first, [0, 0, 1, 1])
    assert (last != first).all()
    assert tree.attrs["buffers"] == "recorded, but for whole numbers: 1.num_batches_tracked"
    without = opened(tmp_path / "without.nc")
    assert without["weights"].sizes["parameter"] == 12
    assert without.attrs["buffers"] == "not recorded"


def test_resuming_at_a_step_cuts_what_came_after(tmp_path):
    """A crash loses the steps after the last checkpoint: they are not motion."""
    whole, broken = net(), net()

    def train(model, steps, name, **options):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with sp.record(model, tmp_path / name, optimizer=optimizer, gradients=True, **options) as r:
            for _ in range(steps):
                optimizer.zero_grad()
                loss_of(model).backward()
                optimizer.step()
                r.step(loss=1.0)

    train(whole, 9, "whole.nc")
    train(broken, 4, "a.nc")
    saved = {n: t.clone() for n, t in broken.state_dict().items()}
    other = net()
    other.load_state_dict(saved)
    train(other, 3, "a.nc", resume=True)
    broken.load_state_dict(saved)
    train(broken, 5, "a.nc", resume=4)
    first, second = (opened(tmp_path / n) for n in ("whole.nc", "a.nc"))
    np.testing.assert_array_equal(first["weights"].theta, second["weights"].theta)
    np.testing.assert_allclose(first["weights"].time, second["weights"].time)
    assert second["scalars"].step.to_numpy().tolist() == list(range(1, 10))
    assert int(second.attrs["last_step"]) == 9
    with pytest.raises(InputError, match="holds steps 0 to 9; it cannot be resumed at step 12"):
        sp.record(net(), tmp_path / "a.nc", resume=12)


def test_a_resumed_file_or_its_parts_may_be_cut(tmp_path, monkeypatch):
    monkeypatch.setattr("sgdphys.trajectory.recorder.SEGMENT_BYTES", 64)
    model = torch.nn.Linear(2, 1)
    recording = sp.record(model, tmp_path / "a.nc")
    for _ in range(6):
        recording.step()
    del recording  # nobody closes it
    with sp.record(model, tmp_path / "a.nc", resume=2) as again:
        assert again.steps == 2
        again.step()
    assert opened(tmp_path / "a.nc")["weights"].step.to_numpy().tolist() == [0, 1, 2, 3]
    assert {p.name for p in tmp_path.iterdir()} == {"a.nc", "a.nc.sha256"}


def test_a_recording_may_begin_in_the_middle(tmp_path):
    with sp.record(net(), tmp_path / "a.nc", first_step=40, metadata={"run": [1, None]}) as r:
        r.step()
    tree = opened(tmp_path / "a.nc")
    assert tree["weights"].step.to_numpy().tolist() == [40, 41]
    assert json.loads(tree.attrs["metadata"]) == {"run": [1, None]}


def test_an_optimizer_that_never_steps_is_told(tmp_path):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recording = sp.record(model, tmp_path / "a.nc", optimizer=optimizer)
    with pytest.warns(UserWarning, match="no update was counted while"):
        recording.close()
    assert opened(tmp_path / "a.nc")["weights"].sizes["step"] == 1


def test_a_step_that_calls_another_is_one_update(tmp_path):
    """Every class of optimizer calls the hooks: updates and time counted twice."""

    class Clamped(torch.optim.SGD):
        def step(self, closure=None):
            loss = super().step(closure)
            if self.param_groups[0]["lr"] > 0.1:
                raise ValueError
            return loss

    model = net()
    torch.optim.SGD(model.parameters(), lr=0.1)  # torch counts a class from its first instance on
    optimizer = Clamped(model.parameters(), lr=0.1)
    with sp.record(model, tmp_path / "a.nc", optimizer=optimizer, gradients=True):
        for rate in (0.1, 0.2, 0.1):
            optimizer.param_groups[0]["lr"] = rate
            model(torch.ones(2, 3)).sum().backward()
            with contextlib.suppress(ValueError):
                optimizer.step()
    assert opened(tmp_path / "a.nc")["weights"].time.to_numpy() == pytest.approx([0, 0.1, 0.2])


def test_a_complete_recording_is_resumed_without_an_update_in_silence(tmp_path, recwarn):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for resume in (False, 1):
        with sp.record(model, tmp_path / "a.nc", optimizer=optimizer, resume=resume):
            if not resume:
                model(torch.ones(2, 3)).sum().backward()
                optimizer.step()
    assert opened(tmp_path / "a.nc")["weights"].sizes["step"] == 2
    assert not [w for w in recwarn if "no update" in str(w.message)]


@pytest.mark.parametrize("replaced", ["optimizer", "parameter"])
def test_an_optimizer_that_is_replaced_is_told(tmp_path, replaced):
    """The recording stopped without a word, and what was recorded last were not the weights."""
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recording = sp.record(model, tmp_path / "a.nc", optimizer=optimizer)
    for k in range(4):
        if k == 2:
            if replaced == "parameter":
                model.weight = torch.nn.Parameter(model.weight.detach().clone())
            optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        model(torch.ones(2, 3)).sum().backward()
        optimizer.step()
    with pytest.warns(UserWarning, match="the weights changed after step 2 of"):
        recording.close()


def test_updates_that_nobody_counts_are_told(tmp_path):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recording = sp.record(model, tmp_path / "a.nc")
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    with pytest.warns(UserWarning, match="no update was counted while"):
        recording.close()
    assert opened(tmp_path / "a.nc")["weights"].sizes["step"] == 1


@pytest.mark.parametrize(
    "shape", [(200, 100), pytest.param((150, 50), marks=pytest.mark.thorough(reason="5 s"))]
)
def test_the_last_weights_of_a_large_model_are_kept_when_a_loss_is_noted(
    tmp_path, monkeypatch, shape
):
    """One row fills a segment: a loss noted afterwards takes another."""
    monkeypatch.setattr("sgdphys.trajectory.recorder.SEGMENT_BYTES", 2**15)
    model = torch.nn.Linear(*shape)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with sp.record(model, tmp_path / "a.nc", optimizer=optimizer, every=2) as recording:
        for k in range(6):
            optimizer.zero_grad()
            model(torch.ones(1, shape[0])).square().sum().backward()
            optimizer.step()
            recording.step(loss=k)
    tree = opened(tmp_path / "a.nc")
    assert tree["weights"].step.to_numpy().tolist() == [0, 2, 4, 6]
    assert tree["scalars"].step.to_numpy().tolist() == [1, 2, 3, 4, 5, 6]
    assert tree["scalars"].loss.to_numpy().tolist() == [0, 1, 2, 3, 4, 5]
    last = tree["weights"].theta[-1, 0].to_numpy()
    np.testing.assert_array_equal(last, flat(model))


DISTRIBUTED = """
import os, sys, torch, sgdphys as sp
import torch.distributed as dist
rank = int(sys.argv[1])
os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": sys.argv[3]}
dist.init_process_group("gloo", rank=rank, world_size=2)
torch.manual_seed(0)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(3, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
with sp.record(model, sys.argv[2], optimizer=optimizer) as recording:
    for k in range(3):
        optimizer.zero_grad()
        model(torch.full((2, 3), 1.0 + rank)).square().sum().backward()
        optimizer.step()
        recording.step(loss=k)
dist.barrier()
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_of_a_distributed_training_the_first_process_records(tmp_path):
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = str(tmp_path / "a.nc")
    both = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", DISTRIBUTED, str(rank), path, str(port)],
            stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    tree = opened(path)
    assert tree["weights"].step.to_numpy().tolist() == [0, 1, 2, 3]
    assert tree["tensors"].tensor_name.to_numpy().tolist() == ["weight", "bias"]


def test_gradients_without_noise_have_none(tmp_path):
    """Of a linear loss; sums of squares in float32 left 2e-4 of the norm."""
    torch.manual_seed(0)
    model = torch.nn.Linear(1000, 1, bias=False)
    direction = torch.randn(1000)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with sp.record(model, tmp_path / "a.nc", optimizer=optimizer, gradients=True, every=50):
        for _ in range(100):
            optimizer.zero_grad()
            model(direction).sum().backward()
            optimizer.step()
    found = sp.open_trajectory(tmp_path / "a.nc")["updates"]
    assert found.noise_norm.values[1:] == pytest.approx(0, abs=1e-9)
    norm = float(direction.norm())
    assert found.mean_norm.values[1:].ravel() == pytest.approx(norm, rel=1e-6)


def test_rates_are_those_of_the_update_whatever_a_scheduler_does_between(tmp_path):
    """The first of two optimizers had the rate of its next step in the file."""
    model = net()
    optimizers = [
        torch.optim.SGD(model[k].parameters(), lr=rate) for k, rate in ((0, 0.4), (2, 0.2))
    ]
    schedulers = [torch.optim.lr_scheduler.StepLR(o, 1, 0.5) for o in optimizers]
    with sp.record(model, tmp_path / "a.nc", optimizer=optimizers):
        for _ in range(3):
            loss_of(model).backward()
            for optimizer, scheduler in zip(optimizers, schedulers, strict=True):
                optimizer.step()
                scheduler.step()
    tree = opened(tmp_path / "a.nc")
    halved = 0.5 ** np.arange(3)
    np.testing.assert_allclose(tree["updates"].learning_rate[1:, 0], 0.4 * halved)
    np.testing.assert_allclose(tree["updates"].learning_rate[1:, 1], 0.2 * halved)
    np.testing.assert_allclose(tree["weights"].time, [0, 0.4, 0.6, 0.7])


def test_groups_that_come_later_shift_no_rates(tmp_path):
    model = net()
    first = torch.optim.SGD(model[0].parameters(), lr=0.4)
    second = torch.optim.SGD(model[2].parameters(), lr=0.2)
    more = torch.nn.Parameter(torch.zeros(1))
    with sp.record(model, tmp_path / "a.nc", optimizer=[first, second]):
        for k in range(3):
            loss_of(model).backward()
            if k == 1:
                first.add_param_group({"params": [more], "lr": 9.0})
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                first.step()
                second.step()
            assert [str(w.message)[-45:] for w in told] == (
                ["learning rates of the new ones are not recorded"[-45:]] if k == 1 else []
            )
    np.testing.assert_allclose(
        opened(tmp_path / "a.nc")["updates"].learning_rate[1:], [[0.4, 0.2]] * 3
    )


def test_a_resumed_recording_knows_all_of_both_halves(tmp_path):
    """Where it diverged, its second schedule, and that it did not end."""
    models = [net(seed) for seed in range(2)]

    def train(steps, **options):
        with sp.record(models, tmp_path / "a.nc", **options) as recording:
            for _ in range(steps):
                with torch.no_grad():
                    models[0][0].weight.add_(0.1)
                    if recording.steps == 2:
                        models[1][0].weight.fill_(np.nan)
                recording.step()

    train(5)
    assert opened(tmp_path / "a.nc")["weights"].diverged_step.values.tolist() == [-1, 3]
    train(15, resume=True, every=5)
    weights = opened(tmp_path / "a.nc")["weights"]
    assert weights.diverged_step.values.tolist() == [-1, 3]
    assert weights.step.values.tolist() == [0, 1, 2, 3, 4, 5, 10, 15, 20]
    assert json.loads(opened(tmp_path / "a.nc").attrs["schedule"]) == [[0, 1], [5, 5]]
    assert sp.check(tmp_path / "a.nc") == []


def test_a_recording_that_is_gone_on_with_has_not_ended(tmp_path):
    model = net()
    with sp.record(model, tmp_path / "a.nc") as recording:
        recording.step()
        model[0].weight = torch.nn.Parameter(model[0].weight.detach().clone())
        with pytest.warns(UserWarning, match="ended after step 1"):
            recording.step()
    assert opened(tmp_path / "a.nc").attrs["ended_at_step"] == 1
    with sp.record(model, tmp_path / "a.nc", resume=True) as recording:
        recording.step()
    attributes = opened(tmp_path / "a.nc").attrs
    assert "ended_at_step" not in attributes
    assert attributes["last_step"] == 2
