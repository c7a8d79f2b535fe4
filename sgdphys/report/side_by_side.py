"""Several runs on one page: the figures that they have in common, on the same axes."""

from contextlib import ExitStack
from pathlib import Path

from sgdphys.analyses.drawing import draw_alike
from sgdphys.report.contents import Chapter, Picture
from sgdphys.study.runs import Run
from sgdphys.trajectory.segments import SEGMENTS, segment_paths


def on_the_same_axes(runs: list[Run], folder: Path) -> list[dict[str, Path]]:
    """Draw the figures that all runs have, panel by panel on the same axes.

    Parameters
    ----------
    runs : list of Run
    folder : Path
        Where they are written.

    Returns
    -------
    list of dict of str to Path
        Of each run, by name; empty where there is but one run, or one has not begun or has parts.
    """
    begun = [bool(r.study.sweep.keys or segment_paths(r.folder / SEGMENTS)) for r in runs]
    if len(runs) < 2 or not all(begun):
        return [{} for _ in runs]
    places = [folder / str(k) for k in range(len(runs))]
    for place in places:
        place.mkdir()
    with ExitStack() as stack:
        sources = [stack.enter_context(r.sources()) for r in runs]
        common = draw_alike(sources, places, [r.mark for r in runs])
    return [{name: place / f"{name}.svg" for name in common} for place in places]


def in_common(chapters: list[Chapter], names: list[str]) -> list[list[Picture]]:
    """Take pictures of the same name from all chapters, to stand side by side."""
    found = []
    for name in names:
        beside = [p for c in chapters for p in c.pictures if p.name == name]
        if len(beside) == len(chapters):
            found.append(beside)
            for chapter in chapters:
                chapter.pictures = [p for p in chapter.pictures if p.name != name]
    return found
