"""Recording loops of one's own: every true update, exactly, and what was recorded survives."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import xarray as xr

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.fitting.fits import fit_file
from sgdphys.study.summary import describe


def net(seed=0, **options):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Linear(3, 4, **options), torch.nn.Tanh(), torch.nn.Linear(4, 2, **options)
    )


def one_weight():
    model = torch.nn.Module()
    model.w = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    return model


def loss_of(model, seed=0):
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(seed))
    return model(x.to(next(model.parameters()).dtype)).square().mean()


def test_it_says_where_it_stands(tmp_path):
    recording = sp.record(one_weight(), tmp_path / "a.nc")
    recording.step()
    assert repr(recording) == f"<Recorder of {tmp_path / 'a.nc'}: 1 updates, recording>"
    recording.close()
    assert repr(recording).endswith("1 updates, closed>")


def test_weights_are_copied_at_the_call(tmp_path):
    """Not a reference that every stored row would follow: 1.0, 0.9, 0.8."""
    model = one_weight()
    with sp.record(model, tmp_path / "a.nc") as recording:
        for _ in range(2):
            with torch.no_grad():
                model.w -= 0.1
            recording.step(loss=model.w.sum())
    found = sp.open_trajectory(tmp_path / "a.nc")
    np.testing.assert_allclose(found["weights"].theta.to_numpy().ravel(), [1.0, 0.9, 0.8])
    assert found["weights"].step.to_numpy().tolist() == [0, 1, 2]
    np.testing.assert_allclose(found["scalars"].loss, [0.9, 0.8])
    assert sp.check(tmp_path / "a.nc") == []


def test_the_loop_stays_as_it_is(tmp_path):
    """A step hook counts true updates: two backward passes each, one update skipped."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    kept = [torch.cat([p.detach().reshape(-1) for p in model.parameters()]).clone()]
    with sp.record(model, tmp_path / "a.nc", optimizer=optimizer, gradients=True):
        for k in range(5):
            optimizer.zero_grad()
            for half in range(2):
                loss_of(model, 2 * k + half).backward()
            if k == 3:
                continue
            optimizer.step()
            kept.append(torch.cat([p.detach().reshape(-1) for p in model.parameters()]).clone())
    found = sp.open_trajectory(tmp_path / "a.nc")
    theta = found["weights"].theta.transpose("step", "replica", "parameter")
    np.testing.assert_array_equal(theta[:, 0], torch.stack(kept).numpy())
    assert theta.dtype == np.float32
    np.testing.assert_allclose(found["weights"].time, [0, 0.1, 0.2, 0.3, 0.4])
    assert found["weights"].layer.to_numpy().tolist() == [1] * 16 + [2] * 10
    assert set(found["weights"].parameter_name.to_numpy()) == {
        "0.weight", "0.bias", "2.weight", "2.bias",
    }  # fmt: skip
    assert np.isfinite(found["updates"].mean_norm.isel(step=slice(1, None))).all()
    optimizer.step()  # no longer recorded


def test_mixed_precision_steps_that_are_skipped_are_none(tmp_path):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu")
    with sp.record(model, tmp_path / "a.nc", optimizer=optimizer) as recording:
        for k in range(4):
            optimizer.zero_grad()
            loss = loss_of(model, k) * (torch.inf if k == 1 else 1.0)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
    assert recording.steps == 3
    assert sp.open_trajectory(tmp_path / "a.nc")["weights"].sizes["step"] == 4


def test_awkward_tensors(tmp_path):
    """Tied once under both names, frozen, half precision widened, not contiguous, odd names."""
    model = torch.nn.Module()
    model.embed = torch.nn.Linear(2, 2, bias=False)
    model.proj = torch.nn.Linear(2, 2, bias=False)
    model.proj.weight = model.embed.weight
    model.narrow = torch.nn.Parameter(torch.tensor([1.1, -2.2], dtype=torch.bfloat16))
    model.turned = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3).T)
    model.frozen = torch.nn.Parameter(torch.ones(3), requires_grad=False)
    model.register_parameter("block/0 ", torch.nn.Parameter(torch.zeros(2)))
    with sp.record(model, tmp_path / "a.nc") as recording:
        recording.step()
    found = sp.open_trajectory(tmp_path / "a.nc")
    weights = found["weights"]
    names = weights.parameter_name.to_numpy()
    assert (names == "embed.weight").sum() == 4
    assert "proj.weight" not in names
    assert json.loads(found.attrs["tied"]) == {"proj.weight": "embed.weight"}
    assert json.loads(found.attrs["widened"]) == ["bfloat16"]
    assert "block/0 " in names
    row = weights.theta.transpose("step", "replica", "parameter").to_numpy()[0, 0]
    np.testing.assert_array_equal(row[names == "narrow"], model.narrow.detach().float().numpy())
    np.testing.assert_array_equal(row[names == "turned"], [0, 3, 1, 4, 2, 5])
    fitted = sp.dynamics.fit_wiener(xr.concat([weights.theta] * 2, "step").assign_coords(
        step=[0, 1, 2, 3]
    ))  # fmt: skip
    assert (fitted["diffusion"] == 0).all()


