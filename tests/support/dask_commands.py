"""A Dask scheduler and its workers, started as separate commands on this machine, for tests."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager


class Machines:
    """A scheduler and workers of one thread each; their words are kept in files of a folder."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        self.scheduler = self._begin(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
            "--scheduler-file", folder / "scheduler.json",
        )  # fmt: skip
        wait_until(lambda: _address(folder) is not None)
        self.address = _address(folder)

    def add_worker(self, **environment):
        """Begin a worker without a nanny, so that a killed one is not replaced."""
        said = self.folder / f"worker-{len(self.processes)}.txt"
        worker = self._begin(
            "worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
            "--local-directory", self.folder, environment=environment,
        )  # fmt: skip
        wait_until(lambda: "Registered to" in said.read_text())
        return worker

    def _begin(self, *arguments, environment=None):
        said = self.folder / f"{arguments[0]}-{len(self.processes)}.txt"
        with said.open("w") as words:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *map(str, arguments)],
                stdout=words, stderr=words, env={**os.environ, **(environment or {})},
                cwd=self.folder,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def end(self):
        for process in self.processes:
            kill(process)


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def _address(folder):
    try:
        return json.loads((folder / "scheduler.json").read_text())["address"]
    except (OSError, ValueError):
        return None


def wait_until(happened, seconds=120):
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def machines(folder, workers):
    """A scheduler with so many workers, killed at the end."""
    begun = Machines(folder)
    try:
        for _ in range(workers):
            begun.add_worker()
        yield begun
    finally:
        begun.end()
