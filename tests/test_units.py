"""Units and names of all results: what each function returns, and how it scales with its input."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import xarray as xr
from idx import write_idx
from labels import is_labelled, own_name

import sgdphys as sp
from sgdphys.glossary import GLOSSARY, Quantity
from sgdphys.networks import Perceptron
from sgdphys.quantities import labelled, number_of, with_prefix
from sgdphys.study.settings import ANALYSES

d, info = sp.dynamics, sp.information

NO_LABELS = {
    "Model": "what a model of one's own is made from",
    "Estimates": "arrays that a model returns",
    "noise_alignment": "an array of cosines",
    "finite_sample_gap": "an array, the shape of a bound",
    "gaussian_information": "a number, in bits",
    "linear_layer_information": "a number, in bits",
    "epoch_noise_diffusion": "an array, the ratio to white noise",
    "epoch_noise_spectrum": "an array, the ratio to white noise",
    "kesten_index": "a number",
    "pitchfork_time": "a number, per unit time",
    "icosahedron": "an array of points",
    "linear_step": "an array of paths without a clock",
    "cover_probability": "a number or an array of probabilities",
}
"""Public functions that return bare arrays or numbers, which carry no attributes."""


class Scale(NamedTuple):
    """Factors of the values and of time: what multiplies numbers when units shrink."""

    x: float = 1.0
    t: float = 1.0


class Case(NamedTuple):
    """A call whose input is in metres and seconds, and the units of what it returns."""

    call: Callable[[Scale], Any]
    units: dict[str, str]
    """Names, without _low and _high, by unit; a DataArray is called ``value``."""
    counts: str = ""
    """What ``count`` or ``pairs`` counts."""
    unscaled: str = ""
    """Names whose values do not scale by their unit: see ``WHY``."""
    within: float = 1e-6
    """Relative rounding of the estimate."""


WHY = {
    "log_likelihood": "a log density is shifted by the logarithm of the unit",
    "aic": "as the log-likelihood",
    "bic": "as the log-likelihood",
    "heldout": "as the log-likelihood",
    "entropy": "a differential entropy is shifted by the logarithm of the unit",
    "mode_entropy": "as the entropy",
    "entropy_nearest": "as the entropy",
    "diffusion": "the exponent of its unit is another estimate (anomalous diffusion)",
    "generalised_diffusion": "the exponent of its unit is another estimate",
    "scaled_brownian_generalised_diffusion_a": "the exponent of its unit is another estimate",
}


def series(scale: Scale, *, steps=300, members=6, across=(), memory=1.0, spacing=0.5) -> Any:
    """Walks, or with memory below 1 relaxing paths, in metres at seconds."""
    noise = np.random.default_rng(3).standard_normal((steps, members, *(3 for _ in across)))
    values = noise.copy()
    for k in range(1, steps):
        values[k] = memory * values[k - 1] + noise[k] + 0.05
    clock = {"units": "second", "long_name": "clock"}
    return xr.DataArray(
        scale.x * values,
        dims=("step", "replica", *across),
        coords={
            "step": ("step", scale.t * spacing * np.arange(steps), clock),
            "family": ("replica", np.arange(members) // 2, {"units": "1", "long_name": "family"}),
        },
        attrs={"units": "metre", "long_name": "position"},
    )


def cloud(scale: Scale, **options: Any) -> xr.DataArray:
    return series(scale, across=("parameter",), **options)


def magnet(scale: Scale) -> xr.DataArray:
    """A magnet of three sizes along a field, its magnetisation in metres."""
    data = sp.processes.curie_weiss([32, 128, 512], np.linspace(0.7, 1.3, 13), replicas=200, rng=1)
    field = {"units": "tesla", "long_name": "field"}
    m = (scale.x * data["m"]).assign_attrs(units="metre", long_name="magnetisation")
    return m.assign_coords(control=("control", data["control"].to_numpy(), field))


def updates(scale: Scale) -> xr.DataArray:
    """Weights at consecutive updates, which no unit of time scales."""
    return cloud(Scale(scale.x), spacing=1.0, memory=0.8)


def of_same_shape(like: xr.DataArray, factor: float) -> xr.DataArray:
    return like.copy(data=factor * np.random.default_rng(4).standard_normal(like.shape))


def two_states(scale: Scale) -> xr.DataArray:
    """Two states, whose shares depend on size and control."""
    rng = np.random.default_rng(6)
    size = xr.DataArray([50, 100, 200], dims="size")
    control = xr.DataArray(np.linspace(-0.1, 0.1, 9), dims="control")
    u = xr.DataArray(rng.random((3, 9, 40)), dims=("size", "control", "replica"))
    z = u.copy(data=rng.standard_normal(u.shape))
    m = xr.where(u * (1 + np.exp(-size * control)) < 1, 0.9, 0.1) + z / size**0.5
    clock = {"units": "second", "long_name": "clock"}
    return (
        (scale.x * m)
        .assign_coords(
            size=("size", size.data, {"units": "1", "long_name": "size"}),
            control=("control", scale.t * control.data, clock),
        )
        .assign_attrs(units="metre")
    )


def up_and_down(scale: Scale) -> xr.DataArray:
    """Loops of four speeds."""
    speed = np.array([1.0, 2, 4, 8])
    control = np.linspace(-1, 1, 41)
    noise = 0.01 * np.random.default_rng(7).standard_normal((4, 2, 1, 6))
    delay = np.array([-1, 1])[:, None, None] * (0.1 + 0.02 * speed[:, None, None, None])
    return xr.DataArray(
        scale.x * np.tanh(3 * (control[:, None] + delay + noise)),
        dims=("speed", "direction", "control", "replica"),
        coords={
            "speed": ("speed", scale.t * speed, {"units": "second/day", "long_name": "speed"}),
            "direction": ("direction", ["up", "down"], {"units": "1", "long_name": "direction"}),
            "control": ("control", scale.t * control, {"units": "second", "long_name": "clock"}),
        },
        attrs={"units": "metre"},
    )


def directions(scale: Scale, power: int = -2) -> xr.DataArray:
    """Positive numbers of three directions, in a power of the length."""
    values = scale.x**power * np.arange(1.0, 4.0)
    return xr.DataArray(values, dims="mode", attrs={"units": f"loss*metre**{power}"})


def networks(scale: Scale) -> xr.DataArray:
    """Weights of four networks of two layers, 3-2-2."""
    layer = np.repeat([1, 1, 2, 2], [6, 2, 4, 2])
    kind = np.repeat(["weight", "bias", "weight", "bias"], [6, 2, 4, 2])
    values = scale.x * np.random.default_rng(5).standard_normal((4, 14))
    said = {"units": "1", "long_name": "of a parameter"}
    return xr.DataArray(
        values,
        dims=("replica", "parameter"),
        coords={"layer": ("parameter", layer, said), "kind": ("parameter", kind, said)},
        attrs={"units": "metre"},
    )


def weights(scale: Scale) -> xr.Dataset:
    theta = networks(scale).expand_dims(step=3) * xr.DataArray([1.0, 2, 4], dims="step")
    clock = {"units": "second", "long_name": "clock"}
    return xr.Dataset({"theta": theta.assign_attrs(units="metre")}).assign_coords(
        epoch=("step", [0, 1, 2]), time=("step", scale.t * np.arange(3.0), clock)
    )


def gradients(scale: Scale) -> xr.Dataset:
    """Gradient norms that fall below their noise, in units of loss over length."""
    shape, rng = (40, 5, 2), np.random.default_rng(6)
    fall = np.geomspace(10, 0.1, 40)[:, None, None] * rng.lognormal(0, 0.1, shape)
    norms = {
        "mean_norm": fall / scale.x,
        "noise_norm": np.ones(shape) / scale.x,
        "weight_norm": scale.x * np.ones(shape),
        "noise_trace": 7 * np.ones(shape) / scale.x**2,
        "followed_mean_norm": 0.2 * fall / scale.x,
        "followed_noise_norm": np.ones(shape) / scale.x,
    }
    data = xr.Dataset({n: (("epoch", "replica", "layer"), v) for n, v in norms.items()})
    data["weight_norm"].attrs["units"] = "metre"
    return data.assign_coords(epoch=np.arange(40), replica=np.arange(5), layer=[1, 2])


def phases(scale: Scale) -> xr.Dataset:
    norms = gradients(scale)
    return d.gradient_phases(
        norms,
        drift=xr.Dataset(
            {
                "drift_norm": 0.5 * norms["mean_norm"],
                "displacement_cosine": 0 * norms["noise_trace"] * scale.x**2 + 0.1,
            }
        ),
        batch_size=10,
        batches=3,
        resamples=20,
    )


def updates_by_batch() -> xr.DataArray:
    """Updates to a loss at four batch sizes."""
    batch = np.array([16, 64, 256, 1024.0])
    steps = np.outer(1 + 100 / batch, [90, 100, 120.0])
    return xr.DataArray(steps, {"batch_size": batch}, ("batch_size", "replica"))


def scan(scale: Scale) -> xr.Dataset:
    control = xr.DataArray(scale.x * np.linspace(0, 2, 12), attrs={"units": "metre"})
    return d.critical_point(control, scale.t / abs(control.to_numpy() / scale.x - 1.03))


DYNAMICS = {
    "fit": Case(
        lambda s: d.fit(series(s, steps=150, members=2)),
        {
            "metre/second": "drift",
            "metre**2/second": "diffusion switching_diffusion_slow switching_diffusion_fast "
            "double_well_barrier",
            "metre/second**0.5": "sigma",
            "metre**2/second**alpha": "generalised_diffusion",
            "metre**2/second**a": "scaled_brownian_generalised_diffusion_a",
            "nats": "log_likelihood aic bic heldout",
            "1/second": "kappa noisy_ou_kappa underdamped_friction",
            "1/second**2": "underdamped_stiffness",
            "second": "relaxation_time scaled_brownian_origin switching_dwell_slow "
            "switching_dwell_fast",
            "metre": "center deviation levy_scale noisy_wiener_noise_deviation noisy_ou_center "
            "noisy_ou_noise_deviation double_well_center double_well_half_width "
            "underdamped_center heavy_ball_center heavy_ball_kick_deviation reshuffled_center "
            "reshuffled_kick_deviation",
            "1": "best reason rejected_by candidate nearest odds compared screened_out phi hurst "
            "tail_index scaled_brownian_scaled_exponent student_degrees_of_freedom "
            "heavy_ball_momentum heavy_ball_curvature_rate reshuffled_curvature_rate "
            "reshuffled_batches p_value count status model test",
        },
        "increments",
        "log_likelihood aic bic heldout generalised_diffusion "
        "scaled_brownian_generalised_diffusion_a",
    ),
    "predictive_checks": Case(
        lambda s: d.predictive_checks(series(s, steps=150, members=2), copies=50),
        {
            "metre**2": "displacement",
            "metre": "tail",
            "second": "lag",
            "1": "p_value increment_autocorrelation autocorrelation density model count status "
            "check share level",
        },
        "refitted copies",
    ),
    "segments": Case(
        lambda s: d.segments(series(s, members=2)),
        {
            "second": "start end",
            "metre/second": "drift",
            "metre**2/second": "diffusion",
            "1": "segments segment model p_value count status",
        },
        "increments",
    ),
    "wiener_lag": Case(
        lambda s: d.wiener_lag(series(s, members=2)),
        {"second": "wiener_lag lag", "1": "p_value count status"},
        "increments",
    ),
    "fit_wiener": Case(
        lambda s: d.fit_wiener(series(s)),
        {
            "metre/second": "drift",
            "metre**2/second": "diffusion",
            "metre/second**0.5": "sigma",
            "1": "count status",
        },
        "increments",
    ),
    "wiener_tests": Case(
        lambda s: d.wiener_tests(series(s)),
        {"1": "statistic p_value p_value_holm adjusted_p_value passes count status test"},
        "increments",
    ),
    "pass_rate": Case(
        lambda s: d.pass_rate(d.wiener_tests(series(s, steps=80))),
        {"1": "passes count null_passes"},
        "series that were tested",
    ),
    "fit_ou": Case(
        lambda s: d.fit_ou(series(s, memory=0.8)),
        {
            "1/second": "kappa",
            "second": "relaxation_time",
            "metre**2/second": "diffusion",
            "metre/second**0.5": "sigma",
            "metre": "center",
            "nats": "log_likelihood",
            "1": "phi adf_statistic adf_p_value count status",
        },
        "increments",
        "log_likelihood",
    ),
    "fit_langevin": Case(
        lambda s: d.fit_langevin(cloud(s, memory=0.8), resamples=5),
        {
            "1/second": "kappa_matrix",
            "metre**2/second": "diffusion_matrix",
            "metre": "center",
            "1": "count status",
        },
        "increments",
    ),
    "displacement_law": Case(
        lambda s: d.displacement_law(cloud(s), resamples=20),
        {
            "metre**2": "displacement",
            "second": "time time_scale",
            "1": "count exponent misfit share law",
        },
    ),
    "fit_fbm": Case(
        lambda s: d.fit_fbm(series(s)),
        {
            "metre/second": "drift",
            "metre**2/second**alpha": "diffusion",
            "1": "hurst alpha count status",
        },
        "increments",
        "diffusion",
    ),
    "fit_levy": Case(
        lambda s: d.fit_levy(series(s)),
        {"metre/second": "drift", "metre": "scale", "1": "tail_index count status"},
        "increments",
    ),
    "tail_index": Case(
        lambda s: d.tail_index(series(s)),
        {"1": "tail_index null_tail_index count status"},
        "increments",
    ),
    "msd": Case(
        lambda s: d.msd(series(s)), {"metre**2": "msd", "second": "lag", "1": "pairs status"},
        "pairs of points",
    ),
    "msd over": Case(
        lambda s: d.msd(series(s), over="replica"),
        {"metre**2": "msd", "second": "lag", "1": "pairs status"},
        "pairs of points",
    ),
    "two_time_msd": Case(
        lambda s: d.two_time_msd(
            series(s), waiting_times=s.t * np.array([2.0, 5]), lags=s.t * np.array([1.0, 2])
        ),
        {"metre**2": "msd", "second": "waiting_time lag", "1": "ageing count"},
    ),
    "ergodicity_breaking": Case(
        lambda s: d.ergodicity_breaking(series(s)),
        {"1": "ergodicity_breaking brownian_ergodicity_breaking", "second": "lag"},
    ),
    "msd_exponent": Case(
        lambda s: d.msd_exponent(series(s)),
        {"1": "alpha count status", "metre**2/second**alpha": "diffusion"},
        "increments",
        "diffusion",
    ),
    "msd_exponent over": Case(
        lambda s: d.msd_exponent(series(s), over="replica"),
        {"1": "alpha count status"},
        "members along replica",
    ),
    "hurst": Case(lambda s: d.hurst(series(s)), {"1": "hurst count status"}, "increments"),
    "hurst dfa": Case(
        lambda s: d.hurst(series(s, steps=500), method="dfa"),
        {"1": "hurst count status"},
        "increments",
    ),
    "diffusion_coefficient": Case(
        lambda s: d.diffusion_coefficient(series(s), method="covariance", window=25 * s.t),
        {
            "metre/second": "drift",
            "metre**2/second": "diffusion",
            "second": "window",
            "1": "count status",
        },
        "increments",
    ),
    "diffusion_vs_lag": Case(
        lambda s: d.diffusion_vs_lag(series(s)),
        {"metre**2/second": "diffusion green_kubo", "second": "lag", "1": "pairs"},
        "pairs of points",
    ),
    "diffusion_vs_lag over": Case(
        lambda s: d.diffusion_vs_lag(series(s), over="replica"),
        {"metre**2/second": "diffusion green_kubo", "second": "lag", "1": "pairs"},
        "pairs of points",
    ),
    "diffusion_matrix": Case(
        lambda s: d.diffusion_matrix(cloud(s)),
        {
            "metre**2/second": "trace eigenvalue",
            "1": "effective_rank eigenvector count mode",
        },
        "degrees of freedom",
    ),
    "deviation_from_mean": Case(lambda s: d.deviation_from_mean(series(s)), {"metre": "value"}),
    "variance_components": Case(
        lambda s: d.variance_components(series(s)), {"metre**2": "spread_within spread_between"}
    ),
    "ensemble_diffusion": Case(
        lambda s: d.ensemble_diffusion(series(s)),
        {"metre/second": "drift", "metre**2/second": "diffusion", "1": "count"},
        "degrees of freedom",
    ),
    "kramers_moyal": Case(
        lambda s: d.kramers_moyal(series(s, memory=0.8), bins=4, over="replica"),
        {
            "metre/second": "drift",
            "metre**2/second": "diffusion diffusion_raw",
            "metre**4/second": "fourth",
            "metre": "position",
            "1": "pawula count",
        },
        "pairs of neighbouring points",
    ),
    "epoch_drift": Case(
        lambda s: d.epoch_drift(weights(s), [0, 1]),
        {"metre/second": "drift_norm", "1": "displacement_cosine"},
    ),
    "critical_batch_size": Case(
        lambda s: d.critical_batch_size(updates_by_batch()),
        {"samples": "critical_batch_size least_samples", "updates": "least_steps", "1": "misfit"},
    ),
    "gradient_phases": Case(
        phases,
        {
            "1": "gradient_ratio gradient_ratio_squared drift_ratio transition_noise_scale "
            "late_gradient_ratio first_sample_ratio late_sample_ratio change_p_value "
            "followed_ratio displacement_cosine own_gradient_ratio own_drift_ratio "
            "own_followed_ratio own_sample_ratio own_displacement_cosine",
            "loss/metre**2": "mean_over_weight noise_over_weight",
            "samples": "noise_scale noise_scale_total",
            "epochs": "transition_epoch transition_epoch_ensemble drift_transition_epoch "
            "drift_transition_epoch_ensemble followed_transition_epoch "
            "followed_transition_epoch_ensemble noise_scale_epoch change_epoch",
        },
    ),
    "autocorrelation": Case(
        lambda s: d.autocorrelation(series(s, memory=0.8), lags=2.5 * s.t),
        {"1": "autocorrelation pairs status", "second": "lag"},
        "pairs of points",
    ),
    "integrated_time": Case(
        lambda s: d.integrated_time(series(s, memory=0.8)),
        {"second": "integrated_time", "1": "count status"},
        "points",
    ),
    "relaxation_time": Case(
        lambda s: d.relaxation_time(series(s, memory=0.8)),
        {"second": "relaxation_time", "1": "count status"},
        "increments",
    ),
    "relaxation_time integrated": Case(
        lambda s: d.relaxation_time(series(s, memory=0.8), method="integrated"),
        {"second": "relaxation_time", "1": "count status"},
        "points",
    ),
    "critical_point": Case(
        scan, {"metre": "critical", "1": "exponent residual status"}, within=1e-4
    ),
    "rolling_indicators": Case(
        lambda s: d.rolling_indicators(series(s, memory=0.8), window=30 * s.t),
        {"metre**2": "variance", "1": "autocorrelation skewness reddening count"},
        "points",
    ),
    "ensemble_indicators": Case(
        lambda s: d.ensemble_indicators(series(s)),
        {"metre**2": "variance", "1": "autocorrelation skewness count"},
        "members along replica",
    ),
    "detrended": Case(lambda s: d.detrended(series(s)), {"metre": "value"}),
    "early_warning": Case(
        lambda s: d.early_warning(series(s, steps=100, members=2), resamples=19),
        {"1": "kendall p_value status trend"},
    ),
    "order_parameter": Case(
        lambda s: sp.transitions.order_parameter(series(s).isel(step=-1)),
        {"metre": "order", "metre**2": "susceptibility", "1": "binder"},
    ),
    "order_of_transition": Case(
        lambda s: sp.transitions.order_of_transition(two_states(s), rng=0),
        {
            "metre": "jump bin",
            "metre**2": "susceptibility_peak",
            "1/metre": "density",
            "second": "transition_control",
            "1/second": "sharpness",
            "1": "order bimodality barrier binder_minimum exponent_susceptibility "
            "exponent_sharpness exponent_bimodality bimodality_large size",
        },
    ),
    "hysteresis": Case(
        lambda s: sp.transitions.hysteresis(up_and_down(s)),
        {
            "metre*second": "area area_at_zero_speed",
            "metre": "order",
            "second": "control",
            "1": "exponent is_fitted p_value status direction",
            "second/day": "speed",
        },
    ),
    "collapse": Case(
        lambda s: sp.transitions.collapse(magnet(s), resamples=20, rng=0),
        {
            "metre": "order scaled_order corrected_order",
            "tesla": "critical_point scaled_control control",
            "1": "exponent_control exponent_order exponent_correction quality p_value window "
            "in_window least_quality status parameter size",
        },
        within=1e-4,
    ),
    "crossing": Case(
        lambda s: sp.transitions.crossing(magnet(s), resamples=20, rng=0),
        {
            "tesla": "crossing critical_point control",
            "1": "cumulant_at_crossing cumulant binder status size smaller_size larger_size",
        },
        within=1e-4,
    ),
    "weight_entropy": Case(
        lambda s: d.weight_entropy(cloud(s, members=20), modes=2),
        {
            "nats": "entropy mode_entropy entropy_nearest",
            "nats/second": "entropy_rate",
            "1": "direction effective_modes rank status mode",
        },
        unscaled="entropy mode_entropy entropy_nearest",
    ),
    "entropy_balance": Case(
        lambda s: d.entropy_balance(cloud(s, members=20), modes=2),
        {"nats/second": "entropy_flow entropy_spreading entropy_balance entropy_rate"},
    ),
    "entropy_production": Case(
        lambda s: d.entropy_production(cloud(s, memory=0.8), resamples=9, blocks=5),
        {
            "nats/second": "entropy_production",
            "metre**2/second": "area_rate",
            "1": "p_value count status",
        },
        "increments",
    ),
    "minibatch_gradients": Case(
        lambda s: d.minibatch_gradients(updates(s), learning_rate=0.1 * s.x**2),
        {"loss/metre": "value"},
    ),
    "fluctuation_ratios": Case(
        lambda s: d.fluctuation_ratios(
            updates(s),
            learning_rate=0.1 * s.x**2,
            full_gradient=of_same_shape(updates(s), 1 / s.x),
            hessian_gradient=of_same_shape(updates(s), s.x**-3),
        ),
        {"1": "minibatch_ratio full_ratio second_ratio", "loss": "effective_temperature"},
    ),
    "project": Case(
        lambda s: d.project(cloud(s), xr.DataArray(np.eye(3), dims=("parameter", "mode"))),
        {"metre": "value"},
    ),
    "hessian_mode_statistics": Case(
        lambda s: d.hessian_mode_statistics(
            updates(s).rename(parameter="mode"),
            directions(s),
            learning_rate=0.1 * s.x**2,
            noise=directions(s),
        ),
        {
            "metre**2": "variance predicted_variance",
            "1": "autocorrelation predicted_autocorrelation stability",
            "loss*metre**-2": "curvature",
        },
    ),
    "variance_flatness": Case(
        lambda s: d.variance_flatness(
            abs(of_same_shape(series(s).rename(step="mode"), s.x**2)),
            abs(of_same_shape(series(s).rename(step="mode"), s.x**-2)) ** 2,
        ),
        {"1": "flatness_exponent count"},
        "directions",
    ),
    "replica_overlap": Case(
        lambda s: d.replica_overlap(networks(s)),
        {"1": "overlap matched_overlap null_matched_overlap pairs layer"},
        "pairs of replicas",
    ),
    "unit_overlap": Case(
        lambda s: d.unit_overlap(networks(s)), {"1": "unit_overlap null_unit_overlap layer"}
    ),
    "trajectory_components": Case(
        lambda s: d.trajectory_components(cloud(s), components=2, resamples=3),
        {"metre": "score null_score", "1": "component_share null_component_share component"},
    ),
}  # fmt: skip

P_XY = np.array([[0.35, 0.05], [0.25, 0.1], [0.05, 0.2]])
LABELS = np.arange(80) % 2
ACTIVATIONS = np.random.default_rng(6).standard_normal((80, 3)) + LABELS[:, None]
BITS = {"bits": "I_XT I_TY null_I_TY"}
INFORMATION = {
    "binned_information": (
        lambda: info.binned_information(ACTIVATIONS, LABELS),
        {"bits": "I_XT I_TY miller_madow_I_TY", "1": "occupied status"},
    ),
    "bottleneck_curve": (
        lambda: info.bottleneck_curve(P_XY, [2, 9]),
        {
            "bits": "I_XT I_TY certificate",
            "1": "clusters iterations converged eigenvalue lowest_starts beta",
        },
    ),
    "bottleneck_distance": (
        lambda: info.bottleneck_distance(P_XY, [[0, 0, 1]]),
        {
            unit: " ".join(f"{p}{n}" for p in ("", "random_", "shuffled_") for n in names.split())
            for unit, names in {
                "bits": "I_XT I_TY bound_I_TY gap residual", "1": "beta_bound beta_fit"
            }.items()
        },
    ),
    "bottleneck_relaxation": (
        lambda: info.bottleneck_relaxation(P_XY, [5, 9]),
        {
            "iteration": "relaxation_time",
            "1": "eigenvalue iterations converged onset beta_local beta",
        },
    ),
    "compare": (
        lambda: info.compare(ACTIVATIONS, LABELS), BITS | {"1": "setting status estimator"}
    ),
    "compression": (
        lambda: info.compression(
            xr.DataArray([1.0, 3, 2], {"epoch": [0, 1, 2]}, "epoch", attrs={"units": "bits"})
        ),
        {"bits": "bits_start bits_peak bits_end bits_lost", "epochs": "peak_epoch onset_epoch"},
    ),
    "critical_betas": (
        lambda: info.critical_betas(P_XY, most=2), {"1": "beta kind clusters place beta_local"}
    ),
    "extrapolated_information": (
        lambda: info.extrapolated_information(ACTIVATIONS, LABELS, low=-4, high=5),
        {"bits": "I_TY plug_in_I_TY", "1": "status"},
    ),
    "gaussian_bottleneck": (
        lambda: info.gaussian_bottleneck(np.eye(3) + 0.3, 2, [2, 9]),
        {"bits": "I_XT I_TY", "1": "modes critical_beta mode beta"},
    ),
    "kde_information": (
        lambda: info.kde_information(ACTIVATIONS, LABELS, shuffled=LABELS[::-1]),
        BITS | {"1": "bound status"},
    ),
    "neighbour_information": (
        lambda: info.neighbour_information(ACTIVATIONS, LABELS),
        {"bits": "I_TY raw_I_TY null_I_TY", "1": "status"},
    ),
    "noisy_information": (
        lambda: info.noisy_information(
            Perceptron((3, 2, 2), noise=0.5), np.linspace(-1, 1, 14), ACTIVATIONS, LABELS,
            shuffled=LABELS[::-1],
        ),
        BITS | {"1": "layer"},
    ),
}  # fmt: skip
PATH = {"weight": "theta", "updates": "step", "time": "time"}
SHORT: dict[str, Any] = {"steps": 20, "replicas": 2}
PROCESSES: dict[str, dict[str, Any]] = {
    "double_well": {"dt": 0.01},
    "fractional_brownian": {"hurst": 0.3},
    "geometric_brownian": {},
    "gyrator": {},
    "levy_flight": {"tail_index": 1.5},
    "online_linear_regression": {},
    "ornstein_uhlenbeck": {},
    "pitchfork": {"signal": 0.5},
    "rotating_langevin": {},
    "scaled_brownian": {"alpha": 0.5},
    "sgd_on_quadratic": {},
    "slow_fold": {},
    "student_walk": {"degrees_of_freedom": 4.0},
    "switching_diffusion": {},
    "underdamped": {},
    "wiener": {},
}
SCANS = {
    "curie_weiss": ([8, 16], [0.5, 1.0], "order susceptibility binder"),
    "ising": ([8, 16], [2.0, 3.0], "energy"),
    "ising_chain": ([8, 16], [0.5, 1.0], "order susceptibility binder"),
    "potts": ([8, 16], [2.0, 3.0], "order susceptibility binder"),
    "separability": ([8, 16], [1.5, 2.0], "probability points"),
}
"""Sizes, values of the control parameter, and what is known exactly of each."""
CLASSES = {"1": "x y p_x p_y_given_x label"}
TARGETS = {"1": "x target p_x"}
TASKS = {
    "committee": ((), CLASSES),
    "dichotomies": ((8, 3), CLASSES),
    "digits": ((), CLASSES),
    "random_labels": ((3, 8), CLASSES),
    "scalar_teacher": ((), TARGETS),
    "symmetric_rule": ((), {"1": f"{CLASSES['1']} spectral_class"}),
    "teacher_student": ((3, 8), {"1": f"{TARGETS['1']} teacher"}),
}


def has_units(found: Any, units: dict[str, str], given: Any = ()) -> xr.Dataset:
    """What was computed has the units of a table: all names of it, and no others."""
    data = found.to_dataset(name="value") if isinstance(found, xr.DataArray) else found
    wanted = {name: unit for unit, names in units.items() for name in names.split()}
    computed = {str(n) for n in data.variables} - set(given)
    assert {n: data[n].attrs.get("units") for n in computed} == {
        n: wanted.get(n, wanted.get(own_name(n))) for n in computed
    }
    assert {own_name(n) for n in computed} | computed >= wanted.keys()
    is_labelled(data.drop_vars([n for n in given if n in data.coords]))
    return data


def factor(unit: str, scale: Scale) -> float:
    """What a value in a unit of metres and seconds is multiplied by."""
    top, _, bottom = unit.partition("/")
    value = 1.0
    for side, sign in ((top, 1), (bottom, -1)):
        for name, power in re.findall(r"(metre|second)(?:\*\*(-?[\d.]+))?", side):
            value *= (scale.x if name == "metre" else scale.t) ** (sign * float(power or 1))
    return value


GIVEN = ("step", "family", "replica", "layer", "kind", "epoch")
"""Coordinates of the input."""


def public(module: Any) -> set[str]:
    return {name for name in module.__all__ if name not in NO_LABELS}


def test_every_public_function_is_here():
    assert {name.split()[0] for name in DYNAMICS} == public(sp.dynamics) | public(sp.transitions)
    of_networks = {"layer_information", "layer_cells"}
    assert INFORMATION.keys() | of_networks == public(sp.information)
    assert PROCESSES.keys() | SCANS.keys() | {"corrupt", "ramped_fold"} == public(sp.processes)
    assert TASKS.keys() | {"idx", "table"} == public(sp.tasks)
    modules = [sp.dynamics, sp.transitions, sp.information, sp.processes, sp.tasks]
    assert NO_LABELS.keys() <= {name for module in modules for name in module.__all__}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.thorough(reason="every model"))
        if name == "fit"
        else name
        for name in DYNAMICS
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_units_and_scaling_of_dynamics(name):
    """Ten times the length and twice the time change every number as its unit says."""
    case = DYNAMICS[name]
    computed = {n for names in case.units.values() for n in names.split()}
    given = [n for n in GIVEN if n not in computed]
    one = has_units(case.call(Scale()), case.units, given)
    if case.counts:
        said = {one[n].attrs["long_name"] for n in ("count", "pairs") if n in one}
        assert said == {f"number of {case.counts}"}
    scale = Scale(10.0, 2.0)
    other = has_units(case.call(scale), case.units, given)
    for variable in one.variables:
        if variable in GIVEN or own_name(variable) in case.unscaled.split():
            assert variable in GIVEN or own_name(variable) in WHY
        elif one[variable].dtype.kind in "fiub":
            wanted = one[variable].to_numpy() * factor(one[variable].attrs["units"], scale)
            size = np.nanmax(np.abs(wanted), initial=0, where=np.isfinite(wanted))
            np.testing.assert_allclose(
                other[variable], wanted, rtol=case.within, atol=case.within * size,
                err_msg=str(variable),
            )  # fmt: skip
        else:
            assert (one[variable].to_numpy() == other[variable].to_numpy()).all()


@pytest.mark.parametrize("name", INFORMATION)
def test_units_of_information(name):
    call, units = INFORMATION[name]
    has_units(call(), units)


@pytest.mark.parametrize("name", PROCESSES)
def test_units_of_processes(name):
    has_units(getattr(sp.processes, name)(**SHORT, **PROCESSES[name]), PATH)


@pytest.mark.parametrize("name", SCANS)
def test_units_of_scans(name):
    sizes, controls, known = SCANS[name]
    found = getattr(sp.processes, name)(sizes, controls, replicas=3)
    has_units(found, {"1": f"m size control replica {known}"})


def test_units_of_a_ramp():
    found = sp.processes.ramped_fold([0.1], replicas=3, points=10)
    has_units(found, {"1": "m area speed direction control replica"})


def test_a_spoilt_path_keeps_its_units():
    path = sp.processes.wiener(**SHORT)
    path["theta"].attrs["units"] = "metre"
    has_units(sp.processes.corrupt(path, noise=0.1), PATH | {"metre": "theta"})


@pytest.mark.parametrize("name", TASKS)
def test_units_of_tasks(name):
    arguments, units = TASKS[name]
    has_units(getattr(sp.tasks, name)(*arguments), units)


def test_units_of_tasks_from_files(tmp_path):
    write_idx(tmp_path / "images-idx3-ubyte", np.zeros((5, 4, 3), np.uint8), 8)
    write_idx(tmp_path / "labels-idx1-ubyte", np.arange(5, dtype=np.uint8) % 2, 8)
    has_units(sp.tasks.idx(tmp_path), CLASSES)
    (tmp_path / "a.csv").write_text("width,kind\n1,cat\n3,dog\n")
    has_units(sp.tasks.table(tmp_path / "a.csv"), CLASSES)


RULE = {
    "task": {"labels": "soft"},
    "network": {"layers": [4, 3], "activation": "relu"},
    "train": {
        "epochs": 40, "replicas": 16, "twins": 2, "batch_size": 1200, "dtype": "float64",
    },
    "record": {"weights": "step"},
    "analyses": {
        "information": {}, "phases": {"resamples": 100}, "learning": {},
        "critical_batch": {"loss": 0.6},
        "diffusion": {"sample": 10}, "entropy": {"modes": 2}, "diversity": {},
        "components": {"replicas": 2, "points": 20, "walks": 10}, "one_unit": {},
        "stationarity": {"gradients": 8, "directions": 4, "replicas": 2}, "rescaling": {},
        "clustering": {"epochs": 2, "replicas": 2}, "motion": {},
        "tails": {"epochs": [5], "batch_sizes": [64], "batches": 50, "replicas": 2},
        "bounds": {"of": "information", "estimator": "kde_upper", "epochs": [0], "replicas": 1},
    },
    "figures": {"formats": []},
}  # fmt: skip
LINEAR = {
    "task": {"name": "teacher_student", "features": 5, "samples": 60},
    "network": {"layers": [3], "activation": "identity"},
    "train": {"epochs": 20, "replicas": 2, "sampling": "full", "loss": "squared_error"},
    "analyses": {"linear": {}, "learning": {}},
    "sweep": {"train.learning_rate": [0.1, 0.2]},
    "figures": {"formats": []},
}  # fmt: skip
CAPACITY = {
    "task": {"name": "dichotomies", "inputs": 5, "labels": "soft"},
    "network": {"layers": []},
    "train": {"epochs": 10, "replicas": 4, "sampling": "full", "train_fraction": 1.0},
    "record": {"gradients": "none"},
    "analyses": {"capacity": {}},
    "figures": {"formats": []},
}  # fmt: skip
STUDIES = {"rule": RULE, "linear": LINEAR, "capacity": CAPACITY}
ELSEWHERE = {"bottleneck": "study/test_bottleneck.py", "pitchfork": "study/test_physics.py"}
"""Analyses that take long; the results of these tests are looked at in the same way."""
RESULTS = {
    "rule": {
        "diffusion/diffusion": "weight**2/update",
        "diffusion/burst_epoch": "epochs",
        "stationarity/entropy_production": "nats/update",
        "stationarity/sharpness": "loss/weight**2",
        "stationarity/variance": "weight**2",
        "stationarity/direction_variance": "weight**2",
        "stationarity/direction_curvature": "loss/weight**2",
        "stationarity/burst_steps": "updates",
        "motion/distance": "weight",
        "motion/squared_displacement": "weight**2",
        "motion/waiting_epoch": "epochs",
        "tails/null_across": "1",
        "phases/late_diffusion": "weight**2/update",
        "phases/mean_over_weight": "loss/weight**2",
        "entropy/predicted_entropy": "nats",
        "entropy/mark_epoch": "epochs",
        "diversity/first_pairs": "1",
        "learning/order": "1",
        "learning/final_loss": "nats",
        "clustering/binned_entropy": "bits",
    },
    "capacity": {"capacity/separated": "1", "capacity/flow_time": "weight**2/loss"},
    "linear": {
        "linear/I_irrelevant": "bits",
        "linear/swept_learning_rate": "weight**2/loss",
        "learning/final_loss": "1",
    },
}


def test_every_analysis_is_here():
    of = {keys.get("of", name) for s in STUDIES.values() for name, keys in s["analyses"].items()}
    assert of | ELSEWHERE.keys() == ANALYSES.keys()


@pytest.mark.thorough(reason="every analysis of whole runs")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", STUDIES)
def test_results_of_a_study(name, tmp_path):
    run = sp.run(STUDIES[name], tmp_path / "run")
    with run.results as results:
        for group in results.children.values():
            is_labelled(group.to_dataset())
            # by which a key of a claim is known to be one, before anything is trained
            assert {c for c in map(str, group.coords) if "swept_" not in c} <= {*GLOSSARY}
        units = {place: results[place].attrs["units"] for place in RESULTS[name]}
    assert units == RESULTS[name]
    if name == "rule":
        networks_of(run)


def networks_of(run: Any) -> None:
    """The functions that read recorded networks."""
    task = sp.tasks.symmetric_rule()
    found = info.layer_information(run.trajectory, task, epochs=[40])
    has_units(
        found,
        BITS | {"1": "occupied extreme_share zero_share status bin_low bin_high order_violations "
                "replica layer", "epochs": "epoch"},
    )  # fmt: skip
    cells = info.layer_cells(run.trajectory, task)
    has_units(cells, {"1": "value layer", "epochs": "epoch"})


def test_what_arithmetic_hands_down_is_no_name():
    """A variance of weights is no weight, whatever attributes xarray leaves on it."""
    theta = xr.DataArray([1.0, 2, 4], dims="step", attrs={"units": "metre", "long_name": "path"})
    variance = theta.var("step", keep_attrs=True)
    assert variance.attrs["units"] == "metre"
    found = labelled(xr.Dataset({"variance": variance}), x="metre")
    assert found["variance"].attrs["units"] == "metre**2"
    assert found["variance"].attrs["long_name"] == "variance"


def test_a_function_s_name_is_before_the_glossary_s():
    named = {"variance": Quantity("{x}", "own"), "count": number_of("sheep")}
    data = labelled(xr.Dataset({"variance": 1.0, "variance_low": 1.0, "count": 3}), named, x="m")
    said = {n: (v.attrs["units"], v.attrs["long_name"]) for n, v in data.data_vars.items()}
    assert said == {
        "variance": ("m", "own"),
        "variance_low": ("m", "own, lower end of its interval"),
        "count": ("1", "number of sheep"),
    }
    # results keep their labels when others are merged into them, and under a prefix
    first = with_prefix(data, "first_")
    assert first["first_variance"].attrs["long_name"] == "own, at the start"
    assert data["variance"].attrs["long_name"] == "own"


def test_coordinates_keep_what_the_user_calls_them():
    clock = xr.DataArray(np.arange(9.0), dims="time", attrs={"units": "hour"})
    theta = xr.DataArray(np.random.default_rng(0).standard_normal((9, 6)), dims=("time", "replica"))
    found = d.ensemble_indicators(theta.assign_coords(time=clock), time="time")
    assert found["time"].attrs["units"] == "hour"
    bare = d.ensemble_indicators(theta.assign_coords(time=np.arange(9.0)), time="time")
    assert bare["time"].attrs["units"] == "time"
    m = xr.DataArray(
        np.random.default_rng(0).random((2, 3, 5)),
        dims=("size", "control", "replica"),
        coords={"size": ("size", [4, 8], {"symbol": "L"}), "control": [0.1, 0.2, 0.3]},
    )
    found = sp.transitions.order_parameter(m, size="size")
    assert found["size"].attrs["symbol"] == "L"
    dates = theta.assign_coords(time=np.arange(9).astype("datetime64[D]"))
    assert "units" not in d.ensemble_indicators(dates, time="time")["time"].attrs


@pytest.mark.parametrize(
    ("x", "t", "unit"),
    [("1", "step", "1/step"), ("metre", "1", "metre**2"), ("1", "1", "1"),
     ("m s-1", "year", "(m s-1)**2/year"), ("m", "m**2/loss", "loss"),
     ("m/s", "s", "m**2/s**3"), ("1", "m**2/loss", "loss/m**2"),
     ("counts per bin", "s", "(counts per bin)**2/s"), ("s", "s", "s"),
     ("m/s*kg", "s", "(m/s*kg)**2/s")],
)  # fmt: skip
def test_units_of_odd_input(x, t, unit):
    data = labelled(xr.Dataset({"diffusion": 1.0, "relaxation_time": 1.0}), x=x, t=t)
    assert data["diffusion"].attrs["units"] == unit
    assert data["relaxation_time"].attrs["units"] == t
