"""The page itself: chapters poured into a template, everything inline."""

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import jinja2

import sgdphys
from sgdphys.errors import InputError, WorkError
from sgdphys.figures.verdicts import COLOURS
from sgdphys.report.contents import Chapter, chapters_of
from sgdphys.study.runs import Run

_TEMPLATES = Path(__file__).parent / "template"
REPORT = "report.html"


def write_report(folders: list[Path], out: Path | None = None) -> Path:
    """Write one self-contained HTML page of a run, or of several side by side.

    Parameters
    ----------
    folders : list of Path
        Folders of runs; unfinished ones too.
    out : Path, optional
        ``report.html`` in the first run's folder by default.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        For a folder that holds no run.
    WorkError
        When the page cannot be written.
    """
    if not folders:
        raise InputError("a report needs at least one run")
    runs = [Run(folder) for folder in folders]
    chapters: list[Chapter] = []
    for k, run in enumerate(runs):
        chapters += chapters_of(run, prefix=f"run{k + 1}-" if len(runs) > 1 else "")
    title = runs[0].study.title if len(runs) == 1 else " and ".join(r.study.title for r in runs)
    rows = [row for chapter in chapters for row in chapter.verdicts]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    text = environment.get_template("page.html").render(
        title=title,
        chapters=chapters,
        rows=rows,
        counts=Counter(row.verdict.word for row in rows),
        words=list(COLOURS),
        planes=[
            {"anchor": c.anchor, "title": c.title, **c.plane}
            for c in chapters
            if c.plane is not None
        ],
        clouds=[
            {"anchor": c.anchor, "title": c.title, **c.cloud}
            for c in chapters
            if c.cloud is not None
        ],
        csv={name: text for c in chapters for name, text in c.csv.items()},
        version=sgdphys.__version__,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        year=datetime.now(UTC).year,
    )
    path = out if out is not None else folders[0] / REPORT
    partial = path.with_name(f".partial-{path.name}")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise WorkError(f"{path} cannot be written ({error.strerror}); choose --out") from error
    return path
