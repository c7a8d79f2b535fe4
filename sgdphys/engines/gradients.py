"""Gradients of the whole training loss, or of batches, at any weights."""

from dataclasses import replace

import numpy as np

from sgdphys.engines.base import Ensemble, Plan, Samples
from sgdphys.engines.fused import FusedEngine
from sgdphys.networks import Perceptron

_TOGETHER = 512


def full_gradients(ensemble: Ensemble, theta: np.ndarray, device: str = "cpu") -> np.ndarray:
    """Gradient of each replica's whole training loss, weight decay included.

    Of a perceptron by the fused engine: what one step of full-batch descent at a learning rate of 1
    takes off the weights. Of other networks by torch.

    Parameters
    ----------
    ensemble : Ensemble
    theta : (place, replica, parameter)
        Weights at some places of every replica's path; layer noise is left out.
    device : str
        Of torch, "cpu" or "cuda".

    Returns
    -------
    float64 (place, replica, parameter)
    """
    if not isinstance(ensemble.network, Perceptron):
        from sgdphys.engines.curvature import gradients, landscape_of

        return gradients(landscape_of(ensemble, device), theta)
    is_train = np.broadcast_to(
        ensemble.samples.is_train, (len(theta), *ensemble.samples.is_train.shape)
    )
    return batch_gradients(ensemble, theta, is_train)


def batch_gradients(ensemble: Ensemble, theta: np.ndarray, batches: np.ndarray) -> np.ndarray:
    """Gradient of the loss of a batch at each place, weight decay included; of perceptrons.

    Parameters
    ----------
    ensemble : Ensemble
    theta : (place, replica, parameter)
        Layer noise is left out.
    batches : bool (place, replica, sample)
        The samples of each batch, equally many for all.

    Returns
    -------
    float64 (place, replica, parameter)
    """
    replicas, size = theta.shape[1:]
    training = replace(
        ensemble.training, rates=np.ones(1), sampler="full", optimiser="sgd", momentum=0.0,
        nesterov=False, langevin=0.0, label_noise=0.0, dtype="float64",
    )  # fmt: skip
    samples = ensemble.samples
    plan = Plan(weight_steps=np.array([1]), epochs=np.array([], np.int64), gradients=False)
    flat = theta.reshape(-1, size).astype(np.float64)
    found = np.empty_like(flat)
    for first in range(0, len(flat), _TOGETHER):
        part = slice(first, min(first + _TOGETHER, len(flat)))
        place, owner = np.divmod(np.arange(part.start, part.stop), replicas)
        targets = ensemble.labels_of(owner) if samples.are_labels else samples.targets
        engine = FusedEngine(
            Ensemble(
                network=replace(ensemble.perceptron, noise=0.0),
                training=training,
                samples=Samples(x=samples.x, targets=targets, is_train=batches[place, owner]),
                seed=ensemble.seed,
            )
        )
        state = replace(engine.initial_state(), theta=flat[part])
        after, _ = engine.advance(state, 1, plan)
        found[part] = flat[part] - after.theta
    return found.reshape(theta.shape)
