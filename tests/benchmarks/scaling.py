"""How cost grows with replicas, steps and parameters: training, fitting, reading, recording.

Run by hand: ``python tests/benchmarks/scaling.py [--only training] [--largest 16]``; prints a line
of JSON for each case. In each one length grows by factors of two, and processor seconds (the least
of three runs, so that neighbours on the machine count little) are fitted by a + b n**p. An exponent
counts where the overhead a is at most a tenth: ``counts_from`` is that n, ``exponent`` the p of the
fit, and ``local`` the exponents from each length to the next, in which a jump at the size of a
cache shows.

``--model 1e8`` measures a recorder's sketch of a model of so many weights instead: bytes, processor
seconds and memory of each step.
"""

import argparse
import itertools
import json
import os
import re
import tempfile
import time
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.optimize import least_squares

import sgdphys as sp
from sgdphys.study.recording import Recording
from sgdphys.study.settings import study_from
from sgdphys.trajectory import schema
from sgdphys.trajectory.writer import write_tree

REPEATS = 3
BASE = {"replicas": 4, "steps": 250, "parameters": 100}
"""The smallest lengths; each case takes those of its own times a factor."""


def training(folder, replicas, steps, parameters):
    """Seconds of training perceptrons and recording their weights every epoch."""
    units = max(2, parameters // 15)
    study = study_from(
        {
            "train": {"replicas": 4 * replicas, "epochs": steps, "batch_size": 32},
            "task": {"samples": 512},
            "network": {"layers": [units]},
            "record": {"weights": "epoch", "gradients": "none"},
        },
        "the benchmark",
    )
    (folder / "trajectory").mkdir(exist_ok=True)
    for path in (folder / "trajectory").iterdir():
        path.unlink()
    recording = Recording(study, folder)
    start = time.process_time()
    recording.run()
    return time.process_time() - start


def fitting(folder, replicas, steps, parameters):
    """Seconds of comparing all models on every series."""
    rng = np.random.default_rng(0)
    walks = rng.standard_normal((2 * steps, replicas, parameters // 50)).cumsum(axis=0)
    x = xr.DataArray(walks, dims=("step", "replica", "parameter"))
    start = time.process_time()
    sp.dynamics.fit(x)
    return time.process_time() - start


def reading(folder, replicas, steps, parameters):
    """Seconds of opening a file and reading all its weights by a Wiener fit."""
    path = folder / "a.nc"
    sizes = (steps, replicas, 40 * parameters)
    theta = np.random.default_rng(0).standard_normal(sizes, dtype=np.float32)
    data = schema.dataset("weights", {"theta": theta}, {})
    write_tree(xr.DataTree.from_dict({"weights": data}), path)
    start = time.process_time()
    sp.dynamics.fit_wiener(sp.open_trajectory(path)["weights"].theta)
    return time.process_time() - start


CASES = {"training": training, "fitting": fitting, "reading": reading}


def fitted(lengths, seconds):
    """Least squares of the logarithm of a + b n**p, a not negative, and where a is a tenth."""
    n, t = np.array(lengths, float) / lengths[0], np.array(seconds)

    def cost(v):
        return np.exp(v[0]) + np.exp(v[1]) * n ** v[2]

    low, high = np.log(t.min() * 1e-6), np.log(t.max() * 2)
    found = least_squares(
        lambda v: np.log(cost(v) / t),
        [np.log(t.min() / 10), np.log(t.min()), 1.0],
        bounds=([low, low, 0.1], [high, high, 3.0]),
    )
    a, b, p = np.exp(found.x[0]), np.exp(found.x[1]), found.x[2]
    errors = np.sqrt(np.diag(np.linalg.pinv(found.jac.T @ found.jac)) * 2 * found.cost)
    local = [
        float(np.log(u / s) / np.log(m / k))
        for (k, s), (m, u) in itertools.pairwise(zip(lengths, seconds, strict=True))
    ]
    return {
        "lengths": lengths,
        "seconds": [round(s, 4) for s in seconds],
        "overhead_seconds": round(float(a), 4),
        "exponent": round(float(p), 3),
        "exponent_error": round(float(errors[2]), 3),
        "counts_from": round(float(lengths[0] * (9 * a / b) ** (1 / p)), 1),
        "local": [round(v, 2) for v in local],
    }


def grown(work, along, largest):
    """Cost of a case as one length grows."""
    factors = [2**k for k in range(int(np.log2(largest)) + 1)]
    lengths, seconds = [], []
    with tempfile.TemporaryDirectory() as name:
        work(Path(name), **BASE)  # compiles
        for factor in factors:
            sizes = BASE | {along: BASE[along] * factor}
            lengths.append(sizes[along])
            seconds.append(min(work(Path(name), **sizes) for _ in range(REPEATS)))
    return fitted(lengths, seconds)


def memory(key):
    """Bytes of memory of this process: VmRSS now, VmHWM at most."""
    text = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(rf"{key}:\s+(\d+)", text)[1])


def large_model(weights, steps=4):
    """What each step of a sketch of a large model costs, beside the training itself."""
    import torch

    torch.set_num_threads(1)
    side = int((weights / 10) ** 0.5)
    model = torch.nn.ParameterList([torch.nn.Parameter(torch.randn(side, side)) for _ in range(10)])
    before = memory("VmRSS")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.nc"
        start = time.process_time()
        recorder = sp.record(model, path, what="sketch")
        begun = time.process_time() - start
        spent = 0.0
        for _ in range(steps):
            with torch.no_grad():
                for p in model:
                    p.mul_(0.999)
            start = time.process_time()
            recorder.step(loss=1.0)
            spent += time.process_time() - start
        in_loop = memory("VmHWM") - before
        start = time.process_time()
        recorder.close()
        closed = time.process_time() - start
        tree = sp.open_trajectory(path)
        row = tree["weights"]["theta"][0].nbytes + tree["updates"]["weight_norm"][0].nbytes
        return {
            "weights": sum(p.numel() for p in model),
            "begin_seconds": round(begun, 2),
            "seconds_a_step": round(spent / steps, 4),
            "bytes_a_step": row,
            "file_bytes_per_weight": round(path.stat().st_size / (10 * side**2), 2),
            "memory_bytes_per_weight": round(in_loop / (10 * side**2), 2),
            "memory_at_the_end_per_weight": round((memory("VmHWM") - before) / (10 * side**2), 2),
            "closing_seconds": round(closed, 2),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--along", choices=BASE)
    parser.add_argument("--largest", type=int, default=16)
    parser.add_argument("--model", type=float)
    given = parser.parse_args()
    machine = {"processors": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    print(json.dumps(machine), flush=True)
    if given.model:
        print(json.dumps(large_model(given.model)))
        return
    for name in [given.only] if given.only else CASES:
        for along in [given.along] if given.along else BASE:
            found = grown(CASES[name], along, given.largest)
            print(json.dumps({"case": name, "along": along} | found), flush=True)


if __name__ == "__main__":
    main()
