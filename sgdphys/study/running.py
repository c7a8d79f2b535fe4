"""Carrying out a study: its stages in order, each skipped if its output is complete."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from sgdphys import parallel
from sgdphys.analyses import catalogue
from sgdphys.bars import Progress, shown
from sgdphys.claims.verdicts import judge, read_verdicts, without_data, write_verdicts
from sgdphys.engines.base import Stopped
from sgdphys.errors import InputError, WorkError
from sgdphys.study.analysing import RESULTS, analyse, combine
from sgdphys.study.cases import file_name
from sgdphys.study.drawing import draw
from sgdphys.study.experiment import require_readable
from sgdphys.study.files import cases_of, find_study, load_study, parts_of
from sgdphys.study.folders import claim, locked
from sgdphys.study.recording import Recording
from sgdphys.study.runs import CASES, PARTS, VERDICTS, Run
from sgdphys.study.settings import Bursts, Study
from sgdphys.study.sharing import Pool
from sgdphys.study.study_file import STUDY_FILE
from sgdphys.study.workers import Work, Workers, can_begin
from sgdphys.trajectory.schedules import overlap_told
from sgdphys.trajectory.segments import SEGMENTS

_DIVERGED = "every network diverged, so nothing was analysed"


@dataclass
class NetworkEpochs:
    """Network-epochs that are recorded, of all that a study has."""

    report: Progress | None
    total: int
    before: int = 0
    """In the recordings that are finished."""

    def add(self, done: int) -> None:
        """Tell of those of the recording at hand."""
        if self.report is not None:
            self.report(self.before + done, self.total)


@dataclass(frozen=True)
class Command:
    """How a study is carried out."""

    fresh: bool
    tell: Callable[[str], None]
    stop: Callable[[], bool] | None
    progress: NetworkEpochs
    workers: Workers
    pool: Pool

    def must_stop(self) -> bool:
        """Whether training must stop: on request, or because another task has failed."""
        return self.workers.has_failed or (self.stop is not None and self.stop())


def run(
    study: str | Path | Mapping[str, Any] | Study,
    out: str | Path | None = None,
    *,
    settings: Iterable[str] = (),
    quick: bool = False,
    fresh: bool = False,
    threads: int | None = None,
    scheduler: str | None = None,
    tell: Callable[[str], None] | None = None,
    progress: Progress | bool | None = None,
    stop: Callable[[], bool] | None = None,
) -> Run:
    """Carry out a study and return its run; complete stages are not repeated.

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
        At most so many train; without cases and parts, at most so many analyse too. Cases and
        parts are analysed and drawn in half as many other processes, which share as many threads
        among them. The default is what ``sgdphys.parallel`` says: the environment variable
        SGDPHYS_THREADS, or all processors.
    scheduler : str, optional
        Address of a Dask scheduler, as "tcp://HOST:8786", whose workers do everything instead; the
        folder is on a file system that they share. See docs/how-to/clusters.md.
    tell : callable, optional
        Receives sentences on what happens.
    progress : callable or bool, optional
        Receives network-epochs done and in all. True shows a bar instead, False none; by default
        there is one in a notebook and on a terminal.
    stop : callable, optional
        Asked now and then; when true, the run ends with ``engines.base.Stopped`` and can be
        resumed.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        For faults of the study, a folder that holds something else, or no address of a scheduler.
    WorkError
        When the folder cannot be written, the disk is too small, or a segment is damaged; when no
        scheduler answers, it has no workers, these have other versions, or do not see the folder.

    See Also
    --------
    Run : The folder of a run: trajectory, results, verdicts, figures.
    open_trajectory : The recorded weights.

    Examples
    --------
    >>> import sgdphys as sp
    >>> small = {"network": {"layers": [3]}, "train": {"epochs": 2, "replicas": 2}}
    >>> few = {"analyses": {"learning": {}}, "figures": {"formats": []}}
    >>> done = sp.run(small | few, "small")
    >>> done.trajectory["training"].loss.sizes["epoch"]
    3
    """
    settings = tuple(settings)
    name, resolved = load_study(study, settings, quick=quick)
    parts = parts_of(resolved, study, settings, quick=quick)
    # every case of every part, and its data, is read here, before anything is touched
    require_readable(parts.values() or [resolved])
    total = sum(_network_epochs(part) for part in (parts or {"": resolved}).values())
    folder = Path(out) if out is not None else Path("runs") / (name + ("-quick" if quick else ""))
    _require_sound(study, folder)
    tell = tell or (lambda sentence: None)
    if scheduler is not None:
        from sgdphys.study.on_cluster import carry_out

        if threads is not None:
            raise InputError(
                "threads (--workers) are those of this machine, and with a scheduler its workers "
                "do everything; give one of the two"
            )
        with shown(progress, "training") as report:
            recorded = NetworkEpochs(report, total)
            carry_out(folder, resolved, parts, scheduler, fresh, tell, recorded, stop)
        return Run(folder, resolved)
    with ExitStack() as held:
        held.enter_context(parallel.limited(threads))
        cores = parallel.threads()
        processes = cores // 2 if parts or resolved.sweep.keys else 0
        if processes and not can_begin():
            tell("this system cannot start worker processes; everything runs in one process")
            processes = 0
        held.enter_context(locked(folder, tell))
        share = max(cores // (processes + 1), 1)
        workers = held.enter_context(Workers(processes, share, tell, stop))
        claim(folder, resolved, fresh=fresh, tell=tell)
        recorded = NetworkEpochs(held.enter_context(shown(progress, "training")), total)
        command = Command(fresh, tell, stop, recorded, workers, Pool())
        if parts:
            _carry_out_parts(folder, resolved, parts, command)
        else:
            _carry_out(folder, resolved, command)
            workers.finish()
    return Run(folder, resolved)


def _require_sound(study: object, folder: Path) -> None:
    """Refuse a damaged study where it is given as the one to be carried out in its own folder."""
    kept = folder / STUDY_FILE
    if isinstance(study, str | Path) and kept.is_file() and kept.samefile(find_study(study)):
        _ = Run(folder).study


def _network_epochs(study: Study) -> int:
    return sum(case.train.replicas * case.train.epochs for case in cases_of(study).values())


def _carry_out_parts(
    folder: Path, study: Study, parts: Mapping[str, Study], command: Command
) -> None:
    """Carry out every part; one is analysed and drawn while the next is trained."""
    finished: list[Work] = []
    with ExitStack() as locks:
        for number, (name, part) in enumerate(parts.items(), 1):
            command.tell(f"part {number} of {len(parts)}: {name}")
            inside = folder / PARTS / name
            locks.enter_context(locked(inside))
            claim(inside, part, fresh=command.fresh, tell=command.tell)
            finished.append(_carry_out(inside, part, command))
        command.workers.submit(finish, folder, study, after=finished)
        command.workers.finish()


def _carry_out(folder: Path, study: Study, command: Command) -> Work:
    """Record a study that is no study of studies, and have it analysed, judged and drawn."""
    workers = command.workers
    analyses: list[Work] = []
    if study.sweep.keys:
        analyses = _carry_out_cases(folder, study, command)
    elif record_one(folder, study, command):
        analyses = [workers.submit(analyse, folder, study)]
    return workers.submit(finish, folder, study, after=analyses)


def _carry_out_cases(folder: Path, study: Study, command: Command) -> list[Work]:
    """Record every case of a sweep in a folder of its own, and have it analysed."""
    cases, workers = cases_of(study), command.workers
    analyses: list[Work] = []
    for number, (name, case) in enumerate(cases.items(), 1):
        command.tell(f"case {number} of {len(cases)}: {name}")
        inside = folder / CASES / file_name(name)
        with locked(inside):
            claim(inside, case, fresh=command.fresh, tell=command.tell)
            is_new = record_one(inside, case, command)
        if is_new:
            analyses.append(workers.submit(_analyse_case, inside, case))
    return analyses


def record_one(folder: Path, study: Study, command: Command) -> bool:
    """Record one ensemble, and return whether it is to be analysed.

    It is not where it was, or where every network diverged.
    """
    command.workers.require_none_failed()
    run = Run(folder, study)
    _record(run, command)
    return is_to_analyse(run, command.tell)


def is_to_analyse(run: Run, tell: Callable[[str], None]) -> bool:
    """Whether a run whose recording is complete is to be analysed."""
    folder, study = run.folder, run.study
    if run.has_diverged:
        tell(
            f"every network in {folder} diverged: nothing is analysed, and claims have no data; "
            "lower train.learning_rate"
        )
        (folder / RESULTS).unlink(missing_ok=True)
        return False
    return bool(study.analyses) and not _are_analysed(run, tell)


def _are_analysed(run: Run, tell: Callable[[str], None]) -> bool:
    """Whether a run has readable results of its study."""
    try:
        if not run.is_analysed_as_asked:
            return False
        with run.results as results:
            results.load()
    except (WorkError, OSError, RuntimeError):
        tell(f"{run.folder / RESULTS} is damaged; it is analysed again")
        (run.folder / RESULTS).unlink()
        return False
    return True


def _analyse_case(folder: Path, study: Study, tell: Callable[[str], None]) -> None:
    """Analyse a case, whose folder is held only while something is written to it."""
    with locked(folder):
        analyse(folder, study, tell)


def finish(folder: Path, study: Study, tell: Callable[[str], None]) -> None:
    """Join the results of a sweep's cases, judge the claims and draw."""
    run = Run(folder, study)
    if study.sweep.keys and study.analyses:
        _combine(run, tell)
    if not study.parts:
        _judge(run, tell)
    draw(run, tell)


