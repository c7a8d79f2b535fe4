"""The parameters of a user's model: which there are, under what names, and copied how.

Tensors are used through their own methods, so that nothing here imports torch.
"""

import fnmatch
from collections.abc import Iterable, Iterator
from functools import cached_property
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
        self._places: list[tuple[Any, str]] = []
        modules = dict(model.named_modules())
        for name, parameter in named:
            if wanted is not None and not any(fnmatch.fnmatchcase(name, w) for w in wanted):
                continue
            if id(parameter) in first:
                self.tied[name] = first[id(parameter)]
                continue
            first[id(parameter)] = name
            self.names.append(name)
            owner, _, own = name.rpartition(".")
            while owner not in modules:  # a name with a dot of its own
                owner, _, more = owner.rpartition(".")
                own = f"{more}.{own}"
            self._places.append((modules[owner], own))
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

    @property
    def parameters(self) -> list[Any]:
        """The parameters that the model has now: a loop may put others in their place."""
        return [module._parameters.get(own) for module, own in self._places]

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
        for (name, shape), size, tensor in zip(
            self._expected, self.sizes, self.parameters if of is None else of, strict=True
        ):
            part = self._flat[at : at + size]
            at += size
            if tensor is None and of is not None:
                part.zero_()
            else:
                part.copy_(_sound(name, shape, tensor))
        return self._flat

    @property
    def _expected(self) -> Iterable[tuple[str, tuple[int, ...]]]:
        return zip(self.names, self.shapes, strict=True)

    def parts(self) -> Iterator[tuple[int, Any]]:
        """Layer, counted from 0, and flat values of every parameter; raises as ``flat`` does."""
        for layer, (name, shape), tensor in zip(
            self._layers, self._expected, self.parameters, strict=True
        ):
            yield layer, _sound(name, shape, tensor)

    @cached_property
    def _layers(self) -> list[int]:
        places = {name: k for k, name in enumerate(self.layer_names)}
        return [places[name.rpartition(".")[0] or "model"] for name in self.names]

    @property
    def gradients(self) -> list[Any]:
        """The parameters' gradients, None where there is none."""
        return [None if p is None else p.grad for p in self.parameters]

    @cached_property
    def table(self) -> ParameterTable:
        """Layer, kind, name and entry of every value; layers are modules in order."""
        return tensor_table(self.names, self.sizes)[0]

    @property
    def layer_names(self) -> list[str]:
        """Names of the modules that are the layers, in order; "model" for the model's own."""
        return list(dict.fromkeys(name.rpartition(".")[0] or "model" for name in self.names))

    @property
    def described(self) -> dict[str, list[Any]]:
        """Names and sizes, from which a reader makes the coordinates along ``parameter``."""
        return {"names": self.names, "sizes": self.sizes}


def _sound(name: str, shape: tuple[int, ...], tensor: Any) -> Any:
    """Flat values of a parameter that has the shape it had."""
    if tensor is None:
        raise InputError(f"{name} is no parameter of the model any more")
    if tuple(tensor.shape) != shape:
        raise InputError(
            f"{name} had shape {shape} when recording began and has {tuple(tensor.shape)} now; "
            "close this recording and begin another for the changed model"
        )
    return tensor.detach().reshape(-1)
