"""The weights of one checkpoint as a vector, and how those of two differ."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from sgdphys.errors import InputError
from sgdphys.trajectory.checkpoints.limits import require_room
from sgdphys.trajectory.checkpoints.values import Tensor, tensor_of
from sgdphys.trajectory.checkpoints.weights import weights_in


class State(NamedTuple):
    """The weights of one checkpoint."""

    shapes: dict[str, tuple[int, ...]]
    complex: list[str]
    left_out: list[str]
    """Names of integer tensors."""
    row: np.ndarray


class Source(NamedTuple):
    """One checkpoint to read: its name, and how its weights are read."""

    name: str
    read: Callable[[], State]


def state_in(mapping: Mapping[str, Any], name: str, key: str | None) -> State:
    """Return the weights within a mapping, as ``weights_in`` finds them."""
    return state_of(weights_in(mapping, name, key), name)


def state_of(tensors: dict[str, Any], path: Any) -> State:
    """All real numbers of a checkpoint as one vector, read tensor by tensor."""
    total = sum(int(np.prod(t.shape, dtype=object)) for t in tensors.values() if _has_shape(t))
    require_room(f"{path}", 4 * total)
    read_ones: dict[str, Tensor] = {}
    left_out = []
    for name in list(tensors):
        tensor = tensor_of(tensors.pop(name), name, path)
        if tensor is None:
            left_out.append(name)
        else:
            read_ones[name] = tensor
    shapes = {n: t.shape for n, t in read_ones.items()}
    is_complex = [n for n, t in read_ones.items() if t.is_complex]
    dtype = np.result_type(np.float32, *{t.values.dtype for t in read_ones.values()})
    row = np.empty(sum(t.values.size for t in read_ones.values()), dtype)
    if not row.size:
        raise InputError(f"{path} holds no tensor of real numbers")
    end = 0
    for name in list(read_ones):
        values = read_ones.pop(name).values
        row[end : end + values.size] = values
        end += values.size
    return State(shapes, is_complex, left_out, row)


def _has_shape(tensor: Any) -> bool:
    try:
        tuple(tensor.shape)
    except RuntimeError:  # a nested tensor has none
        return False
    return True


def differences(first: State, other: State) -> list[str]:
    """Differences of the tensors of another checkpoint, one by one."""
    found = [f"{name} is missing" for name in first.shapes if name not in other.shapes]
    found += [f"{name} is new" for name in other.shapes if name not in first.shapes]
    found += [
        f"{name} has shape {other.shapes[name]}, not {shape}"
        for name, shape in first.shapes.items()
        if name in other.shapes and other.shapes[name] != shape
    ]
    changed = set(first.complex) ^ set(other.complex)
    return found + [f"{name} is complex in one of them" for name in changed]


def sizes_of(state: State) -> dict[str, int]:
    """Numbers of real entries of each tensor: two of a complex one."""
    return {
        name: int(np.prod(shape)) * (2 if name in state.complex else 1)
        for name, shape in state.shapes.items()
    }


def reordered(state: State, reference: State) -> np.ndarray:
    """A row with its tensors in the order of another checkpoint."""
    sizes = sizes_of(state)
    ends = np.cumsum(list(sizes.values()))
    parts = {
        n: state.row[end - size : end]
        for (n, size), end in zip(sizes.items(), ends, strict=True)
    }  # fmt: skip
    return np.concatenate([parts[n] for n in reference.shapes])
