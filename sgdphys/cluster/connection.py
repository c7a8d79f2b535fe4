"""The way to a Dask cluster: its address, versions, and a folder that all see."""

import logging
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sgdphys
from sgdphys.errors import InputError, WorkError

if TYPE_CHECKING:
    from distributed import Client

_PATIENCE = 5.0
"""Seconds in which a scheduler must answer, and have a worker."""
_COMPARED = ("python", "numpy", "dask", "distributed")
"""What must be the same everywhere, beside sgdphys itself: results are to be the same bit by bit,
and what is sent must be understood."""
LOST = (
    "the scheduler has ended, or cannot be reached any longer; what was finished is kept: give the "
    "same command to carry on"
)
TOKEN = ".partial-seen-by-"
"""Name, but for its end, of the file by which workers say that they see a folder."""


@contextmanager
def connected(address: str) -> "Iterator[Client]":
    """A client of the scheduler at an address, which has workers of the same versions as this.

    Raises
    ------
    InputError
        For what is no address, or where the extra ``cluster`` is not installed.
    WorkError
        When no scheduler answers, it has no workers, or versions differ; when the scheduler ends
        inside the block.
    """
    try:
        import distributed
    except ImportError:
        raise InputError(
            "a scheduler needs the library distributed; install it as in pip install "
            "'sgdphys[cluster]'"
        ) from None
    # it would report every lost connection to the terminal, with a traceback
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    logging.getLogger("tornado").setLevel(logging.CRITICAL)
    client = _client(distributed, address)
    try:
        _require_workers(client, address)
        _require_same_versions(client)
        yield client
    except distributed.comm.CommClosedError as error:
        raise WorkError(LOST) from error
    finally:
        client.close(timeout=1)


def _client(distributed: Any, address: str) -> "Client":
    from distributed.comm.addressing import get_address_host_port

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", distributed.versions.VersionMismatchWarning)
        try:
            # a client of what is no address would begin a cluster of its own, or ask in vain
            get_address_host_port(address)
            return distributed.Client(address, timeout=_PATIENCE, set_as_default=False)
        except OSError as error:  # a TimeoutError too
            raise WorkError(
                f"no scheduler answers at {address}; start one with 'dask scheduler', which says "
                "its address"
            ) from error
        except (ValueError, TypeError) as error:
            raise InputError(
                f"{address!r} is no address of a scheduler; give it as in tcp://HOST:8786"
            ) from error


def _require_workers(client: "Client", address: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not client.nthreads():
        if time.monotonic() > deadline:
            raise WorkError(
                f"the scheduler at {address} has no workers; start some with "
                f"'dask worker {address} --nthreads 1', and give the command again"
            )
        time.sleep(0.1)


def _require_same_versions(client: "Client") -> None:
    """Compare versions; Dask's own first, without which nothing else can be asked."""
    found = client.get_versions()
    here = found["client"]["packages"]
    there = {"the scheduler": found["scheduler"]["packages"]}
    there |= {f"the worker {name}": of["packages"] for name, of in found["workers"].items()}
    require_alike({name: _releases(of) for name, of in there.items()}, _releases(here))

    def version() -> str | None:  # sent as it is, since sgdphys may not be there to be imported
        try:
            import sgdphys

            return sgdphys.__version__
        except ImportError:
            return None

    of_scheduler = {"the scheduler": client.run_on_scheduler(version)}
    of_workers = {f"the worker {name}": of for name, of in client.run(version).items()}
    require_alike(
        {name: {"sgdphys": of} for name, of in {**of_scheduler, **of_workers}.items()},
        {"sgdphys": sgdphys.__version__},
    )


def _releases(packages: Mapping[str, Any]) -> dict[str, str | None]:
    """Versions that are compared; of Python its two first numbers."""
    found = {name: packages.get(name) for name in _COMPARED}
    return found | {"python": ".".join(str(found["python"]).split(".")[:2])}


def require_alike(
    there: Mapping[str, Mapping[str, str | None]], here: Mapping[str, str | None]
) -> None:
    """Refuse versions that differ from those of this process.

    Parameters
    ----------
    there : mapping
        Versions of packages by "the scheduler" and "the worker ADDRESS"; None for one that is not
        installed.
    here : mapping
        Versions of the same packages in this process.

    Raises
    ------
    WorkError
        Naming the first place, and both versions.
    """
    for place, versions in there.items():
        for package, version in here.items():
            if versions[package] != version:
                raise WorkError(
                    f"{place} has {_named(package, versions[package])} and this process has "
                    f"{_named(package, version)}; install the same version on both"
                )


def _named(package: str, version: str | None) -> str:
    name = "Python" if package == "python" else package
    return f"{name} {version}" if version else f"no {name}"


@contextmanager
def seen_by_all(client: "Client", folder: Path) -> Iterator[str]:
    """Path of a file in a folder that all workers see inside the block, and can write to.

    Raises
    ------
    WorkError
        When a worker does not see it.
    """
    token = folder.absolute() / f"{TOKEN}{uuid.uuid4().hex}"
    token.touch()
    try:
        for worker, is_seen in client.run(_looking_for(str(token))).items():
            if not is_seen:
                raise WorkError(
                    f"the worker {worker} does not see the folder {folder.absolute()}, or cannot "
                    "write to it; give --out a folder on a file system that all workers share"
                )
        yield str(token)
    finally:
        token.unlink(missing_ok=True)


def _looking_for(token: str) -> Callable[[], Any]:
    """A function that says whether a file is there, and its folder can be written to."""

    async def is_seen() -> bool:
        import asyncio
        import os

        for _ in range(30):  # a file system of a network may take a moment
            if os.path.isfile(token):
                return os.access(os.path.dirname(token), os.W_OK)
            await asyncio.sleep(0.1)
        return False

    return is_seen
