"""Odd series among healthy ones: each has its one status, and none touches its neighbours."""

import functools

import numpy as np
import pytest
import torch
import xarray as xr
from estimators_of_series import ESTIMATORS, OF_INCREMENTS, WITHOUT, of_one_series
from scipy.signal import lfilter

from sgdphys import dynamics
from sgdphys.status import TABLE, WORDS, advice, words

POINTS = 421
HEALTHY = 5
_STEPS = np.arange(POINTS)


def _with_jump(at):
    return np.where(_STEPS < at, 0.25, 1.25)


def _noise(seed, scale=1.0):
    return scale * np.random.default_rng(seed).standard_normal(POINTS).cumsum()


ODD = {
    "constant": np.full(POINTS, 0.1),
    "constant but for rounding": 1 / 3 + 2.0**-54 * (_STEPS % 2),
    "line": (2 * _STEPS + 1) / 3,
    "line of sums": np.cumsum(np.full(POINTS, 0.1)),
    "jump at the end": _with_jump(POINTS - 1),
    "jump at the start": _with_jump(1),
    "two-cycle": _STEPS % 2 * 1.0,
    "repeated values": np.repeat(_noise(1), 10)[:POINTS],
    "whole numbers": np.rint(_noise(2)),
    "half precision": _noise(3).astype(np.float16).astype(np.float64),
    "line with faint noise": _STEPS / 3 + _noise(4, 1e-12),
    "parabola": 1e-4 * _STEPS**2.0,
    "decay": 0.5**_STEPS,
    "huge": _noise(5, 1e300),
    "huge at the end": np.where(_STEPS < POINTS - 3, _noise(6), 1e200),
    "tiny": _noise(7, 1e-300),
    "empty": np.full(POINTS, np.nan),
    "infinite": np.where(_STEPS < 100, _noise(8), np.inf),
    "both infinities": np.where(_STEPS == 90, -np.inf, np.where(_STEPS == 6, np.inf, _noise(13))),
    "constant above 2**53": np.full(POINTS, 1e17),
    "one point": np.where(_STEPS == 6, 1.0, np.nan),
    "every other point": np.where(_STEPS % 2 == 0, _noise(9), np.nan),
    "five points": np.where(_STEPS < 5, _noise(10), np.nan),
}
STATUS = {
    "constant": "constant",
    "constant but for rounding": "constant",
    "line": "straight line",
    "line of sums": "straight line",
    "jump at the end": "moves once",
    "jump at the start": "moves once",
    "huge": "diverged",
    "huge at the end": "diverged",
    "tiny": "too small",
    "empty": "no data",
    "infinite": "diverged",
    "both infinities": "diverged",
    "constant above 2**53": "constant",
    "one point": "too short",
}
"""Of the series whose status is the same for every estimator."""


def healthy():
    kicks = np.random.default_rng(0).standard_normal((POINTS, HEALTHY))
    memory = (1.0, 1.0, 0.9, 0.5, 0.0)
    series = [lfilter([1.0], [1.0, -phi], k) for phi, k in zip(memory, kicks.T, strict=True)]
    return xr.DataArray(np.stack(series), dims=("series", "step"), coords={"step": _STEPS}).T


def mixed():
    odd = xr.DataArray(np.stack(list(ODD.values()), axis=1), dims=("step", "series"))
    return xr.concat([healthy(), odd.assign_coords(step=_STEPS)], dim="series")


SERIES = {"healthy": healthy(), "mixed": mixed()}


