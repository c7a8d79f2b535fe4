"""Random dichotomies: Gaussian points with labels by a fair coin, for the capacity of networks."""

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.tasks.labels import labelled_samples


def dichotomies(points: int, inputs: int, *, seed: int = 0) -> xr.Dataset:
    """Random dichotomies: Gaussian points in general position with labels by a fair coin.

    Parameters
    ----------
    points : int
        P, the number of labelled points.
    inputs : int
        N, their dimension.
    seed : int
        Seed of points and labels; the same seed gives independent points at other P and N.

    Returns
    -------
    Dataset
        x (sample, feature), standard normal; y (sample), one draw of the labels; p_x, and
        p_y_given_x, which is 1/2: a study with ``task.labels = "soft"`` draws labels of its own for
        every network.

    Raises
    ------
    InputError
        For sizes below 1.

    See Also
    --------
    random_labels : Random labels that all networks share, of several classes.
    sgdphys.processes.cover_probability : Probability that a plane separates the labels.

    Notes
    -----
    Cover's theorem counts the labellings of given points, and its number is the same for all points
    in general position. So networks that share their points and have labels of their own are
    independent draws with exactly Cover's probability.

    References
    ----------
    Cover (1965), IEEE Trans. Electron. Comput. EC-14, 326.

    Examples
    --------
    >>> import sgdphys as sp
    >>> task = sp.tasks.dichotomies(80, 40, seed=0)
    >>> dict(task["x"].sizes), float(task["p_y_given_x"][0, 0])
    ({'sample': 80, 'feature': 40}, 0.5)
    """
    for name, value in (("points", points), ("inputs", inputs)):
        if value < 1:
            raise InputError(f"task.{name} is {value}; it must be at least 1")
    rng = np.random.default_rng([seed, points, inputs])
    x = rng.standard_normal((points, inputs))
    y = rng.integers(0, 2, points)
    task = labelled_samples(x, y, "dichotomies", classes=2)
    task["p_y_given_x"] = task["p_y_given_x"].copy(data=np.full((points, 2), 0.5))
    return task
