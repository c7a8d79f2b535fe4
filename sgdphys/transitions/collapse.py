"""Data collapse: critical point and exponents of a scan by finite-size scaling."""

import functools
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
from sgdphys.status import (
    CONSTANT,
    END_OF_RANGE,
    FEW_CONTROLS,
    FEW_MEMBERS,
    FEW_SIZES,
    NO_COLLAPSE,
    NO_DATA,
    OK,
    TABLE,
    flagged,
)
from sgdphys.transitions.coordinates import named_after_control, named_after_samples
from sgdphys.transitions.dependence import depends_on_control, sizes_differ
from sgdphys.transitions.master_curve import FACTOR, MOST, Expected, curves, fitted
from sgdphys.transitions.moments import means_with_errors, resampled
from sgdphys.transitions.samples import Samples, places_of, samples_of
from sgdphys.transitions.scaling_fit import (
    Scaling,
    Scan,
    best_scaling,
    quality_at,
    scan_of,
    smallest_quality,
    uncertain_quality,
)
from sgdphys.transitions.smooth_curve import FEWEST_CONTROLS

FEWEST_SIZES = 3
WORST = 3.0
"""Largest quality S of a collapse that is accepted."""
_CHUNK = 50
"""Resamples that are fitted together: they stay in the cache."""
PARAMETERS = ("critical_point", "exponent_control", "exponent_order")


class _Found(NamedTuple):
    """A collapse as numbers."""

    status: int
    scan: Scan
    scaling: Scaling | None
    estimate: np.ndarray
    """(4,): critical point, 1/nu, beta/nu and omega."""
    samples: np.ndarray
    """(resample, 4)."""
    quality: float


@functools.partial(checked, fewest=20)
@np.errstate(all="ignore")  # trials far from the best fit overflow, and are left
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
    rng: Seed = 0,
) -> xr.Dataset:
    """Data collapse: critical point and exponents by finite-size scaling of an order parameter.

    Parameters
    ----------
    m : DataArray (size, control, replica)
        Samples of an order parameter, signed or not; missing ones are left out. The control
        parameter may have values of its own at each size.
    size, control, over : str
        Names of the dimensions.
    corrections : bool
        Fit the leading correction to scaling. Without it the exponents of small sizes are biased.
    exponent_order : float, optional
        Hold beta/nu at this value: 0 for a share, such as that of separable sets of points.
    window : float, optional
        Half-width of the window around the critical point, in units of the master curve over its
        slope there. By default 1.25, or 1 or 0.8 if the fit in a wider window is rejected.
    confidence : float
        Level of the intervals.
    resamples : int
        Number of bootstrap resamples, at least 20.
    rng : int, SeedSequence, Generator or None
        Of the bootstrap.

    Returns
    -------
    Dataset
        critical_point, in the unit of the control parameter, exponent_control (1/nu, the power of
        the size that scales the control parameter), exponent_order (beta/nu) and, with corrections,
        exponent_correction (omega), each with ``_low`` and ``_high``; quality (S), p_value of the
        fit and status. Over size and control: order = <|m|>, scaled_control, scaled_order and
        corrected_order, from which the correction is taken off, and in_window. Over parameter:
        least_quality, the parameters at the minimum of S without corrections, with the range in
        which S is below its minimum plus 1, for comparison.

    Raises
    ------
    InputError
        See ``samples_of``; or for a window that is not positive.

    See Also
    --------
    crossing : Critical point from crossings of cumulants, without exponents.
    order_parameter : The moments of one size.
    sgdphys.dynamics.critical_point : Critical point from relaxation times.

    Notes
    -----
    <|m|> = L**(-beta/nu) (f(x) + L**(-omega) g(x)), x = (control - critical_point) L**(1/nu), L the
    size over the geometric mean of all. f and g are polynomials of degree 8 and 3, less for fewer
    than 48 points, by weighted least squares; critical point and exponents by Levenberg and
    Marquardt's method, started at the smallest S on a grid of both. Data tell little of omega:
    ln(omega nu) is expected at 0 within ln 2 (analytic corrections have omega = 1/nu), and the
    coefficients of g at 0 within f(0), one standard deviation each. Intervals are those of the
    percentiles or of the standard errors of a bootstrap, whichever reach further: estimates are
    skew, and either alone was too narrow on one side. Replicas are drawn together for all values of
    the control parameter; resamples also draw the expectations, so that what the data leave open
    widens the intervals.

    Only points near the transition scale: those with abs(x) below ``window`` times f(0)/f'(0) are
    used. The first window of 1.25, 1 and 0.8 with a p-value of the misfit above 0.05 is taken.

    S is the mean squared distance of a point from the line through its neighbours at the other
    sizes, in units of its variance, after the correction is taken off: about 1 for a good collapse.
    Above 3 none is claimed: the status is "no collapse" and the parameters are NaN. So it is unless
    the means differ over the control parameter (p < 0.001 for all sizes together, and p < 0.01,
    after Bonferroni's correction, for two on their own), and the curves of different sizes by more
    than a factor L**b (p < 0.01); the errors are those of the bootstrap. Where the interval of the
    critical point leaves the range that was scanned, it is open on that side, the status is "at the
    end of the range", and no exponents are given. Scaled quantities show the attempt, if there was
    one. A transition of first order collapses too, with 1/nu = 1 in the volume and beta/nu = 0: see
    ``order_of_transition``.

    References
    ----------
    Houdayer and Hartmann (2004), Phys. Rev. B 70, 014418, for S; Harada (2011), Phys. Rev. E 84,
    056704, for inference of the master curve; Beach, Wang and Sandvik (2005), cond-mat/0505194, for
    corrections.

    Examples
    --------
    The mean-field magnet, with critical point 1 and exponents 1/2 and 1/4:

    >>> import numpy as np
    >>> import sgdphys as sp
    >>> m = sp.processes.curie_weiss(
    ...     [64, 128, 256, 512, 1024], np.linspace(0.8, 1.2, 17), replicas=200, rng=1
    ... )["m"]
    >>> found = sp.transitions.collapse(m, resamples=200, rng=0)
    >>> bool(found["critical_point_low"] < 1 < found["critical_point_high"])
    True
    """
    if window is not None and not window > 0:
        raise InputError(f"window is {window}; it must be a positive number")
    samples = samples_of(m, size=size, control=control, over=over)
    found = _found(
        samples, corrections=corrections, exponent_order=exponent_order, window=window,
        resamples=resamples, seed=seed_of(rng),
    )  # fmt: skip
    data = _estimates(samples, found, confidence, corrections=corrections)
    data |= _by_quality(found, exponent_order)
    data |= _scaled(samples, found, size, control, confidence)
    result = xr.Dataset(data, coords=places_of(samples, m, size=size, control=control))
    result = labelled(result, _QUANTITIES, x=samples.unit, t=samples.control_unit)
    result = named_after_samples(named_after_control(result, control), m)
    return result.assign_attrs(
        method="least squares of a master curve" + (" with corrections" if corrections else ""),
        reference="Houdayer and Hartmann (2004)",
        confidence=confidence,
        interval_method="bootstrap over replicas, percentiles or standard errors",
        message=_message(result, samples.values, exponent_order),
    )


