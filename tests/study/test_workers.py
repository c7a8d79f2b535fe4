"""Processes that analyse and draw beside training: what they tell, and how they fail and end."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from sgdphys.engines.base import Stopped
from sgdphys.errors import InputError, WorkError
from sgdphys.study.workers import Workers


def _say(what, tell):
    tell(f"said {what}")


def _refuse(tell):
    raise InputError("there are no epochs; record some")


def _be_killed(tell):
    os.kill(os.getpid(), signal.SIGKILL)


def _last(tell):
    time.sleep(60)


def say_process(path, tell):
    Path(path).write_text(str(os.getpid()))


def _is_running(number):
    try:
        state = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("processes", [0, 1])
def test_what_is_told_arrives(processes):
    told = []
    with Workers(processes, None, told.append, None) as workers:
        workers.require([workers.submit(_say, k) for k in range(3)], whole=True)
    assert sorted(told) == ["said 0", "said 1", "said 2"]


def test_a_refusal_is_raised_as_it_was():
    with (
        Workers(1, 1, print, None) as workers,
        pytest.raises(InputError, match=r"^there are no epochs; record some\n") as caught,
    ):
        workers.require([workers.submit(_refuse)], whole=True)
    assert "in _refuse" in caught.value.__notes__[0]


def test_a_killed_process_is_told_in_a_sentence_and_another_takes_its_place():
    told = []
    with Workers(1, 1, told.append, None) as workers:
        with pytest.raises(WorkError, match=r"was killed.*--workers 1"):
            workers.require([workers.submit(_be_killed)], whole=True)
        workers.require([workers.submit(_say, "again")], whole=True)
    assert told == ["said again"]


def test_asked_to_stop_it_does_not_wait():
    asked = threading.Event()
    before = time.monotonic()
    with Workers(1, 1, print, asked.is_set) as workers:
        begun = workers.submit(_last)
        threading.Timer(0.5, asked.set).start()
        with pytest.raises(Stopped):
            workers.require([begun], whole=True)
    assert isinstance(begun.exception(), WorkError)
    assert time.monotonic() - before < 30


def test_a_process_ends_with_the_one_that_began_it():
    begin = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from test_workers import *\n"
        "workers = Workers(1, 1, print, None); workers.submit(say_process, sys.argv[2]).result()\n"
        "os.kill(os.getpid(), 9)"
    )
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "number"
        here = str(Path(__file__).parent)
        subprocess.run([sys.executable, "-c", begin, here, str(kept)], check=False, timeout=60)
        number = int(kept.read_text())
    deadline = time.monotonic() + 10
    while _is_running(number) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(number)


def test_who_cannot_hear_is_not_told_that_a_process_was_killed():
    def tell(sentence):
        raise BrokenPipeError("nobody listens")

    with Workers(1, 1, tell, None) as workers, pytest.raises(BrokenPipeError, match="nobody"):
        workers.require([workers.submit(_say, "this")], whole=True)


def _say_where(tell):
    time.sleep(0.2)
    tell(str(os.getpid()))


def test_this_process_helps_once_it_is_told_to():
    told = []
    with Workers(1, 1, told.append, None) as workers:
        workers.require([workers.submit(_say_where)], whole=True)
        begun = [workers.submit(_say_where) for _ in range(6)]
        workers.help()
        workers.require(begun, whole=True)
    assert told[0] != str(os.getpid())
    assert set(told) == {told[0], str(os.getpid())}
