"""Milliseconds for I(X;T) and I(T;Y) of six layers, binned and by kernels, against numpy's way.

Run by hand: ``python tests/benchmarks/information.py``; prints JSON. Both sides alternate on one
thread over the same weights, medians count. Numpy's way is that of the ibsgd notebooks, written
anew: digitise the activations, take the unique rows as void records, count, and count again within
each label. It is given the activations for nothing; the replay computes them from the weights.
"""

import json
import os
import statistics
import tempfile
import time

import numpy as np

import sgdphys as sp
from sgdphys import parallel
from sgdphys.information import bottleneck_curve, kde_information, layer_information
from sgdphys.networks import from_description

REPEATS = 7
NUMPY_EPOCHS = 3
EPOCHS_OF_A_STUDY = 275


def entropy_of_rows(digits):
    """Plug-in entropy of the rows of an integer array, bits."""
    record = np.dtype((np.void, digits.dtype.itemsize * digits.shape[1]))
    _, counts = np.unique(np.ascontiguousarray(digits).view(record), return_counts=True)
    p = counts / counts.sum()
    return -(p * np.log2(p)).sum()


def numpy_information(layers, y, bins=30):
    """I(X;T) and I(T;Y) of each layer, (layer, 2)."""
    found = []
    labels = [y == k for k in np.unique(y)]
    for k, units in enumerate(layers):
        low = 0.0 if k == len(layers) - 1 else -1.0
        digits = np.digitize(units, np.linspace(low, 1, bins + 1)[1:-1])
        entropy = entropy_of_rows(digits)
        within = sum(is_label.mean() * entropy_of_rows(digits[is_label]) for is_label in labels)
        found.append((entropy, entropy - within))
    return np.array(found)


def activations(network, theta, x):
    """What numpy's way is given: hidden layers and the softmax of the last."""
    *hidden, last = network.forward(theta, x)
    last = np.exp(last - last.max(axis=1, keepdims=True))
    return [*hidden, last / last.sum(axis=1, keepdims=True)]


def numpy_kernel_bounds(units, y, noise=1e-3):
    """Both bounds on I(X;T) and I(T;Y) from one matrix of squared distances."""
    norms = (units**2).sum(axis=1)
    squares = np.maximum(norms[:, None] + norms - 2 * units @ units.T, 0)
    found = []
    for factor in (8, 2):
        kernel = np.exp(-squares / (factor * noise))
        about_x = -np.log2(kernel.mean(axis=1)).mean()
        given = 0.0
        for k in np.unique(y):
            inside = y == k
            within = kernel[np.ix_(inside, inside)].mean(axis=1)
            given -= inside.mean() * np.log2(within).mean()
        found.append((about_x, about_x - given))
    return np.array(found)


def kernel_bounds(layers, y):
    """Median milliseconds for six layers on both sides."""
    ours, theirs = [], []
    kde_information(layers[0], y)  # compile
    for _ in range(3):
        start = time.perf_counter()
        found = [kde_information(units, y) for units in layers]
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        wanted = [numpy_kernel_bounds(units, y) for units in layers]
        theirs.append(time.perf_counter() - start)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(np.stack([a["I_XT"], a["I_TY"]], axis=1), b, atol=1e-4)
    return 1e3 * statistics.median(ours), 1e3 * statistics.median(theirs)


def certified_curves():
    """Seconds and largest certificate of 200 betas on each soft rule."""
    rows = {}
    for information in (0.99, 0.9, 0.7, 0.5):
        task = sp.tasks.symmetric_rule(information=information)
        p_xy = (task["p_x"] * task["p_y_given_x"]).transpose("sample", "label").to_numpy()
        start = time.perf_counter()
        found = bottleneck_curve(p_xy, np.geomspace(1, 40, 200))
        seconds = time.perf_counter() - start
        rows[str(information)] = (round(seconds, 2), float(found["certificate"].max()))
    return rows


def main():
    task = sp.tasks.symmetric_rule()
    study = {
        "train": {"epochs": EPOCHS_OF_A_STUDY - 1},
        "record": {"gradients": {"every": 1}},
    }
    with tempfile.TemporaryDirectory() as folder:
        run = sp.run(study, os.path.join(folder, "run"))
        trajectory = run.trajectory
        trajectory["weights"]["theta"].load()
        network = from_description(trajectory.attrs["network"])
        theta = trajectory["weights"]["theta"].isel(replica=0)
        y, x = task["y"].to_numpy(), task["x"].to_numpy()
        few = np.linspace(0, EPOCHS_OF_A_STUDY - 1, NUMPY_EPOCHS).astype(int)
        one = trajectory.isel(replica=[0])
        layer_information(one, task, epochs=few)  # compile
        ours, theirs = [], []
        for _ in range(REPEATS):
            start = time.perf_counter()
            found = layer_information(one, task, threads=1)
            ours.append((time.perf_counter() - start) / EPOCHS_OF_A_STUDY)
            spent = 0.0
            for epoch in few:
                layers = activations(network, theta.isel(step=epoch).to_numpy(), x)
                start = time.perf_counter()
                wanted = numpy_information(layers, y)
                spent += time.perf_counter() - start
                here = found.isel(epoch=epoch, replica=0)
                # float32 replay and numpy's forward pass may part at an edge
                np.testing.assert_allclose(
                    np.stack([here["I_XT"], here["I_TY"]], axis=1), wanted, atol=0.02
                )
            theirs.append(spent / NUMPY_EPOCHS)
        start = time.perf_counter()
        layer_information(trajectory, task)
        whole = time.perf_counter() - start
    kernel_ms, kernel_ms_numpy = kernel_bounds(layers, y)
    ms_ours, ms_theirs = 1e3 * statistics.median(ours), 1e3 * statistics.median(theirs)
    report = {
        "ms_for_six_layers": round(ms_ours, 3),
        "ms_numpy": round(ms_theirs, 2),
        "ratio": round(ms_theirs / ms_ours, 1),
        "cores": parallel.processors(),
        "kernel_ms_for_six_layers": round(kernel_ms, 1),
        "kernel_ms_numpy": round(kernel_ms_numpy),
        "kernel_ratio": round(kernel_ms_numpy / kernel_ms, 1),
        "certified_200_betas_seconds_and_certificate": certified_curves(),
        f"seconds_for_50_networks_{EPOCHS_OF_A_STUDY}_epochs": round(whole, 2),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
