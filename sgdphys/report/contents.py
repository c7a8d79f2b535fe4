"""Contents of a page: for every run its verdicts, figures with captions, tables and text."""

import base64
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.analyses.catalogue import figures
from sgdphys.analyses.drawing import draw
from sgdphys.claims.verdicts import Verdict
from sgdphys.errors import InputError
from sgdphys.figures.plots.verdicts import from_threshold
from sgdphys.report.captions import (
    Groups,
    figure_of,
    group_name,
    how_made,
    setting,
    shape_of,
    title_of,
    what_to_see,
)
from sgdphys.report.playing import cloud_of, plane_of
from sgdphys.report.scans import scan_of
from sgdphys.report.tables import csv_of
from sgdphys.study import summary
from sgdphys.study.analysing import RESULTS
from sgdphys.study.files import resolved_text
from sgdphys.study.layer_tables import layer_tables
from sgdphys.study.main_result import main_result
from sgdphys.study.runs import FIGURES, Run
from sgdphys.study.settings import Study
from sgdphys.study.study_file import STUDY_FILE
from sgdphys.trajectory.reader import attributes_of, open_trajectory
from sgdphys.trajectory.segments import SEGMENTS, segment_paths

_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
_RECORDED = ("training", "gradients")
"""Groups of a recording that a page shows."""
_FEW = 1
"""Pictures of a part of a study of studies that no claim rests on."""


@dataclass(frozen=True)
class Picture:
    """A figure of a run and its caption."""

    name: str
    anchor: str
    title: str
    uri: str
    width: int
    """Largest width on the page, pixels; 0 where it does not matter."""
    made: str
    seen: str
    command: str
    table: str
    """Name of the CSV of its data, or empty."""
    kind: str
    """Of the picture on the page: svg or png."""
    pdf: str = ""
    """The same as PDF, in base64, or empty."""


@dataclass(frozen=True)
class Row:
    """A verdict as a row: the numbers, the picture it rests on, and its interval as a line."""

    verdict: Verdict
    chapter: str
    picture: str
    ends: tuple[float, float, float] | None
    """Low end, value and high end from the threshold, the claim's side above 0, within -1 to 1."""


@dataclass
class Chapter:
    """One run on the page."""

    anchor: str
    title: str
    folder: str
    text: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    asked: str = ""
    """What the study does, in a sentence."""
    result: str = ""
    """Its main result in a sentence, or empty."""
    mark: str = ""
    missing: list[str] = field(default_factory=list)
    verdicts: list[Row] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    tables: list[tuple[str, list[tuple[str, ...]]]] = field(default_factory=list)
    csv: dict[str, str] = field(default_factory=dict)
    plane: dict[str, Any] | None = None
    cloud: dict[str, Any] | None = None
    scan: dict[str, Any] | None = None


def chapters_of(
    run: Run,
    prefix: str = "",
    instead: Mapping[str, Path] | None = None,
    *,
    draws_pdf: bool = False,
) -> list[Chapter]:
    """The chapters of a run: one, or one for each of its parts.

    Parameters
    ----------
    run : Run
    prefix : str
        Of the names of anchors, where several runs share a page.
    instead : mapping of str to Path, optional
        Figures to be shown in place of those in the run's folder.
    draws_pdf : bool
        Whether figures are drawn as PDF where the run's folder has none.

    Raises
    ------
    InputError
        For a folder that holds no run.
    """
    parts = run.parts
    if not parts:
        name = run.folder.resolve().name
        return [
            _chapter(
                run,
                _anchor(f"{prefix}{name}"),
                run.verdicts,
                whole=True,
                instead=instead or {},
                draws_pdf=draws_pdf,
            )
        ]
    found = []
    judged = run.verdicts  # p-values are adjusted over all parts together
    for name, part in parts.items():
        if (part.folder / STUDY_FILE).is_file():
            inside = f"{name}/"
            own = [v._replace(claim=v.claim.removeprefix(inside)) for v in judged
                   if v.claim.startswith(inside)]  # fmt: skip
            found.append(
                _chapter(part, _anchor(f"{prefix}{name}"), own, whole=False, instead={},
                         draws_pdf=False)
            )  # fmt: skip
            continue
        found.append(
            Chapter(
                _anchor(f"{prefix}{name}"),
                title_of(name),
                str(part.folder),
                "",
                missing=[f"This part has not begun; {_resume(run)}"],
            )
        )
    return found


