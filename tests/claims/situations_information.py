"""Curves of information whose loss, rise and duration are known.

Scatter and noise are those of ``information_plane`` (fifty networks, layers 3 to 6): losses of 2 to
5 bits differ between networks by 34%, their mean over layers by 18%; I(T;Y) of the
output fluctuates from record to record by 0.015 bit; 90% of the fit is there at epoch 280 to 590.
Curves wander by 0.01 bit a record, so that layers that lose 0.2 bit differ between networks by 0.2
bit, as layer 2 does; under the null, by 0.05.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr
from counting import Situation
from scipy.optimize import brentq
from scipy.stats import norm

from sgdphys.claims.claim import Claim
from sgdphys.information.fit import loss_during_fit, relative_length
from sgdphys.study.cases import cases_of, short_names
from sgdphys.study.settings import Study
from sgdphys.study.sizes import updates_per_epoch
from sgdphys.trajectory.schedules import log_epochs

COMMON, OWN, LEAST = 0.1, 0.3, 0.1
"""Scatter of losses: of a network in all layers and of each layer, relative, and in bits."""
NOISE = np.array([0.001, 0.01, 0.1, 0.2, 0.2, 0.1], np.float32)
"""Bits by which I(X;T) of each layer fluctuates from record to record, independently."""
WANDERING, MORE_WANDERING = 0.01, 0.05
"""Steps of random walks of I(X;T) from record to record, bits."""
LABEL_NOISE, LABEL_SCATTER = 0.015, 0.4
TIMES = 0.25
"""Standard deviation over networks of the logarithm of the time that a fit takes."""
QUANTILES = norm.ppf((np.arange(41) + 0.5) / 41)

Case = tuple[dict[str, Any], Study, int]
"""Values of the swept keys of a case, its study, and its updates in an epoch."""


@lru_cache
def _cases(text: str) -> list[Case]:
    study = Study.model_validate_json(text)
    short = short_names(study.sweep.keys)
    found = []
    for case in cases_of(study).values() if study.sweep.keys else [study]:
        values = {}
        for key, name in short.items():
            value: Any = case
            for part in key.split("."):
                value = value[part] if isinstance(value, dict) else getattr(value, part)
            values[name.replace(".", "_")] = value
        found.append((values, case, updates_per_epoch(case) or 1))
    return found


_texts: dict[int, str] = {}


def all_cases(study: Study) -> list[Case]:
    """The cases of a study's sweep, or the study itself."""
    text = _texts.setdefault(
        id(study), study.model_copy(update={"claims": {}, "result": ""}).model_dump_json()
    )
    return _cases(text)


def chosen(study: Study, where: Mapping[str, Any]) -> list[Case]:
    """The cases that a claim chooses."""

    def is_in(values: Mapping[str, Any]) -> bool:
        asked = ((v, where.get(k)) for k, v in values.items())
        return all(w is None or v in (w if isinstance(w, list) else [w]) for v, w in asked)

    return [case for case in all_cases(study) if is_in(case[0])]


def axes(case: Case, analysis: str) -> dict[str, np.ndarray]:
    """Recorded epochs, networks and layers of an analysis of a case."""
    _, study, _ = case
    settings = study.analyses[analysis]
    epochs = getattr(settings, "epochs", ())
    replicas = getattr(settings, "replicas", 0) or study.train.replicas
    return {
        "epoch": np.array(epochs) if epochs else log_epochs(study.train.epochs),
        "replica": np.arange(min(replicas, study.train.replicas)),
        "layer": np.arange(1, len(study.network.layers) + 2),
    }


def horizon(claim: Claim, case: Case) -> float:
    """Epoch at which a claim stops reading the curves of a case."""
    _, study, updates = case
    last = float(claim.where.get("until_epoch", study.train.epochs))
    return min(last, claim.where.get("until_updates", np.inf) / updates)


def results(
    claim: Claim, study: Study, make: Callable[[Case, dict[str, np.ndarray], int], xr.Dataset]
) -> Mapping[str, xr.Dataset]:
    """Results of the case that a claim is about, and of that which it is compared with."""
    sides = [chosen(study, claim.where)]
    if claim.against:
        sides.append(chosen(study, {**claim.where, **claim.against}))
    analysis = str(claim.where.get("analysis", "information"))
    parts, names = [], []
    places = {str(case[0]): (case, side) for side, cases in enumerate(sides) for case in cases}
    for case, side in places.values():
        along = axes(case, analysis)
        data = make(case, along, side).assign_coords(along)
        parts.append(data.assign_coords(updates=("epoch", along["epoch"] * float(case[2]))))
        names.append(case[0])
    if len(parts) == 1 and not names[0]:
        return {analysis: parts[0].assign_attrs(of="information")}
    whole = xr.concat(parts, dim="case", join="outer", data_vars="all", coords="different",
                      compat="equals")  # fmt: skip
    swept = {f"swept_{k}": ("case", [n[k] for n in names]) for k in names[0]}
    whole = whole.assign_coords(case=[str(k) for k in range(len(parts))], **swept)
    return {analysis: whole.assign_attrs(of="information")}


