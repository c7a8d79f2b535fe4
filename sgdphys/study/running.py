"""Carrying out a study: its stages in order, each skipped when its output is there and whole."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import xarray as xr

from sgdphys import figures
from sgdphys.errors import InputError, WorkError
from sgdphys.study.analysing import RESULTS, analyse, are_whole, combine
from sgdphys.study.files import (
    cases_of,
    differences,
    load_study,
    read_keys,
    resolved_text,
    study_hash,
)
from sgdphys.study.keys import Study, study_from
from sgdphys.study.recording import Recording
from sgdphys.trajectory.reader import SEGMENTS, open_trajectory

STUDY_FILE = "study.toml"
FIGURES = "figures"
CASES = "cases"
"""Folder of a sweep that holds a run for each case."""
_LOCK = ".lock"


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
            For a sweep, whose cases have one each.
        """
        if self.study.sweep.keys:
            raise InputError(
                f"{self.folder} is a sweep: {', '.join(self.cases)} have a trajectory each, "
                "under .cases"
            )
        return open_trajectory(self.folder)

    @property
    def cases(self) -> "dict[str, Run]":
        """Runs of a sweep's cases by name; empty where there is no sweep."""
        if not self.study.sweep.keys:
            return {}
        return {n: Run(self.folder / CASES / _file_name(n)) for n in cases_of(self.study)}

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

    def figures(
        self, names: Iterable[str] | None = None, formats: Iterable[str] | None = None
    ) -> list[Path]:
        """Draw figures into the run's folder and return their paths.

        Parameters
        ----------
        names : iterable of str, optional
            Names of ``figures.CATALOGUE``; all that apply by default.
        formats : iterable of str, optional
            png, svg, pdf; those of the study by default.
        """
        formats = tuple(formats or self.study.figures.formats)
        with ExitStack() as stack:
            sources: dict[str, xr.Dataset] = {}
            if not self.study.sweep.keys:
                trajectory = stack.enter_context(self.trajectory)
                sources = {n: node.to_dataset() for n, node in trajectory.children.items()}
            if (self.folder / RESULTS).is_file():
                results = stack.enter_context(self.results)
                sources |= {name: node.to_dataset() for name, node in results.children.items()}
            return figures.draw(sources, self.folder / FIGURES, names=names, formats=formats)

    @property
    def bytes(self) -> int:
        """Size of everything in the folder."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def run(
    study: str | Path | Mapping[str, Any] | Study,
    out: str | Path | None = None,
    *,
    settings: Iterable[str] = (),
    quick: bool = False,
    fresh: bool = False,
    threads: int | None = None,
    tell: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Run:
    """Carry out a study and return its run; what is already there is not done again.

    Parameters
    ----------
    study : path, mapping or Study
        A TOML file, the name of a shipped study, or keys.
    out : path, optional
        The run's folder; ``runs/NAME`` by default.
    settings : iterable of str
        Overrides such as ``"train.replicas=5"``.
    quick : bool
        Few epochs and replicas, every stage and figure.
    fresh : bool
        Begin anew where the folder holds a run.
    threads : int, optional
        Threads that train; all processors by default.
    tell : callable, optional
        Receives sentences on what happens.
    progress : callable, optional
        Receives network-epochs done and in all.
    stop : callable, optional
        Asked now and then; when true, the run ends with ``engines.base.Stopped`` and can be
        resumed.

    Raises
    ------
    InputError
        For faults of the study, or a folder that holds something else.
    WorkError
        When the folder cannot be written, the disk is too small, or a segment is damaged.
    """
    tell = tell or (lambda sentence: None)
    name, resolved = load_study(study, settings, quick=quick)
    folder = Path(out) if out is not None else Path("runs") / (name + ("-quick" if quick else ""))
    _prepare(folder, resolved, fresh=fresh)
    result = Run(folder)
    with _locked(folder):
        if resolved.sweep.keys:
            _carry_out_cases(folder, resolved, fresh, threads, tell, progress, stop)
        else:
            _record_and_analyse(result, resolved, threads, tell, progress, stop)
        for path in result.figures():
            if path.suffix[1:] == result.study.figures.formats[0]:
                tell(f"drew {path}")
    return result


def _carry_out_cases(
    folder: Path,
    study: Study,
    fresh: bool,
    threads: int | None,
    tell: Callable[[str], None],
    progress: Callable[[int, int], None] | None,
    stop: Callable[[], bool] | None,
) -> None:
    """Record and analyse every case of a sweep in a folder of its own, and join their results."""
    cases = cases_of(study)
    total = sum(c.train.replicas * c.train.epochs for c in cases.values())
    before = 0
    places: dict[str, tuple[Path, Study]] = {}
    for number, (name, case) in enumerate(cases.items(), 1):
        tell(f"case {number} of {len(cases)}: {name}")
        place = folder / CASES / _file_name(name)
        _prepare(place, case, fresh=fresh)
        size = case.train.replicas * case.train.epochs

        def add(done: int, _: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, total)

        with _locked(place):
            _record_and_analyse(Run(place), case, threads, tell, add, stop)
        places[name] = (place, case)
        before += size
    if study.analyses and not are_whole(folder, study):
        combine(folder, study, places)


def _file_name(case: str) -> str:
    """A case's name as a folder's, without what file systems or shells dislike."""
    return "".join(c if c.isalnum() or c in "=.,-_" else "_" for c in case.replace(", ", ","))


def _record_and_analyse(
    result: Run,
    study: Study,
    threads: int | None,
    tell: Callable[[str], None],
    progress: Callable[[int, int], None] | None,
    stop: Callable[[], bool] | None,
) -> None:
    _record(result, threads, tell, progress, stop)
    if study.analyses and not are_whole(result.folder, study):
        analyse(result.folder, study, threads, tell)


def _record(
    result: Run,
    threads: int | None,
    tell: Callable[[str], None],
    progress: Callable[[int, int], None] | None,
    stop: Callable[[], bool] | None,
) -> None:
    recording = Recording(result.study, result.folder, threads, tell)
    ensemble, training = recording.ensemble, recording.ensemble.training
    done = recording.done_epochs()
    shape = str(ensemble.network)
    tell(
        f"{ensemble.replicas} networks {shape}, {ensemble.epochs} epochs of "
        f"{ensemble.updates_per_epoch} updates, {ensemble.train_samples} training samples"
    )
    if training.batch_size > ensemble.train_samples and training.sampler != "full":
        tell(f"batches of {training.batch_size} hold the whole training set: one batch an epoch")
    if done == ensemble.epochs:
        tell(f"the recording in {recording.segments} is whole; nothing to train")
        return
    recording.require_room()
    tell(f"recording {recording.bytes / 1e6:.0f} MB to {recording.segments}")
    if done:
        tell(f"resuming after epoch {done}")
    if not recording.engine.is_compiled():
        tell("compiling the engine, once on this machine: about 15 seconds")
    count = done * ensemble.replicas
    total = ensemble.epochs * ensemble.replicas

    def add(network_epochs: int) -> None:
        nonlocal count
        count += network_epochs
        if progress is not None:
            progress(count, total)

    try:
        recording.run(add, stop)
    except OSError as error:
        raise WorkError(
            f"{recording.segments} could not be written ({error.strerror or error}); finished "
            f"segments are intact: make room and give the same command to resume after epoch "
            f"{recording.done_epochs()}"
        ) from error


def _prepare(folder: Path, study: Study, *, fresh: bool) -> None:
    """Make the folder of a run, or find that it holds this very run."""
    kept = folder / STUDY_FILE
    try:
        if kept.is_file():
            if fresh:
                _clear(folder)
            else:
                _require_same(folder, study)
        elif folder.is_dir() and any(path.name != _LOCK for path in folder.iterdir()):
            raise InputError(f"{folder} is not empty and holds no run; choose another --out")
        (folder / (CASES if study.sweep.keys else SEGMENTS)).mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial")
        partial.write_text(resolved_text(study), encoding="utf-8")
        os.replace(partial, kept)
    except OSError as error:
        raise WorkError(
            f"{folder} cannot be written ({error.strerror}); choose another --out"
        ) from error


def _require_same(folder: Path, study: Study) -> None:
    before = Run(folder).study
    if study_hash(before) != study_hash(study):
        raise InputError(
            f"{folder} holds a run of another study ({', '.join(differences(before, study))} "
            "differ); choose another --out, or --fresh to replace it"
        )


def _clear(folder: Path) -> None:
    """Remove what a run wrote, and nothing else."""
    for name in (SEGMENTS, CASES, FIGURES):
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
    (folder / RESULTS).unlink(missing_ok=True)
    (folder / STUDY_FILE).unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process write to a run at a time; a killed process holds nothing."""
    with (folder / _LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkError(f"another process is writing to {folder}; wait for it to end") from None
        yield
