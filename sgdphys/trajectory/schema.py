"""The format of a trajectory: its groups, variables and dimensions, and what a file may violate."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.networks import ParameterTable
from sgdphys.quantities import labelled

SCHEMA_VERSION = 1

GROUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "weights": {"theta": ("step", "replica", "parameter"), "diverged_step": ("replica",)},
    "gradients": {
        "gradient_mean": ("epoch", "replica", "parameter"),
        "gradient_variance": ("epoch", "replica", "parameter"),
        "mean_norm": ("epoch", "replica", "layer"),
        "noise_norm": ("epoch", "replica", "layer"),
        "weight_norm": ("epoch", "replica", "layer"),
        "noise_trace": ("epoch", "replica", "layer"),
    },
    "training": {
        "loss": ("epoch", "replica"),
        "accuracy": ("epoch", "replica"),
        "test_loss": ("epoch", "replica"),
        "test_accuracy": ("epoch", "replica"),
    },
    "split": {"train": ("replica", "sample")},
}
"""Variables of each group and their dimensions; a file may lack any group but weights."""

ROOT_ATTRIBUTES = ("schema_version", "title", "sgdphys_version", "created", "history")
CHUNK_BYTES = 2**20
CHUNK_STEPS = 256

NEVER_WRITTEN = 9.969209968386869e36
"""What netCDF holds where nothing was written and no fill value was set."""

_JSON = "json:"


def encode_attributes(attributes: Mapping[Any, Any]) -> dict[Any, Any]:
    """Attributes as netCDF can hold them; None, bool, dict and nested lists become JSON."""
    encoded = {}
    for name, value in attributes.items():
        plain = isinstance(value, str | int | float | np.ndarray | np.number)
        if isinstance(value, bool) or not plain:
            value = _JSON + json.dumps(value)
        encoded[name] = value
    return encoded


def decode_attributes(attributes: Mapping[Any, Any]) -> dict[Any, Any]:
    """Attributes as they were before ``encode_attributes``."""
    return {
        name: json.loads(value[len(_JSON) :])
        if isinstance(value, str) and value.startswith(_JSON)
        else value
        for name, value in attributes.items()
    }


def dataset(
    group: str, values: Mapping[str, np.ndarray], coordinates: Mapping[str, Any]
) -> xr.Dataset:
    """Return one group: the named values with the group's dimensions, units and long names."""
    dimensions = GROUPS[group]
    return labelled(
        xr.Dataset({name: (dimensions[name], value) for name, value in values.items()}, coordinates)
    )


def tensor_table(names: Sequence[str], sizes: Sequence[int]) -> tuple[ParameterTable, list[str]]:
    """Layer, kind, name and entry of the values of named tensors in a row, and the layers' names.

    A layer is a module: what a tensor's name says before its last dot.
    """
    modules = [name.rpartition(".")[0] or "model" for name in names]
    number = {m: k for k, m in enumerate(dict.fromkeys(modules), 1)}
    kinds = ["bias" if name.rpartition(".")[2] == "bias" else "weight" for name in names]
    table = ParameterTable(
        layer=np.repeat([number[m] for m in modules], sizes).astype(np.int64),
        kind=np.repeat(kinds, sizes),
        parameter_name=np.repeat(list(names), sizes),
        entry=np.concatenate([np.arange(n) for n in sizes]).astype(np.int64),
    )
    return table, list(number)


LARGE = 20_000
"""Parameters from which their names are kept once a tensor, and repeated when a file is read."""


def with_tensors(data: xr.Dataset) -> xr.Dataset:
    """Give ``parameter`` the coordinates that the attribute ``tensors`` describes, if it is there.

    netCDF writes a million names one by one, in seconds; numpy repeats them in milliseconds.
    """
    described = data.attrs.get("tensors")
    if not isinstance(described, Mapping) or "parameter_name" in data.coords:
        return data
    table, names = tensor_table(described["names"], described["sizes"])
    named = data.assign_coords(
        **parameter_coordinates(table), layer_name=("parameter", np.array(names)[table.layer - 1])
    )
    return labelled(named)


def for_writing(data: xr.Dataset) -> xr.Dataset:
    """Give a group the coordinates that the attribute ``tensors`` describes, or none of them.

    None where there are so many that the reader makes them.
    """
    if "tensors" not in data.attrs or data.sizes.get("parameter", 0) < LARGE:
        return with_tensors(data)
    made = [n for n in ("layer", "kind", "parameter_name", "entry", "layer_name")
            if n in data.coords]  # fmt: skip
    return data.drop_vars(made)


def parameter_coordinates(table: ParameterTable) -> dict[str, Any]:
    """Coordinates along ``parameter``: its layer, kind, tensor and place in the tensor."""
    return {name: ("parameter", values) for name, values in asdict(table).items()}


def chunk_sizes(shape: tuple[int, int, int], itemsize: int) -> tuple[int, int, int]:
    """Chunks of theta: one replica, up to 256 steps, as many parameters as fit about 1 MiB."""
    chunks = max(1, math.ceil(shape[0] / CHUNK_STEPS))
    steps = max(1, math.ceil(shape[0] / chunks))  # alike, so that none is mostly padding
    parameters = max(1, min(shape[2], CHUNK_BYTES // (steps * itemsize)))
    return steps, 1, parameters


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
                if group in ("weights", "split"):
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
    return found + _weight_faults(tree["weights"].to_dataset())


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


def _weight_faults(data: xr.Dataset) -> list[str]:
    """Faults of single weights: not finite although not diverged, or never written."""
    if "theta" not in data or data["theta"].ndim != 3:
        return []
    found = []
    theta = data["theta"]
    for k in range(theta.sizes["replica"]):
        series = theta.isel(replica=k).to_numpy()
        unwritten = (series == series.dtype.type(NEVER_WRITTEN)).any(axis=1)
        broken = ~np.isfinite(series).all(axis=1)
        if "diverged_step" in data and int(data["diverged_step"][k]) >= 0:
            broken &= data["step"].to_numpy() < int(data["diverged_step"][k])
        for rows, what in ((unwritten, "were never written"), (broken, "are not finite")):
            if rows.any():
                step = int(data["step"][int(np.flatnonzero(rows)[0])])
                found.append(f"weights of replica {k} {what} at {rows.sum()} steps, first {step}")
    return found