def _anchor(name: str) -> str:
    """A name as an id of the page: without blanks, and none that the page has for itself."""
    slug = re.sub(r"[^\w.=,+-]+", "_", name)
    is_taken = slug in ("data", "said", "theme", "content") or slug.endswith("-heading")
    return f"run-{slug}" if is_taken else slug


def _chapter(
    run: Run,
    anchor: str,
    verdicts: Sequence[Verdict],
    *,
    whole: bool,
    instead: Mapping[str, Path],
    draws_pdf: bool,
) -> Chapter:
    study = run.study
    chapter = Chapter(anchor, study.title, str(run.folder), resolved_text(study))
    chapter.mark = run.mark
    chapter.missing = list(missing_from(run))
    chapter.asked = _asked(run)
    chapter.result = main_result(run)
    chapter.facts = list(_facts(run))
    with ExitStack() as stack:
        groups: dict[str, xr.Dataset] = {}
        if (run.folder / RESULTS).is_file():
            results = stack.enter_context(run.results)
            found = {str(n): node.to_dataset() for n, node in results.children.items()}
            found = {n: g for n, g in found.items() if g.variables}  # those that have data
            # sweeps are large and are read one variable at a time
            groups = {n: g if "case" in g.dims else g.load() for n, g in found.items()}
        has_one_recording = not study.sweep.keys and segment_paths(run.folder / SEGMENTS)
        if has_one_recording:
            trajectory = stack.enter_context(open_trajectory(run.folder, _RECORDED))
            for name, node in trajectory.children.items():
                data = node.to_dataset().drop_dims("parameter", errors="ignore")
                groups[str(name)] = data.load()
        place = Path(stack.enter_context(TemporaryDirectory()))
        paths = {**_drawn(run, groups, place), **instead}
        # on common axes figures differ from those in the folders
        is_to_draw = draws_pdf and bool(groups)
        as_pdf = {} if instead else _pdfs(run, list(paths), place / "pdf", is_to_draw=is_to_draw)
        drawn = _in_order(paths, groups)
        _fill(chapter, run, verdicts, groups, drawn, as_pdf, whole=whole)
        if whole and not chapter.missing:
            training = (
                summary.ensemble_table(groups["training"])
                if has_one_recording
                else summary.training_table(run)
            )
            chapter.tables = [*layer_tables(groups), training]
    return chapter


