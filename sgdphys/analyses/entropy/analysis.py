"""Entropy of clouds of weights: twins about their family's mean, and independent starts."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.analyses.entropy.settings import Settings
from sgdphys.analyses.source import Source
from sgdphys.dynamics.ensembles.entropy import weight_entropy
from sgdphys.quantities import labelled

CLOUDS = ("noise", "starts")


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Entropy of both clouds of every layer along the same directions, and of free diffusion.

    The directions are the leading axes of the noise in every other family; the noise cloud is that
    of the rest, since the axes of a cloud are not those of another. Free diffusion has the
    covariance of the recorded gradient noise, its correlations between parameters left out, added
    up step by step: as if nothing held the weights and no batch knew of another. The variance of
    the twins of each family about their mean, per parameter, stands under the first of them.
    """
    study, weights = source.study, source.weights
    layer = weights["layer"].to_numpy()
    numbers = np.unique(layer)
    theta = weights["theta"].load()
    family = theta["family"].to_numpy()
    first = [int(np.flatnonzero(family == f)[0]) for f in np.unique(family)]
    chooses = np.isin(family, np.unique(family)[::2])
    options: dict[str, Any] = {
        "modes": analysis.modes,
        "confidence": analysis.confidence,
        "rng": study.train.seed,
    }
    rows, predicted, spread = [], [], []
    for n in numbers:
        here = theta.isel(parameter=np.flatnonzero(layer == n))
        axes = weight_entropy(here.isel(replica=chooses), family="family", **options)
        along = {**options, "basis": axes["direction"].to_numpy()}
        noise = weight_entropy(here.isel(replica=~chooses), family="family", **along)
        starts = weight_entropy(here.isel(replica=first), **along)
        rows.append(xr.concat(
            [d.drop_attrs(deep=False).drop_vars(["direction", "rank"]) for d in (noise, starts)],
            dim="cloud",
        ))  # fmt: skip
        predicted.append(_free_diffusion(source, axes["direction"].to_numpy(), layer == n))
        spread.append(_variance_of_twins(here))
    data = xr.concat(rows, dim="layer").rename(step="mark").drop_vars("mark")
    data = data.merge(labelled(xr.Dataset(
        {"predicted_entropy": (("layer", "mark"), np.stack(predicted)),
         "twin_variance": (("layer", "mark", "replica"), np.stack(spread))},
        {"replica": theta["replica"].to_numpy()[first], "layer": numbers, "cloud": list(CLOUDS),
         "mark": np.arange(theta.sizes["step"]),
         "mark_epoch": ("mark", weights["epoch"].to_numpy())},
    ), x=str(theta.attrs.get("units", "1"))))  # fmt: skip
    kept = ["entropy", "entropy_low", "entropy_high", "entropy_nearest", "effective_modes",
            "mode_entropy", "predicted_entropy", "twin_variance", "status"]  # fmt: skip
    found = data[kept].drop_vars(["time", "epoch"], errors="ignore")
    return found.assign_attrs(
        modes=analysis.modes,
        families=len(first),
        twins=study.train.twins,
        confidence=analysis.confidence,
        interval_method="normal, with the variance of ln|S| of a Gaussian cloud",
    )


def _variance_of_twins(theta: xr.DataArray) -> np.ndarray:
    """Variance of twins about their family's mean, mean over parameters, (step, family)."""
    family = theta["family"].to_numpy()
    x = theta.transpose("step", "replica", "parameter").to_numpy()
    each = [x[:, family == f].var(axis=1, ddof=1, dtype=np.float64) for f in np.unique(family)]
    return np.stack(each, axis=1).mean(axis=-1)


def _squared_rates(source: Source, *epochs: xr.DataArray) -> list[np.ndarray]:
    """Sums of the squares of the learning rates of all updates up to some epochs."""
    per_epoch = source.ensemble.updates_per_epoch
    numbers = np.arange(source.study.train.epochs + 1)
    rates = np.diff(source.ensemble.time_after(numbers * per_epoch)) / per_epoch
    total = np.concatenate([[0.0], np.cumsum(rates**2)]) * per_epoch
    return [np.interp(at.to_numpy(), numbers, total) for at in epochs]


def _free_diffusion(source: Source, basis: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Entropy along directions if the recorded gradient noise added up freely, by recorded step."""
    empty = np.full(source.weights.sizes["step"], np.nan)
    if "gradients" not in source.trajectory.children or not basis.shape[1]:
        return empty  # without a direction where every network diverged
    gradients = source.trajectory["gradients"].to_dataset()
    variance = gradients["gradient_variance"].isel(parameter=np.flatnonzero(inside))
    by_mode = variance.mean("replica").transpose("epoch", "parameter").to_numpy() @ basis**2
    squares, here = _squared_rates(source, gradients["epoch"], source.weights["epoch"])
    grown = np.concatenate([
        np.zeros((1, by_mode.shape[1])),
        np.cumsum((by_mode[1:] + by_mode[:-1]) / 2 * np.diff(squares)[:, None], axis=0),
    ])  # fmt: skip
    at = np.stack([np.interp(here, squares, column) for column in grown.T], axis=1)
    with np.errstate(divide="ignore"):
        logs = 1 + np.log(2 * np.pi * at)
    return np.where((at > 0).all(axis=1), 0.5 * logs.sum(axis=1), np.nan)
