"""Order of a phase transition: first order, continuous, or a crossover."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.special import bdtr

from sgdphys.arguments import checked
from sgdphys.draws import Seed, bootstrap_draws
from sgdphys.errors import InputError
from sgdphys.glossary import Quantity
from sgdphys.intervals import BOOTSTRAP, Kind, bootstrap_interval, resampled_means
from sgdphys.quantities import labelled
from sgdphys.transitions.samples import Samples, samples_of
from sgdphys.transitions.sharpness import log_odds_line
from sgdphys.transitions.two_states import (
    SMALLEST_STATE,
    barriers,
    bimodality,
    threshold_of,
    winsorised,
)

FEWEST_SIZES = 3
FEWEST_CONTROLS = 5
FEWEST_REPLICAS = 20
_RESAMPLES = 200
_BINS = 40
_ANSWERS = ("first order", "continuous", "crossover", "cannot be told")
_RESPONSE = 5.0
"""Standard errors by which the order parameter must change over the scan."""
_GAP = 4.0
"""Standard deviations between neighbouring controls where no control lies in the transition."""
_UNEVEN = 1e-5
"""Chance of so many samples of one sign below which signs are not equally likely."""

_NAMES = {
    "susceptibility_peak": Quantity(
        "{x}**2", "susceptibility at the transition", r"\chi_{\max}",
        "volume times the variance of the order parameter, with both states at equal weight",
    ),
    "sharpness": Quantity(
        "1/{t}", "sharpness of the transition", "k",
        "slope of the log odds of the upper state against the control, the inverse of its width",
    ),
    "transition_control": Quantity(
        "{t}", "location of the transition", "t_N", "control at which both states are as likely"
    ),
    "bimodality": Quantity(
        "1", "kurtosis - skewness**2 - 1", "b",
        "at the transition, with both states at equal weight: 0 for two sharp peaks, 0.8 for a "
        "uniform distribution, 2 for a Gaussian one",
    ),
    "barrier": Quantity(
        "1", "barrier between two states", r"\Delta F",
        "ln of the lower peak of the density over the valley between, at the transition",
    ),
    "binder_minimum": Quantity(
        "1", "minimum of the Binder cumulant", r"U_{\min}", "least of all controls"
    ),
    "jump": Quantity(
        "{x}", "jump of the order parameter", r"\Delta m", "distance of the means of both states"
    ),
    "exponent_susceptibility": Quantity(
        "1", "exponent of the susceptibility", "", "power of the volume in the maximum of the "
        "susceptibility: 1 at a first-order transition, gamma/(d nu) at a continuous one, 0 at a "
        "crossover",
    ),
    "exponent_sharpness": Quantity(
        "1", "exponent of the sharpness", "", "power of the volume in the sharpness: 1 at a "
        "first-order transition, 1/(d nu) at a continuous one",
    ),
    "exponent_bimodality": Quantity(
        "1", "exponent of the bimodality", "", "power of the volume in kurtosis - skewness**2 - 1: "
        "-1 at a first-order transition, 0 at a continuous one",
    ),
    "bimodality_large": Quantity(
        "1", "kurtosis - skewness**2 - 1 at large sizes", "",
        "geometric mean over the larger half of the sizes",
    ),
    "density": Quantity("1/{x}", "density of the order parameter", "P", "at the transition"),
    "bin": Quantity("{x}", "order parameter", "m", "centre of a bin"),
    "size": Quantity("1", "size", "N", "size of the system"),
    "order": Quantity("1", "order of the transition", "", "by the rules of order_of_transition"),
}  # fmt: skip


class Estimate(NamedTuple):
    """A number and its interval."""

    value: float
    low: float
    high: float


@checked
def order_of_transition(
    m: xr.DataArray,
    *,
    size: str = "size",
    control: str = "control",
    over: str = "replica",
    dimension: float = 1.0,
    confidence: float = 0.95,
    rng: Seed = None,
) -> xr.Dataset:
    """Order of a phase transition: first order, continuous, crossover, or it cannot be told.

    Parameters
    ----------
    m : DataArray (size, control, replica)
        Samples of an order parameter, as of ``samples_of``; independent replicas.
    size, control, over : str
        Names of the dimensions.
    dimension : float
        The volume is size**dimension; 1 where the size counts degrees of freedom.
    confidence : float
        Level of the intervals, by which the answer is given.
    rng : Seed

    Returns
    -------
    Dataset
        order, one of "first order", "continuous", "crossover" and "cannot be told", with its reason
        in the attribute ``reason``; the powers of the volume exponent_susceptibility,
        exponent_sharpness and exponent_bimodality, and bimodality_large; over sizes
        susceptibility_peak, sharpness, transition_control, bimodality, barrier, binder_minimum and
        jump; all with ``_low`` and ``_high``; and density (size, bin) at the transition.

    Raises
    ------
    InputError
        Where a dimension or its coordinate is missing, as in ``samples_of``, or for a
        ``dimension`` that is not positive.

    See Also
    --------
    hysteresis : A loop that remains at zero speed, another sign of first order.

    Notes
    -----
    Where both signs of m are equally likely at every control, |m| is used. At every size and
    control the outermost 2% of the replicas, at least one at either end, are set to the next value,
    so that one odd replica decides nothing. At the control of the largest variance the samples are
    divided into two groups (Otsu), the states. The share of the upper state at all controls is
    fitted by a logistic curve with log odds k (control - t_N). Where that share is nearest to 1/2,
    the two states are mixed with equal weights, as reweighting would do, for the susceptibility
    chi = V variance and for b = kurtosis - skewness**2 - 1. Powers of the volume V:

    ============  =================  ==================  =========================
    power of V    first order        continuous          crossover
    ============  =================  ==================  =========================
    chi           1                  gamma/(d nu) < 1    0
    sharpness k   1                  1/(d nu)            0, or 1/2 of a plain mean
    b             -1, to 0           0                   0
    ============  =================  ==================  =========================

    * first order: b, its geometric mean over the larger half of the sizes, lies below 0.5 (that of
      the arcsine law) and does not rise with size; the power of k lies above 0.6, and it and that
      of the susceptibility may exceed 0.8;
    * crossover: the power of the susceptibility, or of k, lies below 0.3;
    * continuous: both lie above 0.15, that of k below 0.65 with b at the larger sizes above 0.5, or
      below 0.9 with b above 0.8; b may be constant;
    * otherwise it cannot be told, as with fewer than 3 sizes, 5 controls or 20 replicas, with
      samples of two values (which have two peaks by definition), and where the order parameter
      jumps between two neighbouring controls, with none in the transition.

    Intervals are of 200 bootstrap resamples of replicas, those of powers widened by the misfit of
    the power law. A first-order transition whose location random samples shift from replica to
    replica has the power 1/2 in k, and cannot be told by these rules. Right answers counted in 200
    scans each: mean-field Potts model, 3 states, sizes 512 to 4096, 40 controls within 5% of the
    transition, 400 replicas; Curie-Weiss model, 64 to 4096, 20 controls within 20%, 200 replicas;
    Ising chain, 32 to 512: 95% or more. With controls too far apart for a first-order transition of
    width 1/V the answer is "cannot be told".

    References
    ----------
    Challa, Landau and Binder (1986), Phys. Rev. B 34, 1841; Otsu (1979), IEEE Trans. SMC 9, 62.

    Examples
    --------
    Two states, the share of the upper one rising faster in larger systems:

    >>> import numpy as np
    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> draw = np.random.default_rng(0)
    >>> size = xr.DataArray([100, 200, 400], dims="size")
    >>> control = xr.DataArray(np.linspace(-0.04, 0.04, 15), dims="control")
    >>> share = 1 / (1 + np.exp(-size * control))
    >>> u, z = (xr.DataArray(f((3, 15, 200)), dims=("size", "control", "replica"))
    ...         for f in (draw.random, draw.standard_normal))
    >>> m = xr.where(u < share, 0.9, 0.1) + 0.5 * z / size**0.5
    >>> m = m.assign_coords(size=size, control=control)
    >>> sp.transitions.order_of_transition(m, rng=0)["order"].item()
    'first order'
    """
    if not 0 < dimension < np.inf:
        raise InputError(
            f"dimension is {dimension}; it must be a positive number: the volume is size**dimension"
        )
    samples = samples_of(m, size=size, control=control, over=over)
    x, is_folded = _without_sign(samples.values)
    members = int(np.isfinite(x).any(axis=(0, 1)).sum())
    draws = np.vstack([np.ones(x.shape[-1]), bootstrap_draws(x.shape[-1], rng, _RESAMPLES)])
    volumes = samples.sizes**dimension
    by_size = [
        _evidence(v, t, n, draws) for v, t, n in zip(x, samples.controls, volumes, strict=True)
    ]
    found = {name: np.stack([e[name] for e in by_size], axis=-1) for name in _KINDS}
    usable = np.array([e["usable"][0] for e in by_size], dtype=bool)
    scalars = {
        f"exponent_{name}": _exponent(found[name], volumes, usable, members, confidence)
        for name in ("susceptibility", "sharpness", "bimodality")
    }
    scalars["bimodality_large"] = _at_large(found["bimodality"], usable, members, confidence)
    data: dict[str, object] = {}
    for name, kind in _KINDS.items():
        low, high = bootstrap_interval(
            found[name][0], found[name][1:], members, confidence, kind=kind
        )
        out = "susceptibility_peak" if name == "susceptibility" else name
        for end, column in (("", found[name][0]), ("_low", low), ("_high", high)):
            data[f"{out}{end}"] = (size, column)
    for name, estimate in scalars.items():
        data |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    refusal = _refusal(samples, x, usable)
    order, reason = (_ANSWERS[3], refusal) if refusal else _answer(scalars)
    density, centres = _densities([e["sample"] for e in by_size])
    data |= {"order": order, "density": ((size, "bin"), density)}
    result = xr.Dataset(data, coords={size: samples.sizes, "bin": centres})
    named = {**_NAMES, size: _NAMES["size"]}
    return labelled(result, named, x=samples.unit, t=samples.control_unit).assign_attrs(
        reason=reason,
        order_parameter="absolute value of the samples" if is_folded else "samples",
        method="scaling with the volume",
        reference="Challa, Landau and Binder (1986)",
        confidence=confidence,
        interval_method=BOOTSTRAP,
    )


_KINDS: dict[str, Kind] = {
    "susceptibility": "positive",
    "sharpness": "positive",
    "transition_control": "symmetric",
    "bimodality": "positive",
    "barrier": "symmetric",
    "binder_minimum": "symmetric",
    "jump": "positive",
}


def _without_sign(values: np.ndarray) -> tuple[np.ndarray, bool]:
    """Absolute values where both signs are as likely at every control, otherwise the samples."""
    above, below = (values > 0).sum(axis=-1), (values < 0).sum(axis=-1)
    chance = 2 * bdtr(np.minimum(above, below), above + below, 0.5)
    is_even = bool((chance >= _UNEVEN).all() and below.any())
    return (np.abs(values), True) if is_even else (values, False)


def _evidence(
    values: np.ndarray, controls: np.ndarray, volume: float, draws: np.ndarray
) -> dict[str, np.ndarray]:
    """What is measured at one size, from samples (control, replica): estimate, then resamples."""
    missing = {name: np.full(len(draws), np.nan) for name in _KINDS}
    missing |= {"usable": np.zeros(1, bool), "sample": np.empty(0)}
    enough = (np.isfinite(values).sum(axis=-1) >= FEWEST_REPLICAS) & np.isfinite(controls)
    if enough.sum() < FEWEST_CONTROLS:
        return missing
    t, x = controls[enough], winsorised(values[enough])
    counts = np.isfinite(x).sum(axis=-1)
    if not (np.nanmax(x) > np.nanmin(x)):
        return missing
    centred = x - np.nanmean(x)
    powers = np.stack([centred**k for k in range(1, 5)] + [x**2, x**4], axis=-1)
    moments = resampled_means(np.moveaxis(powers, 1, 0), draws)
    variance = np.maximum(moments[..., 1] - moments[..., 0] ** 2, 0) * counts / (counts - 1)
    threshold = threshold_of(x[int(variance[0].argmax())])
    is_upper = np.where(np.isfinite(x), values[enough] > threshold, np.nan)
    shares = resampled_means(is_upper.T, draws)
    slope, location = log_odds_line(shares[:1], counts, t)
    start = (float(slope[0]), float(location[0]))
    slope, location = log_odds_line(shares, counts, t, start=start)
    middle = int(np.abs(shares[0] - 0.5).argmin())
    sample = x[middle]
    upper, lower = (
        resampled_means(np.where(side[:, None], powers[middle], np.nan), draws)
        for side in (sample > threshold, sample <= threshold)
    )
    balanced = (upper + lower) / 2  # moments of both states with equal weights
    is_seen = SMALLEST_STATE <= shares[0, middle] <= 1 - SMALLEST_STATE
    with np.errstate(all="ignore"):
        cumulant = 1 - moments[..., 5] / (3 * moments[..., 4] ** 2)
    return {
        "susceptibility": volume * (balanced[:, 1] - balanced[:, 0] ** 2),
        "sharpness": np.abs(slope),
        "transition_control": location,
        "bimodality": bimodality(balanced[:, :4]),
        "barrier": barriers(sample, threshold, draws),
        "binder_minimum": cumulant[:, int(np.nan_to_num(cumulant[0], nan=1.0).argmin())],
        "jump": upper[:, 0] - lower[:, 0],
        "usable": np.array([is_seen and _is_resolved(moments[0, :, 0], np.sqrt(variance[0]))]),
        "sample": sample,
    }


def _is_resolved(means: np.ndarray, deviations: np.ndarray) -> bool:
    """Whether no jump between two neighbouring controls leaves the transition unseen."""
    steps = np.abs(np.diff(means))
    k = int(steps.argmax())
    neighbours = max(steps[max(k - 1, 0)] if k else 0.0, steps[k + 1] if k + 1 < len(steps) else 0)
    return not (
        steps[k] > _GAP * max(deviations[k], deviations[k + 1]) and steps[k] > 2 * neighbours
    )


def _exponent(
    found: np.ndarray, volumes: np.ndarray, usable: np.ndarray, members: int, confidence: float
) -> Estimate:
    """Power of the volume in a quantity (1 + resample, size), by weighted least squares of logs.

    The interval is widened by the misfit of the power law, where that exceeds the errors.
    """
    nothing = Estimate(np.nan, np.nan, np.nan)
    with np.errstate(all="ignore"):
        logs = np.log(found)
    logs[~np.isfinite(logs)] = np.nan
    used = usable & np.isfinite(logs[0]) & np.isfinite(logs[1:]).any(axis=0)
    if used.sum() < FEWEST_SIZES:
        return nothing
    logs = logs[:, used]
    errors = np.nanstd(logs[1:], axis=0)
    if not (errors > 0).all():
        return nothing
    weights = 1 / errors**2
    x = np.log(volumes[used])
    x = x - (weights * x).sum() / weights.sum()
    slopes = (logs * weights) @ x / (weights * x**2).sum()
    rest = logs[0] - (weights * logs[0]).sum() / weights.sum() - slopes[0] * x
    misfit = (weights * rest**2).sum() / (used.sum() - 2)
    low, high = bootstrap_interval(np.asarray(slopes[0]), slopes[1:], members, confidence)
    half_width = float(high - low) / 2 * max(1.0, float(np.sqrt(misfit)))
    return Estimate(float(slopes[0]), slopes[0] - half_width, slopes[0] + half_width)


def _refusal(samples: Samples, x: np.ndarray, usable: np.ndarray) -> str:
    """Why nothing can be told, in one sentence; empty where the rules apply."""
    distinct = max(len(np.unique(v[np.isfinite(v)])) for v in x)
    if distinct <= 1:
        return "the samples are constant"
    if distinct == 2:
        return (
            "the samples have two values only, so that they have two peaks by definition: give an "
            "order parameter with more values, or use collapse"
        )
    if len(samples.sizes) < FEWEST_SIZES:
        return f"{len(samples.sizes)} sizes are too few: at least {FEWEST_SIZES} are needed"
    if usable.sum() < FEWEST_SIZES:
        return (
            f"only {usable.sum()} sizes show the transition: at least {FEWEST_SIZES} are needed, "
            f"each with {FEWEST_CONTROLS} controls of {FEWEST_REPLICAS} replicas, some of them so "
            "close to the transition that the order parameter does not jump between neighbours"
        )
    means, errors = _means(x[usable])
    order = np.argsort(means, axis=1)
    last = np.isfinite(means).sum(axis=1) - 1
    rows = np.arange(len(means))
    change = means[rows, order[rows, last]] - means[rows, order[:, 0]]
    noise = np.hypot(errors[rows, order[rows, last]], errors[rows, order[:, 0]])
    if not (change > _RESPONSE * noise).any():
        return "the order parameter does not change with the control"
    return ""


def _means(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over replicas of at least so many, and their standard errors."""
    n = np.isfinite(x).sum(axis=-1)
    enough = n >= FEWEST_REPLICAS
    values = np.where(enough[..., None], winsorised(x), 0.0)
    means, deviations = np.nanmean(values, axis=-1), np.nanstd(values, axis=-1)
    with np.errstate(all="ignore"):
        errors = deviations / np.sqrt(n)
    return np.where(enough, means, np.nan), np.where(enough, errors, np.nan)


