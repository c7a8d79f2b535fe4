"""Hysteresis: area of the loop of a control ramped up and down, by speed and at zero speed."""

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.glossary import Quantity
from sgdphys.intervals import finite_mean, jackknife_interval, means_without_each
from sgdphys.quantities import labelled
from sgdphys.status import FEW_MEMBERS, FEW_SPEEDS, LOOP, NO_DATA, NO_LOOP, UNDECIDED, flagged
from sgdphys.transitions.coordinates import named_after_samples
from sgdphys.transitions.loops import Loops, loops_of
from sgdphys.transitions.zero_speed import FEWEST, REFUSED, ZeroSpeed, at_zero_speed

_FEWEST_REPLICAS = 3
_OF_SLOWEST = 0.25
_OF_BOX = 0.02
"""Areas below these shares, of the slowest loop and of the range of the curves, are none."""

_NAMES = {
    "area": Quantity(
        "{x}*{t}", "area of the hysteresis loop", "A",
        "integral of the curve down minus the curve up over the control, for a rising curve",
    ),
    "area_at_zero_speed": Quantity(
        "{x}*{t}", "area of the hysteresis loop at zero speed", "A_0", "A0 of A0 + c speed**a"
    ),
    "exponent": Quantity(
        "1", "exponent of the speed", "a", "a of the area A0 + c speed**a: 2/3 for a saddle-node, "
        "1 for a lag"
    ),
    "is_fitted": Quantity(
        "1", "whether the law was fitted to it", "", "1 for the speeds that the law was fitted to"
    ),
    "p_value": Quantity("1", "p-value of the law", "p", "of A0 + c speed**a at the fitted speeds"),
    "order": Quantity("{x}", "order parameter", "m", "mean over replicas"),
}  # fmt: skip


