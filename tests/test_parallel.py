"""Threads: order, failures, no pools inside pools, where the limit comes from, other systems."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
import xarray as xr
from ensembles import small

import sgdphys as sp
from sgdphys import parallel
from sgdphys.engines import curvature
from sgdphys.engines.vmapped import VmappedEngine
from sgdphys.errors import InputError

STUDY = {
    "network": {"layers": [4, 3]},
    "train": {"epochs": 2, "replicas": 3, "batch_size": 512},
    "figures": {"formats": []},
}


@pytest.fixture
def four(monkeypatch):
    """No limit, and four processors, on whatever machine."""
    monkeypatch.delenv(parallel.VARIABLE, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(4)), raising=False)


@pytest.fixture
def begun(monkeypatch):
    """Names of the threads that are begun."""
    names, start = [], threading.Thread.start

    def counted(thread):
        names.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", counted)
    return names


@pytest.fixture(scope="module")
def trajectory(tmp_path_factory):
    return sp.run(STUDY, tmp_path_factory.mktemp("runs") / "run").trajectory.load()


def test_results_are_in_the_order_of_the_items(four):
    """The first item is the last to be done."""
    last = threading.Event()

    def work(k):
        if k:
            last.set()
        else:
            assert last.wait(10)
        return k

    assert parallel.map(work, iter(range(4))) == [0, 1, 2, 3]
    assert parallel.map(work, []) == []


def test_no_more_threads_than_the_limit_are_at_work_and_all_of_them_are(four, begun):
    together = threading.Barrier(2, timeout=10)
    with parallel.limited(2):
        parallel.map(lambda k: together.wait(), range(8))
    assert len(begun) == 2


def test_a_failure_is_raised_at_once_and_nothing_more_is_begun(four):
    done, told = [], threading.Event()

    def work(k):
        if k == 1:
            raise ValueError("the second")
        if k == 0:
            assert told.wait(10)  # work that lasts until it is told to end
        time.sleep(0.001)
        done.append(k)

    with parallel.limited(2), pytest.raises(ValueError, match="the second"):
        parallel.map(work, range(1000), halt=told.set)
    assert 0 in done
    assert len(done) < 500


def test_ctrl_c_halts_the_work(four, monkeypatch):
    told = threading.Event()

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(parallel, "wait", interrupted)
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        parallel.map(lambda k: told.wait(30), range(4), halt=told.set)
    assert time.monotonic() - begin < 10


def test_a_map_inside_a_worker_runs_in_line(four, begun):
    def inner(k):
        return threading.current_thread()

    def outer(k):
        with parallel.limited(4):  # cannot raise the limit of a worker
            found = parallel.map(inner, range(3))
        assert set(found) == {threading.current_thread()}
        return parallel.threads()

    assert parallel.map(outer, range(4)) == [1] * 4
    assert 0 < len(begun) <= 4
    assert parallel.threads() == 4


def test_a_single_item_leaves_the_threads_to_what_it_calls(four, begun):
    together = threading.Barrier(2, timeout=10)
    assert len(parallel.map(lambda _: parallel.map(lambda k: together.wait(), range(2)), [0])) == 1
    assert len(begun) == 2


def test_where_the_limit_comes_from(four, monkeypatch):
    """An argument before the environment, the environment before the processors."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert (parallel.limit(), parallel.threads()) == (None, 4)
    monkeypatch.setenv("SGDPHYS_THREADS", "3")
    assert (parallel.limit(), parallel.threads()) == (3, 3)
    with parallel.limited(None):
        assert parallel.threads() == 3
    with parallel.limited(6):
        assert parallel.threads() == 6
        with parallel.limited(2), parallel.limited(5):
            assert parallel.threads() == 2
        assert parallel.threads() == 6
    assert parallel.threads() == 3


def test_the_limit_is_that_of_the_code_inside_the_block(four):
    found = []
    with parallel.limited(2):
        thread = threading.Thread(target=lambda: found.append(parallel.threads()))
        thread.start()
        thread.join()
    assert found == [4]


@pytest.mark.parametrize("number", [0, -1, 1.5, "2", True])
def test_a_limit_that_is_no_number_of_threads(four, number):
    with (
        pytest.raises(InputError, match=r"threads is .*; it must be a whole number of at least 1"),
        parallel.limited(number),
    ):
        pass


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_an_environment_that_is_no_number_of_threads(four, monkeypatch, text):
    monkeypatch.setenv("SGDPHYS_THREADS", text)
    with pytest.raises(InputError, match=r"SGDPHYS_THREADS is .*; it must be a whole number"):
        sp.dynamics.msd(np.random.default_rng(0).standard_normal((200, 3)).cumsum(axis=0))


def test_workers_keep_the_callers_numpy_settings(four):
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        parallel.map(lambda k: np.float64(1.0) / np.float64(k), range(2))


