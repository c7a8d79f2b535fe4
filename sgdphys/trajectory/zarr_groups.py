"""Zarr stores, read and written by the names that netCDF4 has for groups and variables.

So that all that knows the one format knows the other. What Zarr cannot say by itself (types of
attributes, dimensions of no variable, and those that may grow) stands in the attribute ``_netcdf``.
Every chunk carries a CRC-32C, all chunks are written, and the metadata of the root, in which that
of everything else is repeated, is written last: a store without it is none.
"""

import asyncio
import json
import math
import struct
import zlib
from collections.abc import Collection, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
import zarr
from zarr.abc.store import ByteRequest
from zarr.api import asynchronous
from zarr.buffer import cpu
from zarr.codecs import Crc32cCodec, GzipCodec
from zarr.core.buffer import BufferPrototype, default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import FsspecStore, LocalStore, MemoryStore, StorePath

from sgdphys.errors import InputError
from sgdphys.trajectory.locations import is_remote
from sgdphys.trajectory.zarr_attributes import (
    DIMENSIONS,
    Attributes,
    as_json,
    number_of_fill,
    take_attributes,
)

SMALL = 2**18
"""Bytes up to which an array is read and written together with the others of its group."""
_ARRAY = "array"
"""Name of the variable where a store is no group but one array."""
_ROOT = "zarr.json"


class Dimension(NamedTuple):
    """Length of a dimension, and whether it may grow where netCDF holds it."""

    size: int
    is_unlimited: bool = False

    def isunlimited(self) -> bool:
        """Whether it may grow."""
        return self.is_unlimited