def _fill(
    chapter: Chapter,
    run: Run,
    verdicts: Sequence[Verdict],
    groups: Groups,
    paths: dict[str, Path],
    as_pdf: Mapping[str, Path],
    *,
    whole: bool,
) -> None:
    names = list(paths)
    shown: dict[str, list[Verdict]] = {}
    for v in verdicts:
        analysis = run.study.claims[v.claim].where.get("analysis", "")
        picture = figure_of(v.statistic, analysis, names, run.study.claims[v.claim].where)
        if picture:
            shown.setdefault(picture, []).append(v)
        chapter.verdicts.append(
            Row(v, chapter.anchor, f"{chapter.anchor}-{picture}" if picture else "", _ends(v))
        )
    if not whole:  # a page of many studies shows the figures of its claims, and a few more
        rest = [n for n in names if n not in shown and n != "verdicts" and "-" not in n]
        names = [n for n in names if n in shown or (not shown and n in rest[:_FEW])]
    for name in names:
        if name == "verdicts":  # the table says the same
            continue
        table = group_name(name, groups)
        chapter.pictures.append(
            Picture(
                name=name,
                anchor=f"{chapter.anchor}-{name}",
                title=title_of(name),
                uri=_uri(paths[name]),
                width=_width(paths[name]),
                made=how_made(name, run.study, groups),
                seen=what_to_see(name, groups, shown.get(name, [])),
                command=shlex.join(
                    ["sgdphys", "figures", str(run.folder), "--only", name.partition("-")[0]]
                ),
                table=f"{chapter.anchor}/{table}" if table else "",
                kind=paths[name].suffix[1:],
                pdf=_base64(as_pdf[name]) if name in as_pdf else "",
            )
        )
    wanted = {p.table.rpartition("/")[2] for p in chapter.pictures} - {""}
    chapter.csv = {f"{chapter.anchor}/{n}": csv_of(groups[n]) for n in sorted(wanted)}
    of = {str(g.attrs.get("of")): g for g in reversed(list(groups.values()))}
    if "information" in of:
        chapter.plane = plane_of(of["information"], of.get("bottleneck"))
    if "components" in of and bool(of["components"]["score"].notnull().any()):
        chapter.cloud = cloud_of(of["components"])
    if "capacity" in of:
        chapter.scan = scan_of(of["capacity"])


def _ends(v: Verdict) -> tuple[float, float, float] | None:
    if not np.isfinite([v.low, v.value, v.high]).all():
        return None
    low, value, high = from_threshold(v.above, v.below, v.low, v.value, v.high)
    farthest = max(abs(low), abs(value), abs(high)) or 1.0
    return low / farthest, value / farthest, high / farthest


def _drawn(run: Run, groups: Groups, place: Path) -> dict[str, Path]:
    """Figures of a run by name; drawn into another place where the run has none.

    A report only reads a run: it may lie where nothing can be written, or be going on.
    """
    found = _figures_in(run.folder / FIGURES)
    if found or not groups:
        return found
    with run.sources() as sources:
        draw(sources, place, formats=("svg",), mark=run.mark)
    return _figures_in(place)


def _pdfs(run: Run, names: list[str], place: Path, *, is_to_draw: bool) -> dict[str, Path]:
    """The figures of a run as PDF: those in its folder, the others drawn if that is wanted."""
    there = {p.stem: p for p in (run.folder / FIGURES).glob("*.pdf")}
    if not is_to_draw or all(name in there for name in names):
        return there
    with run.sources() as sources:
        drawn = draw(sources, place, formats=("pdf",), mark=run.mark)
    return {p.stem: p for p in drawn} | there


def _figures_in(folder: Path) -> dict[str, Path]:
    paths = {p.stem: p for kind in ("*.png", "*.svg") for p in folder.glob(kind)}
    return {n: p for n, p in paths.items() if n.partition("-")[0] in figures()}


def _in_order(paths: dict[str, Path], groups: Groups) -> dict[str, Path]:
    """Figures of the recording, then those of the analyses in the order of the study.

    Those of several cases in the order of the numbers in their names.
    """
    known = figures()
    order, kinds = list(known), [g.attrs["of"] for g in groups.values() if "of" in g.attrs]

    def place(name: str) -> tuple[int, int, list[tuple[float, str]]]:
        base = name.partition("-")[0]
        kind = known[base].needs[0]
        return kinds.index(kind) if kind in kinds else -1, order.index(base), by_numbers(name)

    return {name: paths[name] for name in sorted(paths, key=place)}


def by_numbers(name: str) -> list[tuple[float, str]]:
    """A key by which a=64 comes before a=1024: its texts and numbers in turn."""
    parts = re.split(r"((?:(?<=[=,-])-)?\d+(?:\.\d+)?(?:e[+-]?\d+)?)", name)
    return [(float(p), "") if k % 2 else (-np.inf, p) for k, p in enumerate(parts)]