_NEAR_MOST = 0.99
"""Share of the largest exponent that is searched, from which an interval is open."""
_MESSAGES = {
    NO_DATA: "no sample is a finite number: check how they were computed",
    FEW_MEMBERS: "the points have no errors: give 2 replicas at least, and tens for intervals",
    END_OF_RANGE: "the interval of the critical point leaves the range that was scanned: scan "
    "further or give more replicas",
}
"""What statuses mean for a collapse, where it is not what they mean elsewhere."""


def _message(result: xr.Dataset, values: np.ndarray, exponent_order: float | None) -> str:
    """What the status says, what to give for samples of two values, and what else may be true."""
    status = int(result["status"])
    word, sentence = TABLE[status]
    are_two = len(np.unique(values[np.isfinite(values)])) == 2
    said = []
    if exponent_order is None and are_two:
        said.append(
            "the samples have two values, and a share, as of samples that percolate, has no "
            "exponent of its own: give exponent_order=0 if they are one"
        )
    elif status == OK and result["exponent_order"] < 0:
        said.append(
            f"exponent_order is {float(result['exponent_order']):.2g}, and no order parameter "
            "grows with the size at the critical point: the correction is larger than the sizes "
            "can tell; give larger sizes, or hold exponent_order"
        )
    elif (
        status == OK
        and not are_two
        and _holds(result, "exponent_control", 1)
        and _holds(result, "exponent_order", 0)
    ):
        said.append(
            "if sizes are numbers of units, the exponents are also those of a first-order "
            "transition, 1 and 0: order_of_transition tells the two apart"
        )
    if status == OK and np.isinf(result["exponent_control_high"]):
        said.append(
            f"the interval of exponent_control is open, since it reaches {MOST:g}, the largest "
            "value that is searched: give larger sizes or more replicas"
        )
    first = (
        f"{word}, but" if status == OK and said else f"{word}: {_MESSAGES.get(status, sentence)};"
    )
    return f"{first} {'; '.join(said)}".rstrip("; ")


def _holds(result: xr.Dataset, name: str, value: float) -> bool:
    """Whether the interval of an estimate holds a value."""
    return bool(result[f"{name}_low"] <= value <= result[f"{name}_high"])


