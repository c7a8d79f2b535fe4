"""Layers and the bound, doses, linear networks, units and networks whose values are known."""

import functools
from collections.abc import Mapping

import numpy as np
import xarray as xr
from counting import Situation
from scipy.stats import norm, rankdata
from sweeps import cases_of, joined

from sgdphys.claims.claim import Claim
from sgdphys.intervals import jackknife_interval, means_without_each
from sgdphys.study.settings import Study

GROUPS = Mapping[str, xr.Dataset]
BIRTHS = {
    0.99: [1.005, 46.5895, 47.5147], 0.9: [1.0929, 3.7147, 5.3761, 20.0224, 22.8449, 25.6303],
    0.7: [1.3469, 3.7276, 7.148, 11.3543, 24.1463, 24.1918],
    0.5: [1.7848, 4.6674, 8.1969, 13.8787, 22.2112, 23.0694],
}  # fmt: skip
"""Onset and bifurcations of the symmetric rule, by its information in bits."""
# scatter between networks below: six networks of bottleneck.toml at epoch 3000, four of
# linear_teacher.toml, eight of clustering.toml at epoch 1500, fifty of information_plane.toml
GAP_SCATTER = 0.5
"""Standard deviation of a gap over its mean, of the output at 0.99 bit."""
MOST_GAP_SCATTER = 0.05
INPUTS = np.array([12, 10, 7, 5, 4])
SQUARES_SCATTER = np.array([0.011, 0.063, 0.13, 0.18, 0.175])
"""Of the mean squared cosine of a network's units, by layer."""
SIMILARITY_ERRORS = np.array([0.009, 0.007, 0.008, 0.013, 0.02])
"""Standard errors of matched overlaps of fifty networks, by layer."""
RANDOM_SIMILARITY = np.array([0.49, 0.45, 0.47, 0.50, 0.52])


def sweep_of(claim: Claim, study: Study) -> list[dict[str, object]]:
    """Values of the swept keys of every case that a claim reads, by their last names."""
    keys = {name.rpartition(".")[2]: values for name, values in study.sweep.keys.items()}
    every = [dict(zip(keys, values, strict=True)) for values in zip(*keys.values(), strict=True)]
    sides = claim.where, {**claim.where, **claim.against}
    return [one for one in every if any(matches(one, side) for side in sides)]


def gamma(mean: float, spread: float, shape: tuple[int, ...], rng: np.random.Generator) -> object:
    """Positive values of a mean and a standard deviation."""
    order = (mean / spread) ** 2
    return rng.gamma(order, mean / order, shape)


def of_cases(claim: Claim, study: Study, each: list[dict[str, object]], kind: str) -> GROUPS:
    """Results of every case of a study's sweep, from variables over its axes."""
    keys = sweep_of(claim, study)
    parts = []
    for variables in each:
        data = xr.Dataset(variables)
        firsts = {"replica": 0, "layer": 1}
        coords = {n: np.arange(k, k + data.sizes[n]) for n, k in firsts.items() if n in data.dims}
        coords |= {"epoch": np.arange(data.sizes["epoch"])} if "epoch" in data.dims else {}
        parts.append(data.assign_coords(coords))
    whole = xr.concat(parts, dim="case", data_vars="all", combine_attrs="override")
    named = {
        f"swept_{k}": ("case", [str(v) if isinstance(v := one[k], list) else v for one in keys])
        for k in keys[0]
    }
    whole = whole.assign_coords(case=[str(k) for k in range(len(parts))], **named)
    return {kind: whole.assign_attrs(of=kind)}


def on_the_bound(claim: Claim, study: Study, values: list[dict[str, np.ndarray]]) -> GROUPS:
    """Variables (replica, layer) of every case, at the end and at the lowest test loss."""
    dims = ("epoch", "replica", "layer")
    each: list[dict[str, object]] = []
    for variables, keys in zip(values, sweep_of(claim, study), strict=True):
        both = {n: (dims, v if v.ndim == 3 else np.stack([v, v])) for n, v in variables.items()}
        last = next(iter(both.values()))[1].shape[0] - 1
        births = BIRTHS[float(str(keys["information"]))]
        born = np.pad(births, (0, 6 - len(births)), constant_values=np.nan)
        each.append({**both, "transition_beta": ("transition", born),
                     "last_epoch": float(last), "lowest_loss_epoch": 0.0})  # fmt: skip
    return of_cases(claim, study, each, "bottleneck")


