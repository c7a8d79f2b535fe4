"""The folder of a run: held by one command at a time, and made ready for a study."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sgdphys.cluster.connection import TOKEN
from sgdphys.errors import InputError, WorkError
from sgdphys.study.analysing import RESULTS
from sgdphys.study.files import differences, study_hash
from sgdphys.study.runs import CASES, DRAWN, FIGURES, PARTS, VERDICTS, Run
from sgdphys.study.settings import Study
from sgdphys.study.study_file import STUDY_FILE, read_study, write_study
from sgdphys.trajectory.locations import remove
from sgdphys.trajectory.locks import lock
from sgdphys.trajectory.reader import attributes_of
from sgdphys.trajectory.segments import SEGMENTS, segment_paths

_LOCK = ".lock"
_WORKER_LOCK = ".worker.lock"
"""Held by a worker of a cluster while it writes, beside the lock of the command that it serves."""
WORKER_PATIENCE = 60.0
"""Seconds that a worker waits for one that did the same before and was given up for lost."""
_INSIDE = (SEGMENTS, CASES, PARTS)
"""Folders in that of a run that hold recordings."""
_PARTIAL = ("*.partial", ".partial-*")
"""Files being written, or left by a killed command."""


@contextmanager
def locked(
    folder: Path,
    tell: Callable[[str], None] = lambda sentence: None,
    *,
    patience: float | None = None,
) -> Iterator[None]:
    """Lock the folder of a run, which is created if missing; a killed process holds no lock.

    Whoever changes anything in it must hold it. Another process is waited for a second, or as long
    as the patience says.

    Raises
    ------
    InputError
        When the folder holds other things than a run.
    WorkError
        When another process holds it, or it cannot be written.
    """
    with _telling_of(folder):
        _require_ours(folder)
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / _LOCK).open("a")
    with file:
        if not _lock(file, tell, patience):
            raise WorkError(f"another process is writing to {folder}; wait for it to end")
        if (folder / _WORKER_LOCK).is_file():
            with locked_by_worker(folder, tell, patience=0):  # one of a command that has ended
                pass
        for left in folder.glob(f"{TOKEN}*"):  # by a killed command
            left.unlink()
        yield


@contextmanager
def locked_by_worker(
    folder: Path,
    tell: Callable[[str], None] = lambda sentence: None,
    *,
    patience: float = WORKER_PATIENCE,
) -> Iterator[None]:
    """Lock the folder of a run among the workers of a cluster, for the time of writing.

    The command that they serve holds the folder itself, or nobody does. A worker that was killed
    holds no lock; one that was only given up for lost is waited for.

    Raises
    ------
    WorkError
        When another worker holds it, or it cannot be written.
    """
    with _telling_of(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / _WORKER_LOCK).open("a")
    with file:
        if not _lock(file, tell, patience):
            raise WorkError(
                f"a worker of a cluster is still writing to {folder}; wait for it to end"
            )
        yield


def _lock(file: IO[str], tell: Callable[[str], None], patience: float | None = None) -> bool:
    """Lock a file unless another process holds it; report if files cannot be locked."""
    try:
        return lock(file) if patience is None else lock(file, patience)
    except OSError:
        tell(
            f"{file.name} cannot be locked on this system; take care that no other command "
            "writes to its folder"
        )
    return True


@contextmanager
def _telling_of(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorkError(
            f"{folder} cannot be written ({error.strerror or error}); choose another --out"
        ) from error


def _require_ours(folder: Path) -> None:
    """Refuse a folder with other contents, unless a command was killed at its start there."""
    _require_name(str(folder.absolute()))
    if not folder.is_dir() or (folder / STUDY_FILE).is_file():
        return
    for path in folder.iterdir():
        is_left = path.name in (_LOCK, _WORKER_LOCK) or any(
            path.match(pattern) for pattern in _PARTIAL
        )
        is_bare = path.name in _INSIDE and path.is_dir() and not any(path.iterdir())
        if not (is_left or is_bare):
            raise InputError(f"{folder} is not empty and holds no run; choose another --out")


def _require_name(path: str) -> None:
    """Refuse a path that the netCDF library cannot be given."""
    encoding = sys.getfilesystemencoding()
    try:
        path.encode(encoding)
    except UnicodeEncodeError:
        raise InputError(
            f"netCDF cannot write to {path}, a name that is no text in {encoding}; choose another "
            "--out, or set PYTHONUTF8=1 if it is one in UTF-8"
        ) from None
    if os.sep == "/" and "\\" in path:
        raise InputError(f"netCDF cannot write to {path}: it has a backslash; choose another --out")


def claim(folder: Path, study: Study, *, fresh: bool, tell: Callable[[str], None]) -> None:
    """Make a folder that is held ready for a study, or find that it holds this very run.

    Its study is written before anything else is made, and replaced after all else was removed, so
    that at any moment the folder holds no more than a run begun.

    Raises
    ------
    InputError
        When the folder holds the run of another study, with something recorded.
    WorkError
        When the folder cannot be written.
    """
    with _telling_of(folder):
        _remove_partial(folder)
        if (folder / STUDY_FILE).is_file() and (fresh or not _holds(folder, study, tell)):
            _clear(folder)
        before = _study_before(folder)
        if before is not None and (folder / VERDICTS).is_file():
            _tell_late_rules(before, study, tell)
        if before is None or (before.analyses, before.claims) != (study.analyses, study.claims):
            remove(folder / VERDICTS)  # of other claims or analyses; they are judged again
        write_study(study, folder)
        holder = PARTS if study.parts else CASES if study.sweep.keys else SEGMENTS
        (folder / holder).mkdir(exist_ok=True)


def _study_before(folder: Path) -> Study | None:
    """The study that a folder holds; None if it holds none, or a damaged one."""
    try:
        return read_study(folder)
    except (InputError, WorkError):
        return None


def _tell_late_rules(before: Study, study: Study, tell: Callable[[str], None]) -> None:
    """Say which rules are called older than their data, and changed since those were judged."""
    rules = before.claims
    late = [
        name for name, claim in study.claims.items()
        if claim.written == "before" and (name not in rules or not claim.has_rule_of(rules[name]))
    ]  # fmt: skip
    if late:
        tell(
            f"claims {', '.join(late)}: the rule is new or changed since the claims of this run "
            'were judged; set written = "after", or judge it on another seed'
        )


def _remove_partial(folder: Path) -> None:
    """Remove what a killed command was writing, and nothing that has another's name."""
    ours = (STUDY_FILE, RESULTS, VERDICTS, DRAWN)
    left = [folder / f"{name}.partial" for name in ours]
    for pattern in _PARTIAL:
        left += [*(folder / SEGMENTS).glob(pattern), *(folder / FIGURES).glob(pattern)]
    for path in left:
        remove(path)
    shutil.rmtree(folder / f".partial-{SEGMENTS}", ignore_errors=True)


