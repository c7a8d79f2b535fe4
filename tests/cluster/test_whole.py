"""Studies, fits and figures on a scheduler and workers begun as separate commands: all the same."""

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tomli_w
from commands import in_its_own_process, refused
from dask_commands import kill, machines, wait_until
from folders import arrays, contents, same

import sgdphys as sp
from sgdphys.engines.base import Stopped
from sgdphys.errors import InputError, WorkError

pytest.importorskip("distributed", reason="the extra cluster is not installed")

ONE = {
    "title": "one",
    "network": {"layers": [4]},
    "train": {"epochs": 40, "replicas": 20},
    "analyses": {"diversity": {}, "learning": {}},
    "claims": {
        "grows": {"says": "s", "by": "b", "statistic": "norm_growth", "above": 0.0, "null": "0"}
    },
    "figures": {"formats": ["svg"]},
}
SWEEP = {**ONE, "title": "sweep", "sweep": {"train.seed": [1, 2, 3]}}
SUITE = {
    "title": "suite",
    "parts": {
        "first": "one", "sweep": "sweep", "again": "one",
        "other": {"study": "one", "set": {"train.seed": 7}},
    },
    "figures": {"formats": []},
}  # fmt: skip
STUDIES = {"one": ONE, "sweep": SWEEP, "suite": SUITE}
slow = pytest.mark.slow(reason="begins a scheduler, workers and their processes")
thorough = pytest.mark.thorough(reason="begins a scheduler, workers and their processes")


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies")
    for name, keys in STUDIES.items():
        (folder / f"{name}.toml").write_text(tomli_w.dumps(keys))
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    with machines(tmp_path_factory.mktemp("machines"), workers=2) as begun:
        yield begun


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("one", marks=slow),
        pytest.param("sweep", marks=thorough),
        pytest.param("suite", marks=slow),
    ],
)
def test_a_study_is_the_same_as_in_one_process(studies, two, tmp_path, name):
    """Arrays of all groups, verdicts, figures and their data."""
    here, there = tmp_path / "here" / "run", tmp_path / "there" / "run"
    sp.run(studies / f"{name}.toml", here, threads=1)
    told, done = [], []
    sp.run(
        studies / f"{name}.toml", there, scheduler=two.address, tell=told.append,
        progress=lambda *count: done.append(count),
    )  # fmt: skip
    same(arrays(here), arrays(there))
    drawn = [{n: b for n, b in contents(f).items() if "figures/" in n} for f in (here, there)]
    assert drawn[0].keys() == drawn[1].keys()
    for figure, data in drawn[0].items():
        assert figure.endswith(".nc") or data == drawn[1][figure], figure
    assert not [path for path in there.rglob("*") if "partial" in path.name]
    assert any("in 2 blocks" in sentence for sentence in told) == (name == "one")
    assert any("reusing the recording" in sentence for sentence in told) == (name == "suite")
    assert any("analysing diversity" in sentence for sentence in told)
    assert done[-1][0] == done[-1][1] == {"one": 800, "sweep": 2400, "suite": 4800}[name]
    again = []
    sp.run(studies / f"{name}.toml", there, scheduler=two.address, tell=again.append)
    assert not [s for s in again if "analysing" in s or "blocks" in s or "drew" in s]


@thorough
def test_a_fit_is_the_same_as_in_one_process(two, tmp_path):
    paths = sp.processes.ornstein_uhlenbeck(kappa=1, dt=0.1, steps=9000, replicas=60, rng=0).theta
    models = ["drifted_wiener", "ou"]
    here = sp.fit(paths, time="time", models=models)
    assert sp.fit(paths, time="time", models=models, scheduler=two.address).identical(here)
    paths.drop_attrs().to_dataset(name="x").to_netcdf(tmp_path / "x.nc")
    options = ["fit", tmp_path / "x.nc", "--models", ",".join(models), "--json"]
    one = in_its_own_process(*options)
    other = in_its_own_process(*options, "--scheduler", two.address)
    assert one.returncode == 0, one.stderr
    assert other.stdout == one.stdout


