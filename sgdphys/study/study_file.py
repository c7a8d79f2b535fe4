"""The study in the folder of a run: written with a digest of its text, and verified when read."""

import hashlib
import re
import tomllib
from pathlib import Path

from sgdphys.errors import InputError, WorkError
from sgdphys.study.files import resolved_text
from sgdphys.study.settings import Study, study_from
from sgdphys.trajectory.writer import write_text

STUDY_FILE = "study.toml"
_HEADING = "# sha256 of the text below: "
_HEADED = re.compile(rf"{_HEADING}([0-9a-f]{{64}})\n")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_study(study: Study, folder: Path) -> None:
    """Write the resolved text of a study into the folder of its run."""
    text = resolved_text(study)
    write_text(f"{_HEADING}{_digest(text)}\n{text}", folder / STUDY_FILE)


def read_study(folder: Path) -> Study:
    """Return the study of a run, as resolved when it began.

    A text of before there were digests has none at its head; it has a title, as any has.

    Raises
    ------
    InputError
        For a folder that holds no run.
    WorkError
        When the text is not what was written.
    """
    path = folder / STUDY_FILE
    if not path.is_file():
        raise InputError(f"{folder} is not the folder of a run: it has no {STUDY_FILE}")
    try:
        text = path.read_text(encoding="utf-8")
        head = _HEADED.match(text)
        is_whole = head.group(1) == _digest(text[head.end() :]) if head else text[:1] != "#"
        keys = tomllib.loads(text)
        if is_whole and "title" in keys:
            return study_from(keys, str(path), stored=True)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        pass
    raise WorkError(
        f"{path} is damaged: it is not what was written; give the command that began the run again "
        "to write it anew, or restore it"
    )
