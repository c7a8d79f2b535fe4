"""The symmetric rule of the information-plane experiment."""

import numpy as np
import xarray as xr
from scipy.special import entr, expit

from sgdphys.errors import InputError
from sgdphys.quantities import labelled

_THETA = 7.63204
"""Threshold of the rule; the nearest patterns lie at 7.5628 and 7.7013."""
LEAST_INFORMATION, MOST_INFORMATION = 1e-9, 0.999157
"""Range of the information of soft labels in bits: the lower end is reproduced to a relative 1e-7,
the upper end lies just below the information of the hard labels."""


def icosahedron() -> np.ndarray:
    """Unit vertices of an icosahedron.

    Returns
    -------
    array float64 (12, 3)
        A plain array, since it is geometry and no data set.

    See Also
    --------
    symmetric_rule : The rotation-invariant rule on these vertices.

    Notes
    -----
    Cyclic permutations of (0, +-1, +-phi)/sqrt(1 + phi**2), phi the golden ratio.

    Examples
    --------
    Each vertex has five neighbours, at a cosine of 1/sqrt(5):

    >>> import sgdphys as sp
    >>> vertices = sp.tasks.icosahedron()
    >>> sorted((vertices @ vertices[0]).round(3).tolist())
    [-1.0, -0.447, -0.447, -0.447, -0.447, -0.447, 0.447, 0.447, 0.447, 0.447, 0.447, 1.0]
    """
    phi = (1 + np.sqrt(5)) / 2
    corners = np.array([(0.0, s, t * phi) for s in (1, -1) for t in (1, -1)])
    vertices = np.concatenate([np.roll(corners, shift, axis=1) for shift in range(3)])
    return vertices / np.sqrt(1 + phi**2)


def _entropy(p: np.ndarray) -> np.ndarray:
    """Binary entropy in bits."""
    return (entr(p) + entr(1.0 - p)) / np.log(2)


def _information(p: np.ndarray) -> float:
    """I(X;Y) in bits for equally likely patterns with p(y=1|x) = p."""
    return float(_entropy(p.mean()) - _entropy(p).mean())


def require_information(information: float) -> None:
    """Refuse information that soft labels of the rule cannot have.

    Raises
    ------
    InputError
    """
    if not LEAST_INFORMATION <= information <= MOST_INFORMATION:
        raise InputError(
            f"task.information is {information:g} bits; it must be at least {LEAST_INFORMATION:g} "
            f"and at most {MOST_INFORMATION}, just below the information of the hard labels"
        )


def symmetric_rule(information: float = 0.99, *, bipolar: bool = False) -> xr.Dataset:
    """Rotation-invariant rule of "Opening the black box" (Shwartz-Ziv and Tishby): 4096 patterns.

    Twelve bits say which vertices of an icosahedron are occupied. With n the number of occupied
    vertices, D the vector sum of their unit vectors and f = n + abs(D), the hard label is y = [f >
    7.63204] and the soft one p(y=1|x) = 1/(1 + exp(-gamma (f - 7.63204))), gamma determined by
    ``information``.

    Parameters
    ----------
    information : float
        I(X;Y) of the soft labels in bits, from 1e-9 to 0.999157, just below that of the hard
        labels.
    bipolar : bool
        Inputs -1 and 1 instead of 0 and 1.

    Returns
    -------
    Dataset
        x (sample, feature), y (sample), p_x (sample), p_y_given_x (sample, label),
        spectral_class (sample); attributes ``information`` and ``gamma``.

    Raises
    ------
    InputError
        For information outside its range.

    See Also
    --------
    committee : Another rule on the same patterns.
    sgdphys.information.layer_information : Information plane of networks trained on it.

    Notes
    -----
    The 4096 patterns fall into 64 classes of equal spherical power spectrum, which differ in
    (n, abs(D)).

    References
    ----------
    Shwartz-Ziv and Tishby (2017), "Opening the black box of deep neural networks via information".

    Examples
    --------
    >>> import sgdphys as sp
    >>> task = sp.tasks.symmetric_rule(information=0.99)
    >>> dict(task["x"].sizes), len(set(task["spectral_class"].values.tolist()))
    ({'sample': 4096, 'feature': 12}, 64)
    >>> round(float(task["y"].mean()), 2)
    0.52
    """
    bits = (np.arange(4096)[:, None] >> np.arange(12)) & 1
    points = bits.sum(axis=1)
    dipole = np.linalg.norm(bits @ icosahedron(), axis=1)
    height = points + dipole - _THETA
    y = (height > 0).astype(np.int64)
    require_information(information)

    from scipy.optimize import brentq

    def excess(log_gamma: float) -> float:
        return _information(expit(np.exp(log_gamma) * height)) - information

    gamma = float(np.exp(brentq(excess, np.log(1e-6), np.log(1e6), xtol=1e-13)))
    p = expit(gamma * height)
    _, spectral_class = np.unique(
        np.round(np.stack([points, dipole], axis=1), 9), axis=0, return_inverse=True
    )
    dataset = xr.Dataset(
        {
            "x": (("sample", "feature"), (2.0 * bits - 1.0) if bipolar else bits.astype(float)),
            "y": ("sample", y),
            "p_x": ("sample", np.full(4096, 1 / 4096)),
            "p_y_given_x": (("sample", "label"), np.stack([1 - p, p], axis=1)),
            "spectral_class": ("sample", spectral_class.astype(np.int64)),
        },
        coords={"label": [0, 1]},
        attrs={"task": "symmetric_rule", "information": float(information), "gamma": gamma},
    )
    return labelled(dataset)
