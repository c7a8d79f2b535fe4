"""Saved checkpoints, or arrays with time first, read as one trajectory.

Nothing is ever unpickled: PyTorch files are loaded as weights only.
"""

import glob
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import sgdphys
from sgdphys.errors import InputError
from sgdphys.trajectory import schema
from sgdphys.trajectory.tensor_table import named, table_group
from sgdphys.trajectory.writer import write_tree

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".npz", ".nc")
_WRAPPERS = ("state_dict", "model_state_dict", "model", "module")
"""Names under which checkpoints of whole trainings keep the weights."""


def read_checkpoints(
    paths: str | Path | Iterable[str | Path],
    *,
    steps: Sequence[int] | None = None,
    out: str | Path | None = None,
) -> xr.DataTree:
    """Read checkpoints of one run as a trajectory of one replica.

    Parameters
    ----------
    paths : path, or iterable of them
        Files, folders or glob patterns: .safetensors, .pt, .pth, .bin or .ckpt state dicts, .npz.
        A single .npz or .nc file holds arrays with time first instead: a whole trajectory.
    steps : sequence of int, optional
        Steps of the checkpoints, in the order of ``paths``; by default the last whole number in
        each name (of its folder, where all files have one name).
    out : path, optional
        Where to write the trajectory.

    Returns
    -------
    DataTree
        Group weights: theta (step, replica, parameter), steps ascending as numbers.

    Raises
    ------
    InputError
        When there is no file, no step in a name, a step twice, tensors that differ between
        checkpoints (told one by one), or a file that holds more than tensors.

    Notes
    -----
    Tensors of whole numbers (counters) are left out; half precision becomes float32, which holds it
    exactly. Equal tensors under two names are both kept:
    a file does not say that they were tied.
    """
    files = _files([paths] if isinstance(paths, str | Path) else list(paths))
    if out is not None and Path(out).exists():
        raise InputError(f"{out} exists; choose another path")
    if len(files) == 1 and files[0].suffix in (".npz", ".nc"):
        clock, tensors = _whole(files[0])
        if steps is not None:
            clock = np.asarray(steps, np.int64)
    else:
        clock, tensors = _one_by_one(files, steps)
    tree = _tree(clock, tensors, files)
    if out is not None:
        write_tree(tree, Path(out))
    return tree


def _files(given: list[str | Path]) -> list[Path]:
    """Files of paths, folders and patterns, each once."""
    found: dict[Path, None] = {}
    for item in given:
        path = Path(item)
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES)
            if not inside:
                raise InputError(f"{path} holds no checkpoint ({', '.join(SUFFIXES)})")
        elif path.is_file():
            inside = [path]
        else:
            inside = sorted(Path(p) for p in glob.glob(str(item), recursive=True))
            if not inside:
                raise InputError(f"there is no file {item}")
        for one in inside:
            if one.suffix not in SUFFIXES:
                raise InputError(
                    f"{one} is no checkpoint; its name may end in {', '.join(SUFFIXES)}"
                )
            found[one] = None
    return list(found)


def step_of(path: Path, *, from_folder: bool) -> int:
    """Return the step that a name tells: its last whole number."""
    text = path.parent.name if from_folder else path.name.removesuffix(path.suffix)
    numbers = re.findall(r"\d+", text)
    if not numbers:
        raise InputError(f"{path} has no step in its name; give steps=, one for each file")
    return int(numbers[-1])