class _Files(LocalStore):
    """Files of this machine, without the threads that are gone when the interpreter exits."""

    async def get(
        self, key: str, prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Any:  # fmt: skip
        if byte_range is not None:
            return await super().get(key, prototype, byte_range)
        buffers = prototype or default_buffer_prototype()
        try:
            return buffers.buffer.from_bytes((self.root / key).read_bytes())
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    async def set(self, key: str, value: Any) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(value.as_buffer_like())


class Variable(Attributes):
    """An array of a store."""

    def __init__(
        self, group: "Group", name: str, shape: tuple[int, ...], dtype: Any,
        dimensions: tuple[str, ...], chunks: tuple[int, ...],
    ) -> None:  # fmt: skip
        super().__init__()
        self._group, self.name, self.shape, self.dtype = group, name, shape, dtype
        self.dimensions, self.chunks, self.ndim = dimensions, chunks, len(shape)
        self.size = math.prod(shape)
        self.array: Any = None
        """That of Zarr, where the variable is read, or written already."""
        self.values: np.ndarray | None = None
        self.level = 0
        self.is_named = True

    @property
    def is_small(self) -> bool:
        """Whether it is held in memory, and read and written with others."""
        return self.dtype is str or self.size * self.dtype.itemsize <= SMALL

    @property
    def path(self) -> str:
        """Its path in the store."""
        return f"{self._group.path.strip('/')}/{self.name}".lstrip("/")

    def setncattr(self, name: str, value: Any) -> None:
        """Set an attribute; a fill value has the type of the variable."""
        if name == "_FillValue" and self.dtype is not str:
            self.attributes[name] = np.asarray(value).astype(self.dtype)[()]
        else:
            super().setncattr(name, value)

    def chunking(self) -> list[int]:
        """Lengths of its chunks."""
        return list(self.chunks)

    def filters(self) -> dict[str, Any]:
        """Whether and how much its chunks are compressed by zlib."""
        codecs = [] if self.array is None else getattr(self.array.metadata, "codecs", [])
        level = next((c.level for c in codecs if isinstance(c, GzipCodec)), 0)
        return {"zlib": level > 0, "complevel": level}

    def set_auto_maskandscale(self, wanted: bool) -> None:
        """Do nothing: numbers are always those of the store."""

    def set_var_chunk_cache(self, size: int) -> None:
        """Do nothing: no chunks are kept."""

    def __getitem__(self, key: Any) -> np.ndarray:
        if self.is_small:
            self._group.load()
            assert self.values is not None
            return np.asarray(self.values[key])
        return np.asarray(_run(self.array.getitem(key)))

    def __setitem__(self, key: Any, values: Any) -> None:
        if self.is_small:
            assert self.values is not None
            self.values[key] = values
            return
        if self.array is None:
            described = sync(self.create(MemoryStore()))
            where = StorePath(self._group.store, self.path)
            self.array = zarr.AsyncArray(described.metadata, where, {"write_empty_chunks": True})
        sync(self.array.setitem(key, values))

    async def create(self, store: Any) -> Any:
        """Its metadata, in a store."""
        is_text = self.dtype is str
        fill = "" if is_text else np.nan if self.dtype.kind == "f" else 0
        packed = [GzipCodec(level=self.level)] if self.level else []
        return await asynchronous.create_array(
            store, name=self.path, shape=self.shape, dtype="str" if is_text else self.dtype,
            chunks=self.chunks, fill_value=fill, compressors=[*packed, Crc32cCodec()],
            attributes=as_json(self.attributes, self.dtype, {}), dimension_names=self.dimensions,
            zarr_format=3, config={"write_empty_chunks": True},
        )  # fmt: skip


class Group(Attributes):
    """A group of a store; the root where its path is "/"."""

    def __init__(self, path: str, above: "Group | None", store: Any) -> None:
        super().__init__()
        self.path, self._above, self.store = path, above, store
        self.name = path.rpartition("/")[2] or "/"
        self.groups: dict[str, Group] = {}
        self.variables: dict[str, Variable] = {}
        self.dimensions: dict[str, Dimension] = {}

    def __getitem__(self, path: str) -> Any:
        found: Any = self
        for name in path.strip("/").split("/") if path.strip("/") else ():
            inside = found.groups | found.variables
            if name not in inside:
                raise IndexError(f"{path} not found in /")
            found = inside[name]
        return found

    def load(self, only: Collection[str] | None = None, *, below: bool = False) -> None:
        """Read all small arrays of the group that were not yet read, in one go.

        Parameters
        ----------
        only : collection of str, optional
            The groups below the root to which that is limited.
        below : bool
            Whether those of all groups below are read too.
        """
        groups = [
            g for g in (self.walk() if below else [self])
            if only is None or g is self or g.path.split("/")[1] in only
        ]  # fmt: skip
        every = [v for g in groups for v in g.variables.values()]
        wanted = [v for v in every if v.is_small and v.values is None]
        if not wanted:
            return
        for variable, values in zip(wanted, _run(_read(wanted)), strict=True):
            variable.values = values

    def createGroup(self, path: str) -> "Group":
        """Return a group below this one, made if it is not there."""
        found = self
        for name in path.strip("/").split("/"):
            _require_name(name)
            inner = f"{found.path.rstrip('/')}/{name}"
            found = found.groups.setdefault(name, Group(inner, found, self.store))
        return found

    def createDimension(self, name: str, size: int, *, is_unlimited: bool = False) -> None:
        """Make a dimension."""
        self.dimensions[name] = Dimension(size, is_unlimited)

    def createVariable(
        self, name: str, dtype: Any, dimensions: tuple[str, ...] = (), *, fill_value: Any = None,
        chunksizes: tuple[int, ...] | None = None, complevel: int = 0, **of_netcdf: Any,
    ) -> Variable:  # fmt: skip
        """Make a variable along dimensions of this group, or of one above it."""
        _require_name(name)
        shape = tuple(self._dimension(d).size for d in dimensions)
        kind = str if dtype is str else np.dtype(dtype)
        chunks = tuple(max(1, n) for n in (chunksizes or shape))
        made = Variable(self, name, shape, kind, tuple(dimensions), chunks)
        made.level = complevel
        if made.is_small:
            made.values = np.full(shape, "", object) if kind is str else np.zeros(shape, kind)
        if fill_value is not None:
            made.setncattr("_FillValue", fill_value)
        self.variables[name] = made
        return made

    def _dimension(self, name: str) -> Dimension:
        found: Group | None = self
        while found is not None:
            if name in found.dimensions:
                return found.dimensions[name]
            found = found._above
        raise ValueError(f"there is no dimension {name}")

    def walk(self) -> Iterator["Group"]:
        """Yield the group, and all below it."""
        yield self
        for inner in self.groups.values():
            yield from inner.walk()

    def sync(self) -> None:
        """Do nothing: what is held is written at the end."""

    def dump(self, data: xr.Dataset, encoding: Mapping[str, Any]) -> None:
        """Write a Dataset, encoded by the conventions of netCDF."""
        variables, attributes = xr.conventions.encode_dataset_coordinates(data)
        self.setncatts(attributes)
        for name, variable in variables.items():
            encoded = xr.conventions.encode_cf_variable(variable, name=name)
            for dimension, size in encoded.sizes.items():
                if dimension not in self.dimensions:
                    self.createDimension(str(dimension), size)
            values = np.asarray(encoded.data)
            kind = str if values.dtype.kind in "OU" else values.dtype
            options = encoding.get(str(name), {})
            made = self.createVariable(
                str(name), kind, tuple(map(str, encoded.dims)),
                chunksizes=options.get("chunksizes"), complevel=options.get("complevel", 0),
            )  # fmt: skip
            made.setncatts(encoded.attrs)
            made[...] = values

    def finish(self) -> None:
        """Write all that is held, the metadata of the root last."""
        sync(_finish(self))


def create(path: Path) -> Group:
    """Return the root of a store that is to be written; nothing stands there before ``finish``."""
    return Group("/", None, _store(path, read_only=False))


def start() -> None:
    """Start the thread in which Zarr reads and writes: too late once the interpreter exits."""
    sync(asyncio.sleep(0))


def open_store(path: Path) -> Group:
    """Return the root of a store for reading."""
    found: Group = _run(_opened(path))
    return found


def _run(reading: Coroutine[Any, Any, Any]) -> Any:
    """Carry out a reading; whatever a library says of damaged bytes is a ValueError."""
    try:
        return sync(reading)
    except (
        zlib.error,
        struct.error,
        EOFError,
        TypeError,
        AssertionError,
        ArithmeticError,
    ) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _store(path: Path, *, read_only: bool) -> Any:
    if is_remote(path):
        options = dict(getattr(path, "storage_options", {}))
        return FsspecStore.from_url(str(path), storage_options=options, read_only=read_only)
    return _Files(path, read_only=read_only)


async def _opened(path: Path) -> Group:
    store = _store(path, read_only=True)
    node: Any = await asynchronous.open(store=store, mode="r")
    root = Group("/", None, store)
    if isinstance(node, zarr.AsyncArray):
        _add(root, _ARRAY, node)
        return root
    kept = take_attributes(root, node.attrs)
    found = [(name, member) async for name, member in node.members(max_depth=None)]
    described = {"": kept}
    for name, member in sorted(found, key=lambda item: item[0].count("/")):
        above, _, own = name.rpartition("/")
        if isinstance(member, zarr.AsyncArray):
            _add(root[above], own, member)
        else:
            described[name] = take_attributes(root.createGroup(name), member.attrs)
    for name, said in described.items():
        group = root[name]
        group.dimensions = {
            d: Dimension(n, d in said.get("unlimited", ()))
            for d, n in said.get("dimensions", _sizes(group)).items()
        }
    return root


def _add(group: Group, name: str, array: Any) -> None:
    """Add an array of Zarr to the variables of a group."""
    dtype: Any = array.dtype
    if dtype.kind in "TOU":
        dtype = str
    is_second = array.metadata.zarr_format == 2
    said = array.attrs.get(DIMENSIONS) if is_second else array.metadata.dimension_names
    is_named = bool(said) and all(isinstance(d, str) for d in said) and len(said) == array.ndim
    if is_named:  # other tools give lengths that differ the same name
        sizes = {d: Dimension(n) for d, n in zip(said, array.shape, strict=True)}
        is_named = len(sizes) == array.ndim and sizes.items() <= (sizes | group.dimensions).items()
        group.dimensions |= sizes if is_named else {}
    names = tuple(said) if is_named else tuple(f"{name}_{k}" for k in range(array.ndim))
    made = Variable(group, name, array.shape, dtype, names, array.chunks)
    made.array, made.is_named = array, is_named or not array.ndim
    take_attributes(made, array.attrs)
    if is_second and is_named and array.metadata.fill_value is not None and dtype is not str:
        made.attributes.setdefault("_FillValue", dtype.type(array.metadata.fill_value))
    elif "_FillValue" in made.attributes and dtype is not str and dtype.kind == "f":
        made.attributes["_FillValue"] = dtype.type(number_of_fill(made.attributes["_FillValue"]))
    elif "_FillValue" in made.attributes and dtype is not str:
        made.attributes["_FillValue"] = dtype.type(made.attributes["_FillValue"])
    group.variables[name] = made


def _sizes(group: Group) -> dict[str, int]:
    """Lengths of the dimensions that the variables of a group have."""
    found: dict[str, int] = {}
    for variable in group.variables.values():
        for name, size in zip(variable.dimensions, variable.shape, strict=True):
            found[name] = size
    return found


async def _read(variables: list[Variable]) -> list[np.ndarray]:
    read = await asyncio.gather(*(v.array.getitem(...) for v in variables))
    return [
        np.asarray(values).astype(object) if v.dtype is str else np.asarray(values)
        for v, values in zip(variables, read, strict=True)
    ]


async def _finish(root: Group) -> None:
    memory = MemoryStore()
    for group in root.walk():
        for variable in group.variables.values():
            array = await variable.create(memory)
            if variable.is_small and variable.size:
                await array.setitem(..., variable.values)
    for group in root.walk():
        kept: dict[str, Any] = {}
        sizes = {name: d.size for name, d in group.dimensions.items()}
        if sizes != _sizes(group):
            kept["dimensions"] = sizes
        if unlimited := [name for name, d in group.dimensions.items() if d.is_unlimited]:
            kept["unlimited"] = unlimited
        described = {
            "attributes": as_json(group.attributes, None, kept),
            "zarr_format": 3,
            "node_type": "group",
        }
        await memory.set(f"{group.path}/{_ROOT}".lstrip("/"), _buffer(described))
    buffers = default_buffer_prototype()
    nodes: dict[str, Any] = {}
    whole: Any = None
    async for key in memory.list():
        held: Any = await memory.get(key, buffers)
        if key == _ROOT:
            whole = json.loads(held.to_bytes())
            continue
        if key.endswith(f"/{_ROOT}"):
            nodes[key.removesuffix(f"/{_ROOT}")] = json.loads(held.to_bytes())
        await root.store.set(key, held)
    nodes = dict(sorted(nodes.items()))
    whole["consolidated_metadata"] = {
        "kind": "inline", "must_understand": False, "metadata": nodes,
    }  # fmt: skip
    await root.store.set(_ROOT, _buffer(whole))


def _buffer(described: Any) -> cpu.Buffer:
    return cpu.Buffer.from_bytes(json.dumps(described).encode())


def _require_name(name: str) -> None:
    """Refuse names that Zarr has for itself."""
    if not name or name in (_ROOT, ".", "..") or "/" in name:
        raise InputError(f"Zarr cannot hold a variable or group with the name {name!r}")


def require_same_metadata(root: Group) -> None:
    """Refuse a store whose root says of a group or array what it does not say of itself.

    Raises
    ------
    ValueError
        Naming it.
    """
    _run(_compare_metadata(root.store))


async def _compare_metadata(store: Any) -> None:
    buffers = default_buffer_prototype()
    held: Any = await store.get(_ROOT, buffers)
    whole = {} if held is None else json.loads(held.to_bytes())
    said = whole.get("consolidated_metadata") or {"metadata": {}}
    for name, node in said["metadata"].items():
        own: Any = await store.get(f"{name}/{_ROOT}", buffers)
        if own is None or json.loads(own.to_bytes()) != node:
            raise ValueError(f"the metadata of {name!r} differ from those of the whole")


def absent_chunks(variable: Variable) -> tuple[int, int, Any]:
    """Count the chunks of an array that are not in its store, of how many, and what they read as.

    Zarr leaves out chunks that hold nothing but the fill value, and does not see that one is lost.
    """
    there = int(_run(variable.array.nchunks_initialized()))
    return (
        variable.array.nchunks - there,
        variable.array.nchunks,
        variable.array.metadata.fill_value,
    )
