"""Carrying out a study: its stages in order, each skipped when its output is there and whole."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sgdphys import figures
from sgdphys.errors import InputError, WorkError
from sgdphys.relate.verdicts import Verdict, as_dataset, judge, read_verdicts, write_verdicts
from sgdphys.study.analysing import RESULTS, analyse, are_whole, combine
from sgdphys.study.files import (
    cases_of,
    differences,
    load_study,
    parts_of,
    read_keys,
    resolved_text,
    study_hash,
)
from sgdphys.study.keys import Study, study_from
from sgdphys.study.recording import Recording
from sgdphys.study.sharing import Pool
from sgdphys.trajectory.reader import SEGMENTS, open_segment, open_trajectory, segment_paths

STUDY_FILE = "study.toml"
VERDICTS = "verdicts.json"
FIGURES = "figures"
CASES = "cases"
"""Folder of a sweep that holds a run for each case."""
PARTS = "parts"
"""Folder of a study of studies that holds a run for each."""
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
    def cases(self) -> "dict[str, Run]":
        """Runs of a sweep's cases by name; empty where there is no sweep."""
        if not self.study.sweep.keys:
            return {}
        return {n: Run(self.folder / CASES / _file_name(n)) for n in cases_of(self.study)}

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
            png, svg, pdf; those of the study by default.
        """
        formats = tuple(formats or self.study.figures.formats)
        with ExitStack() as stack:
            sources: dict[str, xr.Dataset] = {}
            if not self.study.sweep.keys and not self.study.parts:
                trajectory = stack.enter_context(self.trajectory)
                sources = {n: node.to_dataset() for n, node in trajectory.children.items()}
            if (self.folder / RESULTS).is_file():
                results = stack.enter_context(self.results)
                sources |= {name: node.to_dataset() for name, node in results.children.items()}
            again = tuple(f"{name}/" for name in self.repeats)
            verdicts = [v for v in self.verdicts if not v.claim.startswith(again)]
            if verdicts:
                sources["verdicts"] = as_dataset(verdicts)
            return figures.draw(sources, self.folder / FIGURES, names=names, formats=formats)

    @property
    def bytes(self) -> int:
        """Size of everything in the folder; what several names share counts once."""
        files = (path.stat() for path in self.folder.rglob("*") if path.is_file())
        return sum({(s.st_dev, s.st_ino): s.st_size for s in files}.values())


@dataclass
class _Work:
    """How a study is carried out, and how far it is."""

    threads: int | None
    fresh: bool
    tell: Callable[[str], None]
    progress: Callable[[int, int], None] | None
    stop: Callable[[], bool] | None
    pool: Pool
    total: int
    before: int = 0

    def add(self, done: int) -> None:
        """Tell of network-epochs of the recording at hand."""
        if self.progress is not None:
            self.progress(self.before + done, self.total)


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
        Overrides such as ``"train.replicas=5"``; of a study of studies, of each of its parts.
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
    settings = tuple(settings)
    name, resolved = load_study(study, settings, quick=quick)
    parts = parts_of(resolved, study, settings, quick=quick)
    folder = Path(out) if out is not None else Path("runs") / (name + ("-quick" if quick else ""))
    work = _Work(
        threads, fresh, tell or (lambda sentence: None), progress, stop, Pool(),
        sum(_network_epochs(part) for part in (parts or {"": resolved}).values()),
    )  # fmt: skip
    _prepare(folder, resolved, fresh=fresh)
    with _locked(folder):
        if parts:
            _carry_out_parts(folder, parts, work)
        else:
            _carry_out(folder, resolved, work)
        _draw(Run(folder), work)
    return Run(folder)


def _network_epochs(study: Study) -> int:
    cases = cases_of(study) if study.sweep.keys else {"": study}
    return sum(case.train.replicas * case.train.epochs for case in cases.values())


def _carry_out_parts(folder: Path, parts: Mapping[str, Study], work: _Work) -> None:
    """Carry out every part, and draw it in a process beside the next one's training."""
    with ThreadPoolExecutor(1) as drawer:
        drawing: list[Future[str]] = []
        try:
            for number, (name, part) in enumerate(parts.items(), 1):
                work.tell(f"part {number} of {len(parts)}: {name}")
                place = folder / PARTS / name
                _prepare(place, part, fresh=work.fresh)
                with _locked(place):
                    _carry_out(place, part, work)
                drawing.append(drawer.submit(_draw_apart, place))
            for drawn in drawing:
                work.tell(drawn.result())
        except BaseException:
            drawer.shutdown(wait=False, cancel_futures=True)
            raise


