"""Every estimator of single series, as tests of odd series among healthy ones call it."""

import functools

from sgdphys import dynamics


def _exponent(theta, of="path"):
    """Of every third point: the laws of short series are soon simulated."""
    return dynamics.msd_exponent(theta.isel(step=slice(None, None, 3)), of=of)


ESTIMATORS = {
    "fit": dynamics.fit,
    "fit_wiener": dynamics.fit_wiener,
    "fit_ou": dynamics.fit_ou,
    "fit_fbm": dynamics.fit_fbm,
    "fit_levy": dynamics.fit_levy,
    "wiener_tests": dynamics.wiener_tests,
    "diffusion_vs_lag": dynamics.diffusion_vs_lag,
    "msd": dynamics.msd,
    "msd, all lags": functools.partial(dynamics.msd, lags="all"),
    "msd_exponent": _exponent,
    "msd_exponent of increments": functools.partial(_exponent, of="increments"),
    "kramers_moyal": dynamics.kramers_moyal,
    "kramers_moyal, kernel": functools.partial(dynamics.kramers_moyal, method="kernel"),
    "autocorrelation": dynamics.autocorrelation,
    "integrated_time": dynamics.integrated_time,
    "rolling_indicators": functools.partial(dynamics.rolling_indicators, window=50),
    "early_warning": functools.partial(dynamics.early_warning, resamples=19),
    "early_warning, detrended": functools.partial(
        dynamics.early_warning, detrend="gaussian", surrogates="phases", resamples=19
    ),
    "detrended": dynamics.detrended,
    "detrended, lowess": functools.partial(dynamics.detrended, method="lowess"),
}
for _method in ("increments", "msd", "covariance"):
    ESTIMATORS[f"diffusion_coefficient, {_method}"] = functools.partial(
        dynamics.diffusion_coefficient, method=_method
    )
for _method in ("likelihood", "log_moment", "block_log", "hill"):
    ESTIMATORS[f"tail_index, {_method}"] = functools.partial(dynamics.tail_index, method=_method)
for _method in ("lag1", "integrated", "exponential"):
    ESTIMATORS[f"relaxation_time, {_method}"] = functools.partial(
        dynamics.relaxation_time, method=_method
    )
for _method in ("likelihood", "dfa"):
    for _of in ("path", "increments"):
        ESTIMATORS[f"hurst, {_method}, {_of}"] = functools.partial(
            dynamics.hurst, method=_method, of=_of
        )
OF_INCREMENTS = (
    "msd_exponent of increments", "hurst, likelihood, increments", "hurst, dfa, increments",
)  # fmt: skip
"""The paths whose increments the odd series are are other series."""
WITHOUT = (
    "msd", "msd, all lags", "diffusion_vs_lag", "kramers_moyal", "kramers_moyal, kernel",
    "rolling_indicators", "detrended", "detrended, lowess",
)  # fmt: skip
"""Results without a status."""


def of_one_series(found):
    """Leave out the p-value adjusted for the number of series.

    The null of a tail is drawn anew for every number of series.
    """
    return found.drop_vars(["adjusted_p_value", "null_tail_index"], errors="ignore")