def test_replicas_patterns_and_schedules(tmp_path):
    models = [net(0), net(1)]
    with sp.record(models, tmp_path / "a.nc", what="*.weight", every=3) as recording:
        for _ in range(10):
            recording.step()
    found = sp.open_trajectory(tmp_path / "a.nc")["weights"]
    assert found.theta.sizes == {"step": 4, "replica": 2, "parameter": 20}
    assert found.step.to_numpy().tolist() == [0, 3, 6, 9]
    every = {"burst": 2, "starts": 2, "updates": 10}
    with sp.record(net(), tmp_path / "b.nc", every=every) as recording:
        for _ in range(10):
            recording.step()
    assert sp.open_trajectory(tmp_path / "b.nc")["weights"].step.to_numpy().tolist() == [
        0, 1, 2, 8, 9, 10,
    ]  # fmt: skip
    with pytest.warns(UserWarning, match="2 of 4 bursts of 4 updates lie apart in 10 updates"):
        sp.record(net(), tmp_path / "d.nc", every={"burst": 4, "starts": 4, "updates": 10}).close()
    with sp.record(one_weight(), tmp_path / "c.nc", every="log") as recording:
        for _ in range(1000):
            recording.step()
    steps = sp.open_trajectory(tmp_path / "c.nc")["weights"].step.to_numpy()
    assert steps[:12].tolist() == list(range(12))
    assert steps[-1] == 1000
    assert 80 < len(steps) < 110


def test_a_sketch_keeps_distances_and_sums(tmp_path):
    torch.manual_seed(0)
    model = torch.nn.Linear(512, 40)
    start = {n: p.detach().clone() for n, p in model.named_parameters()}
    rng = np.random.default_rng(0)
    kept = [model.weight.detach().numpy().copy()]
    with sp.record(model, tmp_path / "a.nc", what="sketch", sketch=512) as recording:
        for _ in range(30):
            with torch.no_grad():
                model.weight[:, 3] += torch.tensor(rng.standard_normal(40), dtype=torch.float32)
                model.weight += 0.02
            kept.append(model.weight.detach().numpy().copy())
            recording.step()
    found = sp.open_trajectory(tmp_path / "a.nc")
    theta = found["weights"].theta.isel(replica=0).transpose("step", ...).to_numpy()
    assert theta.shape == (31, 509)
    for a, b in ((0, 30), (5, 20), (10, 12)):
        exact = ((kept[a] - kept[b]) ** 2).sum()
        assert ((theta[a] - theta[b]) ** 2).sum() == pytest.approx(exact, rel=0.35)
    increments = found["increments"]
    column = (increments.entry.to_numpy() % 512 == 3) & (increments.kind.to_numpy() == "weight")
    variance = increments.increment_variance.isel(replica=0).to_numpy()
    assert variance[column].mean() == pytest.approx(1, rel=0.15)
    assert variance[~column].max() < 1e-6
    mean = increments.increment_mean.isel(replica=0).to_numpy()
    assert mean[~column & (increments.kind.to_numpy() == "weight")].mean() == pytest.approx(0.02)
    norms = found["updates"].weight_norm.isel(step=0, replica=0)
    whole = torch.cat([v.reshape(-1) for v in start.values()]).norm()
    assert float(norms[0]) == pytest.approx(float(whole), rel=1e-5)


def test_an_exception_in_the_loop_keeps_what_was_recorded(tmp_path):
    model = net()

    def loop():
        with sp.record(model, tmp_path / "a.nc") as recording:
            recording.step()
            raise RuntimeError("the loop broke")

    with pytest.raises(RuntimeError, match="the loop broke"):
        loop()
    assert sp.check(tmp_path / "a.nc") == []
    assert sp.open_trajectory(tmp_path / "a.nc")["weights"].sizes["step"] == 2
    assert not (tmp_path / "a.nc.parts").exists()


