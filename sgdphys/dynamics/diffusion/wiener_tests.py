"""Tests of a Wiener process: normality, autocorrelation, heteroscedasticity, unit root."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import chdtrc, ndtr

from sgdphys.arguments import checked, require_share
from sgdphys.containers import require_kind
from sgdphys.draws import Seed, seed_of
from sgdphys.dynamics.diffusion.finite_sample import calibrated
from sgdphys.dynamics.diffusion.unit_root import adf_p_value
from sgdphys.dynamics.series import over_sound_series, paths, result
from sgdphys.dynamics.status import Needs, status_of
from sgdphys.errors import InputError
from sgdphys.quantities import labelled, number_of
from sgdphys.status import OK, TOO_SHORT

FEWEST = 50
"""Least number of increments for a test."""
_NEEDS = Needs(points=FEWEST + 1)
WINDOW = 512
"""Increments at which pass rates are compared: long enough, every real series is rejected."""
_LAGS = 10
_VARIANCE_RATIO = 8


def jarque_bera(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Jarque-Bera test of normality, by skewness and kurtosis of values (series, point).

    With the exact means and variances of the moments at n points (Urzua 1996); chi-squared with 2
    degrees of freedom.
    """
    n = z.shape[1]
    c = z - z.mean(axis=1, keepdims=True)
    spread = np.sqrt((c**2).mean(axis=1))
    skew = (c**3).mean(axis=1) / spread**3
    kurtosis = (c**4).mean(axis=1) / spread**4
    var_skew = 6 * (n - 2) / ((n + 1) * (n + 3))
    mean = 3 * (n - 1) / (n + 1)
    var_kurtosis = 24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    statistic = skew**2 / var_skew + (kurtosis - mean) ** 2 / var_kurtosis
    return statistic, chdtrc(2, statistic)


