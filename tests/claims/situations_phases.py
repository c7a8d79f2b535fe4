"""Gradients whose noise exceeds the drift at known epochs, and layers that compress after them.

Spreads are those of fifty networks of information_plane.toml, seed 1: the transition of a layer
differs between networks by 0.43 in its logarithm, nearly the same for the layers of one network;
from record to record the logarithm of mean over spread has a noise of 0.5.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import xarray as xr
from counting import Situation
from sweeps import axes, cases_of, falling, joined, wandering

from sgdphys.analyses.phases.readings import READINGS, transition
from sgdphys.claims.claim import Claim
from sgdphys.information.onset import loss_epoch
from sgdphys.study.settings import Study
from sgdphys.trajectory.schedules import log_epochs

BETWEEN_NETWORKS = 0.43
OF_LAYER = 0.1
"""Standard deviations of log transition: shared by the layers of a network, and of its layers."""
RECORD_NOISE = 0.5
WINDOW_NOISE = 0.1
"""Standard deviation between networks of a layer's log ratio, averaged over a window."""
BELOW_FROM_START = 0.15
"""Share of layers whose noise is above the drift from the start."""
CURVES = ("epoch", "replica", "layer")
Groups = Mapping[str, xr.Dataset]


def scattered(
    centre: float, shape: tuple[int, ...], rng: np.random.Generator, spread: float = 0.43
) -> np.ndarray:
    """Times (replica, layer) whose logarithms have a centre, scatter, and lasting layer effects."""
    of_layers = 0.15 * np.cos(np.arange(shape[1]) * 2 * np.pi / shape[1])
    networks = spread * rng.standard_normal((shape[0], 1))
    return np.exp(np.log(centre) + of_layers + networks + OF_LAYER * rng.standard_normal(shape))


