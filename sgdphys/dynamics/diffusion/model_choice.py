"""Model selection: Wiener, drifted Wiener, Ornstein-Uhlenbeck, fractional, Levy, or none."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.dynamics.diffusion.fractional import at_end
from sgdphys.dynamics.diffusion.model_likelihoods import (
    MODELS,
    PARAMETERS,
    STEPS,
    ModelFit,
    Series,
    fit_all,
)
from sgdphys.dynamics.diffusion.ornstein_uhlenbeck import fit_ou
from sgdphys.dynamics.diffusion.residual_tests import (
    autocorrelation,
    changing_variance,
    nonlinear_drift,
    unstable_sums,
    volatility_clustering,
)
from sgdphys.dynamics.diffusion.rival_models import OF_PATHS, RIVALS, path_rivals, step_rivals
from sgdphys.dynamics.diffusion.stable_law import INDICES
from sgdphys.dynamics.diffusion.wiener import fit_wiener
from sgdphys.dynamics.diffusion.wiener_tests import anderson_darling
from sgdphys.dynamics.series import over_sound_series, paths, result
from sgdphys.dynamics.status import Needs, even_spacing, is_still, status_of
from sgdphys.quantities import GENERALISED_DIFFUSION, number_of
from sgdphys.status import END_OF_RANGE, FAST, OK, SHORT

RESIDUAL_TESTS = {
    "anderson_darling": "not normal",
    "ljung_box": "autocorrelated",
    "changing_variance": "of changing variance",
    "volatility_clustering": "of clustered size",
    "nonlinear_drift": "not linear in the level",
    "sums_of_8": "of another tail index when 8 steps are summed",
}
"""What residuals are that fail each test."""
REJECT_BELOW = 0.01
"""Level, after Holm, at which the residuals reject the best model; 1/Bayes factor of a rival."""
_FAR = -2 * np.log(REJECT_BELOW)
"""Difference of BIC of a model that is rejected by a rival."""
ADF_BELOW = 0.05
"""Dickey-Fuller p-value below which an Ornstein-Uhlenbeck process can be the best model."""
_OF_UNIT_ROOT = 10.0
"""Factor of likelihood that a root fitted to a random walk gains beyond chi-squared."""
FEWEST = 50
"""Least number of increments for a choice."""
_NEEDS = Needs(points=FEWEST + 1)
_NEEDS_EARLY = Needs()
"""What a fit to the points before the held-out ones needs."""
_HELD_OUT = 0.2
_EDGES: dict[str, Callable[[Any], Any]] = {
    "fbm": at_end,
    "levy": lambda index: index <= INDICES[0] + 1e-9,
}
"""Whether an exponent lies at an end of the range in which it is searched: no result."""
_COLUMNS = (
    *(f"{v} {m}" for m in MODELS for v in ("drift", "diffusion", "log_likelihood", "heldout")),
    *(f"compared {m}" for m in MODELS),
    *(f"{v}{end}" for v in ("hurst", "tail_index") for end in ("", "_low", "_high")),
    "candidate",
    *RESIDUAL_TESTS,
    *RIVALS,
)


def _can_be_best(model: str, fit: ModelFit) -> bool:
    """Whether a model that was fitted may be the candidate."""
    if model == "ou":
        return fit.extra[2] < ADF_BELOW
    if model in _EDGES:
        return not _EDGES[model](np.float64(fit.extra[0]))
    return True


def _choose(x: np.ndarray, t: np.ndarray, confidence: float) -> np.ndarray:
    """Compare all models on series without gaps (series, point): ``_COLUMNS``."""
    out = np.full((len(x), len(_COLUMNS)), np.nan)
    at = {name: k for k, name in enumerate(_COLUMNS)}
    fits = fit_all(x, t, confidence)
    first = int(np.ceil((1 - _HELD_OUT) * x.shape[1]))
    valid = np.flatnonzero(status_of(x[:, :first], t[:first], _NEEDS_EARLY) == OK)
    early = fit_all(x[valid, :first], t[:first], confidence) if len(valid) else {}
    early_row = {int(row): k for k, row in enumerate(valid)}
    n = x.shape[1] - 1
    can_compare_all = np.isfinite(even_spacing(t))
    bic = np.full((len(x), len(MODELS)), np.inf)
    residuals = np.zeros((len(x), n))
    bic_of_rivals = np.full((len(x), len(RIVALS)), np.inf)
    if can_compare_all:
        may_be_walk = [f is None or not f.extra[2] < ADF_BELOW for f in fits["ou"]]
        gained = np.where(may_be_walk, 2 * np.log(_OF_UNIT_ROOT), 0.0)[:, None]
        bic_of_rivals[:, : len(OF_PATHS)] = path_rivals(x) + gained
    for row in range(len(x)):
        s = Series(x[row], t, np.diff(x[row]), np.diff(t))
        lowest = np.inf
        at_edge = []
        for m, model in enumerate(MODELS):
            fit = fits[model][row]
            # a law of few distinct values is not stable: ruled out, not left out
            out[row, at[f"compared {model}"]] = can_compare_all or model not in _EDGES
            if fit is None:
                continue
            z, densities = STEPS[model](fit, s)
            # the coefficients of OU are median-unbiased, its likelihood is the maximum
            likelihood = fit.extra[3] if model == "ou" else densities.sum()
            before = early[model][early_row[row]] if row in early_row else None
            heldout = np.nan if before is None else STEPS[model](before, s)[1][first - 1 :].mean()
            place = at[f"drift {model}"]
            out[row, place : place + 4] = fit.drift, fit.diffusion, likelihood, heldout
            value = PARAMETERS[model] * np.log(n) - 2 * likelihood
            if _can_be_best(model, fit):
                bic[row, m] = value
                if value < lowest:
                    lowest = value
                    residuals[row] = z
            elif model in _EDGES:
                at_edge.append((model, value))
        for model, value in at_edge:
            # beyond the end of its grid it might be the best, unless a rival is far better
            is_worse = value > lowest or value > bic_of_rivals[row].min() + _FAR
            out[row, at[f"compared {model}"]] = is_worse
        for name, model in (("hurst", "fbm"), ("tail_index", "levy")):
            fit = fits[model][row]
            if fit is not None:
                out[row, at[name] : at[name] + 3] = fit.extra[:3]
    chosen = bic.argmin(axis=1)
    lowest_bic = bic.min(axis=1)
    valid = np.flatnonzero(np.isfinite(lowest_bic))
    out[valid, at["candidate"]] = chosen[valid]
    durations = np.array([0.0 if f is None else f.extra[0] for f in fits["ou"]]) * (t[-1] - t[0])
    durations[chosen != MODELS.index("ou")] = 0.0
    heavy = np.flatnonzero(chosen == MODELS.index("levy"))
    dx = np.diff(x[heavy], axis=1)
    bic_of_rivals[heavy, len(OF_PATHS) :] = step_rivals(dx)
    tests = {name: out[:, at[name]] for name in RESIDUAL_TESTS}
    z, level = residuals[valid], x[valid, :-1]
    tests["anderson_darling"][valid] = anderson_darling(z)[1]
    tests["ljung_box"][valid] = autocorrelation(z)
    tests["changing_variance"][valid] = changing_variance(z, level)
    tests["volatility_clustering"][valid] = volatility_clustering(z)
    near = np.isin(chosen[valid], [MODELS.index(m) for m in ("wiener", "drifted_wiener", "ou")])
    tests["nonlinear_drift"][valid[near]] = nonlinear_drift(
        z[near], level[near], durations[valid[near]]
    )
    tests["sums_of_8"][heavy] = unstable_sums(dx, out[heavy, at["tail_index"]])
    # 1 over the Bayes factor
    odds = np.exp(-0.5 * np.maximum(lowest_bic[:, None] - bic_of_rivals, 0))
    rivals = np.where(np.isfinite(bic_of_rivals), odds, np.nan)
    out[valid, at[next(iter(RIVALS))] :] = rivals[valid]
    return out


def _holm(p_values: np.ndarray) -> np.ndarray:
    """Smallest p-value of the tests (..., test) that were made, corrected for their number."""
    made = np.isfinite(p_values)
    smallest = np.where(made, p_values, 1.0).min(axis=-1)
    return np.minimum(made.sum(axis=-1) * smallest, 1.0)


@checked
def fit(
    x: Any,
    *,
    time: Any = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Model selection by BIC: Wiener, Ornstein-Uhlenbeck, fractional Brownian or Levy, or none.

    Parameters
    ----------
    x : DataArray or array
        Paths in units x; an array without names has time first and spacing 1. Lazy arrays are read
        in blocks.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``. A spacing that contradicts the coordinate is an error.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Dataset
        Over the other dimensions of ``x``: best, the name of a model, "none" or "not compared";
        candidate, the model of lowest BIC; by ``model``: compared, whether it could be compared,
        drift (x/t), diffusion (x**2/t), sigma (x/t**0.5), log_likelihood, aic, bic, heldout;
        of the Ornstein-Uhlenbeck process: kappa (1/t) and relaxation_time (t), both with
        intervals, phi and center (x); of fractional Brownian motion: hurst with its interval and
        generalised_diffusion (x**2/t**alpha, MSD = 2 D t**(2 hurst)); tail_index with its interval;
        p_value by ``test``; count (increments); status. Diffusion and sigma are NaN for fbm and
        levy. The intervals are ``_low`` and ``_high``; drift has one for drifted_wiener, diffusion
        for drifted_wiener and ou.

    Raises
    ------
    InputError
        For an unknown dimension, times that do not increase, or a spacing that contradicts them.

    See Also
    --------
    wiener_tests : Which test a Wiener process fails.
    fit_wiener, fit_ou, fit_fbm, fit_levy : The single fits.
    kramers_moyal : Drift and diffusion as functions of position, for a series that is "none".

    Notes
    -----
    How ``best`` is chosen. The likelihood of every model given the first point is maximised, and
    the model with the lowest BIC is the candidate. An Ornstein-Uhlenbeck process can be that only
    if the Dickey-Fuller test rejects a random walk at 5%, because under a random walk its gain in
    likelihood is not chi-squared. A Hurst exponent or tail index at the end of its range is no
    candidate; where it would have been the best and all others are rejected, the status is "at the
    end of the range". White noise is an Ornstein-Uhlenbeck process with the status "relaxes within
    one step".

    Then two things can reject the candidate. (1) Its one-step residuals (normal scores of the
    probability transform) would be independent standard normal numbers if it were true. They are
    tested for normality (``anderson_darling``), autocorrelation (``ljung_box``), variance that
    changes with time or level (``changing_variance``), volatility clustering
    (``volatility_clustering``: GARCH, switching) and a drift that is not linear in the level
    (``nonlinear_drift``: double wells; not of fbm and levy); of levy, the tail index of sums of 8
    increments must be that of single ones (``sums_of_8``), which that of Student t increments or
    jumps is not. Tests together reject at 1% (Holm). (2) Rivals: models off the list that are often
    the true ones, ``measurement_noise`` (an Ornstein-Uhlenbeck or Wiener process under noise,
    ARMA(1,1)), ``second_order`` (AR(2)) and, of levy, ``student_t`` and ``jumps`` (a mixture of two
    normal laws). One that is 100 times as likely by BIC rejects the candidate; its ``p_value`` is 1
    over that Bayes factor, which is a p-value by Markov's inequality. Of paths that may be random
    walks (Dickey-Fuller test at 5%) it must be 1000, because the gain of a fitted root is then not
    chi-squared.

    "none" means that no model of the five describes the series at its own spacing: all were
    compared, and the best of them is rejected. Its coefficients are then not those of a true
    process. Where the candidate is rejected and some model could not be compared, which might be
    the true one, ``best`` is "not compared". The smallest ``p_value`` says what to do.
    ``ljung_box``, ``measurement_noise``, ``second_order``: successive steps are correlated; fit
    every k-th point, or use ``diffusion_vs_lag``. ``changing_variance``, ``volatility_clustering``:
    fit shorter stretches, or use ``diffusion_coefficient`` with a window, or ``kramers_moyal``.
    ``nonlinear_drift``: use ``kramers_moyal``. ``anderson_darling``, ``sums_of_8``, ``student_t``,
    ``jumps``: the steps are not normal, nor stable; use ``tail_index`` with care. Long series are
    rejected for smaller deviations than short ones: compare stretches of equal length. What
    simulated processes are named is counted in docs/confusion.md: true models are "none" in at most
    2.5% of series, but fractional Brownian motion of exponent 0.9 in 3.5% at 100 increments.

    ``heldout`` is the mean log density of the last fifth of the points, with coefficients from the
    first four fifths. Fractional and Levy models need evenly spaced points without gaps; otherwise
    they are NaN and not compared. With fewer than 50 increments, or a status other than "ok" or
    "relaxes within one step", ``best`` is "not compared". Levy is ruled out, not left out, where
    increments take few distinct values.

    References
    ----------
    Schwarz (1978) for BIC; Dickey and Fuller (1979); Diebold, Gunther and Tay (1998) for the
    probability transform; Holm (1979); Kass and Raftery (1995) for Bayes factors by BIC.

    Examples
    --------
    >>> import sgdphys as sp
    >>> data = sp.processes.ornstein_uhlenbeck(kappa=1.0, dt=0.1, steps=2000, rng=0)
    >>> found = sp.fit(data["theta"], time="time")
    >>> found["best"].item(), round(found["kappa"].item(), 1)
    ('ou', 1.0)
    >>> growing = sp.processes.geometric_brownian(growth=0.1, volatility=0.5, steps=2000, rng=0)
    >>> sp.fit(growing["theta"], time="time")["best"].item()
    'none'
    """
    series = paths(x, time=time)
    wiener, ou = (fitted(series, confidence=confidence) for fitted in (fit_wiener, fit_ou))

    def kernel(values: np.ndarray, t: np.ndarray) -> np.ndarray:
        out = np.full((len(values), len(_COLUMNS)), np.nan)
        finite = np.isfinite(values)
        complete = finite.all(axis=1)
        if complete.any():
            out[complete] = _choose(values[complete], t, confidence)
        for row in np.flatnonzero(~complete):
            k = finite[row]
            out[row] = _choose(values[row, k][None], t[k], confidence)[0]
        return out

    found, _ = over_sound_series(series, kernel, len(_COLUMNS), _NEEDS)
    columns = dict(zip(_COLUMNS, np.moveaxis(found, -1, 0), strict=True))
    return _labelled(series, columns, wiener, ou, confidence)