def _uri(path: Path) -> str:
    return f"data:{_TYPES[path.suffix]};base64,{_base64(path)}"


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _width(path: Path) -> int:
    """So that letters of all figures are about as large: 128 pixels an inch."""
    if path.suffix != ".svg":
        return 0
    found = re.search(r'width="([\d.]+)pt"', path.read_text(encoding="utf-8")[:2000])
    return round(float(found.group(1)) / 72 * 128) if found else 0


def _asked(run: Run) -> str:
    """What a study does: how many networks, how long, on what, and what is varied."""
    study = run.study
    swept = [key.rpartition(".")[2].replace("_", " ") for key in study.sweep.keys]
    epochs = setting(study, "train.epochs", f"for {study.train.epochs} epochs")
    task = setting(study, "task.name", f"on the task {study.task.name.replace('_', ' ')}")
    said = f"{_networks(study)} ({shape_of(study)}) are trained {epochs} {task}"
    if swept:
        cases = len(run.cases)
        said += f", in each of {cases} cases, which differ in {' and '.join(swept)}"
    if not study.analyses:
        return f"{said}."
    return f"{said}; analysed: {', '.join(name.replace('_', ' ') for name in study.analyses)}."


def _networks(study: Study) -> str:
    """How many networks a study has, unless that differs between its cases."""
    return (
        "networks" if "train.replicas" in study.sweep.keys else f"{study.train.replicas} networks"
    )


def _resume(run: Run) -> str:
    if run.study.parts:
        return "give the command that began the run again to carry on"
    command = ["sgdphys", "run", str(run.folder / STUDY_FILE), "--out", str(run.folder)]
    return f"carry on with: {shlex.join(command)}"


def missing_from(run: Run) -> Iterator[str]:
    """Missing stages of an unfinished run, and how to resume it, as sentences."""
    study = run.study
    runs = run.cases or {"": run}
    for name, case in runs.items():
        of = f" of case {name}" if name else ""
        done, epochs = summary.recorded_epochs(case.folder), _epochs(case)
        if epochs is None:
            yield f"Case {name} has not begun; {_resume(run)}"
            return
        if done < epochs:
            yield f"The recording{of} ends at epoch {done} of {epochs}; {_resume(run)}"
            return
    if study.analyses and not run.is_analysed:
        if run.has_diverged:
            yield "Every network diverged, so nothing was analysed"
            return
        yield f"Nothing has been analysed yet; {_resume(run)}"
    elif study.analyses and not run.is_analysed_as_asked:
        yield f"The results are those of other analyses; {_resume(run)}"


def _epochs(case: Run) -> int | None:
    """Epochs of a run or case; None of a case that has not begun."""
    try:
        return case.study.train.epochs
    except InputError:
        return None


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    """Where a run comes from, and how large it is."""
    study = run.study
    yield "folder", str(run.folder)
    yield "seed", setting(study, "train.seed", str(study.train.seed))
    epochs = setting(study, "train.epochs", f"{study.train.epochs} epochs")
    yield "networks", f"{_networks(study)}, {epochs}"
    yield "size", f"{run.bytes / 1e6:.0f} MB"
    attributes = _attributes(run)
    libraries = attributes.get("libraries", {})
    if isinstance(libraries, str):  # files of schema 1 hold a table
        libraries = json.loads(libraries)
    for key, label in (
        ("created", "recorded"), ("sgdphys_version", "sgdphys"), ("engine", "engine"),
        ("threads", "threads"), ("cpu", "processor"),
    ):  # fmt: skip
        if key in attributes:
            yield label, str(attributes[key])
    if libraries:
        yield "libraries", ", ".join(f"{n} {v}" for n, v in libraries.items())


def _attributes(run: Run) -> dict[str, Any]:
    first = next(iter(run.cases.values()), run)
    paths = segment_paths(first.folder / SEGMENTS)
    return attributes_of(paths[0]) if paths else {}
