"""Figures of a run: which there are, and drawing them into a folder."""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sgdphys.analyses.catalogue import figures
from sgdphys.analyses.entry import Entry, Sources
from sgdphys.errors import InputError, WorkError, nearest
from sgdphys.figures.cases import case_labels
from sgdphys.figures.for_print import words_of
from sgdphys.figures.saving import save, save_data, settle
from sgdphys.figures.style import share_axes, sheet

MOST_CASES = 2
"""Of a sweep whose cases have figures of their own without being asked for."""

_LONGEST_NAME = 50
"""Letters of a case's name in that of a file, of up to 4 bytes each where 255 are allowed."""


def drawn(
    groups: Sources,
    *,
    names: Iterable[str] | None = None,
    mark: str = "",
    style: str | None = None,
    size: tuple[float, float] | None = None,
) -> dict[str, Figure]:
    """Draw figures of a run in the house style, on no screen and into no file.

    Parameters
    ----------
    groups : mapping of str to Dataset
        Groups of the trajectory and of the results. A second analysis of a kind is drawn too, its
        name added to that of the figure.
    names : iterable of str, optional
        All that there are data for by default.
    mark : str
        Written on every figure.
    style, size : optional
        As for ``figures.use``; the house style by default.

    Returns
    -------
    dict of str to Figure

    Raises
    ------
    InputError
        For a name that is not in the catalogue, or one whose data are missing.
    """
    figures = {}
    for stem, entry, sources in list(_plans(groups, names)):
        with sheet(style, size):
            figures[stem] = settle(_drawn(entry, sources, mark))
    return figures


def draw(
    groups: Sources,
    folder: Path,
    *,
    names: Iterable[str] | None = None,
    formats: Iterable[str] = ("png", "svg"),
    mark: str = "",
    style: str | None = None,
    size: tuple[float, float] | None = None,
    run: str = "RUN",
    has_data: bool = False,
) -> list[Path]:
    """Draw figures of a run into a folder.

    Parameters
    ----------
    groups : mapping of str to Dataset
        As for ``drawn``.
    folder : Path
        Made if it is missing.
    names : iterable of str, optional
        All that there are data for by default.
    formats : iterable of str
        png, svg or pdf.
    mark : str
        Written on every figure.
    style, size : optional
        As for ``figures.use``, and the figures are in a folder of the style's name; the house
        style by default.
    run : str
        Name of the run's folder, for the command that draws a figure again, which the file has.
    has_data : bool
        Whether the numbers that a figure shows are written beside it, as CSV and netCDF.

    Returns
    -------
    list of Path
        Of figures and their data.

    Raises
    ------
    InputError
        For a name that is not in the catalogue, or one whose data are missing.
    WorkError
        When the folder cannot be written, or has no room.
    """
    plans = list(_plans(groups, names))
    formats = tuple(formats)
    folder = folder / (style or "")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkError(f"{folder} cannot be made ({error.strerror})") from error
    paths: list[Path] = []
    for stem, entry, sources in plans:
        with sheet(style, size):
            try:
                figure = _drawn(entry, sources, mark)
            except InputError as error:
                raise InputError(f"figure {stem!r} is not drawn: {error}") from error
            about = {
                "caption": f"{entry.shows} {words_of(figure)}",
                "command": command_of(run, stem, style, size, formats),
            }
            place = folder / stem
            paths += save(figure, [place.with_name(f"{place.name}.{k}") for k in formats], about)
            if has_data:
                paths += save_data(figure, place, about)
    return paths


def names_drawn(groups: Sources, names: Iterable[str] | None = None) -> list[str]:
    """Names of the figures that ``draw`` would draw, in order; refuses what it refuses."""
    return list(dict.fromkeys(stem.partition("-")[0] for stem, *_ in _plans(groups, names)))


def command_of(
    run: str,
    stem: str,
    style: str | None = None,
    size: tuple[float, float] | None = None,
    formats: Sequence[str] = (),
) -> str:
    """The command that draws a figure of a run again, from the folder in which the run's is."""
    words = ["sgdphys", "figures", run, "--only", stem.partition("-")[0]]
    if style is not None:
        words += ["--style", style]
    if size is not None:
        words += ["--size", f"{size[0]:g}x{size[1]:g}"]
    if formats:
        words += ["--format", ",".join(formats)]
    return shlex.join(words)


def draw_alike(
    several: Sequence[Sources], folders: Sequence[Path], marks: Sequence[str]
) -> list[str]:
    """Draw the figures that several runs have in common, panel by panel on the same axes.

    Parameters
    ----------
    several : sequence of mappings of str to Dataset
        Of each run, as for ``draw``.
    folders : sequence of Path
        Where each run's are written, as SVG.
    marks : sequence of str
        Written on the figures of each run.

    Returns
    -------
    list of str
        Their names.
    """
    plans = [{stem: (e, s) for stem, e, s in _plans(groups, None)} for groups in several]
    common = [stem for stem in plans[0] if all(stem in others for others in plans)]
    for stem in common:
        with sheet():
            alike = [_drawn(*plan[stem], mark) for plan, mark in zip(plans, marks, strict=True)]
            share_axes(alike)
            for figure, folder in zip(alike, folders, strict=True):
                save(figure, [folder / f"{stem}.svg"])
    return common