@checked
@np.errstate(all="ignore")
def hysteresis(
    m: xr.DataArray,
    *,
    control: str = "control",
    direction: str = "direction",
    speed: str = "speed",
    over: str = "replica",
    confidence: float = 0.95,
) -> xr.Dataset:
    """Hysteresis loop: its area by speed of the ramp, extrapolated to zero speed.

    Parameters
    ----------
    m : DataArray (speed, direction, control, replica)
        Order parameter while the control is ramped up and down; direction is "up" or "down". The
        coordinate of the control may depend on speed and direction: curves are then interpolated
        linearly on a common grid. Gaps within a curve are bridged, curves that lack an end left
        out.
    control, direction, speed, over : str
        Names of the dimensions.
    confidence : float
        Level of the intervals.

    Returns
    -------
    Dataset
        area (speed), area_at_zero_speed and exponent, each with ``_low`` and ``_high``; is_fitted
        (speed); p_value of the law; order (speed, direction, control), the mean curves; status,
        "loop remains at zero speed", "no loop at zero speed", "cannot be told", or what is missing
        ("too few speeds", "too few members", "no data").

    Raises
    ------
    InputError
        Where a dimension or coordinate is missing, directions are not "up" and "down", or a speed
        is not positive or occurs twice.

    See Also
    --------
    order_of_transition : First order from the distribution at fixed controls.

    Notes
    -----
    area = integral of (m down - m up), with the opposite sign for an order parameter that falls
    with the control: positive where m lags behind. Its error is that over replicas, and that of
    jumps at an unknown place between two values of the control.

    A(v) = A0 + c v**a, with A0 >= 0, c >= 0 and a from 1/4 to 2, is fitted to all speeds; a is 2/3
    for a ramped saddle-node, whose jump is delayed by a time ~ v**(-1/3), and 1 for a linear lag.
    While the law is rejected at 10%, the fastest speed is left out, as far as 4 remain. Areas at
    different speeds may be correlated, as where they share replicas: one correlation is estimated
    for all. A law that is rejected at 1% even so is not used: area at
    zero speed and exponent are NaN, and the status is "cannot be told".

    "loop remains" where the interval of A0 is above 0; "no loop" where it begins at 0 and ends
    below a quarter of the slowest area, or 2% of the range of the curves times that of the control.
    Noise that lets a state escape within the slowest ramp makes the loop vanish as 1/ln(1/v), which
    no law of this kind can see.

    References
    ----------
    Jung, Gray, Roy and Mandel (1990), Phys. Rev. Lett. 65, 1873.

    Examples
    --------
    Loops of area 1 + v**(2/3):

    >>> import numpy as np
    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> speed = xr.DataArray([0.001, 0.004, 0.016, 0.064], dims="speed")
    >>> control = xr.DataArray(np.linspace(-2, 2, 401), dims="control")
    >>> side = xr.DataArray([-1, 1], dims="direction")
    >>> noise = 0.01 * np.random.default_rng(0).standard_normal((4, 2, 20))
    >>> noise = xr.DataArray(noise, dims=("speed", "direction", "replica"))
    >>> m = np.tanh(20 * (control + side * (0.25 + 0.25 * speed ** (2 / 3) + noise)))
    >>> m = m.assign_coords(speed=speed, control=control, direction=["up", "down"])
    >>> found = sp.transitions.hysteresis(m)
    >>> round(found["area_at_zero_speed"].item(), 1), sp.status.words(found["status"]).item()
    (1.0, 'loop remains at zero speed')
    """
    loops = loops_of(m, control=control, direction=direction, speed=speed, over=over)
    areas, without_each, by_replica = _areas(loops)
    members = np.isfinite(by_replica).sum(axis=0)
    low, high = jackknife_interval(areas, without_each, members, confidence)
    errors = np.sqrt((members - 1) / members * ((without_each - areas) ** 2).sum(axis=0))
    of_grid = np.sqrt(_grid_variance(loops))
    widening = np.hypot(errors, of_grid) / errors
    low, high = areas - widening * (areas - low), areas + widening * (high - areas)
    enough = np.isfinite(areas) & np.isfinite(errors) & (members >= _FEWEST_REPLICAS)
    has_law = enough.sum() >= FEWEST and (np.hypot(errors, of_grid)[enough] > 0).all()
    nothing = (np.nan, np.nan, np.nan)
    zero = ZeroSpeed(nothing, nothing, np.zeros(int(enough.sum()), bool), np.nan)
    if has_law:
        n = int(members[enough].min())
        covariance = _covariance(errors[enough], of_grid[enough], by_replica[:, enough])
        zero = at_zero_speed(loops.speeds[enough], areas[enough], covariance, n, confidence)
    status, reason = _status(zero, areas, enough, loops, has_law=bool(has_law))
    if zero.p_value < REFUSED:
        zero = zero._replace(area=nothing, exponent=nothing)
    fitted = np.zeros(len(areas), np.int8)
    fitted[enough] = zero.used
    mean = finite_mean(loops.curves)
    alive = np.isfinite(loops.curves).sum(axis=0)
    mean_low, mean_high = jackknife_interval(
        mean, means_without_each(loops.curves), alive, confidence
    )
    along = (speed, direction, control)
    data: dict[str, object] = {
        "area": (speed, areas), "area_low": (speed, low), "area_high": (speed, high),
        "is_fitted": (speed, fitted), "p_value": zero.p_value,
        "order": (along, mean), "order_low": (along, mean_low), "order_high": (along, mean_high),
        "status": flagged(xr.DataArray(status)),
    }  # fmt: skip
    for name, numbers in (("area_at_zero_speed", zero.area), ("exponent", zero.exponent)):
        data |= dict(zip((name, f"{name}_low", f"{name}_high"), numbers, strict=True))
    coords = {
        speed: (speed, loops.speeds, {"units": loops.speed_unit, "long_name": "speed"}),
        direction: (direction, ["up", "down"], {"units": "1", "long_name": "direction"}),
        control: (control, loops.grid, {"units": loops.control_unit, "long_name": "control"}),
    }
    for name in (speed, control):  # names and symbols that they had
        coords[name] = (*coords[name][:2], coords[name][2] | m[name].attrs)
    result = labelled(xr.Dataset(data, coords), _NAMES, x=loops.unit, t=loops.control_unit)
    return named_after_samples(result, m, mean="{}").assign_attrs(
        reason=reason,
        grid="interpolated linearly" if loops.is_interpolated else "as given",
        method="A0 + c speed**a by least squares, a from 1/4 to 2",
        reference="Jung, Gray, Roy and Mandel (1990)",
        confidence=confidence,
        interval_method="area: jackknife over replicas; at zero speed: profile likelihood",
    )


