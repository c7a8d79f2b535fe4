"""Fits 150,000 lazy series of 10^4 points and prints peak memory and time; run by test_memory."""

import json
import resource
import sys
import time

import dask.array as da
import numpy as np
import xarray as xr

from sgdphys import dynamics


def walks(block_info=None):
    """One replica's weights: Wiener processes whose numbers depend on their place alone."""
    (location,) = (info["array-location"] for key, info in block_info.items() if key is None)
    (start, stop), (replica, _), (first, last) = location
    rng = np.random.default_rng([replica, first])
    noise = rng.standard_normal((stop - start, 1, last - first), dtype=np.float32)
    return np.cumsum(noise, axis=0, out=noise)


def main(steps, replicas, parameters):
    data = da.map_blocks(
        walks,
        chunks=(steps, (1,) * replicas, parameters),
        dtype=np.float32,
        meta=np.empty((0, 0, 0), np.float32),
    )
    theta = xr.DataArray(data, dims=("step", "replica", "parameter"))
    start = time.perf_counter()
    found = {
        "increments": dynamics.diffusion_coefficient(theta, method="covariance"),
        "wiener": dynamics.fit_wiener(theta),
        "ou": dynamics.fit_ou(theta),
    }
    seconds = time.perf_counter() - start
    report = {name: float(f["diffusion"].median()) for name, f in found.items()}
    report |= {
        "series": found["ou"]["diffusion"].size,
        "seconds": seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
