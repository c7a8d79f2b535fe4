"""Fits all models to a file and prints the memory that it took above that of a small file."""

import json
import resource
import sys
from pathlib import Path

import numpy as np

from sgdphys.fitting.fits import fit_file


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(small, large):
    fit_file(Path(small), sample="all")  # compiles, imports, and makes what every fit needs
    before = peak()
    found = fit_file(Path(large), sample="all").results
    best, counts = (v.tolist() for v in np.unique(found["best"].values, return_counts=True))
    print(json.dumps({"bytes": peak() - before, "best": dict(zip(best, counts, strict=True))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
