"""Network-epochs per second: this engine against a plain PyTorch loop, in one process.

Run by hand: ``python tests/benchmarks/training.py``; prints JSON. Both sides alternate, medians
count. Ours trains 50 networks and writes weights every epoch and gradient statistics at 275 of
10^4 epochs to disk; the loop trains one network after the other and records nothing.
"""

import itertools
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from sgdphys import parallel
from sgdphys.engines.base import Plan
from sgdphys.engines.vmapped import VmappedEngine
from sgdphys.study.experiment import ensemble_of, task_of
from sgdphys.study.recording import Recording
from sgdphys.study.settings import study_from

REPEATS = 3
EPOCHS = {4: 600, 32: 1000, 512: 2000, 4096: 2000}
VMAPPED_EPOCHS = {4: 1, 32: 2, 512: 10, 4096: 20}
LOOP_EPOCHS = {4: 1, 32: 3, 512: 20, 4096: 60}


def study(batch, epochs):
    return study_from(
        {
            "train": {"batch_size": batch, "epochs": epochs},
            "record": {"weights": "epoch", "gradients": {"every": 36}},
        },
        "the benchmark",
    )


def ours(batch, epochs, *, record=True):
    """Network-epochs per second, to disk or with nothing recorded at all."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "trajectory").mkdir()
        recording = Recording(study(batch, epochs), Path(folder))
        start = time.perf_counter()
        if record:
            recording.run()
        else:
            nothing = Plan(np.array([], np.int64), np.array([], np.int64))
            engine = recording.engine
            engine.advance(engine.initial_state(), epochs, nothing)
        return 50 * epochs / (time.perf_counter() - start)


def vmapped(batch, epochs):
    """Network-epochs per second of the engine for any torch module, on the same perceptrons."""
    ensemble = ensemble_of(study(batch, epochs), task_of(study(batch, epochs)))
    engine = VmappedEngine(ensemble)
    nothing = Plan(np.array([], np.int64), np.array([], np.int64))
    start = time.perf_counter()
    engine.advance(engine.initial_state(), epochs, nothing)
    return 50 * epochs / (time.perf_counter() - start)


def loop(batch, epochs):
    """Network-epochs per second of one nn.Module trained the usual way."""
    ensemble = ensemble_of(study(batch, 1), task_of(study(batch, 1)))
    rows = np.flatnonzero(ensemble.samples.is_train[0])
    x = torch.from_numpy(ensemble.samples.x[rows]).float()
    y = torch.from_numpy(ensemble.samples.targets[0][rows])
    sizes = ensemble.network.sizes
    modules = []
    for n_in, n_out in itertools.pairwise(sizes):
        modules += [torch.nn.Linear(n_in, n_out), torch.nn.Tanh()]
    model = torch.nn.Sequential(*modules[:-1])
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    criterion = torch.nn.CrossEntropyLoss()
    start = time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for first in range(0, len(x), batch):
            picked = order[first : first + batch]
            optimiser.zero_grad()
            criterion(model(x[picked]), y[picked]).backward()
            optimiser.step()
    return epochs / (time.perf_counter() - start)


def sgemm_rate():
    """Multiply-adds per second of a large float32 matrix product on all cores."""
    a = torch.randn(2048, 2048)
    a @ a
    start = time.perf_counter()
    for _ in range(5):
        a @ a
    return 5 * 2048**3 / (time.perf_counter() - start)


def main():
    cores = parallel.processors()
    ours(512, 2)  # compile
    sizes = np.array([12, 10, 7, 5, 4, 3, 2])
    products = sizes[:-1] * sizes[1:]
    per_sample = 3 * products.sum() - products[0]  # forward, gradient, and delta but for the inputs
    torch.set_num_threads(cores)
    sgemm = sgemm_rate()
    rows = []
    for batch, epochs in EPOCHS.items():
        engine, any_module, best_loop = [], [], []
        for _ in range(REPEATS):
            engine.append(ours(batch, epochs))
            any_module.append(vmapped(batch, VMAPPED_EPOCHS[batch]))
            found = []
            for threads in {1, cores}:  # the loop has whichever is faster
                torch.set_num_threads(threads)
                found.append(loop(batch, LOOP_EPOCHS[batch]))
            best_loop.append(max(found))
        rate, baseline = statistics.median(engine), statistics.median(best_loop)
        rows.append(
            {
                "batch": batch,
                "network_epochs_per_second": round(rate),
                "torch_loop": round(baseline, 2),
                "ratio": round(rate / baseline, 1),
                "vmapped_ratio": round(statistics.median(any_module) / baseline, 1),
                "share_of_sgemm": round(float(rate * 3482 * per_sample / sgemm), 3),
            }
        )
        print(rows[-1], file=sys.stderr)
    pairs = [(ours(512, 3000, record=False), ours(512, 3000)) for _ in range(REPEATS)]
    overhead = statistics.median(bare / full for bare, full in pairs) - 1
    report = {
        "networks": 50,
        "cores": cores,
        "rates": rows,
        "recording_overhead": round(overhead, 3),
        "sgemm_gflops": round(2e-9 * sgemm),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
