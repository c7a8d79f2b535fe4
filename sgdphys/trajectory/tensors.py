"""The parameters of a user's model: their names, order and copies.

Tensors are used through their own methods, so that nothing here imports torch.
"""

import fnmatch
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from sgdphys.errors import InputError
from sgdphys.networks import ParameterTable
from sgdphys.trajectory.schema import tensor_table

_WRAPPERS = {"DistributedDataParallel": "module", "DataParallel": "module",
             "OptimizedModule": "_orig_mod"}  # fmt: skip
"""Modules around a user's model, and where it is in them."""
_COMPILED = "_orig_mod."
"""Prefix that ``torch.compile`` adds to names."""


class _Tensor(NamedTuple):
    """One tensor of a model, and where it is found again."""

    name: str
    module: Any
    own: str
    shape: tuple[int, ...]
    identity: int
    is_buffer: bool

    @property
    def now(self) -> Any:
        """The tensor that the module has now, or None."""
        tensors = self.module._buffers if self.is_buffer else self.module._parameters
        return tensors.get(self.own)


class Tensors:
    """The distinct parameters of one model, in a fixed order; its buffers after them.

    Parameters
    ----------
    model : torch.nn.Module
    patterns : iterable of str, optional
        Shell patterns of names to keep; all by default.
    buffers : bool
        Whether buffers of real numbers are kept as well.

    Attributes
    ----------
    tied : dict of str to str
        Further names of tied parameters, and the name under which each is kept.
    complex : list of str
        Names of complex tensors: real and imaginary part in turn are two entries.
    left_out : list of str
        Names of buffers of whole numbers.

    Raises
    ------
    InputError
        When nothing fits, a parameter is not initialised, holds whole numbers or is sharded, or the
        model is no torch module.
    """

    def __init__(
        self, model: Any, patterns: Sequence[str] | None = None, *, buffers: bool = False
    ) -> None:
        if not hasattr(model, "named_parameters"):
            raise InputError(
                f"a torch.nn.Module was expected, not a {type(model).__name__}; save checkpoints "
                "or arrays of other libraries and read them with sgdphys.read_checkpoints"
            )
        while type(model).__name__ in _WRAPPERS:
            model = getattr(model, _WRAPPERS[type(model).__name__])
        self._model, self._patterns = model, patterns
        self.tied: dict[str, str] = {}
        self.left_out: list[str] = []
        found = self._find(is_buffer=False)
        if not found:
            known = ", ".join(name for name, _ in itertools.islice(model.named_parameters(), 8))
            raise InputError(
                f"no parameter is named like {list(patterns)}; the model has {known} ..."
                if patterns is not None and known
                else "the model has no parameters; there is nothing to record"
            )
        if buffers:
            found += self._find(is_buffer=True)
        self._tensors = found
        self.names = [t.name for t in found]
        self.shapes = [t.shape for t in found]
        kinds = {str(t.now.dtype).removeprefix("torch.") for t in found}
        self.complex = [t.name for t in found if t.now.is_complex()]
        self.dtype = "float64" if kinds & {"float64", "complex128"} else "float32"
        self.widened = sorted(kinds - {"float32", "float64", "complex64", "complex128"})
        sizes = [int(t.now.numel()) * (2 if t.now.is_complex() else 1) for t in found]
        table = tensor_table(self.names, sizes)
        kind = ["buffer" if t.is_buffer else k for t, k in zip(found, table.kinds, strict=True)]
        self.table: ParameterTable = replace(table, kinds=tuple(kind))
        self.total = self.table.count
        self._modules = list(model.modules())
        self._checked = self._state()

    def _find(self, *, is_buffer: bool) -> list[_Tensor]:
        """The tensors of a kind that are wanted, each once."""
        modules = dict(self._model.named_modules(remove_duplicate=False))
        first: dict[int, str] = {}
        found = []
        for full, tensor in self._named(is_buffer=is_buffer):
            name = full.replace(_COMPILED, "")
            if id(tensor) in first:
                self.tied[name] = first[id(tensor)]
                continue
            first[id(tensor)] = name
            if not _is_numbers(name, tensor, is_buffer=is_buffer):
                self.left_out.append(name)
                continue
            owner, _, own = full.rpartition(".")
            while owner not in modules:  # a name with a dot of its own
                owner, _, more = owner.rpartition(".")
                own = f"{more}.{own}"
            found.append(
                _Tensor(name, modules[owner], own, tuple(tensor.shape), id(tensor), is_buffer)
            )
        return found

    def _named(self, *, is_buffer: bool) -> list[tuple[str, Any]]:
        model = self._model
        named = model.named_buffers if is_buffer else model.named_parameters
        return [
            (name, tensor)
            for name, tensor in named(remove_duplicate=False)
            if self._patterns is None
            or any(fnmatch.fnmatchcase(name.replace(_COMPILED, ""), p) for p in self._patterns)
        ]

    @property
    def parameters(self) -> list[Any]:
        """The parameters that the model has now, without buffers."""
        return [t.now for t in self._tensors if not t.is_buffer]

    def change(self) -> str:
        """Say which tensor is no longer what it was; empty where all are.

        A parameter may be added, deleted, replaced, resized or have a wider type; of buffers, which
        modules replace themselves, only those that are recorded count, and they may be replaced.
        """
        state = self._state()
        if state == self._checked:  # ten times as fast as going through all names
            return ""
        said = self._change()
        if not said:
            self._modules = list(self._model.modules())
            self._checked = self._state()
        return said

    def _state(self) -> list[Any]:
        """What differs after any change: members of all modules, shapes and types of tensors."""
        members = [
            tuple(map(id, (*m._modules.values(), *m._parameters.values()))) for m in self._modules
        ]
        tensors = (t.now for t in self._tensors)
        return [members, [None if t is None else (t.shape, t.dtype) for t in tensors]]

    def _change(self) -> str:
        parameters = [t for t in self._tensors if not t.is_buffer]
        buffers = self._tensors[len(parameters) :]
        now = self._now(is_buffer=False)
        kept = {t.name: t for t in parameters}
        for name, parameter in now.items():
            same = kept.get(self.tied.get(name, name))
            if same is None:
                return f"parameter {name} was added"
            said = self._change_of(same, parameter)
            if said:
                return f"parameter {name} {said}"
            if id(parameter) != same.identity:
                return f"parameter {name} was replaced"
        there = now | (self._now(is_buffer=True) if buffers else {})
        for tensor in buffers:
            said = self._change_of(tensor, there[tensor.name]) if tensor.name in there else ""
            if said:
                return f"buffer {tensor.name} {said}"
        for tensor in self._tensors:
            names = [tensor.name, *(n for n, first in self.tied.items() if first == tensor.name)]
            lost = [name for name in names if name not in there]
            if lost:
                return f"{'buffer' if tensor.is_buffer else 'parameter'} {lost[0]} was deleted"
        return ""

    def _now(self, *, is_buffer: bool) -> dict[str, Any]:
        """The tensors that the model has now, by name."""
        named = self._named(is_buffer=is_buffer)
        return {name.replace(_COMPILED, ""): tensor for name, tensor in named}

    def _change_of(self, was: _Tensor, now: Any) -> str:
        """Say why a tensor can no longer be recorded; empty where it can."""
        if tuple(now.shape) != was.shape:
            return f"has shape {tuple(now.shape)}, not {was.shape}"
        is_complex = now.is_complex()
        if is_complex != (was.name in self.complex):
            return f"has become {'complex' if is_complex else 'real'}"
        if self.dtype == "float32" and now.element_size() > (8 if is_complex else 4):
            dtype = str(now.dtype).removeprefix("torch.")
            return f"is {dtype} now, and {self.dtype} is recorded"
        return ""

    def new_flat(self, size: int, device: Any = None) -> Any:
        """Return an empty tensor of values, of the recorded type, where the parameters are."""
        like = _real(self.parameters[0])[:0]
        like = like.double() if self.dtype == "float64" else like.float()
        return like.new_empty(size, device=device)

    def copy_to(self, flat: Any) -> None:
        """Copy all values in a row to a tensor (parameter,)."""
        for part, tensor in zip(self._split(flat), self._tensors, strict=True):
            part.copy_(_real(tensor.now))

    def copy_gradients(self, flat: Any, of: set[int], scale: Any = None) -> None:
        """Copy the gradients of some parameters to a tensor of all values; none count as zero.

        Parameters
        ----------
        flat : tensor (parameter,)
        of : set of int
            Identities of the parameters.
        scale : number or tensor, optional
            By which the gradients were multiplied.
        """
        for part, tensor in zip(self._split(flat), self._tensors, strict=True):
            now = tensor.now
            if tensor.is_buffer or id(now) not in of:
                continue
            gradient = None if now is None else now.grad
            if gradient is None:
                part.zero_()
                continue
            part.copy_(_real(gradient.to_dense() if gradient.is_sparse else gradient))
            if scale is not None:
                part.div_(scale)

    def _split(self, flat: Any) -> Iterator[Any]:
        """Each tensor's stretch of a flat one."""
        ends = self.table.ends.tolist()
        for first, end in zip([0, *ends[:-1]], ends, strict=True):
            yield flat[first:end]

    def values(self) -> np.ndarray:
        """Return a copy of all values in a row, (parameter,)."""
        row = self.new_flat(self.total, "cpu")
        self.copy_to(row)
        return np.asarray(row.numpy())

    def parts(self) -> Iterator[tuple[int, Any]]:
        """Layer, counted from 0, and flat values of every tensor."""
        for layer, tensor in zip(self.table.layers, self._tensors, strict=True):
            yield layer - 1, _real(tensor.now)


