"""Files saved by PyTorch, read without executing code that they may contain."""

import importlib
import pickle
import re
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from sgdphys.errors import InputError
from sgdphys.trajectory.checkpoints.limits import require_checksums, require_sound_zip


def load(path: Path, allow: Collection[str] = (), *, is_whole: bool = True) -> Any:
    """Load a file of ``torch.save``: tensors, numbers, texts, and containers of these.

    Parameters
    ----------
    path : Path
    allow : collection of str
        Further classes, as "argparse.Namespace".
    is_whole : bool
        Whether its checksums are compared.

    Raises
    ------
    InputError
        When it is damaged or holds other classes, which are named.
    """
    import torch

    is_zip = zipfile.is_zipfile(path)
    if is_zip:
        try:
            with zipfile.ZipFile(path) as archive:
                require_sound_zip(path, archive)
                if is_whole:
                    require_checksums(path, archive)
        except zipfile.BadZipFile as error:
            raise InputError(f"{path} is damaged ({error})") from None
    elif tarfile.is_tarfile(path):
        raise InputError(f"{path} is in PyTorch's format before 0.1.10; save it again")
    permitted: list[Any] = [*_numbers(), *map(_class_of, allow)]
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(permitted):
            warnings.simplefilter("ignore")  # of a pickle's protocol
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip or None)
    except InputError:
        raise
    except (
        pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError,
        AttributeError, OSError, MemoryError, NotImplementedError, struct.error, RecursionError,
        OverflowError, ImportError, AssertionError,
    ) as error:  # fmt: skip
        raise InputError(_explained(path, error, is_zip=is_zip, permitted=permitted)) from None


def _numbers() -> list[Any]:
    """Scalars, types and arrays of numpy, under their names in all versions."""
    scalar: Any = np._core.multiarray.scalar  # type: ignore[attr-defined]
    rebuilt: Any = np._core.multiarray._reconstruct  # type: ignore[attr-defined]
    named = [
        (function, f"numpy.{core}.multiarray.{name}")
        for core in ("core", "_core")
        for function, name in ((scalar, "scalar"), (rebuilt, "_reconstruct"))
    ]
    types = [getattr(np.dtypes, n) for n in dir(np.dtypes) if n.endswith("DType")]
    return [*named, np.dtype, np.ndarray, *types]


def _class_of(name: str) -> Any:
    """The class of a dotted name, imported."""
    module, _, own = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), own)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"there is no class {name} to allow ({error})") from None
    if not isinstance(found, type):
        raise InputError(f"{name} is no class; classes alone can be allowed")
    return found, name


def _explained(path: Path, error: Exception, *, is_zip: bool, permitted: list[Any]) -> str:
    """Why a file was not loaded, and what to do."""
    import torch

    classes: list[str] = []
    if is_zip:
        try:
            with torch.serialization.safe_globals(permitted):
                classes = list(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
        except Exception:
            classes = []
    found = re.search(r"GLOBAL ([\w.]+)|[Cc]lass ([\w.]+)|loading ([\w.]+)", str(error))
    if not classes and found is not None and "." in (found[1] or found[2] or found[3]):
        classes = [found[1] or found[2] or found[3]]
    if classes:
        names = ", ".join(dict.fromkeys(classes))
        return (
            f"{path} holds more than weights: {names}; it is not unpickled. If you trust what is "
            f'named, allow it, as in --allow {classes[0]} or allow=["{classes[0]}"]; or save '
            "model.state_dict() alone"
        )
    said = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    said = re.split(r"(?<=[.!?])\s|\n", said)[0] if said else type(error).__name__
    if "Weights only load failed" in said:
        return (
            f"{path} is not as torch.save writes it, or is damaged; it is not unpickled: save "
            "model.state_dict() with torch.save, or safetensors"
        )
    return f"{path} cannot be read ({said.rstrip('.')}); it is damaged or no checkpoint"
