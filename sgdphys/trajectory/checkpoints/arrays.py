"""Arrays of a complete training in one file: axes of time and of replicas."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sgdphys.errors import InputError, nearest
from sgdphys.trajectory.checkpoints.formats import npy, npz, suffix_of
from sgdphys.trajectory.checkpoints.limits import require_room
from sgdphys.trajectory.checkpoints.values import tensor_of
from sgdphys.trajectory.netcdf import damage_reported, require_netcdf

SUFFIXES = (".npz", ".npy", ".nc")
_CLOCKS = {
    "step": "updates", "steps": "updates", "global_step": "updates", "iteration": "updates",
    "iterations": "updates", "iter": "updates", "epoch": "epochs", "epochs": "epochs",
    "time": "time", "times": "time", "t": "time",
}  # fmt: skip
"""Names of axes and arrays that are time, and what they count."""
_DIMENSIONS = ("step", "epoch", "time", "iteration", "steps", "epochs", "iterations", "iter", "t",
               "times", "global_step")  # fmt: skip
_REPLICAS = ("replica", "chain")


class Arrays(NamedTuple):
    """Arrays of a training, flat."""

    theta: np.ndarray
    """(step, replica, parameter)"""
    steps: np.ndarray
    clock: str
    times: np.ndarray | None
    """Times, if the clock is not integer."""
    unit: str
    shapes: dict[str, tuple[int, ...]]
    complex: list[str]
    left_out: list[str]


class _Named(NamedTuple):
    """An array and the names of its axes, None where they have none."""

    value: Any
    dims: tuple[str | None, ...]


class _Time(NamedTuple):
    """The axis of time: its name or number, length, and the values along it."""

    axis: str | int | None
    length: int
    values: np.ndarray | None
    name: str
    unit: str


def is_checkpoint(path: Path) -> bool:
    """Whether a file of arrays is one saved state: no array in it is a clock."""
    if suffix_of(path) == ".npy":
        return False
    arrays = {n: _Named(v, (None,) * len(v.shape)) for n, v in npz(path).items()}
    if _clock_arrays(arrays):
        return False
    said = [n for n in (*_CLOCKS, "loss") if n in arrays and arrays[n].value.size == 1]
    return bool(said)


def read_arrays(path: Path, time: str | int | None, over: str | int | None) -> Arrays:
    """Read the arrays of a file as a trajectory.

    Parameters
    ----------
    path : Path
    time, over : str or int, optional
        Name or axis of time, and of replicas.

    Raises
    ------
    InputError
        When it is not certain which axis is time, or its values do not increase.
    """
    arrays = _loaded(path)
    clock = _time_of(arrays, time, path)
    tensors = {n: v for n, v in arrays.items() if n != clock.name or v.value.ndim > 1}
    known = dict.fromkeys(d for v in tensors.values() for d in v.dims if d is not None)
    if isinstance(over, str) and not over.lstrip("-").isdigit() and over not in known:
        hint = nearest(over, known) if known else "give the number of the axis"
        raise InputError(f"{path} has no dimension {over!r}; {hint}")
    moved: dict[str, np.ndarray] = {}
    left_out, is_complex = [], []
    shapes: dict[str, tuple[int, ...]] = {}
    replicas: set[int] = set()
    ranks: dict[str, int] = {}
    for name, array in tensors.items():
        tensor = tensor_of(array.value, name, path)
        if tensor is None or array.value.ndim == 0:
            left_out.append(name)
            continue
        at = _axis_of_time(name, array, clock, path)
        if at is None:
            left_out.append(name)
            continue
        values = np.moveaxis(array.value, at, 0)
        dims = (*array.dims[:at], *array.dims[at + 1 :])
        second = _axis_of_replicas(name, dims, at, over, path)
        values = values[:, None] if second is None else np.moveaxis(values, second + 1, 1)
        if tensor.is_complex:
            is_complex.append(name)
        ranks[name], shapes[name] = values.ndim - 2, tuple(values.shape[2:])
        replicas.add(values.shape[1])
        flat = tensor_of(values, name, path)
        assert flat is not None
        moved[name] = flat.values.reshape(len(values), values.shape[1], -1)
    if not moved:
        raise InputError(f"{path} holds no array of real numbers along time")
    if any(ranks.values()):  # a loss in addition to weights
        scalars = [n for n, rank in ranks.items() if rank == 0]
        left_out += scalars
        for name in scalars:
            del moved[name], shapes[name]
    if len({m.shape[1] for m in moved.values()}) > 1:
        said = ", ".join(f"{n} has {m.shape[1]}" for n, m in moved.items())
        raise InputError(f"{path}: the arrays have different numbers of replicas; {said}")
    theta = np.concatenate(list(moved.values()), axis=2)
    if not theta.size:
        raise InputError(f"{path} holds no numbers along time")
    steps, kind, times = _steps(clock, path)
    return Arrays(theta, steps, kind, times, clock.unit, shapes, is_complex, left_out)


def _loaded(path: Path) -> dict[str, _Named]:
    suffix = suffix_of(path)
    if suffix == ".nc":
        return _of_netcdf(path)
    pending = npz(path) if suffix == ".npz" else {"theta": npy(path)}
    arrays = {n: p.read() for n, p in pending.items()}
    return {n: _Named(a, (None,) * a.ndim) for n, a in arrays.items()}


def _of_netcdf(path: Path) -> dict[str, _Named]:
    require_netcdf(path)
    with damage_reported(path), xr.open_dataset(path, decode_times=False) as data:
        if not data.data_vars:
            raise InputError(
                f"{path} has no variable outside groups; open a trajectory with "
                "sgdphys.open_trajectory"
            )
        require_room(str(path), sum(v.nbytes for v in data.variables.values()))
        loaded = data.load()
    found = {}
    for name, variable in loaded.variables.items():
        array = np.asarray(variable.to_numpy())
        if array.dtype == object:
            continue
        found[str(name)] = _Named(array, tuple(map(str, variable.dims)))
    return {n: v for n, v in found.items() if n in loaded.data_vars or n in v.dims} | {
        _UNITS: _Named(
            np.array([]),
            tuple(f"{n}={v.attrs['units']}" for n, v in loaded.variables.items()
                  if "units" in v.attrs and isinstance(v.attrs["units"], str)),
        )
    }  # fmt: skip


_UNITS = "\0units"


def _clock_arrays(arrays: Mapping[str, _Named]) -> list[str]:
    """Names of one-dimensional arrays that are called like a clock."""
    return [n for n in _CLOCKS if n in arrays and len(arrays[n].value.shape) == 1
            and arrays[n].value.shape[0] > 1]  # fmt: skip


def _time_of(arrays: dict[str, _Named], time: str | int | None, path: Path) -> _Time:
    units = arrays.pop(_UNITS, None)
    unit_of = dict(d.split("=", 1) for d in units.dims if d is not None) if units else {}
    has_names = units is not None
    if isinstance(time, str) and time.lstrip("-").isdigit():
        time = int(time)
    if isinstance(time, int):
        return _by_axis(arrays, time, path)
    dims = dict.fromkeys(d for a in arrays.values() for d in a.dims if d is not None)
    if has_names:
        name = time if time is not None else next((d for d in _DIMENSIONS if d in dims), None)
        if name is None:
            raise InputError(
                f"{path}: none of the dimensions {', '.join(dims)} is called step, epoch, time or "
                "iteration; name that of time (--time NAME), and that of replicas if there is one "
                "(--over NAME)"
            )
        if name not in dims:
            raise InputError(f"{path} has no dimension {name!r}; {nearest(name, dims)}")
        length = next(a.value.shape[a.dims.index(name)] for a in arrays.values() if name in a.dims)
        values = arrays[name].value if name in arrays else None
        return _Time(name, length, values, name, unit_of.get(name, "time").split(" since")[0])
    names = [time] if time is not None else _clock_arrays(arrays)
    if time is not None and (time not in arrays or arrays[time].value.ndim != 1):
        known = [n for n, a in arrays.items() if a.value.ndim == 1]
        hint = nearest(time, known) if known else "give the number of the axis of time"
        raise InputError(f"{path} has no one-dimensional array {time!r}; {hint}")
    if names:
        values = arrays[names[0]].value
        for other in names[1:]:  # an epoch in addition to the step is not a weight
            if len(arrays[other].value) == len(values):
                del arrays[other]
        return _Time(None, len(values), values, names[0], "time")
    return _guessed(arrays, path)


def _by_axis(arrays: dict[str, _Named], axis: int, path: Path) -> _Time:
    lengths = {}
    for name, array in arrays.items():
        if array.value.ndim and array.value.dtype.kind in "fc":
            if not -array.value.ndim <= axis < array.value.ndim:
                raise InputError(f"{name} in {path} has {array.value.ndim} axes and none is {axis}")
            lengths[name] = array.value.shape[axis]
    if len(set(lengths.values())) != 1:
        said = ", ".join(f"{n} has {k}" for n, k in lengths.items()) or "there is none"
        raise InputError(f"{path}: arrays along axis {axis} of time need one length; {said}")
    length = next(iter(lengths.values()))
    named = [n for n in _clock_arrays(arrays) if len(arrays[n].value) == length]
    if named:
        return _Time(axis, length, arrays[named[0]].value, named[0], "time")
    return _Time(axis, length, None, "", "time")


def _guessed(arrays: dict[str, _Named], path: Path) -> _Time:
    """Time as the first axis of one series, or of one table that is longer than it is wide."""
    real = {n: a.value for n, a in arrays.items() if a.value.ndim and a.value.dtype.kind in "fc"}
    if len(real) == 1:
        value = next(iter(real.values()))
        if value.ndim == 1 or (value.ndim == 2 and value.shape[0] > value.shape[1]):
            return _Time(0, value.shape[0], None, "", "time")
    said = ", ".join(f"{n} {a.shape}" for n, a in list(real.items())[:6]) or "no real numbers"
    raise InputError(
        f"{path} holds {said}, and nothing says which axis is time; name the array of times or "
        "the number of the axis (--time 0), that of replicas if there is one (--over 1), or give "
        "--steps N for a single checkpoint"
    )


def _axis_of_time(name: str, array: _Named, clock: _Time, path: Path) -> int | None:
    """Which axis of an array is time; None where it has none."""
    if isinstance(clock.axis, str):
        return array.dims.index(clock.axis) if clock.axis in array.dims else None
    if isinstance(clock.axis, int):
        return clock.axis % array.value.ndim
    places = [k for k, n in enumerate(array.value.shape) if n == clock.length]
    if len(places) == 1:
        return places[0]
    if not places:
        raise InputError(
            f"{path}: {clock.name} has {clock.length} points and {name} the shape "
            f"{array.value.shape}, without an axis of that length"
        )
    raise InputError(
        f"{path}: {name} has the shape {array.value.shape}, and any of its axes "
        f"{', '.join(map(str, places))} may be time; give the number of the axis (--time)"
    )


def _axis_of_replicas(
    name: str, dims: tuple[str | None, ...], time: int, over: str | int | None, path: Path
) -> int | None:
    """Which axis, time taken out, is that of replicas; ``over`` counts with time in."""
    if isinstance(over, str) and over.lstrip("-").isdigit():
        over = int(over)
    if isinstance(over, int):
        axis = over % (len(dims) + 1)
        if axis == time:
            raise InputError(f"{path}: axis {over} is that of time; replicas need another")
        if not -len(dims) - 1 <= over <= len(dims):
            raise InputError(f"{name} in {path} has {len(dims) + 1} axes and none is {over}")
        return axis - (axis > time)
    if over is not None:
        return dims.index(over) if over in dims else None
    return next((dims.index(n) for n in _REPLICAS if n in dims), None)


def _steps(clock: _Time, path: Path) -> tuple[np.ndarray, str, np.ndarray | None]:
    """Integer steps, their unit, and times if the clock is not integer."""
    counted = np.arange(clock.length, dtype=np.int64)
    kind = _CLOCKS.get(clock.name, "time" if clock.values is not None else "")
    if clock.values is None:
        return counted, {"updates": "updates", "epochs": "epochs"}.get(kind, "checkpoints"), None
    values = clock.values
    if values.dtype.kind in "mM":
        values = (values - values[0]) / np.timedelta64(1, "s")
    if values.dtype.kind not in "iuf" or values.shape != (clock.length,):
        raise InputError(f"{path}: {clock.name} is {values.dtype}; {clock.length} numbers expected")
    if not np.isfinite(values.astype(np.float64)).all():
        raise InputError(f"{path}: {clock.name} is not finite everywhere; steps are whole numbers")
    if any(a >= b for a, b in zip(values.tolist(), values.tolist()[1:], strict=False)):
        raise InputError(f"{path}: {clock.name} must increase")
    is_whole = values.dtype.kind in "iu" or bool(np.all(values == np.rint(values)))
    if kind != "time" and not is_whole:
        raise InputError(f"{path}: {clock.name} must be {clock.length} whole numbers")
    if not is_whole:
        return counted, "checkpoints", values.astype(np.float64)
    numbers = values.tolist()
    if numbers[0] < 0 or numbers[-1] >= 2**63:
        if kind == "time":
            return counted, "checkpoints", values.astype(np.float64)
        raise InputError(f"{path}: {clock.name} goes beyond the steps from 0 to 2**63 - 1")
    steps = np.array([int(n) for n in numbers], np.int64)
    return steps, clock.unit if kind == "time" else kind, None
