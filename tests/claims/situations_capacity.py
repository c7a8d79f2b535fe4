"""Capacity and order: networks that have separated a known share of random labels, and others.

What a plane separates is drawn with Cover's probability. Networks of one case share their points,
so the share that descent has separated differs between sets of points: by a standard deviation of
about 0.02, from 30 sets of points with 200 labellings each at N = 10, 20 and 40.
"""

import itertools
from collections.abc import Mapping

import numpy as np
import xarray as xr
from counting import Situation

from sgdphys.claims.claim import Claim
from sgdphys.processes.separability import cover_probability
from sgdphys.study.settings import Study

BETWEEN_POINTS = 0.02
"""Standard deviation of the share separated between sets of points."""
_EARLY = 0.4
"""Share of what is separable that has been separated by the earlier of two times."""


def chosen(claim: Claim, study: Study) -> list[dict[str, object]]:
    """Swept keys of the cases that a claim is about, by their short names."""
    keys = study.sweep.keys
    names = [name.rpartition(".")[2] for name in keys]
    lists = [
        ["-".join(map(str, v)) if isinstance(v, list | tuple) else v for v in values]
        for values in keys.values()
    ]
    for k, name in enumerate(names):
        if name in claim.where:
            wanted = claim.where[name]
            lists[k] = [
                v for v in lists[k] if v in (wanted if isinstance(wanted, list) else [wanted])
            ]
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*lists)]


def with_mean(shape: np.ndarray, mean: float) -> np.ndarray:
    """A positive profile over the cases, with a given mean."""
    return shape * mean / shape.mean()


def cover_gap(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Shares with a given mean gap to Cover's probability, or a given change of it over time."""
    cases = chosen(claim, study)
    cover = np.array(
        [cover_probability(round(c["load"] * c["inputs"]), c["inputs"]) for c in cases]
    )
    late = claim.where["until_time"]
    if claim.against:
        times = np.array([0.0, claim.against["until_time"], late])
        shares = np.stack([0 * cover, _EARLY * cover, _EARLY * cover + with_mean(cover, -at)])
    else:
        times = np.array([0.0, late / 2, late])
        end = cover - with_mean(cover, at) if at >= 0 else cover + with_mean(1 - cover, -at)
        shares = np.stack([0 * cover, 0.8 * end, end])
    shares = shares + BETWEEN_POINTS * rng.standard_normal(len(cases)) * (shares > 0)
    draws = rng.random((len(cases), study.train.replicas))
    separated = draws < np.clip(shares, 0, 1)[..., None]
    data = xr.Dataset(
        {
            "separated": (("epoch", "case", "replica"), separated.astype(float)),
            "separable": (("case", "replica"), (draws < cover[:, None]).astype(float)),
            "cover": ("case", cover),
        },
        coords={
            "epoch": times / study.train.learning_rate,
            "updates": ("epoch", times / study.train.learning_rate),
            "flow_time": ("epoch", times),
            **{f"swept_{n}": ("case", [c[n] for c in cases]) for n in cases[0]},
        },
        attrs={"of": "capacity"},
    )
    return {"capacity": data}


def learning_order(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Order parameters near 0.9 in one case; in the other a share of the networks has lost all.

    The lost ones are dead or diverged, m about 0, so that values are of two kinds.
    """
    networks = study.train.replicas
    learnt = np.clip(0.9 + 0.05 * rng.standard_normal((2, networks)), 0, 1)
    lost = rng.random(networks) < -at / 0.9
    m = np.stack(
        [np.where(lost, 0.02 * np.abs(rng.standard_normal(networks)), learnt[0]), learnt[1]]
    )
    sides = [claim.where, {**claim.where, **claim.against}]
    data = xr.Dataset(
        {"m": (("case", "replica"), m)},
        {f"swept_{key}": ("case", [side[key] for side in sides]) for key in claim.where},
        {"of": "learning"},
    )
    return {"learning": data}


CAPACITY: dict[str, Situation] = {"cover_gap": cover_gap, "learning_order": learning_order}
