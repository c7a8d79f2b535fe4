"""Milliseconds for I(X;T) and I(T;Y) of six layers: the replay against numpy's way.

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
from sgdphys.information import layer_information
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
    ms_ours, ms_theirs = 1e3 * statistics.median(ours), 1e3 * statistics.median(theirs)
    report = {
        "ms_for_six_layers": round(ms_ours, 3),
        "ms_numpy": round(ms_theirs, 2),
        "ratio": round(ms_theirs / ms_ours, 1),
        "cores": len(os.sched_getaffinity(0)),
        f"seconds_for_50_networks_{EPOCHS_OF_A_STUDY}_epochs": round(whole, 2),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