_QUANTITIES = {
    "critical_point": Quantity(
        "{t}", "critical point", r"K_c", "value of the control parameter at the transition"
    ),
    "exponent_control": Quantity(
        "1", "exponent of the control parameter", r"1/\nu",
        "power of the size that scales the distance from the critical point",
    ),
    "exponent_order": Quantity(
        "1", "exponent of the order parameter", r"\beta/\nu",
        "the order parameter at the critical point falls as this power of the size",
    ),
    "exponent_correction": Quantity(
        "1", "exponent of the correction to scaling", r"\omega",
        "the leading correction falls as this power of the size",
    ),
    "quality": Quantity(
        "1", "quality of the collapse", "S",
        "mean squared distance from the curves of the other sizes in units of its variance; about "
        "1 if points lie on one curve within their errors",
    ),
    "p_value": Quantity("1", "p-value of the misfit", "p", "of chi-squared in the window"),
    "window": Quantity(
        "1", "half-width of the window", "", "in units of the master curve over its slope"
    ),
    "least_quality": Quantity(
        "1", "parameter at the minimum of S", "",
        "of Houdayer and Hartmann's S without corrections; the interval is the range in which S is "
        "below its minimum plus 1, the other parameters held",
    ),
    "scaled_control": Quantity(
        "{t}", "scaled control parameter", "x", "(control - critical_point) size**exponent_control"
    ),
    "scaled_order": Quantity(
        "{x}", "scaled order parameter", "y", "order size**exponent_order"
    ),
    "corrected_order": Quantity(
        "{x}", "scaled order parameter without its correction", "y",
        "scaled_order from which the fitted correction to scaling is taken off",
    ),
    "in_window": Quantity("1", "whether a point lies in the window", "", "it is fitted"),
    "parameter": Quantity("1", "parameter", "", "name of a parameter of the collapse"),
    "status": Quantity("1", "status", "", "whether the collapse is valid"),
}  # fmt: skip


def _found(
    samples: Samples,
    *,
    corrections: bool,
    exponent_order: float | None,
    window: float | None,
    resamples: int,
    seed: np.random.SeedSequence,
) -> _Found:
    """Best collapse and its resamples, as numbers."""
    values = np.abs(samples.values)
    scan = scan_of(values, samples)
    refused = _Found(FEW_SIZES, scan, None, np.full(4, np.nan), np.full((1, 4), np.nan), np.nan)
    if (np.bincount(scan.place) >= FEWEST_CONTROLS).sum() < FEWEST_SIZES:
        return refused._replace(status=_why_few(samples.values))
    refused = refused._replace(status=NO_COLLAPSE)
    drawn = resampled(values[None], resamples, seed)[:, 0][:, scan.known]
    if not depends_on_control(scan, drawn):
        return refused
    best = best_scaling(scan, exponent_order, corrections=corrections, window=window)
    if best is None:
        return refused
    at = best.fit.parameters[0]
    quality, _ = quality_at(at, best.part, _correction(best, best.part))
    chosen = drawn[:, best.chosen]
    normal = stream(seed, len(samples.sizes)).standard_normal
    expected = Expected(normal(resamples), normal((resamples, best.points.correction_degree + 1)))
    start = np.repeat(at[None], resamples, axis=0)
    start[:, 3] += FACTOR * expected.ratio

    def refitted(first: int) -> np.ndarray:
        part = slice(first, first + _CHUNK)
        own = Expected(*(v[part] for v in expected))
        return fitted(chosen[part], start[part], best.points, own).parameters

    fits = np.concatenate(parallel.map(refitted, range(0, resamples, _CHUNK)))
    status = OK if quality <= WORST and sizes_differ(scan, drawn) else NO_COLLAPSE
    return _Found(status, scan, best, _natural(at[None])[0], _natural(fits), quality)


def _why_few(values: np.ndarray) -> int:
    """Status of a scan with too few sizes that have an error: those there are may be constant."""
    of_size = [v[np.isfinite(v)] for v in values]
    of_size = [v for v in of_size if len(v)]
    if not of_size:
        return NO_DATA
    if len(of_size) < FEWEST_SIZES:
        return FEW_SIZES
    is_constant = [np.ptp(np.abs(v)) == 0 for v in of_size]
    if len(of_size) - sum(is_constant) < FEWEST_SIZES and any(is_constant):
        return CONSTANT
    return FEW_MEMBERS if (np.isfinite(values).sum(axis=-1) < 2).all() else FEW_CONTROLS


def _natural(parameters: np.ndarray) -> np.ndarray:
    """Critical point, 1/nu, beta/nu and omega (..., 4) from the parameters of a fit."""
    inverse = np.exp(parameters[:, 1])
    omega = inverse * np.exp(parameters[:, 3])
    return np.stack([parameters[:, 0], inverse, parameters[:, 2], omega], axis=1)


