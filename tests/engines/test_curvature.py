"""Gradients and Hessians at fixed weights against differences of the loss."""

import numpy as np
import pytest

from sgdphys.engines import curvature
from sgdphys.engines.base import Ensemble, Samples, Training
from sgdphys.engines.gradients import full_gradients
from sgdphys.networks import Perceptron


def ensemble(loss="cross_entropy", activation="tanh", bias=True, twins=1):
    rng = np.random.default_rng(0)
    network = Perceptron((4, 5, 3), activation=activation, bias=bias)
    x = rng.standard_normal((30, 4))
    targets = (
        rng.integers(0, 3, (4 // twins, 30)) if loss == "cross_entropy"
        else rng.standard_normal((30, 3))
    )  # fmt: skip
    is_train = np.stack([rng.permutation(30) < 24 for _ in range(4)])
    training = Training(
        rates=np.ones(1), loss=loss, weight_decay=0.03, orthonormality=0.2, dtype="float64"
    )
    return Ensemble(network, training, Samples(x, targets, is_train), seed=1, twins=twins)


def loss_of(e, theta, replica):
    """Mean loss over the replica's training samples, penalties on weights included, by numpy."""
    inside = e.samples.is_train[replica]
    z = e.network.forward(theta, e.samples.x[inside])[-1]
    if e.training.loss == "cross_entropy":
        y = e.samples.targets[replica // e.twins, inside]
        top = z - z.max(axis=1, keepdims=True)
        value = (np.log(np.exp(top).sum(axis=1)) - top[np.arange(len(y)), y]).mean()
    else:
        value = 0.5 * ((z - e.samples.targets[inside]) ** 2).sum(axis=1).mean()
    for w, _ in e.network.matrices(theta):
        away = w @ w.T - np.eye(len(w))
        value += 0.25 * e.training.orthonormality * (away**2).sum()
    return value + 0.5 * e.training.weight_decay * (theta**2).sum()


@pytest.fixture
def theta():
    def draw(e):
        rng = np.random.default_rng(2)
        size = len(e.network.parameters.layer)
        return 0.5 * rng.standard_normal((2, 4, size))

    return draw


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
@pytest.mark.parametrize(("activation", "bias", "twins"), [("tanh", True, 2), ("swish", False, 1)])
def test_gradients_are_slopes_of_the_loss(loss, activation, bias, twins, theta):
    e = ensemble(loss, activation, bias, twins)
    at = theta(e)
    found = full_gradients(e, at)
    rng = np.random.default_rng(3)
    for place, replica in ((0, 0), (1, 3)):
        v = rng.standard_normal(at.shape[-1])
        w = at[place, replica]
        slope = (loss_of(e, w + 1e-5 * v, replica) - loss_of(e, w - 1e-5 * v, replica)) / 2e-5
        assert found[place, replica] @ v == pytest.approx(slope, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "softsign", "elu", "sigmoid", "softplus"])
def test_hessian_products_are_differences_of_gradients(loss, activation, theta):
    e = ensemble(loss, activation)
    at = theta(e)
    v = np.random.default_rng(4).standard_normal(at.shape)
    landscape = curvature.landscape_of(e)
    found = curvature.hessian_products(landscape, at, v)
    h = 1e-5
    near = (full_gradients(e, at + h * v) - full_gradients(e, at - h * v)) / (2 * h)
    np.testing.assert_allclose(found, near, atol=2e-6)
    full = curvature.hessians(landscape, at)
    np.testing.assert_allclose(np.einsum("prij,prj->pri", full, v), found, atol=1e-10)


def test_sharpness_either_way(theta, monkeypatch):
    e = ensemble()
    landscape, at = curvature.landscape_of(e), theta(e)
    values, vectors = curvature.leading_curvature(landscape, at, many=3)
    product = curvature.hessian_products(landscape, at, vectors[..., 0])
    np.testing.assert_allclose(product, values[..., :1] * vectors[..., 0], atol=1e-10)
    monkeypatch.setattr(curvature, "LARGEST_HESSIAN", 5)
    again, directions = curvature.leading_curvature(landscape, at, many=3)
    np.testing.assert_allclose(again, values, atol=1e-5)
    assert (abs((directions[..., 0] * vectors[..., 0]).sum(axis=-1)) > 0.999).all()
    with pytest.raises(ValueError, match="a full Hessian of"):
        curvature.hessians(landscape, at)
