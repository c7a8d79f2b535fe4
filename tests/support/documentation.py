"""Running the code of a page of the documentation, and comparing what it prints with the page."""

import doctest
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import pages

from sgdphys.cli import main

_CHECKER = doctest.OutputChecker()
_OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_TIMES = re.compile(r"\d[\d.]* s\b")


def run_page(path, *, slow):
    """Run the blocks of a page in order in the working folder, the slow ones only if asked.

    Returns
    -------
    int
        Number of blocks that were run.
    """
    place = str(path.relative_to(pages.ROOT))
    variables = {"__name__": "__main__"}
    count = 0
    for block in pages.blocks(path.read_text(encoding="utf-8")):
        at = f"{place}, line {block.line}"
        if "not run" in block.marks or ("slow" in block.marks and not slow):
            continue
        if any(find_spec(name) is None for name in block.marks.get("needs", "").split()):
            continue
        if "file" in block.marks:
            Path(block.marks["file"]).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            said = StringIO()
            with redirect_stdout(said):
                # the line numbers of an error are those of the page
                code = "\n" * (block.line - 1) + block.text
                exec(compile(code, place, "exec"), variables)
            _compare(block.printed, said.getvalue(), at)
        elif block.language == "console":
            for command, printed in pages.commands(block.text):
                _compare(printed or None, _carried_out(command, at), f"{at}: {command}")
        else:
            continue
        count += 1
    return count


def _carried_out(command, at):
    """What a command prints; those of sgdphys run in this process."""
    words = shlex.split(command)
    if words[0] == "sgdphys" and not {"&&", "|", ">"} & set(words):
        out, err = StringIO(), StringIO()
        status = 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main(words[1:])
            except SystemExit as end:
                status = end.code
        assert status == 0, f"{at}: {command} ended with {status}: {err.getvalue()}"
        return out.getvalue()
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, f"{at}: {command}: {done.stderr}"
    return done.stdout


def _compare(wanted, got, at):
    """Require the output of the page, in which times of day and durations may differ."""
    if wanted is None:
        return
    wanted, got = _TIMES.sub("N s", wanted), _TIMES.sub("N s", got)
    assert _CHECKER.check_output(wanted, got, _OPTIONS), f"{at} prints:\n{got}"
