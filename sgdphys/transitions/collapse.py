"""Collapse of a scan: critical point and exponents by finite-size scaling."""

import warnings
from typing import NamedTuple

import numpy as np
import xarray as xr

from sgdphys import parallel
from sgdphys.arguments import checked
from sgdphys.draws import RESAMPLES, Seed, seed_of, stream
from sgdphys.errors import InputError
from sgdphys.glossary import Quantity
from sgdphys.intervals import quantiles
from sgdphys.quantities import labelled
from sgdphys.status import END_OF_RANGE, FEW_SIZES, NO_COLLAPSE, OK, flagged
from sgdphys.transitions.master_curve import FACTOR, Expected, curves, fitted
from sgdphys.transitions.moments import means_with_errors, resampled
from sgdphys.transitions.samples import Samples, samples_of
from sgdphys.transitions.scaling_fit import (
    Scaling,
    Scan,
    best_scaling,
    quality_at,
    smallest_quality,
)

FEWEST_SIZES = 3
WORST = 2.0
"""Largest quality S of a collapse that is accepted."""
_CHUNK = 50
"""Resamples that are fitted together: they stay in the cache."""
NAMES = ("critical_point", "exponent_control", "exponent_order", "exponent_correction")


class Found(NamedTuple):
    """A collapse as numbers."""

    status: int
    estimate: np.ndarray
    """(4,), see ``NAMES``."""
    samples: np.ndarray
    """(resample, 4)."""
    quality: float
    scaling: Scaling | None


@checked
def collapse(
    m: xr.DataArray,
    *,
    size: str = "size",
    control: str = "control",
    over: str = "replica",
    corrections: bool = True,
    exponent_order: float | None = None,
    window: float | None = None,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    rng: Seed = None,
) -> xr.Dataset:
    """Data collapse: critical point and exponents by finite-size scaling of an order parameter.

    Parameters
    ----------
    m : DataArray (size, control, replica)
        Samples of an order parameter, signed or not; missing ones are left out.
    size, control, over : str
        Names of the dimensions; the control parameter may have values of its own at each size.
    corrections : bool
        Fit the leading correction to scaling. Without it the exponents of small sizes are biased.
    exponent_order : float, optional
        Hold beta/nu at this value: 0 for a share, such as that of separable sets of points.
    window : float, optional
        Half-width of the window around the critical point, in units of the master curve over its
        slope there. By default 1.5, or less where a fit in a wider window is rejected.
    confidence : float
        Level of the intervals.
    resamples : int
        Number of bootstrap resamples.
    rng : int, SeedSequence, Generator or None
        Of the bootstrap.

    Returns
    -------
    Dataset
    """
    samples = samples_of(m, size=size, control=control, over=over)
    values = np.abs(samples.values)
    order, error = means_with_errors(values)
    log_size = np.log(samples.sizes / np.exp(np.log(samples.sizes).mean()))
    found = _found(
        samples, values, order, error, log_size, corrections=corrections,
        exponent_order=exponent_order, window=window, resamples=resamples, seed=seed_of(rng),
    )  # fmt: skip
    data = {}
    tail = (1 - confidence) / 2
    for k, name in enumerate(NAMES):
        low, high = quantiles(found.samples[:, k], [tail, 1 - tail])
        data[name] = found.estimate[k]
        data[f"{name}_low"], data[f"{name}_high"] = low, high
    data["quality"] = found.quality
    data["status"] = flagged(xr.DataArray(found.status))
    if found.scaling:
        data["window"] = found.scaling.window
        data["p_value"] = found.scaling.p_value
        data["points"] = len(found.scaling.points.control)
    return xr.Dataset(data)


def _found(
    samples, values, order, error, log_size, *, corrections, exponent_order, window, resamples, seed
) -> Found:
    nothing = np.full(4, np.nan)
    known = np.isfinite(order) & np.isfinite(error) & (error > 0) & np.isfinite(samples.controls)
    place = np.nonzero(known)[0]
    count = np.isfinite(values).sum(axis=-1)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        variance = np.nanvar(values, axis=-1, ddof=1)
    scan = Scan(
        log_size[place], samples.controls[known], order[known], error[known], place,
        variance[known], count[known],
    )  # fmt: skip
    if len(np.unique(place)) < FEWEST_SIZES:
        return Found(FEW_SIZES, nothing, nothing[None], np.nan, None)
    best = best_scaling(scan, exponent_order, corrections=corrections, window=window)
    if best is None:
        return Found(NO_COLLAPSE, nothing, nothing[None], np.nan, None)
    part = best.part
    at = best.fit.parameters[0]
    u = (part.control - at[0]) * np.exp(np.exp(at[1]) * part.log_size) / best.points.width
    inverse = np.exp(at[1])
    omega = inverse * np.exp(at[3])
    correction = curves(best.fit, best.points, u)[1] * np.exp(-omega * part.log_size)
    quality, _ = quality_at(at, part, correction)
    drawn = resampled(values[None], resamples, seed)[:, 0][:, known][:, best.chosen]
    normal = stream(seed, len(samples.sizes)).standard_normal
    expected = Expected(normal(resamples), normal((resamples, best.points.correction_degree + 1)))
    start = np.repeat(at[None], resamples, axis=0)
    start[:, 3] += FACTOR * expected.ratio

    def refit(b):
        part = slice(b, b + _CHUNK)
        own = Expected(*(v[part] for v in expected))
        return fitted(drawn[part], start[part], best.points, own).parameters

    fits = np.concatenate(parallel.map(refit, range(0, resamples, _CHUNK)))
    return Found(
        OK if quality < WORST else NO_COLLAPSE, _natural(at[None])[0], _natural(fits), quality, best
    )


def _natural(p):
    inverse = np.exp(p[:, 1])
    return np.stack([p[:, 0], inverse, p[:, 2], inverse * np.exp(p[:, 3])], axis=1)