def fluctuations(shape: tuple[int, ...], rng: np.random.Generator, step: float) -> np.ndarray:
    """Noise of every record and random walks along the first axis, which is that of records."""
    noise = NOISE * rng.standard_normal(shape, dtype=np.float32)
    if step:
        steps = rng.standard_normal(shape, dtype=np.float32)
        noise += np.cumsum(steps, axis=0, out=steps) * np.float32(step)
    return noise


def step_of(claim: Claim, at: float) -> float:
    """How much curves wander: most under the null."""
    return MORE_WANDERING if at == claim.at_null else WANDERING


def losses(mean: np.ndarray, replicas: int, rng: np.random.Generator) -> np.ndarray:
    """Bits that each network's layers lose (replica, layer)."""
    common = COMMON * rng.standard_normal((replicas, 1))
    own = OWN * rng.standard_normal((replicas, len(mean)))
    return mean * (1 + common + own) + LEAST * rng.standard_normal(own.shape)


def falling(epoch: np.ndarray, begin: Any, end: float) -> np.ndarray:
    """Share of a loss that is done, (epoch, ...): like a logarithm between two epochs."""
    time = np.log(np.maximum(epoch, 1e-9)).reshape(-1, *[1] * np.ndim(begin))
    first = np.log(begin)
    return np.clip((time - first) / (np.log(end) - first), 0, 1)


def rising(epoch: np.ndarray, half: Any) -> np.ndarray:
    """Share of a fit that is done, (epoch, ...)."""
    time = np.asarray(epoch, float).reshape(-1, *[1] * np.ndim(half))
    return time / (time + half)


def about_y(along: Mapping[str, np.ndarray], half: np.ndarray, rng: np.random.Generator) -> Any:
    """I(T;Y) (epoch, replica, layer), of the output with given times of the fit (replica,)."""
    shape = tuple(map(len, along.values()))
    curve = 0.02 + 0.93 * rising(along["epoch"], half)
    curves = np.repeat(curve[..., None], shape[-1], axis=-1)
    noise = rng.standard_normal(shape, dtype=np.float32)
    return tuple(along), curves + LABEL_NOISE * noise


def _uneven(layers: int) -> np.ndarray:
    """What each layer loses over what they lose on average."""
    return np.linspace(0.5, 1.5, layers) if layers > 1 else np.ones(layers)


