"""Model selection: Wiener, drifted Wiener, Ornstein-Uhlenbeck, fractional, Levy, or none."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy.special import ndtri_exp

from sgdphys.arguments import checked
from sgdphys.dynamics.diffusion.fractional import COLUMNS as FBM
from sgdphys.dynamics.diffusion.fractional import FEWEST as FEWEST_OF_FBM
from sgdphys.dynamics.diffusion.fractional import fbm_kernel, prediction_errors
from sgdphys.dynamics.diffusion.ornstein_uhlenbeck import fit_ou
from sgdphys.dynamics.diffusion.stable_law import evaluate, log_rows, table
from sgdphys.dynamics.diffusion.tail_index import FEWEST as FEWEST_OF_LEVY
from sgdphys.dynamics.diffusion.tail_index import levy_columns
from sgdphys.dynamics.diffusion.wiener import fit_wiener
from sgdphys.dynamics.diffusion.wiener_tests import (
    anderson_darling,
    constant_variance,
    holm,
    ljung_box,
)
from sgdphys.dynamics.series import over_sound_series, paths, result
from sgdphys.dynamics.status import Needs, even_spacing, is_still, status_of, takes_few_values
from sgdphys.quantities import GENERALISED_DIFFUSION, number_of
from sgdphys.status import OK, SHORT

MODELS = ("wiener", "drifted_wiener", "ou", "fbm", "levy")
PARAMETERS = {"wiener": 1, "drifted_wiener": 2, "ou": 3, "fbm": 3, "levy": 3}
RESIDUAL_TESTS = ("anderson_darling", "ljung_box", "constant_variance")
REJECT_BELOW = 0.01
"""Level, after Holm, at which the residuals of the best model reject it."""
ADF_BELOW = 0.05
"""Dickey-Fuller p-value below which an Ornstein-Uhlenbeck process can be the best model."""
FEWEST = 50
"""Least number of increments for a choice."""
_NEEDS = Needs(points=FEWEST + 1)
_NEEDS_EARLY = Needs()
"""What a fit to the points before the held-out ones needs."""
_HELD_OUT = 0.2
_OF_OU = ("diffusion", "kappa", "center", "adf_p_value", "log_likelihood")
_LAGS = 20


class _Series(NamedTuple):
    """One series without missing points."""

    x: np.ndarray
    t: np.ndarray
    dx: np.ndarray
    dt: np.ndarray


class _Fit(NamedTuple):
    """Coefficients of one model: drift, diffusion, and further ones that its densities need."""

    drift: float
    diffusion: float
    extra: Sequence[float] = ()


def _fit_all(x: np.ndarray, t: np.ndarray, confidence: float) -> dict[str, list[_Fit | None]]:
    """All models of series without gaps (series, point); None where one cannot be fitted."""
    dt = np.diff(t)
    dx = np.diff(x, axis=1)
    n = dx.shape[1]
    spacing = even_spacing(t)
    fits: dict[str, list[_Fit | None]] = {}
    driftless = ((dx**2) / dt).sum(axis=1) / (2 * n)
    fits["wiener"] = [_Fit(0.0, d) for d in driftless]
    drift = (x[:, -1] - x[:, 0]) / (t[-1] - t[0])
    drifted = ((dx - drift[:, None] * dt) ** 2 / dt).sum(axis=1) / (2 * n)
    fits["drifted_wiener"] = [_Fit(v, d) for v, d in zip(drift, drifted, strict=True)]
    ou = fit_ou(xr.DataArray(x, dims=("series", "step")), time=t, confidence=confidence)
    fits["ou"] = [
        _Fit(np.nan, d, extra) if np.isfinite(sum(extra)) and extra[0] > 0 else None
        for d, *extra in zip(*(ou[v].to_numpy() for v in _OF_OU), strict=True)
    ]
    fits["fbm"] = fits["levy"] = [None] * len(x)
    if np.isfinite(spacing) and n >= FEWEST_OF_FBM:
        columns = fbm_kernel(x, confidence=confidence)
        rows = [dict(zip(FBM, row, strict=True)) for row in columns]
        fits["fbm"] = [
            _Fit(
                r["drift"] / spacing,
                r["variance"] / (2 * spacing ** (2 * r["hurst"])),
                (r["hurst"], r["hurst_low"], r["hurst_high"], r["variance"]),
            )
            if np.isfinite(r["hurst"])
            else None
            for r in rows
        ]
    if np.isfinite(spacing) and n >= FEWEST_OF_LEVY:
        fittable = np.flatnonzero(~takes_few_values(dx))
        fits["levy"] = [None] * len(x)
        for row, (index, low, high, location, scale, _) in zip(
            fittable, levy_columns(dx[fittable], confidence), strict=True
        ):
            fits["levy"][row] = _Fit(
                location / spacing, np.nan, (index, low, high, location, scale)
            )
    return fits


def _normal(z: np.ndarray, deviation: Any) -> np.ndarray:
    return -0.5 * z**2 - np.log(deviation) - 0.5 * np.log(2 * np.pi)


def _wiener_steps(fit: _Fit, s: _Series) -> tuple[np.ndarray, np.ndarray]:
    deviation = np.sqrt(2 * fit.diffusion * s.dt)
    z = (s.dx - fit.drift * s.dt) / deviation
    return z, _normal(z, deviation)


def _ou_steps(fit: _Fit, s: _Series) -> tuple[np.ndarray, np.ndarray]:
    kappa, center = fit.extra[:2]
    phi = np.exp(-kappa * s.dt)
    deviation = np.sqrt(fit.diffusion * -np.expm1(-2 * kappa * s.dt) / kappa)
    z = (s.x[1:] - center - phi * (s.x[:-1] - center)) / deviation
    return z, _normal(z, deviation)


def _fbm_steps(fit: _Fit, s: _Series) -> tuple[np.ndarray, np.ndarray]:
    hurst, _, _, variance = fit.extra
    scale = np.sqrt(variance)
    z, deviation = prediction_errors(hurst, (s.dx - fit.drift * s.dt) / scale)
    return z, _normal(z, deviation * scale)


def _levy_steps(fit: _Fit, s: _Series) -> tuple[np.ndarray, np.ndarray]:
    index, _, _, location, scale = fit.extra
    out = np.empty((len(s.dx), 2))
    evaluate(table().step, *log_rows(index), s.dx, location, scale, out)
    z = -np.sign(s.dx - location) * ndtri_exp(np.minimum(out[:, 1], np.log(0.5)))
    return z, out[:, 0]


STEPS: dict[str, Callable[[_Fit, _Series], tuple[np.ndarray, np.ndarray]]] = {
    "wiener": _wiener_steps,
    "drifted_wiener": _wiener_steps,
    "ou": _ou_steps,
    "fbm": _fbm_steps,
    "levy": _levy_steps,
}
"""Normal scores of the one-step probability transform, and log densities, given the past."""

_WIDTH = 4 * len(MODELS) + 12


def _choose(x: np.ndarray, t: np.ndarray, confidence: float) -> np.ndarray:
    """Compare all models on series without gaps (series, point); columns as ``fit`` reads them."""
    out = np.full((len(x), _WIDTH), np.nan)
    fits = _fit_all(x, t, confidence)
    first = int(np.ceil((1 - _HELD_OUT) * x.shape[1]))
    valid = np.flatnonzero(status_of(x[:, :first], t[:first], _NEEDS_EARLY) == OK)
    early = _fit_all(x[valid, :first], t[:first], confidence) if len(valid) else {}
    early_row = {int(row): k for k, row in enumerate(valid)}
    n = x.shape[1] - 1
    for row in range(len(x)):
        s = _Series(x[row], t, np.diff(x[row]), np.diff(t))
        values = out[row]
        bic = np.full(len(MODELS), np.inf)
        scores: dict[str, np.ndarray] = {}
        for m, model in enumerate(MODELS):
            fit = fits[model][row]
            if fit is None:
                continue
            z, densities = STEPS[model](fit, s)
            scores[model] = z
            # the coefficients of OU are median-unbiased, its likelihood is the maximum
            likelihood = fit.extra[3] if model == "ou" else densities.sum()
            if model != "ou" or fit.extra[2] < ADF_BELOW:
                bic[m] = PARAMETERS[model] * np.log(n) - 2 * likelihood
            values[4 * m : 4 * m + 3] = fit.drift, fit.diffusion, likelihood
            before = early[model][early_row[row]] if row in early_row else None
            if before is not None:
                values[4 * m + 3] = STEPS[model](before, s)[1][first - 1 :].mean()
        further = values[4 * len(MODELS) :]
        for column, model in ((0, "fbm"), (3, "levy")):
            fit = fits[model][row]
            if fit is not None:
                further[column : column + 3] = fit.extra[:3]
        further[6] = int(np.argmin(bic))
        z = scores[MODELS[int(further[6])]][None]
        level = s.x[None, :-1]
        further[7] = anderson_darling(z)[1][0]
        further[8] = ljung_box(z, _LAGS)[1][0]
        further[9] = constant_variance(z, level)[1][0]
    return out


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
        by ``model``: drift (x/t), diffusion (x**2/t), sigma (x/t**0.5), log_likelihood, aic, bic,
        heldout; of the Ornstein-Uhlenbeck process: kappa (1/t) and relaxation_time (t), both with
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
    likelihood is not chi-squared. If the candidate were true, its one-step residuals (normal
    scores of the probability transform) would be independent standard normal numbers. They are
    tested for normality (``anderson_darling``), autocorrelation (``ljung_box``) and constant
    variance (``constant_variance``); ``best`` is the candidate unless these tests together reject
    it at 1% (Holm).

    "none" means that no model of the five describes the series at its own spacing: even the best of
    them leaves structure in its residuals. Its coefficients are then not those of a true process.
    The smallest ``p_value`` of these tests says what to do. ``ljung_box``: successive steps are
    correlated; fit every k-th point, or use ``diffusion_vs_lag``. ``constant_variance``: the noise
    changes with time or position; fit shorter stretches, or use ``diffusion_coefficient`` with a
    window, or ``kramers_moyal``. ``anderson_darling``: the steps are not normal; look for jumps,
    and use ``tail_index``. Long series are rejected for smaller deviations than short ones: compare
    stretches of equal length.

    ``heldout`` is the mean log density of the last fifth of the points, with coefficients from the
    first four fifths. Fractional and Levy models need evenly spaced points without gaps; otherwise
    they are NaN and not compared. With fewer than 50 increments, or a status other than "ok",
    ``best`` is "not compared".

    References
    ----------
    Schwarz (1978) for BIC; Dickey and Fuller (1979); Diebold, Gunther and Tay (1998) for the
    probability transform; Holm (1979).

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
        out = np.full((len(values), _WIDTH), np.nan)
        finite = np.isfinite(values)
        complete = finite.all(axis=1)
        if complete.any():
            out[complete] = _choose(values[complete], t, confidence)
        for row in np.flatnonzero(~complete):
            k = finite[row]
            out[row] = _choose(values[row, k][None], t[k], confidence)[0]
        return out

    found, _ = over_sound_series(series, kernel, _WIDTH, _NEEDS)
    return _labelled(series, found, wiener, ou, confidence)


def _labelled(
    series: Any, found: np.ndarray, wiener: xr.Dataset, ou: xr.Dataset, confidence: float
) -> xr.Dataset:
    """Label the columns of ``_choose``, and add the intervals of the single fits."""
    n_models = len(MODELS)
    by_model = found[..., : 4 * n_models].reshape(*found.shape[:-1], n_models, 4)
    drift, diffusion, likelihood, heldout = np.moveaxis(by_model, -1, 0)
    further = found[..., 4 * n_models :]
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
    p_value = further[..., 7:10]
    rejected = holm(np.moveaxis(p_value, -1, 0)) < REJECT_BELOW
    chosen = np.isfinite(further[..., 6])
    number = np.where(chosen & ~rejected, further[..., 6], n_models).astype(int)
    best = np.where(chosen, np.array([*MODELS, "none"])[number], "not compared")
    adf_p_value = ou["adf_p_value"].to_numpy()[..., None]
    status = wiener["status"].to_numpy().astype(int)
    status = np.where((status == OK) & ~chosen, SHORT, status)
    single = ("kappa", "relaxation_time")
    values: dict[str, Any] = {
        "best": best,
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
        **{f"hurst{e}": further[..., i] for i, e in enumerate(("", "_low", "_high"))},
        **{f"tail_index{e}": further[..., 3 + i] for i, e in enumerate(("", "_low", "_high"))},
        "p_value": (("test",), np.concatenate([p_value, adf_p_value], axis=-1)),
        "count": n[..., 0],
        "status": status,
    }
    return result(
        series,
        values,
        coords={"model": list(MODELS), "test": [*RESIDUAL_TESTS, "adf"]},
        named={
            "count": number_of("increments"),
            "generalised_diffusion": GENERALISED_DIFFUSION._replace(
                description="of fractional Brownian motion: MSD = 2 D t**alpha, alpha = 2 hurst"
            ),
        },
        method="lowest BIC; Dickey-Fuller test for OU; none if residuals are rejected at 1% (Holm)",
        reference="Schwarz (1978); Dickey and Fuller (1979); Diebold, Gunther and Tay (1998)",
        confidence=confidence,
        duration=float(series.times[-1] - series.times[0]) if len(series.times) else 0.0,
        interval_method="that of the single fit of each model; none for drift and diffusion of "
        "wiener, fbm and levy",
    )
