"""Hysteresis of a ramped saddle-node bifurcation, whose loop has a known area."""

import math
from typing import Any

import numpy as np
import xarray as xr
from scipy import integrate, special

from sgdphys.arguments import checked, require_whole
from sgdphys.draws import Seed, stream
from sgdphys.errors import InputError
from sgdphys.glossary import Quantity
from sgdphys.quantities import labelled

_END = 1.5
"""The control parameter is ramped between minus and plus this; folds are at +-0.385."""
_SLOWEST, _FASTEST = 1e-8, 0.2
_NAMED = {
    "speed": Quantity("1", "speed of the ramp", "v", "change of the control per unit time"),
    "direction": Quantity("1", "direction of the ramp", "", "up or down"),
    "control": Quantity("1", "control parameter", "r", "constant force on the state"),
    "area": Quantity("1", "area of the loop, exact", "A", "integral of x down minus x up"),
}


@checked
def ramped_fold(
    speeds: Any, *, points: int = 300, noise: float = 0.05, replicas: int = 20, rng: Seed = 0
) -> xr.Dataset:
    """Hysteresis loop of a control ramped up and down through two folds (saddle-node bifurcations).

    Parameters
    ----------
    speeds : sequence of float
        Speeds v of the ramp, between 1e-8 and 0.2.
    points : int
        Values of the control parameter, at least 10.
    noise : float
        Standard deviation of the measurement noise of every value of m.
    replicas : int
        Independent measurements of each loop.
    rng : int, SeedSequence, Generator or None

    Returns
    -------
    Dataset
        m (speed, direction, control, replica), with directions "up" and "down": the state, averaged
        over a cell of the control parameter about ``control``, plus noise. The exact area (speed)
        between the branches. Attributes: area_at_zero_speed 3/2, exponent 2/3 and amplitude of the
        excess area, fold (where the branches end at speed 0), and noise.

    Raises
    ------
    InputError
        For speeds outside their range, given twice or too slow to be solved, too few points, or a
        negative noise.

    See Also
    --------
    slow_fold : Noisy passage to a single fold.

    Notes
    -----
    dx/dt = r + x - x**3, with r ramped from -3/2 to 3/2 at dr/dt = v and back, each way from a
    state that follows r steadily. At speed 0 the state jumps at r = +-2/(3 sqrt(3)), and the area
    of the loop is 3/2. At speed v the jumps are late by 2.33811 v**(2/3)/3**(1/6), with the first
    zero of the Airy function, so that the area is 3/2 + 2 * 3**(1/3) * 2.33811 v**(2/3), up to
    terms of order v log(v). The dynamics has no noise: fluctuations would let the state escape
    before the fold, and close the loop at speed 0. Since m is a mean over cells, its sum over the
    control parameter has no error from the finite number of points.

    References
    ----------
    Jung, Gray, Roy and Mandel (1990), Phys. Rev. Lett. 65, 1873.
    Berglund and Gentz (2006), "Noise-induced phenomena in slow-fast dynamical systems".

    Examples
    --------
    The area tends to 3/2 as the ramp slows down:

    >>> import sgdphys as sp
    >>> data = sp.processes.ramped_fold([1e-5, 1e-3, 1e-1], replicas=5, rng=0)
    >>> data["area"].values.round(3)
    array([1.503, 1.568, 2.919])
    """
    speeds = np.atleast_1d(np.asarray(speeds, dtype=np.float64))
    if (
        speeds.ndim != 1
        or not speeds.size
        or not ((speeds >= _SLOWEST) & (speeds <= _FASTEST)).all()
    ):
        raise InputError(
            f"speeds are {speeds.tolist()}; they must lie between {_SLOWEST:g} (stiffer equations "
            f"cannot be solved) and {_FASTEST:g} (faster ramps end before the loop closes)"
        )
    if len(np.unique(speeds)) < len(speeds):
        raise InputError("speeds has a value twice")
    require_whole(points, "points", 10)
    require_whole(replicas, "replicas", 1)
    if not 0 <= noise < math.inf:
        raise InputError(f"noise is {noise}; it must be at least 0")
    edges = np.linspace(-_END, _END, points + 1)
    up = np.stack([_up(speed, edges) for speed in speeds])
    # by the symmetry (x, r) -> (-x, -r) the way down is the way up seen from the other side
    branches = np.stack([up, -up[:, ::-1]], axis=1)
    shape = (2, points, replicas)
    errors = np.stack([stream(rng, i).standard_normal(shape) for i in range(len(speeds))])
    data = xr.Dataset(
        {
            "m": (
                ("speed", "direction", "control", "replica"),
                branches[..., None] + noise * errors,
            ),
            "area": ("speed", -2 * up.sum(axis=1) * (edges[1] - edges[0])),
        },
        coords={
            "speed": speeds,
            "direction": ["up", "down"],
            "control": (edges[1:] + edges[:-1]) / 2,
            "replica": np.arange(replicas),
        },
    )
    return labelled(data, _NAMED).assign_attrs(
        process="ramped_fold",
        area_at_zero_speed=1.5,
        exponent=2 / 3,
        amplitude=float(-2 * 3 ** (1 / 3) * special.ai_zeros(1)[0][0]),
        fold=2 / (3 * math.sqrt(3)),
        noise=float(noise),
    )


def _up(speed: float, edges: np.ndarray) -> np.ndarray:
    """State on the way up, averaged over every cell of the control parameter."""
    roots = np.roots([-1, 0, 1, edges[0]])
    lower = float(roots[np.abs(roots.imag) < 1e-9].real.min())
    start = lower - speed / (3 * lower**2 - 1) ** 2  # behind the stationary state
    path, report = integrate.odeint(
        lambda y, r: [(r + y[0] - y[0] ** 3) / speed, y[0]],  # the state, and its integral
        [start, 0.0],
        edges,
        Dfun=lambda y, r: [[(1 - 3 * y[0] ** 2) / speed, 0.0], [1.0, 0.0]],
        rtol=1e-9,
        atol=1e-10,
        mxstep=100_000,
        full_output=True,
    )
    if report["message"] != "Integration successful.":
        raise InputError(f"the ramp at speed {speed:g} cannot be solved; take a faster one")
    return np.diff(path[:, 1]) / np.diff(edges)