def ratios(epoch: np.ndarray, at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ratios (epoch, replica, layer) that fall below 1 at given epochs and stay at a tenth."""
    log = 2 * (np.log1p(at) - np.log1p(epoch)[:, None, None])
    noise = RECORD_NOISE * rng.standard_normal((len(epoch), *at.shape))
    # early records are smooth: nothing swings yet
    noise *= np.clip(0.3 - 0.4 * log, 0.1, 1)
    return np.exp(np.clip(log, -2.3, 1) + noise)


def phases(epoch: np.ndarray, at: np.ndarray, reading: str, rng: np.random.Generator) -> xr.Dataset:
    """Results of the analysis with the transitions of one reading at given epochs."""
    values = ratios(epoch, at, rng)
    if reading == "samples":
        values = values / values.max() * 0.3
    along = {"epoch": epoch, "replica": np.arange(len(at)), "layer": np.arange(1, 1 + at.shape[1])}
    return xr.Dataset(with_samples(values, reading), along, {"of": "phases"})


def with_samples(values: np.ndarray, reading: str) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Curves of a reading, and those of single samples, which every run has."""
    return {READINGS["samples"]: (CURVES, 0.1 * np.ones(values.shape)),
            READINGS[reading]: (CURVES, values)}  # fmt: skip


def plane(
    epoch: np.ndarray, onset: np.ndarray, rng: np.random.Generator, scale: float = 1.0
) -> xr.Dataset:
    """Curves of information that lose three bits, a tenth of them by given epochs."""
    last = np.log(epoch[-1])
    start = np.exp((np.log(onset) - 0.1 * last) / 0.9)
    lost = 3 + 0.6 * rng.standard_normal(onset.shape)
    shape = (len(epoch), *onset.shape)
    curves = 10 - lost * falling(epoch, start) + scale * wandering(shape, rng)
    rise = np.clip(np.log1p(epoch) / np.log(200), 0, 1)[:, None, None] * np.ones(shape)
    along = {"epoch": epoch, "replica": np.arange(len(onset)),
             "layer": np.arange(1, 1 + onset.shape[1])}  # fmt: skip
    return xr.Dataset(
        {"I_XT": (CURVES, curves), "I_TY": (CURVES, rise)}, along, {"of": "information"}
    )


@lru_cache
def bias(what: str, reading: str, epochs: int, centre: float) -> float:
    """Factor by which noise of the curves moves a measured epoch, from many networks."""
    rng = np.random.default_rng(1)
    epoch = log_epochs(epochs)
    at = scattered(centre, (1500, 2), rng)
    if what == "transition":
        made = phases(epoch, at, reading, rng)[READINGS[reading]]
        found = transition(made, reading).to_numpy()
    else:
        found = loss_epoch(plane(epoch, at, rng)["I_XT"], 0.1).to_numpy()
    return float(np.exp(np.nanmean(np.log(found / at))))


def unbiased(what: str, reading: str, epochs: int, centre: float) -> float:
    """Centre of the times whose measured geometric mean is the wanted one."""
    centre = float(centre)
    wanted = centre
    for _ in range(3):
        centre = wanted / bias(what, reading, epochs, round(centre, 6))
    return centre


def with_some_below(at: np.ndarray, reading: str, rng: np.random.Generator) -> np.ndarray:
    """Transitions of which some lie before the first record.

    The ratio of single samples falls from its own largest value, so that none does.
    """
    if reading == "samples":
        return at
    return np.where(rng.random(at.shape) < BELOW_FROM_START, -0.9, at)


def reading_in(claim: Claim) -> str:
    return str(claim.where.get("reading", "followed"))


def case_of(parts: dict[str, xr.Dataset], claim: Claim, study: Study) -> Groups:
    """Results as those of the only case, or of the case of a sweep, that a claim is about."""
    (keys,) = cases_of(claim, study)
    return {name: joined([data], [keys]) for name, data in parts.items()}


def transition_epoch(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Networks whose noise exceeds the drift about a given epoch, each at its own."""
    along, reading = axes(study), reading_in(claim)
    shape = (len(along["replica"]), len(along["layer"]))
    centre = unbiased("transition", reading, study.train.epochs, at)
    times = with_some_below(scattered(centre, shape, rng), reading, rng)
    return case_of({"phases": phases(along["epoch"], times, reading, rng)}, claim, study)


def onset_after_transition(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Groups:
    """Layers that begin to compress at a multiple of their transition, apart from scatter."""
    along, reading = axes(study), reading_in(claim)
    shape = (len(along["replica"]), len(along["layer"]))
    crossing, begin = 60.0, 60.0 * at
    centres = [
        unbiased(what, reading, study.train.epochs, centre)
        for what, centre in (("transition", crossing), ("onset", begin))
    ]
    times, onset = (scattered(c, shape, rng) for c in centres)
    parts = {
        "phases": phases(along["epoch"], with_some_below(times, reading, rng), reading, rng),
        "information": plane(along["epoch"], onset, rng),
    }
    return case_of(parts, claim, study)


def onset_with_transition(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Groups:
    """Networks whose transition and onset have a rank correlation, the same in all layers.

    Layers differ from each other in both times and in the same direction, and those of a network
    resemble each other.
    """
    along, reading = axes(study), reading_in(claim)
    shape = (len(along["replica"]), len(along["layer"]))
    pearson = 2 * np.sin(np.pi * at / 6)
    first, own = (
        0.9 * rng.standard_normal((shape[0], 1)) + np.sqrt(0.19) * rng.standard_normal(shape)
        for _ in range(2)
    )
    second = pearson * first + np.sqrt(1 - pearson**2) * own
    layers = 0.2 * np.arange(shape[1])
    times, onset = (
        np.exp(np.log(40) + layers + 0.43 * first),
        np.exp(np.log(400) + layers + 0.3 * second),
    )
    epoch = along["epoch"]
    exact = np.exp(2 * (np.log1p(times) - np.log1p(epoch)[:, None, None]))
    made = phases(epoch, times, reading, rng)
    made[READINGS[reading]] = (CURVES, exact)
    parts = {"phases": made, "information": plane(epoch, onset, rng, scale=0.0)}
    return case_of(parts, claim, study)


@lru_cache
def layer_scale(at: float, layers: int) -> float:
    """Size of a pattern of layers for which the mean spread over layers is the wanted one."""
    pattern = patterns(layers)
    noise = WINDOW_NOISE * np.random.default_rng(2).standard_normal((20_000, layers))
    low, high = 0.0, 3.0
    for _ in range(40):
        middle = (low + high) / 2
        spread = (middle * pattern + noise).std(axis=1).mean()
        low, high = (middle, high) if spread < np.log(at) else (low, middle)
    return (low + high) / 2


def patterns(layers: int) -> np.ndarray:
    """Log ratios of layers of unit spread: the last layers stand out."""
    shape = np.arange(layers) ** 2.0
    return (shape - shape.mean()) / shape.std()


def ratio_spread(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Ratios that differ between layers by a factor in one window, and otherwise in the others.

    Layers 3 to the last compress, the first two do not.
    """
    along, reading = axes(study), reading_in(claim)
    epoch, replicas, layers = (len(v) for v in along.values())
    onset = scattered(300.0, (replicas, layers), rng, 0.3)
    information = plane(along["epoch"], onset, rng)
    information["I_XT"][:, :, :2] = 12.0
    mean = information["I_XT"].mean("replica")[:, 2:]
    begin, end = (float(loss_epoch(mean, share).median()) for share in (0.1, 0.9))
    is_in = along["epoch"] > end
    if claim.where["window"] == "compression":
        is_in = (along["epoch"] >= begin) & (along["epoch"] <= end)
    size = np.where(is_in, layer_scale(at, layers), 0.6)
    networks = rng.normal(-2, 0.05, (1, replicas, 1))
    own = WINDOW_NOISE * rng.standard_normal((1, replicas, layers))
    records = RECORD_NOISE * rng.standard_normal((epoch, replicas, layers))
    records -= records[is_in].mean(axis=0)  # the own scatter of a window holds theirs
    log = networks + own + size[:, None, None] * patterns(layers) + records
    data = xr.Dataset(with_samples(np.exp(log), reading), along, {"of": "phases"})
    return {"phases": data, "information": information}


def displacement_cosine(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Displacements whose mean cosine has a value while layers compress, and another elsewhere.

    Networks and layers differ by 0.15, records by 0.35, and every network drifts at the start.
    """
    along = axes(study)
    epoch, replicas, layers = (len(v) for v in along.values())
    information = plane(along["epoch"], scattered(300.0, (replicas, layers), rng, 0.3), rng)
    mean = information["I_XT"].mean("replica")
    begin, end = (float(loss_epoch(mean, share).median()) for share in (0.1, 0.9))
    is_in = (along["epoch"] >= begin) & (along["epoch"] <= end)
    centre = np.where(is_in, at, np.where(along["epoch"] < begin, 0.8, 0.4))[:, None, None]
    own = 0.15 * rng.standard_normal((1, replicas, 1)) + 0.15 * rng.standard_normal(
        (1, replicas, layers)
    )
    values = centre + own + 0.35 * rng.standard_normal((epoch, replicas, layers))
    data = xr.Dataset(
        {**with_samples(values, "fixed"), "own_displacement_cosine": (CURVES, values)}, along,
        {"of": "phases"},
    )  # fmt: skip
    return case_of({"phases": data, "information": information}, claim, study)


def sample_ratio_drop(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Networks whose ratio of single samples falls by a factor, each by its own."""
    layers = len(cases_layers(claim, study)) + 1
    shape = (study.train.replicas, layers)
    first = np.exp(rng.normal(np.log(0.13), 0.2, shape))
    drop = scattered(at, shape, rng) / np.exp(0.15 * np.cos(np.arange(layers) * 2 * np.pi / layers))
    data = xr.Dataset(
        {"first_sample_ratio": (CURVES[1:], first),
         "late_sample_ratio": (CURVES[1:], first / drop)},
        {"replica": np.arange(shape[0]), "layer": np.arange(1, layers + 1)},
        {"of": "phases"},
    )  # fmt: skip
    return case_of({"phases": data}, claim, study)


def cases_layers(claim: Claim, study: Study) -> tuple[int, ...]:
    """Hidden layers of the case that a claim is about."""
    layers = claim.where["layer"]
    most = max(layers) if isinstance(layers, list) else int(layers)
    return tuple(range(most - 1))


def settings_of(study: Study) -> tuple[np.ndarray, np.ndarray]:
    """Rate and updates of an epoch, of every case of a sweep in step."""
    keys = study.sweep.keys
    rate, batch = (np.array(keys[f"train.{n}"], float) for n in ("learning_rate", "batch_size"))
    return rate, np.ceil(round(4096 * study.train.train_fraction) / batch)


RECORDS = 80
"""Recorded epochs of every setting; more make no difference to noiseless curves."""
PACE = 0.7
"""Sum of learning rates in an epoch; in these results the same in all settings."""


def over_settings(
    study: Study, claim: Claim, log_onset: np.ndarray, log_crossing: np.ndarray,
    log_fit: np.ndarray, rng: np.random.Generator,
) -> Groups:  # fmt: skip
    """Results of the cases of a sweep whose events lie at given log times of gradient flow.

    Networks start alike in all settings, and keep their lead or lag in each.
    """
    count, replicas, layers = len(log_fit), study.train.replicas, len(study.network.layers) + 1
    epoch = np.unique(np.r_[0, np.rint(np.geomspace(1, 2000, RECORDS))]).astype(int)
    shape = (count, replicas, layers)
    crossing, onset = (
        np.exp(
            centre[:, None, None] - np.log(PACE)
            + 0.3 * rng.standard_normal((1, replicas, 1)) + OF_LAYER * rng.standard_normal(shape)
        ).reshape(count * replicas, layers)
        for centre in (log_crossing, log_onset)
    )  # fmt: skip
    times = np.log1p(epoch)[:, None, None]
    events = {READINGS[reading_in(claim)]: np.exp(2 * (np.log1p(crossing) - times))}
    events[READINGS["samples"]] = np.ones((len(epoch), count * replicas, layers))
    reached = np.log1p(epoch * PACE)[:, None] / (log_fit / 0.9)
    curves = {"I_XT": plane(epoch, onset, rng, scale=0.0)["I_XT"].to_numpy()}
    curves["I_TY"] = np.repeat(np.clip(reached, 0, 1), replicas, 1)[..., None] * np.ones(layers)
    along = {
        "case": list(map(str, range(count))), "epoch": epoch, "replica": np.arange(replicas),
        "layer": np.arange(1, layers + 1),
        "flow_time": (("case", "epoch"), np.tile(PACE * epoch, (count, 1))),
    }  # fmt: skip
    return {
        kind: xr.Dataset(
            {n: (("epoch", "case", "replica", "layer"), v.reshape(len(epoch), *shape))
             for n, v in made.items()},
            along, {"of": kind},
        )
        for kind, made in (("phases", events), ("information", curves))
    }  # fmt: skip


BETWEEN_SETTINGS = 0.15
"""Standard deviation of a setting's log onset about any law."""


def onset_per_transition(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Settings whose log onset follows log transition with a slope, and the time of the fit."""
    rate, updates = settings_of(study)
    count = len(rate)
    noisier = np.log(rate) + 0.5 * np.log(updates)
    crossing = np.log(20) + 0.5 * (noisier - noisier.mean()) / noisier.std()
    crossing = crossing + 0.1 * rng.standard_normal(count)
    fit = np.log(60) + 0.2 * (crossing - crossing.mean()) + 0.15 * rng.standard_normal(count)
    onset = np.log(220) + at * (crossing - crossing.mean()) + 0.5 * (fit - np.log(60))
    onset = onset + BETWEEN_SETTINGS * rng.standard_normal(count)
    return over_settings(study, claim, onset, crossing, fit, rng)


def onset_time_factor(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> Groups:
    """Settings whose onset differs by a factor in time of gradient flow."""
    count = len(settings_of(study)[0])
    onset = np.log(220) + np.log(at) * rng.standard_normal(count)
    crossing = np.log(20) + 0.5 * rng.standard_normal(count)
    fit = np.log(60) + 0.2 * rng.standard_normal(count)
    return over_settings(study, claim, onset, crossing, fit, rng)


NOISE_SCALE = 200.0
BETWEEN_RUNS = 0.3
"""Standard deviation of log updates of one network between batch sizes and rates: that of four
networks of critical_batch.toml, seed 99, at batches 32 to 128; their noise scales differ by 0.5."""
OFF_THE_LAW = 0.05
"""Root mean square deviation of the mean log updates from the law, from batch to batch."""


def critical_batch_over_noise_scale(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Groups:
    """Updates by the law with a critical size that is a multiple of the noise scale.

    Networks are fast or slow at all batch sizes and rates, rates away from the best one cost more,
    and the noise scale differs from network to network and from batch to batch.
    """
    keys = study.sweep.keys
    batches, rates = (
        np.array(keys[f"train.{name}"], float) for name in ("batch_size", "learning_rate")
    )
    samples = round(4096 * study.train.train_fraction)
    size = samples / np.ceil(samples / batches)
    replicas = study.train.replicas
    law = np.log(100 * (1 + at * NOISE_SCALE / size)) + OFF_THE_LAW * rng.standard_normal(len(size))
    cost = 0.5 * (np.log(rates) - np.log(0.3) - 0.2 * np.log(size / 512)[:, None]) ** 2
    cost -= cost.min(axis=1, keepdims=True)
    networks = 0.25 * rng.standard_normal(replicas)
    shape = (len(size), len(rates), replicas)
    logs = law[:, None, None] + cost[..., None] + networks
    logs = logs + BETWEEN_RUNS * rng.standard_normal(shape)
    scale = np.log(NOISE_SCALE) + 0.5 * rng.standard_normal(replicas) - 0.3 * networks
    scale = scale + 0.3 * rng.standard_normal(shape)
    count = len(size) * len(rates)
    data = xr.Dataset(
        {
            "steps_to_loss": (("case", "replica"), np.exp(logs).reshape(count, replicas)),
            "mean_noise_scale": (("case", "replica"), np.exp(scale).reshape(count, replicas)),
            "mean_batch_size": ("case", np.repeat(size, len(rates))),
        },
        {
            "swept_batch_size": ("case", np.repeat(batches, len(rates))),
            "swept_learning_rate": ("case", np.tile(rates, len(size))),
        },
        {"of": "critical_batch"},
    )
    return {"critical_batch": data}


PHASES: dict[str, Situation] = {
    "critical_batch_over_noise_scale": critical_batch_over_noise_scale,
    "transition_epoch": transition_epoch,
    "onset_after_transition": onset_after_transition,
    "onset_with_transition": onset_with_transition,
    "onset_per_transition": onset_per_transition,
    "onset_time_factor": onset_time_factor,
    "ratio_spread": ratio_spread,
    "displacement_cosine": displacement_cosine,
    "sample_ratio_drop": sample_ratio_drop,
}
