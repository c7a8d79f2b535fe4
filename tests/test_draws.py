"""Random numbers: the same seed gives the same result, and a series knows nothing of others."""

import functools
import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from signatures import taking

import sgdphys as sp
from sgdphys.draws import bootstrap_draws, seed_of, stream
from sgdphys.dynamics import early_warning, gradient_phases, tail_index, wiener_tests
from sgdphys.dynamics.models.catalogue import chosen_models
from sgdphys.fitting.fits import fit_file
from sgdphys.information import layer_information
from sgdphys.networks import Perceptron

NETWORK = Perceptron((3, 4, 2), noise=0.1)
P_XY = np.repeat([[0.12, 0.04], [0.05, 0.12333333333333334]], 3, axis=0)
X = np.random.default_rng(9).standard_normal((64, 3))
TASK = xr.Dataset({"x": (("sample", "feature"), X), "y": ("sample", (X[:, 0] > 0) * 1)})


def noise(draw, **sizes):
    return xr.DataArray(draw.standard_normal(tuple(sizes.values())), dims=tuple(sizes))


def walks(draw, **sizes):
    return noise(draw, **{"step": 60, "replica": 8, **sizes}).cumsum("step")


def networks(draw):
    table = NETWORK.parameters
    kinds = {"layer": ("parameter", table.layer), "kind": ("parameter", table.kind)}
    return noise(draw, replica=6, parameter=table.count).assign_coords(kinds)


def gradients(draw):
    names = ("mean_norm", "noise_norm", "weight_norm", "noise_trace")
    norms = xr.Dataset({n: np.exp(noise(draw, epoch=12, replica=8, layer=3)) for n in names})
    return norms.assign_coords(epoch=range(12), replica=range(8), layer=[1, 2, 3])


def trajectory(theta):
    theta = theta.expand_dims(step=1).assign_coords(epoch=("step", [0]), replica=range(6))
    tree = xr.DataTree.from_dict({"weights": xr.Dataset({"theta": theta})})
    tree.attrs.update(network=NETWORK.description(), loss="cross_entropy")
    return tree


def curves(draw):
    epoch = np.arange(0, 100, 4)
    share = np.clip((epoch[:, None] - draw.uniform(5, 40, 10)) / 30, 0, 1)
    curve = (("epoch", "replica", "layer"), (4 - 3 * share)[..., None])
    return xr.Dataset({"I_XT": curve}, coords={"epoch": epoch, "layer": [1]})


def magnet(draw):
    return sp.processes.curie_weiss(
        [32, 128, 512], np.linspace(0.7, 1.3, 13), replicas=40, rng=draw
    )["m"]


def stationary(draw):
    return sp.processes.ornstein_uhlenbeck(
        kappa=1, diffusion=1, dt=0.5, steps=100, replicas=2, parameters=2, rng=draw
    )["theta"].drop_vars("time", errors="ignore")


def samples(draw):
    labels = np.arange(80) % 2
    return draw.standard_normal((80, 2)) + labels[:, None], labels


def saved(draw):
    np.save("walks.npy", walks(draw, replica=30).to_numpy())
    return Path("walks.npy")


@functools.cache
def bound():
    """The bound of P_XY, which draws nothing."""
    onset = float(sp.information.critical_betas(P_XY, most=2)["beta"][0])
    return sp.information.bottleneck_curve(P_XY, [onset, 2 * onset, 9 * onset])


