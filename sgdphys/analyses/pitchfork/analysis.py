"""Critical slowing down at the pitchfork of the two-layer scalar network, and its early warning."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from sgdphys import processes
from sgdphys.analyses.pitchfork.settings import Settings
from sgdphys.analyses.source import Source
from sgdphys.dynamics.sgd.flatness import project
from sgdphys.dynamics.slowing.critical_point import critical_point
from sgdphys.dynamics.slowing.early_warning import early_warning
from sgdphys.dynamics.slowing.relaxation_time import relaxation_time
from sgdphys.dynamics.slowing.rolling_indicators import rolling_indicators
from sgdphys.engines.curvature import hessians, landscape_of
from sgdphys.intervals import METHOD, mean_with_interval
from sgdphys.quantities import labelled, with_prefix
from sgdphys.transitions.order_parameter import order_parameter

if TYPE_CHECKING:
    from sgdphys.study.settings import Study

_RAMP_POINTS = 1000
_WINDOW = 0.4
"""Share of a ramp."""


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Relaxation time, variance and order along the softest direction: trained, simulated, exact.

    In units of the sum of learning rates. The softest direction is that of the Hessian at
    each network's mean weights.
    """
    study = source.study
    weights = source.weights
    steps = weights.sizes["step"]
    late = weights.isel(step=slice(int(analysis.discard * steps), None))
    theta = late["theta"].load().astype(np.float64)
    centre = theta.mean("step").transpose("replica", "parameter").to_numpy()
    landscape = landscape_of(source.ensemble, source.study.train.device)
    values, vectors = np.linalg.eigh(hessians(landscape, centre[None])[0])
    softest = xr.DataArray(vectors[..., 0], dims=("replica", "parameter"))
    slow = project(theta.drop_vars(["layer", "kind"], errors="ignore"), softest.expand_dims(
        mode=1
    )).isel(mode=0).assign_coords(time=late["time"])  # fmt: skip
    data = _measures(slow, "", analysis.confidence)
    rate, decay, noise = _settings(study)
    seed = np.random.SeedSequence(study.train.seed, spawn_key=(1000,))
    simulated = processes.pitchfork(
        signal=study.task.signal, decay=decay, learning_rate=rate, noise=noise,
        steps=steps - 1, replicas=study.train.replicas, rng=seed,
    )["theta"].isel(step=slice(int(analysis.discard * steps), None))  # fmt: skip
    both = (simulated.sum("parameter") / np.sqrt(2)).assign_coords(time=simulated["time"])
    data |= _measures(both, "simulated_", analysis.confidence)
    exact = processes.pitchfork_time(study.task.signal, decay)
    data["exact_relaxation_time"] = exact
    data["discrete_relaxation_time"] = float(-rate / np.log1p(-rate / exact))
    data["exact_variance"] = rate * noise * exact / (2 - rate / exact)
    data["exact_order"] = float(np.sqrt(2 * max(study.task.signal - decay, 0.0)))
    data["curvature"] = float(values[:, 0].mean())
    return labelled(xr.Dataset(data), t=late["time"].attrs["units"]).assign_attrs(
        decay=decay, learning_rate=rate, noise=noise, confidence=analysis.confidence,
        interval_method=METHOD,
    )  # fmt: skip


def _settings(study: "Study") -> tuple[float, float, float]:
    """Learning rate, weight decay, and the gradient noise that the added noise amounts to."""
    train = study.train
    return train.learning_rate, train.weight_decay, 2 * train.langevin / train.learning_rate


def _measures(slow: xr.DataArray, prefix: str, confidence: float) -> dict[str, Any]:
    """Relaxation time, variance and order of the slow coordinate (step, replica)."""
    tau = relaxation_time(slow, time="time")["relaxation_time"]
    times = mean_with_interval(tau.rename("tau"), kind="geometric", confidence=confidence)
    found: dict[str, Any] = {}
    variances = slow.var("step", ddof=1).rename("spread")
    spread = mean_with_interval(variances, kind="positive", confidence=confidence)
    for end in ("", "_low", "_high"):
        found[f"{prefix}relaxation_time{end}"] = float(times[f"tau{end}"])
        found[f"{prefix}variance{end}"] = float(spread[f"spread{end}"])
    order = order_parameter(slow.mean("step"), confidence=confidence)
    return found | {f"{prefix}{name}": float(value) for name, value in order.items()}


def across_cases(cases: xr.Dataset, study: "Study", analysis: Settings) -> xr.Dataset:
    """Add the critical point, its exponent, and the early warning of a slow ramp."""
    if "swept_signal" not in cases.coords:
        return cases
    found = cases
    signal = cases["swept_signal"].to_numpy()
    for prefix in ("", "simulated_"):
        tau = cases[f"{prefix}relaxation_time"].to_numpy()
        there = np.isfinite(tau)
        fitted = critical_point(signal[there], tau[there])
        fitted = fitted.drop_attrs(deep=False)
        found = found.merge(with_prefix(fitted, prefix) if prefix else fitted)
    return found.merge(labelled(_ramps(study, analysis, float(signal.min()))))


def _ramps(study: "Study", analysis: Settings, start: float) -> xr.Dataset:
    """Simulated paths whose signal rises to the pitchfork, and controls at constant signal."""
    rate, decay, noise = _settings(study)
    every = max(1, analysis.ramp_steps // _RAMP_POINTS)
    parts = []
    for k, signal in enumerate(((start, decay), (start, start))):
        path = processes.pitchfork(
            signal=signal, decay=decay, learning_rate=rate, noise=noise,
            steps=analysis.ramp_steps, replicas=analysis.ramp_replicas,
            rng=np.random.SeedSequence(study.train.seed, spawn_key=(1001, k)),
        )["theta"]  # fmt: skip
        both = path.reset_coords(drop=True).sum("parameter") / np.sqrt(2)
        slow = both.isel(step=slice(None, None, every))
        window = _WINDOW * every * slow.sizes["step"]
        alone = early_warning(slow, window=window, rng=study.train.seed)
        across = early_warning(slow, over="replica", rng=study.train.seed)
        windows = rolling_indicators(slow, window=window)
        parts.append(
            xr.Dataset(
                {
                    "warning_share": (alone["p_value"].sel(trend="joint") <= 0.05).mean(),
                    "kendall": alone["kendall"].sel(trend="joint", drop=True),
                    "ensemble_p_value": across["p_value"].sel(trend="joint", drop=True),
                    "ramp_path": slow.isel(replica=0, drop=True),
                    "ramp_variance": windows["variance"],
                    "ramp_autocorrelation": windows["autocorrelation"],
                }
            )
            .rename(replica="ramp_replica", step="ramp_step")
            .assign_coords(ramp_step=np.arange(0, analysis.ramp_steps + 1, every))
            .drop_vars(["time", "trend"], errors="ignore")
        )
    joined = xr.concat(parts, dim="course", join="outer", combine_attrs="drop")
    return joined.assign_coords(course=["ramp", "control"])
