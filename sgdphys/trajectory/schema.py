"""The format of a trajectory: its groups, variables and dimensions, and what a file may violate."""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.glossary import Quantity
from sgdphys.networks import ParameterTable
from sgdphys.quantities import labelled
from sgdphys.trajectory.schedules import promised_steps

SCHEMA_VERSION = 2

GROUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "weights": {"theta": ("step", "replica", "parameter"), "diverged_step": ("replica",)},
    "gradients": {
        "gradient_mean": ("epoch", "replica", "parameter"),
        "gradient_variance": ("epoch", "replica", "parameter"),
        "mean_norm": ("epoch", "replica", "layer"),
        "noise_norm": ("epoch", "replica", "layer"),
        "weight_norm": ("epoch", "replica", "layer"),
        "noise_trace": ("epoch", "replica", "layer"),
        "followed_mean_norm": ("epoch", "replica", "layer"),
        "followed_noise_norm": ("epoch", "replica", "layer"),
    },
    "training": {
        "loss": ("epoch", "replica"),
        "accuracy": ("epoch", "replica"),
        "test_loss": ("epoch", "replica"),
        "test_accuracy": ("epoch", "replica"),
    },
    "split": {"train": ("replica", "sample")},
    "tensors": {
        "tensor_name": ("tensor",),
        "tensor_size": ("tensor",),
        "tensor_layer": ("tensor",),
        "tensor_layer_name": ("tensor",),
        "tensor_kind": ("tensor",),
    },
}
"""Variables of each group and their dimensions; a file may lack any group but weights."""

ROOT_ATTRIBUTES = ("schema_version", "title", "sgdphys_version", "created", "history")
CHUNK_BYTES = 2**20
CHUNK_STEPS = 256

NEVER_WRITTEN = 9.969209968386869e36
"""Default fill values of netCDF."""

_JSON = "json:"


def encode_attributes(attributes: Mapping[Any, Any]) -> dict[Any, Any]:
    """Attributes as netCDF can hold them; what it cannot hold becomes JSON, marked as such.

    So do None, bool, dict and nested lists, and a text that begins like the mark itself.
    """
    encoded = {}
    for name, value in attributes.items():
        plain = isinstance(value, str | int | float | np.ndarray | np.number)
        marked = isinstance(value, str) and value.startswith(_JSON)
        if isinstance(value, bool) or not plain or marked:
            value = _JSON + json.dumps(value, default=_as_json)
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            value = _JSON + json.dumps(value)
        encoded[name] = value
    return encoded


def _as_json(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)


def decode_attributes(attributes: Mapping[Any, Any]) -> dict[Any, Any]:
    """Attributes as they were before ``encode_attributes``; JSON that is none stays a text."""
    decoded = dict(attributes)
    for name, value in attributes.items():
        if isinstance(value, str) and value.startswith(_JSON):
            with suppress(ValueError):
                decoded[name] = json.loads(value[len(_JSON) :])
    return decoded


def dataset(
    group: str,
    values: Mapping[str, np.ndarray],
    coordinates: Mapping[str, Any],
    named: Mapping[str, Quantity] | None = None,
) -> xr.Dataset:
    """Return one group: the named values with the group's dimensions, units and long names."""
    dimensions = GROUPS[group]
    data = {name: (dimensions[name], value) for name, value in values.items()}
    return labelled(xr.Dataset(data, coordinates), named)


def tensor_table(names: Sequence[str], sizes: Sequence[int]) -> ParameterTable:
    """Return the table of named tensors in a row.

    A layer is a module: what a tensor's name says before its last dot.
    """
    modules = [name.rpartition(".")[0] or "model" for name in names]
    number = {m: k for k, m in enumerate(dict.fromkeys(modules), 1)}
    return ParameterTable(
        names=tuple(names),
        sizes=tuple(map(int, sizes)),
        kinds=tuple(kind_of(name) for name in names),
        layers=tuple(number[m] for m in modules),
        layer_names=tuple(number),
    )


_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


def kind_of(name: str) -> str:
    """Kind of a tensor by its name: "weight", "bias", or "buffer" for running statistics."""
    own = name.rpartition(".")[2]
    return "bias" if own == "bias" else "buffer" if own in _BUFFERS else "weight"