CALLS = {
    "tail_index": lambda draw: ((walks(draw),), {}),
    "simulated": lambda draw: (
        (sp.fit(x := walks(draw), models="wiener"), x, None, chosen_models("wiener")), {}
    ),
    "predictive_checks": lambda draw: ((walks(draw, replica=2),), {"copies": 50}),
    "weight_entropy": lambda draw: (
        (noise(draw, step=9, replica=9, parameter=4),), {"basis": "random", "modes": 2}
    ),
    "entropy_balance": lambda draw: (
        (noise(draw, step=9, replica=9, parameter=4),), {"basis": "random", "modes": 2}
    ),
    "fit_langevin": lambda draw: ((stationary(draw),), {"resamples": 5}),
    "pass_rate": lambda draw: ((wiener_tests(walks(draw)),), {}),
    "gradient_phases": lambda draw: (
        (gradients(draw),), {"batch_size": 1, "batches": 1, "resamples": 20}
    ),
    "trajectory_components": lambda draw: (
        (walks(draw, parameter=3),), {"components": 2, "resamples": 4}
    ),
    "entropy_production": lambda draw: ((stationary(draw),), {"blocks": 5, "resamples": 9}),
    "early_warning": lambda draw: ((walks(draw),), {"resamples": 19}),
    "replica_overlap": lambda draw: ((networks(draw),), {}),
    "displacement_law": lambda draw: ((walks(draw, parameter=2),), {"resamples": 50}),
    "layer_information": lambda draw: ((trajectory(networks(draw)), TASK), {}),
    "neighbour_information": lambda draw: (samples(draw), {}),
    "extrapolated_information": lambda draw: (
        samples(draw), {"bins": 4, "low": -3, "high": 4, "repeats": 2}
    ),
    "noisy_information": lambda draw: (
        (NETWORK, networks(draw).to_numpy()[0], X, TASK["y"].to_numpy()), {"own_draws": 2}
    ),
    "bottleneck_distance": lambda draw: ((P_XY, [[0, 1, 0, 1, 2, 2]]), {"curve": bound()}),
    "compare": lambda draw: (samples(draw), {}),
    "bottleneck_curve": lambda draw: (
        (P_XY, [5.0]), {"method": "blahut_arimoto", "iterations": 5}
    ),
    "estimated": lambda draw: (
        (networks(draw).to_numpy()[None], [0], NETWORK, X, TASK["y"].to_numpy()),
        {"estimator": "equal_mass", "softmax": True},
    ),
    "rank_correlation": lambda draw: (
        tuple(noise(draw, replica=9, layer=2) for _ in range(2)), {}
    ),
    "compression_after_transition": lambda draw: (
        (curves(draw), xr.Dataset({"transition_epoch": 9 * noise(draw, replica=10, layer=1)})),
        {},
    ),
    "fit_file": lambda draw: ((saved(draw),), {"sample": 3}),
    "portrait": lambda draw: ((fit_file(saved(draw)),), {}),
    "collapse": lambda draw: ((magnet(draw),), {"resamples": 20}),
    "crossing": lambda draw: ((magnet(draw),), {"resamples": 20}),
    "project": lambda draw: ((walks(draw, parameter=5), "random:2", "step"), {}),
}  # fmt: skip


def numbers(found):
    """All numbers of a result, one after the other."""
    if isinstance(found, xr.Dataset):
        return np.concatenate(
            [v.to_numpy().ravel() for v in found.data_vars.values() if v.dtype.kind in "iuf"]
        )
    if isinstance(found, tuple):
        return np.concatenate([numbers(part) for part in found if not isinstance(part, list)])
    return np.ravel(found).astype(float)


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("in_folder")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("function", taking("rng"), ids=lambda f: f.__name__)
def test_the_same_seed_gives_the_same_result(function):
    """And another seed another one."""
    given, options = CALLS[function.__name__](np.random.default_rng(3))

    def found(rng):
        return numbers(function(*given, **options, rng=rng))

    seed = np.random.SeedSequence(0)
    first = found(seed)
    np.testing.assert_array_equal(found(seed), first)  # a seed is not used up
    assert not np.array_equal(found(np.random.default_rng(5)), first, equal_nan=True)


def layers_of(theta, **options):
    return layer_information(trajectory(theta), TASK, **options)


def phases_of(given, **options):
    found = gradient_phases(given, batch_size=1, batches=1, resamples=20, **options)
    return found.drop_vars("noise_scale_total")  # of all layers together


ALONE = {
    "tail_index": (tail_index, "replica", walks, {}),
    "tail_index, log_moment": (tail_index, "replica", walks, {"method": "log_moment"}),
    "tail_index, hill": (tail_index, "replica", walks, {"method": "hill"}),
    "early_warning": (early_warning, "replica", walks, {"resamples": 19}),
    "early_warning, phases": (
        early_warning, "replica", walks, {"resamples": 19, "surrogates": "phases"}
    ),
    "early_warning, over": (
        early_warning, "case", lambda draw: walks(draw, case=4),
        {"resamples": 19, "over": "replica"},
    ),
    "trajectory_components": (
        sp.dynamics.trajectory_components, "replica", lambda draw: walks(draw, parameter=3),
        {"components": 2, "resamples": 4},
    ),
    "gradient_phases": (phases_of, "layer", gradients, {}),
    "layer_information": (layers_of, "replica", networks, {}),
    "layer_information, equal_mass": (layers_of, "replica", networks, {"estimator": "equal_mass"}),
}  # fmt: skip
TOGETHER = {
    "diffusion_vs_lag": (
        sp.dynamics.diffusion_vs_lag, "parameter", lambda draw: walks(draw, parameter=4),
        {"over": "replica"},
    ),
    "msd_exponent": (
        sp.dynamics.msd_exponent, "parameter", lambda draw: walks(draw, parameter=4),
        {"over": "replica"},
    ),
    "two_time_msd": (
        sp.dynamics.two_time_msd, "parameter", lambda draw: walks(draw, parameter=4),
        {"waiting_times": [1, 5], "lags": [1, 2]},
    ),
    "kramers_moyal": (
        sp.dynamics.kramers_moyal, "parameter", lambda draw: walks(draw, parameter=4),
        {"over": "replica", "bins": 4},
    ),
    "order_parameter": (
        sp.transitions.order_parameter, "case", lambda draw: noise(draw, replica=9, case=4), {}
    ),
}  # fmt: skip


