"""Carrying out a study: its stages in order, each skipped when its output is there and whole."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from sgdphys.errors import InputError, WorkError
from sgdphys.relate.verdicts import judge, write_verdicts
from sgdphys.study.analysing import RESULTS, analyse, analyses_key, are_whole, combine
from sgdphys.study.files import (
    cases_of,
    differences,
    load_study,
    parts_of,
    resolved_text,
    study_hash,
)
from sgdphys.study.keys import Study
from sgdphys.study.recording import Recording
from sgdphys.study.runs import CASES, FIGURES, PARTS, STUDY_FILE, VERDICTS, Run, file_name
from sgdphys.study.sharing import Pool
from sgdphys.study.workers import Work, Workers
from sgdphys.trajectory.reader import SEGMENTS, open_trajectory
from sgdphys.trajectory.writer import write_text

_LOCK = ".lock"
_DRAWN = ".drawn"
"""What a run's figures show, and their names."""


@dataclass
class _Work:
    """How a study is carried out, and how far it is."""

    threads: int | None
    fresh: bool
    tell: Callable[[str], None]
    progress: Callable[[int, int], None] | None
    stop: Callable[[], bool] | None
    pool: Pool
    workers: Workers
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
    tell = tell or (lambda sentence: None)
    many = bool(parts or resolved.sweep.keys)
    cores = threads or len(os.sched_getaffinity(0))
    processes = cores // 2 if many else 0
    share = max(cores // (processes + 1), 1) if processes else threads
    _prepare(folder, resolved, fresh=fresh)
    with _locked(folder), Workers(processes, share, tell, stop) as workers:
        work = _Work(
            threads, fresh, tell, progress, stop, Pool(), workers,
            sum(_network_epochs(part) for part in (parts or {"": resolved}).values()),
        )  # fmt: skip
        if parts:
            _carry_out_parts(folder, parts, work)
        else:
            begun = _carry_out(folder, resolved, work)
            workers.help()
            workers.require(begun, whole=True)
        _finish(folder, tell)
    return Run(folder)


def _network_epochs(study: Study) -> int:
    cases = cases_of(study) if study.sweep.keys else {"": study}
    return sum(case.train.replicas * case.train.epochs for case in cases.values())


def _carry_out_parts(folder: Path, parts: Mapping[str, Study], work: _Work) -> None:
    """Carry out every part; one is analysed and drawn while the next is trained."""
    finisher = ThreadPoolExecutor(len(parts))
    finished: list[Future[None]] = []
    with ExitStack() as locks:
        locks.callback(finisher.shutdown, wait=False, cancel_futures=True)
        for number, (name, part) in enumerate(parts.items(), 1):
            work.tell(f"part {number} of {len(parts)}: {name}")
            place = folder / PARTS / name
            _prepare(place, part, fresh=work.fresh)
            locks.enter_context(_locked(place))
            begun = _carry_out(place, part, work)
            if not work.workers.processes:
                _finish(place, work.tell)
                continue
            finished.append(finisher.submit(_finish_part, place, begun, work.workers))
            # what failed ends the run now, not after the last training
            work.workers.require(finished, whole=False)
        work.workers.help()
        work.workers.require(finished, whole=True)


def _finish_part(place: Path, begun: list[Work], workers: Workers) -> None:
    """Finish a part in another process, once its analyses are done."""
    workers.require(begun, whole=True)
    workers.require([workers.submit(_finish, place)], whole=True)


def _carry_out(folder: Path, study: Study, work: _Work) -> list[Work]:
    """Record a study that is no study of studies, and begin its analyses."""
    if study.sweep.keys:
        return _carry_out_cases(folder, study, work)
    _record(Run(folder), work)
    if not study.analyses or are_whole(folder, study):
        return []
    return [work.workers.submit(_analyse, folder, work.workers.threads)]


def _carry_out_cases(folder: Path, study: Study, work: _Work) -> list[Work]:
    """Record every case of a sweep in a folder of its own, and begin its analyses."""
    cases = cases_of(study)
    begun: list[Work] = []
    diverged = []
    for number, (name, case) in enumerate(cases.items(), 1):
        work.tell(f"case {number} of {len(cases)}: {name}")
        place = folder / CASES / file_name(name)
        _prepare(place, case, fresh=work.fresh)
        with _locked(place):
            _record(Run(place), work)
        if (Run(place).diverged_steps >= 0).all():
            diverged.append(name)
            work.tell(f"every network of case {name} diverged; its results are left empty")
        elif study.analyses and not are_whole(place, case):
            begun.append(work.workers.submit(_analyse, place, work.workers.threads))
        work.workers.require(begun, whole=False)
    if len(diverged) == len(cases):
        raise WorkError(
            f"every network of every case in {folder} diverged; lower train.learning_rate"
        )
    return begun


def _analyse(folder: Path, threads: int | None, tell: Callable[[str], None]) -> None:
    analyse(folder, Run(folder).study, threads, tell)


def _finish(folder: Path, tell: Callable[[str], None]) -> None:
    """Join the results of a sweep's cases, judge its claims and draw."""
    run = Run(folder)
    study = run.study
    if study.sweep.keys and study.analyses and not are_whole(folder, study):
        combine(folder, study, {name: (c.folder, c.study) for name, c in run.cases.items()})
    if not study.parts:
        _judge(folder, study)
    _draw(run, tell)


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


def _draw(run: Run, tell: Callable[[str], None]) -> None:
    """Draw a run, unless what its figures show is what they showed when they were drawn."""
    if not run.study.figures.formats:
        return
    shown = [run.study.model_dump(mode="json"), analyses_key(run.study), run.verdicts]
    key = hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()
    folder = run.folder / FIGURES
    kept = run.folder / _DRAWN
    before = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    if before.get("of") == key and all((folder / name).is_file() for name in before["figures"]):
        tell(f"the figures in {folder} are whole; nothing to draw")
        return
    paths = run.figures()
    write_text(json.dumps({"of": key, "figures": [path.name for path in paths]}), kept)
    tell(f"drew {len({path.stem for path in paths})} figures in {folder}")


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
        write_text(resolved_text(study), kept)
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
    for name in (RESULTS, VERDICTS, _DRAWN):
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
