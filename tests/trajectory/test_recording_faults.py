"""What may go wrong around a recording, and that what was recorded survives it."""

import fcntl
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.trajectory import locks


def net(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Linear(3, 2)


def steps_of(path):
    return sp.open_trajectory(path)["weights"].step.to_numpy().tolist()


@pytest.mark.parametrize("name", ["train/loss", "step", "", ".", "x" * 300, "a "])
def test_a_scalar_that_no_file_can_name_is_refused_at_once(tmp_path, name):
    with sp.record(net(), tmp_path / "a.nc") as recording:
        recording.step(loss=1.0)
        with pytest.raises(InputError, match="a scalar cannot be named"):
            recording.step(**{name: 1.0})
        recording.step(**{"Größe 2": 2.0})
    assert steps_of(tmp_path / "a.nc") == [0, 1, 2]
    scalars = sp.open_trajectory(tmp_path / "a.nc")["scalars"]
    np.testing.assert_array_equal(scalars["loss"], [1.0, np.nan])
    np.testing.assert_array_equal(scalars["Größe 2"], [np.nan, 2.0])


def test_rows_that_could_not_be_written_are_kept(tmp_path, monkeypatch):
    from sgdphys.trajectory import recorder

    monkeypatch.setattr(recorder, "SEGMENT_BYTES", 1)
    with sp.record(net(), tmp_path / "a.nc") as recording:
        away = tmp_path / "away"
        (tmp_path / "a.nc.parts").rename(away)
        with pytest.raises(OSError, match="No such file"):
            recording.step(loss=1.0)
        away.rename(tmp_path / "a.nc.parts")
        recording.step(loss=2.0)
    assert steps_of(tmp_path / "a.nc") == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"what": "sketch", "sketch": 0}, "sketch is 0; give a whole number of at least 2"),
        ({"what": "sketch", "sketch": 7.5}, "sketch is 7.5; give a whole number"),
        ({"what": "sketch", "seed": -1}, "seed is -1; give a whole number of at least 0"),
        ({"what": 3}, "what is 3; it can be"),
        ({"resume": -3}, "resume is -3; it can be True, False or the step"),
        ({"resume": 2.5}, "resume is 2.5; it can be"),
        ({"resume": "3"}, "resume is '3'; it can be"),
        ({"resume": None}, "resume is None; it can be"),
        ({"first_step": 1.5}, "first_step is 1.5; give a whole number"),
        ({"every": {"burst": 1.5, "starts": 2, "updates": 9}}, "every is .*; give whole numbers"),
        ({"every": {"burst": "1", "starts": 2, "updates": 9}}, "every is .*; give whole numbers"),
        ({"every": 0}, "every is 0; it can be"),
    ],
)
def test_arguments_are_checked_before_a_file_is_replaced(tmp_path, options, said):
    with sp.record(net(), tmp_path / "a.nc") as recording:
        recording.step()
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(InputError, match=said):
        sp.record(net(), tmp_path / "a.nc", **{"overwrite": True, **options})
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_whole_numbers_of_numpy_are_taken(tmp_path):
    two = np.int64(2)
    with sp.record(net(), tmp_path / "a.nc", every=two, first_step=two) as recording:
        for _ in range(4):
            recording.step()
    assert steps_of(tmp_path / "a.nc") == [2, 4, 6]
    bursts = {"burst": two, "starts": two, "updates": np.int32(10)}
    with sp.record(net(), tmp_path / "b.nc", every=bursts) as recording:
        for _ in range(10):
            recording.step()
    assert steps_of(tmp_path / "b.nc") == [0, 1, 2, 8, 9, 10]
    assert sp.check(tmp_path / "b.nc") == []


def test_a_name_must_leave_room_for_those_beside_it(tmp_path):
    with pytest.raises(InputError, match="is too long a name"):
        sp.record(net(), tmp_path / ("a" * 250 + ".nc"))
    with pytest.raises(InputError, match="is a folder"):
        sp.record(net(), tmp_path, overwrite=True)
    with sp.record(net(), tmp_path / ("a" * 233 + ".nc")):
        pass
    sp.record(net(), tmp_path / ("a" * 233 + ".nc"), resume=0).close()


def sgd(model, groups=1):
    parameters = list(model.parameters())
    return torch.optim.SGD([{"params": parameters[k::groups]} for k in range(groups)], lr=0.1)


def train(model, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.ones(1, 3)).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize("resume", [True, 2])
def test_what_goes_on_must_be_the_same_and_the_file_stays(tmp_path, resume):
    model = net()
    with sp.record(model, tmp_path / "a.nc", optimizer=(optimizer := sgd(model))):
        train(model, optimizer, 3)
    with sp.record(model, tmp_path / "sketch.nc", what="sketch", sketch=5) as recording:
        recording.step()
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    refused = [
        (model, "a.nc", sgd(model, 2), "rates of 1 groups of parameters, and the optimizer has 2"),
        ([model, net()], "a.nc", None, "holds 1 models, and 2 are to be recorded"),
        (model, "sketch.nc", None, "holds a sketch, which cannot go on"),
    ]
    for given, name, followed, said in refused:
        with pytest.raises(InputError, match=said):
            sp.record(given, tmp_path / name, optimizer=followed, resume=resume)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize("gradients", [False, True])
