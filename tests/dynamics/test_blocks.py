"""Large arrays are read in parts: each number once, never all together, within the limit."""

import threading
import tracemalloc

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from sgdphys import dynamics, memory
from sgdphys.dynamics import blocks
from sgdphys.dynamics.blocks import in_groups, in_time, loaded, parts
from sgdphys.errors import InputError

STEPS, REPLICAS, PARAMETERS = 400, 4, 500
SIZE = 8 * STEPS * REPLICAS * PARAMETERS
LIMIT = SIZE / 3
X = np.random.default_rng(0).standard_normal((STEPS, REPLICAS, PARAMETERS)).cumsum(axis=0)


class Counted:
    """An array that counts the bytes that are read of it, and the most that is read at once."""

    shape, dtype, ndim = X.shape, X.dtype, X.ndim

    def __init__(self):
        self.total = self.most = 0
        self.lock = threading.Lock()

    def __getitem__(self, key):
        found = X[key].copy()
        with self.lock:
            self.total += found.nbytes
            self.most = max(self.most, found.nbytes)
        return found


@pytest.fixture
def limited(monkeypatch):
    monkeypatch.setattr(memory, "limit", lambda: LIMIT)
    monkeypatch.setattr(blocks, "_BLOCK", 1 / 16)  # of so small a limit


def lazy(chunks=(50, 1, PARAMETERS), preferred=None):
    counted = Counted()
    data = da.from_array(counted, chunks, asarray=False, meta=np.empty((0, 0, 0)))
    theta = xr.DataArray(
        data,
        dims=("step", "replica", "parameter"),
        coords={"step": np.arange(STEPS), "layer": ("parameter", [1, 2] * (PARAMETERS // 2))},
    )
    theta.encoding = {"preferred_chunks": preferred or {}}
    return counted, theta


ONE_PASS = {
    "fit_wiener": dynamics.fit_wiener,
    "fit_ou": dynamics.fit_ou,
    "msd": lambda x: dynamics.msd(x, lags=[1, 2, 4]),
    "diffusion_coefficient": lambda x: dynamics.diffusion_coefficient(x, method="covariance"),
    "autocorrelation": lambda x: dynamics.autocorrelation(x, lags=[1, 2]),
    "kramers_moyal": lambda x: dynamics.kramers_moyal(x, over="replica", bins=4),
    "ensemble_diffusion": dynamics.ensemble_diffusion,
    "trajectory_components": lambda x: dynamics.trajectory_components(x, components=2, resamples=1),
    "fluctuation_ratios": lambda x: dynamics.fluctuation_ratios(x, learning_rate=0.1),
    "two_time_msd": lambda x: dynamics.two_time_msd(x, waiting_times=[10, 20], lags=[5]),
}
"""Estimators that need one pass over the data, whatever their number."""
RESULTS = {
    "ensemble_diffusion": 12 * 8 * STEPS * PARAMETERS,
    "trajectory_components": 4 * 8 * STEPS**2,
}
"""Bytes of results, or of matrices of points, as large as these data."""


@pytest.mark.thorough(reason="every function on a large array")
@pytest.mark.parametrize("name", ONE_PASS)
def test_every_number_is_read_once_and_the_limit_is_held(name, limited):
    of = ONE_PASS[name]
    wanted = of(lazy()[1].isel(parameter=slice(0, 6)))  # compiles, and imports Dask
    counted, theta = lazy()
    tracemalloc.start()
    try:
        found = of(theta)
        found.load()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert counted.total <= SIZE * 1.02
    assert counted.most < SIZE / 10
    assert peak < LIMIT + RESULTS.get(name, 0)
    assert set(found) == set(wanted)


def test_more_coordinates_than_steps_and_fewer_give_the_components_of_numpy(limited):
    for few in (slice(None), slice(0, 40)):
        _, theta = lazy()
        x = X[:, 1, few]
        found = dynamics.trajectory_components(
            theta.isel(replica=[1], parameter=few), components=3, resamples=1
        )
        deviations = x - x.mean(axis=0)
        _, values, vectors = np.linalg.svd(deviations, full_matrices=False)
        shares = values[:3] ** 2 / (values**2).sum()
        np.testing.assert_allclose(found["component_share"][0], shares, rtol=1e-9)
        scores = deviations @ vectors[:3].T
        np.testing.assert_allclose(np.abs(found["score"][0]), np.abs(scores), atol=1e-8)


def test_parts_begin_where_chunks_of_the_file_do(limited):
    _, theta = lazy(preferred={"parameter": 60})
    widths = [part[1] for part in parts(theta, "step", ["replica", "parameter"])]
    assert all(w.start % 60 == 0 for w in widths)
    assert {w.stop for w in widths} >= {PARAMETERS}


def test_groups_and_stretches_hold_every_number_once(limited):
    _, theta = lazy()
    order = ["parameter", "replica"]
    whole = loaded(theta, "step", order, (slice(None), slice(None)))
    assert np.array_equal(whole, X.transpose(2, 1, 0).reshape(-1, STEPS))
    groups = np.zeros((PARAMETERS, REPLICAS, STEPS))
    for number, values in in_groups(theta, "step", ["replica"]):
        groups[number] += values
    assert np.array_equal(groups, X.transpose(2, 1, 0))
    end = 0
    for here, values in in_time(theta, "step", "parameter", before=2):
        assert here.start == max(end - 2, 0)
        assert np.array_equal(values, X[here].transpose(1, 2, 0))
        end = here.stop
    assert end == STEPS


def test_a_limit_is_a_size_with_a_unit(monkeypatch):
    for text, size in (("500 MB", 5e8), ("2GiB", 2**31), ("64 Mi", 2**26), ("1e9", None)):
        monkeypatch.setenv(memory.VARIABLE, text)
        if size is None:
            with pytest.raises(InputError, match="no size"):
                memory.limit()
        else:
            assert memory.limit() == size
    monkeypatch.setenv(memory.VARIABLE, "1000")
    with pytest.raises(InputError, match="too little"):
        dynamics.fit_wiener(xr.DataArray(X[:, 0, :2], dims=("step", "parameter")))
    monkeypatch.delenv(memory.VARIABLE)
    assert memory.at_once(100, 0.1) == 100