def _draw_apart(folder: Path) -> str:
    """Draw a run in a process of its own, and say where its figures are."""
    command = [sys.executable, "-m", "sgdphys", "figures", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WorkError(f"the figures of {folder} could not be drawn: {done.stderr.strip()}")
    return f"drew {len(done.stdout.splitlines())} figures in {folder / FIGURES}"


def _carry_out(folder: Path, study: Study, work: _Work) -> None:
    """Record, analyse and judge a study that is no study of studies."""
    if study.sweep.keys:
        _carry_out_cases(folder, study, work)
    else:
        _record(Run(folder), work)
        if study.analyses and not are_whole(folder, study):
            analyse(folder, study, work.threads, work.tell)
    _judge(folder, study)


def _judge(folder: Path, study: Study) -> None:
    """Write the verdicts on a study's claims."""
    (folder / VERDICTS).unlink(missing_ok=True)
    if not study.claims:
        return
    groups: dict[str, xr.Dataset] = {}
    with ExitStack() as stack:
        if (folder / RESULTS).is_file():
            results = stack.enter_context(open_trajectory(folder / RESULTS))
            groups = {str(n): node.to_dataset() for n, node in results.children.items()}
        write_verdicts(judge(study.claims, groups), folder / VERDICTS)


def _draw(run: Run, work: _Work) -> None:
    for path in run.figures():
        if path.suffix[1:] == run.study.figures.formats[0]:
            work.tell(f"drew {path}")


def _carry_out_cases(folder: Path, study: Study, work: _Work) -> None:
    """Record and analyse every case of a sweep in a folder of its own, and join their results."""
    cases = cases_of(study)
    places: dict[str, tuple[Path, Study]] = {}
    diverged = []
    for number, (name, case) in enumerate(cases.items(), 1):
        work.tell(f"case {number} of {len(cases)}: {name}")
        place = folder / CASES / _file_name(name)
        _prepare(place, case, fresh=work.fresh)
        places[name] = (place, case)
        with _locked(place):
            _record(Run(place), work)
            if not _any_finite(place):
                diverged.append(name)
                work.tell(f"every network of case {name} diverged; its results are left empty")
            elif study.analyses and not are_whole(place, case):
                analyse(place, case, work.threads, work.tell)
    if len(diverged) == len(cases):
        raise WorkError(
            f"every network of every case in {folder} diverged; lower train.learning_rate"
        )
    if study.analyses and not are_whole(folder, study):
        combine(folder, study, places)


def _any_finite(folder: Path) -> bool:
    """Whether some network of a recording came to its end with finite weights."""
    with open_segment(segment_paths(folder / SEGMENTS)[-1]) as last:
        return bool(np.any(last["weights"]["diverged_step"].to_numpy() < 0))


def _file_name(case: str) -> str:
    """A case's name as a folder's, without what file systems or shells dislike."""
    return "".join(c if c.isalnum() or c in "=.,-_" else "_" for c in case.replace(", ", ","))


def _record(result: Run, work: _Work) -> None:
    study, segments = result.study, result.folder / SEGMENTS
    shared = work.pool.share(study, segments)
    if shared is not None:
        work.tell(f"its networks were trained already: {shared}")
    recording = Recording(study, result.folder, work.threads, work.tell)
    ensemble, training = recording.ensemble, recording.ensemble.training
    done = recording.done_epochs()
    total = ensemble.epochs * ensemble.replicas
    work.tell(
        f"{ensemble.replicas} networks {ensemble.network}, {ensemble.epochs} epochs of "
        f"{ensemble.updates_per_epoch} updates, {ensemble.train_samples} training samples"
    )
    if training.batch_size > ensemble.train_samples and training.sampler != "full":
        work.tell(f"batches of {training.batch_size} hold the whole training set: one an epoch")
    if done == ensemble.epochs:
        work.tell(f"the recording in {recording.segments} is whole; nothing to train")
    else:
        recording.require_room()
        work.tell(f"recording {recording.bytes / 1e6:.0f} MB to {recording.segments}")
        if done:
            work.tell(f"resuming after epoch {done}")
        if not recording.engine.is_compiled():
            work.tell("compiling the engine, once on this machine: about 15 seconds")
        _train(recording, done, work)
    work.before += total
    work.add(0)
    work.pool.add(study, segments)


def _train(recording: Recording, done: int, work: _Work) -> None:
    """Train and record what is missing after some epochs."""
    count = done * recording.ensemble.replicas

    def add(network_epochs: int) -> None:
        nonlocal count
        count += network_epochs
        work.add(count)

    try:
        recording.run(add, work.stop)
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
        inside = PARTS if study.parts else CASES if study.sweep.keys else SEGMENTS
        (folder / inside).mkdir(parents=True, exist_ok=True)
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
    for name in (SEGMENTS, CASES, PARTS, FIGURES):
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
    for name in (RESULTS, VERDICTS):
        (folder / name).unlink(missing_ok=True)
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
