"""Perceptrons: parameters in order, initial weights, forward pass."""

import numpy as np
import pytest
import torch
from ensembles import small, torch_model

from sgdphys.errors import InputError
from sgdphys.networks import Perceptron
from sgdphys.networks.activations import ACTIVATIONS


def test_parameters_are_those_of_the_layers():
    table = Perceptron((3, 2, 4)).parameters
    assert table.layer.tolist() == [1] * 8 + [2] * 12
    assert table.kind.tolist() == ["weight"] * 6 + ["bias"] * 2 + ["weight"] * 8 + ["bias"] * 4
    assert table.entry.tolist() == [*range(6), *range(2), *range(8), *range(4)]
    assert table.parameter_name[[0, 7, 8, 19]].tolist() == [
        "layer1.weight", "layer1.bias", "layer2.weight", "layer2.bias",
    ]  # fmt: skip
    assert Perceptron((3, 2, 4), bias=False).parameters.kind.tolist() == ["weight"] * 14


@pytest.mark.parametrize(("init", "fan"), [("fan_in", 0), ("fan_out", 1)])
def test_truncated_normal_start(init, fan):
    network = Perceptron((200, 50), init=init)
    theta = network.initial_weights(np.random.default_rng(0))
    ((w, b),) = network.matrices(theta)
    scaled = w * np.sqrt((200, 50)[fan])
    assert np.abs(scaled).max() <= 2
    assert scaled.std() == pytest.approx(0.87963, abs=0.02)  # of a normal cut at two sigma
    assert not b.any()


@pytest.mark.parametrize("sizes", [(7, 4), (4, 7)])
def test_orthogonal_start(sizes):
    network = Perceptron(sizes, init="orthogonal")
    ((w, _),) = network.matrices(network.initial_weights(np.random.default_rng(0)))
    gram = w @ w.T if sizes[0] > sizes[1] else w.T @ w
    assert gram == pytest.approx(np.eye(4), abs=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_agrees_with_torch(activation):
    ensemble = small(activation=activation)
    network = ensemble.network
    theta = network.initial_weights(np.random.default_rng(1)) * 2
    wanted = torch_model(ensemble, theta)(torch.from_numpy(ensemble.samples.x)).detach().numpy()
    assert network.forward(theta, ensemble.samples.x)[-1] == pytest.approx(wanted, rel=1e-9)
    both = network.forward(np.stack([theta, -theta]), ensemble.samples.x)
    assert both[-1][0] == pytest.approx(wanted, rel=1e-9)
    assert [u.shape[-1] for u in both] == [4, 3, 2]


@pytest.mark.parametrize(
    ("sizes", "options", "says"),
    [
        ((3,), {}, "at least one unit"),
        ((3, 0, 2), {}, "at least one unit"),
        ((3, 2), {"activation": "tanhh"}, "did you mean 'tanh'"),
        ((3, 2), {"init": "xavier"}, "it can be 'fan_in'"),
        ((3, 2), {"noise": -1.0}, "must be 0 or more"),
        ((3, 2), {"noise": float("nan")}, "must be 0 or more"),
    ],
)
def test_impossible_networks_are_refused(sizes, options, says):
    with pytest.raises(InputError, match=says):
        Perceptron(sizes, **options)
