"""Milliseconds a series of 10^4 points: against tidynamics, kramersmoyal and ewstools.

Run by hand, with the extra ``bench`` installed: ``python tests/benchmarks/dynamics.py``; prints
JSON. Both sides alternate in one process, medians count. The peers take one series a call, these
take an array of 1000; all processors may be used by either, and one thread is told apart.
"""

import json
import statistics
import time

import ewstools
import numpy as np
import pandas as pd
import xarray as xr
from kramersmoyal import km
from tidynamics import msd as peer_msd

from sgdphys import dynamics, parallel, processes

POINTS = 10_000
SERIES = 1000
PEER_SERIES = 20
REPEATS = 7
BINS = 46


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rolling_peer(x):
    """Rolling variance and lag-1 autocorrelation, half the series a window."""
    series = ewstools.TimeSeries(pd.Series(x))
    series.compute_var(rolling_window=0.5)
    series.compute_auto(rolling_window=0.5, lag=1)


def compare(ours, theirs, peer_series=PEER_SERIES):
    """Median milliseconds a series of both sides; ours on all processors and on one."""
    ours()
    theirs()
    all_cores, one_core, peer = [], [], []
    for _ in range(REPEATS):
        all_cores.append(seconds(ours) / SERIES)
        with parallel.limited(1):
            one_core.append(seconds(ours) / SERIES)
        peer.append(seconds(theirs) / peer_series)
    a, b, c = (1e3 * statistics.median(x) for x in (all_cores, one_core, peer))
    return {
        "ms": round(a, 4),
        "ms_one_thread": round(b, 4),
        "ms_peer": round(c, 3),
        "ratio": round(c / a, 1),
        "ratio_one_thread": round(c / b, 1),
    }


def main():
    rng = np.random.default_rng(0)
    walks = xr.DataArray(
        rng.standard_normal((SERIES, POINTS)).cumsum(axis=1), dims=("series", "step")
    )
    ou = processes.ornstein_uhlenbeck(dt=0.05, steps=POINTS - 1, parameters=SERIES, rng=1)
    ou = ou["theta"].isel(replica=0).transpose("parameter", "step").drop_vars("time")
    ou = ou.copy(data=np.ascontiguousarray(ou.to_numpy()))
    heavy = walks[:40].copy(data=rng.standard_t(3, (40, POINTS)).cumsum(axis=1))
    few = walks.to_numpy()[:PEER_SERIES]
    rows = ou.to_numpy()[:PEER_SERIES, :, None]
    fits = [seconds(lambda: dynamics.fit_ou(ou)) for _ in range(REPEATS)]
    report = {
        "points": POINTS,
        "cores": parallel.processors(),
        "msd_40_log_lags_against_tidynamics_all_lags": compare(
            lambda: dynamics.msd(walks), lambda: [peer_msd(x) for x in few]
        ),
        "msd_all_lags_against_tidynamics": compare(
            lambda: dynamics.msd(walks, lags="all"), lambda: [peer_msd(x) for x in few]
        ),
        "kramers_moyal_against_kramersmoyal": compare(
            lambda: dynamics.kramers_moyal(ou, bins=BINS),
            lambda: [
                km(x, bins=np.array([BINS]), powers=np.array([[0], [1], [2], [4]])) for x in rows
            ],
        ),
        "rolling_indicators_against_ewstools": compare(
            lambda: dynamics.rolling_indicators(walks, window=POINTS // 2),
            lambda: rolling_peer(few[0]),
            peer_series=1,
        ),
        "ou_exact_1000_series_seconds": round(statistics.median(fits[1:]), 3),
        "fit_of_all_models_ms": round(1e3 * seconds(lambda: dynamics.fit(ou[:40])) / 40, 2),
        "fit_of_heavy_steps_ms": round(1e3 * seconds(lambda: dynamics.fit(heavy)) / 40, 2),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