def bits_lost(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Layers that lose so many bits on average, some more and some less, after a rise.

    Of two cases the first loses so many more than the second, which loses 2 bits. After the epoch
    at which a claim stops reading, losses go on.
    """
    layers = np.atleast_1d(claim.where.get("layer", np.arange(1, 7)))

    def make(case: Case, along: dict[str, np.ndarray], side: int) -> xr.Dataset:
        mean = 2.0 if side else at + 2.0 * bool(claim.against)
        profile = np.full(len(along["layer"]), mean)
        profile[layers - 1] *= _uneven(len(layers))
        last, (epochs, networks, _) = horizon(claim, case), map(len, along.values())
        onset = last ** np.clip(rng.normal(0.575, 0.03, (networks, len(profile))), 0, 0.9)
        own = losses(profile, networks, rng)
        rise = 0.5 * falling(along["epoch"], 1.0, last**0.3)[:, None, None]
        later = np.maximum(np.log(np.maximum(along["epoch"], 1) / last), 0)[:, None, None]
        curve = 9 + rise - own * (falling(along["epoch"], onset, last) + later)
        noise = fluctuations((epochs, *onset.shape), rng, step_of(claim, at))
        return xr.Dataset({"I_XT": (tuple(along), curve + noise)})

    return results(claim, study, make)


def least_bits_lost(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Every layer in every case loses 2 bits, but those of one case the given number on average.

    Where the claim describes it, layers lose no more than that in every case.
    """
    one = str(rng.choice([str(case[0]) for case in chosen(study, claim.where)]))
    layers = np.atleast_1d(claim.where["layer"])

    def make(case: Case, along: dict[str, np.ndarray], side: int) -> xr.Dataset:
        mean = np.full(len(along["layer"]), 2.0)
        if str(case[0]) == one or at == claim.detects:
            mean[layers - 1] = at * _uneven(len(layers))
        epochs, networks, _ = map(len, along.values())
        onset = np.exp(rng.normal(np.log(200), 0.3, (networks, len(mean))))
        curve = 9 - losses(mean, networks, rng) * falling(along["epoch"], onset, 1e4)
        noise = fluctuations((epochs, *onset.shape), rng, step_of(claim, at))
        return xr.Dataset({"I_XT": (tuple(along), curve + noise)})

    return results(claim, study, make)


def bits_lost_after_fit(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """One bit is lost at once, during the fit, and so many bits after it."""

    def make(case: Case, along: dict[str, np.ndarray], side: int) -> xr.Dataset:
        epochs, networks, layers = map(len, along.values())
        half = 44 * np.exp(TIMES * rng.standard_normal(networks))
        onset = np.exp(rng.normal(np.log(1500), 0.2, (networks, layers)))
        own = losses(np.full(layers, at), networks, rng)
        early = falling(along["epoch"], 2.0, 40.0)[:, None, None]
        curve = 9 - early - own * falling(along["epoch"], onset, 1e4)
        noise = fluctuations((epochs, networks, layers), rng, step_of(claim, at))
        data = {"I_XT": (tuple(along), curve + noise), "I_TY": about_y(along, half, rng)}
        return xr.Dataset(data)

    return results(claim, study, make)


def _mean_curves(epoch: np.ndarray, half: float, fall: Callable[[Any], np.ndarray]) -> Any:
    """Curves of infinitely many networks without noise: I(X;T) (1, epoch) and I(T;Y) (epoch,)."""
    times = np.exp(TIMES * QUANTILES)
    return 10 - 4 * fall(times).mean(axis=1)[None], rising(epoch, half * times).mean(axis=1)


def _calibrated(value: Callable[[float], float], at: float, low: float, high: float) -> float:
    """The parameter at which a value that rises with it is right; an end of its range beyond."""
    if value(low) >= at:
        return low
    return high if value(high) <= at else float(brentq(lambda p: value(p) - at, low, high))


def _around_the_fit(epoch: np.ndarray, times: Any, done: float, fitted: float) -> np.ndarray:
    """Share of a loss: a given part from epoch 60 to a share of the fit, then the rest."""
    clock = np.log(np.maximum(epoch[:, None] / times, 1e-9))
    level = fitted * rising(epoch[-1:], 44.0)[0]
    first, fit, last = np.log(60), np.log(44 * level / (1 - level)), np.log(epoch[-1] / times)
    before = done * np.clip((clock - first) / (fit - first), 0, 1)
    return np.asarray(before + (1 - done) * np.clip((clock - fit) / (last - fit), 0, 1))


@lru_cache
def _done(last: int, at: float, fitted: float) -> float:
    epoch = log_epochs(last).astype(float)

    def share(done: float) -> float:
        curves = _mean_curves(
            epoch, 44.0, lambda times: _around_the_fit(epoch, times, done, fitted)
        )
        return float(loss_during_fit(*curves, fitted)[0])

    return _calibrated(share, at, 0.0, 1.0)


def loss_done_by_fit(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """A given share of the loss of the mean curve is done at the end of the fit.

    Networks have clocks of their own, by which both curves run.
    """
    fitted = float(claim.where.get("fitted", 0.9))
    done = _done(study.train.epochs, at, fitted)

    def make(case: Case, along: dict[str, np.ndarray], side: int) -> xr.Dataset:
        epochs, networks, layers = map(len, along.values())
        times = np.exp(TIMES * rng.standard_normal(networks))
        fall = _around_the_fit(along["epoch"].astype(float), times, done, fitted)[..., None]
        own = losses(np.full(layers, 4.0), networks, rng)
        noise = fluctuations((epochs, networks, layers), rng, WANDERING)
        data = {"I_XT": (tuple(along), 9 - own * fall + noise)}
        return xr.Dataset({**data, "I_TY": about_y(along, 44 * times, rng)})

    return results(claim, study, make)


@lru_cache
def _end(last: int, at: float, shorter: float) -> float:
    """Epoch at which losses must end, for a ratio of lengths or for its growth with the run."""
    whole = log_epochs(last).astype(float)
    half, begin = 44e-4 * last, 150e-4 * last

    def length(epoch: np.ndarray, end: float) -> float:
        x, y = _mean_curves(epoch, half, lambda times: falling(epoch, begin * times, end))
        return float(relative_length(x, y, epoch)[0])

    def value(end: float) -> float:
        if not shorter:
            return length(whole, end)
        return length(whole, end) / length(whole[whole <= shorter], end)

    return _calibrated(value, at, 1.2 * begin, (20.0 if shorter else 1.0) * last)


def phase_lengths(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Losses that take so many times as long as the fit, or grow so much with the run."""
    last = int(claim.where.get("until_epoch", study.train.epochs))
    end = _end(last, at, float(claim.against.get("until_epoch", 0)))

    def make(case: Case, along: dict[str, np.ndarray], side: int) -> xr.Dataset:
        epochs, networks, layers = map(len, along.values())
        times = np.exp(TIMES * rng.standard_normal(networks))
        fall = falling(along["epoch"], 150e-4 * last * times, end)[..., None]
        own = losses(np.full(layers, 4.0), networks, rng)
        noise = fluctuations((epochs, networks, layers), rng, WANDERING)
        data = {"I_XT": (tuple(along), 9 - own * fall + noise)}
        return xr.Dataset({**data, "I_TY": about_y(along, 44e-4 * last * times, rng)})

    return results(claim, study, make)


@lru_cache
def _half(last: int, at: float, by: float) -> float:
    times = np.exp(TIMES * QUANTILES)

    def minus_share(half: float) -> float:
        early, end = (t / (t + half * times) for t in (by, last))
        return -float((early / end).mean())

    return _calibrated(minus_share, -at, 1.0, 1e4)


def early_fit(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Fits of which a given share is there at an epoch, on average over networks."""
    half = _half(study.train.epochs, at, float(claim.where["epoch"]))

    def make(case: Case, along: dict[str, np.ndarray], side: int) -> xr.Dataset:
        times = np.exp(TIMES * rng.standard_normal(len(along["replica"])))
        curves = about_y(along, half * times, rng)
        return xr.Dataset({"I_TY": curves, "I_XT": curves})

    return results(claim, study, make)


def label_bits_lost(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Outputs that lose so much of the label after a fit; of two cases the second loses 0.02."""

    def make(case: Case, along: dict[str, np.ndarray], side: int) -> xr.Dataset:
        epochs, networks, layers = map(len, along.values())
        mean = 0.02 if side else at + 0.02 * bool(claim.against)
        own = mean * (1 + LABEL_SCATTER * rng.standard_normal((networks, layers)))
        last = horizon(claim, case)
        onset = last ** np.clip(rng.normal(0.575, 0.03, (networks, layers)), 0, 0.9)
        fit = 0.9 * falling(along["epoch"], 1.0, last**0.4)[:, None, None]
        curve = fit - own * falling(along["epoch"], onset, last)
        noise = fluctuations((epochs, networks, layers), rng, step_of(claim, at)) / 10
        return xr.Dataset({"I_TY": (tuple(along), curve + noise)})

    return results(claim, study, make)


def largest_step(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Final bits whose largest step takes a given share of their range; the others are equal."""
    cases = [str(case[0]) for case in all_cases(study)]
    steps = np.full(len(cases) - 1, (1 - at) / (len(cases) - 2))
    steps[rng.integers(len(steps))] = at
    level = 3 * np.r_[0, np.cumsum(steps)]
    networks = rng.normal(0, 0.5, (study.train.replicas, 6))

    def make(case: Case, along: dict[str, np.ndarray], side: int) -> xr.Dataset:
        shape = tuple(map(len, along.values()))
        noise = fluctuations(shape, rng, 0.0) + rng.normal(0, 0.5, shape[1:])
        curves = 5 + level[cases.index(str(case[0]))] + networks + noise
        return xr.Dataset({"I_XT": (tuple(along), curves)})

    return results(claim, study, make)


def order_violations(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Violations in pairs of records, at a share of them that differs between networks."""

    def make(case: Case, along: dict[str, np.ndarray], side: int) -> xr.Dataset:
        epochs, networks, layers = map(len, along.values())
        share = np.full(networks, at)
        if 0 < at < 1:  # differs between networks as much as it is, or by 0.17
            spread = at * (1 - at) / min(at**2, 0.03) - 1
            share = rng.beta(spread * at, spread * (1 - at), networks)
        flags = np.repeat(rng.random((epochs // 2 + 1, networks)) < share, 2, axis=0)[:epochs]
        ends = np.zeros((epochs, networks, layers))
        names = tuple(along)
        return xr.Dataset(
            {"order_violations": (names[:2], flags.astype(int)), "I_XT": (names, ends)}
        )

    return results(claim, study, make)


INFORMATION: dict[str, Situation] = {
    made.__name__: made
    for made in (
        bits_lost, least_bits_lost, bits_lost_after_fit, loss_done_by_fit, phase_lengths,
        early_fit, label_bits_lost, largest_step, order_violations,
    )
}  # fmt: skip
