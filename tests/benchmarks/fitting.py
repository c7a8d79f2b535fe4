"""Seconds and memory of ``sgdphys fit``: a recorded run, many short series, one long series.

Run by hand: ``python tests/benchmarks/fitting.py [RUN] [--all-series] [--points 10000000]``; prints
JSON. RUN is a trained run; without one its part is left out. Every case is the command in a process
of its own, with the five models of walks and then with all: seconds of wall clock and of processor,
GiB of memory at most, seconds until the first line and the longest silence. ``fitted`` counts the
series that passed the screen of each model.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import xarray as xr

FIVE = "wiener,drifted_wiener,ou,fbm,levy"
SHORT = (60, 100_000)


def measured(*arguments):
    """Run the command once: what it costs, and when it says something."""
    start = last = time.perf_counter()
    first, silence = None, 0.0
    command = [sys.executable, "-m", "sgdphys", "fit", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        said = []
        for line in process.stdout:
            now = time.perf_counter()
            said.append(line.decode())
            first = now - start if first is None else first
            silence, last = max(silence, now - last), now
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("".join(said))
    return {
        "seconds": round(time.perf_counter() - start, 2),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 2),
        "most_gib": round(used.ru_maxrss / 2**20, 3),
        "first_line": round(first, 2),
        "longest_silence": round(silence, 2),
    }


def of_both(folder, *arguments, all_models=True):
    """With the five models, and with all and what passed their screens."""
    report = {"five_models": measured(*arguments, "--models", FIVE)}
    if all_models:
        out = folder / "found.nc"
        report["all_models"] = measured(*arguments, "--out", out)
        with xr.open_dataset(out) as found:
            passed = found["compared"] & ~found["screened_out"]
            passed = passed.sum([d for d in passed.dims if d != "model"])
            names = passed["model"].to_numpy().tolist()
            report["fitted"] = dict(zip(names, passed.to_numpy().tolist(), strict=True))
        out.unlink()
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--all-series", action="store_true")
    parser.add_argument("--points", type=int, default=10**7)
    parser.add_argument("--only", choices=["small", "short", "long", "run"])
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    report = {"processors": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.only in (None, "small"):
            np.save(folder / "small.npy", rng.standard_normal((1000, 4)).cumsum(axis=0))
            measured(folder / "small.npy")  # compiles
            report["4_series_of_1000_points_compiled"] = of_both(folder, folder / "small.npy")
        if given.only in (None, "short"):
            points, series = SHORT
            np.save(folder / "short.npy", rng.standard_normal((points, series)).cumsum(axis=0))
            report[f"{series}_series_of_{points}_points"] = of_both(
                folder, folder / "short.npy", "--sample", "all", all_models=False
            )
        if given.only in (None, "long"):
            np.save(folder / "long.npy", rng.standard_normal(given.points).cumsum())
            found = of_both(folder, folder / "long.npy", all_models=False)
            gib = found["five_models"]["most_gib"]
            found["times_its_size"] = round(gib * 2**30 / (8 * given.points), 2)
            report[f"one_series_of_{given.points}_points"] = found
            (folder / "long.npy").unlink()
        if given.run is not None and given.only in (None, "run"):
            report["run_400_series"] = of_both(folder, given.run)
            if given.all_series:
                report["run_all_series"] = of_both(folder, given.run, "--sample", "all")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
