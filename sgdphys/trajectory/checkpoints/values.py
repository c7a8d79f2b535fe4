"""Tensors of any kind as flat real numbers, exactly, or refused by name.

Tensors of PyTorch are used through their own methods, so that nothing here imports torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sgdphys.errors import InputError
from sgdphys.trajectory.checkpoints.limits import require_room


class Tensor(NamedTuple):
    """One tensor of real or complex numbers."""

    values: np.ndarray
    """Flat, float32 or float64; of complex numbers real and imaginary part in turn."""
    shape: tuple[int, ...]
    is_complex: bool


@dataclass(frozen=True)
class Pending:
    """An array of a file that is read when it is asked for.

    Attributes
    ----------
    shape : tuple of int
    kind : str
        As of numpy: "f", "c", "i" ..., or "V" for what cannot be read.
    read : callable
        Returns the array.
    """

    shape: tuple[int, ...]
    kind: str
    read: Callable[[], np.ndarray]

    @property
    def size(self) -> int:
        """Number of its entries."""
        return int(np.prod(self.shape, dtype=object))


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of PyTorch or an array."""
    return isinstance(value, np.ndarray | Pending) or (
        hasattr(value, "detach") and hasattr(value, "numel")
    )


def is_real(value: Any) -> bool:
    """Whether a tensor holds real or complex numbers, not integers or texts."""
    if isinstance(value, Pending):
        return value.kind in "fcV"
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fcV"
    return bool(value.is_floating_point() or value.is_complex() or value.is_quantized)


def tensor_of(value: Any, name: str, path: Any) -> Tensor | None:
    """Return the numbers of a tensor; None for integers, which are counters.

    Raises
    ------
    InputError
        For what has no exact values: sparse, quantised, nested, meta and sharded tensors.
    """
    if not is_real(value):
        return None
    if isinstance(value, Pending):
        array = value.read()
    else:
        array = value if isinstance(value, np.ndarray) else _of_torch(value, name, path)
    if array.dtype.kind == "V" or array.dtype.itemsize > 16 or array.dtype.str[1:] == "f16":
        raise InputError(f"{name} in {path} has the type {array.dtype}, which cannot be read")
    shape = tuple(map(int, array.shape))
    is_complex = array.dtype.kind == "c"
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    flat = np.ascontiguousarray(array).reshape(-1)
    if is_complex:
        flat = flat.view(np.float32 if flat.dtype == np.complex64 else np.float64)
    elif flat.dtype not in (np.float32, np.float64):
        flat = flat.astype(np.float32)
    return Tensor(flat, shape, is_complex)


def number_of(value: Any) -> int | float | None:
    """A number, or a tensor of one, as a number of Python; None for anything else."""
    if isinstance(value, Pending):
        value = value.read() if value.size == 1 and value.kind in "fiu" else None
    if isinstance(value, bool | np.bool_) or value is None:
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, np.generic | np.ndarray) and value.size == 1 and value.dtype.kind in "fiu":
        number: int | float = value.reshape(()).item()
        return number
    if is_tensor(value) and not isinstance(value, np.ndarray):
        if _obstacle(value) or int(value.numel()) != 1 or value.is_complex():
            return None
        found: int | float = value.detach().cpu().item()
        return None if isinstance(found, bool) else found
    return None


def _of_torch(tensor: Any, name: str, path: Any) -> np.ndarray:
    why = _obstacle(tensor)
    if why:
        raise InputError(f"{name} in {path} is {why}, which cannot be read")
    tensor = tensor.detach()
    require_room(f"{name} in {path}", int(tensor.numel()) * 8)
    kinds = ("torch.float32", "torch.float64", "torch.complex64", "torch.complex128")
    try:
        if str(tensor.dtype) not in kinds:
            tensor = tensor.cfloat() if tensor.is_complex() else tensor.float()
        return np.asarray(tensor.resolve_conj().resolve_neg().cpu().numpy())
    except (RuntimeError, TypeError, NotImplementedError, AttributeError):
        raise InputError(
            f"{name} in {path} is a tensor of {tensor.dtype}, which cannot be read"
        ) from None


def _obstacle(tensor: Any) -> str:
    """Why a tensor has no values of its own, or nothing."""
    if type(tensor).__name__ in ("UninitializedParameter", "UninitializedBuffer"):
        return "not initialised"
    if hasattr(tensor, "full_tensor"):
        return "sharded over processes"
    if tensor.is_meta:
        return "on the meta device, without values"
    if tensor.is_nested:
        return "a nested tensor"
    if str(tensor.layout) != "torch.strided":
        return "a sparse tensor"
    return "a quantised tensor" if tensor.is_quantized else ""
