"""Figures of a run drawn by the workers of a Dask scheduler, each by one of them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from sgdphys.analyses.drawing import names_drawn
from sgdphys.cluster.cluster import Cluster
from sgdphys.cluster.connection import connected, seen_by_all
from sgdphys.errors import WorkError
from sgdphys.study.runs import FIGURES, Run


def write_figures(
    run: Run,
    names: Iterable[str] | None,
    formats: Iterable[str] | None,
    scheduler: str,
    options: Mapping[str, Any],
) -> list[Path]:
    """Draw figures into files; see ``Run.write_figures``."""
    with run.sources() as sources:
        wanted = names_drawn(sources, None if names is None else list(names))
    formats = None if formats is None else tuple(formats)
    folder = Path(options["folder"] or run.folder / FIGURES)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkError(f"{folder} cannot be made ({error.strerror})") from error
    absolute = {**options, "folder": folder.absolute()}
    with (
        connected(scheduler) as client,
        seen_by_all(client, folder) as token,
        Cluster(client, lambda sentence: None, token=token) as cluster,
    ):
        drawn = [
            cluster.submit(
                write_one, run.folder.absolute(), name, formats, absolute, name=f"drawing {name}"
            )
            for name in wanted
        ]
        cluster.wait(*drawn)
    return [folder / path.relative_to(folder.absolute()) for one in drawn for path in one.result]


def write_one(
    folder: Path,
    name: str,
    formats: tuple[str, ...] | None,
    options: Mapping[str, Any],
    tell: Callable[[Any], None],
) -> list[Path]:
    """Draw one figure of the run in a folder."""
    return Run(folder).write_figures([name], formats, **options)