def test_gradients_may_begin_or_end_where_a_recording_goes_on(tmp_path, gradients):
    model = net()
    optimizer = sgd(model)
    for k, (wanted, followed) in enumerate([(gradients, True), (not gradients, True), (False, 0)]):
        with sp.record(
            model, tmp_path / "a.nc", optimizer=optimizer if followed else None,
            gradients=wanted, resume=k > 0,
        ) as recording:  # fmt: skip
            train(model, optimizer, 2)
            if not followed:
                recording.step()
    assert steps_of(tmp_path / "a.nc") == list(range(6))
    norms = sp.open_trajectory(tmp_path / "a.nc")["updates"]["mean_norm"].isel(layer=0, replica=0)
    known = norms.step[np.isfinite(norms)].to_numpy().tolist()
    assert known == ([1, 2] if gradients else [3, 4])
    assert sp.check(tmp_path / "a.nc") == []


def test_a_recording_goes_on_through_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    with sp.record(net(), tmp_path / "disk" / "a.nc") as recording:
        recording.step()
    link = tmp_path / "a.nc"
    link.symlink_to(tmp_path / "disk" / "a.nc")
    with sp.record(net(), link, resume=True) as recording:
        recording.step()
    assert link.is_symlink()
    assert steps_of(tmp_path / "disk" / "a.nc") == [0, 1, 2]


@pytest.mark.parametrize("resume", [True, 10, 9, 6, 5])
def test_the_time_is_exact_where_a_recording_goes_on_between_records(tmp_path, resume):
    model = net()
    optimizer = sgd(model)
    with sp.record(model, tmp_path / "a.nc", optimizer=optimizer, every=4):
        train(model, optimizer, 10)
    recording = sp.record(model, tmp_path / "a.nc", optimizer=optimizer, every=1, resume=resume)
    begun = recording.steps
    train(model, optimizer, 3)
    recording.close()
    weights = sp.open_trajectory(tmp_path / "a.nc")["weights"]
    wanted = [s for s in (0, 4, 8) if s < begun] + [begun + k for k in range(4)]
    assert weights.step.to_numpy().tolist() == wanted
    np.testing.assert_allclose(weights.time, 0.1 * weights.step)


SCRIPT = """
import os, sys, time, torch, sgdphys as sp
from sgdphys.trajectory import recorder
torch.manual_seed(0)
model = torch.nn.Linear(3, 2)
r = sp.record(model, sys.argv[1], every=2)
for k in range(7):
    r.step(loss=k)
"""


@pytest.mark.thorough(reason="new processes that load torch: 5 s each")
@pytest.mark.parametrize(
    ("ending", "last"),
    [
        ("", 6),
        pytest.param("raise RuntimeError('broke')", 6, marks=pytest.mark.slow),
        pytest.param("sys.exit(3)", 6, marks=pytest.mark.slow),
        pytest.param("if os.fork() == 0: sys.exit()\nos.wait()", 6, marks=pytest.mark.slow),
        pytest.param(
            "recorder.FLUSH_SECONDS = 0.0\nr.step()\nr.step()\nos._exit(1)",
            8,
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_a_script_that_ends_without_closing_keeps_what_was_recorded(tmp_path, ending, last):
    path = tmp_path / "a.nc"
    subprocess.run([sys.executable, "-c", SCRIPT + ending, str(path)], check=False)
    assert steps_of(path) == list(range(0, last + 1, 2))
    assert sp.open_trajectory(path)["scalars"].loss.to_numpy().tolist() == list(range(7))
    assert sp.check(path) == []
    recording = sp.record(net(), path, resume=True)
    assert recording.steps == (8 if last == 8 else 7)
    recording.close()


@pytest.mark.slow(reason="starts processes with torch: 10 s")
def test_after_a_flush_a_crash_can_be_resumed_at_its_step(tmp_path):
    for name, every in (("a.nc", 100), ("b.nc", 1)):
        code = (
            SCRIPT.replace("every=2", f"every={every}") + "r.flush()\nr.step(loss=9.)\nos._exit(1)"
        )
        subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], check=False)
        recording = sp.record(net(), tmp_path / name, resume=7, every=every)
        recording.step(loss=8.0)
        assert recording.steps == 8
        recording.close()
        assert sp.open_trajectory(tmp_path / name)["scalars"].loss.to_numpy().tolist() == [
            0, 1, 2, 3, 4, 5, 6, 8,
        ]  # fmt: skip


def test_a_flush_amid_the_scalars_of_a_step_keeps_the_first(tmp_path):
    model = net()
    optimizer = sgd(model)
    with sp.record(model, tmp_path / "a.nc", optimizer=optimizer) as recording:
        train(model, optimizer, 1)
        recording.step(loss=1.0)
        recording.flush()
        recording.step(loss=2.0)
        train(model, optimizer, 1)
        recording.step(loss=3.0)
    assert sp.open_trajectory(tmp_path / "a.nc")["scalars"].loss.to_numpy().tolist() == [1.0, 3.0]
    assert steps_of(tmp_path / "a.nc") == [0, 1, 2]


@pytest.mark.thorough(reason="new processes that load torch")
@pytest.mark.parametrize("option", [{}, {"overwrite": True}, {"resume": True}])
def test_a_file_that_is_being_recorded_has_one_recorder(tmp_path, option):
    with sp.record(net(), tmp_path / "a.nc") as recording:
        with pytest.raises(InputError, match="is being recorded by this process; close"):
            sp.record(net(), tmp_path / "a.nc", **option)
        recording.step()
    assert steps_of(tmp_path / "a.nc") == [0, 1]
    lost = sp.record(net(), tmp_path / "b.nc")
    lost.step()
    lost.flush()
    del lost
    sp.record(net(), tmp_path / "b.nc", resume=True).close()
    assert steps_of(tmp_path / "b.nc") == [0, 1]


class Counting(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.ones(2))
        self.register_buffer("seen", torch.zeros(3))
        self.register_buffer("also", self.seen)


@pytest.mark.parametrize("option", [{}, {"overwrite": True}, {"resume": True}])
def test_a_file_that_another_process_records_is_refused(tmp_path, option):
    path = tmp_path / "r.nc"
    with sp.record(net(), path) as recorder:
        recorder.step()
    before = path.read_bytes()
    other = path.with_name("r.nc.lock")
    with other.open("a") as file:  # a lock is of a file as it was opened, not of a process
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="is being recorded by another process"):
            sp.record(net(), path, **option)
    assert path.read_bytes() == before
    with sp.record(net(), path, overwrite=True):  # it was killed
        assert other.exists()
    assert not other.exists()