def _at_large(
    bimodality: np.ndarray, usable: np.ndarray, members: int, confidence: float
) -> Estimate:
    """Geometric mean of the bimodality (1 + resample, size) over the larger half of the sizes."""
    large = np.flatnonzero(usable)[usable.sum() // 2 :]
    if not len(large):
        return Estimate(np.nan, np.nan, np.nan)
    with np.errstate(all="ignore"):
        mean = np.exp(np.log(bimodality[:, large]).mean(axis=1))
    ends = bootstrap_interval(np.asarray(mean[0]), mean[1:], members, confidence, kind="positive")
    return Estimate(float(mean[0]), float(ends[0]), float(ends[1]))


def _answer(scalars: dict[str, Estimate]) -> tuple[str, str]:
    """The answer, and what it rests on."""
    growth, sharpness, trend = (
        scalars[f"exponent_{name}"] for name in ("susceptibility", "sharpness", "bimodality")
    )
    large = scalars["bimodality_large"]
    is_extensive = sharpness.low > 0.6 and min(sharpness.high, growth.high) > 0.8
    if large.high < 0.5 and trend.low < 0 and is_extensive:
        return _ANSWERS[0], "two separate states, and a width of the transition of 1/volume"
    if growth.high < 0.3:
        return _ANSWERS[2], "the susceptibility stays bounded"
    if sharpness.high < 0.3:
        return _ANSWERS[2], "the transition does not sharpen with size"
    is_critical = growth.low > 0.15 and sharpness.low > 0.15
    is_slower = sharpness.high < 0.65 or (sharpness.high < 0.9 and large.value > 0.8)
    if is_critical and is_slower and large.value > 0.5 and trend.high > 0:
        return _ANSWERS[1], "the susceptibility diverges, and no two states separate with size"
    return _ANSWERS[3], "the intervals of the exponents allow more than one answer"


def _densities(samples: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Densities (size, bin) at the transition, and the centres of the bins."""
    every = np.concatenate([s[np.isfinite(s)] for s in samples])
    low, high = (every.min(), every.max()) if len(every) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    density = np.full((len(samples), _BINS), np.nan)
    for row, sample in zip(density, samples, strict=True):
        if len(sample):
            row[:] = np.histogram(sample[np.isfinite(sample)], edges, density=True)[0]
    return density, (edges[1:] + edges[:-1]) / 2
