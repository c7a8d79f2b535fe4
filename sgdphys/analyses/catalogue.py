"""Registry of the folders of analyses: settings, computations, statistics and figures.

A file is read when it is asked for: settings need no library that computes or draws, and statistics
none that draws.
"""

import hashlib
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import sgdphys.analyses
from sgdphys.analyses.entry import Entry
from sgdphys.analyses.settings import AnalysisSettings
from sgdphys.claims.statistic import Statistic
from sgdphys.errors import InputError


@cache
def settings() -> dict[str, type[AnalysisSettings]]:
    """Keys of every kind of analysis, by its name, which is that of its folder.

    Raises
    ------
    InputError
        For a folder whose settings are none, that computes nothing, or that has the name of
        another one.
    """
    found: dict[str, type[AnalysisSettings]] = {}
    for place in sgdphys.analyses.__path__:
        for folder in pkgutil.iter_modules([place]):
            if folder.ispkg and folder.name in found:
                raise InputError(
                    f"{Path(place) / folder.name} has the name of another analysis, "
                    f"{_place(folder.name)}; give it another one"
                )
            if folder.ispkg:
                found[folder.name] = _settings_of(folder.name)
    return found


def analysis(kind: str) -> ModuleType:
    """The computation of one kind: ``analyse``, and ``across_cases`` where it has one."""
    return _module(kind, "analysis")


@cache
def statistics() -> dict[str, Statistic]:
    """Statistics of claims, by name.

    Raises
    ------
    InputError
        For a name that two analyses have.
    """
    return _gathered("statistics", "STATISTICS")


@cache
def figures() -> dict[str, Entry]:
    """Figures by name: of every recording, of its analyses, and of its claims.

    Raises
    ------
    InputError
        For a name that two analyses have.
    """
    from sgdphys.analyses.recorded import CLAIMS, RECORDING

    return {**RECORDING, **_gathered("figures", "FIGURES"), **CLAIMS}


def sources(kinds: Iterable[str]) -> dict[str, str]:
    """Digests of the sources of analyses that are not this package's own, by their kinds.

    The version of the package stands for its own.
    """
    found = {}
    for kind in sorted(kinds):
        folder = Path(_place(kind))
        if not is_included(kind):
            digest = hashlib.sha256()
            for path in sorted(folder.rglob("*.py")):
                digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
            found[kind] = digest.hexdigest()
    return found


def is_included(kind: str) -> bool:
    """Whether an analysis is of this package, and not of the user's."""
    return Path(_place(kind)).parent == Path(sgdphys.analyses.__path__[0])


def _settings_of(kind: str) -> type[AnalysisSettings]:
    found = getattr(_module(kind, "settings"), "Settings", None)
    if not (isinstance(found, type) and issubclass(found, AnalysisSettings)):
        raise InputError(f"{_place(kind)}/settings.py has no class Settings of AnalysisSettings")
    if importlib.util.find_spec(f"sgdphys.analyses.{kind}.analysis") is None:
        raise InputError(f"{_place(kind)} is the folder of an analysis and has no analysis.py")
    if get_args(found.model_fields["of"].annotation) != (kind,):
        raise InputError(f"{_place(kind)}/settings.py must have the key: of: Literal[{kind!r}]")
    return found


def _gathered(file: str, name: str) -> dict[str, Any]:
    """The tables of that name in that file of every folder that has it, joined."""
    found: dict[str, Any] = {}
    for kind in settings():
        if importlib.util.find_spec(f"sgdphys.analyses.{kind}.{file}") is None:
            continue
        table = getattr(_module(kind, file), name)
        again = sorted(found.keys() & table.keys())
        if again:
            raise InputError(
                f"{_place(kind)}/{file}.py has {again[0]!r}, which another analysis has too; give "
                "it another name"
            )
        found |= table
    return found


def _module(kind: str, file: str) -> ModuleType:
    try:
        return importlib.import_module(f"sgdphys.analyses.{kind}.{file}")
    except ModuleNotFoundError as error:
        if error.name != f"sgdphys.analyses.{kind}.{file}":
            raise
        raise InputError(
            f"{_place(kind)} is the folder of an analysis and has no {file}.py"
        ) from None


def _place(kind: str) -> str:
    return importlib.import_module(f"sgdphys.analyses.{kind}").__path__[0]
