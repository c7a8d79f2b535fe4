"""Any ``torch.nn.Module`` as a function of flat weights, and its parameters described."""

import copy
import inspect
import itertools
import operator
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.func import functional_call

from sgdphys.engines.base import Network
from sgdphys.engines.factories import factory_of, looking_in
from sgdphys.errors import InputError
from sgdphys.networks import ParameterTable, Perceptron
from sgdphys.networks.activations import ACTIVATIONS
from sgdphys.trajectory.schema import tensor_table


def forward_of(network: Perceptron) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return the linear output (sample, output) as a function of theta (parameter,) and x."""
    activation = operator.attrgetter(ACTIVATIONS[network.activation].torch)(torch)

    def forward(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        units = x
        for layer, (weight, bias) in enumerate(matrices_of(network, theta)):
            z = torch.nn.functional.linear(units, weight, bias if network.bias else None)
            units = z if layer == network.layers - 1 else activation(z)
        return units

    return forward


def matrices_of(
    network: Perceptron, theta: torch.Tensor
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weights (output, input) and biases (output,) of each layer; biases are empty without any."""
    shapes = list(itertools.pairwise(network.sizes))
    parts = torch.split(theta, [n for i, o in shapes for n in (i * o, o * network.bias)])
    weights, biases = parts[0::2], parts[1::2]
    return [(w.reshape(o, i), b) for w, b, (i, o) in zip(weights, biases, shapes, strict=True)]


def sample_losses(out: torch.Tensor, targets: torch.Tensor, loss: str) -> torch.Tensor:
    """Loss (sample,) of linear outputs (sample, output), for whole labels or real targets."""
    if loss == "cross_entropy":
        return -torch.log_softmax(out, -1).gather(-1, targets[:, None])[:, 0]
    if not targets.is_floating_point():
        labels = torch.arange(out.shape[-1], device=out.device)
        targets = (targets[..., None] == labels).to(out.dtype)
    return 0.5 * ((out - targets) ** 2).sum(-1)


@dataclass(frozen=True)
class ModuleNetwork:
    """A network made by a function of the user's.

    Parameters
    ----------
    path : str
        "package.module:function". The function returns a torch.nn.Module that maps a batch of
        inputs to a batch of linear outputs; where it takes ``inputs`` and ``outputs`` it is given
        the shape of one input and the number of outputs.
    inputs : tuple of int
        Shape of one input.
    outputs : int
    folder : str
        Where the module is looked for after everything that Python can import; the working folder
        by default.

    Raises
    ------
    InputError
        When there is no such function, it makes something else, or a network without a parameter
        that is trained.

    Notes
    -----
    A parameter that does not require gradients is frozen: it is recorded as the others are, and
    nothing changes it.
    """

    path: str
    inputs: tuple[int, ...]
    outputs: int
    folder: str = ""

    def __str__(self) -> str:
        return f"{self.path} of {sum(int(np.prod(s)) for s in self.shapes)} parameters"

    def make(self) -> torch.nn.Module:
        """Make one network, its weights drawn by torch's own random numbers."""
        known = {"inputs": self.inputs, "outputs": self.outputs}
        try:
            asked = inspect.signature(self._factory).parameters
            with looking_in(self._folder):  # where the function itself imports something
                made = self._factory(**{k: v for k, v in known.items() if k in asked})
        except Exception as error:
            raise InputError(
                f"network.module {self.path!r} failed to make a network "
                f"({type(error).__name__}: {error})"
            ) from error
        if not isinstance(made, torch.nn.Module):
            raise InputError(
                f"network.module {self.path!r} made a {type(made).__name__}; a torch.nn.Module was "
                "expected"
            )
        if not any(p.requires_grad for p in made.parameters()):
            raise InputError(
                f"network.module {self.path!r} made a network without a parameter to train; at "
                "least one must require gradients"
            )
        return made

    @property
    def _folder(self) -> str:
        return self.folder or os.getcwd()

    @cached_property
    def _factory(self) -> Callable[..., Any]:
        return factory_of(self.path, self._folder)

    @cached_property
    def example(self) -> torch.nn.Module:
        """One network, for its structure and for what it keeps beside its weights."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self.make()

    @cached_property
    def names(self) -> list[str]:
        """Names of its parameters."""
        return [name for name, _ in self.example.named_parameters()]

    @cached_property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of its parameters."""
        return [tuple(p.shape) for p in self.example.parameters()]

    @cached_property
    def is_trained(self) -> np.ndarray:
        """Whether each parameter is trained or frozen, bool (parameter,)."""
        return np.concatenate([np.full(p.numel(), p.requires_grad)
                               for p in self.example.parameters()])  # fmt: skip

    @cached_property
    def parameters(self) -> ParameterTable:
        """Layer, kind, tensor name and flat index of every parameter."""
        return tensor_table(self.names, [int(np.prod(s)) for s in self.shapes])

    @property
    def layer_names(self) -> list[str]:
        """Names of the modules that hold parameters, in order."""
        return list(self.parameters.layer_names)

    @property
    def layers(self) -> int:
        """Number of modules that hold parameters."""
        return len(self.layer_names)

    def initial_weights(self, rng: np.random.Generator) -> np.ndarray:
        """Draw one replica's weights, float64 (parameter,)."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**62)))
            made = self.make()
        with torch.no_grad():
            flat = torch.cat([p.reshape(-1).double() for p in made.parameters()])
        return np.asarray(flat.numpy())

    def description(self) -> dict[str, Any]:
        """Return what a trajectory's attributes keep of the network."""
        return {"kind": "module", "path": self.path, "inputs": list(self.inputs),
                "outputs": self.outputs}  # fmt: skip


