"""Carrying out a study on a Dask cluster: what is sent to its workers, and in which order.

A case of a sweep, or a part without one, is a task: it is recorded and analysed by one worker.
Where there are fewer of them than workers, and the fused engine trains them, each segment is
trained in blocks of replicas by several workers, and written by one. Then a part is judged and
drawn.

A worker may be lost at any moment. Its task is then done again by another one, which goes on after
the segments that are finished, and finds results that are there complete.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sgdphys.cluster.cluster import Cluster, Task
from sgdphys.cluster.connection import connected, seen_by_all
from sgdphys.engines.base import Stopped
from sgdphys.study.analysing import RESULTS, analyse
from sgdphys.study.blocks import block_ranges, train_block, write_segment
from sgdphys.study.cases import file_name
from sgdphys.study.files import cases_of
from sgdphys.study.folders import WORKER_PATIENCE, claim, locked, locked_by_worker
from sgdphys.study.recording import Recording
from sgdphys.study.running import Command, NetworkEpochs, finish, is_to_analyse, record_one
from sgdphys.study.runs import CASES, PARTS, VERDICTS, Run
from sgdphys.study.settings import Study
from sgdphys.study.sharing import Pool
from sgdphys.study.telling import rarely, require_seen
from sgdphys.study.workers import Workers
from sgdphys.trajectory.segments import SEGMENTS


@dataclass
class _Heard:
    """What workers tell: sentences, and network-epochs that are recorded."""

    tell: Callable[[str], None]
    progress: NetworkEpochs
    done: dict[str, int] = field(default_factory=dict)

    def __call__(self, what: Any) -> None:
        """Hear a sentence, or the name of a recording and what is done of it."""
        if isinstance(what, str):
            self.tell(what)
        else:
            name, count = what
            self.done[name] = count
            self.progress.add(sum(self.done.values()))


@dataclass(frozen=True)
class _Plan:
    """What is needed to submit the tasks of a study."""

    cluster: Cluster
    hear: _Heard
    pool: Pool
    recorded: dict[Path, Task]
    """What finishes each recording."""
    blocks: int
    """In how many blocks of replicas a recording is trained."""


def carry_out(
    folder: Path,
    study: Study,
    parts: Mapping[str, Study],
    scheduler: str,
    fresh: bool,
    tell: Callable[[str], None],
    progress: NetworkEpochs,
    stop: Callable[[], bool] | None,
) -> None:
    """Carry out a study on the workers of a scheduler; see ``running.run``."""
    folder, hear = folder.absolute(), _Heard(tell, progress)

    def stop_if_asked() -> None:
        if stop is not None and stop():
            raise Stopped

    with ExitStack() as held:
        client = held.enter_context(connected(scheduler))
        held.enter_context(locked(folder, tell))
        token = held.enter_context(seen_by_all(client, folder))
        claim(folder, study, fresh=fresh, tell=tell)
        cluster = held.enter_context(Cluster(client, hear, stop_if_asked, token))
        recordings = sum(len(_cases(folder, part)) for part in (parts or {"": study}).values())
        blocks = -(-cluster.threads // recordings)
        plural = "s" * (cluster.threads > 1)
        tell(f"{cluster.threads} thread{plural} of workers at {scheduler}")
        plan = _Plan(cluster, hear, Pool(), {}, blocks)
        finished = []
        for name, part in parts.items():
            inside = folder / PARTS / name
            held.enter_context(locked(inside))
            claim(inside, part, fresh=fresh, tell=tell)
            finished.append(_submit(inside, part, plan))
        last = _submit_end(folder, study, finished, plan) if parts else _submit(folder, study, plan)
        cluster.wait(last)


def _cases(folder: Path, study: Study) -> dict[Path, Study]:
    """Folders in which a study records, and the study of each."""
    if not study.sweep.keys:
        return {folder: study}
    return {folder / CASES / file_name(name): case for name, case in cases_of(study).items()}


def _submit(folder: Path, study: Study, plan: _Plan) -> Task:
    """Submit all that is to be done for a study that is no study of studies."""
    is_held = not study.sweep.keys
    found = [_submit_one(f, s, plan, is_held=is_held) for f, s in _cases(folder, study).items()]
    return _submit_end(folder, study, found, plan)


def _submit_end(folder: Path, study: Study, before: list[Task], plan: _Plan) -> Task:
    return plan.cluster.submit(
        end_study, folder, study, *before, name=f"the results in {folder} were judged and drawn"
    )


def _submit_one(folder: Path, study: Study, plan: _Plan, *, is_held: bool) -> Task:
    """Submit the recording and the analysis of one ensemble."""
    segments = folder / SEGMENTS
    shared = plan.pool.suitable(study, segments)
    after: list[Task] = []
    trained: list[Path] = []
    if shared is not None:
        after = [plan.recorded[shared]]
    elif plan.blocks > 1:
        with ExitStack() as stack:
            if not is_held:
                stack.enter_context(locked(folder))
                claim(folder, study, fresh=False, tell=plan.hear.tell)
            after, trained = _submit_blocks(folder, study, plan)
    task = plan.cluster.submit(
        do_one, folder, study, shared, is_held, trained, after=after,
        name=f"{folder} was recorded and analysed",
    )  # fmt: skip
    plan.pool.add(study, segments)
    plan.recorded[segments] = task
    return task


def _submit_blocks(folder: Path, study: Study, plan: _Plan) -> tuple[list[Task], list[Path]]:
    """Submit the training in blocks of replicas; nothing where it cannot be cut, or is done.

    Returns the task that ends it, and the segments that it writes.
    """
    recording = Recording(study, folder, plan.hear.tell)
    blocks = block_ranges(recording, plan.blocks)
    gaps = recording.gaps if len(blocks) > 1 else []
    if not gaps:
        return [], []
    recording.require_room()
    missing = sum(stop_at - first for first, stop_at in gaps)
    replicas = recording.ensemble.replicas
    plan.hear.tell(
        f"{replicas} networks {recording.ensemble.network} in {len(blocks)} blocks, "
        f"{recording.bytes / 1e6:.0f} MB to {recording.segments}"
    )
    if missing < recording.ensemble.epochs:
        plan.hear.tell(f"resuming after epoch {gaps[0][0]}")
    plan.hear((str(folder), (recording.ensemble.epochs - missing) * replicas))
    before = {first: recording.segment_before(first) for first, _ in gaps}
    recording.remove_damaged()
    written: list[Task] = []
    segments: list[Path] = []
    for first, stop_at in gaps:
        begun, previous = first, before[first]
        for end in recording.ends_between(first, stop_at):
            trained = [
                plan.cluster.submit(
                    train_block, folder, study, block, begun, end, previous, after=written[-1:],
                    name=f"{folder} was trained", is_kept=True,
                )
                for block in blocks
            ]  # fmt: skip
            written.append(
                plan.cluster.submit(
                    write_segment, folder, study, begun, end, *trained,
                    name=f"a segment in {folder} was written",
                )
            )  # fmt: skip
            segments.append(recording.segment_path(begun, end))
            begun, previous = end, segments[-1]
    return written[-1:], segments


def do_one(
    folder: Path,
    study: Study,
    shared: Path | None,
    is_held: bool,
    trained: list[Path],
    tell: Callable[[Any], None],
) -> list[Path]:
    """Record one ensemble and analyse it, as far as that is yet to be done.

    Parameters
    ----------
    folder : Path
    study : Study
    shared : Path, optional
        A finished recording of the same networks.
    is_held : bool
        Whether the command holds the folder; a case is held by the worker.
    trained : list of Path
        Segments that were trained in blocks, after which all is recorded; empty where nothing was.
    tell : callable

    Returns
    -------
    list of Path
        What others must see before they read in the folder.
    """
    pool = Pool()
    if shared is not None:
        pool.add(study, shared)
    with _held(folder, tell, is_held=is_held):
        if not is_held:
            claim(folder, study, fresh=False, tell=tell)
        if trained:
            require_seen(*trained)
            is_new = is_to_analyse(Run(folder, study), tell)
        else:
            progress = NetworkEpochs(
                rarely(str(folder), tell), study.train.replicas * study.train.epochs
            )
            with Workers(0, None, tell) as workers:
                command = Command(False, tell, None, progress, workers, pool)
                is_new = record_one(folder, study, command)
        if is_new:
            analyse(folder, study, tell)
    return _outcome(folder)


def end_study(folder: Path, study: Study, *found: Any) -> list[Path]:
    """Join the results of cases, judge and draw, once the files of other workers are seen."""
    *outcomes, tell = found
    require_seen(*(path for outcome in outcomes for path in outcome))
    with _held(folder, tell, is_held=True):
        finish(folder, study, tell)
    return _outcome(folder)


def _held(
    folder: Path, tell: Callable[[str], None], *, is_held: bool
) -> AbstractContextManager[None]:
    if is_held:
        return locked_by_worker(folder, tell)
    return locked(folder, tell, patience=WORKER_PATIENCE)


def _outcome(folder: Path) -> list[Path]:
    return [folder / name for name in (RESULTS, VERDICTS) if (folder / name).is_file()]
