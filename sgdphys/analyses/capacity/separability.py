"""Whether a plane through the origin separates labelled points, with a proof either way."""

import numpy as np
from scipy.optimize import linprog, nnls

_PROVEN = 1e-9
"""Distance of the origin from the convex hull, and margin, that rounding cannot fake; points are of
order 1."""


def is_separable(x: np.ndarray, is_first: np.ndarray) -> bool:
    """Linear separability of labelled points by a plane through the origin.

    Parameters
    ----------
    x : (point, input)
        For a plane anywhere, with a column of ones.
    is_first : bool (point,)
        Whether a point has the first of the two labels.

    Notes
    -----
    With z = x for the one label and -x for the other, either a vector w has w.z > 0 for all points,
    or the origin is a convex combination of the z (Gordan's theorem). Least squares with
    non-negative weights, min |sum_i c_i z_i|**2 + (1 - sum_i c_i)**2, finds one of them: a minimum
    of 0 is such a combination, and at a positive minimum w = sum_i c_i z_i has w.z >= 1 - sum_i c_i
    > 0. It takes a tenth of the time of a linear program, which decides the few cases in which
    neither is beyond rounding.

    References
    ----------
    Boyd and Vandenberghe (2004), "Convex optimization", section 5.8, for theorems of alternatives;
    Lawson and Hanson (1974), "Solving least squares problems", for the algorithm.
    """
    z = np.where(is_first[:, None], x, -x).astype(np.float64)
    points, inputs = z.shape
    table = np.vstack([z.T, np.ones(points)])
    try:
        weights, distance = nnls(table, np.append(np.zeros(inputs), 1.0), maxiter=50 * points)
    except RuntimeError:  # too many iterations
        return _by_linear_program(z)
    if np.min(z @ (z.T @ weights)) > _PROVEN:
        return True
    if distance < _PROVEN:
        return False
    return _by_linear_program(z)


def _by_linear_program(z: np.ndarray) -> bool:
    """Whether w.z >= 1 for all points has a solution."""
    found = linprog(
        np.zeros(z.shape[1]), A_ub=-z, b_ub=-np.ones(len(z)), bounds=(None, None), method="highs"
    )
    return bool(found.status == 0)
