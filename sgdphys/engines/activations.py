"""Activations of any network: what each module that holds weights hands on."""

import copy
from collections.abc import Callable

import numpy as np
import torch

from sgdphys import parallel
from sgdphys.engines.modules import ModuleNetwork
from sgdphys.errors import NotEnoughData
from sgdphys.networks import Perceptron

_TOGETHER = 2048


def activations_of(
    network: Perceptron | ModuleNetwork, x: np.ndarray, *, softmax: bool = True
) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Return the layers' activations as a function of the weights of one network.

    Parameters
    ----------
    network : Perceptron or ModuleNetwork
    x : (sample, feature)
        Inputs.
    softmax : bool
        Whether the output is given after its softmax.

    Returns
    -------
    callable
        Of theta (parameter,), to a list of float64 (sample, unit). A layer of a module network is
        what follows a module that holds weights up to the next one: its activation function where
        that is a module, in the order of running, flattened; in evaluation mode. Modules that hold
        no weights of their own and stand before the first are left out.

    Raises
    ------
    NotEnoughData
        For a module that keeps running statistics, as batch norm does.
    """
    if isinstance(network, Perceptron):
        return lambda theta: network.forward(theta, x, softmax=softmax)
    model = copy.deepcopy(network.example).double().eval()
    if any(getattr(module, "track_running_stats", False) for module in model.modules()):
        raise NotEnoughData(
            "its layers depend on the running statistics of batch norm, which are not recorded; "
            "use another normalisation, such as layer norm"
        )
    parameters = list(model.parameters())
    inputs = torch.as_tensor(np.ascontiguousarray(x), dtype=torch.float64)
    inputs = inputs.reshape(-1, *network.inputs)
    seen: list[torch.Tensor] = []

    def keep(module: torch.nn.Module, _: object, output: object) -> None:
        if not isinstance(output, torch.Tensor):
            output = output[0] if isinstance(output, tuple) else None
        if output is None:
            return
        if any(True for _ in module.parameters(recurse=False)):
            seen.append(output)
        elif seen:
            seen[-1] = output

    for module in model.modules():
        if not any(True for _ in module.children()):
            module.register_forward_hook(keep)

    @parallel.torch_threads()
    def read(theta: np.ndarray) -> list[np.ndarray]:
        torch.nn.utils.vector_to_parameters(torch.as_tensor(theta, dtype=torch.float64), parameters)
        parts: list[list[np.ndarray]] = []
        with torch.no_grad():
            for first in range(0, len(inputs), _TOGETHER):
                seen.clear()
                out = model(inputs[first : first + _TOGETHER])
                if seen:
                    seen[-1] = torch.softmax(out, -1) if softmax else out
                flat = [t.flatten(1).numpy().copy() for t in seen]
                parts.append(flat)
        return [np.concatenate(layer) for layer in zip(*parts, strict=True)]

    return read
