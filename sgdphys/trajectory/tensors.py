"""The parameters of a user's model: which there are, under what names, and copied how.

Tensors are used through their own methods, so that nothing here imports torch.
"""

import fnmatch
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sgdphys.errors import InputError
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
        self.table = tensor_table(self.names, [int(p.numel()) for p in self.parameters])
        self.total = self.table.count
        kinds = {str(p.dtype).removeprefix("torch.") for p in self.parameters}
        self.dtype = "float64" if "float64" in kinds else "float32"
        self.widened = sorted(kinds - {"float32", "float64"})

    @property
    def parameters(self) -> list[Any]:
        """The parameters that the model has now: a loop may put others in their place."""
        return [module._parameters.get(own) for module, own in self._places]

    def new_flat(self, size: int, device: Any = None) -> Any:
        """Return an empty tensor of values, of the recorded type, where the parameters are."""
        like = self.parameters[0].detach()[:0]
        like = like.double() if self.dtype == "float64" else like.float()
        return like.new_empty(size, device=device)

    def copy_to(self, flat: Any, of: Iterable[Any] | None = None) -> None:
        """Copy all values in a row to a tensor.

        Parameters
        ----------
        flat : tensor (parameter,)
        of : iterable of tensors, optional
            Others of the same shapes (gradients), None for zeros; the parameters by default.

        Raises
        ------
        InputError
            When a parameter has another shape than before.
        """
        at = 0
        for (name, shape), size, tensor in zip(
            self._expected, self.table.sizes, self.parameters if of is None else of, strict=True
        ):
            part = flat[at : at + size]
            at += size
            if tensor is None and of is not None:
                part.zero_()
            else:
                part.copy_(_sound(name, shape, tensor))

    def values(self) -> np.ndarray:
        """Return a copy of all values in a row, (parameter,)."""
        row = self.new_flat(self.total, "cpu")
        self.copy_to(row)
        return np.asarray(row.numpy())

    @property
    def _expected(self) -> Iterable[tuple[str, tuple[int, ...]]]:
        return zip(self.names, self.shapes, strict=True)

    def parts(self) -> Iterator[tuple[int, Any]]:
        """Layer, counted from 0, and flat values of every parameter; raises as ``copy_to`` does."""
        for layer, (name, shape), tensor in zip(
            self.table.layers, self._expected, self.parameters, strict=True
        ):
            yield layer - 1, _sound(name, shape, tensor)

    @property
    def gradients(self) -> list[Any]:
        """The parameters' gradients, None where there is none."""
        return [None if p is None else p.grad for p in self.parameters]


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
