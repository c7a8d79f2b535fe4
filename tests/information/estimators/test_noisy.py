"""Layers with noise of their own: Monte Carlo against one integral and against a closed form."""

import numpy as np
import pytest

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.information import layer_information, linear_layer_information, noisy_information
from sgdphys.networks import Perceptron, from_description


def linear(sizes, noise, weights):
    """A network without biases or bends, and its weights as one vector."""
    network = Perceptron(sizes, activation="identity", noise=noise, bias=False)
    return network, np.concatenate([np.ravel(w) for w in weights])


@pytest.mark.parametrize("distance", [0.5, 2.0])
def test_two_points(distance):
    """X is one of two points: I(X;T) = I(T;Y), one integral."""
    noise = 0.7
    network, theta = linear((1, 1, 2), noise, [[[1.0]], [[1.0], [0.0]]])
    x = np.repeat([0.0, distance], 4000)[:, None]
    found = noisy_information(network, theta, x, np.repeat([0, 1], 4000))
    grid = np.linspace(-8, 8 + distance, 40_001)
    p = sum(np.exp(-((grid - c) ** 2) / (2 * noise**2)) for c in (0, distance)) / 2
    p /= noise * np.sqrt(2 * np.pi)
    mixed = -(p * np.log2(np.maximum(p, 1e-300))).sum() * (grid[1] - grid[0])
    truth = mixed - 0.5 * np.log2(2 * np.pi * np.e * noise**2)
    for name in ("I_XT", "I_TY"):
        assert float(found[f"{name}_low"][0]) < truth + 0.01
        assert float(found[f"{name}_high"][0]) > truth - 0.01


def test_linear_layers_of_gaussian_inputs():
    """Both layers by determinants; the second carries the first's noise."""
    rng = np.random.default_rng(1)
    first, second = rng.standard_normal((2, 3)), rng.standard_normal((2, 2))
    noise = 0.8
    network, theta = linear((3, 2, 2, 2), noise, [first, second, np.eye(2)])
    x = rng.standard_normal((4000, 3))
    y = (x[:, 0] > 0).astype(int)
    found = noisy_information(network, theta, x, y, draws=2, own_draws=200)
    one = linear_layer_information(first, np.eye(3), noise**2)
    carried = noise**2 * (np.eye(2) + second @ second.T)
    root = np.linalg.cholesky(np.linalg.inv(carried))
    two = linear_layer_information(root.T @ second @ first, np.eye(3), 1.0)
    np.testing.assert_allclose(found["I_XT"], [one, two], atol=0.08)
    assert bool((found["I_TY"] < np.minimum(found["I_XT"], 1)).all())
    assert float(found["I_XT"][1]) < float(found["I_XT"][0])


@pytest.mark.thorough(reason="a run of its own: 2 s")
def test_a_run_with_noise(tmp_path):
    study = {"network": {"layers": [3], "noise": 0.3}, "train": {"epochs": 3, "replicas": 1}}
    trajectory = sp.run(study, tmp_path / "run").trajectory
    task = sp.tasks.symmetric_rule()
    found = layer_information(trajectory, task, estimator="noisy", epochs=[3]).isel(replica=0)
    assert 0 < float(found["I_XT"].sel(layer=1)[0]) < 12
    assert np.isnan(found["I_XT"].sel(layer=2)[0])  # the output has no noise of its own
    assert abs(float(found["null_I_TY"].sel(layer=1)[0])) < 0.02


@pytest.mark.slow(reason="Monte Carlo of many samples: 13 s")
def test_linear_networks_exactly(tmp_path):
    """The estimator "gaussian": determinants of the task's covariance; not for other networks."""
    study = {
        "network": {"layers": [3], "activation": "identity"},
        "train": {"epochs": 1, "replicas": 1},
    }
    trajectory = sp.run(study, tmp_path / "run").trajectory
    task = sp.tasks.symmetric_rule()
    found = layer_information(
        trajectory, task, estimator="gaussian", epochs=[1], noise_variance=0.2
    )
    w, _ = next(
        iter(
            from_description(trajectory.attrs["network"]).matrices(
                trajectory["weights"]["theta"].to_numpy()[-1, 0].astype(float)
            )
        )
    )
    wanted = linear_layer_information(w, np.cov(task["x"].to_numpy().T), 0.2)
    assert float(found["I_XT"].sel(epoch=1, layer=1)[0]) == pytest.approx(wanted, rel=1e-9)
    assert bool(found["I_TY"].isnull().all())
    bent = {**study, "network": {"layers": [3]}}
    trajectory = sp.run(bent, tmp_path / "bent").trajectory
    with pytest.raises(InputError, match="exact for linear networks; this one has tanh"):
        layer_information(trajectory, task, estimator="gaussian", epochs=[1])
