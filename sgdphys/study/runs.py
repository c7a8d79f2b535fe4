"""The folder of a run: its study, its trajectory, its results, its figures."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.relate.verdicts import Verdict, as_dataset, read_verdicts
from sgdphys.study.analysing import RESULTS
from sgdphys.study.cases import file_name as file_name
from sgdphys.study.files import cases_of, read_keys
from sgdphys.study.keys import Figures, Study, study_from
from sgdphys.trajectory.reader import SEGMENTS, open_segment, open_trajectory, segment_paths

STUDY_FILE = "study.toml"
VERDICTS = "verdicts.json"
FIGURES = "figures"
CASES = "cases"
"""Folder of a sweep that holds a run for each case."""
PARTS = "parts"
"""Folder of a study of studies that holds a run for each."""


@dataclass(frozen=True)
class Run:
    """A run's folder: the study as it was carried out, and what came of it.

    Attributes
    ----------
    folder : Path
    """

    folder: Path

    @cached_property
    def study(self) -> Study:
        """The study, as resolved when the run began."""
        path = self.folder / STUDY_FILE
        if not path.is_file():
            raise InputError(f"{self.folder} is not the folder of a run: it has no {STUDY_FILE}")
        return study_from(read_keys(path), str(path))

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
        """
        with open_segment(segment_paths(self.folder / SEGMENTS)[-1]) as last:
            return last["weights"]["diverged_step"].to_numpy()

    @property
    def cases(self) -> "dict[str, Run]":
        """Runs of a sweep's cases by name; empty where there is no sweep."""
        if not self.study.sweep.keys:
            return {}
        return {n: Run(self.folder / CASES / file_name(n)) for n in cases_of(self.study)}

    @property
    def parts(self) -> "dict[str, Run]":
        """Runs of the studies that this one consists of, by name."""
        return {name: Run(self.folder / PARTS / name) for name in self.study.parts}

    @property
    def repeats(self) -> dict[str, str]:
        """Parts that carry out the study of an earlier part again, and that part's name."""
        first: dict[str, str] = {}
        of = {name: first.setdefault(part.study, name) for name, part in self.study.parts.items()}
        return {name: earlier for name, earlier in of.items() if name != earlier}

    @property
    def results(self) -> xr.DataTree:
        """What the analyses found: one group an analysis, opened lazily.

        Raises
        ------
        InputError
            When nothing was analysed.
        """
        if not (self.folder / RESULTS).is_file():
            raise InputError(f"{self.folder} has no {RESULTS}: its study names no [analyses]")
        return open_trajectory(self.folder / RESULTS)

    @property
    def verdicts(self) -> list[Verdict]:
        """Verdicts on the study's claims; of a study of studies those of its parts as well."""
        path = self.folder / VERDICTS
        found = read_verdicts(path) if path.is_file() else []
        for name, part in self.parts.items():
            if not (part.folder / STUDY_FILE).is_file():  # it has not begun
                continue
            found += [v._replace(claim=f"{name}/{v.claim}") for v in part.verdicts]
        return found

    def figures(
        self, names: Iterable[str] | None = None, formats: Iterable[str] | None = None
    ) -> list[Path]:
        """Draw figures into the run's folder and return their paths.

        Parameters
        ----------
        names : iterable of str, optional
            Names of ``figures.CATALOGUE``; all that apply by default.
        formats : iterable of str, optional
            png, svg, pdf; by default those of the study, or png and svg where it has none.
        """
        from sgdphys import figures

        formats = tuple(formats or self.study.figures.formats or Figures().formats)
        with self.sources() as sources:
            return figures.draw(sources, self.folder / FIGURES, names=names, formats=formats)

    @contextmanager
    def sources(self) -> Iterator[dict[str, xr.Dataset]]:
        """What figures are drawn from, while it is open: groups by name, and the verdicts."""
        from sgdphys import figures

        with ExitStack() as stack:
            sources: dict[str, xr.Dataset] = {}
            if not self.study.sweep.keys and not self.study.parts:
                kinds = {kind for entry in figures.CATALOGUE.values() for kind in entry.needs}
                trajectory = stack.enter_context(open_trajectory(self.folder, kinds))
                sources = {n: node.to_dataset() for n, node in trajectory.children.items()}
            if (self.folder / RESULTS).is_file():
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
        files = (path.stat() for path in self.folder.rglob("*") if path.is_file())
        return sum({(s.st_dev, s.st_ino): s.st_size for s in files}.values())
