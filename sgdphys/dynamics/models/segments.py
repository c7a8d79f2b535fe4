"""On which stretches of time a model holds: change points of drift and diffusion."""

import itertools
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.dynamics.models.catalogue import MODELS
from sgdphys.dynamics.models.change_points import LEAST, SQUARES, change_points
from sgdphys.dynamics.models.judged import judged
from sgdphys.dynamics.models.model import Model
from sgdphys.dynamics.models.reasons import REJECT_BELOW
from sgdphys.dynamics.models.residual_tests import holm, p_values_of
from sgdphys.dynamics.series import over_sound_series, paths, result
from sgdphys.dynamics.status import Needs, status_of
from sgdphys.errors import InputError, nearest
from sgdphys.glossary import Quantity
from sgdphys.quantities import number_of
from sgdphys.status import OK

_NAMED = {
    "start": Quantity("{t}", "start of a stretch", "", "time of its first point"),
    "end": Quantity("{t}", "end of a stretch", "", "time of its last point"),
    "segment": Quantity("1", "stretch", "", "number of a stretch, from 1 on"),
    "segments": Quantity("1", "number of stretches", "", "1 more than that of the changes"),
    "model": Quantity(
        "1",
        "model of a stretch",
        "",
        "none where the residuals of the stretch reject it; empty where there is no stretch",
    ),
    "p_value": Quantity(
        "1", "p-value of the residuals of a stretch", "p", "the smallest of the tests, after Holm"
    ),
    "count": number_of("increments"),
}


@checked
def segments(
    x: Any,
    *,
    model: str = "drifted_wiener",
    time: Any = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Change points (segmentation): on which stretches of time one set of coefficients holds.

    Parameters
    ----------
    x : DataArray or array
        Paths in units x, without gaps; an array without names has time first.
    model : str
        "drifted_wiener", "wiener" (without drift) or "ou", the Ornstein-Uhlenbeck process, which
        needs evenly spaced points.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Dataset
        Over the other dimensions of ``x``: segments (their number) and status; by ``segment``:
        start and end (t); the coefficients of the model as ``fit`` names them, with ``_low`` and
        ``_high``; model, which is "none" where the residuals of the stretch reject it; p_value of
        these tests; count (increments). Later segments of series that have fewer are NaN.

    Raises
    ------
    InputError
        For another model, an unknown dimension, or times that do not increase.

    See Also
    --------
    wiener_lag : From which lag on a Wiener process holds.
    fit : Which model describes a whole series.
    predictive_checks : What of a series its model does not show.
    diffusion_coefficient : The diffusion coefficient in windows of one length.

    Notes
    -----
    The partition has the largest sum of log-likelihoods of its stretches, minus half a penalty for
    each change; every stretch has at least 50 increments. The penalty is such that 5% of Gaussian
    series without a change have one; of "ou" it is that of random walks, where the likelihood
    gains most, so that processes that relax have a change in fewer. Heavy tails raise that share:
    the likelihood is that of normal noise. Where the p-value is small, the change may be of another
    kind than one of drift, diffusion or relaxation.

    The residuals of every stretch are tested for normality, autocorrelation, changing variance,
    clustering and a nonlinear drift, as those of ``fit`` are, at 1% together (Holm). Intervals take
    the changes as given. They are searched at 250 even places and then moved to the best point.

    Series of fewer than 100 increments are "too short".

    References
    ----------
    Jackson et al. (2005), IEEE Signal Process. Lett. 12, 105, for the search; Killick, Fearnhead
    and Eckley (2012), J. Am. Stat. Assoc. 107, 1590, for changes of variance.

    Examples
    --------
    >>> import numpy as np, sgdphys as sp
    >>> noise = np.random.default_rng(0).standard_normal(2000)
    >>> noise[1200:] /= 2  # D falls by 4
    >>> found = sp.dynamics.segments(noise.cumsum(), model="wiener")
    >>> found["segments"].item(), found["end"].values[0].item()
    (2, 1199.0)
    >>> found["diffusion"].values.round(2).tolist()
    [0.48, 0.13]
    """
    if model not in SQUARES:
        raise InputError(
            f"model is {model!r}, and segments are those of {', '.join(SQUARES)}; "
            f"{nearest(str(model), SQUARES)}"
        )
    series = paths(x, time=time)
    of_stretch = MODELS[model]
    names = [f"{c}{end}" for c in of_stretch.coefficients for end in ("", "_low", "_high")]
    columns = ["start", "end", "p_value", "count", *names]
    most = max(1, (len(series.times) - 1) // LEAST)

    def kernel(values: np.ndarray, t: np.ndarray) -> np.ndarray:
        out = np.full((len(values), 1 + most, len(columns)), np.nan)
        for row, changes in enumerate(change_points(values, t, model)):
            out[row, 0] = len(changes) + 1
            ends = [0, *changes.tolist(), len(t) - 1]
            for k, (first, last) in enumerate(itertools.pairwise(ends)):
                stretch = slice(first, last + 1)
                out[row, 1 + k] = _stretch(of_stretch, values[row, stretch], t[stretch], confidence)
        return out.reshape(len(values), -1)

    needs = Needs(points=2 * LEAST + 1, whole=True, even=model == "ou")
    found, status = over_sound_series(series, kernel, (1 + most) * len(columns), needs)
    found = found.reshape(*status.shape, 1 + most, len(columns))
    number = np.nan_to_num(found[..., 0, 0]).astype(np.int64)
    found = found[..., 1 : 1 + max(1, int(number.max(initial=1))), :]
    by_name = dict(zip(columns, np.moveaxis(found, -1, 0), strict=True))
    p_value = by_name["p_value"]
    is_there = np.isfinite(by_name["start"])
    holds = np.where(is_there, np.where(p_value >= REJECT_BELOW, model, "none"), "")
    return result(
        series,
        {
            "segments": number,
            **{name: (("segment",), values) for name, values in by_name.items()},
            "model": (("segment",), holds),
            "status": status,
        },
        coords={"segment": np.arange(1, found.shape[-2] + 1)},
        named={**of_stretch.coefficients, **_NAMED},
        method="optimal partitioning by likelihood; the penalty gives a change to 5% of Gaussian "
        "series without one",
        reference="Jackson et al. (2005); Killick, Fearnhead and Eckley (2012)",
        confidence=confidence,
        interval_method="those of the model on each stretch, its ends taken as given",
    )


def _stretch(model: Model, x: np.ndarray, t: np.ndarray, confidence: float) -> list[float]:
    """Start, end, p-value, count, and coefficients with their intervals of one stretch.

    Without p-value and coefficients where nothing moves.
    """
    if status_of(x[None], t, Needs())[0] != OK:
        return [t[0], t[-1], np.nan, len(t) - 1, *[np.nan] * (3 * len(model.coefficients))]
    found = model.fit(x[None], t, confidence)
    values = np.stack([found.values[0], found.low[0], found.high[0]], axis=1)
    p_value = np.nan
    if np.isfinite(found.log_likelihood[0]):
        p_value = _p_value_of_residuals(model, found.values[0], x, t)
    return [t[0], t[-1], p_value, len(t) - 1, *values.ravel()]


def _p_value_of_residuals(model: Model, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> float:
    """Smallest p-value of the tests of the residuals of one series, after Holm."""
    seen = judged(model, values[None], x[None], t)
    tests = p_values_of(model, values[None], seen, x[None], t)
    return float(holm(np.stack(list(tests.values()), axis=-1))[0])