def _one_by_one(
    files: list[Path], steps: Sequence[int] | None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    if steps is None:
        from_folder = len({p.name for p in files}) == 1 and len(files) > 1
        clock = np.array([step_of(p, from_folder=from_folder) for p in files], np.int64)
    elif len(steps) != len(files):
        raise InputError(f"there are {len(steps)} steps for {len(files)} checkpoints")
    else:
        clock = np.asarray(steps, np.int64)
    order = np.argsort(clock, kind="stable")
    twice = np.flatnonzero(np.diff(clock[order]) == 0)
    if len(twice):
        k = int(twice[0])
        pair = " and ".join(str(files[i]) for i in order[k : k + 2])
        raise InputError(
            f"{pair} are both of step {clock[order[k]]}; leave one out, or give steps="
        )
    rows: dict[str, list[np.ndarray]] = {}
    reference: dict[str, np.ndarray] = {}
    for number, k in enumerate(order):
        tensors = _load(files[k])
        if number == 0:
            reference = tensors
        faults = _differences(reference, tensors)
        if faults:
            said = "; ".join(faults)
            raise InputError(f"{files[k]} does not fit {files[order[0]]}: {said}")
        for name in reference:
            rows.setdefault(name, []).append(tensors[name])
    return clock[order], {name: np.stack(parts) for name, parts in rows.items()}


def _differences(first: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> list[str]:
    """What is wrong with another checkpoint's tensors, one by one."""
    found = [f"{name} is missing" for name in first if name not in other]
    found += [f"{name} is new" for name in other if name not in first]
    return found + [
        f"{name} has shape {other[name].shape}, not {first[name].shape}"
        for name in first
        if name in other and other[name].shape != first[name].shape
    ]


def _load(path: Path) -> dict[str, np.ndarray]:
    """Tensors of one checkpoint as float arrays, in the file's order."""
    if path.suffix == ".npz":
        found: dict[str, Any] = _npz(path)
    elif path.suffix == ".safetensors":
        found = _safetensors(path)
    elif path.suffix == ".nc":
        raise InputError(f"{path} is a netCDF file; give it alone, with time first")
    else:
        found = _torch(path)
    arrays = {n: a for n, v in found.items() if (a := _as_float(v)) is not None}
    if not arrays:
        raise InputError(f"{path} holds no tensor of real numbers")
    return arrays


def _npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError) as error:
        raise InputError(
            f"{path} cannot be read as arrays ({error}); nothing is unpickled"
        ) from None


def _safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is no sound safetensors file ({error})") from None


def _torch(path: Path) -> dict[str, Any]:
    import pickle

    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a pickle's protocol
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"{path} holds more than weights, or is damaged ({first[:120]}); it is not unpickled: "
            "save model.state_dict() or safetensors instead"
        ) from None
    for name in _WRAPPERS:
        if isinstance(loaded, dict) and isinstance(loaded.get(name), dict):
            loaded = loaded[name]
    if not isinstance(loaded, dict):
        raise InputError(f"{path} holds a {type(loaded).__name__}, not a state dict")
    return {str(n): v for n, v in loaded.items() if hasattr(v, "numel")}


def _as_float(value: Any) -> np.ndarray | None:
    """A float32 or float64 array; None for whole numbers."""
    if hasattr(value, "detach"):
        value = value.detach()
        if not value.is_floating_point():
            return None
        if str(value.dtype) not in ("torch.float32", "torch.float64"):
            value = value.float()
        return np.asarray(value.cpu().numpy())
    array = np.asarray(value)
    if array.dtype.kind != "f":
        return None
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)


def _whole(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Steps and arrays (step, ...) of a file with time first."""
    if path.suffix == ".npz":
        arrays = _npz(path)
        steps = arrays.pop("step", None)
        if steps is None:
            steps = arrays.pop("steps", None)
    else:
        with xr.open_dataset(path) as data:
            arrays = {str(n): np.asarray(v) for n, v in data.data_vars.items() if v.ndim}
            first = next((str(v.dims[0]) for v in data.data_vars.values() if v.ndim), "")
            steps = data[first].to_numpy() if first in data.coords else None
    floats = {n: a for n, v in arrays.items() if (a := _as_float(v)) is not None and a.ndim}
    lengths = {name: len(a) for name, a in floats.items()}
    if len(set(lengths.values())) != 1:
        said = ", ".join(f"{n} has {k}" for n, k in lengths.items()) or "there is none"
        raise InputError(f"{path}: arrays with time first need one length; {said}")
    many = next(iter(lengths.values()))
    clock = np.arange(many) if steps is None else np.asarray(steps)
    if clock.shape != (many,) or np.any(clock != np.rint(clock)):
        raise InputError(f"{path}: its steps must be {many} whole numbers")
    if np.any(np.diff(clock) <= 0):
        raise InputError(f"{path}: its steps must increase")
    return clock.astype(np.int64), floats


def _tree(clock: np.ndarray, tensors: dict[str, np.ndarray], files: list[Path]) -> xr.DataTree:
    shapes = {name: value.shape[1:] for name, value in tensors.items()}
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    flat = [value.reshape(len(clock), -1) for value in tensors.values()]
    dtype = np.float64 if any(v.dtype == np.float64 for v in flat) else np.float32
    theta = np.concatenate(flat, axis=1, dtype=dtype)[:, None]
    is_finite = np.isfinite(theta[:, 0]).all(axis=1)
    diverged = -1 if is_finite.all() else int(clock[np.flatnonzero(~is_finite)[0]])
    weights = schema.dataset(
        "weights",
        {"theta": theta, "diverged_step": np.array([diverged], np.int64)},
        {
            "step": clock,
            "replica": np.arange(1),
            "family": ("replica", np.arange(1)),
        },
    )
    table = schema.tensor_table(list(tensors), sizes)
    tree = xr.DataTree.from_dict(
        {"weights": named(weights, table), "tensors": table_group(table, list(shapes.values()))}
    )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    tree.attrs = {
        "schema_version": schema.SCHEMA_VERSION,
        "title": f"checkpoints from {files[0].parent}",
        "sgdphys_version": sgdphys.__version__,
        "created": now,
        "history": f"{now} read from {len(files)} file{'s' * (len(files) > 1)} by sgdphys "
        f"{sgdphys.__version__}",
    }
    return tree
