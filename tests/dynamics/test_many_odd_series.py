"""Ten thousand odd series of random kinds among healthy walks: none touches its neighbours."""

import functools

import numpy as np
import pytest
import xarray as xr
from estimators_of_series import ESTIMATORS, OF_INCREMENTS, WITHOUT, of_one_series

from sgdphys import dynamics, transitions
from sgdphys.status import words

POINTS = 181
HEALTHY = 5
ODD = 10_000
BATCH = 2000
"""Odd series beside the same healthy ones."""
_STEPS = np.arange(POINTS)


def _size(r, low=-6.0, high=6.0):
    return r.choice([-1, 1]) * 10.0 ** r.uniform(low, high)


def _walk(r):
    return r.standard_normal(POINTS).cumsum()


def _bfloat16(x):
    """The numbers with the first 16 of 32 bits."""
    return (x.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32).astype(float)


def _cycle(r, period):
    return _size(r) + _size(r) * np.resize(r.permutation(period), POINTS)


def _with(r, x, value):
    """A walk with some other values in random places."""
    x = x.copy()
    x[r.random(POINTS) < r.choice([0.01, 0.3, 0.9])] = value
    x[r.integers(POINTS)] = value
    return x


def _only(r, number):
    """Missing but for some points."""
    x = np.full(POINTS, np.nan)
    places = r.choice(POINTS, number, replace=False)
    x[places] = _walk(r)[places]
    return x


KINDS = {
    "constant": lambda r: np.full(POINTS, r.choice([0.0, 0.1, 1 / 3, _size(r, -100, 60)])),
    "constant but for rounding": lambda r: _size(r) * (1 + 2.0**-53 * r.integers(0, 2, POINTS)),
    "line": lambda r: _size(r, -2, 2) + _size(r, -2, 2) * _STEPS / 3,
    "line of sums": lambda r: np.cumsum(np.full(POINTS, r.choice([0.1, 1 / 3, 1e-9]))),
    "jump at the end": lambda r: np.where(_STEPS < POINTS - 1, 0.1, 0.1 + _size(r, -3, 3)),
    "jump at the start": lambda r: np.where(_STEPS < 1, 1 / 3, 1 / 3 + _size(r, -3, 3)),
    "one jump": lambda r: np.where(_STEPS < r.integers(2, POINTS - 2), 0.1, _size(r, 0, 3)),
    "one point apart": lambda r: np.where(_STEPS == r.integers(POINTS), _size(r), 0.1),
    "0, 1, 0, 1": lambda r: _STEPS % 2 * 1.0,
    "two-cycle": lambda r: _cycle(r, 2),
    "four-cycle": lambda r: _cycle(r, 4),
    "cycle": lambda r: _cycle(r, int(r.integers(3, 60))),
    "signs": lambda r: r.choice([-1.0, 1.0], POINTS),
    "whole numbers": lambda r: np.rint(_walk(r)),
    "repeated values": lambda r: np.repeat(_walk(r), r.integers(2, 60))[:POINTS],
    "still at first": lambda r: np.where(_STEPS < r.integers(POINTS), 0.1, _walk(r)),
    "half precision": lambda r: (_size(r, -6, 2) * _walk(r)).astype(np.float16).astype(float),
    "bfloat16": lambda r: _bfloat16(_size(r) + _size(r) * _walk(r)),
    "faint noise": lambda r: _size(r, 0, 3) + 1e-12 * _walk(r),
    "line with faint noise": lambda r: _STEPS / 3 + 10.0 ** r.uniform(-15, -8) * _walk(r),
    "parabola": lambda r: _size(r) * (_STEPS - r.integers(POINTS)) ** 2.0,
    "growth": lambda r: r.uniform(1.01, 30) ** _STEPS,
    "decay": lambda r: r.uniform(0.01, 0.99) ** _STEPS,
    "sine": lambda r: np.sin(r.uniform(0.01, np.pi) * _STEPS),
    "huge": lambda r: _size(r, 150, 300) * _walk(r),
    "huge at the end": lambda r: np.where(_STEPS < POINTS - 3, _walk(r), _size(r, 150, 300)),
    "large": lambda r: _size(r, 40, 74) * _walk(r),
    "tiny": lambda r: _size(r, -300, -160) * _walk(r),
    "small": lambda r: _size(r, -74, -40) * _walk(r),
    "heavy": lambda r: r.standard_cauchy(POINTS) ** r.choice([1, 3, 7]),
    "heavy steps": lambda r: (r.standard_cauchy(POINTS) ** r.choice([1, 3])).cumsum(),
    "infinite": lambda r: _with(r, _walk(r), r.choice([-np.inf, np.inf])),
    "both infinities": lambda r: _with(r, _with(r, _walk(r), np.inf), -np.inf),
    "missing": lambda r: _with(r, _walk(r), np.nan),
    "missing in a cycle": lambda r: _with(r, _cycle(r, 2), np.nan),
    "every other point": lambda r: np.where(_STEPS % 2 == r.integers(2), _walk(r), np.nan),
    "empty": lambda r: np.full(POINTS, np.nan),
    "one point": lambda r: _only(r, 1),
    "two points": lambda r: _only(r, 2),
    "few points": lambda r: _only(r, int(r.integers(3, 12))),
}
STATUS = {
    "constant": {"constant"},
    "constant but for rounding": {"constant"},
    "line": {"straight line"},
    "line of sums": {"straight line"},
    "jump at the end": {"moves once"},
    "jump at the start": {"moves once"},
    "one jump": {"moves once"},
    "huge": {"diverged"},
    "huge at the end": {"diverged"},
    "tiny": {"too small"},
    "infinite": {"diverged"},
    "both infinities": {"diverged"},
    "empty": {"no data"},
    "one point": {"too short"},
    "two points": {"too short"},
}


