"""A command in a process of its own: its status, its end by a signal, its end with the other."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

FORE = (
    "import os, re, sys, time; from sgdphys.supervision import supervised\n"
    "def command(is_interrupted):\n    "
)
AFTER = "\nsys.exit(supervised(command, lambda said: print(said, flush=True), 'interrupted'))"


def started(body):
    code = FORE + "print(os.getpid(), flush=True); " + body + AFTER
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, preexec_fn=_hears_hang_ups
    )


def _hears_hang_ups():
    """Undo what a ``nohup`` around the tests hands down."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def is_running(number):
    try:
        state = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("return 0", 0, ""),
        ("return 2", 2, ""),
        ("sys.exit(3)", 3, ""),
        ("os.kill(os.getpid(), 9)", 1, "it was ended by SIGKILL, perhaps for want of memory\n"),
        ("os.abort()", 1, "it was ended by SIGABRT\n"),
    ],
)
def test_the_status_is_that_of_the_command(body, status, said):
    with started(body) as process:
        assert int(process.stdout.readline()) != process.pid
        assert process.stdout.read() == said
        assert process.wait() == status


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ("time.sleep(60)", 1.0),
        # one call, for longer than anybody waits, that lets nobody else use the interpreter
        ("re.match('(a+)+$', 'a' * 60 + 'b')", 2.0),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it(body, seconds, number):
    with started(body) as process:
        child = int(process.stdout.readline())
        time.sleep(0.05)
        sent = time.monotonic()
        process.send_signal(number)
        assert process.stdout.read() == "interrupted\n"
        assert process.wait() == 1
        assert time.monotonic() - sent < seconds
        assert not is_running(child)


def test_a_second_signal_ends_it_at_once():
    with started("re.match('(a+)+$', 'a' * 60 + 'b')") as process:
        process.stdout.readline()
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 1
        assert time.monotonic() - sent < 1.0


def test_what_is_done_before_the_signal_is_heard_is_done():
    ignoring = "try: time.sleep(60)\n    except KeyboardInterrupt: os._exit(0)"
    with started("\n    " + ignoring) as process:
        process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""
        assert process.wait() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a process with its parent")
def test_it_ends_with_the_one_that_began_it():
    with started("re.match('(a+)+$', 'a' * 60 + 'b')") as process:
        child = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        killed = time.monotonic()
        while is_running(child):
            assert time.monotonic() - killed < 2
            time.sleep(0.01)


def test_a_command_knows_that_it_was_interrupted():
    body = """
    try: print("ready", flush=True); time.sleep(60)
    except BaseException: print(is_interrupted(), flush=True)
    return 1"""
    with started(body) as process:
        process.stdout.readline()
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "True\ninterrupted\n"