def _areas(loops: Loops) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Areas (speed,), without each replica (replica, speed), and of each replica."""
    integrals = np.trapezoid(loops.curves, loops.grid, axis=-1)
    mean = finite_mean(integrals)
    without = means_without_each(integrals)
    rise = finite_mean((loops.curves[..., -1] - loops.curves[..., 0]).ravel())
    sign = -1.0 if rise < 0 else 1.0
    areas, without_each, by_replica = (
        sign * (x[..., 1] - x[..., 0]) for x in (mean, without, integrals)
    )
    return areas, without_each, by_replica


def _grid_variance(loops: Loops) -> np.ndarray:
    """Variance of an area by jumps that lie anywhere between two values of the control."""
    mean = finite_mean(loops.curves)
    steps = np.diff(mean, axis=-1) * np.diff(loops.grid)
    return np.asarray((steps**2).sum(axis=(-1, -2)) / 12)


def _covariance(errors: np.ndarray, of_grid: np.ndarray, by_replica: np.ndarray) -> np.ndarray:
    """Covariance of areas with one correlation between all speeds, that over replicas."""
    complete = by_replica[np.isfinite(by_replica).all(axis=1)]
    common = 0.0
    if len(complete) >= _FEWEST_REPLICAS:
        with np.errstate(invalid="ignore", divide="ignore"):  # areas that are all equal
            pairs = np.corrcoef(complete.T)[np.triu_indices(len(errors), 1)]
        common = float(np.clip(finite_mean(pairs), 0.0, 0.95)) if np.isfinite(pairs).any() else 0.0
    outer = np.outer(errors, errors)
    return np.asarray(common * outer + np.diag((1 - common) * errors**2 + of_grid**2))


def _status(
    zero: ZeroSpeed, areas: np.ndarray, enough: np.ndarray, loops: Loops, *, has_law: bool
) -> tuple[int, str]:
    """Status, and the reason in a sentence."""
    if enough.sum() < FEWEST:
        return _why_few(areas, enough, loops)
    if not has_law:
        return UNDECIDED, "replicas are identical, so that areas have no error"
    if zero.p_value < REFUSED:
        return UNDECIDED, "the areas do not follow A0 + c speed**a, even at the slowest speeds"
    _, low, high = zero.area
    if low > 0:
        return LOOP, "the interval of the area at zero speed lies above 0"
    each = loops.curves.max(axis=-1) - loops.curves.min(axis=-1)
    box = float(np.nanmedian(each)) * float(loops.grid[-1] - loops.grid[0])
    if high < _OF_SLOWEST * areas[enough][0] or high < _OF_BOX * box:
        return NO_LOOP, "the area at zero speed is 0, or so small that it is none"
    return UNDECIDED, "the interval of the area at zero speed holds 0 and large loops as well"


def _why_few(areas: np.ndarray, enough: np.ndarray, loops: Loops) -> tuple[int, str]:
    """Status of too few speeds with loops that have an error, and the reason."""
    alive = np.isfinite(loops.curves).all(axis=-1).any(axis=(0, 1))
    for name, has_any in zip(("up", "down"), alive, strict=True):
        if not has_any:
            return NO_DATA, f"no curve {name} covers the range of the control"
    has_area = np.isfinite(areas)
    if has_area.sum() >= FEWEST:
        return FEW_MEMBERS, (
            f"{int(enough.sum())} of {int(has_area.sum())} speeds have loops of at least "
            f"{_FEWEST_REPLICAS} replicas; at least {FEWEST} are needed"
        )
    return FEW_SPEEDS, (
        f"{int(enough.sum())} speeds have loops of at least {_FEWEST_REPLICAS} replicas; at least "
        f"{FEWEST} are needed"
    )
