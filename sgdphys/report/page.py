"""The page itself: chapters poured into a template, everything inline."""

import base64
import zlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jinja2

import sgdphys
from sgdphys.errors import InputError, WorkError
from sgdphys.figures.plots.verdicts import COLOURS
from sgdphys.report.abstract import abstract_of
from sgdphys.report.contents import Chapter, chapters_of
from sgdphys.report.side_by_side import in_common, on_the_same_axes
from sgdphys.study.runs import Run
from sgdphys.trajectory.writer import write_text

_TEMPLATES = Path(__file__).parent / "template"
REPORT = "report.html"


def write_report(folders: list[Path], out: Path | None = None, *, draws_pdf: bool = False) -> Path:
    """Write one self-contained HTML page of a run, or of several side by side.

    Parameters
    ----------
    folders : list of Path
        Folders of runs; unfinished ones too.
    out : Path, optional
        ``report.html`` in the first run's folder by default.
    draws_pdf : bool
        Whether the figures of a single run are drawn as PDF too, where its folder has none; this
        takes as long as drawing them. Those in the folder can always be saved from the page.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        For a folder that holds no run, or PDF of several runs or of a study of studies.
    WorkError
        When the page cannot be written.
    """
    if not folders:
        raise InputError("a report needs at least one run")
    runs = [Run(folder) for folder in folders]
    if draws_pdf and (len(runs) > 1 or runs[0].parts):
        raise InputError(
            "figures are drawn as PDF for the page of a single run; leave out --pdf, or draw "
            "them before: sgdphys figures RUN --format pdf"
        )
    chapters: list[Chapter] = []
    with TemporaryDirectory() as drawn:
        alike = on_the_same_axes(runs, Path(drawn))
        for k, (run, instead) in enumerate(zip(runs, alike, strict=True)):
            prefix = f"run{k + 1}-" if len(runs) > 1 else ""
            chapters += chapters_of(run, prefix, instead, draws_pdf=draws_pdf)
    as_pdf = {p.anchor: p.pdf for c in chapters for p in c.pictures if p.pdf}
    side_by_side = in_common(chapters, list(alike[0]))
    title = " and ".join(dict.fromkeys(run.study.title for run in runs))
    is_suite = len(chapters) > len(runs)
    alike_titles = Counter(chapter.title for chapter in chapters)
    for chapter in chapters:
        if alike_titles[chapter.title] > 1:
            of = Path(chapter.folder).name.replace("_", " ") if is_suite else chapter.folder
            chapter.title += f" ({of})"
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
        side_by_side=side_by_side,
        planes=_numbered({c.anchor: c.plane for c in chapters}),
        clouds=_numbered({c.anchor: c.cloud for c in chapters}),
        scans=_numbered({c.anchor: c.scan for c in chapters}),
        abstract=abstract_of(chapters, rows),
        pdf=as_pdf,
        titles={c.anchor: c.title for c in chapters},
        is_suite=is_suite,
        csv={name: _deflated(text) for c in chapters for name, text in c.csv.items() if text},
        version=sgdphys.__version__,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        year=datetime.now(UTC).year,
    )
    path = out if out is not None else folders[0] / REPORT
    text = text.encode(errors="replace").decode()  # names of files may be no Unicode
    try:
        write_text(text, path)
    except OSError as error:
        raise WorkError(f"{path} cannot be written ({error.strerror}); choose --out") from error
    return path


def _numbered(of: dict[str, dict[str, Any] | None]) -> list[dict[str, Any]]:
    """Animations, each with its chapter's anchor and its number on the page."""
    there = {anchor: one for anchor, one in of.items() if one is not None}
    return [{"index": k, "anchor": a, **one} for k, (a, one) in enumerate(there.items())]


def _deflated(text: str) -> str:
    """Text as base64 of a zlib stream, which browsers inflate."""
    return base64.b64encode(zlib.compress(text.encode())).decode()
