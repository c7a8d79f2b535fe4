"""Processors, memory, disk, GPU, and the cache of compiled kernels."""

import os
import shutil
import tempfile
from pathlib import Path

from sgdphys import parallel
from sgdphys.doctor.finding import Finding, broken, note, ok
from sgdphys.errors import InputError

_LITTLE_MEMORY, _LITTLE_DISK = 2e9, 2e9
"""Bytes below which a study of some networks may not fit."""
_BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def processors() -> Finding:
    """How many threads sgdphys takes, and why."""
    try:
        limit = parallel.limit()
    except InputError as error:
        return broken(str(error), f"unset {parallel.VARIABLE}, or set it to a whole number")
    there = parallel.processors()
    said = f"{limit or there} of {there} processors"
    said += f", by {parallel.VARIABLE}" if limit else f" ({parallel.VARIABLE} would limit them)"
    given = [f"{name}={os.environ[name]}" for name in _BLAS if os.environ.get(name)]
    said += f"; matrix products: {', '.join(given) or 'threads as the BLAS chooses'}"
    if limit and limit > there:
        return note(said, f"more threads than processors are slower; lower {parallel.VARIABLE}")
    return ok(said)


def memory() -> Finding:
    """How much memory is left."""
    from sgdphys.study.memory import available_memory

    left = available_memory()
    if left is None:
        return note("this system does not say how much is left", "watch it during large studies")
    said = f"{left / 1e9:.1f} GB available"
    if left < _LITTLE_MEMORY:
        return note(said, "close other programs before a large study, or lower train.replicas")
    return ok(said)


def disk(folder: Path = Path()) -> Finding:
    """Whether the working folder can be written, and how much room it has."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return broken(
            f"{folder.resolve()} cannot be written: {(error.strerror or str(error)).lower()}",
            "go to a folder of your own; runs are written to runs/ in the working folder",
        )
    free = shutil.disk_usage(folder).free
    said = f"{free / 1e9:.1f} GB free in {folder.resolve()}"
    if free < _LITTLE_DISK:
        return note(said, "free some space: a recording takes 10 MB to some GB")
    return ok(said)


def graphics() -> Finding:
    """Whether torch can compute on a GPU."""
    import torch

    without = f"torch {torch.__version__}: no GPU is used"
    if torch.version.cuda is None and torch.version.hip is None:
        return ok(f"{without}, torch is built without CUDA; train.device is 'cpu'")
    if not torch.cuda.is_available():
        return ok(f"{without}, torch sees none; train.device is 'cpu'")
    name = torch.cuda.get_device_name()
    try:
        ones = torch.ones(64, 64, device="cuda")
        is_right = bool((ones @ ones == 64).all())
    except RuntimeError as error:
        return broken(f"{name} does not compute: {error}", "use train.device = 'cpu'")
    if not is_right:
        return broken(f"{name} computes wrongly", "use train.device = 'cpu'")
    free, total = torch.cuda.mem_get_info()
    return ok(f"{name}, {free / 1e9:.0f} of {total / 1e9:.0f} GB free; train.device = 'cuda'")


def kernels() -> Finding:
    """Where compiled kernels are kept, and whether there are any yet."""
    from sgdphys.compiling import cache_folder

    folder = cache_folder()
    if folder is None:
        return note(
            "nowhere to keep them, so every process compiles anew: about a minute",
            "set NUMBA_CACHE_DIR to a folder that only you can write",
        )
    files = [path.stat().st_size for path in folder.rglob("*.nb?") if path.is_file()]
    said = f"{len(files)} files, {sum(files) / 1e6:.0f} MB in {folder}"
    older = [path for path in folder.parent.iterdir() if path.is_dir() and path != folder]
    if older:
        said += f"; {len(older)} folders of other versions beside it may be deleted"
    if not files:
        said += "; the self-test compiles some, which takes about a minute"
    return ok(said)