ESTIMATORS = ESTIMATORS | {
    "msd_exponent": dynamics.msd_exponent,
    "msd_exponent of increments": functools.partial(dynamics.msd_exponent, of="increments"),
}


def healthy():
    """Walks and white noise."""
    r = np.random.default_rng(0)
    x = r.standard_normal((POINTS, HEALTHY))
    x[:, 1:] = x[:, 1:].cumsum(axis=0)
    return x


@functools.cache
def odd():
    """The odd series (step, series), and the kind of each."""
    r = np.random.default_rng(22)
    kinds = r.choice(list(KINDS), ODD)
    return np.stack([KINDS[kind](r) for kind in kinds], axis=1), kinds


def _found(estimator, x, dims=("step", "series")):
    found = estimator(xr.DataArray(x, dims=dims, coords={"step": _STEPS}))
    return found.to_dataset(name="rest") if isinstance(found, xr.DataArray) else found


@pytest.mark.slow
@pytest.mark.parametrize("name", ESTIMATORS)
def test_of_one_series(name):
    """Without a warning; healthy ones as if alone, bit for bit; statuses of odd ones are right."""
    alone = of_one_series(_found(ESTIMATORS[name], healthy()))
    series, kinds = odd()
    for k in range(0, ODD, BATCH):
        x = np.concatenate([healthy(), series[:, k : k + BATCH]], axis=1)
        found = _found(ESTIMATORS[name], x)
        xr.testing.assert_equal(of_one_series(found).isel(series=slice(HEALTHY)), alone)
        if name not in OF_INCREMENTS + WITHOUT:
            told = words(found["status"])[HEALTHY:]
            wrong = {
                (str(kind), str(word))
                for kind, word in zip(kinds[k : k + BATCH], told, strict=True)
                if kind in STATUS and word not in STATUS[kind]
            }
            assert not wrong


OF_ENSEMBLES = {
    "ensemble_diffusion": dynamics.ensemble_diffusion,
    "ensemble_indicators": dynamics.ensemble_indicators,
    "deviation_from_mean": dynamics.deviation_from_mean,
    "ergodicity_breaking": dynamics.ergodicity_breaking,
    "two_time_msd": functools.partial(
        dynamics.two_time_msd, waiting_times=[0, 40], lags=[1, 4, 16]
    ),
    "diffusion_vs_lag": functools.partial(dynamics.diffusion_vs_lag, over="replica"),
    "msd": functools.partial(dynamics.msd, over="replica"),
    "msd_exponent": functools.partial(dynamics.msd_exponent, over="replica"),
    "order_parameter": transitions.order_parameter,
    "early_warning": functools.partial(dynamics.early_warning, over="replica", resamples=19),
    "kramers_moyal": functools.partial(dynamics.kramers_moyal, over="replica"),
}
REPLICAS = 5


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_ENSEMBLES)
def test_of_ensembles(name):
    """Parameters whose replicas are odd series, beside a parameter of healthy ones."""
    dims = ("step", "replica", "parameter")
    walks = healthy()[:, :REPLICAS, None]
    alone = _found(OF_ENSEMBLES[name], walks, dims)
    series, _ = odd()
    for k in range(0, ODD, BATCH):
        strange = series[:, k : k + BATCH].reshape(POINTS, REPLICAS, -1)
        found = _found(OF_ENSEMBLES[name], np.concatenate([walks, strange], axis=2), dims)
        xr.testing.assert_equal(found.isel(parameter=[0]), alone)
