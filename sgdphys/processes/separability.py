"""Separability of random labels by a plane: Cover's counting theorem."""

from typing import Any

import numpy as np
import xarray as xr
from scipy import special

from sgdphys.arguments import checked, require_whole
from sgdphys.draws import Seed, stream
from sgdphys.errors import InputError
from sgdphys.glossary import Quantity
from sgdphys.processes.scans import by_size, labelled_scan, whole_numbers

_NAMED = {
    "m": Quantity("1", "separable", "", "1 where a plane separates the labels, 0 otherwise"),
    "control": Quantity("1", "load", r"\alpha", "number of points divided by their dimension, P/N"),
    "size": Quantity("1", "dimension", "N", "number of inputs, and of weights"),
    "points": Quantity("1", "points", "P", "number of labelled points"),
    "probability": Quantity(
        "1", "probability of separation", r"P_\mathrm{sep}", "Cover's counting theorem, exact"
    ),
}


def cover_probability(points: Any, dimension: Any) -> Any:
    """Probability that random labels are linearly separable: Cover's counting theorem.

    Parameters
    ----------
    points : int or array
        P, number of points in general position with independent, equally probable labels; 0 or
        more.
    dimension : int or array
        N, number of inputs of a perceptron without a bias, at least 1; with a bias it acts as one
        more input.

    Returns
    -------
    float or array
        P_sep = 2**(1 - P) sum_{k < N} binomial(P - 1, k); 1 for P <= N and exactly 1/2 at P = 2 N.

    Raises
    ------
    InputError
        For numbers that are not whole, negative points, or a dimension below 1.

    See Also
    --------
    separability : Draws with this probability.

    Notes
    -----
    The sum is a binomial distribution function, computed as a regularised incomplete beta function
    I_{1/2}(P - N, N). Around P = 2 N it falls from 1 to 0 within a few N**-1/2 of P/N.

    References
    ----------
    Cover (1965), IEEE Trans. Electron. Comput. EC-14, 326.

    Examples
    --------
    >>> import sgdphys as sp
    >>> sp.processes.cover_probability([3, 4, 6, 8], 3).round(4)
    array([1.    , 0.875 , 0.5   , 0.2266])
    """
    p, n = np.broadcast_arrays(
        np.asarray(points, dtype=np.float64), np.asarray(dimension, dtype=np.float64)
    )
    if not ((p >= 0) & (n >= 1) & (p == np.floor(p)) & (n == np.floor(n))).all():
        raise InputError(
            "the number of points is a whole number of at least 0, and the dimension one of at "
            "least 1"
        )
    inside = p > n
    chance = special.betainc(np.where(inside, p - n, 1.0), n, 0.5)
    found = np.where(inside, chance, 1.0)
    return float(found) if found.ndim == 0 else found


@checked
def separability(sizes: Any, controls: Any, *, replicas: int = 100, rng: Seed = 0) -> xr.Dataset:
    """Separability of random labels at a load P/N, with the critical capacity 2 of a perceptron.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of inputs N, at least 2; no bias.
    controls : sequence of float
        Loads P/N, for all sizes; or (size, control), each size with its own. The number of points
        is rounded to a whole number of at least 1.
    replicas : int
        Independent sets of points at each size and load.
    rng : int, SeedSequence, Generator or None

    Returns
    -------
    Dataset
        m (size, control, replica), 1 where the labels are separable and 0 otherwise; the exact
        probability (size, control). The coordinate control holds the loads P/N after rounding,
        (size, control) where they differ between sizes; points (size, control) are the P.
        Attributes: critical_point 2, exponent_control 1/2, exponent_order 0 (the probability at the
        critical point is 1/2 at every size).

    Raises
    ------
    InputError
        For a size that is not a whole number of at least 2, loads that are not positive, or two
        loads that round to the same number of points.

    See Also
    --------
    cover_probability : The probability.
    sgdphys.transitions.order_parameter : Estimates of moments.

    Notes
    -----
    Each replica is an independent set of labelled points in general position, such as Gaussian
    ones; whether it is separable is a draw with Cover's probability, which does not depend on where
    the points are. To leading order P_sep = Phi((2 - P/N) sqrt(N/2)), with the normal distribution
    function Phi.

    References
    ----------
    Cover (1965), IEEE Trans. Electron. Comput. EC-14, 326.
    Gardner (1988), J. Phys. A 21, 257.

    Examples
    --------
    >>> import sgdphys as sp
    >>> data = sp.processes.separability([20, 80], [1.5, 2.0, 2.5], replicas=10, rng=0)
    >>> data["probability"].values.round(3)
    array([[0.969, 0.5  , 0.076],
           [1.   , 0.5  , 0.002]])
    """
    sizes = whole_numbers(sizes, "sizes", 2)
    loads = by_size(controls, len(sizes))
    require_whole(replicas, "replicas", 1)
    if not (loads > 0).all():
        raise InputError(f"loads must be positive; the least is {loads.min():g}")
    points = np.maximum(np.rint(loads * sizes[:, None]), 1).astype(np.int64)
    for size, row in zip(sizes, points, strict=True):
        if len(np.unique(row)) < len(row):
            raise InputError(
                f"two loads are the same number of points in {size} dimensions; take larger sizes, "
                "or loads further apart"
            )
    chance = cover_probability(points, sizes[:, None])
    uniform = np.stack(
        [stream(rng, i).random((points.shape[1], replicas)) for i in range(len(sizes))]
    )
    data = xr.Dataset(
        {
            "m": (("size", "control", "replica"), (uniform < chance[..., None]).astype(np.float64)),
            "probability": (("size", "control"), chance),
        },
        coords={"points": (("size", "control"), points)},
    )
    truth = {
        "process": "separability",
        "critical_point": 2.0,
        "exponent_control": 0.5,
        "exponent_order": 0.0,
    }
    return labelled_scan(data, sizes, points / sizes[:, None], named=_NAMED, truth=truth)
