"""Signals that end a command: within two seconds whatever it is doing, with one sentence."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tomli_w
import xarray as xr
from commands import ALL_PROCESSORS

STOPPED = "sgdphys: stopped; finished segments are kept, and the same command resumes after them"
INTERRUPTED = "sgdphys: interrupted"
LIMIT = 2.0

SMALL = {
    "title": "small",
    "network": {"layers": [4, 3]},
    "train": {"epochs": 40, "replicas": 3},
    "figures": {"formats": []},
}
SLOW_PHASES = {**SMALL, "analyses": {"phases": {"resamples": 100_000}}}


@pytest.fixture
def started(tmp_path):
    """Begin a command whose words go to files, so that nobody needs to read them meanwhile."""
    begun = []

    def begin(*arguments, before=()):
        with (tmp_path / "out").open("w") as out, (tmp_path / "errors").open("w") as errors:
            process = subprocess.Popen(
                [*before, sys.executable, "-m", "sgdphys", *map(str, arguments)],
                stdout=out, stderr=errors, cwd=tmp_path, env=ALL_PROCESSORS,
            )  # fmt: skip
        begun.append(process)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.wait()


def test_ctrl_c_while_the_command_is_loading(started, tmp_path):
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")
    process = started("--help", before=("env", f"PYTHONPATH={tmp_path}"))
    assert process.wait() == 1
    assert (tmp_path / "errors").read_text() == f"{INTERRUPTED}\n"


def study(folder, keys, name="study"):
    path = folder / f"{name}.toml"
    path.write_text(tomli_w.dumps(keys))
    return path


def wait_for(process, happened, seconds=240):
    deadline = time.monotonic() + seconds
    while not happened():
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def said(folder):
    return (folder / "errors").read_text()


def ends(process, number, folder, sentence, after=0.3):
    """Send a signal; the command ends in time, with one sentence and status 1."""
    time.sleep(after)
    assert process.poll() is None, "it ended by itself"
    sent = time.monotonic()
    process.send_signal(number)
    status = process.wait(timeout=60)
    seconds = time.monotonic() - sent
    print(f"{seconds:.2f} s until the end by {signal.Signals(number).name}")
    assert status == 1
    assert said(folder).splitlines()[-1] == sentence
    assert "Traceback" not in said(folder)
    assert seconds < LIMIT
    return seconds


def processes_of(folder):
    """Processes whose working folder this is; those of a command that has ended are orphans."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z" and os.readlink(entry / "cwd") == str(folder):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_long_analysis(started, tmp_path, number):
    """One kernel or pool of threads after another, and nobody who asks whether to stop."""
    process = started("run", study(tmp_path, SLOW_PHASES), "--out", "run")
    wait_for(process, lambda: "analysing phases" in said(tmp_path))
    ends(process, number, tmp_path, STOPPED)
    assert not (tmp_path / "run" / "results.nc").exists()


@pytest.mark.slow(reason="waits for processes, as the other signals do")
def test_waiting_for_a_process_that_analyses(started, tmp_path):
    """The process ends as well."""
    study(tmp_path, SLOW_PHASES, "part")
    suite = study(tmp_path, {"title": "suite", "parts": {"one": "part"}}, "suite")
    process = started("run", suite, "--out", "run")
    wait_for(process, lambda: "analysing phases" in said(tmp_path))
    assert len(processes_of(tmp_path)) == 3
    ends(process, signal.SIGINT, tmp_path, STOPPED)
    assert processes_of(tmp_path) == []


def many_series(folder, series=2000):
    theta = np.random.default_rng(0).normal(size=(2000, series)).cumsum(axis=0)
    path = folder / "many.nc"
    xr.Dataset({"theta": (("step", "parameter"), theta)}).to_netcdf(path)
    return path