def _correction(best: Scaling, scan: Scan) -> np.ndarray:
    """The correction of the scaled order parameter at points of the window."""
    critical, inverse, _, omega = _natural(best.fit.parameters)[0]
    u = (scan.control - critical) * np.exp(inverse * scan.log_size) / best.points.width
    return np.asarray(curves(best.fit, best.points, u)[1] * np.exp(-omega * scan.log_size))


def _estimates(
    samples: Samples, found: _Found, confidence: float, *, corrections: bool
) -> dict[str, object]:
    """Parameters with intervals, quality and status; refusals are NaN, or open intervals."""
    names = (*PARAMETERS, "exponent_correction") if corrections else PARAMETERS
    low, high = _ends(found.estimate, found.samples, confidence)
    estimate, status = found.estimate.copy(), found.status
    least, most = np.nanmin(samples.controls), np.nanmax(samples.controls)
    if status == OK and (low[0] < least or high[0] > most):
        status = END_OF_RANGE
        low[0] = -np.inf if low[0] < least else min(low[0], most)
        high[0] = np.inf if high[0] > most else max(high[0], least)
        estimate[0] = np.clip(estimate[0], least, most)
        estimate[1:], low[1:], high[1:] = np.nan, np.nan, np.nan
    elif status != OK:
        estimate[:], low[:], high[:] = np.nan, np.nan, np.nan
    if high[1] > _NEAR_MOST * MOST:  # fits stop there
        high[1] = np.inf
    data: dict[str, object] = {}
    for k, name in enumerate(names):
        data |= {name: estimate[k], f"{name}_low": low[k], f"{name}_high": high[k]}
    best = found.scaling
    data["quality"] = found.quality
    data["p_value"] = best.p_value if best else np.nan
    data["window"] = best.window if best else np.nan
    data["status"] = flagged(xr.DataArray(status))
    return data


def _ends(
    estimate: np.ndarray, samples: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the intervals (4,): those of percentiles, or of normal errors where wider."""
    from scipy.special import ndtri

    tail = (1 - confidence) / 2
    low, high = quantiles(samples, [tail, 1 - tail])
    is_power = np.array([False, True, False, True])  # positive: normal errors of the logarithm
    with np.errstate(all="ignore"):
        centre = np.where(is_power, np.log(estimate), estimate)
        spread = np.where(is_power, np.log(samples), samples).std(axis=0)
        sides = [centre - sign * ndtri(tail) * spread for sign in (-1, 1)]
        lower, upper = (np.where(is_power, np.exp(side), side) for side in sides)
    return np.fmin(low, lower), np.fmax(high, upper)


def _by_quality(found: _Found, exponent_order: float | None) -> dict[str, object]:
    """Parameters at the minimum of S, with the ranges in which S is below its minimum plus 1."""
    values = np.full((3, 3), np.nan)
    if found.scaling is not None:
        start = found.scaling.fit.parameters[:, :3]
        part = found.scaling.part
        best, _ = smallest_quality(part, start, exponent_order)
        values = np.stack([best, *uncertain_quality(best, part, exponent_order)])
        values[:, 1] = np.exp(values[:, 1])
    names = ("least_quality", "least_quality_low", "least_quality_high")
    data: dict[str, object] = {
        name: ("parameter", value) for name, value in zip(names, values, strict=True)
    }
    return data | {"parameter": ("parameter", list(PARAMETERS))}


def _scaled(
    samples: Samples, found: _Found, size: str, control: str, confidence: float
) -> dict[str, object]:
    """Order parameter and scaled quantities over size and control, for drawing.

    Those of an attempt that was refused are given as well.
    """
    from scipy.special import ndtri

    order, error = means_with_errors(np.abs(samples.values))
    half_width = ndtri(0.5 + confidence / 2) * error
    critical, inverse, exponent, _ = found.estimate
    sizes = samples.sizes[:, None]
    scale = sizes**exponent
    columns = {
        "order": order,
        "order_low": order - half_width,
        "order_high": order + half_width,
        "scaled_control": (samples.controls - critical) * sizes**inverse,
        "scaled_order": order * scale,
        "scaled_order_low": (order - half_width) * scale,
        "scaled_order_high": (order + half_width) * scale,
    }
    corrected, in_window = np.full(order.shape, np.nan), np.zeros(order.shape, bool)
    best = found.scaling
    if best is not None:
        places = tuple(np.argwhere(found.scan.known)[best.chosen].T)
        in_window[places] = True
        reference = np.exp(np.log(samples.sizes).mean()) ** exponent
        corrected[places] = (order * scale)[places] - _correction(best, best.part) * reference
    columns |= {
        "corrected_order": corrected,
        "corrected_order_low": corrected - half_width * scale,
        "corrected_order_high": corrected + half_width * scale,
        "in_window": in_window,
    }
    return {name: ((size, control), column) for name, column in columns.items()}
