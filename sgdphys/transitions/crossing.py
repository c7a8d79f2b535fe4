"""Crossings of Binder cumulants of successive sizes, extrapolated to infinite size."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.draws import RESAMPLES, Seed, seed_of, stream
from sgdphys.glossary import Quantity
from sgdphys.intervals import quantiles
from sgdphys.quantities import labelled
from sgdphys.status import FEW_SIZES, MERGING, NO_CROSSING, OK, TABLE, flagged
from sgdphys.transitions.moments import resampled
from sgdphys.transitions.order_parameter import order_parameter
from sgdphys.transitions.samples import Samples, places_of, samples_of

SIGNIFICANT = 0.05
"""Level at which the curves of a pair must differ on either side of a crossing, all controls."""
LEAST_P = 0.05
"""The range of a local fit is narrowed while its misfit has a smaller p-value."""
_SIDES = (6, 5, 4, 3, 2)
"""Points on either side of a crossing that a local fit may take."""
_DEGREE = 3
_OMEGAS = np.exp(np.linspace(-3, 3, 61) * np.log(2.0))
"""omega nu that are compared."""
_AGREE = 3.0
"""Largest slope over the sizes, in units of its error, of curves that agree."""
_CUMULANT_CORRECTION = 0.2
"""Expected size of the correction of the cumulant at the mean size, one standard deviation."""


@checked
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
        Number of bootstrap resamples.
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
    Curves cross if the cumulants fall with the size on one side and rise with it on the other,
    significantly on both: the slope of a weighted straight line over the ranks of the sizes, in
    units of its error and summed from the crossing outwards, exceeds its error at level 0.025
    (Bonferroni over the values of the control parameter of a side). Otherwise the status is "curves
    do not cross", or "curves merge" where they agree at one end of the scan and differ elsewhere.

    The two curves of a pair are fitted near the crossing by polynomials of degree 3, to at most 6
    points on either side, fewer while the fit is rejected at 5%.

    Extrapolation: crossing = critical_point + A L**-(1/nu + omega) and cumulant_at_crossing =
    cumulant + B L**-omega, L the geometric mean of the pair over that of all. 1/nu is the growth of
    the slopes at the crossings; omega is expected at 1/nu within a factor of 2, A and B at 0 within
    the width of the transition at L = 1 and within 0.2, one standard deviation each. Resamples of
    the bootstrap over replicas draw these expectations, so that intervals include what an
    extrapolation leaves open.

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
    coords = places_of(samples, m, size=size, control=control)
    drawn, cumulants = _cumulants(samples, coords, size, control, over, resamples, rng, confidence)
    curves = [_Curve(samples, drawn, k) for k in range(len(samples.sizes))]
    trend = _trend([c for c in curves if len(c.control) >= 4])
    count = len(curves) - 1
    nothing = np.full(len(drawn), np.nan)
    pairs = [_Pair(nothing, nothing, np.stack([nothing, nothing]))] * count
    if trend.status == OK:
        pairs = [
            _pair(curves[k : k + 2], trend)
            if min(len(c.control) for c in curves[k : k + 2]) >= 4
            else pairs[k]
            for k in range(count)
        ]
    crossed = [k for k, p in enumerate(pairs) if p.crosses]
    status = FEW_SIZES if trend.status == OK and len(crossed) < 2 else trend.status
    tail = (1 - confidence) / 2
    data: dict[str, object] = {}
    where = np.array([p.where for p in pairs]).reshape(len(pairs), -1)
    level = np.array([p.level for p in pairs]).reshape(len(pairs), -1)
    if not pairs:
        where = level = np.full((0, resamples + 1), np.nan)
    for name, columns in (("crossing", where), ("cumulant_at_crossing", level)):
        low, high = quantiles(columns[:, 1:].T, [tail, 1 - tail]) if pairs else (where[:, 0],) * 2
        ends = {"": columns[:, 0], "_low": low, "_high": high}
        data |= {f"{name}{end}": ("pair", column) for end, column in ends.items()}
    limit = np.full((2, resamples + 1), np.nan)
    if status == OK:
        generator = stream(seed_of(rng), len(samples.sizes), 1)
        limit = _extrapolated([pairs[k] for k in crossed], samples.sizes, crossed, generator)
    for name, column in zip(("critical_point", "cumulant"), limit, strict=True):
        low, high = quantiles(column[1:], [tail, 1 - tail])
        data |= {name: column[0], f"{name}_low": low, f"{name}_high": high}
    data["status"] = flagged(xr.DataArray(status))
    result = xr.Dataset(data | {name: cumulants[name] for name in _BINDER}, coords=coords)
    result = result.assign_coords(
        {
            "smaller_size": ("pair", samples.sizes[:-1]),
            "larger_size": ("pair", samples.sizes[1:]),
        }
    )
    unit = samples.control_unit
    named = {
        name: quantity._replace(unit=unit) if name in ("crossing", "critical_point") else quantity
        for name, quantity in _QUANTITIES.items()
    }
    return labelled(result, named).assign_attrs(
        method="crossings of local fits, extrapolated in size",
        reference="Binder (1981)",
        confidence=confidence,
        interval_method="bootstrap over replicas, percentiles",
        message=f"{TABLE[status].word}: {TABLE[status].sentence}",
    )


_BINDER = ("binder", "binder_low", "binder_high")
_QUANTITIES = {
    "crossing": Quantity(
        "1", "crossing", "K", "where the cumulants of two successive sizes are equal"
    ),
    "cumulant_at_crossing": Quantity(
        "1", "cumulant at the crossing", "U", "common cumulant of two successive sizes"
    ),
    "critical_point": Quantity(
        "1", "critical point", "K_c", "value of the control parameter at the transition"
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
    slopes: np.ndarray
    """(2, resample + 1): of the smaller and the larger size."""

    @property
    def crosses(self) -> bool:
        """Whether there is a crossing."""
        return bool(np.isfinite(self.where[0]))


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
        finite = np.isfinite(values)
        mean = np.where(finite, values, 0.0).sum(axis=-1) / finite.sum(axis=-1)
        moments = np.concatenate([mean[None], resampled(values, resamples, seed_of(rng))])
        cumulant = 1 - moments[:, 1] / (3 * np.maximum(moments[:, 0], 1e-300) ** 2)
    cumulant = np.where(np.isfinite(cumulant) & (moments[:, 0] > 0), cumulant, np.nan)
    return cumulant + (known["binder"].to_numpy() - cumulant[0]), known


def _trend(curves: list["_Curve"]) -> _Trend:
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
    ahead = np.cumsum(weighted[0])
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


def _pair(curves: list["_Curve"], trend: _Trend) -> _Pair:
    """Where the cumulants of two sizes cross, near where their trend has no sign."""
    fits = [c.local(trend.centre) for c in curves]
    low, high = max(f[1][0] for f in fits), min(f[1][1] for f in fits)
    fine = np.linspace(low, high, 401)
    powers = [np.vander(fine - trend.centre, f[0].shape[1], increasing=True) for f in fits]
    lines = [f[0] @ p.T for f, p in zip(fits, powers, strict=True)]
    place = _root(fine, trend.sign * (lines[1] - lines[0]), trend.centre)
    rank = np.arange(len(place))
    slot = np.clip(np.searchsorted(fine, place), 1, len(fine) - 1)
    step = fine[1] - fine[0]
    share = (place - fine[slot - 1]) / step
    level = lines[0][rank, slot - 1] * (1 - share) + lines[0][rank, slot] * share
    slopes = np.stack([(line[rank, slot] - line[rank, slot - 1]) / step for line in lines])
    if place[0] in (fine[0], fine[-1]):
        place, level = np.full_like(place, np.nan), np.full_like(level, np.nan)
    return _Pair(place, level, slopes)


def _root(fine: np.ndarray, gap: np.ndarray, centre: float) -> np.ndarray:
    """Where gaps (b, n) rise through 0 nearest to a centre; an end of the range where none does."""
    rises = (gap[:, :-1] <= 0) & (gap[:, 1:] > 0)
    with np.errstate(all="ignore"):
        share = -gap[:, :-1] / (gap[:, 1:] - gap[:, :-1])
    place = fine[:-1] + share * (fine[1] - fine[0])
    distance = np.where(rises, np.abs(place - centre), np.inf)
    best = distance.argmin(axis=1)
    found = np.take_along_axis(place, best[:, None], axis=1)[:, 0]
    end = np.where(gap.mean(axis=1) > 0, fine[0], fine[-1])
    return np.where(rises.any(axis=1), found, end)


class _Curve:
    """Cumulants of one size along the control parameter."""

    def __init__(self, samples: Samples, drawn: np.ndarray, k: int) -> None:
        control, values = samples.controls[k], drawn[:, k]
        known = np.isfinite(control) & np.isfinite(values[0])
        self.control = control[known]
        values = values[:, known]
        self.values = np.where(np.isfinite(values), values, values[0])
        # members that all agree have no spread, though one more need not agree
        members = np.isfinite(samples.values[k]).sum(axis=-1)[known]
        self.error = np.hypot(self.values[1:].std(axis=0), 1 / (3 * members))

    def at(self, control: np.ndarray) -> np.ndarray:
        """Cumulants at values of the control parameter, on straight lines."""
        return np.stack([np.interp(control, self.control, v) for v in self.values])

    def local(self, centre: float) -> tuple[np.ndarray, tuple[float, float]]:
        """Coefficients (1 + resample, degree + 1) of a fit near a centre, and its range."""
        from scipy.special import chdtrc

        middle = int(np.searchsorted(self.control, centre))
        for side in _SIDES:
            part = slice(max(middle - side, 0), middle + side)
            x, y, error = self.control[part] - centre, self.values[:, part], self.error[part]
            degree = min(_DEGREE, len(x) - 1)
            columns = np.vander(x, degree + 1, increasing=True) / error[:, None]
            fit = np.linalg.lstsq(columns, (y / error).T, rcond=None)[0].T
            freedom = len(x) - degree - 1
            misfit = ((y[0] / error - columns @ fit[0]) ** 2).sum()
            if freedom < 1 or chdtrc(freedom, misfit) > LEAST_P:
                break
        return fit, (float(x[0] + centre), float(x[-1] + centre))


def _extrapolated(
    pairs: list[_Pair], sizes: np.ndarray, places: list[int], generator: np.random.Generator
) -> np.ndarray:
    """Critical point and cumulant (2, 1 + resample) at infinite size."""
    from sgdphys.transitions.master_curve import FACTOR

    at = np.array(places)
    ratio = np.log(sizes[at + 1] / sizes[at])
    size = (np.log(sizes[at + 1]) + np.log(sizes[at])) / 2
    size -= size.mean()
    where, level = (np.stack([getattr(p, n) for p in pairs]) for n in ("where", "level"))
    slopes = np.stack([p.slopes for p in pairs])
    with np.errstate(all="ignore"):
        growth = np.log(np.abs(slopes[:, 1] / slopes[:, 0])) / ratio[:, None]
    spread = np.nanstd(growth[:, 1:], axis=1)[:, None] + 1e-6
    growth = np.where(np.isfinite(growth), growth, np.nanmedian(growth, axis=1, keepdims=True))
    inverse = np.clip((growth / spread**2).sum(axis=0) / (spread**-2).sum(), 0.05, 5.0)
    width = (2 / 3) / np.exp(np.log(np.abs(slopes[:, 1, 0])).mean())
    expected = generator.standard_normal((3, where.shape[1]))
    expected[:, 0] = 0.0
    cost, limits = 0.0, []
    q = np.log(_OMEGAS) / FACTOR
    cost = (q[:, None] - expected[0]) ** 2
    for values, scale, shift, own in (
        (where, width, 1.0, expected[1]),
        (level, _CUMULANT_CORRECTION, 0.0, expected[2]),
    ):
        error = values[:, 1:].std(axis=1) + 1e-12
        power = inverse * (_OMEGAS[:, None] + shift)
        decay = np.exp(-power[:, None] * size[:, None])  # (omega, pair, b)
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