def identities(tensors: Iterable[Any]) -> set[int]:
    """Identities of tensors, to distinguish those of an optimizer from others."""
    return {id(t) for t in tensors}


def _real(tensor: Any) -> Any:
    """Flat values of a tensor; of complex ones real and imaginary part in turn."""
    tensor = tensor.detach()
    if tensor.is_complex():
        parts = tensor.real.new_empty((*tensor.shape, 2))
        parts[..., 0], parts[..., 1] = tensor.real, tensor.imag
        tensor = parts
    return tensor.reshape(-1)


def _is_numbers(name: str, tensor: Any, *, is_buffer: bool) -> bool:
    """Whether a tensor can be recorded; False for a buffer of integers.

    Raises
    ------
    InputError
        For a parameter that cannot be.
    """
    if type(tensor).__name__ in ("UninitializedParameter", "UninitializedBuffer"):
        raise InputError(
            f"{name} has no values yet; run one batch through the model before recording"
        )
    if hasattr(tensor, "full_tensor") or type(tensor).__name__ == "FlatParameter":
        raise InputError(
            f"{name} is sharded over processes (FSDP or tensor parallel), and no process holds it "
            "whole; save full checkpoints and read them with sgdphys.read_checkpoints"
        )
    if tensor.is_meta:
        raise InputError(f"{name} is on the meta device and has no values; materialise the model")
    if str(tensor.layout) != "torch.strided":
        raise InputError(f"{name} is a sparse parameter; record others with what=[names]")
    if tensor.is_floating_point() or tensor.is_complex():
        return True
    if is_buffer:
        return False
    raise InputError(
        f"{name} holds {str(tensor.dtype).removeprefix('torch.')}, not real numbers; record the "
        "other parameters with what=[names or patterns]"
    )
