"""Recorders and readers in several threads at once: HDF5 is not thread-safe, ours are."""

import subprocess
import sys

import pytest

WORK = """
import sys, threading, time
import numpy as np, torch, xarray as xr
import sgdphys as sp

folder, kind, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
until = time.monotonic() + seconds
torch.set_num_threads(1)

def record(name):
    number = 0
    while time.monotonic() < until:
        model = torch.nn.Linear(40, 5)
        with sp.record(model, f"{folder}/{name}{number}.nc") as recording:
            for _ in range(50):
                recording.step(loss=1.0)
        number += 1

def read(path, use):
    while time.monotonic() < until:
        tree = sp.open_trajectory(path)
        assert np.isfinite(use(tree["weights"]["theta"])).all()

model = torch.nn.Linear(3000, 10)
with sp.record(model, f"{folder}/large.nc") as recording:
    for _ in range(20):
        recording.step()
large = f"{folder}/large.nc"
work = {
    "recorders": [lambda: record("a"), lambda: record("b")],
    "readers": [lambda: record("a"), lambda: read(large, lambda x: x.to_numpy()),
                lambda: read(large, lambda x: sp.dynamics.msd(x, time="step")["msd"].to_numpy())],
}[kind]
failed = []

def guarded(do):
    try:
        do()
    except BaseException as error:
        failed.append(repr(error))

threads = [threading.Thread(target=guarded, args=(do,)) for do in work]
[t.start() for t in threads]
[t.join() for t in threads]
sys.exit("; ".join(failed) or 0)
"""


def outcome(folder, kind, seconds):
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(folder), kind, str(seconds)],
        capture_output=True, text=True, check=False, timeout=seconds + 120,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.slow(reason="threads that race for 10 s")
def test_all_at_once(tmp_path):
    assert outcome(tmp_path, "readers", 3) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["recorders", "readers"])
def test_for_a_minute(tmp_path, kind):
    assert outcome(tmp_path, kind, 60) == (0, "")
