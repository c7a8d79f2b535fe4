"""Crossings of Binder cumulants of successive sizes, extrapolated to infinite size."""

import functools
from typing import NamedTuple

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.draws import RESAMPLES, Seed, seed_of, stream
from sgdphys.errors import InputError
from sgdphys.glossary import Quantity
from sgdphys.intervals import FEWEST_MEMBERS, finite_mean, quantiles
from sgdphys.quantities import labelled
from sgdphys.status import (
    FEW_REPLICAS,
    FEW_SIZES,
    MERGING,
    NO_CROSSING,
    NOT_LOCATED,
    OK,
    TABLE,
    flagged,
)
from sgdphys.transitions.coordinates import named_after_control
from sgdphys.transitions.master_curve import FACTOR
from sgdphys.transitions.moments import resampled
from sgdphys.transitions.order_parameter import order_parameter
from sgdphys.transitions.samples import Samples, places_of, samples_of
from sgdphys.transitions.smooth_curve import Curve, widths

FEWEST_REPLICAS = 50
"""Median over the places of a scan that have samples, with which crossings are looked for."""
SIGNIFICANT = 0.01
"""Level at which the curves of a pair must differ on either side of a crossing, all controls."""
_LEAST_GROWTH = 0.05
"""Least 1/nu of an extrapolation."""
MOST_OUTSIDE = 0.05
"""Largest share of resamples in which a crossing lies outside the range, for a pair to have one."""
_REACH = 3.0
"""Farthest crossing from the centre, in widths of the transition at the smaller size."""
_OMEGAS = np.exp(np.linspace(-3, 3, 61) * np.log(2.0))
"""omega nu that are compared."""
_AGREE = 3.0
"""Largest slope over the sizes, in units of its error, of curves that agree."""
_CUMULANT_CORRECTION = 0.1
"""Expected size of the correction of the cumulant at the mean size, one standard deviation."""


