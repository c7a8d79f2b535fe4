"""Likelihood and one-step residuals of the five models that ``fit`` compares."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy.special import ndtri_exp

from sgdphys.dynamics.diffusion.fractional import COLUMNS as FBM
from sgdphys.dynamics.diffusion.fractional import FEWEST as FEWEST_OF_FBM
from sgdphys.dynamics.diffusion.fractional import fbm_kernel, prediction_errors
from sgdphys.dynamics.diffusion.ornstein_uhlenbeck import fit_ou
from sgdphys.dynamics.diffusion.stable_law import evaluate, log_rows, table
from sgdphys.dynamics.diffusion.tail_index import FEWEST as FEWEST_OF_LEVY
from sgdphys.dynamics.diffusion.tail_index import levy_columns
from sgdphys.dynamics.status import even_spacing, takes_few_values
from sgdphys.status import FAST, OSCILLATING

MODELS = ("wiener", "drifted_wiener", "ou", "fbm", "levy")
PARAMETERS = {"wiener": 1, "drifted_wiener": 2, "ou": 3, "fbm": 3, "levy": 3}
_OF_OU = ("diffusion", "kappa", "center", "adf_p_value", "log_likelihood")


class Series(NamedTuple):
    """One series without missing points."""

    x: np.ndarray
    t: np.ndarray
    dx: np.ndarray
    dt: np.ndarray


class ModelFit(NamedTuple):
    """Coefficients of one model: drift, diffusion, and further ones that its densities need."""

    drift: float
    diffusion: float
    extra: Sequence[float] = ()


def fit_all(x: np.ndarray, t: np.ndarray, confidence: float) -> dict[str, list[ModelFit | None]]:
    """All models of series without gaps (series, point); None where one cannot be fitted."""
    dt = np.diff(t)
    dx = np.diff(x, axis=1)
    n = dx.shape[1]
    spacing = even_spacing(t)
    fits: dict[str, list[ModelFit | None]] = {}
    driftless = ((dx**2) / dt).sum(axis=1) / (2 * n)
    fits["wiener"] = [ModelFit(0.0, d) if d > 0 else None for d in driftless]
    drift = (x[:, -1] - x[:, 0]) / (t[-1] - t[0])
    drifted = ((dx - drift[:, None] * dt) ** 2 / dt).sum(axis=1) / (2 * n)
    fits["drifted_wiener"] = [
        ModelFit(v, d) if d > 0 else None for v, d in zip(drift, drifted, strict=True)
    ]
    fits["ou"] = _fit_ou(x, t, confidence)
    fits["fbm"] = [None] * len(x)
    fits["levy"] = [None] * len(x)
    if np.isfinite(spacing) and n >= FEWEST_OF_FBM:
        columns = fbm_kernel(x, confidence=confidence)
        rows = [dict(zip(FBM, row, strict=True)) for row in columns]
        fits["fbm"] = [
            ModelFit(
                r["drift"] / spacing,
                r["variance"] / (2 * spacing ** (2 * r["hurst"])),
                (r["hurst"], r["hurst_low"], r["hurst_high"], r["variance"]),
            )
            if np.isfinite(r["hurst"]) and r["variance"] > 0
            else None
            for r in rows
        ]
    if np.isfinite(spacing) and n >= FEWEST_OF_LEVY:
        fittable = np.flatnonzero(~takes_few_values(dx))
        for row, (index, low, high, location, scale, _) in zip(
            fittable, levy_columns(dx[fittable], confidence), strict=True
        ):
            fits["levy"][row] = ModelFit(
                location / spacing, np.nan, (index, low, high, location, scale)
            )
    return fits


def _fit_ou(x: np.ndarray, t: np.ndarray, confidence: float) -> list[ModelFit | None]:
    """Ornstein-Uhlenbeck processes; white noise, kappa infinite, where phi is not above 0."""
    ou = fit_ou(xr.DataArray(x, dims=("series", "step")), time=t, confidence=confidence)
    columns = np.stack([ou[name].to_numpy() for name in _OF_OU], axis=-1)
    is_white = np.isin(ou["status"].to_numpy(), (FAST, OSCILLATING))
    fits: list[ModelFit | None] = []
    for row, (diffusion, *extra) in enumerate(columns):
        if is_white[row]:
            variance = float(x[row, 1:].var())
            likelihood = -0.5 * (len(t) - 1) * (np.log(2 * np.pi * variance) + 1)
            extra = [np.inf, x[row, 1:].mean(), extra[2], likelihood, variance]
            fits.append(ModelFit(np.nan, np.nan, extra) if variance > 0 else None)
        elif np.isfinite(sum(extra)) and extra[0] > 0:
            fits.append(ModelFit(np.nan, diffusion, extra))
        else:
            fits.append(None)
    return fits


def _normal(z: np.ndarray, deviation: Any) -> np.ndarray:
    return -0.5 * z**2 - np.log(deviation) - 0.5 * np.log(2 * np.pi)


def _wiener_steps(fit: ModelFit, s: Series) -> tuple[np.ndarray, np.ndarray]:
    deviation = np.sqrt(2 * fit.diffusion * s.dt)
    z = (s.dx - fit.drift * s.dt) / deviation
    return z, _normal(z, deviation)


def _ou_steps(fit: ModelFit, s: Series) -> tuple[np.ndarray, np.ndarray]:
    kappa, center = fit.extra[:2]
    if np.isinf(kappa):
        phi, deviation = np.zeros(len(s.dt)), np.full(len(s.dt), np.sqrt(fit.extra[4]))
    else:
        phi = np.exp(-kappa * s.dt)
        deviation = np.sqrt(fit.diffusion * -np.expm1(-2 * kappa * s.dt) / kappa)
    z = (s.x[1:] - center - phi * (s.x[:-1] - center)) / deviation
    return z, _normal(z, deviation)


def _fbm_steps(fit: ModelFit, s: Series) -> tuple[np.ndarray, np.ndarray]:
    hurst, _, _, variance = fit.extra
    scale = np.sqrt(variance)
    z, deviation = prediction_errors(hurst, (s.dx - fit.drift * s.dt) / scale)
    return z, _normal(z, deviation * scale)


def _levy_steps(fit: ModelFit, s: Series) -> tuple[np.ndarray, np.ndarray]:
    index, _, _, location, scale = fit.extra
    out = np.empty((len(s.dx), 2))
    evaluate(table().step, *log_rows(index), s.dx, location, scale, out)
    z = -np.sign(s.dx - location) * ndtri_exp(np.minimum(out[:, 1], np.log(0.5)))
    return z, out[:, 0]


STEPS: dict[str, Callable[[ModelFit, Series], tuple[np.ndarray, np.ndarray]]] = {
    "wiener": _wiener_steps,
    "drifted_wiener": _wiener_steps,
    "ou": _ou_steps,
    "fbm": _fbm_steps,
    "levy": _levy_steps,
}
"""Normal scores of the one-step probability transform, and log densities, given the past."""