@pytest.mark.thorough(reason="a new process that loads torch: 6 s")
def test_a_killed_loop_leaves_its_segments(tmp_path):
    code = f"""
import os, torch, sgdphys as sp
from sgdphys.trajectory import recorder
recorder.SEGMENT_BYTES = 400
model = torch.nn.Linear(3, 3)
rec = sp.record(model, {str(tmp_path / "a.nc")!r})
for k in range(100):
    rec.step()
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    found = sp.open_trajectory(tmp_path / "a.nc")["weights"]
    assert found.sizes["step"] >= 20
    assert (np.diff(found.step) == 1).all()
    with pytest.raises(InputError, match="left by a recording that was cut off"):
        sp.record(torch.nn.Linear(3, 3), tmp_path / "a.nc")
    with pytest.warns(UserWarning, match="weights are not those that .*a.nc holds of step"):
        recording = sp.record(torch.nn.Linear(3, 3), tmp_path / "a.nc", resume=True)
    recording.step()
    recording.close()
    steps = sp.open_trajectory(tmp_path / "a.nc")["weights"].step.to_numpy()
    assert (np.diff(steps) == 1).all()


def test_resuming_counts_on(tmp_path):
    whole, halves = net(3), net(3)

    def train(model, path, epochs, **options):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with sp.record(model, path, optimizer=optimizer, **options):
            for k in epochs:
                optimizer.zero_grad()
                loss_of(model, k).backward()
                optimizer.step()

    train(whole, tmp_path / "whole.nc", range(5))
    train(halves, tmp_path / "halves.nc", range(2))
    train(halves, tmp_path / "halves.nc", range(2, 5), resume=True)
    one, other = (sp.open_trajectory(tmp_path / n)["weights"].to_dataset().load()
                  for n in ("whole.nc", "halves.nc"))  # fmt: skip
    assert other.step.to_numpy().tolist() == [0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal(one.theta, other.theta)
    np.testing.assert_allclose(one.time, other.time)


def test_runs_are_gathered_as_replicas(tmp_path):
    """A of 100 steps, B of 60: steps stay whole numbers, and B is not called diverged."""
    for name, steps in (("a", 99), ("b", 59)):
        model = one_weight()
        with sp.record(model, tmp_path / f"{name}.nc") as recording:
            for k in range(steps):
                with torch.no_grad():
                    model.w.fill_(float(k % 2))
                recording.step()
    found = sp.gather([tmp_path / "a.nc", tmp_path / "b.nc"], tmp_path / "both.nc")
    again = sp.open_trajectory(tmp_path / "both.nc")
    for tree in (found, again):
        weights = tree["weights"]
        assert weights.step.dtype == np.int64
        assert weights.diverged_step.to_numpy().tolist() == [-1, -1]
        fitted = sp.dynamics.fit_wiener(weights.theta)
        assert fitted["count"].to_numpy().ravel().tolist() == [99, 59]
        assert set(fitted["status"].to_numpy().ravel()) == {0}
    with pytest.raises(InputError, match="at least two"):
        sp.gather([tmp_path / "a.nc"])


def test_weights_that_are_not_finite(tmp_path):
    model = net()
    with sp.record(model, tmp_path / "a.nc") as recording:
        recording.step()
        with torch.no_grad():
            model[0].weight[0, 0] = torch.nan
        recording.step()
    found = sp.open_trajectory(tmp_path / "a.nc")
    assert found["weights"].diverged_step.to_numpy().tolist() == [2]
    assert sp.check(tmp_path / "a.nc") == []


def test_wrong_use(tmp_path):
    path = tmp_path / "a.nc"
    model = net()
    with sp.record(model, path) as recording:
        recording.step()
    recording.close()
    with pytest.raises(InputError, match="is closed"):
        recording.step()
    with pytest.raises(InputError, match=r"a.nc exists"):
        sp.record(net(), path)
    with sp.record(net(), path, overwrite=True):
        pass
    with pytest.raises(InputError, match="no parameter is named like"):
        sp.record(net(), tmp_path / "b.nc", what="conv*")
    with pytest.raises(InputError, match="every is 0"):
        sp.record(net(), tmp_path / "b.nc", every=0)
    with pytest.raises(InputError, match="there is no folder"):
        sp.record(net(), tmp_path / "nowhere" / "b.nc")
    with pytest.raises(InputError, match="other parameters than the first"):
        sp.record([net(), torch.nn.Linear(2, 2)], tmp_path / "b.nc")
    with pytest.raises(InputError, match="nothing at"):
        sp.record(net(), tmp_path / "b.nc", resume=True)
    assert not (tmp_path / "b.nc.parts").exists()


def test_a_model_that_changes_its_type_is_followed(tmp_path):
    model = net()
    with sp.record(model, tmp_path / "a.nc", what="0.bias") as recording:
        model.half()
        recording.step()
    theta = sp.open_trajectory(tmp_path / "a.nc")["weights"].theta[:, 0].to_numpy()
    np.testing.assert_array_equal(theta[1], model[0].bias.detach().float())


def test_names_of_a_large_model_are_made_when_it_is_read(tmp_path, monkeypatch):
    """Joined and gathered files keep a tensor's name once, and show it at every parameter."""
    monkeypatch.setattr("sgdphys.trajectory.recorder.SEGMENT_BYTES", 2**18)
    for name in ("a", "b"):
        with sp.record(torch.nn.Linear(200, 120), tmp_path / f"{name}.nc") as recording:
            for _ in range(6):
                recording.step()
    sp.gather([tmp_path / "a.nc", tmp_path / "b.nc"], tmp_path / "both.nc")
    for name in ("a", "both"):
        with xr.open_dataset(tmp_path / f"{name}.nc", group="weights") as stored:
            assert "parameter_name" not in stored.variables
        weights = sp.open_trajectory(tmp_path / f"{name}.nc")["weights"]
        assert weights.parameter_name.to_numpy()[[0, -1]].tolist() == ["weight", "bias"]
        assert weights.entry.to_numpy()[-1] == 119
        assert weights.sizes["step"] == 7


