"""Contents of the files that decide what a study trains, as digests that are part of its hash.

``[contents]`` of a study holds "task.path", the data, and "network.module", the module's source;
where a key is swept, one for each of its values, "task.path[0]" and so on. The digest of a table is
what ``sha256sum`` says of the file; that of IDX files is the sha256 of what ``sha256sum`` prints of
them in order of their names.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from sgdphys.engines.factories import source_of
from sgdphys.errors import InputError
from sgdphys.study.settings import Study
from sgdphys.tasks.catalogue import TASKS
from sgdphys.tasks.headers import idx_files

PATH, MODULE = "task.path", "network.module"
_BLOCK = 2**20


def digest_of(path: Path) -> str:
    """Return the sha256 of a file, read once as long as its size and time do not change.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    try:
        known = path.stat()
        return _digest(path, known.st_size, known.st_mtime_ns)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:  # a path with a zero in it
        raise InputError(f"there is no file {path}") from None


@lru_cache(maxsize=256)
def _digest(path: Path, size: int, changed: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _data_digest(study: Study, path: Path) -> str:
    if study.task.name == "table" or path.suffix in (".csv", ".npz"):
        return digest_of(path)
    files = sorted(idx_files(path), key=lambda file: file.name)
    lines = "".join(f"{digest_of(file)}  {file.name}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def source_digest(function: str, folder: str) -> str | None:
    """Digest of the source of a function of the user's: see ``engines.factories.source_of``.

    None where it has no file, such as that of the script that runs.
    """
    source = source_of(function, folder or os.getcwd())
    return None if source is None else digest_of(source)


def _named(study: Study) -> Iterator[tuple[str, str]]:
    """Files and modules of a study by their names in ``contents``."""
    tasks = study.sweep.keys.get("task.name", (study.task.name,))
    for key, value in ((PATH, study.task.path), (MODULE, study.network.module)):
        if key == PATH and not any(TASKS[name].is_of_files for name in tasks):
            continue
        several = study.sweep.keys.get(key)
        names = {key: value}
        if several is not None:
            names = {f"{key}[{number}]": one for number, one in enumerate(several)}
        yield from ((name, one) for name, one in names.items() if isinstance(one, str) and one)


def contents_of(study: Study) -> tuple[dict[str, str], list[str]]:
    """Digests of what the files hold that a study names, and sentences on what is wrong with them.

    Digests that the study carries already must be those of the files.
    """
    found: dict[str, str] = {}
    faults: list[str] = []
    names = dict(_named(study))
    for name, value in names.items():
        try:
            digest = (
                _data_digest(study, Path(value))
                if name.startswith(PATH)
                else source_digest(value, study.folder)
            )
        except InputError as error:
            faults.append(str(error))
            continue
        if digest is not None:
            found[name] = f"sha256:{digest}"
        if study.contents.get(name, found.get(name)) != found.get(name):
            faults.append(
                f"{name} has other contents than the study says; give it the file that was meant, "
                "or leave contents out"
            )
    faults += [
        f"contents.{name!r} has no effect, since the study reads no such file; leave it out"
        for name in study.contents
        if name not in names
    ]
    return found, faults


def contents_of_case(
    study: Study, case: Mapping[str, int], task: str, module: str
) -> dict[str, str]:
    """The contents of one case of a sweep, selected from those of the study.

    Parameters
    ----------
    study : Study
    case : mapping
        Swept keys, and which of their values the case has.
    task, module : str
        The case's ``task.name`` and ``network.module``.
    """
    is_read = {PATH: TASKS[task].is_of_files, MODULE: bool(module)}
    names = {
        key: f"{key}[{case[key]}]" if key in case else key for key, read in is_read.items() if read
    }
    return {key: study.contents[name] for key, name in names.items() if name in study.contents}


def modules_of(study: Study) -> dict[str, str]:
    """Digests of the modules that a study's networks come from, by the modules' names."""
    names = dict(_named(study))
    return {
        names[name].partition(":")[0]: digest
        for name, digest in study.contents.items()
        if name.startswith(MODULE) and name in names
    }