@pytest.mark.thorough(reason="waits for a signal: 6 s")
def test_a_fit(started, tmp_path):
    process = started("fit", many_series(tmp_path), "--sample", "2000")
    ends(process, signal.SIGINT, tmp_path, INTERRUPTED, after=5.0)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_training(started, tmp_path, number):
    keys = {**SMALL, "train": {"epochs": 3000, "replicas": 20}}
    process = started("run", study(tmp_path, keys), "--out", "run")
    wait_for(process, lambda: len(list(tmp_path.glob("run/trajectory/*.nc"))) > 1)
    ends(process, number, tmp_path, STOPPED)
    assert not list(tmp_path.glob("run/trajectory/*.partial"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_training_of_a_part_beside_an_analysis(started, tmp_path, number):
    study(tmp_path, SLOW_PHASES, "part")
    study(tmp_path, {**SMALL, "train": {"epochs": 9000, "replicas": 20}}, "long")
    parts = {"title": "suite", "parts": {"one": "part", "two": "long"}}
    process = started("run", study(tmp_path, parts, "suite"), "--out", "run")
    wait_for(process, lambda: list(tmp_path.glob("run/parts/two/trajectory/*.nc")))
    ends(process, number, tmp_path, STOPPED)
    assert processes_of(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["run", "figures", "report"])
def test_drawing(started, tmp_path, number, command):
    keys = {**SMALL, "analyses": {"information": {}, "phases": {}}}
    path = study(tmp_path, keys)
    assert started("run", path, "--out", "run").wait() == 0
    keys["figures"] = {"formats": ["png", "svg", "pdf"]}
    study(tmp_path, keys)
    arguments = {
        "run": ("run", path, "--out", "run"),
        "figures": ("figures", "run", "--format", "png,svg,pdf"),
        "report": ("report", "run"),
    }[command]
    process = started(*arguments)
    if command != "report":  # which draws into a folder of its own
        wait_for(process, lambda: list(tmp_path.glob("run/figures/*")))
    sentence = STOPPED if command == "run" else INTERRUPTED
    ends(process, number, tmp_path, sentence, after=3.0 if command == "report" else 0.0)
    if command == "run":
        assert started(*arguments).wait() == 0
        assert not list(tmp_path.glob("run/figures/.partial-*"))


@pytest.mark.slow
def test_starting(started, tmp_path):
    """While libraries are being loaded, and kernels looked for."""
    path = study(tmp_path, SLOW_PHASES)
    for after in (0.5, 1.0, 1.5, 2.0):
        process = started("run", path, "--out", "run")
        ends(process, signal.SIGTERM, tmp_path, STOPPED, after=after)


@pytest.mark.slow
def test_importing_and_checking(started, tmp_path):
    big = np.zeros((2000, 40_000))
    np.savez(tmp_path / "big.npz", step=np.arange(2000), w=big)
    process = started("import", "big.npz", "--out", "big.nc")
    ends(process, signal.SIGINT, tmp_path, INTERRUPTED, after=3.0)
    assert not (tmp_path / "big.nc").exists()


@pytest.mark.slow
def test_a_second_signal_ends_it_at_once(started, tmp_path):
    process = started("run", study(tmp_path, SLOW_PHASES), "--out", "run")
    wait_for(process, lambda: "analysing phases" in said(tmp_path))
    process.send_signal(signal.SIGINT)
    seconds = ends(process, signal.SIGINT, tmp_path, STOPPED, after=0.05)
    assert seconds < 1.0


@pytest.mark.slow
def test_what_hangup_is_not_to_end_goes_on(started, tmp_path):
    """As nohup asks for."""
    process = started("run", study(tmp_path, SMALL), "--out", "run", before=["nohup"])
    time.sleep(2)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=120) == 0


@pytest.mark.slow
def test_killed_nothing_of_it_is_left_and_it_is_carried_on_at_once(started, tmp_path):
    """Neither the command's own process nor one that analyses, in the middle of an analysis."""
    study(tmp_path, SLOW_PHASES, "part")
    suite = study(tmp_path, {"title": "suite", "parts": {"one": "part"}}, "suite")
    process = started("run", suite, "--out", "run")
    wait_for(process, lambda: "analysing phases" in said(tmp_path))
    assert len(processes_of(tmp_path)) == 3
    process.kill()
    process.wait()
    killed = time.monotonic()
    while processes_of(tmp_path):
        assert time.monotonic() - killed < LIMIT
        time.sleep(0.01)
    print(f"{time.monotonic() - killed:.2f} s until no process was left after SIGKILL")
    assert "Traceback" not in said(tmp_path)
    process = started("run", suite, "--out", "run")
    wait_for(process, lambda: "analysing phases" in said(tmp_path))
    process.kill()
    again = started("run", suite, "--out", "run")
    wait_for(again, lambda: "analysing phases" in said(tmp_path))
