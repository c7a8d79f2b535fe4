"""The command as a user runs it, for tests."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

from sgdphys.cli import main

ALL_PROCESSORS = {name: v for name, v in os.environ.items() if not name.endswith("_THREADS")}
"""Environment of a command that uses all processors, as a user's does."""


def command(*arguments, **options):
    """Carry out a command and return its status and what it said.

    In the process of the test, which has loaded what it needs; in one of its own where the options
    (those of ``subprocess.run``) ask for another environment or folder.
    """
    texts = [str(argument) for argument in arguments]
    if options:
        return in_its_own_process(*texts, **options)
    told, complained = io.StringIO(), io.StringIO()
    with redirect_stdout(told), redirect_stderr(complained), patch.dict(os.environ):
        try:
            main(texts)
        except SystemExit as ended:
            status = ended.code
    return subprocess.CompletedProcess(texts, status, told.getvalue(), complained.getvalue())


def in_its_own_process(*arguments, **options):
    """Carry out a command as a shell would."""
    return subprocess.run(
        [sys.executable, "-m", "sgdphys", *map(str, arguments)],
        capture_output=True, text=True, timeout=300, check=False, **options,
    )  # fmt: skip


def refused(result, status, *words):
    """One sentence a fault on standard error, no traceback, nothing on standard output."""
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert all(word in result.stderr for word in words), result.stderr
    assert result.stdout == ""
    return last


def diffusion(path, *options):
    """Median D of all series of a file, by the command ``fit`` with the Wiener process alone."""
    done = command("fit", path, "--models", "drifted_wiener", "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["groups"][-1]["apparent_diffusion"]["median"]


def refusal(path, *options):
    """What the command ``fit`` says of a file that it refuses, in one line."""
    done = command("fit", path, *options)
    assert done.returncode == 2
    assert done.stdout == ""
    return " ".join(done.stderr.split())
