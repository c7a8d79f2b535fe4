"""Keep the verdicts of runs in docs/verdicts, and write the pages that show them.

``python docs/keep_verdicts.py RUN...`` copies the study and the verdicts of each run, of a study of
studies those of the parts that are judged, into a folder of docs/verdicts that has the name of the
run's folder; without runs the pages are written again from what is kept. Recordings and results
stay where they are: hours of training leave half a megabyte here. A run of some of the parts adds
to what is kept, so that they may be carried out on different days. Of the whole paper the closing
tables of its first study and a figure of some studies are kept, too.
"""

import json
import re
import shutil
import sys
from pathlib import Path

import pages
from PIL import Image

from sgdphys.report.verdict_page import study_index, verdict_page
from sgdphys.study.runs import VERDICTS, Run
from sgdphys.study.study_file import STUDY_FILE
from sgdphys.study.summary import tables

KEPT = pages.ROOT / "docs" / "verdicts"
PAPER = ("opening_the_black_box", "fresh_seeds")
"""The first has rows, and the second, the same claims on another seed, a column."""
CAPACITY = ("capacity", "capacity_hidden")
PLANE = "information_plane"
TABLES = "tables.json"
SHOWN_TABLES = ("I(X;T) of each layer", "Epoch of each event", "All networks at epoch")
"""How the titles of those closing tables begin that are shown."""
PICTURES = {
    PLANE: "plane_snapshots",
    "diffusion": "diffusion_vs_lag",
    "critical_slowing": "critical_slowing",
    "bottleneck": "bottleneck_curve",
}
"""The figure of a study that becomes its picture in studies/."""
WIDTH, COLOURS = 1400, 255
"""Pixels of the widest picture."""


def keep(run: Run) -> None:
    """Copy the study and the verdicts of a run, and of its parts that are judged."""
    target = KEPT / run.folder.absolute().name
    is_kept = (target / STUDY_FILE).is_file()
    if not is_kept or Run(target).study.parts.keys() <= run.study.parts.keys():
        _copy(run, target)
    for name, part in run.parts.items():
        if (part.folder / VERDICTS).is_file():
            _copy(part, target / part.folder.relative_to(run.folder))
            if target.name == PAPER[0]:
                _keep_shown(name, part, target / part.folder.relative_to(run.folder))
        elif not (target / part.folder.relative_to(run.folder)).exists():
            print(f"{run.folder}: part {name} has no verdicts yet")


def _copy(run: Run, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in (STUDY_FILE, VERDICTS):
        if (run.folder / name).is_file():
            shutil.copyfile(run.folder / name, target / name)


def _keep_shown(name: str, part: Run, target: Path) -> None:
    """Keep the closing tables of the first study, and the picture of one that has one."""
    if name == PLANE:
        rows = [table for table in tables(part) if table[0].startswith(SHOWN_TABLES)]
        (target / TABLES).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if name in PICTURES:
        drawn = part.folder / "figures" / f"{PICTURES[name]}.png"
        if not drawn.is_file():
            raise SystemExit(f"there is no {drawn}; sgdphys figures {part.folder} --format png")
        picture = Image.open(drawn).convert("RGB")
        picture.thumbnail((WIDTH, WIDTH))
        picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(
            pages.ROOT / "studies" / f"{name}.png", optimize=True
        )


def of_what_was_found() -> str:
    """The page on what studies found, with the tables of the first one put in."""
    page = (pages.ROOT / "docs" / "results_of_studies.md").read_text(encoding="utf-8")
    kept = json.loads((KEPT / PAPER[0] / "parts" / PLANE / TABLES).read_text(encoding="utf-8"))
    parts = []
    for title, (head, *rows) in kept:
        lines = [
            f"{' '.join(title.split())}:",
            "",
            f"| {' | '.join(head)} |",
            "|---" * len(head) + "|",
        ]
        parts.append("\n".join(lines + [f"| {' | '.join(row)} |" for row in rows]))
    begin, end = "<!-- tables of the study -->", "<!-- end of the tables -->"
    written = begin + "\n" + "\n\n".join(parts) + "\n" + end
    found, number = re.subn(f"{begin}.*{end}", lambda _: written, page, flags=re.DOTALL)
    if number != 1:
        raise SystemExit(f"docs/results_of_studies.md needs {begin} and {end}, once")
    return found


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
    "docs/results_of_studies.md": of_what_was_found,
}
"""What writes each page, by its path in the repository."""


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        keep(Run(folder))
    for path, text in PAGES.items():
        (pages.ROOT / path).write_text(text(), encoding="utf-8")