def shape_of(study: Study) -> tuple[int, int]:
    return study.train.replicas, len(study.network.layers) + 1


def matches(keys: Mapping[str, object], where: Mapping[str, object]) -> bool:
    """Whether a case is among those of ``where``."""
    return all(keys[k] in (v if isinstance(v, list) else [v]) for k, v in where.items()
               if k in keys)  # fmt: skip


def bound_gap(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """Gaps of so many bits, skewed; of two cases the first is so much farther from the bound."""
    second = {**claim.where, **claim.against}
    values = []
    for keys in sweep_of(claim, study):
        mean = 0.1 + at if claim.against and not matches(keys, second) else 0.1
        mean = mean if claim.against else at
        spread = min(GAP_SCATTER * mean, MOST_GAP_SCATTER)
        values.append({"gap": gamma(mean, spread, shape_of(study), rng)})
    return on_the_bound(claim, study, values)


def bound_gap_over_null(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """Shares of the distance of permuted cells, layers and networks differing."""
    values = []
    for _ in sweep_of(claim, study):
        null = rng.uniform(0.3, 0.98, shape_of(study)[1]) + 0.02 * rng.random(shape_of(study))
        values.append({"random_gap": null, "gap": null * gamma(at, 0.3 * at, shape_of(study), rng)})
    return on_the_bound(claim, study, values)


def own_beta(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """Layers that have a beta with a probability, those of one network alike."""
    values = []
    for _ in sweep_of(claim, study):
        shape = shape_of(study)
        z = np.sqrt(0.5) * (rng.standard_normal((shape[0], 1)) + rng.standard_normal(shape))
        beta = np.where(norm.cdf(z) < at, 10.0, np.inf)
        values.append({"beta_bound": beta, "gap": np.full(shape, 0.1)})
    return on_the_bound(claim, study, values)


def encoder_residual(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """Residuals over those of permuted cells, of layers that differ by half of their mean."""
    values = []
    for _ in sweep_of(claim, study):
        shape = shape_of(study)
        level = rng.uniform(0.5, 1.5, shape[1])
        level = at * level / level.mean()
        ratio = level * gamma(1.0, 0.15, shape, rng)
        values.append({"gap": np.full(shape, 0.1), "residual": 3 * ratio,
                       "random_residual": np.full(shape, 3.0)})  # fmt: skip
    return on_the_bound(claim, study, values)


@functools.cache
def noise_for(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean rank correlation of 1, 2, ... with themselves and noise, and that noise."""
    rng = np.random.default_rng(0)
    noise = np.concatenate([[1e-3], np.geomspace(0.2, 300, 60)])
    x = np.arange(float(count))
    found = []
    for spread in noise:
        ranks = rankdata(x + spread * rng.standard_normal((20_000, count)), axis=1)
        away = x - x.mean()
        found.append(((ranks - ranks.mean()) @ away).mean() / (away @ away))
    return np.array(found)[::-1], noise[::-1]


def falling_with(at: float, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Values (..., count) whose mean rank correlation along the last axis is so much."""
    count = shape[-1]
    known, noise = noise_for(count)
    spread = float(np.interp(abs(at), known, noise))
    return np.sign(at) * np.arange(count) + spread * rng.standard_normal(shape)


def beta_with_depth(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """Betas that fall with depth; without an effect, in one random order that networks share."""
    values = []
    for _ in sweep_of(claim, study):
        shape = shape_of(study)
        if at == 0:
            logs = rng.permutation(shape[1]) + 0.3 * rng.standard_normal(shape)
        else:
            logs = falling_with(at, shape, rng)
        values.append({"gap": np.full(shape, 0.1), "beta_fit": np.exp(logs / 30 * 6)})
    return on_the_bound(claim, study, values)


@functools.cache
def betas_by_share(information: float) -> tuple[np.ndarray, np.ndarray]:
    """Betas, and the share of random ones that lie nearer to a bifurcation than each."""
    births = np.array(BIRTHS[information])
    beta = np.geomspace(births[0], births[-1], 20_001)
    near = np.abs(np.log(beta)[:, None] - np.log(births[1:])).min(axis=1)
    order = np.argsort(near)
    return (np.arange(len(beta)) + 0.5) / len(beta), beta[order]


def birth_distance(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """Each strength of the labels has a nearness of its own, that all its networks nearly share."""
    values = []
    for keys in sweep_of(claim, study):
        shape = shape_of(study)
        shares, betas = betas_by_share(float(str(keys["information"])))
        own = rng.uniform(0, 2 * at, (1, shape[1]))
        each = np.clip(own * (1 + 0.2 * rng.standard_normal(shape)), 0, 1)
        beta = betas[np.clip(np.searchsorted(shares, each), 0, len(betas) - 1)]
        values.append({"gap": np.full(shape, 0.1), "beta_fit": beta, "beta_bound": beta})
    return on_the_bound(claim, study, values)


def bound_gap_rise(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """Gaps that fall, stay, and rise by so many bits at the end, wandering."""
    values = []
    for _ in sweep_of(claim, study):
        shape = shape_of(study)
        mean = np.array([0.9, 0.5, 0.3, 0.2, 0.2, 0.2, 0.2, 0.2 + at])[:, None, None]
        own = 0.05 * rng.standard_normal(shape) + 0.01 * rng.standard_normal((8, *shape))
        rise = np.where(np.arange(8)[:, None, None] == 7, 0.05 * rng.standard_normal(shape), 0)
        values.append({"gap": mean + own + rise})
    return on_the_bound(claim, study, values)


def bound_gap_step(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """Mean gaps that fall over the cases by 0.5 bit, one step by a share of it, the rest alike."""
    cases = sweep_of(claim, study)
    chosen = [k for k, keys in enumerate(cases) if matches(keys, claim.where)]
    steps = np.full(len(chosen) - 1, (1 - at) / (len(chosen) - 2))
    steps[rng.integers(len(steps))] = at
    level = dict(zip(chosen, 0.6 - 0.5 * np.concatenate([[0], np.cumsum(steps)]), strict=True))
    values = [
        {"gap": level.get(k, 0.3) + MOST_GAP_SCATTER * rng.standard_normal(shape_of(study))}
        for k in range(len(cases))
    ]
    return on_the_bound(claim, study, values)


def doses(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> list[np.ndarray]:  # fmt: skip
    """Effects (replica, layer) of the cases, whose rank correlation with the dose is so much."""
    cases = sweep_of(claim, study)
    chosen = [k for k, keys in enumerate(cases) if matches(keys, claim.where)]
    replicas, layers = shape_of(study)
    shared = rng.standard_normal((replicas, layers, 1))
    effect = falling_with(at, (replicas, layers, len(chosen)), rng) + shared
    if at == 0:
        effect = shared + rng.standard_normal(effect.shape)
    scale = np.abs(effect).max()
    by_case = dict(zip(chosen, np.moveaxis(effect / scale, -1, 0), strict=True))
    return [by_case.get(k, np.zeros((replicas, layers))) for k in range(len(cases))]


def bits_lost_with_dose(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """Losses of 2 to 4 bits that fall with the dose, or do not depend on it."""
    each: list[dict[str, object]] = []
    for effect in doses(claim, study, at, rng):
        loss = 3 + effect
        curve = np.stack([np.full(loss.shape, 9.5), np.full(loss.shape, 10.0), 10 - loss])
        each.append({"I_XT": (("epoch", "replica", "layer"), curve)})
    return of_cases(claim, study, each, "information")


def clustering_with_dose(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """Distances that shrink less with the dose, or as much with any."""
    each: list[dict[str, object]] = []
    for effect in doses(claim, study, at, rng):
        ratio = np.stack([np.ones(effect.shape), np.exp(-1 - 0.5 * effect)])
        each.append({"distance_ratio": (("epoch", "replica", "layer"), ratio)})
    return of_cases(claim, study, each, "clustering")


def clustering_gain(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """Distances that shrink by a factor, networks and layers differing."""
    each: list[dict[str, object]] = []
    for _ in sweep_of(claim, study):
        shape = shape_of(study)
        logs = np.log(at) + 0.15 * rng.standard_normal((shape[0], 1))
        logs = logs + 0.2 * rng.standard_normal(shape)
        ratio = np.stack([np.ones(shape), np.exp(-logs)])
        each.append({"distance_ratio": (("epoch", "replica", "layer"), ratio)})
    return of_cases(claim, study, each, "clustering")


TRENDS = (lambda t: t**2, np.sqrt, lambda t: t**3, lambda t: np.log1p(20 * t), lambda t: -(t**2))


def clustering_with_entropy(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> GROUPS:
    """Two trends that networks share, and deviations of each network that correlate so much.

    White with a standard deviation of 0.2, as large as trends from 0 to 1 may hide, or
    autocorrelated.
    """
    epochs, (replicas, layers) = 20, shape_of(study)
    t = np.linspace(0, 1, epochs)
    first, second = rng.choice(len(TRENDS), 2, replace=False)
    rho = np.clip(at / (1 - (1 - at**2) / 24), -1, 1)  # a correlation of few is biased to 0
    noise = rng.standard_normal((2, epochs, replicas, layers))
    noise[1] = rho * noise[0] + np.sqrt(1 - rho**2) * noise[1]
    if rng.random() < 0.5:
        for k in range(1, epochs):
            noise[:, k] = 0.5 * noise[:, k - 1] + np.sqrt(0.75) * noise[:, k]
    dims = ("epoch", "replica", "layer")
    curves = [TRENDS[k](t)[:, None, None] + 0.2 * n
              for k, n in zip((first, second), noise, strict=True)]  # fmt: skip
    data = {"distance_ratio": (dims, curves[0]), "binned_entropy": (dims, curves[1])}
    return of_cases(claim, study, [data for _ in sweep_of(claim, study)], "clustering")


def linear(claim: Claim, study: Study, values: dict[str, np.ndarray]) -> GROUPS:
    """Curves at three epochs of all cases of a study of linear networks."""
    found = {n: (("epoch", "replica", "layer")[: v.ndim], v) for n, v in values.items()}
    (data,) = of_cases(claim, study, [found for _ in sweep_of(claim, study)], "linear").values()
    return {str(claim.where.get("analysis", "linear")): data}


def bits_of_linear(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """A peak, and so many bits less at the end; or a rise of so many bits."""
    shape = (study.train.replicas, 2)
    amount = at * (1 + 0.25 * rng.standard_normal(shape)) + 0.01 * rng.standard_normal(shape)
    rest = 1 + 0.1 * rng.standard_normal(shape)
    if claim.statistic == "linear_bits_gained":
        return linear(claim, study, {"I_XT": np.stack([rest, rest + amount / 2, rest + amount])})
    name = "I_XT" if claim.statistic == "linear_bits_lost" else "I_irrelevant"
    rises = np.stack([rest - 0.3, rest, rest - amount])
    return linear(claim, study, {name: rises})


def error_of_linear(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """A test error so many times its lowest, at the start or the end."""
    lowest = np.exp(0.1 * rng.standard_normal(study.train.replicas))
    other = lowest * at * np.exp(0.1 * rng.standard_normal(study.train.replicas))
    low = [lowest, lowest, lowest]
    low[0 if claim.statistic == "linear_learning" else 2] = other
    return linear(claim, study, {"generalisation_error": np.stack(low)})


def unit_correlation(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """Mean squared cosines of networks, skewed, whose excess over chance is so much."""
    null = 1 / INPUTS
    mean = np.maximum(null + np.sign(at) * at**2, 1e-3)
    squares = np.stack(
        [gamma(m, s, (study.train.replicas,), rng)
         for m, s in zip(mean, SQUARES_SCATTER, strict=True)], axis=1,
    )  # fmt: skip
    value = np.sqrt(squares.mean(axis=0))
    low, high = jackknife_interval(
        value, np.sqrt(means_without_each(squares)), np.full(5, len(squares))
    )
    ends = {"unit_overlap_low": np.clip(low, 0, 1), "unit_overlap_high": np.clip(high, 0, 1)}
    return of_layers({"unit_overlap": value, **ends, "null_unit_overlap": np.sqrt(null)})


def of_layers(data: Mapping[str, np.ndarray]) -> GROUPS:
    """Results of overlaps of five layers."""
    found = xr.Dataset({n: ("layer", v) for n, v in data.items()}, {"layer": np.arange(1, 6)})
    return {"diversity": found.assign_attrs(of="diversity")}


def network_similarity(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """Overlaps between those of random and of equal networks, errors shared by layers."""
    null = RANDOM_SIMILARITY
    value = null + (1 - null) * at + SIMILARITY_ERRORS * rng.standard_normal()
    freedom = study.train.replicas - 1
    width = 2.01 * SIMILARITY_ERRORS * np.sqrt(rng.chisquare(freedom) / freedom)
    return of_layers({"matched_overlap": value, "matched_overlap_low": value - width,
                      "matched_overlap_high": value + width,
                      "null_matched_overlap": null})  # fmt: skip


def norm_growth(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """Norms that grow by a factor, layers by more or less than their mean."""
    replicas, layers = shape_of(study)
    own = rng.normal(0, 0.3, layers)
    logs = np.log(at) + own - own.mean() + 0.1 * rng.standard_normal((replicas, 1))
    logs = logs + 0.15 * rng.standard_normal((replicas, layers))
    data = xr.Dataset({"norm_ratio": (("replica", "layer"), np.exp(logs))},
                      {"layer": np.arange(1, layers + 1)})  # fmt: skip
    return {"diversity": data.assign_attrs(of="diversity")}


def one_unit_fall(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """A curve that falls by exactly so many bits."""
    curve = xr.Dataset({"unit_I_XT": ("weight", [0.0, 3.0, 3.0 - at])}, attrs={"of": "one_unit"})
    keys = cases_of(claim, study)
    return {"one_unit": joined([curve], keys)}


def rescaling_change(claim: Claim, study: Study, at: float, rng: np.random.Generator) -> GROUPS:
    """One layer whose information changes by so many bits, networks differing by a quarter."""
    shape = shape_of(study)
    before = rng.uniform(2, 8, shape)
    change = np.zeros(shape)
    change[:, 0] = np.abs(at * (1 + 0.25 * rng.standard_normal(shape[0])))
    data = xr.Dataset({"I_XT": (("replica", "layer"), before),
                       "rescaled_I_XT": (("replica", "layer"), before + change)},
                      attrs={"of": "rescaling"})  # fmt: skip
    return {"rescaling": joined([data], cases_of(claim, study))}


BOUND: dict[str, Situation] = {
    "bound_gap": bound_gap,
    "bound_gap_over_null": bound_gap_over_null,
    "bound_gap_rise": bound_gap_rise,
    "bound_gap_step": bound_gap_step,
    "own_beta": own_beta,
    "encoder_residual": encoder_residual,
    "beta_with_depth": beta_with_depth,
    "birth_distance": birth_distance,
    "bits_lost_with_dose": bits_lost_with_dose,
    "clustering_with_dose": clustering_with_dose,
    "clustering_gain": clustering_gain,
    "clustering_with_entropy": clustering_with_entropy,
    "linear_bits_lost": bits_of_linear,
    "irrelevant_bits_lost": bits_of_linear,
    "linear_bits_gained": bits_of_linear,
    "linear_learning": error_of_linear,
    "linear_overtraining": error_of_linear,
    "unit_correlation": unit_correlation,
    "network_similarity": network_similarity,
    "norm_growth": norm_growth,
    "one_unit_fall": one_unit_fall,
    "rescaling_change": rescaling_change,
}
