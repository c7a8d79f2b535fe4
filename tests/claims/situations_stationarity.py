"""Bursts of weights whose irreversibility, flatness, sharpness and fluctuation ratio are known.

Paths are simulated and go through the estimators of the analysis, so that their intervals are those
of a study. Networks differ in the size of their noise, by a factor of 1.3; curvatures are a ladder
from the edge of stability down to a thirtieth of it, as four networks of another seed had at epoch
1000 (directions within a quarter).
"""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from counting import Situation
from scipy.signal import lfilter
from sweeps import cases_of, joined

from sgdphys.analyses.stationarity.irreversibility import production_of_networks
from sgdphys.claims.claim import Claim
from sgdphys.intervals import (
    finite_mean,
    jackknife_interval,
    mean_with_interval,
    means_without_each,
)
from sgdphys.study.settings import Study

UPDATES = 7
"""Updates in an epoch of the studies' batches."""
RATIO = {"replacement": 0.15, "shuffle": 0.26}
"""Standard deviation between networks of the ratio, by sampler: from the intervals of four."""
_MEMORY = -0.8
"""Autocorrelation along the sharpest directions, which are near the edge."""

Groups = Mapping[str, xr.Dataset]


def found(claim: Claim, study: Study, data: xr.Dataset) -> Groups:
    """Results of one burst, as those of the case that a claim is about."""
    (keys,) = cases_of(claim, study)
    burst = int(claim.where["burst"])
    data = data.expand_dims(burst=[burst]).assign_attrs(
        of="stationarity", learning_rate=study.train.learning_rate, momentum=study.train.momentum
    )
    return {"stationarity": joined([data], [keys])}


def steps_of(study: Study) -> int:
    """Recorded steps of a burst."""
    return study.record.weights.burst * UPDATES + 1


def with_interval(name: str, value: float, low: float, high: float) -> xr.Dataset:
    """An estimate as a result has it."""
    return xr.Dataset({name: value, f"{name}_low": low, f"{name}_high": high})


def entropy_production(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Paths in three directions, two of which rotate: so many nats per update, or none.

    x' = c R(angle) x + noise produces 4 c**2 sin(angle)**2/(1 - c**2) nats per update. Without
    rotation the three directions relax at rates of their own. All drift a little along the burst.
    Every network has a centre of its own, and directions with arbitrary signs.
    """
    networks, steps = study.analyses["stationarity"].replicas, steps_of(study)
    sine = np.sqrt(at * (1 - _MEMORY**2)) / (2 * abs(_MEMORY))
    turn = _MEMORY * np.array([[np.sqrt(1 - sine**2), -sine], [sine, np.sqrt(1 - sine**2)]])
    noise = rng.standard_normal((steps + 50, networks, 3)) * rng.lognormal(0, 0.25, (networks, 1))
    x = np.empty((steps + 50, networks, 3))
    x[0] = noise[0]
    other = 0.5 if at else rng.uniform(-0.9, 0.9)
    for k in range(1, len(x)):
        x[k, :, :2] = x[k - 1, :, :2] @ turn.T
        x[k, :, 2] = other * x[k - 1, :, 2]
        x[k] += noise[k]
    drift = 0.3 * rng.standard_normal((networks, 3)) * np.linspace(-1, 1, steps)[:, None, None]
    centre = 10 * rng.standard_normal((networks, 3))
    signs = rng.choice([-1.0, 1.0], (networks, 3))
    paths = xr.DataArray(signs * (x[50:] + drift + centre), dims=("step", "replica", "mode"))
    out = production_of_networks(
        paths, xr.DataArray(True), study.analyses["stationarity"].confidence, seed=1
    )
    ends = (float(out[f"entropy_production{end}"]) for end in ("", "_low", "_high"))
    return found(claim, study, with_interval("entropy_production", *ends))


def flatness_power(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Paths along directions of a ladder of curvatures whose noise makes the power a value.

    x' = (1 - rate h) x + noise of variance h**(at/2 + 1), whose variance falls with flatness**-at
    but for the size of steps. At the null of reshuffled batches, noise that is isotropic and sums
    to zero over every epoch.
    """
    of, rate = study.analyses["stationarity"], study.train.learning_rate
    networks, steps = of.replicas, steps_of(study)
    ladder = np.geomspace(0.04, 0.25, of.directions)[::-1].copy()
    ladder[0] = 0.85
    share = ladder * rng.lognormal(0, 0.1, (networks, of.directions))
    share[:, 0] = np.minimum(share[:, 0], 0.97)
    h = 2 * share / rate
    is_null = claim.where["sampling"] == "shuffle" and at == claim.at_null
    noise = rng.standard_normal((steps + 101, networks, of.directions))
    if is_null:
        epochs = noise[: len(noise) // UPDATES * UPDATES].reshape(-1, UPDATES, *noise.shape[1:])
        noise = (epochs - epochs.mean(axis=1, keepdims=True)).reshape(-1, *noise.shape[1:])
    size = rng.lognormal(0, 0.25, (networks, 1)) * rng.lognormal(0, 0.1, h.shape)
    noise = noise * size * (1.0 if is_null else h ** (at / 4 + 0.5))
    x = np.empty_like(noise)
    for r, k in np.ndindex(h.shape):
        x[:, r, k] = lfilter([1.0], [1.0, -(1 - rate * h[r, k])], noise[:, r, k])
    x = x[-steps:]
    time = np.arange(steps) - (steps - 1) / 2
    centred = x - x.mean(axis=0)
    slope = np.tensordot(time, centred, (0, 0)) / (time**2).sum()
    variance = ((centred - slope * time[:, None, None]) ** 2).sum(axis=0) / (steps - 2)
    axes = ("replica", "mode")
    data = xr.Dataset(
        {"direction_variance": (axes, variance), "direction_curvature": (axes, h),
         "burst_steps": steps},
        coords={"replica": np.arange(networks)},
    )  # fmt: skip
    return found(claim, study, data)


def stability_share(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Sharpness of networks that differ by a factor of 1.1, about a share of the largest stable."""
    networks = study.analyses["stationarity"].replicas
    edge = 2 * (1 + study.train.momentum) / study.train.learning_rate
    spread = 0.1
    own = at * edge * rng.lognormal(-(spread**2) / 2, spread, networks)
    sharpness = xr.DataArray(own, dims="replica", name="sharpness")
    return found(claim, study, mean_with_interval(sharpness, kind="positive"))


def full_fluctuation_ratio(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Groups:
    """Ratio of two averages over networks, which differ in both."""
    networks = study.train.replicas
    kinetic = rng.lognormal(0, 0.25, networks)
    full = kinetic * (at + RATIO[claim.where["sampling"]] * rng.standard_normal(networks))
    rows = np.stack([full, kinetic], axis=-1)
    value, each = (m[..., 0] / m[..., 1] for m in (finite_mean(rows), means_without_each(rows)))
    low, high = jackknife_interval(value, each, np.array(networks))
    return found(claim, study, with_interval("full_ratio", float(value), float(low), float(high)))


STATIONARITY: dict[str, Situation] = {
    "entropy_production": entropy_production,
    "flatness_power": flatness_power,
    "stability_share": stability_share,
    "full_fluctuation_ratio": full_fluctuation_ratio,
}
