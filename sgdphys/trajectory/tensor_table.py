"""The table of tensors that a trajectory's parameters come from, and coordinates made from it.

The table has one row per tensor. What it says of every parameter is looked up when it is asked for:
a file that spells the name of every weight out holds a kilobyte per weight.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from sgdphys.networks import ParameterTable
from sgdphys.quantities import attributes, labelled

GROUP = "tensors"
"""Group of a file that holds the table."""
STORED_BELOW = 1000
"""Parameters from which their coordinates are not stored: texts cost more time than the numbers."""
LARGE = 20_000
"""Parameters from which their coordinates are not held in memory either, but looked up."""
_BLOCK = 2**20
"""Parameters whose coordinates are looked up together."""
_COLUMNS = ("layer", "kind", "parameter_name", "entry", "layer_name")
"""Coordinates along ``parameter``."""


def table_group(
    table: ParameterTable, shapes: Sequence[tuple[int, ...]] | None = None
) -> xr.Dataset:
    """Return the table as a group of a trajectory, along ``tensor``; shapes are kept as JSON."""
    columns: dict[str, Sequence[Any]] = {
        "tensor_name": table.names,
        "tensor_size": table.sizes,
        "tensor_layer": table.layers,
        "tensor_layer_name": [table.layer_names[n - 1] for n in table.layers],
        "tensor_kind": table.kinds,
    }
    if shapes is not None:
        columns["tensor_shape"] = [json.dumps(list(shape)) for shape in shapes]
    return labelled(xr.Dataset({n: ("tensor", np.array(v)) for n, v in columns.items()}))


def table_of(group: xr.Dataset) -> ParameterTable:
    """Return the table that ``table_group`` made a group of."""
    layers = group["tensor_layer"].to_numpy()
    names = dict(zip(layers.tolist(), group["tensor_layer_name"].to_numpy().tolist(), strict=True))
    return ParameterTable(
        names=tuple(map(str, group["tensor_name"].to_numpy())),
        sizes=tuple(map(int, group["tensor_size"].to_numpy())),
        kinds=tuple(map(str, group["tensor_kind"].to_numpy())),
        layers=tuple(map(int, layers)),
        layer_names=tuple(str(names[n]) for n in range(1, max(names, default=0) + 1)),
    )


def named(data: xr.Dataset, table: ParameterTable) -> xr.Dataset:
    """Give ``parameter`` the coordinates that a table describes: made at once where they are few.

    What has them already, or another number of parameters, is returned as it is.
    """
    if data.sizes.get("parameter") != table.count or "parameter_name" in data.coords:
        return data
    coordinates = {
        name: (
            "parameter",
            indexing.LazilyIndexedArray(_LookedUp(table, name)),
            attributes(name),
        )
        for name in _COLUMNS
        if name not in data.dims and name not in data.coords
    }
    if "layer" in data.dims:  # an axis of its own; "layer_name" goes with it
        coordinates.pop("layer_name", None)
    found = data.assign_coords(coordinates)  # the others keep their units: steps may be epochs
    if table.count < LARGE:
        for name in coordinates:
            found[name] = ("parameter", _spelt_out(table, name), found[name].attrs)
    return found


def for_writing(tree: xr.DataTree) -> xr.DataTree:
    """Return a tree as it is stored: with coordinates of few parameters, without those of many.

    Only what the tree's own table says is left out.
    """
    if GROUP not in tree.children:
        return tree
    table = table_of(tree[GROUP].to_dataset())
    groups = {}
    for node in tree.subtree:
        data = node.to_dataset(inherit=False)
        if table.count < STORED_BELOW:
            data = named(data, table)
        elif data.sizes.get("parameter") == table.count and _is_told_by(data, table):
            data = data.drop_vars([n for n in _COLUMNS if _along(data, n)])
        groups[node.path] = data
    return xr.DataTree.from_dict(groups)


def _along(data: xr.Dataset, name: str) -> bool:
    return name in data.coords and data[name].dims == ("parameter",)


def _is_told_by(data: xr.Dataset, table: ParameterTable) -> bool:
    """Whether the coordinates of a group are those of a table, looked at block by block."""
    for name in ("parameter_name", "entry"):
        if not _along(data, name):
            continue
        column = _LookedUp(table, name)
        for first in range(0, table.count, _BLOCK):
            part = slice(first, first + _BLOCK)
            if not np.array_equal(data[name][part].to_numpy(), column.values(part)):
                return False
    return True


class _LookedUp(BackendArray):
    """One column of a table, for every parameter, made when it is asked for."""

    def __init__(self, table: ParameterTable, name: str) -> None:
        self.table, self.name = table, name
        self.shape = (table.count,)
        self.dtype = np.dtype(np.int64 if name in ("layer", "entry") else object)

    def __getitem__(self, key: Any) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, lambda k: self.values(k[0])
        )

    def values(self, at: Any) -> Any:
        """The column's values at a slice, a list of places, or one place."""
        of_tensor, entry = self.table.places(at)
        if self.name == "entry":
            return entry
        return self.table.by_tensor(self.name, self.dtype)[of_tensor]


def _spelt_out(table: ParameterTable, name: str) -> np.ndarray:
    """A column with its own type; texts of fixed width."""
    values: np.ndarray = _LookedUp(table, name).values(slice(None))
    return values.astype(str) if values.dtype == object else values
