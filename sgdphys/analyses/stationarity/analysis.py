"""Whether training is stationary and reversible: ratios, currents and curvature in bursts."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.analyses.diffusion.bursts import find_bursts
from sgdphys.analyses.source import Source
from sgdphys.analyses.stationarity.irreversibility import production_of_networks
from sgdphys.analyses.stationarity.settings import FEWEST_UPDATES, PRODUCING, Settings
from sgdphys.dynamics.sgd.flatness import hessian_mode_statistics, project, variance_flatness
from sgdphys.dynamics.sgd.fluctuation_ratios import fluctuation_ratios, minibatch_gradients
from sgdphys.engines.base import Ensemble
from sgdphys.engines.curvature import Landscape, hessian_products, landscape_of, leading_curvature
from sgdphys.engines.gradients import full_gradients
from sgdphys.errors import NotEnoughData
from sgdphys.intervals import METHOD, mean_with_interval
from sgdphys.quantities import labelled

_PRODUCTS = 4
"""Steps of a burst at which Hessian products are taken: each costs as much as 60 gradients."""
_ROUNDING = 1e-12
"""Variance of the gradient noise over the mean square of the gradient that rounding may give."""


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Fluctuation ratios, entropy production, sharpness and memory by direction of every burst."""
    study = source.study
    train, weights = study.train, source.weights
    sound = np.flatnonzero(weights["diverged_step"].to_numpy() < 0)
    bursts = find_bursts(weights["step"].to_numpy(), FEWEST_UPDATES)
    if not bursts or not len(sound):
        raise NotEnoughData(
            f"no burst is long enough for the {len(sound)} networks that did not diverge"
        )
    ensemble = source.ensemble
    landscape = landscape_of(ensemble, train.device)
    parts = [
        _one_burst(weights["theta"].isel(step=burst).load(), ensemble, landscape, sound, source,
                   analysis)
        for burst in bursts
    ]  # fmt: skip
    found = xr.concat(parts, dim="burst")
    length = xr.Dataset({"burst_steps": ("burst", [b.stop - b.start for b in bursts])})
    found = found.merge(labelled(length))
    starts = [float(weights["epoch"].to_numpy()[b.start]) for b in bursts]
    along_bursts = {"burst": np.arange(len(bursts)), "burst_epoch": ("burst", starts)}
    return found.assign_coords(labelled(xr.Dataset(coords=along_bursts)).coords).assign_attrs(
        learning_rate=train.learning_rate,
        momentum=train.momentum,
        directions=analysis.directions,
        steps=[int(b.stop - b.start) for b in bursts],
        replicas=len(sound),
        confidence=analysis.confidence,
        interval_method=METHOD,
    )


def _one_burst(
    theta: xr.DataArray,
    ensemble: Ensemble,
    landscape: Landscape,
    sound: np.ndarray,
    source: Source,
    analysis: Settings,
) -> xr.Dataset:
    train = source.study.train
    theta = theta.drop_vars(["time", "epoch", "layer", "kind"], errors="ignore")
    eta, mu = train.learning_rate, train.momentum
    g = minibatch_gradients(theta, learning_rate=eta, momentum=mu)
    # a short burst has fewer steps than gradients are asked for
    at = np.unique(np.linspace(0, g.sizes["step"] - 1, analysis.gradients).round().astype(int))
    few = at[np.linspace(0, len(at) - 1, _PRODUCTS).round().astype(int)]
    order = ("step", "replica", "parameter")
    steps = g["step"].to_numpy()
    places = theta.sel(step=steps[at]).transpose(*order).to_numpy()
    full = theta.sel(step=steps[at]).transpose(*order).copy(
        data=full_gradients(ensemble, places, train.device)
    )  # fmt: skip
    products = g.isel(step=few).transpose(*order)
    curved = products.copy(
        data=hessian_products(
            landscape, theta.sel(step=steps[few]).transpose(*order).to_numpy(), products.to_numpy()
        )
    )
    here = {"replica": sound}
    ratios = fluctuation_ratios(
        theta.isel(here), learning_rate=eta, momentum=mu, full_gradient=full.isel(here),
        hessian_gradient=curved.isel(here), confidence=analysis.confidence,
    )  # fmt: skip
    chosen = sound[: analysis.replicas]
    return ratios.drop_attrs(deep=False).merge(
        _directions(theta, g, full, landscape, chosen, analysis, train)
    )


def _directions(
    theta: xr.DataArray,
    g: xr.DataArray,
    full: xr.DataArray,
    landscape: Landscape,
    chosen: np.ndarray,
    analysis: Settings,
    train: Any,
) -> xr.Dataset:
    """Statistics along the sharpest directions at the mean weights of the burst."""
    some = theta.isel(replica=chosen)
    centre = some.mean("step").transpose("replica", "parameter").to_numpy()
    part = landscape._replace(targets=landscape.targets[chosen], weight=landscape.weight[chosen])
    values, vectors = leading_curvature(part, centre[None], many=analysis.directions)
    axes = ("replica", "parameter", "mode")
    directions = xr.DataArray(vectors[0], dims=axes)
    curvature = xr.DataArray(values[0], dims=("replica", "mode"))
    moving = project(some, directions)
    noise = project(g.sel(step=full["step"]).isel(replica=chosen) - full.isel(replica=chosen),
                  directions)  # fmt: skip
    memory = hessian_mode_statistics(
        moving, curvature, learning_rate=train.learning_rate, momentum=train.momentum,
        noise=noise.var("step", ddof=1), confidence=analysis.confidence,
    )  # fmt: skip
    sharpness = mean_with_interval(
        curvature.isel(mode=0).rename("sharpness"), kind="positive", confidence=analysis.confidence
    )
    data = memory.drop_attrs(deep=False).merge(labelled(sharpness))
    each = xr.Dataset(
        {"direction_variance": _about_a_line(moving), "direction_curvature": curvature},
        coords={"replica": theta["replica"].to_numpy()[chosen] if "replica" in theta.coords
                else chosen},
    )  # fmt: skip
    data = data.merge(labelled(each.drop_vars("mode", errors="ignore")))
    try:
        slope = variance_flatness(moving.var("step", ddof=1), curvature)
        data = data.merge(slope.drop_attrs(deep=False).drop_vars("count"))
    except NotEnoughData:
        pass
    few = moving.isel(mode=slice(0, PRODUCING)).drop_vars("mode", errors="ignore")
    here = {"mode": slice(0, PRODUCING)}
    strength = project(g.isel(replica=chosen), directions).isel(here)
    is_random = (noise.isel(here).var("step") > _ROUNDING * (strength**2).mean("step")).all("mode")
    return data.merge(production_of_networks(few, is_random, analysis.confidence, train.seed))


def _about_a_line(moving: xr.DataArray) -> xr.DataArray:
    """Variance over the steps of a burst about a straight line, so that a drift adds nothing."""
    steps = np.arange(moving.sizes["step"]) - (moving.sizes["step"] - 1) / 2
    time = xr.DataArray(steps, dims="step")
    bare = moving.drop_vars("step", errors="ignore")
    centred = bare - bare.mean("step")
    slope = (centred * time).sum("step", skipna=False) / float((steps**2).sum())
    return ((centred - slope * time) ** 2).sum("step", skipna=False) / (len(steps) - 2)