@dataclass(frozen=True)
class Model:
    """A network as a function of flat weights and buffers.

    Attributes
    ----------
    forward : callable
        Of theta (parameter,), buffers (dict of tensors), x (sample, ...) and whether it is
        training; returns the linear outputs and the buffers afterwards.
    buffers : dict of tensors
        As a network begins with them; empty for most.
    is_coupled : bool
        Whether samples of a batch see each other (batch norm).
    is_random : bool
        Whether it draws random numbers in training (dropout).
    is_trained : bool tensor (parameter,), optional
        Which parameters change; without it all of them. The others have no gradient.
    """

    forward: Callable[..., Any]
    buffers: dict[str, torch.Tensor]
    is_coupled: bool
    is_random: bool
    is_trained: torch.Tensor | None = None

    def decayed(self, theta: torch.Tensor) -> torch.Tensor:
        """The weights (..., parameter) that weight decay acts on, 0 where they are frozen."""
        return theta if self.is_trained is None else theta * self.is_trained


def model_of(network: Network, dtype: torch.dtype, device: str) -> Model:
    """Return a network as a function."""
    if isinstance(network, Perceptron):
        plain = forward_of(network)
        return Model(
            lambda theta, buffers, x, training: (plain(theta, x), buffers), {}, False, False
        )
    if not isinstance(network, ModuleNetwork):
        raise InputError(f"a network is a Perceptron or a ModuleNetwork, not {type(network)}")
    names, shapes, inputs = network.names, network.shapes, network.inputs
    skeleton = copy.deepcopy(network.example).to(device=device, dtype=dtype)
    sizes = [int(np.prod(s)) for s in shapes]
    is_trained = None
    if not network.is_trained.all():
        is_trained = torch.as_tensor(network.is_trained, device=device)

    def forward(
        theta: torch.Tensor, buffers: dict[str, torch.Tensor], x: torch.Tensor, training: bool
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        if is_trained is not None:
            theta = torch.where(is_trained, theta, theta.detach())
        parts = torch.split(theta, sizes)
        weights = {
            name: part.reshape(shape)
            for name, part, shape in zip(names, parts, shapes, strict=True)
        }
        skeleton.train(training)
        # what a module adds to in place is a copy, which comes back
        after = {name: b.clone() for name, b in buffers.items()}
        out = functional_call(skeleton, (weights, after), (x.reshape(-1, *inputs),))
        return out, after

    kinds = [type(m) for m in skeleton.modules()]
    return Model(
        forward=forward,
        buffers={name: b.detach().clone() for name, b in skeleton.named_buffers()},
        is_coupled=any(issubclass(k, torch.nn.modules.batchnorm._BatchNorm) for k in kinds),
        is_random=any(issubclass(k, torch.nn.modules.dropout._DropoutNd) for k in kinds),
        is_trained=is_trained,
    )