def _combine(run: Run, tell: Callable[[str], None]) -> None:
    """Join the results of all cases, unless they are or no case has any."""
    cases = run.cases
    if not any(case.is_analysed for case in cases.values()):
        (run.folder / RESULTS).unlink(missing_ok=True)
    elif not _are_analysed(run, tell):
        combine(run.folder, run.study, {name: (c.folder, c.study) for name, c in cases.items()})


def _judge(run: Run, tell: Callable[[str], None]) -> None:
    """Write the verdicts on a study's claims."""
    path, claims = run.folder / VERDICTS, run.study.claims
    if path.is_file():
        try:
            read_verdicts(path)
        except WorkError:
            tell(f"{path} is damaged; the claims are judged again")
    if not claims:
        path.unlink(missing_ok=True)
    elif run.study.analyses and not run.is_analysed:
        write_verdicts(without_data(claims, _DIVERGED, catalogue.statistics()), path)
    else:
        groups: dict[str, xr.Dataset] = {}
        with ExitStack() as stack:
            if run.is_analysed:
                results = stack.enter_context(run.results)
                groups = {str(n): node.to_dataset() for n, node in results.children.items()}
            statistics = catalogue.statistics()
            write_verdicts(judge(claims, groups, statistics, quick=run.study.quick), path)