def anderson_darling(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Anderson-Darling test of normality of values (series, point), mean and variance unknown.

    p-values after D'Agostino and Stephens (1986), table 4.9.
    """
    n = z.shape[1]
    y = np.sort(z, axis=1)
    y = (y - y.mean(axis=1, keepdims=True)) / y.std(axis=1, ddof=1, keepdims=True)
    k = 2 * np.arange(1, n + 1) - 1
    low = np.log(np.maximum(ndtr(y), 1e-300))
    high = np.log(np.maximum(ndtr(-y[:, ::-1]), 1e-300))
    a = (-n - (k * (low + high)).mean(axis=1)) * (1 + 0.75 / n + 2.25 / n**2)
    with np.errstate(over="ignore"):
        p = np.select(
            [a >= 0.6, a >= 0.34, a >= 0.2],
            [
                np.exp(1.2937 - 5.709 * a + 0.0186 * a**2),
                np.exp(0.9177 - 4.279 * a - 1.38 * a**2),
                1 - np.exp(-8.318 + 42.796 * a - 59.938 * a**2),
            ],
            1 - np.exp(-13.436 + 101.14 * a - 223.73 * a**2),
        )
    return a, np.where(a > 13, 0.0, np.clip(p, 0.0, 1.0))


def ljung_box(z: np.ndarray, lags: int = _LAGS) -> tuple[np.ndarray, np.ndarray]:
    """Ljung-Box (portmanteau) test of autocorrelation of values (series, point) up to ``lags``."""
    n = z.shape[1]
    lags = min(lags, n // 5)
    c = z - z.mean(axis=1, keepdims=True)
    total = (c**2).sum(axis=1)
    statistic = np.zeros(len(z))
    for k in range(1, lags + 1):
        rho = np.einsum("sp,sp->s", c[:, k:], c[:, :-k]) / total
        statistic += n * (n + 2) * rho**2 / (n - k)
    return statistic, chdtrc(lags, statistic)


def constant_variance(z: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heteroscedasticity: Breusch-Pagan test in Koenker's form, with the ARCH-LM regressor.

    Squared values are regressed on time, level, squared level and the last squared value.

    Parameters
    ----------
    z : (series, point)
        Increments or residuals.
    x : (series, point)
        Path before each of them.

    Returns
    -------
    (series,), (series,)
        n R**2 of the regression, and its p-value (chi-squared, 4 degrees of freedom).

    References
    ----------
    Koenker (1981), J. Econometrics 17, 107; Engle (1982) for the ARCH-LM test.
    """
    y = z[:, 1:] ** 2
    n = y.shape[1]
    level = x[:, 1:] - x[:, 1:].mean(axis=1, keepdims=True)
    time = np.broadcast_to(np.linspace(-1, 1, n), y.shape)
    columns = np.stack([time, level, level**2, z[:, :-1] ** 2], axis=1)
    columns = columns - columns.mean(axis=2, keepdims=True)
    y = y - y.mean(axis=1, keepdims=True)
    columns /= np.sqrt((columns**2).mean(axis=2, keepdims=True)) + 1e-300
    gram = columns @ columns.transpose(0, 2, 1) / n + 1e-10 * np.eye(4)
    cross = np.einsum("skp,sp->sk", columns, y) / n
    slope = np.linalg.solve(gram, cross[..., None])[..., 0]
    explained = (slope * cross).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = n * explained / (y**2).mean(axis=1)
    return statistic, chdtrc(4, np.maximum(statistic, 0))


def variance_ratio(dx: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lo-MacKinlay variance ratio test: variance over q = 8 increments over q times that of one.

    References
    ----------
    Lo and MacKinlay (1988), Rev. Financial Stud. 1, 41; overlapping, unbiased.
    """
    n, q = dx.shape[1], _VARIANCE_RATIO
    c = dx - dx.mean(axis=1, keepdims=True)
    sums = np.cumsum(np.concatenate([np.zeros((len(c), 1)), c], axis=1), axis=1)
    long = ((sums[:, q:] - sums[:, :-q]) ** 2).sum(axis=1) / (q * (n - q + 1) * (1 - q / n))
    ratio = long / ((c**2).sum(axis=1) / (n - 1))
    z = (ratio - 1) / np.sqrt(2 * (2 * q - 1) * (q - 1) / (3 * q * n))
    return ratio, 2 * ndtr(-np.abs(z))


def slope_statistic(y: np.ndarray, level: np.ndarray) -> np.ndarray:
    """T statistic (series,) of a regression of y (series, point) on the level and an intercept."""
    y = y - y.mean(axis=1, keepdims=True)
    level = level[:, None]
    level = level - level.mean(axis=2, keepdims=True)
    level = level / np.sqrt((level**2).sum(axis=2, keepdims=True))
    inverse = 1 / (level @ level.transpose(0, 2, 1))[:, 0, 0]
    cross = np.einsum("skp,sp->sk", level, y)[:, 0]
    slope = inverse * cross
    total = (y**2).sum(axis=1)
    residual = np.maximum(total - slope * cross, 1e-30 * total)  # never below rounding
    return np.asarray(slope / np.sqrt(residual / (y.shape[1] - 2) * inverse))


def adf(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Dickey-Fuller test (augmented, with 0 lagged differences) with an intercept.

    Parameters
    ----------
    x : (series, point)

    Returns
    -------
    (series,), (series,)
        t statistic of phi - 1, and its p-value under a random walk without drift.
    """
    statistic = slope_statistic(np.diff(x, axis=1), x[:, :-1] - x[:, :1])
    return statistic, adf_p_value(statistic)


TESTS: dict[str, str] = {
    "jarque_bera": "normality, by skewness and kurtosis",
    "anderson_darling": "normality, by distribution function",
    "ljung_box": "no autocorrelation up to lag 10",
    "constant_variance": "no heteroscedasticity in time, level or last square (Koenker, ARCH-LM)",
    "variance_ratio": "variance over 8 increments is 8 times that of one (Lo-MacKinlay)",
    "adf": "no mean reversion (Dickey-Fuller)",
}


def textbook_tests(x: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Statistics and p-values (test, series) of paths (series, point), by laws of long series."""
    dt = np.diff(t)
    dx = np.diff(x, axis=1)
    drift = (x[:, -1:] - x[:, :1]) / (t[-1] - t[0])
    z = (dx - drift * dt) / np.sqrt(dt)
    tests: list[Callable[[], tuple[np.ndarray, np.ndarray]]] = [
        lambda: jarque_bera(z),
        lambda: anderson_darling(z),
        lambda: ljung_box(z),
        lambda: constant_variance(z, x[:, :-1]),
        lambda: variance_ratio(z),
        lambda: adf(x),
    ]
    found = [test() for test in tests]
    return np.stack([s for s, _ in found]), np.stack([p for _, p in found])


def holm(p_values: np.ndarray) -> np.ndarray:
    """Smallest p-value of several tests (test, ...), corrected for their number (Holm 1979)."""
    return np.minimum(len(p_values) * p_values.min(axis=0), 1.0)


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg adjusted p-values: those below q have a false discovery rate of q."""
    flat = np.asarray(p_values, float).ravel()
    adjusted = np.full_like(flat, np.nan)
    finite = np.flatnonzero(np.isfinite(flat))
    order = finite[np.argsort(flat[finite])]
    raised = flat[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return adjusted.reshape(np.shape(p_values))


def wiener_tests(
    theta: Any,
    *,
    time: Any = None,
    increments: int | None = None,
    level: float = 0.05,
) -> xr.Dataset:
    """Tests for a Wiener process: normality, autocorrelation, heteroscedasticity, unit root.

    Parameters
    ----------
    theta : DataArray or array
        Paths along time, not increments; an array without names has time first.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times: see
        ``dynamics.series.paths``.
    increments : int, optional
        Number of increments, from the end of each series, that are tested; all by default. Longer
        series are rejected for smaller deviations: 512 makes pass rates comparable.
    level : float
        Significance level of all tests together.

    Returns
    -------
    Dataset
        Over the other dimensions of ``theta``: statistic and p_value (..., test); p_value_holm, of
        all tests together; adjusted_p_value, p_value_holm corrected for the number of series, which
        depends on the other series too; passes, whether p_value_holm is above the level; count
        (increments); status.

    Raises
    ------
    InputError
        If ``increments`` is not a whole number of at least 50, or ``level`` is not between 0 and 1.

    See Also
    --------
    pass_rate : Fraction of series that pass, compared with simulated Wiener processes.
    fit_wiener : Drift and diffusion coefficient.
    fit : Which process describes a series that fails.

    Notes
    -----
    Standardised increments z = (dx - v dt)/sqrt(dt) are tested for

    * ``jarque_bera``, ``anderson_darling``: normality, by moments and by distribution function;
    * ``ljung_box``: autocorrelation at lags 1 to 10;
    * ``constant_variance``: heteroscedasticity, the Breusch-Pagan test in Koenker's form with time,
      level and squared level as regressors, and the ARCH-LM test with the last square;
    * ``variance_ratio``: the Lo-MacKinlay variance ratio over 8 increments;

    and the path for ``adf``: mean reversion, the Dickey-Fuller test (augmented Dickey-Fuller
    without lagged differences). Its null is a random walk without drift; drift makes it
    conservative. The p-values are those of random walks of the same length: the laws of the
    textbooks reject too often in short series (``dynamics.diffusion.finite_sample``). Tests are
    combined after Holm, series after Benjamini and Hochberg. A series
    with missing points is tested from the last of them on, if 50 increments remain; otherwise it
    has the status "too short".

    References
    ----------
    Jarque and Bera (1980) with Urzua (1996); Anderson and Darling (1954); Ljung and Box (1978);
    Koenker (1981); Engle (1982); Lo and MacKinlay (1988); Dickey and Fuller (1979); Holm (1979);
    Benjamini and Hochberg (1995).

    Examples
    --------
    >>> import sgdphys as sp
    >>> walk = sp.processes.wiener(steps=512, rng=0)["theta"]
    >>> sp.dynamics.wiener_tests(walk)["passes"].item()
    True
    >>> persistent = sp.processes.fractional_brownian(hurst=0.7, steps=512, rng=0)["theta"]
    >>> found = sp.dynamics.wiener_tests(persistent)
    >>> found["passes"].item(), found["p_value"].sel(test="ljung_box").item() < 0.001
    (False, True)
    """
    require_share(level, "level")
    if increments is not None:
        is_whole = isinstance(increments, int | np.integer) and not isinstance(increments, bool)
        if not is_whole or increments < FEWEST:
            raise InputError(
                f"increments is {increments}; it must be a whole number of at least {FEWEST}"
            )
    series = paths(theta, time=time)
    if increments is not None and series.theta.sizes[series.dim] > increments + 1:
        series = series._replace(
            given=series.given.isel({series.dim: slice(-increments - 1, None)}),
            times=series.times[-increments - 1 :],
        )
    n_tests = len(TESTS)

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        out = np.full((len(x), 2 * n_tests + 2), np.nan)
        out[:, -1] = TOO_SHORT
        starts = _first_after_gaps(x)
        for first in np.unique(starts[starts < x.shape[1]]):
            rows = np.flatnonzero(starts == first)
            # the points after the last gap are tested as a series
            out[rows, -1] = status = status_of(x[rows][:, first:], t[first:], _NEEDS)
            valid = rows[status == OK]
            if len(valid):
                statistics, p_values = textbook_tests(x[valid][:, first:], t[first:])
                count = x.shape[1] - 1 - first
                found = np.concatenate([statistics, calibrated(p_values, count)])
                out[valid, : 2 * n_tests] = found.T
                out[valid, -2] = count
        return out

    found, status = over_sound_series(series, kernel, 2 * n_tests + 2, _NEEDS)
    p_value = found[..., n_tests : 2 * n_tests]
    combined = holm(np.moveaxis(p_value, -1, 0))
    data = result(
        series,
        {
            "statistic": (("test",), found[..., :n_tests]),
            "p_value": (("test",), p_value),
            "p_value_holm": combined,
            "adjusted_p_value": benjamini_hochberg(combined),
            "passes": combined > level,
            "count": found[..., -2],
            "status": np.where(status == OK, found[..., -1], status),
        },
        coords={"test": list(TESTS)},
        level=level,
        named={"count": number_of("increments")},
        method="; ".join(f"{name}: {what}" for name, what in TESTS.items()),
        reference="Jarque-Bera, Anderson-Darling, Ljung-Box, Koenker, Lo-MacKinlay, Dickey-Fuller",
        interval_method="none: tests",
    )
    return data


def _first_after_gaps(x: np.ndarray) -> np.ndarray:
    """First point after the last missing one of each series (series, point)."""
    missing = np.isnan(x)
    return np.where(missing.any(axis=1), x.shape[1] - missing[:, ::-1].argmax(axis=1), 0)


@functools.lru_cache(maxsize=32)
def _null_rate(
    increments: int, level: float, entropy: int | tuple[int, ...], key: tuple[int, ...]
) -> float:
    """Pass rate of 2000 simulated walks; entropy and key are those of a SeedSequence."""
    generator = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=key))
    walks = generator.standard_normal((increments + 1, 2000)).cumsum(axis=0)
    return float(wiener_tests(walks, level=level)["passes"].mean())


@checked
def pass_rate(tests: xr.Dataset, group: str = "layer", rng: Seed = 0) -> xr.Dataset:
    """Pass rate of the Wiener tests, compared with that of simulated Wiener processes.

    Parameters
    ----------
    tests : Dataset
        The result of ``wiener_tests``.
    group : str
        A coordinate of the series, such as the layer: one rate for each of its values. Without
        such a coordinate all series make one group.
    rng : int, SeedSequence or Generator
        Random numbers of the simulation: see ``sgdphys.draws``.

    Returns
    -------
    Dataset
        Over ``group``: passes, the fraction of tested series that pass; count (tested series);
        null_passes, the same fraction of simulated Wiener processes, about 1 minus the level.

    Raises
    ------
    InputError
        If ``tests`` is not a result of ``wiener_tests``.

    See Also
    --------
    wiener_tests : The tests of every series.
    fit : Which process describes a series that fails.

    Notes
    -----
    The null is 2000 independent random walks with as many increments. The tests do not depend on
    units, so one variance stands for all. Correlation between weights changes the spread of the
    rate but not its mean.

    Examples
    --------
    >>> import sgdphys as sp
    >>> theta = sp.processes.wiener(steps=512, parameters=200, rng=0)["theta"]
    >>> rate = sp.dynamics.pass_rate(sp.dynamics.wiener_tests(theta))
    >>> [round(rate[name].item(), 2) for name in ("passes", "null_passes")]
    [0.97, 0.96]
    """
    require_kind(tests, xr.Dataset, "tests", "status", "passes", "count")
    tested = tests["status"] == OK
    passes = tests["passes"].where(tested)
    lengths = tests["count"].where(tested)
    longest = int(lengths.max()) if bool(tested.any()) else 0
    null = np.nan
    if longest:
        seed = seed_of(rng)
        entropy: Any = seed.entropy
        words = entropy if isinstance(entropy, int) else tuple(entropy)
        null = _null_rate(longest, float(tests.attrs["level"]), words, seed.spawn_key)
    if group in tests.coords:
        rate = passes.groupby(group).mean(...)
        count = tested.groupby(group).sum(...)
    else:
        rate, count = passes.mean(), tested.sum()
    data = xr.Dataset({"passes": rate, "count": count, "null_passes": null})
    return labelled(data, {"count": number_of("series that were tested")})
