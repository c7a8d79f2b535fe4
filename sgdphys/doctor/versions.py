"""Versions of Python and of the packages, against what sgdphys asks for."""

import platform
from importlib import metadata

from packaging.requirements import Requirement

import sgdphys
from sgdphys.doctor.finding import Finding, broken, note, ok

_OF_DEVELOPERS = ("test", "bench", "docs")


def versions() -> Finding:
    """Whether every package that sgdphys needs is there, in a version that it works with."""
    said = f"sgdphys {sgdphys.__version__}, Python {platform.python_version()}, {_system()}"
    try:
        wanted = [Requirement(text) for text in metadata.requires("sgdphys") or ()]
    except metadata.PackageNotFoundError:
        return note(
            f"{said}; sgdphys is not installed, so versions are not compared", "install it with pip"
        )
    found, faults = [], []
    for one in wanted:
        if one.marker is not None and not one.marker.evaluate({"extra": ""}):
            continue
        version = _version(one.name)
        if version is None:
            faults.append(f"{one.name} is missing")
            continue
        found.append(f"{one.name} {version}")
        if not one.specifier.contains(version, prereleases=True):
            faults.append(f"{one.name} is {version}, and {one.specifier} is needed")
    if faults:
        return broken(f"{said}; {'; '.join(faults)}", "pip install --upgrade sgdphys")
    return ok(f"{said}; {', '.join(found)}")


def extras() -> Finding:
    """Which optional packages are there."""
    try:
        names = metadata.metadata("sgdphys").get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        return ok("not known, since sgdphys is not installed")
    said = []
    for extra in names:
        if extra in _OF_DEVELOPERS:
            continue
        lacking = [f"no {name}" for name in _packages(extra) if _version(name) is None]
        there = [f"{n} {_version(n)}" for n in _packages(extra) if _version(n) is not None]
        install = f" (pip install 'sgdphys[{extra}]')" if lacking else ""
        said.append(f"{', '.join([*there, *lacking])}{install}")
    return ok("; ".join(said) or "there are none")


def _packages(extra: str) -> list[str]:
    """Names of the packages of an extra."""
    wanted = map(Requirement, metadata.requires("sgdphys") or ())
    return [
        one.name
        for one in wanted
        if one.marker is not None
        and one.marker.evaluate({"extra": extra})
        and not one.marker.evaluate({"extra": ""})
    ]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _system() -> str:
    return f"{platform.system()} {platform.release()} {platform.machine()}".strip()