def test_a_segment_that_cannot_be_completed_is_kept(tmp_path, monkeypatch):
    """The disk refuses to make one segment certain; the next attempt writes its rows again."""
    monkeypatch.setattr("sgdphys.trajectory.recorder.SEGMENT_BYTES", 64)
    replace, refused = os.replace, []

    def once_refused(source, target):
        if str(target).endswith(".nc") and not refused:
            refused.append(target)
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr("os.replace", once_refused)
    recording = sp.record(torch.nn.Linear(3, 2), tmp_path / "a.nc")
    with pytest.raises(OSError, match="No space"):
        [recording.step() for _ in range(6)]
    recording.flush()
    steps = recording.steps
    recording.close()
    recorded = sp.open_trajectory(tmp_path / "a.nc")["weights"].step.to_numpy()
    assert recorded.tolist() == list(range(steps + 1))


@pytest.mark.parametrize(
    ("rates", "said"),
    [((0.1, 0.1), None), ((0.1, 0.01), "are not those of"), ((0.1, None), "are not those of")],
)
def test_runs_with_other_learning_rates_have_no_common_time(tmp_path, rates, said):
    """The second run had the times of the first, and a relaxation rate that was off by 10."""
    paths = [tmp_path / "a.nc", tmp_path / "b.nc"]
    for path, rate in zip(paths, rates, strict=True):
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=rate or 1.0)
        with sp.record(model, path, optimizer=optimizer if rate else None) as recording:
            for _ in range(3):
                model(torch.ones(1, 3)).sum().backward()
                optimizer.step()
                if rate is None:
                    recording.step()
    if said is None:
        assert sp.gather(paths)["weights"].time.values == pytest.approx([0, 0.1, 0.2, 0.3])
        return
    with pytest.warns(UserWarning, match=said):
        assert "time" not in sp.gather(paths)["weights"].coords


def test_times_are_gathered_from_all_recordings(tmp_path):
    """One knows those of late steps, the other of those between."""
    for name, steps, every in (("a", 20, 10), ("b", 15, 1)):
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with sp.record(model, tmp_path / f"{name}.nc", optimizer=optimizer, every=every):
            for _ in range(steps):
                model(torch.ones(1, 3)).sum().backward()
                optimizer.step()
    found = sp.gather([tmp_path / "a.nc", tmp_path / "b.nc"])
    weights = found["weights"]
    assert weights.time.values == pytest.approx(0.1 * weights.step.values)
    assert not {"last_step", "last_time", "schedule"} & set(found.attrs)


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_a_recording_that_was_cut_off_is_described_and_fitted(tmp_path, suffix):
    """The commands said that there was no file, or ended in IndexError."""
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    path = tmp_path / f"a{suffix}"
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recording = sp.record(model, path, optimizer=optimizer)
    for _ in range(40):
        for p in model.parameters():
            p.grad = torch.randn_like(p)
        optimizer.step()
    recording.flush()
    assert not path.exists()
    said = describe(path)
    assert "the recording goes on, or was cut off; resume=True joins its segments" in said
    fitted = fit_file(path, models=["wiener"], sample=3)
    assert fitted.results.attrs["source"] == str(path)
    recording.close()
    assert not [line for line in describe(path) if "cut off" in line]