def _holds(folder: Path, study: Study, tell: Callable[[str], None]) -> bool:
    """Whether a folder holds a run of this study; one without a recording is of any study."""
    changed: list[str] = []
    try:
        before = Run(folder).study
        if study_hash(before) != study_hash(study):
            changed = differences(before, study)
    except WorkError as error:
        tell(f"{error}; it is written again")
        if not _was_recorded_for(folder, study):
            changed = [STUDY_FILE]
    if not changed:
        return True
    if any(segment_paths(inside) for inside in folder.rglob(SEGMENTS)):
        raise InputError(
            f"{folder} holds a run of another study ({', '.join(changed)} "
            f"{'differs' if len(changed) == 1 else 'differ'}); choose another --out, or --fresh to "
            "replace it"
        )
    return False


def _was_recorded_for(folder: Path, study: Study) -> bool:
    """Whether the recording in the folder itself is of this study; cases and parts are not read.

    Segments say of which study they are.
    """
    hashes = {attributes_of(path).get("study_hash") for path in segment_paths(folder / SEGMENTS)}
    return hashes <= {study_hash(study)}


def _clear(folder: Path) -> None:
    """Remove what a run wrote but its study, which the next one replaces, and nothing else."""
    for path in (*folder.rglob(_LOCK), *folder.rglob(_WORKER_LOCK)):
        if path.parent != folder:  # a part may be carried out by itself
            with locked(path.parent):
                pass
    for name in (*_INSIDE, FIGURES):
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
    for name in (RESULTS, VERDICTS, DRAWN):
        (folder / name).unlink(missing_ok=True)
