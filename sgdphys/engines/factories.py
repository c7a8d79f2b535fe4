"""Functions of a user's that keys of a study name: where their module is, and importing it."""

import ast
import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from sgdphys.errors import InputError, nearest

MODULE = "network.module"
"""Key of a study that names a function that makes networks."""


@contextmanager
def looking_in(folder: str) -> Iterator[None]:
    """Let imports look into a folder, after everything that Python can import anyway."""
    if folder in sys.path:
        yield
        return
    sys.path.append(folder)
    try:
        yield
    finally:
        if folder in sys.path:  # what was imported may have changed the path too
            sys.path.remove(folder)


def source_of(path: str, folder: str, key: str = MODULE) -> Path | None:
    """Return the file of the module that a function is in, without importing anything.

    Parameters
    ----------
    path : str
        "package.module:function".
    folder : str
        Where the module is looked for last.
    key : str
        Key of the study that names the function, for the message.

    Returns
    -------
    Path or None
        None for a module without a file, such as the script that runs.

    Raises
    ------
    InputError
        When there is no such module, or its source has no such function.
    """
    module, _, function = path.partition(":")
    with looking_in(folder):
        spec = _spec(module)
    loaded = sys.modules.get(module)
    if spec is None and loaded is None:
        raise InputError(
            f"{key} is {path!r} and cannot be found: Python can import no {module!r}, and "
            f"there is none in {folder}"
        )
    origin = getattr(loaded, "__file__", None) if spec is None else spec.origin
    if origin is None or not Path(origin).is_file():
        return None
    file = Path(origin)
    names = _names_in(file) if file.suffix == ".py" else None
    if names is not None and function not in names:
        raise InputError(
            f"{key} is {path!r}, and {file} has no {function!r}; {nearest(function, sorted(names))}"
        )
    return file


def _spec(module: str) -> ModuleSpec | None:
    """Where Python would find a module, were it not imported yet."""
    importlib.invalidate_caches()
    path, spec = None, None
    for name in itertools.accumulate(module.split("."), "{}.{}".format):
        finders = (f.find_spec for f in sys.meta_path if hasattr(f, "find_spec"))
        spec = next(filter(None, (find(name, path) for find in finders)), None)
        if spec is None:
            return None
        path = spec.submodule_search_locations
        if path is None and name != module:
            return None
    return spec


def _names_in(file: Path) -> set[str] | None:
    """Names that a source may define, or None where its text does not say."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None  # importing it says why
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(a.asname or a.name).partition(".")[0] for a in node.names}
    return None if names & {"*", "__getattr__"} else names


def factory_of(path: str, folder: str, key: str = MODULE) -> Callable[..., Any]:
    """Import a function of the user's, such as one that makes networks; see ``source_of``.

    Raises
    ------
    InputError
        When it cannot be imported, or another module of its name was imported before.
    """
    module, _, function = path.partition(":")
    meant = source_of(path, folder, key)
    try:
        with looking_in(folder):
            factory = getattr(importlib.import_module(module), function)
    except Exception as error:
        raise InputError(
            f"{key} is {path!r} and cannot be imported "
            f"({type(error).__name__}: {error}); write it as "
            '"package.module:function", of a module that Python can import'
        ) from error
    found = getattr(sys.modules[module], "__file__", None)
    if meant is not None and found is not None and not meant.samefile(found):
        raise InputError(
            f"{key} is {path!r} of {meant}, and Python has imported {found} by that name "
            "before; give one of them another name"
        )
    if not callable(factory):
        raise InputError(
            f"{key} is {path!r}, which is a {type(factory).__name__}; a function was expected"
        )
    return factory
