"""Diffusion of twins in bursts of steps against lag, layer and training time, with nulls."""

import itertools
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.draws import Seed, stream
from sgdphys.dynamics.diffusion.diffusion_vs_lag import diffusion_vs_lag
from sgdphys.dynamics.diffusion.tail_index import tail_index
from sgdphys.dynamics.diffusion.wiener_tests import FEWEST, WINDOW, pass_rate, wiener_tests
from sgdphys.dynamics.ensembles.ensemble_diffusion import (
    deviation_from_mean,
    ensemble_diffusion,
    variance_components,
)
from sgdphys.errors import InputError
from sgdphys.intervals import (
    METHOD,
    clopper_pearson,
    finite_mean,
    jackknife_interval,
    means_without_each,
)
from sgdphys.processes import epoch_noise_diffusion
from sgdphys.quantities import labelled
from sgdphys.status import OK

_EPOCHS = np.array([1, 2, 4, 8, 16])
_MARKS = 60
_LONGEST = 0.25
"""Largest lag, as a share of a burst.

The drift of each twin is taken off, and what that takes is put back as if the noise were white:
nearly all of it where a lag is nearly a burst.
"""


def find_bursts(step: np.ndarray, least: int) -> list[slice]:
    """Stretches of consecutive steps with at least so many increments."""
    breaks = np.flatnonzero(np.diff(step) != 1) + 1
    edges = [0, *breaks.tolist(), len(step)]
    return [slice(a, b) for a, b in itertools.pairwise(edges) if b - a > least]


@checked
def burst_diffusion(
    weights: xr.Dataset,
    gradients: xr.Dataset | None = None,
    *,
    updates_per_epoch: int,
    sample: int = 60,
    confidence: float = 0.95,
    rng: Seed = 0,
) -> xr.Dataset:
    """How the weights of twins diffuse about their mean, in every burst of recorded steps.

    Parameters
    ----------
    weights : Dataset
        theta (step, replica, parameter) with epoch and time along step, family along replica, layer
        along parameter.
    gradients : Dataset, optional
        noise_norm (epoch, replica, layer), for the diffusion that the gradient noise predicts.
    updates_per_epoch : int
        K.
    sample : int
        Series of each layer that are tested and whose tails are read.
    confidence : float
    rng : int, SeedSequence or Generator

    Returns
    -------
    Dataset
        Over (burst, layer) or (burst, layer, lag), lags 1, 2, 4, ... up to an epoch and whole
        epochs up to 16, and to a quarter of the shortest burst: diffusion with ``_low`` and
        ``_high``; predicted_diffusion and the diffusion_ratio to it; alpha_short, alpha_long,
        passes with intervals, the last beside null_passes at 512 increments (or the burst's);
        tail_index beside null_tail_index, medians over coordinates; diffusion_ensemble,
        across twins at fixed time over one step.
        Over (mark, layer): spread_within families (noise) and spread_between (initial weights).

    Raises
    ------
    InputError
        Without twins, or without a burst of at least 17 epochs and 50 steps.

    Notes
    -----
    A twin's deviation from its twins' mean is what diffuses; the rest is drift. Intervals are over
    families (jackknife); those of which a twin is not finite at the end are left out. Where the
    twins never part (fixed order, full batch) D is 0 and exponents, tests and tails are NaN.
    """
    k = updates_per_epoch
    sound = _sound_families(weights)
    weights = weights.isel(replica=sound)
    gradients = gradients.isel(replica=sound) if gradients is not None else None
    theta = weights["theta"].drop_vars("time", errors="ignore")
    least = max(17 * k, FEWEST)
    bursts = find_bursts(theta["step"].to_numpy(), least)
    if not bursts:
        raise InputError(
            f"no stretch of {least} consecutive steps was recorded; set record.weights to 'step' "
            "or to {burst = 64, starts = 8}"
        )
    within = 2 ** np.arange(k.bit_length())
    lags = np.unique(np.concatenate([within[within < k], k * _EPOCHS]))
    lags = lags[lags <= _LONGEST * min(b.stop - b.start - 1 for b in bursts)]
    layer = weights["layer"].to_numpy()
    chosen = _sampled(weights, sample, rng)
    parts = [
        _one_burst(theta.isel(step=burst).load(), layer, lags, k, chosen, confidence, rng)
        for burst in bursts
    ]
    found = xr.concat(parts, dim="burst")
    starts = [weights["epoch"].to_numpy()[b.start] for b in bursts]
    found = found.assign_coords(
        burst=np.arange(len(bursts)),
        burst_epoch=("burst", np.asarray(starts, float)),
        lag_epochs=("lag", lags / k),
    )
    found["theory_ratio"] = ("lag", epoch_noise_diffusion(lags, k))
    if gradients is not None:
        found = _beside_noise(found, weights, gradients, bursts, layer)
    found = found.merge(_spreads(weights, layer))
    return labelled(found, x=str(theta.attrs.get("units", "1"))).assign_attrs(
        updates_per_epoch=k,
        families=len(np.unique(weights["family"])),
        confidence=confidence,
        interval_method=METHOD.replace("replicas", "families"),
        method="fluctuations of twins about their mean",
        sample=sample,
    )


