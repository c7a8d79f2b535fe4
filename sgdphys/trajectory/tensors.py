"""The parameters of a user's model: which there are, under what names, and copied how.

Tensors are used through their own methods, so that nothing here imports torch.
"""

import fnmatch
from collections.abc import Iterable
from typing import Any

import numpy as np

from sgdphys.errors import InputError
from sgdphys.networks import ParameterTable
from sgdphys.trajectory.schema import tensor_table


class Tensors:
    """The distinct parameters of one model, in a fixed order.

    Parameters
    ----------
    model : torch.nn.Module
    patterns : iterable of str, optional
        Shell patterns of names to keep; all by default.

    Raises
    ------
    InputError
        When nothing fits, or no parameter requires gradients.
    """

    def __init__(self, model: Any, patterns: Iterable[str] | None = None) -> None:
        named = list(model.named_parameters(remove_duplicate=False))
        if not named:
            raise InputError("the model has no parameters; there is nothing to record")
        if not any(p.requires_grad for _, p in named):
            raise InputError(
                "no parameter of the model requires gradients, so none will change; "
                "unfreeze what should be trained (p.requires_grad_(True))"
            )
        wanted = None if patterns is None else list(patterns)
        first: dict[int, str] = {}
        self.tied: dict[str, str] = {}
        self.names: list[str] = []
        self.parameters: list[Any] = []
        for name, parameter in named:
            if wanted is not None and not any(fnmatch.fnmatchcase(name, w) for w in wanted):
                continue
            if id(parameter) in first:
                self.tied[name] = first[id(parameter)]
                continue
            first[id(parameter)] = name
            self.names.append(name)
            self.parameters.append(parameter)
        if not self.names:
            known = ", ".join(name for name, _ in named[:8])
            raise InputError(f"no parameter is named like {wanted}; the model has {known} ...")
        self.shapes = [tuple(p.shape) for p in self.parameters]
        self.sizes = [int(p.numel()) for p in self.parameters]
        self.ends = np.cumsum(self.sizes)
        self.total = int(self.ends[-1])
        kinds = {str(p.dtype).removeprefix("torch.") for p in self.parameters}
        self.dtype = "float64" if "float64" in kinds else "float32"
        self.widened = sorted(kinds - {"float32", "float64"})
        self._flat = self.parameters[0].detach().new_empty(
            self.total, dtype=getattr(self.parameters[0].detach().double(), "dtype", None)
            if self.dtype == "float64" else self.parameters[0].detach().float().dtype,
        )  # fmt: skip

    def flat(self, of: Iterable[Any] | None = None) -> Any:
        """Return all values in a row, a tensor that the next call overwrites.

        Parameters
        ----------
        of : iterable of tensors, optional
            Others of the same shapes (gradients), None for zeros; the parameters by default.

        Raises
        ------
        InputError
            When a parameter has another shape than before.
        """
        at = 0
        for name, shape, size, tensor in zip(
            self.names, self.shapes, self.sizes, self.parameters if of is None else of, strict=True
        ):
            part = self._flat[at : at + size]
            at += size
            if tensor is None:
                part.zero_()
                continue
            if tuple(tensor.shape) != shape:
                raise InputError(
                    f"{name} had shape {shape} when recording began and has {tuple(tensor.shape)} "
                    "now; close this recording and begin another for the changed model"
                )
            part.copy_(tensor.detach().reshape(-1))
        return self._flat

    @property
    def gradients(self) -> list[Any]:
        """The parameters' gradients, None where there is none."""
        return [p.grad for p in self.parameters]

    def table(self) -> ParameterTable:
        """Layer, kind, name and entry of every value; layers are modules in order."""
        return tensor_table(self.names, self.sizes)[0]

    def layer_names(self) -> list[str]:
        """Names of the modules that are the layers, in order; "model" for the model's own."""
        return tensor_table(self.names, self.sizes)[1]
