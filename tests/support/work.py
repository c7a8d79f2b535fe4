"""Work for processes beside training, which import it by its name."""

import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

from sgdphys import parallel
from sgdphys.errors import InputError


def say(what, tell):
    tell(f"said {what}")


def say_threads(tell):
    tell(str(parallel.threads()))


def refuse(tell):
    raise InputError("there are no epochs; record some")


def be_killed(tell):
    os.kill(os.getpid(), signal.SIGKILL)


def last(tell):
    time.sleep(60)


def raise_what_cannot_be_sent(tell):
    error = ValueError("three")
    error.of = threading.Lock()
    raise error


def say_process_and_last(path, tell):
    partial = Path(f"{path}.partial")
    partial.write_text(str(os.getpid()))
    partial.rename(path)
    # one call, for longer than anybody waits, that lets no other thread use the interpreter
    re.match("(a+)+$", "a" * 60 + "b")


def write(path, tell):
    Path(path).write_text("written")


def read(path, tell):
    tell(Path(path).read_text())


def say_process(tell):
    time.sleep(0.2)
    tell(str(os.getpid()))


def say_folders(tell):
    for folder in sys.path:
        tell(folder)
