"""Keep the verdicts of runs in docs/verdicts, and write the pages that show them.

``python docs/keep_verdicts.py RUN...`` copies the study and the verdicts of each run, of a study of
studies those of the parts that are judged, into a folder of docs/verdicts that has the name of the
run's folder; without runs the pages are written again from what is kept. Recordings and results
stay where they are: hours of training leave half a megabyte here. A run of some of the parts adds
to what is kept, so that they may be carried out on different days.
"""

import shutil
import sys
from pathlib import Path

import pages

from sgdphys.report.verdict_page import study_index, verdict_page
from sgdphys.study.runs import VERDICTS, Run
from sgdphys.study.study_file import STUDY_FILE

KEPT = pages.ROOT / "docs" / "verdicts"
PAPER = ("opening_the_black_box", "fresh_seeds")
"""The first has rows, and the second, the same claims on another seed, a column."""
CAPACITY = ("capacity", "capacity_hidden")


def keep(run: Run) -> None:
    """Copy the study and the verdicts of a run, and of its parts that are judged."""
    target = KEPT / run.folder.absolute().name
    is_kept = (target / STUDY_FILE).is_file()
    if not is_kept or Run(target).study.parts.keys() <= run.study.parts.keys():
        _copy(run, target)
    for name, part in run.parts.items():
        if (part.folder / VERDICTS).is_file():
            _copy(part, target / part.folder.relative_to(run.folder))
        elif not (target / part.folder.relative_to(run.folder)).exists():
            print(f"{run.folder}: part {name} has no verdicts yet")


def _copy(run: Run, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in (STUDY_FILE, VERDICTS):
        if (run.folder / name).is_file():
            shutil.copyfile(run.folder / name, target / name)


def of_the_paper() -> str:
    """Verdicts on the paper and its critics, and what earlier editions said."""
    earlier = (pages.ROOT / "docs" / "earlier_results.md").read_text(encoding="utf-8")
    return verdict_page([KEPT / name for name in PAPER]) + "\n" + earlier


def of_capacity() -> str:
    """Verdicts on how many random labels networks learn."""
    return "\n".join(verdict_page([KEPT / name]) for name in CAPACITY)


def of_studies() -> str:
    """The list of studies, with how many verdicts of each word."""
    return study_index([KEPT / name for name in (PAPER[0], *CAPACITY)])


PAGES = {
    "docs/results.md": of_the_paper,
    "docs/results_capacity.md": of_capacity,
    "studies/README.md": of_studies,
}
"""What writes each page, by its path in the repository."""


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        keep(Run(folder))
    for path, text in PAGES.items():
        (pages.ROOT / path).write_text(text(), encoding="utf-8")