def _record(run: Run, command: Command) -> None:
    study, segments = run.study, run.folder / SEGMENTS
    shared = command.pool.share(study, segments)
    if shared is not None:
        command.tell(f"reusing the recording in {shared}")
    recording = Recording(study, run.folder, command.tell)
    ensemble, training = recording.ensemble, recording.ensemble.training
    done = recording.done_epochs()
    total = ensemble.epochs * ensemble.replicas
    command.tell(
        f"{ensemble.replicas} networks {ensemble.network}, {ensemble.epochs} epochs of "
        f"{ensemble.updates_per_epoch} updates, {ensemble.train_samples} training samples"
    )
    if training.batch_size > ensemble.train_samples and training.sampler != "full":
        command.tell(
            f"batches of {training.batch_size} hold the whole training set: one update per epoch"
        )
    weights = study.record.weights
    if isinstance(weights, Bursts) and (
        said := overlap_told(weights.burst, weights.starts, ensemble.epochs, "epochs")
    ):
        command.tell(said)
    if done == ensemble.epochs:
        command.tell(
            f"the recording in {recording.segments} is complete; there is nothing to train"
        )
    else:
        recording.require_room()
        command.tell(f"recording {recording.bytes / 1e6:.0f} MB to {recording.segments}")
        if done:
            command.tell(f"resuming after epoch {done}")
        if not recording.engine.is_compiled():
            command.tell("compiling the engine, once on this machine: about 15 seconds")
        _train(recording, done, command)
    command.progress.before += total
    command.progress.add(0)
    command.pool.add(study, segments)


def _train(recording: Recording, done: int, command: Command) -> None:
    """Train and record what is missing after some epochs."""
    count = done * recording.ensemble.replicas

    def add(network_epochs: int) -> None:
        nonlocal count
        count += network_epochs
        command.progress.add(count)

    try:
        recording.run(add, command.must_stop)
    except Stopped:
        command.workers.require_none_failed()
        raise
    except OSError as error:
        raise WorkError(
            f"{recording.segments} could not be written ({error.strerror or error}); finished "
            f"segments are intact: make room and give the same command to resume after epoch "
            f"{recording.done_epochs()}"
        ) from error
