"""Small ensembles for tests."""

import numpy as np
import torch

from sgdphys.engines.base import Ensemble, Plan, Samples, Training
from sgdphys.networks import Perceptron

OPTIONS = ("activation", "init", "noise", "bias")


def small(
    replicas=3,
    sizes=(5, 4, 3, 2),
    samples=40,
    train=30,
    epochs=8,
    rate=0.1,
    seed=3,
    twins=1,
    **given,
):
    """An ensemble on random patterns; ``given`` are options of the network or the training."""
    rng = np.random.default_rng(11)
    x = rng.standard_normal((samples, sizes[0]))
    if given.get("loss") == "squared_error" and not given.pop("labels", False):
        targets = rng.standard_normal((samples, sizes[-1]))
    else:
        targets = rng.integers(0, sizes[-1], (1, samples))
    is_train = np.zeros((replicas, samples), bool)
    for replica in range(replicas):
        split = np.random.default_rng([5, replica // twins])
        is_train[replica, split.permutation(samples)[:train]] = True
    network = {k: given.pop(k) for k in OPTIONS if k in given}
    return Ensemble(
        network=Perceptron(sizes, **network),
        training=Training(np.full(epochs, rate), **({"batch_size": 8, "dtype": "float64"} | given)),
        samples=Samples(x, targets, is_train),
        seed=seed,
        twins=twins,
    )


def every_step(ensemble):
    """A plan that records everything."""
    epochs = np.arange(ensemble.epochs + 1)
    return Plan(np.arange(ensemble.epochs * ensemble.updates_per_epoch + 1), epochs)


def torch_model(ensemble, theta):
    """The same network in torch, in float64 or the ensemble's own dtype."""
    network = ensemble.network
    names = {"elu": "ELU", "swish": "SiLU", "identity": "Identity", "relu": "ReLU", "tanh": "Tanh"}
    kind = names.get(network.activation, network.activation.capitalize())
    kind = {"Softplus": "Softplus", "Softsign": "Softsign"}.get(kind, kind)
    modules = []
    for n_in, n_out in zip(network.sizes[:-1], network.sizes[1:], strict=True):
        modules += [torch.nn.Linear(n_in, n_out, bias=network.bias), getattr(torch.nn, kind)()]
    model = torch.nn.Sequential(*modules[:-1]).to(getattr(torch, str(theta.dtype)))
    with torch.no_grad():
        for layer, (w, b) in zip(model[::2], network.matrices(theta), strict=True):
            layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(w)))
            if network.bias:
                layer.bias.copy_(torch.from_numpy(np.ascontiguousarray(b)))
    return model


def torch_loss(ensemble, model, rows):
    """The mean loss of some samples in torch."""
    dtype = next(model.parameters()).dtype
    out = model(torch.from_numpy(ensemble.samples.x[rows]).to(dtype))
    targets = ensemble.samples.targets
    if ensemble.training.loss == "cross_entropy":
        return torch.nn.functional.cross_entropy(out, torch.from_numpy(targets[0][rows]))
    if ensemble.samples.are_labels:
        wanted = torch.nn.functional.one_hot(torch.from_numpy(targets[0][rows]), out.shape[1])
    else:
        wanted = torch.from_numpy(targets[rows])
    return 0.5 * ((out - wanted.to(dtype)) ** 2).sum(dim=1).mean()


def flat(tensors):
    """Parameters or gradients of a torch model as one vector."""
    return torch.cat([t.reshape(-1) for t in tensors]).detach().numpy()