def _sound_families(weights: xr.Dataset) -> np.ndarray:
    """Replicas of the families whose twins are all finite at the end, or all."""
    last = weights["theta"].isel(step=-1).transpose("replica", "parameter").to_numpy()
    family = weights["family"].to_numpy()
    diverged = np.unique(family[~np.isfinite(last).all(axis=1)])
    sound = np.flatnonzero(~np.isin(family, diverged))
    return sound if len(sound) else np.arange(len(family))


def _sampled(weights: xr.Dataset, sample: int, rng: Seed) -> dict[int, tuple[np.ndarray, ...]]:
    """Replica and parameter of some series of every layer."""
    generator = stream(rng)
    layer = weights["layer"].to_numpy()
    replicas = weights.sizes["replica"]
    chosen: dict[int, tuple[np.ndarray, ...]] = {}
    for number in np.unique(layer):
        inside = np.flatnonzero(layer == number)
        many = min(sample, len(inside) * replicas)
        flat = generator.choice(len(inside) * replicas, many, replace=False)
        chosen[int(number)] = (flat // len(inside), inside[flat % len(inside)])
    return chosen


def _by_layer(values: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """Mean over the parameters of each layer, (..., parameter) to (..., layer)."""
    return np.stack([values[..., layer == n].mean(axis=-1) for n in np.unique(layer)], axis=-1)


def _one_burst(
    theta: xr.DataArray,
    layer: np.ndarray,
    lags: np.ndarray,
    k: int,
    chosen: dict[int, tuple[np.ndarray, ...]],
    confidence: float,
    rng: Seed,
) -> xr.Dataset:
    moving = deviation_from_mean(theta.astype(np.float64), family="family")
    ladder = diffusion_vs_lag(moving, lags=lags)["diffusion"].transpose(
        "replica", "lag", "parameter"
    )
    by_replica = _by_layer(ladder.to_numpy(), layer)  # (replica, lag, layer)
    names = theta["family"].to_numpy()
    families = np.stack([by_replica[names == f].mean(axis=0) for f in np.unique(names)])
    mean, without_each = finite_mean(families), means_without_each(families)
    finite = np.isfinite(families).sum(axis=0)
    low, high = jackknife_interval(mean, without_each, finite, confidence, kind="positive")
    axes = ("lag", "layer")
    data: dict[str, Any] = {
        "diffusion": (axes, mean),
        "diffusion_low": (axes, low),
        "diffusion_high": (axes, high),
    }
    for name, part in (("alpha_short", lags <= max(k / 2, 1)), ("alpha_long", lags >= k)):
        slope = _slope(mean[part], lags[part])
        slopes = _slope(without_each[:, part], lags[part])
        ends = jackknife_interval(slope, slopes, finite.min(axis=0), confidence)
        data |= {name: ("layer", slope)}
        data |= {f"{name}_{e}": ("layer", v) for e, v in zip(("low", "high"), ends, strict=True)}
    across = ensemble_diffusion(theta.astype(np.float64), family="family")["diffusion"]
    first = across.isel(step=slice(0, k)).mean("step").transpose("parameter")
    data["diffusion_ensemble"] = ("layer", _by_layer(first.to_numpy(), layer))
    shares: dict[str, list[float]] = {n: [] for n in _SHARES}
    for replica, parameter in chosen.values():
        picked = moving.to_numpy()[:, replica, parameter]
        for name, value in _fairness(picked, names[replica], confidence, rng).items():
            shares[name].append(value)
    data |= {name: ("layer", np.array(v)) for name, v in shares.items()}
    return xr.Dataset(data, coords={"lag": lags, "layer": np.unique(layer)})


_SHARES = ("passes", "passes_low", "passes_high", "null_passes", "tail_index", "null_tail_index")


def _fairness(x: np.ndarray, family: np.ndarray, confidence: float, rng: Seed) -> dict[str, float]:
    """Share of series (point, series) that pass as Wiener, their tail index, and both nulls."""
    tests = wiener_tests(x, increments=min(WINDOW, len(x) - 1))
    share = pass_rate(tests, rng=rng)
    passes = np.where(tests["status"] == OK, tests["passes"], np.nan).astype(np.float64)
    by_family = np.stack([finite_mean(passes[family == f]) for f in np.unique(family)])
    low, high = share_interval(by_family, passes, confidence)
    tails = tail_index(x, rng=rng)
    sound = (tails["status"] == OK).to_numpy()
    medians = {
        name: float(np.median(tails[name].to_numpy()[sound])) if sound.any() else np.nan
        for name in ("tail_index", "null_tail_index")
    }
    shares = {n: float(share[n]) for n in ("passes", "null_passes")}
    return shares | {"passes_low": low, "passes_high": high} | medians


def share_interval(
    by_family: np.ndarray, passes: np.ndarray, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of the share of series that pass.

    Parameters
    ----------
    by_family : (family,)
        Shares of the series of each family; NaN where it has none.
    passes : (series,)
        1 or 0 for each series; NaN where it was not tested.
    confidence : float

    Returns
    -------
    (float, float)
        On each side the wider of Student's t over families, whose weights are of one kind, and
        Clopper and Pearson's for as many independent series; NaN for fewer than 2 families.
    """
    sound, tested = by_family[np.isfinite(by_family)], passes[np.isfinite(passes)]
    if len(sound) < 2:
        return np.nan, np.nan
    low, high = jackknife_interval(
        finite_mean(sound), means_without_each(sound), len(sound), confidence
    )
    least, most = clopper_pearson(tested.sum(), len(tested), confidence)
    return max(float(np.minimum(low, least)), 0.0), min(float(np.maximum(high, most)), 1.0)


def _slope(diffusion: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Exponent of MSD = 2 D(lag) lag, (..., lag, layer) to (..., layer); NaN without 2 lags."""
    if len(lags) < 2:
        return np.full((*diffusion.shape[:-2], diffusion.shape[-1]), np.nan)
    x = np.log(lags) - np.log(lags).mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.where(diffusion > 0, diffusion, np.nan))
    return 1 + np.einsum("...kl,k->...l", logs, x / (x**2).sum())


def _beside_noise(
    found: xr.Dataset,
    weights: xr.Dataset,
    gradients: xr.Dataset,
    bursts: list[slice],
    layer: np.ndarray,
) -> xr.Dataset:
    """Add what the noise of a batch gradient predicts: eta**2 tr V/(2 P) a coordinate and step."""
    epochs = gradients["epoch"].to_numpy()
    noise = gradients["noise_norm"].transpose("epoch", "replica", "layer").to_numpy()
    trace = finite_mean(np.moveaxis(noise.astype(np.float64) ** 2, 1, 0))
    width = np.array([(layer == n).sum() for n in np.unique(layer)])
    rows = []
    for burst in bursts:
        first, last = weights["epoch"].to_numpy()[[burst.start, burst.stop - 1]]
        inside = (epochs >= first) & (epochs <= last)
        near = inside if inside.any() else np.abs(epochs - first) == np.abs(epochs - first).min()
        rate = float(np.diff(weights["time"].to_numpy()[burst]).mean())
        rows.append(rate**2 * trace[near].mean(axis=0) / (2 * width))
    found["predicted_diffusion"] = (("burst", "layer"), np.stack(rows))
    with np.errstate(divide="ignore", invalid="ignore"):
        for end in ("", "_low", "_high"):
            ratio = found[f"diffusion{end}"] / found["predicted_diffusion"]
            found[f"diffusion_ratio{end}"] = ratio.where(np.isfinite(ratio))
    return found


def _spreads(weights: xr.Dataset, layer: np.ndarray) -> xr.Dataset:
    """Spread within and between families at some recorded steps."""
    places = np.unique(np.rint(np.geomspace(1, weights.sizes["step"], _MARKS)).astype(int) - 1)
    theta = weights["theta"].isel(step=places).load().astype(np.float64)
    found = variance_components(theta.drop_vars("step"))
    data = {
        name: (("mark", "layer"), _by_layer(found[name].transpose("step", ...).to_numpy(), layer))
        for name in ("spread_within", "spread_between")
    }
    clock = weights["epoch"].to_numpy()[places].astype(np.float64)
    return xr.Dataset(data, coords={"mark": np.arange(len(clock)), "mark_epoch": ("mark", clock)})
