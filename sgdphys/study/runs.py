"""The folder of a run: its study, its trajectory, its results, its figures."""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sgdphys.claims.verdicts import Verdicts, adjusted, as_dataset, read_verdicts
from sgdphys.errors import InputError, WorkError
from sgdphys.study.analysing import QUICK, RESULTS, are_whole
from sgdphys.study.cases import file_name
from sgdphys.study.files import cases_of, require_folder_name
from sgdphys.study.settings import Figures, Study
from sgdphys.study.study_file import STUDY_FILE, read_study
from sgdphys.trajectory.reader import check_arrays, open_segment, open_trajectory
from sgdphys.trajectory.segments import SEGMENTS, segment_paths

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VERDICTS = "verdicts.json"
FIGURES = "figures"
CASES = "cases"
"""Folder of a sweep that holds a run for each case."""
PARTS = "parts"
"""Folder of a study of studies that holds a run for each."""
DRAWN = ".drawn"
"""Contents and digests of a run's figures."""


@dataclass(frozen=True, init=False)
class Run:
    """A run's folder: the study as it was carried out, and what came of it.

    Parameters
    ----------
    folder : path
    study : Study, optional
        As it is being carried out; by default it is read from the folder when it is asked for.
    """

    folder: Path

    def __init__(self, folder: str | Path, study: Study | None = None) -> None:
        object.__setattr__(self, "folder", Path(folder))
        if study is not None:
            self.__dict__["study"] = study

    @cached_property
    def study(self) -> Study:
        """The study, as resolved when the run began.

        Raises
        ------
        InputError
            When the folder holds no run.
        WorkError
            When the study is damaged.
        """
        return read_study(self.folder)

    @property
    def trajectory(self) -> xr.DataTree:
        """The recorded trajectory, opened lazily.

        Raises
        ------
        InputError
            For a sweep or a study of studies, whose cases or parts have one each.
        """
        for word, inside in (("cases", self.cases), ("parts", self.parts)):
            if inside:
                raise InputError(
                    f"{self.folder} has {word}: {', '.join(inside)} have a trajectory each, under "
                    f".{word}"
                )
        return open_trajectory(self.folder)

    @property
    def diverged_steps(self) -> np.ndarray:
        """Update at which each replica diverged, -1 where it did not, (replica,).

        As far as the recording goes: its last segment knows most.

        Raises
        ------
        InputError
            When nothing is recorded.
        """
        paths = segment_paths(self.folder / SEGMENTS)
        if not paths:
            raise InputError(f"{self.folder} has no recording yet")
        with open_segment(paths[-1]) as last:
            return last["weights"]["diverged_step"].to_numpy()

    @property
    def has_diverged(self) -> bool:
        """Whether every network has diverged, in every case of a sweep."""
        runs = self.cases.values() or (self,)
        return all(bool((run.diverged_steps >= 0).all()) for run in runs)

    @property
    def cases(self) -> "dict[str, Run]":
        """Runs of a sweep's cases by name; empty without a sweep."""
        if not self.study.sweep.keys:
            return {}
        return {n: Run(self.folder / CASES / file_name(n)) for n in cases_of(self.study)}

    @property
    def parts(self) -> "dict[str, Run]":
        """Runs of the studies that this one consists of, by name."""
        for name in self.study.parts:
            require_folder_name(name)
        return {name: Run(self.folder / PARTS / name) for name in self.study.parts}

    @property
    def repeats(self) -> dict[str, str]:
        """Parts that carry out the study of an earlier part again, and that part's name."""
        first: dict[str, str] = {}
        of = {name: first.setdefault(part.study, name) for name, part in self.study.parts.items()}
        return {name: earlier for name, earlier in of.items() if name != earlier}

    @property
    def results(self) -> xr.DataTree:
        """Results of the analyses: one group per analysis, opened lazily.

        Where networks are twins a coordinate ``family`` along ``replica`` says whose.

        Raises
        ------
        InputError
            When nothing was analysed.
        WorkError
            When the results are damaged.
        """
        path = self.folder / RESULTS
        if not self.is_analysed:
            why = "nothing was analysed" if self.study.analyses else "its study names no [analyses]"
            raise InputError(f"{self.folder} has no {RESULTS}: {why}")
        with _damage_told(path):
            found = open_trajectory(path)
        twins = max([self.study.train.twins, *self.study.sweep.keys.get("train.twins", ())])
        for node in found.children.values() if twins > 1 else ():
            data = node.to_dataset()
            if "replica" in data.dims and "family" not in {*data.dims, *data.coords}:
                family = data["replica"].to_numpy() // twins  # some groups have few of the networks
                said = {"units": "1", "long_name": "family of twins"}
                node.dataset = data.assign_coords(family=("replica", family, said))
        return found

    @property
    def is_analysed(self) -> bool:
        """Whether there are results."""
        return (self.folder / RESULTS).is_file()

    @property
    def is_analysed_as_asked(self) -> bool:
        """Whether there are results of the study's present analyses.

        Raises
        ------
        WorkError
            When the results are damaged.
        """
        with _damage_told(self.folder / RESULTS):
            return are_whole(self.folder, self.study)

    def faults(self) -> list[str]:
        """What is damaged of the study, the results and the verdicts, of cases and parts too.

        In words; the recording is checked by ``sgdphys.check``.
        """
        try:
            inside = [*self.cases.values(), *self.parts.values()]
        except (InputError, WorkError) as error:  # the study cannot be read
            return [str(error)]
        found = []
        for name, read in ((RESULTS, check_arrays), (VERDICTS, read_verdicts)):
            path = self.folder / name
            try:
                if path.is_file():
                    read(path)
            except (InputError, WorkError):
                found.append(f"{path} is damaged; give the command that began the run again")
        begun = [one for one in inside if (one.folder / STUDY_FILE).is_file()]
        return found + [fault for one in begun for fault in one.faults()]

    @property
    def mark(self) -> str:
        """What every output of a quick run says, empty for other runs."""
        return f"quick run: {QUICK}" if self.study.quick else ""

    @property
    def verdicts(self) -> Verdicts:
        """Verdicts on the study's claims; of a study of studies those of its parts as well."""
        path = self.folder / VERDICTS
        found = read_verdicts(path) if path.is_file() else []
        for name, part in self.parts.items():
            if not (part.folder / STUDY_FILE).is_file():  # it has not begun
                continue
            own = [v._replace(claim=f"{name}/{v.claim}") for v in part.verdicts]
            if self.study.parts[name].fresh:
                own = [v._replace(written="before") for v in own]
            found += own
        return Verdicts(adjusted(found) if self.parts else found)

    def _repr_html_(self) -> str:
        """For a notebook: the closing tables."""
        from sgdphys.study.summary import as_html

        return as_html(self)

    def figures(
        self,
        names: Iterable[str] | None = None,
        *,
        style: str | None = None,
        size: tuple[float, float] | None = None,
    ) -> "dict[str, Figure]":
        """Draw figures and return them, to be shown, changed or saved; no file is written.

        Parameters
        ----------
        names : iterable of str, optional
            Names of ``analyses.catalogue.figures``; all that apply by default.
        style : str, optional
            "prl", "prl-two" or "slides", as in ``sgdphys.figures.use``.
        size : (float, float), optional
            Width and height in inches, in that style.

        Returns
        -------
        dict of str to Figure
            In that style or the house style, whatever the user's own; ``sgdphys.figures`` draws the
            same results in yours.

        Raises
        ------
        InputError
            For a name that is not in the catalogue, one whose data the run does not have, or an
            unknown style.

        See Also
        --------
        write_figures : The same figures as files.
        """
        from sgdphys.analyses.drawing import drawn

        with self.sources() as sources:
            return drawn(sources, names=names, mark=self.mark, style=style, size=size)

    def write_figures(
        self,
        names: Iterable[str] | None = None,
        formats: Iterable[str] | None = None,
        folder: str | Path | None = None,
        *,
        style: str | None = None,
        size: tuple[float, float] | None = None,
        data: bool | None = None,
        scheduler: str | None = None,
    ) -> list[Path]:
        """Draw figures into files and return their paths.

        Parameters
        ----------
        names : iterable of str, optional
            Names of ``analyses.catalogue.figures``; all that apply by default.
        formats : iterable of str, optional
            png, svg, pdf; by default those of the study, or png and svg where it has none.
        folder : path, optional
            Where to write them; the run's folder of figures by default.
        style : str, optional
            "prl", "prl-two" or "slides", as in ``sgdphys.figures.use``; the figures are then in a
            folder of that name.
        size : (float, float), optional
            Width and height in inches, in that style.
        data : bool, optional
            Whether the numbers that a figure shows are written beside it, as CSV and netCDF, with
            its caption and the command that draws it; by default as the study's ``figures.data``
            says.
        scheduler : str, optional
            Address of a Dask scheduler, as "tcp://HOST:8786", whose workers draw a figure each.

        Returns
        -------
        list of Path
            Of figures and of their data.

        Raises
        ------
        InputError
            For a name that is not in the catalogue, or one whose data the run does not have.
        WorkError
            When the folder cannot be written; for a scheduler, as ``sgdphys.run``.
        """
        if scheduler is not None:
            from sgdphys.study.figures_on_cluster import write_figures

            options = {"folder": folder, "style": style, "size": size, "data": data}
            return write_figures(self, names, formats, scheduler, options)
        from sgdphys.analyses.drawing import draw

        formats = tuple(formats or self.study.figures.formats or Figures().formats)
        has_data = self.study.figures.data if data is None else data
        with self.sources() as sources:
            return draw(
                sources, Path(folder or self.folder / FIGURES), names=names, formats=formats,
                mark=self.mark, style=style, size=size,
                run=self.folder.resolve().name, has_data=has_data,
            )  # fmt: skip

    @contextmanager
    def sources(self) -> Iterator[dict[str, xr.Dataset]]:
        """Sources of figures, open within the context: groups by name, and the verdicts."""
        from sgdphys.analyses.catalogue import figures

        with ExitStack() as stack:
            sources: dict[str, xr.Dataset] = {}
            if not self.study.sweep.keys and not self.study.parts:
                kinds = {kind for entry in figures().values() for kind in entry.needs}
                trajectory = stack.enter_context(open_trajectory(self.folder, kinds))
                sources = {n: node.to_dataset() for n, node in trajectory.children.items()}
            if self.is_analysed:
                results = stack.enter_context(self.results)
                sources |= {name: node.to_dataset() for name, node in results.children.items()}
            again = tuple(f"{name}/" for name in self.repeats)
            verdicts = [v for v in self.verdicts if not v.claim.startswith(again)]
            if verdicts:
                sources["verdicts"] = as_dataset(verdicts)
            yield sources

    @property
    def bytes(self) -> int:
        """Size of everything in the folder; what several names share counts once."""
        return bytes_of_files(files_below(self.folder))


def files_below(folder: Path) -> list[os.stat_result]:
    """Sizes and dates of the files in a folder; a run that goes on may remove some meanwhile."""
    found = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file():
                found.append(path.stat())
    return found


def bytes_of_files(files: Iterable[os.stat_result]) -> int:
    """Size of files; one that has several names counts once."""
    return sum({(s.st_dev, s.st_ino): s.st_size for s in files}.values())


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Say of results that cannot be read how to have them again."""
    try:
        yield
    except (InputError, WorkError) as error:
        raise WorkError(
            f"{path} is damaged; give the command that began the run again to analyse it again"
        ) from error
