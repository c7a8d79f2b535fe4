"""What netCDF files and Zarr stores cost: writing, opening, reading and joining the same bytes.

Run by hand: ``python tests/benchmarks/storage.py``; prints JSON. The formats alternate in one
process, medians count; bare files of the same bytes, written and synced, are measured beside them.
"""

import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import xarray as xr

from sgdphys.networks import Perceptron
from sgdphys.trajectory import schema
from sgdphys.trajectory.locations import bytes_of
from sgdphys.trajectory.parts import join
from sgdphys.trajectory.reader import check, open_trajectory
from sgdphys.trajectory.segments import parts_of, segment_name
from sgdphys.trajectory.tensor_table import named, table_group
from sgdphys.trajectory.writer import SegmentWriter, write_tree

REPEATS = 3
SEGMENTS = 12
FORMATS = {"netcdf": ".nc", "zarr": ".zarr"}
TABLE = Perceptron((784, 10)).parameters


def segment(steps, first=0):
    """A segment of some steps of 3 replicas, 31 kB a step of each."""
    rng = np.random.default_rng(first)
    theta = rng.standard_normal((steps, 3, TABLE.count), np.float32)
    weights = schema.dataset(
        "weights",
        {"theta": theta, "diverged_step": np.full(3, -1)},
        {"step": first + np.arange(steps), "replica": np.arange(3)},
    )
    by_epoch = {n: rng.random((steps, 3)) for n in schema.GROUPS["training"]}
    training = schema.dataset("training", by_epoch, {"epoch": first + np.arange(steps)})
    tree = xr.DataTree.from_dict(
        {"weights": named(weights, TABLE), "training": training, "tensors": table_group(TABLE)}
    )
    tree.attrs = {name: "x" for name in schema.ROOT_ATTRIBUTES}
    return tree


def timed(deed):
    """Seconds by the clock, and of processor time, which other programs do not lengthen."""
    start = time.perf_counter(), time.process_time()
    deed()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def medians(measured):
    clock, processor = (statistics.median(s) for s in zip(*measured, strict=True))
    return {"seconds": clock, "processor": processor}


def bare(path, data):
    with path.open("wb") as file:
        data.tofile(file)
        os.fsync(file.fileno())


def read(path):
    open_trajectory(path)["weights"]["theta"].to_numpy()


def one_size(folder, steps):
    """Seconds of every deed with one segment, and its bytes, by format."""
    tree = segment(steps)
    theta = tree["weights"]["theta"].to_numpy()
    found = {name: {} for name in (*FORMATS, "bare file")}
    for _ in range(REPEATS):
        seconds = timed(lambda: bare(folder / "bare", theta))
        found["bare file"].setdefault("write", []).append(seconds)
        for name, suffix in FORMATS.items():
            path = folder / f"a{suffix}"
            for deed, call in (
                ("write", lambda path=path: write_tree(tree, path)),
                ("open", lambda path=path: open_trajectory(path)),
                ("read", lambda path=path: read(path)),
                ("check", lambda path=path: check(path)),
            ):
                found[name].setdefault(deed, []).append(timed(call))
    said = {n: {d: medians(s) for d, s in deeds.items()} for n, deeds in found.items()}
    for name, suffix in FORMATS.items():
        said[name]["bytes"] = bytes_of(folder / f"a{suffix}")
        for deed in ("write", "read"):
            said[name][f"{deed}_MB_per_s"] = theta.nbytes / 1e6 / said[name][deed]["seconds"]
        inside = (folder / f"a{suffix}").rglob("*")
        said[name]["files"] = max(1, sum(p.is_file() for p in inside))
    return {"bytes of theta": theta.nbytes} | said


def recorded(folder, steps, many):
    """Seconds of writing segments in turn, each completed while the next one is written."""
    trees = [segment(steps, steps * k) for k in range(2)]
    theta = trees[0]["weights"]["theta"].to_numpy()

    inside = folder / "recorded"

    def in_turn():
        with SegmentWriter(inside) as writer:
            for k in range(many):
                name = segment_name(k, k + 1, suffix=FORMATS["netcdf"])
                writer.write(name, lambda k=k: trees[k % 2].copy())

    found = {"bare files": [], "segments": []}
    for _ in range(REPEATS):
        for name, deed in (
            ("bare files", lambda: [bare(inside / str(k), theta) for k in range(many)]),
            ("segments", in_turn),
        ):
            inside.mkdir()
            found[name].append(timed(deed))
            shutil.rmtree(inside)
    said = {name: medians(measured) for name, measured in found.items()}
    for each in said.values():
        each["MB_per_s"] = many * theta.nbytes / 1e6 / each["seconds"]
    share = said["segments"]["MB_per_s"] / said["bare files"]["MB_per_s"]
    return {"bytes of theta": many * theta.nbytes} | said | {"share of bare files": share}


def joined(folder):
    """Seconds to open and to read some segments as one trajectory."""
    said = {}
    for name, suffix in FORMATS.items():
        inside = folder / name
        inside.mkdir()
        for k in range(SEGMENTS):
            write_tree(segment(100, 100 * k), inside / f"{100 * k}-{100 * k + 100}{suffix}")
    for name in FORMATS:
        path = folder / name
        said[name] = {
            "open": medians([timed(lambda p=path: open_trajectory(p)) for _ in range(REPEATS)]),
            "read": medians([timed(lambda p=path: read(p)) for _ in range(REPEATS)]),
        }
    return {"segments": SEGMENTS} | said


def one_file(folder, steps):
    """Seconds of joining segments of some steps into one file, as a recorder does at its end."""
    path = folder / "whole.nc"
    found = []
    for _ in range(REPEATS + 1):  # the first loads what is used
        inside = parts_of(path)
        inside.mkdir()
        for k in range(SEGMENTS):
            write_tree(segment(steps, steps * k), inside / segment_name(steps * k, steps * k, k))
        found.append(timed(lambda: join(path, {}, None)))
    said = medians(found[1:])
    size = path.stat().st_size
    return {"segments": SEGMENTS, "bytes": size} | said | {"MB_per_s": size / 1e6 / said["seconds"]}


def main():
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tree(segment(2), folder / "warm.nc")
        write_tree(segment(2), folder / "warm.zarr")
        for steps in (10, 250, 1000):
            found[f"{steps} steps"] = one_size(folder, steps)
        for steps, many in ((250, 24), (700, 9), (1000, 8), (4000, 3)):
            found[f"{many} segments of {steps} steps"] = recorded(folder, steps, many)
        found["joined"] = joined(folder)
        found["joined into one file"] = one_file(folder, 400)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