@functools.partial(checked, fewest=20)
def crossing(
    m: xr.DataArray,
    *,
    size: str = "size",
    control: str = "control",
    over: str = "replica",
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    rng: Seed = 0,
) -> xr.Dataset:
    """Crossings of Binder cumulants of successive sizes, and the critical point they tend to.

    Parameters
    ----------
    m : DataArray (size, control, replica)
        Samples of an order parameter, at least 5 replicas; missing ones are left out. The control
        parameter may have values of its own at each size.
    size, control, over : str
        Names of the dimensions.
    confidence : float
        Level of the intervals.
    resamples : int
        Number of bootstrap resamples, at least 20.
    rng : int, SeedSequence, Generator or None
        Of the bootstrap.

    Returns
    -------
    Dataset
        Over pair: crossing, in the unit of the control parameter, and cumulant_at_crossing, NaN for
        a pair that does not cross, with the coordinates ``size`` and larger_size. Numbers:
        critical_point and cumulant, extrapolated in size, NaN unless the status is "ok". Each has
        ``_low`` and ``_high``. Over size and control: binder, see ``order_parameter``.

    Raises
    ------
    InputError
        See ``samples_of``; or for fewer than 5 replicas.

    See Also
    --------
    collapse : Critical point and exponents together.
    order_parameter : The cumulant.

    Notes
    -----
    Fewer than 50 replicas are refused: "too few replicas". Curves cross if the cumulants fall with
    the size on one side and rise with it on the other, significantly on both: the slope of a
    weighted straight line over the ranks of the sizes, in units of its error and summed from the
    crossing outwards, exceeds its error at level 0.005 (Bonferroni over the values of the control
    parameter of a side). Otherwise the status is "curves do not cross", or "curves merge" where
    they agree at one end of the scan and differ elsewhere.

    The curves are those of -log(e + 1/n), e = <m**4>/<m**2>**2 - 1 = 2 - 3 U, which cross where the
    cumulants do and whose errors and slopes vary less along a scan. Each is smoothed by kriging: a
    straight line plus a Gaussian process of deviation 1 and length 1.5, in units of the width of
    the transition at its size. That is 1 over the slope at the centre, a power of the size (Theil's
    and Sen's line through the logarithms). Every resample of the bootstrap over replicas draws the
    process too, so that intervals include what a scan leaves open that is coarse for a large size.
    A pair has a crossing if at most 5% of the resamples cross farther than 3 widths from the
    centre, or outside the scan; with fewer than two such pairs the status is "crossings not
    located".

    Extrapolation: crossing = critical_point + A L**-(1/nu + omega) and cumulant_at_crossing =
    cumulant + B L**-omega, L the geometric mean of the pair over that of all. 1/nu is the power of
    the width; omega is expected at 1/nu within a factor of 2, A and B at 0 within the width of the
    transition at L = 1 and within 0.1, one standard deviation each. Resamples draw these
    expectations, so that intervals include what an extrapolation leaves open. For few sizes that is
    most of the interval of the cumulant, which then covers more than 95%.

    Counted over 400 scans each, critical point and cumulant covered: mean-field magnet, 64 to 512
    spins and 400 replicas, 94 and 99%; 64 to 4096 spins, 200 replicas 94 and 97%; 50 replicas 95
    and 94%, of the 63% of scans that were not refused, mostly as "curves merge"; shares of
    separable sets, 95 and 99%. Of 800 scans of Ising chains one had a critical point. A replica of
    1e6 at all sizes makes all scans be refused, and at one size two of three; one size of noise
    among four healthy ones is not recognised, and its intervals cover 87%: look at the curves.

    References
    ----------
    Binder (1981), Z. Phys. B 43, 119.

    Examples
    --------
    The mean-field magnet: critical point 1, and cumulant 0.2705 there:

    >>> import numpy as np
    >>> import sgdphys as sp
    >>> m = sp.processes.curie_weiss(
    ...     [64, 256, 1024], np.linspace(0.8, 1.2, 17), replicas=400, rng=2
    ... )["m"]
    >>> found = sp.transitions.crossing(m, resamples=200, rng=0)
    >>> bool(found["critical_point_low"] < 1 < found["critical_point_high"])
    True
    """
    samples = samples_of(m, size=size, control=control, over=over)
    replicas = samples.values.shape[-1]
    if replicas < FEWEST_MEMBERS:
        raise InputError(
            f"{replicas} along {over!r} are too few replicas for cumulants; give {FEWEST_REPLICAS}"
        )
    coords = places_of(samples, m, size=size, control=control)
    drawn, cumulants = _cumulants(samples, coords, size, control, over, resamples, rng, confidence)
    members = np.isfinite(samples.values).sum(axis=-1)
    least = 1 / max(members.max(), 1)
    # from -1 to 1 over the scan, so that the unit of the control parameter does not matter
    least_control, most_control = np.nanmin(samples.controls), np.nanmax(samples.controls)
    middle, half = (most_control + least_control) / 2, (most_control - least_control) / 2 or 1.0
    scaled = samples._replace(controls=(samples.controls - middle) / half)
    every = [Curve(scaled, drawn, k, least) for k in range(len(samples.sizes))]
    enough = [c for c in every if c.is_usable]
    trend = _trend(enough)
    if members.any() and np.median(members[members > 0]) < FEWEST_REPLICAS:
        trend = trend._replace(status=FEW_REPLICAS)
    pairs = [_no_pair(len(drawn))] * (len(every) - 1)
    width = np.full(len(every), np.nan)
    if trend.status == OK:
        width = widths(every, samples.sizes, trend.centre)
        pairs = _pairs(every, width, trend, least, stream(rng, len(samples.sizes), 2))
    crossed = [k for k, p in enumerate(pairs) if p.crosses]
    status = trend.status
    if status == OK and len(crossed) < 2:
        status = NOT_LOCATED if len(enough) > 2 else FEW_SIZES
    data: dict[str, object] = {}
    where, level = (
        np.array([getattr(p, of) for p in pairs]).reshape(len(pairs), resamples + 1)
        for of in ("where", "level")
    )
    for name, columns in (("crossing", middle + half * where), ("cumulant_at_crossing", level)):
        low, high = _ends(columns, confidence)
        ends = {"": columns[:, 0], "_low": low, "_high": high}
        data |= {f"{name}{end}": ("pair", column) for end, column in ends.items()}
    limit = np.full((2, resamples + 1), np.nan)
    if status == OK:
        generator = stream(rng, len(samples.sizes), 1)
        at = np.array(crossed)
        log_size = (np.log(samples.sizes[at]) + np.log(samples.sizes[at + 1])) / 2
        limit = _extrapolated([pairs[k] for k in crossed], log_size, np.log(width[at]), generator)
    limit[0] = middle + half * limit[0]
    for name, column in zip(("critical_point", "cumulant"), limit, strict=True):
        low, high = _ends(column[None], confidence)[:, 0]
        data |= {name: column[0], f"{name}_low": low, f"{name}_high": high}
    data["status"] = flagged(xr.DataArray(status))
    result = xr.Dataset(data | {name: cumulants[name] for name in _BINDER}, coords=coords)
    result = result.assign_coords(
        {
            "smaller_size": ("pair", samples.sizes[:-1]),
            "larger_size": ("pair", samples.sizes[1:]),
        }
    )
    result = named_after_control(labelled(result, _QUANTITIES, t=samples.control_unit), control)
    return result.assign_attrs(
        method="crossings of curves smoothed by kriging, extrapolated in size",
        reference="Binder (1981)",
        confidence=confidence,
        interval_method="bootstrap over replicas and kriging, percentiles",
        message=TABLE[status].message,
    )