def cases_shown(entry: Entry, data: xr.Dataset) -> str:
    """How many of a sweep's cases a figure shows, as words; none where it shows them all.

    Parameters
    ----------
    entry : Entry
    data : Dataset
        Of the kind that the figure needs first.
    """
    if "case" not in data.dims or entry.by_case:
        return ""
    kept = _without_empty(data)
    empty = len(set(_empty_cases(data)))
    total = kept.sizes["case"] + empty
    shown = len(entry.chosen(kept))
    if shown == total:
        return ""
    words = f"{shown} of {total} cases shown"
    return f"{words}; in {empty} every network diverged" if empty else words


def _drawn(entry: Entry, sources: dict[str, xr.Dataset], mark: str) -> Figure:
    """A figure of the cases that it has room for, which says how many they are."""
    kind = entry.needs[0]
    data = sources[kind]
    said = cases_shown(entry, data)
    if "case" in data.dims and not entry.by_case:
        named = data.assign_coords(case_label=("case", case_labels(data)))
        sources = {**sources, kind: named.isel(case=entry.chosen(data))}
    figure = entry.draw(sources)
    lines = [line for line in (figure.get_suptitle(), said, mark) if line]
    if said or mark:
        figure.suptitle("\n".join(lines), fontsize="small").set_label(mark)
    return figure


def _plans(
    groups: Sources, names: Iterable[str] | None
) -> Iterator[tuple[str, Entry, dict[str, xr.Dataset]]]:
    """Name of each figure, how it is drawn, and from what."""
    known = figures()
    wanted = list(names) if names is not None else list(known)
    for name in wanted:
        if name not in known:
            drawable = names_drawn(groups)
            raise InputError(f"there is no figure {name!r}; {nearest(name, drawable or known)}")
    for name in wanted:
        entry = known[name]
        there = _sources(groups, entry.needs)
        found = {
            suffix: sources
            for suffix, sources in there.items()
            if entry.applies(sources[entry.needs[0]])
        }
        if entry.by_case:
            if names is None and _most_cases(found, entry.needs[0]) > MOST_CASES:
                continue
            found = _each_case(found, entry.needs[0])
        if names is not None and not found:
            needs = " and ".join(entry.needs)
            raise InputError(
                f"figure {name!r} shows what this run does not hold: {entry.shows}"
                if there
                else f"figure {name!r} needs {needs}, which this run does not have"
            )
        for suffix, sources in found.items():
            yield (f"{name}-{suffix}" if suffix else name), entry, sources


def _sources(groups: Sources, needs: tuple[str, ...]) -> dict[str, dict[str, xr.Dataset]]:
    """Data of a figure for each analysis of its first kind, by the analysis' further name."""
    of_kind: dict[str, dict[str, xr.Dataset]] = {}
    for name, group in groups.items():
        if not group.variables:  # an analysis without data
            continue
        of_kind.setdefault(str(group.attrs.get("of", name)), {})[name] = _without_empty(group)
    if any(kind not in of_kind for kind in needs):
        return {}
    shared = {kind: next(iter(of_kind[kind].values())) for kind in of_kind}
    return {
        "" if name == needs[0] else name: {**shared, needs[0]: group}
        for name, group in of_kind[needs[0]].items()
    }


def _empty_cases(group: xr.Dataset) -> list[str]:
    """Cases without a result, since every network diverged."""
    return list(json.loads(group.attrs.get("empty_cases", "[]")))


def _without_empty(group: xr.Dataset) -> xr.Dataset:
    empty = _empty_cases(group)
    return group.isel(case=~np.isin(group["case"].to_numpy(), empty)) if empty else group


def _most_cases(found: Mapping[str, dict[str, xr.Dataset]], kind: str) -> int:
    return max((sources[kind].sizes.get("case", 1) for sources in found.values()), default=0)


def _each_case(
    found: Mapping[str, dict[str, xr.Dataset]], kind: str
) -> dict[str, dict[str, xr.Dataset]]:
    """Sources of each case of a sweep by itself, its name joined to that of the figure."""
    apart: dict[str, dict[str, xr.Dataset]] = {}
    for suffix, sources in found.items():
        data = sources[kind]
        if "case" not in data.dims:
            apart[suffix] = sources
            continue
        names = _file_names([str(case) for case in data["case"].to_numpy()])
        for k, (case, name) in enumerate(zip(data["case"].to_numpy(), names, strict=True)):
            one = data.isel(case=k, drop=True)
            one.attrs |= json.loads(data.attrs.get("by_case", "{}")).get(str(case), {})
            if "epoch" in one.dims:  # epochs that only other cases have are empty
                one = one.dropna("epoch", how="all")
            apart["-".join(filter(None, (suffix, name)))] = {**sources, kind: one}
    return apart


def _file_names(cases: Sequence[str]) -> list[str]:
    """Names of cases as parts of file names, which differ where the cases do."""
    found: list[str] = []
    for k, case in enumerate(cases):
        name = "".join(c if c.isalnum() or c in "=.-" else "_" for c in case)[:_LONGEST_NAME]
        found.append(name if name not in found else f"{name}_{k}")
    return found
