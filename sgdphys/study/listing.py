"""The runs in a folder: study, how far each is, size, date, verdicts."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sgdphys.claims.verdicts import WORDS
from sgdphys.errors import InputError, WorkError
from sgdphys.study.runs import Run, bytes_of_files, files_below
from sgdphys.study.study_file import STUDY_FILE
from sgdphys.study.summary import is_analysed_now, recorded_epochs

HEADING = ("run", "state", "size", "changed", "verdicts", "title")


def list_runs(folder: Path) -> list[tuple[str, ...]]:
    """Rows on the runs in a folder, below a heading; the folder of one run has a single row.

    Raises
    ------
    InputError
        When there is no such folder, or no run in it.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give that of your runs")
    inside = sorted(path.parent for path in folder.glob(f"*/{STUDY_FILE}"))
    found = [folder] if (folder / STUDY_FILE).is_file() else inside
    if not found:
        raise InputError(f"there is no run in {folder}; sgdphys run STUDY makes one")
    return [HEADING, *map(_row, found)]


def _row(folder: Path) -> tuple[str, ...]:
    run = Run(folder)
    files = files_below(folder)
    size = bytes_of_files(files)
    changed = datetime.fromtimestamp(max(s.st_mtime for s in files)).strftime("%Y-%m-%d %H:%M")
    try:
        state, verdicts, title = _state(run), _verdicts(run), run.study.title
    except (InputError, WorkError) as error:
        state, verdicts, title = "damaged", "", str(error)
    return folder.name, state, f"{size / 1e6:.1f} MB", changed, verdicts, title


def _state(run: Run) -> str:
    """How far a run is: what is missing first, or "complete"."""
    missing = next(_missing(run), "complete")
    return f"{missing}, quick" if run.study.quick else missing


def _missing(run: Run) -> Iterator[str]:
    inside = run.parts or run.cases
    if inside:
        complete = [name for name, one in inside.items() if _is_complete(one)]
        if len(complete) < len(inside):
            yield f"{len(complete)} of {len(inside)} {'parts' if run.parts else 'cases'} complete"
        if run.parts:
            return
    else:
        done, epochs = recorded_epochs(run.folder), run.study.train.epochs
        if done < epochs:
            yield f"{done} of {epochs} epochs recorded"
    if run.study.analyses and not is_analysed_now(run):
        yield "diverged" if run.has_diverged else "not analysed"


def _is_complete(run: Run) -> bool:
    """Whether a case or a part has begun, and lacks nothing."""
    return (run.folder / STUDY_FILE).is_file() and next(_missing(run), "") == ""


def _verdicts(run: Run) -> str:
    """How many verdicts a run has of each word."""
    words = [verdict.word for verdict in run.verdicts]
    return ", ".join(f"{words.count(word)} {word}" for word in WORDS if word in words)