_BINDER = ("binder", "binder_low", "binder_high")
_QUANTITIES = {
    "crossing": Quantity(
        "{t}", "crossing", "K", "where the cumulants of two successive sizes are equal"
    ),
    "cumulant_at_crossing": Quantity(
        "1", "cumulant at the crossing", "U", "common cumulant of two successive sizes"
    ),
    "critical_point": Quantity(
        "{t}", "critical point", "K_c", "value of the control parameter at the transition"
    ),
    "cumulant": Quantity(
        "1", "critical cumulant", "U_c", "Binder cumulant of infinite systems at the transition"
    ),
    "smaller_size": Quantity("1", "smaller size", "L", "of a pair of successive sizes"),
    "larger_size": Quantity("1", "larger size", "L", "of a pair of successive sizes"),
    "status": Quantity("1", "status", "", "whether curves cross, and a critical point is claimed"),
}


class _Pair(NamedTuple):
    """Crossing of two successive sizes, the estimate first and then the resamples."""

    where: np.ndarray
    level: np.ndarray

    @property
    def crosses(self) -> bool:
        """Whether there is a crossing."""
        return bool(np.isfinite(self.where[0]))


def _no_pair(columns: int) -> _Pair:
    """Two sizes without a crossing, in the estimate and all resamples."""
    nothing = np.full(columns, np.nan)
    return _Pair(nothing, nothing)


class _Trend(NamedTuple):
    """How cumulants change with the size, along the control parameter."""

    status: int
    centre: float
    """Where the change has no sign."""
    sign: float
    """1 where cumulants rise with the size above the centre, -1 where they do below."""


def _cumulants(
    samples: Samples, coords: dict[str, xr.DataArray], size: str, control: str, over: str,
    resamples: int, rng: Seed, confidence: float,
) -> tuple[np.ndarray, xr.Dataset]:  # fmt: skip
    """Cumulants (1 + resample, size, control), the estimate first, and as labelled estimates."""
    sorted_m = xr.DataArray(samples.values, dims=(size, control, over), coords=coords)
    known = order_parameter(sorted_m, over=over, confidence=confidence)
    values = np.stack([samples.values**2, samples.values**4])
    with np.errstate(all="ignore"):
        mean = finite_mean(np.moveaxis(values, -1, 0))
        moments = np.concatenate([mean[None], resampled(values, resamples, seed_of(rng))])
        excess = moments[:, 1] / np.maximum(moments[:, 0], 1e-300) ** 2 - 1
        excess = np.where(np.isfinite(excess) & (moments[:, 0] > 0), excess, np.nan)
        unbiased = (2 - 3 * known["binder"].to_numpy()) / excess[0]
    factor = np.where(np.isfinite(unbiased), unbiased, 1.0)
    return np.maximum(excess * factor, 0.0), known


