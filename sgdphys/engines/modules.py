"""Any ``torch.nn.Module`` as a function of flat weights, and its parameters described."""

import importlib
import inspect
import itertools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.func import functional_call

from sgdphys.engines.base import Network
from sgdphys.errors import InputError
from sgdphys.networks import ParameterTable, Perceptron
from sgdphys.trajectory.schema import tensor_table

_ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "softplus": torch.nn.functional.softplus,
    "softsign": torch.nn.functional.softsign,
    "elu": torch.nn.functional.elu,
    "swish": torch.nn.functional.silu,
    "identity": lambda z: z,
}


def forward_of(network: Perceptron) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return the linear output (sample, output) as a function of theta (parameter,) and x."""
    activation = _ACTIVATIONS[network.activation]

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


def _imported(module: str) -> Any:
    """Import a module; a command looks into the working folder too, as ``python`` does."""
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)
    return importlib.import_module(module)


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

    Raises
    ------
    InputError
        When there is no such function, or it makes something else.
    """

    path: str
    inputs: tuple[int, ...]
    outputs: int

    def __str__(self) -> str:
        return f"{self.path} of {sum(int(np.prod(s)) for s in self.shapes)} parameters"

    def make(self) -> torch.nn.Module:
        """Make one network, its weights drawn by torch's own random numbers."""
        module, _, name = self.path.partition(":")
        try:
            factory = getattr(_imported(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise InputError(
                f"network.module is {self.path!r} and cannot be found ({error}); write it as "
                '"package.module:function", of a module that Python can import'
            ) from None
        known = {"inputs": self.inputs, "outputs": self.outputs}
        asked = inspect.signature(factory).parameters
        made = factory(**{k: v for k, v in known.items() if k in asked})
        if not isinstance(made, torch.nn.Module):
            raise InputError(
                f"network.module {self.path!r} made a {type(made).__name__}; a torch.nn.Module was "
                "expected"
            )
        return made

    @cached_property
    def example(self) -> torch.nn.Module:
        """One network, for its structure."""
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
    """

    forward: Callable[..., Any]
    buffers: dict[str, torch.Tensor]
    is_coupled: bool
    is_random: bool


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
    skeleton = network.make().to(device=device, dtype=dtype)
    sizes = [int(np.prod(s)) for s in shapes]

    def forward(
        theta: torch.Tensor, buffers: dict[str, torch.Tensor], x: torch.Tensor, training: bool
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
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
    )
