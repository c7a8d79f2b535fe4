"""Motion of weights whose law of growth, exponents and tails are known.

Spreads between networks are those of information_plane with seed 1 (8 networks): the power of the
distance 0.1, exponents of the squared displacement from epoch 5000 on 0.25, ageing exponents 0.4.
Tails: four networks of another seed, at epochs 10, 74 and 400.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from counting import Situation
from sweeps import cases_of, joined

from sgdphys.analyses.motion.analysis import lags_in_epochs, waiting_epochs
from sgdphys.claims.claim import Claim
from sgdphys.study.settings import Study
from sgdphys.trajectory.schedules import log_epochs

POWERS, EXPONENTS, AGEING = 0.1, 0.25, 0.4
"""Standard deviations between networks."""
TAILS_ACROSS, TAILS_HEAVIER = 0.08, 0.03
BETWEEN_EPOCHS = 0.02

Groups = Mapping[str, xr.Dataset]


def found(claim: Claim, study: Study, data: xr.Dataset, of: str) -> Groups:
    """Results of one analysis, as those of the case that a claim is about."""
    (keys,) = cases_of(claim, study)
    return {of: joined([data.assign_attrs(of=of)], [keys])}


def distances(claim: Claim, study: Study, power: np.ndarray, rng: np.random.Generator) -> Groups:
    """Distances that grow with a power of each network's own, on curves that wander a little."""
    epoch = log_epochs(study.train.epochs)
    t = np.maximum(epoch, 1)[:, None].astype(float)
    size = rng.lognormal(0, 0.2, len(power))
    middle = np.log(1000.0)
    small = np.abs(power) < 1e-9
    safe = np.where(small, 1.0, power)
    grown = np.where(small, np.log(t) - middle, np.expm1(safe * (np.log(t) - middle)) / safe)
    wandering = 0.01 * np.cumsum(rng.standard_normal((len(epoch), len(power))), axis=0)
    curve = np.where(epoch[:, None] > 0, 8 + size * (grown + wandering), 0.0)
    return _as_distances(claim, study, epoch, curve)