def chunk_sizes(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Chunks of at most 1 MiB: up to 256 steps of one replica, as many parameters as fit.

    Of an array without three dimensions, as much as fits from the last dimension on. Chunks are of
    equal lengths, so that none is mostly padding.
    """
    if len(shape) != 3:
        chunks, room = [], max(1, CHUNK_BYTES // itemsize)
        for length in reversed(shape):
            chunks.append(_equal_part(length, room))
            room = max(1, room // chunks[-1])
        return tuple(reversed(chunks))
    steps = _equal_part(shape[0], CHUNK_STEPS)
    return steps, 1, _equal_part(shape[2], max(1, CHUNK_BYTES // (steps * itemsize)))


def _equal_part(length: int, most: int) -> int:
    """Length of the fewest parts of at most that length, equal but for rounding."""
    return max(1, math.ceil(length / max(1, math.ceil(length / most))))


def faults(tree: xr.DataTree) -> list[str]:
    """Name, in words, everything about a trajectory that breaks the format."""
    found = [f"the file has no attribute {a!r}" for a in ROOT_ATTRIBUTES if a not in tree.attrs]
    if "weights" not in tree.children:
        return [*found, "the file has no group 'weights'"]
    for group, variables in GROUPS.items():
        if group not in tree.children:
            continue
        data = tree[group].to_dataset()
        for name, dimensions in variables.items():
            if name not in data.variables:
                if group in ("weights", "split", "tensors"):
                    found.append(f"group {group!r} has no variable {name!r}")
                continue
            if data[name].dims != dimensions:
                found.append(
                    f"{group}/{name} has dimensions {data[name].dims}; they should be {dimensions}"
                )
            found += [
                f"{group}/{name} has no attribute {a!r}"
                for a in ("units", "long_name")
                if a not in data[name].attrs
            ]
        found += _axis_faults(group, data)
    return found + _schedule_faults(tree) + _weight_faults(tree["weights"].to_dataset())


def _axis_faults(group: str, data: xr.Dataset) -> list[str]:
    found = []
    for axis in ("step", "epoch"):
        if axis in data.indexes:
            values = data.indexes[axis].to_numpy()
            if not np.issubdtype(values.dtype, np.integer):
                found.append(f"{group}/{axis} is {values.dtype}; it should be whole numbers")
            back = np.flatnonzero(np.diff(values) <= 0)
            if len(back):
                first = back[0]
                found.append(
                    f"{group}/{axis} goes from {values[first]} to {values[first + 1]}; "
                    "it should increase"
                )
    return found


def _schedule_faults(tree: xr.DataTree) -> list[str]:
    """Steps of a recording's schedule up to its last update that are missing."""
    schedule, last = tree.attrs.get("schedule"), tree.attrs.get("last_step")
    if schedule is None or "step" not in tree["weights"].indexes:
        return []
    there = tree["weights"].indexes["step"].to_numpy()
    if last is None:  # cut off: what is there must have no gap
        last = there[-1] if len(there) else -1
    promised = promised_steps(json.loads(str(schedule)), int(last))
    missing = np.setdiff1d(promised, there)
    if not len(missing):
        return []
    return [f"weights at {len(missing)} scheduled steps are missing, first {missing[0]}"]


def _weight_faults(data: xr.Dataset) -> list[str]:
    """Faults of single weights: not finite although not diverged, or never written."""
    if "theta" not in data or data["theta"].ndim != 3:
        return []
    found = []
    theta = data["theta"]
    steps = data["step"].to_numpy() if "step" in data.coords else np.arange(theta.sizes["step"])
    by_step = xr.Dataset(
        {
            "unwritten": (theta == theta.dtype.type(NEVER_WRITTEN)).any(dim="parameter"),
            "broken": (~xr.ufuncs.isfinite(theta)).any(dim="parameter"),
        }
    ).compute()
    for k in range(theta.sizes["replica"]):
        unwritten, broken = (by_step[n].isel(replica=k).to_numpy() for n in by_step.data_vars)
        if "diverged_step" in data and int(data["diverged_step"][k]) >= 0:
            broken = broken & (steps < int(data["diverged_step"][k]))
        for rows, what in ((unwritten, "were never written"), (broken, "are not finite")):
            if rows.any():
                step = int(steps[int(np.flatnonzero(rows)[0])])
                found.append(f"weights of replica {k} {what} at {rows.sum()} steps, first {step}")
    return found
