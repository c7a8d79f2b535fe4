"""Tasks with targets of a teacher, and with random labels."""

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.quantities import labelled
from sgdphys.tasks.labels import labelled_samples


def scalar_teacher(signal: float = 1.0) -> xr.Dataset:
    """Data set of the two-layer scalar linear network: samples x = -1 and 1 with targets signal x.

    Parameters
    ----------
    signal : float
        Slope s of the teacher.

    Returns
    -------
    Dataset
        x (sample, feature), target (sample, output), p_x (sample).

    See Also
    --------
    sgdphys.processes.pitchfork : SGD on this loss, with its exact relaxation time.
    teacher_student : Random teachers in many dimensions.

    Notes
    -----
    For a network a b x with weight decay g the loss is (s - a b)**2/2 + g (a**2 +
    b**2)/2: a pitchfork bifurcation at s = g.

    References
    ----------
    Saxe, McClelland and Ganguli (2014), ICLR, for deep linear networks.

    Examples
    --------
    >>> import sgdphys as sp
    >>> sp.tasks.scalar_teacher(signal=2.0)["target"].values.tolist()
    [[-2.0], [2.0]]
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
    """Committee machine: majority vote of random perceptrons on the 4096 patterns of 12 bits.

    Parameters
    ----------
    units : int
        Members, an odd number, so that no vote is tied.
    seed : int
        Seed of the members.

    Returns
    -------
    Dataset
        x (sample, feature) of 0 and 1, y (sample), p_x, p_y_given_x.

    Raises
    ------
    InputError
        For an even number of members, or fewer than 1.

    See Also
    --------
    symmetric_rule : Another rule on the same patterns.
    teacher_student : Teachers with real targets.

    Notes
    -----
    y = 1 where sum_k sign(w_k . s) > 0, s the pattern as -1 and 1, w_k independent standard normal
    vectors.

    References
    ----------
    Engel and Van den Broeck (2001), "Statistical mechanics of learning", chapter 12.

    Examples
    --------
    A member votes against each pattern whose inverse it votes for, so that labels are balanced:

    >>> import sgdphys as sp
    >>> task = sp.tasks.committee(units=3, seed=0)
    >>> dict(task["x"].sizes), float(task["y"].mean())
    ({'sample': 4096, 'feature': 12}, 0.5)
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
    """Teacher-student regression: Gaussian inputs with the noisy targets of a random teacher.

    Parameters
    ----------
    features, samples : int
    units : int
        Hidden tanh units of the teacher; 0 for a linear one.
    noise : float
        Standard deviation of the noise on targets; noiseless targets have variance 1, a linear
        teacher's in the mean over seeds.
    relevant : int, optional
        Number of inputs that a linear teacher depends on, the first ones; all by default.
    seed : int
        Seed of teacher, inputs and noise.

    Returns
    -------
    Dataset
        x (sample, feature) of variance 1/features each, target (sample, output), p_x; for a linear
        teacher its weights, teacher (feature). The attribute signal_to_noise is the ratio
        of the variance that this teacher's targets have to that of the noise.

    Raises
    ------
    InputError
        For sizes below 1, or relevant inputs that do not fit.

    See Also
    --------
    committee : A teacher with labels.
    random_labels : No teacher at all.

    Notes
    -----
    target = teacher . x + noise, the teacher's weights standard normal, scaled to unit
    variance of its targets.

    References
    ----------
    Engel and Van den Broeck (2001), "Statistical mechanics of learning".

    Examples
    --------
    Without noise the targets are a linear function of the inputs:

    >>> import sgdphys as sp
    >>> task = sp.tasks.teacher_student(features=10, samples=1000, noise=0.0, seed=0)
    >>> float(abs(task["x"] @ task["teacher"] - task["target"][:, 0]).max()) < 1e-12
    True
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
    teacher, variance = np.zeros(features), 1.0
    if units:
        inner, outer = rng.standard_normal((units, features)), rng.standard_normal((units, 1))
        clean = np.tanh(x @ inner.T) @ (outer / np.linalg.norm(outer))
        clean /= np.sqrt(0.394)  # the variance of tanh of a standard normal number
    else:
        teacher[:seen] = rng.standard_normal(seen) * np.sqrt(features / seen)
        clean = x @ teacher[:, None]
        variance = float((teacher**2).sum() / features)
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
            "signal_to_noise": variance / noise**2 if noise else np.inf,
        },
    )
    return labelled(data)


def random_labels(
    features: int = 12, samples: int = 4096, *, classes: int = 2, seed: int = 0
) -> xr.Dataset:
    """Random labels: Gaussian inputs with independent labels, which can only be memorised.

    Parameters
    ----------
    features, samples, classes : int
    seed : int
        Seed of inputs and labels.

    Returns
    -------
    Dataset
        x (sample, feature), y (sample), p_x, p_y_given_x.

    Raises
    ------
    InputError
        For sizes below 1.

    See Also
    --------
    teacher_student : Targets with a rule behind them.

    References
    ----------
    Zhang et al. (2017), ICLR, "Understanding deep learning requires rethinking generalization".

    Examples
    --------
    >>> import sgdphys as sp
    >>> task = sp.tasks.random_labels(features=12, samples=1000, classes=2, seed=0)
    >>> dict(task["x"].sizes), round(float(task["y"].mean()), 1)
    ({'sample': 1000, 'feature': 12}, 0.5)
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
