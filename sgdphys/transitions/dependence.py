"""Whether an order parameter depends on the control parameter, and how on the size."""

import numpy as np

from sgdphys.transitions.scaling_fit import Scan

JOINTLY, ALONE = 0.001, 0.01
"""Levels of the test that means differ: of all sizes, and of one size after Bonferroni."""
OF_SIZES = 0.01
"""Level of the test that sizes differ by more than a factor."""
_FEWEST_SIZES = 2
_DEGREE = 8


def depends_on_control(scan: Scan, drawn: np.ndarray) -> bool:
    """Whether means differ over the control parameter, for all sizes and for two on their own.

    Parameters
    ----------
    scan : Scan
    drawn : array (resample, point)
        Bootstrap of the means.
    """
    places = np.unique(scan.place)
    indicators = (scan.place[:, None] == places).astype(np.float64)
    everything = np.ones(len(scan.order), bool)
    if not _p_value(scan, drawn, indicators, None, everything) < JOINTLY:
        return False
    alone = [
        _p_value(scan, drawn, indicators[:, [k]], None, scan.place == place)
        for k, place in enumerate(places)
    ]
    return int((np.array(alone) < ALONE / len(places)).sum()) >= _FEWEST_SIZES


def sizes_differ(scan: Scan, drawn: np.ndarray) -> bool:
    """Whether curves of the sizes differ by more than a factor L**(-b), for any b.

    Where they do not, nothing scales the control parameter. The common curve has a value of its
    own at every control where sizes share these, otherwise it is a polynomial, and is compared with
    a polynomial for each size.
    """
    from scipy.optimize import minimize_scalar

    places, counts = np.unique(scan.place, return_counts=True)
    shared = np.unique(scan.control)
    if len(shared) == counts.max():
        basis, own = (scan.control[:, None] == shared).astype(np.float64), None
    else:
        low, high = shared[0], shared[-1]
        u = (2 * scan.control - low - high) / (high - low)
        basis = np.polynomial.chebyshev.chebvander(u, min(_DEGREE, int(counts.min()) - 1))
        of_size = scan.place[:, None] == places
        own = (of_size[:, :, None] * basis[:, None, :]).reshape(len(u), -1)
    target = scan.order / scan.error

    def curve(power: float) -> tuple[np.ndarray, np.ndarray]:
        columns = basis * np.exp(-power * scan.log_size)[:, None]
        frame = _frame(columns / scan.error[:, None])
        return columns, frame @ (frame.T @ target)

    def misfit(power: float) -> float:
        return float(((target - curve(power)[1]) ** 2).sum())

    powers = np.linspace(-3, 3, 25)
    best = powers[int(np.argmin([misfit(b) for b in powers]))]
    best = minimize_scalar(misfit, bounds=(best - 0.25, best + 0.25), method="bounded").x
    columns, fit = curve(best)
    columns = np.column_stack([columns, scan.log_size * fit * scan.error])
    return _p_value(scan, drawn, columns, own, np.ones(len(target), bool)) < OF_SIZES


def _p_value(
    scan: Scan,
    drawn: np.ndarray,
    columns: np.ndarray,
    wider: np.ndarray | None,
    chosen: np.ndarray,
) -> float:
    """Of what linear ``columns`` leave of the means, and ``wider`` columns, or any, explain.

    Its law, if the means follow ``columns``, is that of the deviations of the bootstrap, by an F
    distribution of the same mean and variance: replicas may be shared along the control parameter.
    """
    from scipy.special import fdtrc

    error = scan.error[chosen]
    frame = _frame(columns[chosen] / error[:, None])
    whole = None if wider is None else _frame(wider[chosen] / error[:, None])

    def explained(values: np.ndarray) -> np.ndarray:
        scaled = values / error
        rest = scaled - (scaled @ frame) @ frame.T
        return np.asarray(((rest if whole is None else rest @ whole) ** 2).sum(axis=-1))

    found = float(explained(scan.order[chosen]))
    expected = explained(drawn[:, chosen] - scan.order[chosen])
    mean, variance = expected.mean(), expected.var()
    if not (mean > 0 and variance > 0):
        return 1.0
    members = float((scan.members[chosen] - 1).sum())
    return float(fdtrc(2 * mean**2 / variance, members, found / mean))


def _frame(columns: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span the same space."""
    lengths = np.abs(columns).max(axis=0)  # so that the unit of the order parameter is nothing
    columns = columns / np.where(lengths > 0, lengths, 1.0)
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(left[:, sizes > 1e-10 * sizes[0]])
