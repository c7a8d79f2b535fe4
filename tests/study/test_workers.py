"""Processes that analyse and draw beside training: what they tell, and how they fail and end."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import work

from sgdphys.engines.base import Stopped
from sgdphys.errors import InputError, WorkError
from sgdphys.study.workers import Workers


def _is_running(number):
    try:
        state = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("processes", [0, 1])
def test_what_is_told_arrives(processes):
    told = []
    with Workers(processes, None, told.append) as workers:
        for k in range(3):
            workers.submit(work.say, k)
        workers.finish()
    assert sorted(told) == ["said 0", "said 1", "said 2"]


def test_a_process_has_its_share_of_threads():
    told = []
    with Workers(1, 3, told.append) as workers:
        workers.submit(work.say_threads)
        workers.finish()
    assert told == ["3"]


def test_work_waits_for_the_work_it_is_after(tmp_path):
    told = []
    with Workers(2, 1, told.append) as workers:
        written = workers.submit(work.write, tmp_path / "file")
        workers.submit(work.read, tmp_path / "file", after=[written])
        workers.finish()
    assert told == ["written"]


def test_a_refusal_is_raised_as_it_was_and_at_once():
    """Also while other work lasts, and more waits for it."""
    before = time.monotonic()
    with Workers(2, 1, print) as workers:
        lasting = workers.submit(work.last)
        workers.submit(work.say, "never", after=[lasting])
        workers.submit(work.refuse)
        with pytest.raises(InputError, match=r"^there are no epochs; record some\n") as caught:
            workers.finish()
    assert "in refuse" in caught.value.__notes__[0]
    assert time.monotonic() - before < 30


def test_what_failed_is_known_before_anybody_waits_for_it():
    with Workers(1, 1, print) as workers:
        workers.submit(work.refuse)
        deadline = time.monotonic() + 30
        while not workers.has_failed and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(InputError, match="there are no epochs"):
            workers.require_none_failed()


def test_an_error_that_cannot_be_sent_is_told():
    with Workers(1, 1, print) as workers:
        workers.submit(work.raise_what_cannot_be_sent)
        with pytest.raises(RuntimeError, match="ValueError: three"):
            workers.finish()


def test_a_killed_process_is_told_in_a_sentence():
    with Workers(1, 1, print) as workers:
        workers.submit(work.be_killed)
        with pytest.raises(WorkError, match=r"was killed.*--workers 1"):
            workers.finish()


@pytest.mark.parametrize(
    ("python", "words"), [("/nowhere/python", "No such file"), ("/bin/false", "it ended at once")]
)
def test_a_process_that_cannot_start_is_not_said_to_be_killed(monkeypatch, python, words):
    monkeypatch.setattr(sys, "executable", python)
    with Workers(1, 1, print) as workers:
        workers.submit(work.say, "never")
        with pytest.raises(WorkError, match="could not be started") as caught:
            workers.finish()
    assert words in str(caught.value)
    assert "--workers 1" in str(caught.value)


def test_asked_to_stop_it_does_not_wait():
    asked = threading.Event()
    before = time.monotonic()
    with Workers(1, 1, print, asked.is_set) as workers:
        workers.submit(work.last)
        threading.Timer(0.5, asked.set).start()
        with pytest.raises(Stopped):
            workers.finish()
    assert time.monotonic() - before < 30


def test_a_process_ends_within_two_seconds_of_the_one_that_began_it(tmp_path):
    """Of a kill -9, and without a word."""
    begin = (
        "import os, sys, time; sys.path.insert(0, sys.argv[1]); import work\n"
        "from sgdphys.study.workers import Workers\n"
        "workers = Workers(1, 1, print).__enter__()\n"
        "workers.submit(work.say_process_and_last, sys.argv[2])\n"
        "while not os.path.isfile(sys.argv[2]): time.sleep(0.01)\n"
        "os.kill(os.getpid(), 9)"
    )
    kept, here = tmp_path / "number", str(Path(work.__file__).parent)
    with (tmp_path / "errors").open("w") as errors:
        arguments = [sys.executable, "-c", begin, here, str(kept)]
        subprocess.run(arguments, check=False, timeout=60, stderr=errors)
    killed = time.monotonic()
    while _is_running(int(kept.read_text())):
        assert time.monotonic() - killed < 2
        time.sleep(0.02)
    assert (tmp_path / "errors").read_text() == ""


def test_who_cannot_hear_is_not_told_that_a_process_was_killed():
    def tell(sentence):
        raise BrokenPipeError("nobody listens")

    with Workers(1, 1, tell) as workers:
        workers.submit(work.say, "this")
        with pytest.raises(BrokenPipeError, match="nobody"):
            workers.finish()


def test_one_process_more_helps_while_this_one_waits():
    told = []
    with Workers(1, 1, told.append) as workers:
        first = workers.submit(work.say_process)
        for _ in range(12):
            workers.submit(work.say_process, after=[first])
        workers.finish()
    assert len(set(told)) == 2
    assert str(os.getpid()) not in told


def test_the_working_folder_comes_last(monkeypatch, tmp_path):
    """Its files stand for no module of a worker, whatever is handed down."""
    marker = tmp_path / "marker"
    for name in ("queue", "json", "typing", "encodings", "numpy", "sgdphys"):
        (tmp_path / f"{name}.py").write_text(f"open({str(marker)!r}, 'a').write('{name} ')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", str(tmp_path), "/nowhere"]))
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), *sys.path])
    told = []
    with Workers(1, 1, told.append) as workers:
        workers.submit(work.say_folders)
        workers.finish()
    assert told == [*(folder for folder in sys.path[2:] if folder), ""]
    assert not marker.exists()
