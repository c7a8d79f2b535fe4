"""Seconds of collapses and crossings of 10 sizes, 40 controls and 200 replicas.

Run by hand: ``python tests/benchmarks/transitions.py``; prints JSON: seconds of wall clock and of
processor, with 1000 resamples, best of three, after a call that compiles.
"""

import json
import os
import time

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # before numpy: small products

import numpy as np

import sgdphys as sp


def measured(function, *arguments, **options):
    """The best of three calls."""
    function(*arguments, **options)
    found = []
    for _ in range(3):
        wall, processor = time.perf_counter(), time.process_time()
        function(*arguments, **options)
        found.append((time.perf_counter() - wall, time.process_time() - processor))
    best = min(found)
    return {"seconds": round(best[0], 3), "processor_seconds": round(best[1], 3)}


def main():
    sizes = [64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048]
    m = sp.processes.curie_weiss(sizes, np.linspace(0.8, 1.2, 40), replicas=200, rng=0)["m"]
    report = {"processors": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    report["collapse"] = measured(sp.transitions.collapse, m, resamples=1000)
    report["collapse_without_corrections"] = measured(
        sp.transitions.collapse, m, resamples=1000, corrections=False
    )
    report["crossing"] = measured(sp.transitions.crossing, m, resamples=1000)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
