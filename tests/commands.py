"""The command as a user runs it, for tests."""

import subprocess
import sys


def command(*arguments, **options):
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