def _trend(curves: list[Curve]) -> _Trend:
    """Whether cumulants fall with the size on one side and rise with it on the other."""
    refused = _Trend(NO_CROSSING, np.nan, 1.0)
    if len(curves) < 2:
        return refused._replace(status=FEW_SIZES)
    low, high = max(c.control[0] for c in curves), min(c.control[-1] for c in curves)
    grid = np.unique(np.concatenate([c.control for c in curves]))
    grid = grid[(grid >= low) & (grid <= high)]
    if len(grid) < 4:
        return refused
    values = np.stack([c.at(grid) for c in curves])  # (size, 1 + resample, control)
    weight = 1 / np.stack([np.interp(grid, c.control, c.error) for c in curves]) ** 2
    size = np.arange(len(curves))[:, None] * np.ones_like(weight)
    size -= (weight * size).sum(axis=0) / weight.sum(axis=0)
    slope = ((weight * size)[:, None] * values).sum(axis=0)
    error = np.sqrt((weight * size**2).sum(axis=0))
    weighted = slope / error
    z = weighted[0]
    ahead = np.cumsum(z)
    split = int(np.argmax(np.abs(ahead[-1] - 2 * ahead[:-1])))
    sign = 1.0 if ahead[-1] - 2 * ahead[split] > 0 else -1.0
    sides = -sign * weighted[:, split::-1], sign * weighted[:, split + 1 :]
    if all(_rises(np.cumsum(side, axis=1)) for side in sides):
        return _Trend(OK, (grid[split] + grid[split + 1]) / 2, sign)
    ends = max(len(z) // 4, 2)
    agrees = [np.abs(z[:ends]).max() < _AGREE, np.abs(z[-ends:]).max() < _AGREE]
    is_merging = any(agrees) and np.abs(z).max() > _AGREE
    return refused._replace(status=MERGING if is_merging else NO_CROSSING)


def _rises(sums: np.ndarray) -> bool:
    """Whether sums (1 + resample, n) of slopes, from a crossing outwards, exceed 0."""
    from scipy.special import ndtri

    z = sums[0] / np.maximum(sums[1:].std(axis=0), np.sqrt(np.arange(1, sums.shape[1] + 1)))
    return bool(z.max() > -ndtri(SIGNIFICANT / 2 / len(z)))


def _pairs(
    every: list[Curve],
    width: np.ndarray,
    trend: _Trend,
    least: float,
    generator: np.random.Generator,
) -> list[_Pair]:
    """Crossings of successive sizes."""
    away = np.geomspace(0.02 * np.nanmin(width), _REACH * np.nanmax(width), 100)
    grid = trend.centre + np.concatenate([-away[::-1], [0.0], away])
    lines = {
        k: curve.smooth(grid, trend.centre, width[k], generator)
        for k, curve in enumerate(every)
        if curve.is_usable
    }
    return [
        _pair(every[k : k + 2], [lines[k], lines[k + 1]], grid, trend, width[k], least)
        if k in lines and k + 1 in lines
        else _no_pair(len(every[0].values))
        for k in range(len(every) - 1)
    ]


def _pair(curves: list[Curve], lines: list[np.ndarray], grid: np.ndarray, trend: _Trend,
    width: float, least: float,
) -> _Pair:  # fmt: skip
    """Where the curves of two sizes cross, near where their trend has no sign."""
    low = max(trend.centre - _REACH * width, *(c.control[0] for c in curves))
    high = min(trend.centre + _REACH * width, *(c.control[-1] for c in curves))
    inside = (grid >= low) & (grid <= high)
    fine = grid[inside]
    lines = [line[:, inside] for line in lines]
    if len(fine) < 3:
        return _no_pair(len(lines[0]))
    place = _root(fine, trend.sign * (lines[1] - lines[0]), trend.centre)
    rank = np.arange(len(place))
    slot = np.clip(np.searchsorted(fine, place), 1, len(fine) - 1)
    step = fine[slot] - fine[slot - 1]
    share = (place - fine[slot - 1]) / step
    level = lines[0][rank, slot - 1] * (1 - share) + lines[0][rank, slot] * share
    is_at_end = (place == fine[0]) | (place == fine[-1])
    if is_at_end[0] or is_at_end.mean() > MOST_OUTSIDE:
        return _no_pair(len(place))
    return _Pair(place, 2 / 3 - (np.exp(-level) - least) / 3)


def _ends(columns: np.ndarray, confidence: float) -> np.ndarray:
    """Ends (2, n) of the intervals, percentiles of resamples (n, 1 + resample)."""
    tail = (1 - confidence) / 2
    if not len(columns):
        return np.empty((2, 0))
    return np.asarray(quantiles(columns[:, 1:].T, [tail, 1 - tail]))


def _root(fine: np.ndarray, gap: np.ndarray, centre: float) -> np.ndarray:
    """Where gaps (b, n) rise through 0 nearest to a centre; an end of the range where none does."""
    rises = (gap[:, :-1] <= 0) & (gap[:, 1:] > 0)
    with np.errstate(all="ignore"):
        share = -gap[:, :-1] / (gap[:, 1:] - gap[:, :-1])
    place = fine[:-1] + share * np.diff(fine)
    distance = np.where(rises, np.abs(place - centre), np.inf)
    best = distance.argmin(axis=1)
    found = np.take_along_axis(place, best[:, None], axis=1)[:, 0]
    end = np.where(gap.mean(axis=1) > 0, fine[0], fine[-1])
    return np.where(rises.any(axis=1), found, end)


def _extrapolated(
    pairs: list[_Pair], size: np.ndarray, log_width: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Critical point and cumulant (2, 1 + resample), from pairs at logarithms of their sizes."""
    size = size - size.mean()
    where, level = (np.stack([getattr(p, n) for p in pairs]) for n in ("where", "level"))
    inverse = max(-np.polyfit(size, log_width, 1)[0], _LEAST_GROWTH)
    width = np.exp(log_width.mean())
    expected = generator.standard_normal((3, where.shape[1]))
    expected[:, 0] = 0.0
    limits = []
    q = np.log(_OMEGAS) / FACTOR
    cost = (q[:, None] - expected[0]) ** 2
    for values, scale, shift, own in (
        (where, width, 1.0, expected[1]),
        (level, _CUMULANT_CORRECTION, 0.0, expected[2]),
    ):
        error = values[:, 1:].std(axis=1) + 1e-12
        power = inverse * (_OMEGAS[:, None] + shift)
        decay = np.exp(-power * size)[..., None]  # (omega, pair, 1)
        weight = 1 / error[:, None] ** 2
        s1, sx = weight.sum(), (weight * decay).sum(axis=1)
        sxx = (weight * decay**2).sum(axis=1) + 1 / scale**2
        sy = (weight * values).sum(axis=0)
        sxy = (weight * decay * values).sum(axis=1) + own / scale
        determinant = s1 * sxx - sx**2
        limit = (sxx * sy - sx * sxy) / determinant
        slope = (s1 * sxy - sx * sy) / determinant
        residual = (values - limit[:, None] - slope[:, None] * decay) / error[:, None]
        cost = cost + (residual**2).sum(axis=1) + (slope / scale - own) ** 2
        limits.append(limit)
    best = cost.argmin(axis=0)
    columns = np.arange(where.shape[1])
    return np.stack([limit[best, columns] for limit in limits])