def _labelled(
    series: Any, found: dict[str, np.ndarray], wiener: xr.Dataset, ou: xr.Dataset, confidence: float
) -> xr.Dataset:
    """Label the columns of ``_choose``, and add the intervals of the single fits."""
    drift, diffusion, likelihood, heldout, compared = (
        np.stack([found[f"{name} {m}"] for m in MODELS], axis=-1)
        for name in ("drift", "diffusion", "log_likelihood", "heldout", "compared")
    )
    n = wiener["count"].to_numpy()[..., None]
    k = np.array([PARAMETERS[m] for m in MODELS])
    ends = {
        f"{name}_{end}": np.full(diffusion.shape, np.nan)
        for name in ("drift", "diffusion")
        for end in ("low", "high")
    }
    for end in ("low", "high"):
        ends[f"drift_{end}"][..., 1] = wiener[f"drift_{end}"]
        ends[f"diffusion_{end}"][..., 1] = wiener[f"diffusion_{end}"]
        ends[f"diffusion_{end}"][..., 2] = ou[f"diffusion_{end}"]
    # n - 1 degrees of freedom rather than n
    drift[..., 1] = wiener["drift"]
    diffusion[..., 1] = wiener["diffusion"]
    diffusion[..., 2] = ou["diffusion"]
    of_fbm = MODELS.index("fbm")
    generalised = diffusion[..., of_fbm].copy()
    diffusion[..., of_fbm] = np.nan
    diffusion[is_still(wiener["status"].to_numpy()), 0] = 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        bic = k * np.log(n) - 2 * likelihood
    tests = np.stack([found[name] for name in RESIDUAL_TESTS], axis=-1)
    rivals = np.stack([found[name] for name in RIVALS], axis=-1)
    rejected = (_holm(tests) < REJECT_BELOW) | (rivals < REJECT_BELOW).any(axis=-1)
    chosen = np.isfinite(found["candidate"])
    names = np.array([*MODELS, ""])
    candidate = names[np.where(chosen, found["candidate"], len(MODELS)).astype(int)]
    compared = np.where(chosen[..., None], compared, 0).astype(bool)
    no_model = np.where(compared.all(axis=-1), "none", "not compared")
    best = np.where(chosen & ~rejected, candidate, no_model)
    status = wiener["status"].to_numpy().astype(int)
    status = np.where((status == OK) & ~chosen, SHORT, status)
    is_white = (best == "ou") & (ou["status"].to_numpy() == FAST)
    status = np.where((status == OK) & is_white, FAST, status)
    for name, model in (("hurst", "fbm"), ("tail_index", "levy")):
        left_out = _EDGES[model](found[name]) & ~compared[..., MODELS.index(model)]
        is_open = left_out & (best == "not compared")
        status = np.where((status == OK) & is_open, END_OF_RANGE, status)
    adf_p_value = ou["adf_p_value"].to_numpy()[..., None]
    single, exponents = ("kappa", "relaxation_time"), ("hurst", "tail_index")
    values: dict[str, Any] = {
        "best": best,
        "candidate": candidate,
        "compared": (("model",), compared),
        "drift": (("model",), drift),
        "diffusion": (("model",), diffusion),
        **{name: (("model",), v) for name, v in ends.items()},
        "sigma": (("model",), np.sqrt(2 * diffusion)),
        "generalised_diffusion": generalised,
        "log_likelihood": (("model",), likelihood),
        "aic": (("model",), 2 * k - 2 * likelihood),
        "bic": (("model",), bic),
        "heldout": (("model",), heldout),
        **{f"{v}{e}": ou[f"{v}{e}"].to_numpy() for v in single for e in ("", "_low", "_high")},
        "phi": ou["phi"].to_numpy(),
        "center": ou["center"].to_numpy(),
        **{f"{v}{e}": found[f"{v}{e}"] for v in exponents for e in ("", "_low", "_high")},
        "p_value": (("test",), np.concatenate([tests, rivals, adf_p_value], axis=-1)),
        "count": n[..., 0],
        "status": status,
    }
    return result(
        series,
        values,
        coords={"model": list(MODELS), "test": [*RESIDUAL_TESTS, *RIVALS, "adf"]},
        named={
            "count": number_of("increments"),
            "generalised_diffusion": GENERALISED_DIFFUSION._replace(
                description="of fractional Brownian motion: MSD = 2 D t**alpha, alpha = 2 hurst"
            ),
        },
        method="lowest BIC; Dickey-Fuller test for OU; none if residuals are rejected at 1% "
        "(Holm), or a model off the list is 100 times as likely",
        reference="Schwarz (1978); Dickey and Fuller (1979); Diebold, Gunther and Tay (1998)",
        confidence=confidence,
        duration=float(series.times[-1] - series.times[0]) if len(series.times) else 0.0,
        interval_method="that of the single fit of each model; none for drift and diffusion of "
        "wiener, fbm and levy",
    )