def distance_power(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Distances whose powers scatter about a value."""
    return distances(claim, study, at + POWERS * rng.standard_normal(study.train.replicas), rng)


def logarithm_advantage(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Logarithms with a remainder of such a size that the best rival is so much worse.

    Without the remainder the advantage is without end. At the null two trials in three are of a
    random walk, or of saturation that begins within the window.
    """
    epoch = log_epochs(study.train.epochs)
    t = np.maximum(epoch, 1).astype(float)
    inside = (t >= claim.where["from_epoch"]) & (t <= claim.where["until_epoch"])
    replicas = study.train.replicas
    kind = rng.integers(3) if at == claim.at_null else 2
    if kind < 2:
        scale = rng.lognormal(np.log(500), 0.3, replicas)
        grown = np.sqrt(t)[:, None] * np.ones(replicas) if kind else -np.expm1(-t[:, None] / scale)
        rough = 0.01 * np.cumsum(rng.standard_normal((len(t), replicas)), axis=0)
        return _as_distances(claim, study, epoch, 8 * grown + rough)
    curves = np.empty((len(t), replicas))
    for r in range(replicas):
        start, slope = rng.normal(5.0, 0.5), rng.lognormal(np.log(3.0), 0.1)
        law = start + slope * (np.log(t) - np.log(claim.where["from_epoch"]))
        curves[:, r] = law + _remainder(t, law, inside, at * rng.lognormal(0, 0.2), rng)
    return _as_distances(claim, study, epoch, curves)


def _as_distances(claim: Claim, study: Study, epoch: np.ndarray, curves: np.ndarray) -> Groups:
    """Results with the distances (epoch, replica), 0 at the start."""
    data = xr.Dataset(
        {"distance": (("epoch", "replica"), np.where(epoch[:, None] > 0, curves, 0.0))},
        coords={"epoch": epoch, "replica": np.arange(curves.shape[1])},
    )
    return found(claim, study, data, "motion")


def _remainder(
    t: np.ndarray, law: np.ndarray, inside: np.ndarray, ratio: float, rng: np.random.Generator
) -> np.ndarray:
    """A smooth wave, orthogonal to laws of both kinds, that leaves them at a ratio of misfits."""
    x, y = np.log(t[inside]), law[inside]
    exponent = np.polyfit(x, np.log(y), 1)[0]
    grid = exponent + np.linspace(-0.2, 0.2, 81)
    powers = np.exp(grid[:, None] * (x - x.mean()))
    unit = powers / np.sqrt((powers**2).sum(axis=1, keepdims=True))
    left = (y**2).sum() - (unit @ y) ** 2
    rival = np.sqrt(max(left.min(), 0) / len(x))
    curve = unit[left.argmin()]
    phase = rng.uniform(0, 2 * np.pi)
    wave = np.cos(2 * np.pi * 3 * (np.log(t) - x[0]) / (x[-1] - x[0]) + phase)
    basis = np.stack([np.ones_like(x), x, curve, curve * (x - x.mean())], axis=1)
    coefficients, *_ = np.linalg.lstsq(basis, wave[inside], rcond=None)
    clean = wave.copy()
    clean[inside] -= basis @ coefficients
    # rival**2 + noise**2 = ratio**2 noise**2
    size = rival / np.sqrt(max(ratio**2 - 1, 1e-3))
    return clean * size / np.sqrt((clean[inside] ** 2).mean())


def displacements(
    claim: Claim, study: Study, short: np.ndarray, long: np.ndarray, rng: np.random.Generator
) -> Groups:
    """Squared displacements with exponents of each network's own below and above a middle lag."""
    last = study.train.epochs
    waits, lags = waiting_epochs(last), lags_in_epochs(last)
    kept = lags[lags >= claim.where.get("from_lag", 0)]
    middle = np.log(kept[len(kept) // 2 - 1 : len(kept) // 2 + 1]).mean()
    x = np.log(lags)[:, None] - middle
    log_square = np.where(x < 0, short * x, long * x) + rng.normal(0, 0.5, len(short))
    rough = 0.05 * np.cumsum(rng.standard_normal((len(waits), len(lags), len(short))), axis=1)
    squares = np.exp(log_square + rough)
    return found(claim, study, _squares(squares, waits, lags), "motion")


def _squares(squares: np.ndarray, waits: np.ndarray, lags: np.ndarray) -> xr.Dataset:
    return xr.Dataset(
        {"squared_displacement": (("waiting_epoch", "lag_epochs", "replica"), squares)},
        coords={"waiting_epoch": waits, "lag_epochs": lags,
                "replica": np.arange(squares.shape[-1])},
    )  # fmt: skip


def displacement_exponent(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Groups:
    """One exponent a network, about a value."""
    own = at + EXPONENTS * rng.standard_normal(study.train.replicas)
    return displacements(claim, study, own, own, rng)


def exponent_anomaly(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """One exponent a network, so far above or below that of diffusion."""
    return displacement_exponent(claim, study, 1 + at * rng.choice([-1, 1]), rng)


def exponent_change(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Exponents that change by a value at the middle lag."""
    short, change = rng.standard_normal((2, study.train.replicas)) * EXPONENTS
    return displacements(claim, study, 1.3 + short, 1.3 + short + at + change, rng)


def ageing_exponent(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Displacements over any lag that fall with a power of the waiting time; or wander about it.

    Rough from one waiting time to the next by a factor of 1.3 (a standard deviation), together for
    all lags.
    """
    last, replicas = study.train.epochs, study.train.replicas
    waits, lags = waiting_epochs(last), lags_in_epochs(last)
    own = at + AGEING * rng.standard_normal(replicas)
    shape = (len(waits), 1, replicas)
    rough = np.log(1.3) * rng.standard_normal(shape)
    logs = own * np.log(waits)[:, None, None] + 1.5 * np.log(lags)[None, :, None] + rough
    return found(claim, study, _squares(np.exp(logs), waits, lags), "motion")


def tails(
    claim: Claim, study: Study, values: Mapping[str, tuple[float, float]], rng: np.random.Generator
) -> Groups:
    """Tail indices that scatter between networks, and differ between the epochs of a claim.

    Networks draw batches of their own, so that they share no error; the mean over the epochs is the
    given value.
    """
    of = study.analyses["tails"]
    shape = (len(of.epochs), len(of.batch_sizes), min(of.replicas, study.train.replicas))
    wanted = np.isin(of.epochs, claim.where["epoch"])
    data: dict[str, Any] = {}
    for name, (middle, spread) in values.items():
        by_epoch = BETWEEN_EPOCHS * rng.standard_normal((shape[0], 1, 1))
        by_epoch -= by_epoch[wanted].mean(axis=0)
        own = spread * rng.standard_normal(shape)
        data[name] = (("epoch", "noise_batch", "replica"), middle + by_epoch + own)
    along = {"epoch": list(of.epochs), "noise_batch": list(of.batch_sizes),
             "replica": np.arange(shape[-1])}  # fmt: skip
    return found(claim, study, xr.Dataset(data, coords=along), "tails")


def tail_index_across(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Indices of the pooled noise about a value."""
    return tails(claim, study, {"across": (at, TAILS_ACROSS)}, rng)


def heavier_across(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Indices so far below those of Gaussian noise of the same covariance."""
    side = rng.choice([-1, 1]) if claim.above is not None and claim.below is not None else 1
    values = {"across": (1.5, TAILS_HEAVIER), "null_across": (1.5 + side * at, TAILS_HEAVIER)}
    return tails(claim, study, values, rng)


def heavier_along(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Indices so far below those of Gaussian noise."""
    side = rng.choice([-1, 1]) if claim.above is not None and claim.below is not None else 1
    values = {"along": (1.99 - side * at, TAILS_HEAVIER), "null_along": (1.99, TAILS_HEAVIER / 5)}
    return tails(claim, study, values, rng)


MOTION: dict[str, Situation] = {
    "distance_power": distance_power,
    "logarithm_advantage": logarithm_advantage,
    "displacement_exponent": displacement_exponent,
    "exponent_anomaly": exponent_anomaly,
    "exponent_change": exponent_change,
    "ageing_exponent": ageing_exponent,
    "tail_index_across": tail_index_across,
    "heavier_across": heavier_across,
    "heavier_along": heavier_along,
}
