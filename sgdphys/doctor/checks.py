"""Every check of the machine and of sgdphys on it, and how they are carried out."""

from collections.abc import Callable, Iterator

from sgdphys.doctor.finding import Finding, broken
from sgdphys.doctor.machine import disk, graphics, kernels, memory, processors
from sgdphys.doctor.self_test import engine, estimator, file
from sgdphys.doctor.versions import extras, versions

CHECKS: dict[str, Callable[[], Finding]] = {
    "versions": versions,
    "extras": extras,
    "threads": processors,
    "memory": memory,
    "disk": disk,
    "GPU": graphics,
    "compiled kernels": kernels,
    "self-test: engine": engine,
    "self-test: estimator": estimator,
    "self-test: file": file,
}
"""Every check by its name; none changes anything but the cache of compiled kernels."""


def examine() -> Iterator[tuple[str, Finding]]:
    """Carry out every check, one after the other; one that fails does not end the others."""
    for name, check in CHECKS.items():
        try:
            yield name, check()
        except Exception as error:
            text = " ".join(str(error).split())
            yield name, broken(f"{type(error).__name__}: {text}", "report this with all of it")
