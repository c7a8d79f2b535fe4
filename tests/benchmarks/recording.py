"""What recording costs: a loop with and without ``sgdphys.record``, on four models.

Run by hand: ``python tests/benchmarks/recording.py``; prints JSON. Both loops alternate in one
process, medians count.
"""

import functools
import itertools
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


def perceptron():
    return torch.nn.Sequential(
        torch.nn.Linear(784, 800), torch.nn.ReLU(), torch.nn.Linear(800, 450), torch.nn.ReLU(),
        torch.nn.Linear(450, 10),
    )  # fmt: skip


def deep():
    layers = [torch.nn.Linear(32, 32) for _ in range(20)]
    return torch.nn.Sequential(*itertools.chain.from_iterable((a, torch.nn.Tanh()) for a in layers))


def transformer(width, heads):
    layer = torch.nn.TransformerEncoderLayer(width, heads, 4 * width, batch_first=True)
    return torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


SGD = functools.partial(torch.optim.SGD, lr=0.01)
MODELS = {
    "perceptron of 1.0 M": (perceptron, SGD, (784,)),
    "20 linear layers of 32": (deep, SGD, (32,)),
    "transformer of 0.1 M": (functools.partial(transformer, 64, 4), torch.optim.AdamW, (32, 64)),
    "transformer of 1.0 M": (functools.partial(transformer, 208, 4), torch.optim.AdamW, (16, 208)),
}
"""What makes a model, its optimizer, and the shape of one input."""


def model_of(name):
    torch.manual_seed(0)
    return MODELS[name][0]()


def loop(name, path=None, batch=BATCHES[0], **options):
    """Seconds per step, closing left out; and the seconds that closing took."""
    model = model_of(name)
    _, optimizer_of, shape = MODELS[name]
    optimizer = optimizer_of(model.parameters())
    x = torch.randn(batch, *shape)
    recording = sp.record(model, path, optimizer=optimizer, **options) if path else None
    start = time.perf_counter()
    for _ in range(STEPS):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    seconds = (time.perf_counter() - start) / STEPS
    start = time.perf_counter()
    if recording:
        recording.close()
    return seconds, time.perf_counter() - start


def compare(folder, name, batch=BATCHES[0], **options):
    with_, without, closing = [], [], []
    for k in range(REPEATS):
        without.append(loop(name, batch=batch)[0])
        seconds, end = loop(name, folder / f"{k}.nc", batch, overwrite=True, **options)
        with_.append(seconds)
        closing.append(end)
    a, b = statistics.median(with_), statistics.median(without)
    return {
        "ms_a_step": round(1e3 * b, 2),
        "overhead_percent": round(100 * (a / b - 1), 1),
        "closing_seconds": round(statistics.median(closing), 3),
    }


def main():
    torch.set_num_threads(1)
    first = next(iter(MODELS))
    parameters = sum(p.numel() for p in model_of(first).parameters())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loop(first)
        report = {
            "parameters": parameters,
            "sketch_of_512_every_step": {
                f"batch {b}": compare(folder, first, b, what="sketch") for b in BATCHES
            },
            "parameters_every_10_steps": compare(folder, first, every=10),
            "batch 8": {
                model: {
                    "every step": compare(folder, model, 8),
                    "every 10 steps": compare(folder, model, 8, every=10),
                    "gradients": compare(folder, model, 8, gradients=True),
                    "sketch": compare(folder, model, 8, what="sketch"),
                }
                for model in list(MODELS)[1:]
            },
        }
        recording = sp.record(model_of(first), folder / "speed.nc")
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