@functools.cache
def found_of(name, theta):
    """What one estimator finds, as a Dataset."""
    found = ESTIMATORS[name](SERIES[theta])
    return found.to_dataset(name="rest") if isinstance(found, xr.DataArray) else found


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("fit", marks=pytest.mark.thorough(reason="every model, 15 s")),
        *(name for name in ESTIMATORS if name != "fit"),
    ],
)
def test_odd_series_leave_their_neighbours_alone(name):
    """Bit for bit, and without a warning."""
    alone, among = (of_one_series(found_of(name, theta)) for theta in ("healthy", "mixed"))
    xr.testing.assert_equal(among.isel(series=slice(HEALTHY)), alone)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("fit", marks=pytest.mark.thorough(reason="every model, 15 s")),
        *(n for n in ESTIMATORS if n not in ("fit", *OF_INCREMENTS, *WITHOUT)),
    ],
)
def test_a_series_is_the_same_for_every_estimator(name):
    told = words(found_of(name, "mixed")["status"])[HEALTHY:].tolist()
    assert {n: s for n, s in zip(ODD, told, strict=True) if n in STATUS} == STATUS


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("fit", marks=pytest.mark.thorough(reason="every model, 15 s")),
        *(n for n in ESTIMATORS if n not in ("fit", *WITHOUT)),
    ],
)
def test_what_is_left_out_is_not_counted(name):
    """A series that diverged or holds nothing has no estimate, and its count is 0."""
    found = found_of(name, "mixed")
    left_out = np.isin(words(found["status"]), ["diverged", "no data", "too small"])
    assert left_out.sum() >= 4
    if "count" in found:
        assert (found["count"].to_numpy()[left_out] == 0).all()
    for variable in ("diffusion", "kappa", "hurst", "tail_index", "integrated_time", "p_value"):
        if variable in found:
            assert np.isnan(found[variable].to_numpy()[left_out]).all()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_rounding_of_stored_numbers_is_no_noise(dtype):
    """A tenth and a line through sevenths, in the precision they were recorded in, and a walk."""
    walk = np.random.default_rng(11).integers(-8, 9, POINTS).cumsum()
    between = np.nextafter(np.array(0.1, dtype), np.array(1, dtype))
    tenths = np.where(_STEPS % 3 == 0, between, np.array(0.1, dtype))
    series = np.stack([tenths, _STEPS / 7, walk], axis=1).astype(dtype)
    told = words(dynamics.fit_wiener(series)["status"]).tolist()
    assert told == ["constant", "straight line", "ok"]
    of_tensor = dynamics.fit_wiener(torch.from_numpy(series))["status"]
    assert words(of_tensor).tolist() == told
    in_double = dynamics.fit_wiener(series[:, 2].astype(np.float64))
    assert float(dynamics.fit_wiener(series)["diffusion"][2]) == float(in_double["diffusion"])


def test_a_line_has_a_drift_and_no_diffusion():
    found = dynamics.fit(SERIES["mixed"].isel(series=HEALTHY + list(ODD).index("line")))
    at = found.sel(model="drifted_wiener")
    assert float(at["drift"]) == pytest.approx(2 / 3, rel=1e-12)
    assert float(at["diffusion"]) == 0
    assert str(found["best"].to_numpy()) == "not compared"


def test_uneven_times():
    """A line in uneven time is one; estimators on a grid say what they need, and only of others."""
    times = np.cumsum(1 + _STEPS % 3)
    series = np.stack([0.3 * times, 0.3 * _STEPS, np.full(POINTS, 0.1), _noise(12)], axis=1)
    wiener = words(dynamics.fit_wiener(series, time=times)["status"]).tolist()
    assert wiener == ["straight line", "ok", "constant", "ok"]
    fractional = words(dynamics.fit_fbm(series, time=times)["status"]).tolist()
    assert fractional == ["straight line", "needs even spacing", "constant", "needs even spacing"]


def test_every_status_says_what_to_do():
    assert len(set(WORDS)) == len(WORDS) == len(TABLE)
    told = advice(found_of("fit_fbm", "mixed")["status"].to_numpy())
    assert "constant: the series is constant" in told[0]
    assert not any(sentence.startswith("ok") for sentence in told)
    assert all(len(sentence.split()) > 10 for sentence in told)