def test_without_an_affinity_all_processors_are_used(four, monkeypatch):
    """MacOS and Windows have none."""
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.delattr(os, "process_cpu_count", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert parallel.threads() == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert parallel.threads() == 1
    monkeypatch.setattr(os, "process_cpu_count", lambda: 3, raising=False)
    assert parallel.threads() == 3


@pytest.mark.thorough(reason="every estimator on one and two threads")
@pytest.mark.parametrize(
    "estimator",
    ["binned", "equal_mass", "net_input", "precision", "kde_lower", "kde_upper", "neighbours"],
)
def test_every_estimator_of_information_obeys_the_limit(four, begun, trajectory, estimator):
    task = sp.tasks.symmetric_rule()
    one = sp.information.layer_information(
        trajectory, task, estimator=estimator, epochs=[2], threads=1
    )
    assert begun == []
    two = sp.information.layer_information(
        trajectory, task, estimator=estimator, epochs=[2], threads=2
    )
    assert 0 < len(begun) <= 2
    xr.testing.assert_identical(one, two)


@pytest.mark.parametrize("estimator", ["binned", "kde_upper"])
def test_activations_of_ones_own_obey_the_limit(four, begun, trajectory, estimator):
    """A function that is not made for threads is called from the caller's alone."""
    callers = set()

    def activations(theta):
        callers.add(threading.current_thread())
        return [np.tanh(np.arange(4096.0)[:, None] * theta[:3])]

    task = sp.tasks.symmetric_rule()
    given = {"activations": activations, "estimator": estimator, "epochs": [2]}
    one = sp.information.layer_information(trajectory, task, threads=1, **given)
    assert begun == []
    many = sp.information.layer_information(trajectory, task, **given)
    assert callers == {threading.current_thread()}
    xr.testing.assert_identical(one, many)


@pytest.mark.slow(reason="starts processes: 13 s")
def test_dynamics_obeys_the_limit(four, begun):
    walks = np.random.default_rng(0).standard_normal((3000, 800)).cumsum(axis=0)
    for estimator in (sp.dynamics.msd, sp.dynamics.kramers_moyal):
        with parallel.limited(1):
            one = estimator(walks)
        assert begun == []
        xr.testing.assert_identical(one, estimator(walks))
        assert 0 < len(begun) <= 4
        begun.clear()


def test_lazy_windows_obey_the_limit_they_were_asked_for_under(four, begun):
    lazy = xr.DataArray(np.random.default_rng(0).standard_normal((900, 3000)), dims=("step", "k"))
    lazy = lazy.chunk(step=300)
    with parallel.limited(1):
        found = sp.dynamics.rolling_indicators(lazy, window=100)
    found.load(scheduler="synchronous")
    assert begun == []
    sp.dynamics.rolling_indicators(lazy, window=100).load(scheduler="synchronous")
    assert begun != []


def test_torch_has_its_threads_back(four):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with parallel.torch_threads() as number:
            assert number == torch.get_num_threads() == 3
        with parallel.limited(2):
            with parallel.torch_threads() as number:
                assert number == torch.get_num_threads() == 2
            assert torch.get_num_threads() == 3
            with pytest.raises(InputError), parallel.torch_threads():
                VmappedEngine(small(langevin=0.1))
            assert torch.get_num_threads() == 3
            engine = VmappedEngine(small())
            assert engine.threads == 2
            landscape = curvature.landscape_of(small())
            curvature.gradients(landscape, engine.initial_state().theta[None])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_run_leaves_torch_as_it_was(four, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        study = {**STUDY, "train": {**STUDY["train"], "replicas": 2, "engine": "vmapped"}}
        run = sp.run(study, tmp_path / "run", threads=1)
        assert torch.get_num_threads() == 3
        assert run.trajectory.attrs["threads"] == 1
    finally:
        torch.set_num_threads(before)


ELSEWHERE = """
import os, signal, sys
for name in ("sched_getaffinity", "fork", "getuid", "sysconf"):
    delattr(os, name)
del signal.SIGHUP, signal.SIGALRM
sys.modules["fcntl"] = None
import numpy as np, torch
import sgdphys as sp
walks = np.random.default_rng(0).standard_normal((300, 3)).cumsum(axis=0)
print(sp.fit(walks)["best"].size, sp.dynamics.msd(walks).sizes["lag"] > 1)
model = torch.nn.Linear(2, 1)
with sp.record(model, "mine.nc") as recorder:
    for _ in range(3):
        recorder.step()
print(sp.open_trajectory("mine.nc")["weights"].sizes["step"])
study = {
    "network": {"layers": [3]}, "train": {"epochs": 1, "replicas": 2, "batch_size": 512},
    "sweep": {"network.activation": ["tanh", "relu"]}, "figures": {"formats": []},
}
told = []
run = sp.run(study, "run", threads=4, tell=told.append)
print(sum("runs in one process" in t for t in told), sum("cannot be locked" in t for t in told) > 0)
from sgdphys.cli import main
sys.argv = ["sgdphys", "studies"]
main()
"""


@pytest.mark.slow
def test_a_system_that_is_not_linux(tmp_path):
    """No affinity, no fork, no locks on files, no users, no memory that the system tells of."""
    result = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], capture_output=True, text=True, check=False,
        cwd=tmp_path, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[:3] == ["3 True", "4", "1 True"]
    assert any(line.startswith("information_plane") for line in lines)
