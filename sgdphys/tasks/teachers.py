"""Targets that a teacher gives, and labels that nobody does."""

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.quantities import labelled
from sgdphys.tasks.labels import labelled_samples


def scalar_teacher(signal: float = 1.0) -> xr.Dataset:
    """Return the two samples x = -1 and 1 with targets signal x.

    A two-layer linear network a b x with weight decay g has on it the loss (signal - a b)**2/2 +
    g (a**2 + b**2)/2: a pitchfork at signal = g.

    Parameters
    ----------
    signal : float

    Returns
    -------
    Dataset
        x (sample, feature), target (sample, output), p_x (sample).
    """
    x = np.array([[-1.0], [1.0]])
    data = xr.Dataset(
        {
            "x": (("sample", "feature"), x),
            "target": (("sample", "output"), signal * x),
            "p_x": ("sample", np.full(2, 0.5)),
        },
        attrs={"task": "scalar_teacher", "signal": float(signal)},
    )
    return labelled(data)


def committee(units: int = 3, *, seed: int = 0) -> xr.Dataset:
    """Return the 4096 patterns of 12 bits with the majority vote of a committee of perceptrons.

    y = 1 where the sum over members of sign(w_k . s) is above 0, s the pattern as -1 and 1, w_k
    independent standard normal vectors.

    Parameters
    ----------
    units : int
        Members, an odd number, so that no vote is tied.
    seed : int

    Returns
    -------
    Dataset
        x (sample, feature) of 0 and 1, y (sample), p_x, p_y_given_x.

    Raises
    ------
    InputError
        For an even committee.

    References
    ----------
    Engel and Van den Broeck (2001), "Statistical mechanics of learning", chapter 12.
    """
    _require_sizes(units=units)
    if units % 2 == 0:
        raise InputError(f"task.units is {units}; a committee needs an odd number of members")
    bits = (np.arange(4096)[:, None] >> np.arange(12)) & 1
    members = np.random.default_rng(seed).standard_normal((units, 12))
    votes = np.sign((2.0 * bits - 1.0) @ members.T).sum(axis=1)
    y = (votes > 0).astype(np.int64)
    return labelled_samples(bits.astype(float), y, "committee", classes=2, units=units)


def teacher_student(
    features: int = 100,
    samples: int = 100,
    *,
    units: int = 0,
    noise: float = 1.0,
    relevant: int | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Return Gaussian inputs with the targets of a random teacher.

    Parameters
    ----------
    features, samples : int
    units : int
        Hidden tanh units of the teacher; 0 for a linear one.
    noise : float
        Standard deviation of the noise on targets; the teacher's own answers have variance 1.
    relevant : int, optional
        How many of the inputs a linear teacher looks at, the first ones; all by default.
    seed : int

    Returns
    -------
    Dataset
        x (sample, feature) of variance 1/features each, target (sample, output), p_x; of a linear
        teacher its weights, teacher (feature). Attributes hold the signal-to-noise ratio.

    Raises
    ------
    InputError
        For sizes below 1.
    """
    _require_sizes(features=features, samples=samples)
    seen = features if relevant is None else relevant
    if not 1 <= seen <= features or (units and seen < features):
        raise InputError(
            f"task.relevant is {relevant}; it must lie between 1 and task.features, {features}, "
            "and belongs to a linear teacher (task.units = 0)"
        )
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((samples, features)) / np.sqrt(features)
    teacher = np.zeros(features)
    if units:
        inner, outer = rng.standard_normal((units, features)), rng.standard_normal((units, 1))
        clean = np.tanh(x @ inner.T) @ (outer / np.linalg.norm(outer))
        clean /= np.sqrt(0.394)  # the variance of tanh of a standard normal number
    else:
        teacher[:seen] = rng.standard_normal(seen) * np.sqrt(features / seen)
        clean = x @ teacher[:, None]
    target = clean + noise * rng.standard_normal(clean.shape)
    data = xr.Dataset(
        {
            "x": (("sample", "feature"), x),
            "target": (("sample", "output"), target),
            "p_x": ("sample", np.full(samples, 1 / samples)),
            **({} if units else {"teacher": ("feature", teacher)}),
        },
        attrs={
            "task": "teacher_student",
            "units": units,
            "relevant": seen,
            "noise": noise,
            "signal_to_noise": 1 / noise**2 if noise else np.inf,
        },
    )
    return labelled(data)


def random_labels(
    features: int = 12, samples: int = 4096, *, classes: int = 2, seed: int = 0
) -> xr.Dataset:
    """Return Gaussian inputs whose labels are drawn by chance: nothing to learn but by heart.

    Parameters
    ----------
    features, samples, classes, seed : int

    Returns
    -------
    Dataset
        x (sample, feature), y (sample), p_x, p_y_given_x.

    Raises
    ------
    InputError
        For sizes below 1.
    """
    _require_sizes(features=features, samples=samples, classes=classes)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((samples, features))
    y = rng.integers(0, classes, samples)
    return labelled_samples(x, y, "random_labels", classes=classes)


def _require_sizes(**sizes: int) -> None:
    for name, value in sizes.items():
        if value < 1:
            raise InputError(f"task.{name} is {value}; it must be at least 1")