@slow
def test_figures_are_the_same_as_drawn_here(studies, two, tmp_path):
    run = sp.run(studies / "one.toml", tmp_path / "run", settings=["figures.formats=[]"])
    here = run.write_figures(formats=["svg"])
    before = contents(run.folder / "figures")
    for path in here:
        path.unlink()
    said = in_its_own_process(
        "figures", run.folder, "--format", "svg", "--scheduler", two.address
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines() == [str(path) for path in here]
    after = contents(run.folder / "figures")
    assert after.keys() == before.keys()
    for name, data in before.items():
        assert name.endswith(".nc") or after[name] == data


@slow
def test_a_stop_ends_what_workers_do_and_the_run_is_resumed_here(two, tmp_path):
    run, asked = tmp_path / "run", threading.Event()
    longer = {"train": {"epochs": 1000, "replicas": 16}, "record": {"weights": "log"}}
    keys = {**ONE, **longer, "sweep": {"train.seed": [1, 2]}}
    threading.Thread(
        target=lambda: (wait_until(lambda: list(run.rglob("*-*.nc"))), asked.set())
    ).start()
    with pytest.raises(Stopped):
        sp.run(keys, run, scheduler=two.address, stop=asked.is_set)
    time.sleep(1)
    stopped = contents(run)
    assert not list(run.rglob("results.nc"))
    time.sleep(2)
    assert contents(run) == stopped
    told = []
    sp.run(keys, run, threads=1, tell=told.append)
    assert any("resuming after epoch" in sentence for sentence in told)
    same(arrays(sp.run(keys, tmp_path / "whole", threads=1).folder), arrays(run))


@slow
def test_a_worker_that_joins_with_another_version_is_refused(studies, tmp_path):
    (tmp_path / "other" / "sgdphys").mkdir(parents=True)
    (tmp_path / "other" / "sgdphys" / "__init__.py").write_text("__version__ = '9.9'\n")
    with machines(tmp_path, workers=0) as begun:
        begun.add_worker(PYTHONPATH=str(tmp_path / "other"))
        with pytest.raises(WorkError, match=r"^the worker tcp://.* has sgdphys 9\.9 and this"):
            sp.run(studies / "one.toml", tmp_path / "run", scheduler=begun.address)
    assert not (tmp_path / "run").exists()


@slow
def test_a_folder_that_a_worker_does_not_see_is_refused(studies, two, tmp_path, monkeypatch):
    """The path of the working folder, which is another one for the workers."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkError, match=r"does not see the folder /proc/self/cwd/run, or cannot"):
        sp.run(studies / "one.toml", "/proc/self/cwd/run", scheduler=two.address)
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]


@slow
def test_an_address_without_a_scheduler_or_workers_is_refused_in_seconds(studies, tmp_path):
    before = time.monotonic()
    said = in_its_own_process(
        "run", studies / "one.toml", "--out", tmp_path / "run", "--scheduler", "tcp://127.0.0.1:9"
    )
    refused(said, 1, "sgdphys: no scheduler answers at tcp://127.0.0.1:9; start one with")
    np.save(tmp_path / "x.npy", np.zeros((100, 2)))
    with machines(tmp_path, workers=0) as begun:
        said = in_its_own_process("fit", tmp_path / "x.npy", "--scheduler", begun.address)
        refused(said, 1, "has no workers; start some with 'dask worker tcp://")
    assert time.monotonic() - before < 120


@slow
def test_a_scheduler_that_ends_is_told_in_a_sentence(studies, tmp_path):
    with machines(tmp_path, workers=1) as begun:
        threading.Thread(
            target=lambda: (
                wait_until(lambda: (tmp_path / "run" / "study.toml").is_file()),
                kill(begun.scheduler),
            )
        ).start()
        with pytest.raises(WorkError, match="the scheduler has ended"):
            sp.run(
                {**SWEEP, "train": {"epochs": 20_000, "replicas": 16}}, tmp_path / "run",
                scheduler=begun.address,
            )  # fmt: skip


@slow
def test_ctrl_c_ends_the_command_and_its_workers_stop(two, tmp_path):
    out = tmp_path / "run"
    keys = {**SWEEP, "train": {"epochs": 20_000, "replicas": 16}}
    (tmp_path / "long.toml").write_text(tomli_w.dumps(keys))
    with (tmp_path / "errors").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "sgdphys", "run", tmp_path / "long.toml", "--out", out,
             "--scheduler", two.address], stdout=errors, stderr=errors,
        )  # fmt: skip
        wait_until(lambda: list(out.rglob("*-*.nc")))
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 1
    assert time.monotonic() - sent < 5
    said = (tmp_path / "errors").read_text()
    assert "Traceback" not in said
    assert said.endswith(
        "stopped; finished segments are kept, and the same command resumes after them\n"
    )
    time.sleep(1)
    stopped = contents(out)
    time.sleep(2)
    assert contents(out) == stopped


@slow
def test_work_is_refused_as_it_is_on_one_machine(studies, two, tmp_path):
    with pytest.raises(InputError, match=r"--workers.*give one of the two"):
        sp.run(studies / "one.toml", tmp_path / "run", scheduler=two.address, threads=2)
    run = tmp_path / "run"
    sp.run(studies / "one.toml", run, scheduler=two.address, settings=["figures.formats=[]"])
    with pytest.raises(InputError, match="holds a run of another study"):
        sp.run(studies / "one.toml", run, scheduler=two.address, settings=["train.seed=9"])