def on_processors(monkeypatch, many):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(many)))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", [*ALONE, *TOGETHER])
def test_a_series_knows_nothing_of_others(name, monkeypatch):
    """Other series in the places of its neighbours, or none, on one thread or two."""
    function, dim, make, options = (ALONE | TOGETHER)[name]
    first, second = (make(np.random.default_rng(seed)) for seed in (3, 4))
    place = 2
    is_place = xr.DataArray(np.arange(first.sizes[dim]) == place, dims=dim)
    if name in ALONE:
        options = options | {"rng": 0}
    wanted = numbers(function(first, **options).isel({dim: place}))
    assert np.isfinite(wanted).any()
    for threads in (1, 2):
        on_processors(monkeypatch, threads)
        neighbours = [second, second * np.nan] if name in ALONE else [second]
        for others in neighbours:
            found = function(first.where(is_place, others), **options)
            np.testing.assert_array_equal(numbers(found.isel({dim: place})), wanted)


@pytest.mark.parametrize("function", [tail_index, early_warning])
def test_chunks_change_nothing(function):
    x = walks(np.random.default_rng(3), parameter=3)
    options = {"resamples": 19} if function is early_warning else {"method": "log_moment"}
    whole = function(x, **options)
    xr.testing.assert_identical(function(x.chunk(replica=3, parameter=2), **options), whole)


def test_warnings_of_many_blocks_on_two_threads_repeat(monkeypatch):
    on_processors(monkeypatch, 2)
    x = noise(np.random.default_rng(0), step=2000, replica=140)
    one, other = (early_warning(x, resamples=19)["p_value"] for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("make", [int, np.random.SeedSequence, np.random.default_rng])
def test_a_ratio_is_of_one_ensemble(make):
    """Replicas differ in scale; mean over noise is 2 in every one, and in every resample."""
    scale = np.random.default_rng(0).lognormal(0, 1, (1, 40, 1)) * np.ones((12, 40, 2))
    sizes = {"mean_norm": 2.0, "noise_norm": 1.0, "weight_norm": 1.0, "noise_trace": 1.0}
    norms = xr.Dataset(
        {n: (("epoch", "replica", "layer"), c * scale) for n, c in sizes.items()},
        coords={"epoch": range(12), "replica": range(40), "layer": [1, 2]},
    )
    found = gradient_phases(norms, batch_size=10, batches=3, rng=make(0))
    for end in ("low", "high"):
        np.testing.assert_allclose(found[f"gradient_ratio_{end}"], 2, rtol=1e-12)


def test_draws_are_resamples_of_all_members():
    draws = bootstrap_draws(7, 3, resamples=400)
    assert draws.shape == (400, 7)
    assert (draws.sum(axis=1) == 7).all()
    assert abs(draws.var() - 6 / 7) < 0.1  # binomial, of 7 draws with chance 1/7


def test_streams_differ_by_key_and_not_by_call():
    seed = np.random.SeedSequence(4, spawn_key=(2,))
    drawn = [stream(seed, *key).random() for key in ((), (0,), (1,), (0, 1))]
    assert len(set(drawn)) == 4
    assert stream(seed, 1).random() == drawn[2]
    assert stream(4, 2).random() == stream(seed).random()  # a key is a spawned child's
    assert seed_of(seed) is seed
    assert stream(np.int64(4)).random() == stream(4).random() == np.random.default_rng(4).random()


def test_a_generator_is_asked_once_and_moves_on():
    one, other = np.random.default_rng(5), np.random.default_rng(5)
    first, second = (stream(seed_of(one)).random() for _ in range(2))
    assert first == stream(seed_of(other)).random() != second
    assert second == stream(seed_of(other)).random()


def test_no_seed_repeats_nothing():
    assert stream(None).random() != stream(None).random()
