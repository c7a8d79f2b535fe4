"""What recording costs: a loop with and without ``sgdphys.record``, on a million weights.

Run by hand: ``python tests/benchmarks/recording.py``; prints JSON. Both loops alternate in one
process, medians count.
"""

import json
import statistics
import tempfile
import time
from pathlib import Path

import torch

import sgdphys as sp

STEPS = 60
REPEATS = 5
BATCHES = (512, 1024)


def model_of():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(784, 800), torch.nn.ReLU(), torch.nn.Linear(800, 450), torch.nn.ReLU(),
        torch.nn.Linear(450, 10),
    )  # fmt: skip


def loop(path=None, batch=BATCHES[0], **options):
    """Seconds a step, closing left out; and the seconds that closing took."""
    model = model_of()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x, y = torch.randn(batch, 784), torch.randint(0, 10, (batch,))
    recording = sp.record(model, path, optimizer=optimizer, **options) if path else None
    start = time.perf_counter()
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    seconds = (time.perf_counter() - start) / STEPS
    start = time.perf_counter()
    if recording:
        recording.close()
    return seconds, time.perf_counter() - start


def compare(folder, batch=BATCHES[0], **options):
    with_, without, closing = [], [], []
    for k in range(REPEATS):
        without.append(loop(batch=batch)[0])
        seconds, end = loop(folder / f"{k}.nc", batch, overwrite=True, **options)
        with_.append(seconds)
        closing.append(end)
    a, b = statistics.median(with_), statistics.median(without)
    return {
        "ms_a_step": round(1e3 * b, 2),
        "overhead_percent": round(100 * (a / b - 1), 1),
        "closing_seconds": round(statistics.median(closing), 3),
    }


def main():
    parameters = sum(p.numel() for p in model_of().parameters())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loop()
        report = {
            "parameters": parameters,
            "sketch_of_512_every_step": {
                f"batch {b}": compare(folder, b, what="sketch") for b in BATCHES
            },
            "parameters_every_10_steps": compare(folder, every=10),
        }
        recording = sp.record(model_of(), folder / "speed.nc")
        written = 200 * parameters * 4 / 1e6
        start = time.perf_counter()
        for _ in range(200):
            recording.step()
        report["weights_every_step_MB_per_s"] = round(written / (time.perf_counter() - start))
        start = time.perf_counter()
        recording.close()
        report["joined_at_MB_per_s"] = round(written / (time.perf_counter() - start))
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