def test_where_files_cannot_be_locked_a_loop_is_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "fcntl", None)
    with sp.record(net(), tmp_path / "r.nc"):
        pass
    assert steps_of(tmp_path / "r.nc") == [0]


def resize(model):
    model.seen = torch.zeros(4)


def forget(model):
    model.seen = None


def widen(model):
    model.double()


def narrow(model):
    model.half()
    model.seen = model.also = torch.ones(3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (resize, r"buffer seen has shape \(4,\), not \(3,\)"),
        (forget, "buffer seen was deleted"),
        (widen, "parameter w is float64 now, and float32 is recorded"),
        (narrow, None),
    ],
)
def test_buffers_and_types_that_change_end_the_recording(tmp_path, change, said):
    model = Counting()
    with sp.record(model, tmp_path / "a.nc", buffers=True) as recording:
        recording.step()
        change(model)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            recording.step()
    assert [re.search(said or "", str(w.message)) is not None for w in warned] == [True] * bool(
        said
    )
    assert steps_of(tmp_path / "a.nc") == ([0, 1] if said else [0, 1, 2])


def test_models_of_two_widths_are_recorded_in_the_wider(tmp_path):
    models = [net(0), net(1).double()]
    with torch.no_grad():
        models[1].bias += 1e-12
    sp.record(models, tmp_path / "a.nc").close()
    theta = sp.open_trajectory(tmp_path / "a.nc")["weights"].theta
    wanted = [[*m.weight.detach().ravel().tolist(), *m.bias.tolist()] for m in models]
    np.testing.assert_array_equal(theta[0], wanted)


def test_an_optimizer_given_twice_is_one(tmp_path):
    model = net()
    optimizer = sgd(model)
    with sp.record(model, tmp_path / "a.nc", optimizer=[optimizer, optimizer]):
        train(model, optimizer, 2)
    tree = sp.open_trajectory(tmp_path / "a.nc")
    assert steps_of(tmp_path / "a.nc") == [0, 1, 2]
    assert tree["updates"].sizes["group"] == 1


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("skipped", [0, 1])
def test_one_of_two_optimizers_that_is_skipped_leaves_the_next_rounds_whole(
    tmp_path, fused, skipped
):
    """A scaler skips one of them in round 2: later records are at the ends of rounds."""
    models = [net(0), net(1)]
    both = torch.nn.ModuleList(models)
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.1, fused=fused) for m in models]
    ends = []
    with sp.record(both, tmp_path / "a.nc", optimizer=optimizers):
        scalers = [torch.amp.GradScaler("cpu", init_scale=4.0) for _ in models]
        for k in range(6):
            for n in (0, 1):
                optimizers[n].zero_grad()
                loss = models[n](torch.ones(1, 3)).square().sum()
                bad = k == 2 and n == skipped
                scalers[n].scale(loss * (np.inf if bad else 1.0)).backward()
                scalers[n].step(optimizers[n])
                scalers[n].update()
            ends.append(torch.cat([p.detach().reshape(-1) for p in both.parameters()]).tolist())
    theta = sp.open_trajectory(tmp_path / "a.nc")["weights"].theta[1:, 0].to_numpy()
    if skipped and not fused:  # nothing tells that from one that takes two updates for another's
        del ends[2]
    np.testing.assert_array_equal(theta, np.array(ends, np.float32))
