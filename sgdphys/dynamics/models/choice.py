"""Model selection: which model of diffusion is the best for every series, or none."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.dynamics.diffusion import ornstein_uhlenbeck, wiener
from sgdphys.dynamics.models.catalogue import chosen_models
from sgdphys.dynamics.models.judged import Judged, judged
from sgdphys.dynamics.models.model import FEWEST, Estimates, Model, no_estimates
from sgdphys.dynamics.models.reasons import (
    CLOSE,
    EFFECTS,
    REJECT_BELOW,
    effects,
)
from sgdphys.dynamics.models.residual_tests import (
    RESIDUAL_TESTS,
    autocorrelation,
    changing_variance,
    holm,
    p_values_of,
    volatility_clustering,
)
from sgdphys.dynamics.models.results import is_rejected, labelled
from sgdphys.dynamics.models.rivals import (
    OF_PATHS,
    OF_STEPS,
    RIVALS,
    garch_rival,
    path_rivals,
    second_order_beside_gaps,
    step_rivals,
)
from sgdphys.dynamics.series import Paths, in_one_pass, paths
from sgdphys.dynamics.status import Needs, even_spacing, status_of
from sgdphys.dynamics.stretches import increments, is_long, rows_of
from sgdphys.status import OK

_FAR = -2 * np.log(REJECT_BELOW)
"""Difference of BIC of a model that is rejected by a rival."""
_NEAR = 10.0
"""Difference of BIC up to which models are also compared by held-out points."""
_SECOND = list(RIVALS).index("second_order")
_OF_UNIT_ROOT = 10.0
"""Factor of likelihood that a root fitted to a random walk gains beyond chi-squared."""
_WITH_HEAVY_STEPS = ("levy", "student")
"""Models of which rivals with independent steps are asked."""
_NEEDS = Needs(points=FEWEST + 1)
_NEEDS_EARLY = Needs()
"""What a fit to the points before the held-out ones needs."""
_HELD_OUT = 0.2
_OF_MODEL = ("log_likelihood", "count", "heldout", "compared", "screened_out")
_OF_SERIES = ("candidate", "nearest", "odds", "on_stretch", *RESIDUAL_TESTS, *RIVALS, *EFFECTS)


def _columns(models: Mapping[str, Model]) -> list[tuple[str, str]]:
    """What is found for every series: (model or empty, name)."""
    found = [("", name) for name in _OF_SERIES]
    for name, model in models.items():
        ends = ("", "_low", "_high")
        found += [(name, f"{c}{end}") for c in model.coefficients for end in ends]
        found += [(name, value) for value in _OF_MODEL]
    return found


def _estimates(model: Model, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
    """Estimates of all series; of those that a cheap test screens out NaN, with a handicap."""
    rows = np.flatnonzero(model.may_be_best(x, t))
    fitted = model.fit(rows_of(x, rows), t, confidence) if len(rows) else None
    if fitted is not None and len(rows) == len(x):
        return fitted._replace(handicap=np.broadcast_to(fitted.handicap, len(x)))
    found = no_estimates(len(x), len(model.coefficients), 0)
    found = found._replace(handicap=np.full(len(x), np.inf))
    if fitted is not None:
        for all_series, some in zip(found, fitted, strict=True):
            np.asarray(all_series)[rows] = some
    return found


def _choose(
    x: np.ndarray, t: np.ndarray, models: Mapping[str, Model], confidence: float
) -> np.ndarray:
    """Compare models on series without gaps (series, point): ``_columns``."""
    names = list(models)
    series, n = len(x), x.shape[1] - 1
    out = {c: np.full(series, np.nan) for c in _columns(models)}
    bic = np.full((series, len(models)), np.inf)
    is_even = bool(np.isfinite(even_spacing(t)))
    walk = np.ones(series, bool)
    found: dict[str, Estimates] = {}
    for m, (name, model) in enumerate(models.items()):
        can_be_fitted = (is_even or not model.needs_even) and n >= model.fewest
        out[name, "compared"][:] = can_be_fitted
        if not can_be_fitted:
            continue
        found[name] = e = _estimates(model, x, t, confidence)
        for k, c in enumerate(model.coefficients):
            out[name, c], out[name, f"{c}_low"] = e.values[:, k], e.low[:, k]
            out[name, f"{c}_high"] = e.high[:, k]
        out[name, "log_likelihood"], out[name, "count"] = e.log_likelihood, e.count
        out[name, "screened_out"] = (e.count == 0).astype(float)
        value = e.count * np.log(n) - 2 * e.log_likelihood + e.handicap + 2 * np.log(model.asked)
        bic[:, m] = np.where(np.isfinite(value), value, np.inf)
        if name == "ou":
            walk = ~np.isfinite(value) | np.isinf(e.handicap)
    rivals = np.full((series, len(RIVALS)), np.inf)
    if is_even:
        gained = np.where(walk, 2 * np.log(_OF_UNIT_ROOT), 0.0)[:, None]
        rivals[:, : len(OF_PATHS)] = path_rivals(x) + gained
    _leave_out_ends(models, found, x, t, bic, rivals.min(axis=1), out)
    order = np.argsort(bic, axis=1, kind="stable")
    lowest = np.take_along_axis(bic, order, axis=1)
    valid = np.flatnonzero(np.isfinite(lowest[:, 0]))
    out["", "candidate"][valid] = order[valid, 0]
    if len(models) > 1:
        second = valid[np.isfinite(lowest[valid, 1])]
        out["", "nearest"][second] = order[second, 1]
        # evidence alone, without what is asked of the two
        asked = 2 * np.log([model.asked for model in models.values()])[order[second, :2]]
        plain = lowest[second, :2] - asked
        gap = np.minimum(plain[:, 1] - plain[:, 0], 1e3)
        out["", "odds"][second] = np.exp(0.5 * gap)
    for m, name in enumerate(names):
        near = np.flatnonzero(bic[:, m] < lowest[:, 0] + _NEAR)
        if name in found and len(near):
            out[name, "heldout"][near] = _heldout(models[name], rows_of(x, near), t, confidence)
    # what is asked of a candidate is not asked of a rival
    asked = 2 * np.log([model.asked for model in models.values()])[order[:, 0]]
    plain_bic = lowest[:, 0] - asked
    residuals: list[tuple[np.ndarray, Judged]] = []
    for m, name in enumerate(names):
        rows = valid[order[valid, 0] == m]
        if not len(rows):
            continue
        series_here, values = rows_of(x, rows), found[name].values[rows]
        seen = judged(models[name], values, series_here, t)
        if name in _WITH_HEAVY_STEPS or name == "switching":
            of_steps = slice(len(OF_PATHS), len(OF_PATHS) + len(OF_STEPS))
            which, fitted = (-1, garch_rival) if name == "switching" else (of_steps, step_rivals)
            rivals[rows, which] = fitted(increments(series_here))
            if is_long(n):
                # the rival has seen the stretches, and is compared with the candidate on them
                count = found[name].count[rows]
                on_them = count * np.log(seen.z.shape[1]) - 2 * seen.log_density.sum(axis=1)
                rivals[rows, which] += (plain_bic[rows] - on_them)[0]
        if not is_even and not is_long(n):
            # compared with the candidate where the two points before a point are there
            used, fitted_to_them = second_order_beside_gaps(series_here, t)
            on_them = seen.log_density[:, 1:][:, used].sum(axis=1)
            on_them = found[name].count[rows] * np.log(max(used.sum(), 1)) - 2 * on_them
            gained = np.where(walk[rows], 2 * np.log(_OF_UNIT_ROOT), 0.0)
            rivals[rows, _SECOND] = plain_bic[rows] + fitted_to_them - on_them + gained
        residuals.append((rows, seen))
        for test, p_values in p_values_of(models[name], values, seen, series_here, t).items():
            out["", test][rows] = p_values
    # 1 over the Bayes factor
    with np.errstate(invalid="ignore"):  # neither a candidate nor a rival
        odds = np.exp(-0.5 * np.maximum(plain_bic[:, None] - rivals, 0))
    odds[~np.isfinite(rivals) | ~np.isfinite(lowest[:, :1])] = np.nan
    for k, rival in enumerate(RIVALS):
        out["", rival] = odds[:, k]
    _find_effects(residuals, out)
    return np.column_stack(list(out.values()))


def _find_effects(
    residuals: list[tuple[np.ndarray, Judged]],
    out: Mapping[tuple[str, str], np.ndarray],
) -> None:
    """How far the residuals of rejected candidates are from independent normal numbers."""
    tests, rivals = (
        np.stack([out["", name] for name in kind], axis=-1) for kind in (RESIDUAL_TESTS, RIVALS)
    )
    rejected = is_rejected(tests, rivals)
    for rows, seen in residuals:
        here = np.flatnonzero(rejected[rows])
        if len(here):
            z, level = rows_of(seen.z, here), rows_of(seen.level, here)
            for effect, values in zip(EFFECTS, effects(z, level).T, strict=True):
                out["", effect][rows[here]] = values


def _leave_out_ends(
    models: Mapping[str, Model],
    found: Mapping[str, Estimates],
    x: np.ndarray,
    t: np.ndarray,
    bic: np.ndarray,
    rival: np.ndarray,
    out: Mapping[tuple[str, str], np.ndarray],
) -> None:
    """An estimate at the end of its range is no candidate.

    Where the model goes on beyond the end, it might be the best there, and counts as not compared,
    unless another model or a rival is better, or its steps are not independent or not alike.
    """
    at_ends = {}
    for m, (name, model) in enumerate(models.items()):
        if name in found:
            at_end = model.at_end_of_range(found[name].values) & np.isfinite(bic[:, m])
            if at_end.any():
                if model.goes_on:
                    at_ends[name] = at_end, bic[at_end, m]
                bic[at_end, m] = np.inf
    lowest = bic.min(axis=1)
    for name, (at_end, value) in at_ends.items():
        ruled_out = (value > lowest[at_end]) | (value > rival[at_end] + _FAR)
        rows = np.flatnonzero(at_end)
        seen = judged(models[name], found[name].values[rows], rows_of(x, rows), t)
        z = seen.z
        tests = [autocorrelation(z), changing_variance(z, seen.level), volatility_clustering(z)]
        ruled_out |= holm(np.stack(tests, axis=-1)) < REJECT_BELOW
        out[name, "compared"][rows] = ruled_out


def _heldout(model: Model, x: np.ndarray, t: np.ndarray, confidence: float) -> np.ndarray:
    """Mean log density (series,) of the last fifth, with coefficients from the rest.

    Of a long series the mean is that of stretches in the last fifth.
    """
    first = int(np.ceil((1 - _HELD_OUT) * x.shape[1]))
    valid = np.flatnonzero(status_of(x[:, :first], t[:first], _NEEDS_EARLY) == OK)
    found = np.full(len(x), np.nan)
    if len(valid) and first > model.fewest:
        early = model.fit(rows_of(x[:, :first], valid), t[:first], confidence)
        fitted = np.flatnonzero(np.isfinite(early.log_likelihood))
        if len(fitted):
            rows = valid[fitted]
            seen = judged(model, early.values[fitted], rows_of(x, rows), t, first - 1)
            found[rows] = seen.log_density.mean(axis=1)
    return found


@checked
def fit(
    x: Any,
    *,
    models: Any = None,
    time: Any = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Model selection by BIC: which model of diffusion describes every series, or none.

    Parameters
    ----------
    x : DataArray or array
        Paths in units x; an array without names has time first and spacing 1. Lazy arrays are read
        in blocks.
    models : str, Model, or sequence of them, optional
        The models to compare: names, or objects of a subclass of ``sgdphys.dynamics.Model``; all
        that have a name by default. See docs/models.md.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``. A spacing that contradicts the coordinate is an error.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Dataset
        Over the other dimensions of ``x``: best, the name of a model, "none" or "not compared";
        reason, why, in words; rejected_by; candidate, the model of lowest BIC after what is asked
        of each (``Model.asked``); nearest, the next one, and odds, the Bayes factor of the
        candidate over it, without what is asked, so that they may be below 1; by ``model``:
        compared, whether it could be compared, screened_out, drift (x/t), diffusion (x**2/t), sigma
        (x/t**0.5), log_likelihood, aic, bic, heldout; of the Ornstein-Uhlenbeck process: kappa
        (1/t) and relaxation_time (t), both with intervals, phi, center (x) and deviation (x); of
        fractional Brownian motion: hurst with its interval and generalised_diffusion
        (x**2/t**alpha, MSD = 2 D t**(2 hurst)); tail_index with its interval, and levy_scale; of
        every other model its coefficients, under its name and theirs, as in noisy_ou_kappa, with
        their intervals; p_value by ``test``; count (increments); status. Coefficients that a model
        does not have are NaN. The ends of intervals are ``_low`` and ``_high``.

    Raises
    ------
    InputError
        For an unknown dimension, times that do not increase, a spacing that contradicts them, an
        unknown model, or a model of one's own that cannot be right.

    See Also
    --------
    wiener_tests : Which test a Wiener process fails.
    fit_wiener, fit_ou, fit_fbm, fit_levy : The single fits.
    kramers_moyal : Drift and diffusion as functions of position, for a series that is "none".

    Notes
    -----
    How ``best`` is chosen. The likelihood of every model given the first point is maximised, and
    the model with the lowest BIC is the candidate, but some models must be more likely than BIC
    asks by a factor (``Model.asked``), because a root or a border gains more likelihood than
    chi-squared where it is not there; an Ornstein-Uhlenbeck process can be the candidate only if
    the Dickey-Fuller test rejects a random walk at 5%. An estimate at the end of its range is no
    candidate; a Hurst exponent or tail index there might be the best beyond it, and where all
    others are rejected the status is "at the end of the range". White noise is an
    Ornstein-Uhlenbeck process, often with the status "relaxes within one step". Models that a cheap
    test rules out (``screened_out``) are not fitted.

    Then two things can reject the candidate. (1) Its one-step residuals (normal scores of the
    probability transform) would be independent standard normal numbers if it were true. They are
    tested for normality (``anderson_darling``), autocorrelation (``ljung_box``), variance that
    changes with time or level (``changing_variance``), volatility clustering
    (``volatility_clustering``) and a drift that is not linear in the level (``nonlinear_drift``);
    of levy, student and switching, steps that lead back to a mean (``mean_reversion``); of levy,
    the tail index of sums of 8 increments must be that of single ones (``sums_of_8``).
    Tests together reject at 1% (Holm). Those that a model's own residuals do not pass are not made:
    ``nonlinear_drift`` of fbm and levy, all but ``ljung_box`` of reshuffled. (2) Rivals, models off
    the list: ``measurement_noise`` (ARMA(1,1)), of evenly spaced points without gaps, and
    ``second_order`` (AR(2)), of others at the points that follow two at the commonest spacing,
    where most points do; of levy and student
    ``student_t`` and ``jumps`` (a mixture of two normal laws); of switching ``garch`` (GARCH(1,1)).
    One that is 100 times as likely by BIC rejects the candidate; its ``p_value`` is 1 over that
    Bayes factor, which is a p-value by Markov's inequality. Of paths that may be random walks it
    must be 1000.

    "none" means that no model describes the series at its own spacing: all were compared, and the
    best of them is rejected. Its coefficients are then not those of a true process. Where the
    candidate is rejected and some model could not be compared, which might be the true one,
    ``best`` is "not compared"; so it is where a model that gaps leave out is better than the
    candidate on the longest stretch without gaps. ``reason`` says why, with the sizes of the
    effects, and what to do; ``rejected_by`` is the first of them in one word. Odds below 20 over
    the nearest model mean that the two cannot be told apart. Long series are rejected for smaller
    deviations than short ones: compare stretches of equal length. What simulated processes are
    named is counted in docs/confusion.md.

    A series of more than 4,194,304 increments is long: the attribute ``judged_on`` is then there.
    Coefficients, likelihoods and the rivals of paths are those of all points. The tests of
    residuals, the sizes of effects, ``heldout`` and the rivals of increments are those of 16 evenly
    spread stretches of 131,072 increments, so that its memory stays within that of a few copies of
    the series; a deviation that lasts for a short time between them is not seen.

    ``heldout`` is the mean log density of the last fifth of the points, with coefficients from the
    first four fifths, of models whose BIC is within 10 of the lowest. Models that need evenly
    spaced points without gaps are otherwise NaN and not compared. With fewer than 50 increments, or
    a status other than "ok" or "relaxes within one step", ``best`` is "not compared". Levy is ruled
    out, not left out, where increments take few distinct values.

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
    compared = chosen_models(models)
    columns = _columns(compared)

    def kernel(values: np.ndarray, t: np.ndarray) -> np.ndarray:
        out = np.full((len(values), len(columns)), np.nan)
        complete = np.isfinite(values).all(axis=1)
        if complete.all():
            return _choose(values, t, compared, confidence)
        finite = np.isfinite(values)
        if complete.any():
            out[complete] = _choose(values[complete], t, compared, confidence)
        for row in np.flatnonzero(~complete):
            k = finite[row]
            out[row] = _choose(values[row, k][None], t[k], compared, confidence)[0]
            candidate = out[row, columns.index(("", "candidate"))]
            if np.isfinite(candidate):
                stretch = _longest_run(k)
                out[row, columns.index(("", "on_stretch"))] = _best_on_stretch(
                    values[row, stretch], t[stretch], compared, int(candidate), confidence
                )
        return out

    choice = (kernel, len(columns), _NEEDS)
    (found, _), *singles = in_one_pass(series, [choice, *_single_fits(confidence)])
    by_name = dict(zip(columns, np.moveaxis(found, -1, 0), strict=True))
    of_singles = _single_results(series, singles, confidence)
    return labelled(series, compared, by_name, of_singles, confidence)


def _single_fits(confidence: float) -> list[tuple[Callable[..., np.ndarray], int, Needs]]:
    return [
        (wiener.wiener_kernel, wiener.WIDTH, wiener.NEEDS),
        (ornstein_uhlenbeck.ou_kernel(confidence), len(ornstein_uhlenbeck.COLUMNS),
         ornstein_uhlenbeck.NEEDS),
    ]  # fmt: skip


def _single_results(
    series: Paths, found: list[tuple[np.ndarray, np.ndarray]], confidence: float
) -> tuple[xr.Dataset, xr.Dataset]:
    of_wiener, of_ou = found
    return (
        wiener.wiener_result(series, *of_wiener, confidence),
        ornstein_uhlenbeck.ou_result(series, *of_ou, confidence),
    )


def fit_wiener_and_ou(
    theta: Any, *, time: Any = None, confidence: float = 0.95
) -> tuple[xr.Dataset, xr.Dataset]:
    """``fit_wiener`` and ``fit_ou`` of the same series, which are read once."""
    series = paths(theta, time=time)
    return _single_results(series, in_one_pass(series, _single_fits(confidence)), confidence)


def _longest_run(present: np.ndarray) -> slice:
    """The longest stretch of points that are all there."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], present, [False]])))
    starts, ends = edges[::2], edges[1::2]
    longest = int((ends - starts).argmax())
    return slice(int(starts[longest]), int(ends[longest]))


def _best_on_stretch(
    x: np.ndarray, t: np.ndarray, models: Mapping[str, Model], candidate: int, confidence: float
) -> float:
    """A model that gaps leave out and that beats the candidate on a stretch without them.

    Its number if it is 20 times as likely as the candidate, otherwise NaN.
    """
    if len(t) <= FEWEST or status_of(x[None], t, _NEEDS)[0] != OK:
        return np.nan
    bic = np.full(len(models), np.inf)
    for m, model in enumerate(models.values()):
        if (m == candidate) != model.needs_even and len(t) > model.fewest:
            e = _estimates(model, x[None], t, confidence)
            bic[m] = e.count[0] * np.log(len(t) - 1) - 2 * e.log_likelihood[0]
            bic[m] += 2 * np.log(model.asked)
            if m != candidate:
                bic[m] += np.inf if model.at_end_of_range(e.values)[0] else 0.0
    bic[np.isnan(bic)] = np.inf
    best = int(bic.argmin())
    is_far = np.isfinite(bic[candidate]) and bic[best] < bic[candidate] - 2 * np.log(CLOSE)
    return float(best) if is_far else np.nan
