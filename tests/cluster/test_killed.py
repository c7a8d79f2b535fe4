"""Workers killed (SIGKILL) at random moments, and others begun: the same arrays in the end."""

import random
import re
import threading

import pytest
import tomli_w
from dask_commands import kill, machines
from folders import arrays, same

import sgdphys as sp
from sgdphys.errors import WorkError

pytest.importorskip("distributed", reason="the extra cluster is not installed")

ONE = {
    "title": "one",
    "network": {"layers": [6, 4]},
    "train": {"epochs": 400, "replicas": 16},
    "analyses": {"diversity": {}, "learning": {}},
    "figures": {"formats": []},
}
SWEEP = {**ONE, "title": "sweep", "sweep": {"train.seed": [1, 2, 3]}}
SUITE = {
    "title": "suite",
    "parts": {
        "first": "one", "sweep": "sweep",
        "again": {"study": "one", "set": {"train.seed": 2}},
    },
    "figures": {"formats": []},
}  # fmt: skip
slow = pytest.mark.slow(reason="minutes of training on workers that are killed")


class Killer:
    """Kills a worker once a folder is there, and now and then; each task is hit thrice at most."""

    def __init__(self, begun, seed, folder, every=(4, 12)):
        self.kills, self._moments = 0, random.Random(seed)
        self._folder, self._every = folder, every
        self._begun, self._over = begun, threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _work(self):
        while not self._folder.is_dir() and not self._over.wait(0.1):
            pass
        pause = (0, 1)
        while not self._over.wait(self._moments.uniform(*pause)):
            pause = self._every
            alive = [p for p in self._begun.processes[1:] if p.poll() is None]
            kill(self._moments.choice(alive))
            self.kills += 1
            self._begun.add_worker()


def finished(study, out, begun):
    """Give the command; it may say that a task met four kills, which nobody can tell from a bug."""
    try:
        sp.run(study, out, scheduler=begun.address)
    except WorkError as error:
        if not re.search("several workers died|has no workers", str(error)):
            raise
        return False
    return True


@slow
@pytest.mark.parametrize("name", ["one", "sweep", "suite"])
def test_nothing_is_lost_or_written_twice(tmp_path, name):
    for study, keys in (("one", ONE), ("sweep", SWEEP), ("suite", SUITE)):
        (tmp_path / f"{study}.toml").write_text(tomli_w.dumps(keys))
    whole = sp.run(tmp_path / f"{name}.toml", tmp_path / "whole", threads=1)
    out = tmp_path / "killed"
    (tmp_path / "words").mkdir()
    with machines(tmp_path / "words", workers=2) as begun:
        with Killer(begun, name, out) as killer:
            assert any(finished(tmp_path / f"{name}.toml", out, begun) for _ in range(4))
    same(arrays(whole.folder), arrays(out))
    assert not [path for path in out.rglob("*") if "partial" in path.name]
    print(f"{killer.kills} workers killed during {name}")
    assert killer.kills
