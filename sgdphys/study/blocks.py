"""One recording by several workers: each trains a block of its replicas, up to a segment's end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sgdphys.engines.base import Recorded, State
from sgdphys.engines.cutting import cut, joined
from sgdphys.study.experiment import ensemble_of, plan_of, task_of
from sgdphys.study.files import resolved_text
from sgdphys.study.folders import locked_by_worker
from sgdphys.study.recording import Recording, state_after
from sgdphys.study.settings import Study
from sgdphys.study.telling import rarely, require_seen
from sgdphys.trajectory.writer import remove_partial, write_tree

_made: dict[tuple[str, ...], Any] = {}
"""What the last task of this process made, and the next one of the same recording needs."""


def block_ranges(recording: Recording, number: int) -> list[range]:
    """Replicas of each of at most so many blocks.

    The fused engine trains the same replicas in every SIMD register whatever else runs, so that
    blocks of whole registers are the same bit by bit; other engines have a single block.
    """
    everything = range(recording.ensemble.replicas)
    if recording.engine.name != "fused":
        return [everything]
    from sgdphys.engines.fused import replica_blocks

    registers = replica_blocks(recording.ensemble)
    parts = np.array_split(np.arange(len(registers)), min(number, len(registers)))
    return [range(registers[p[0]].start, registers[p[-1]].stop) for p in parts]


def train_block(
    folder: Path,
    study: Study,
    replicas: range,
    begun: int,
    end: int,
    previous: Path | None,
    tell: Callable[[Any], None],
) -> tuple[State, Recorded]:
    """Train some replicas from the end of a segment to that of the next one.

    Parameters
    ----------
    folder : Path
    study : Study
    replicas : range
    begun, end : int
        Epochs.
    previous : Path, optional
        The segment that ends where this one begins.
    tell : callable
    """
    from sgdphys.engines.fused import FusedEngine

    def made() -> tuple[FusedEngine, Any]:
        ensemble = ensemble_of(study, task_of(study))
        return FusedEngine(ensemble, replicas), plan_of(study, ensemble.updates_per_epoch)

    engine, plan = _kept(made, "block", resolved_text(study), str(replicas))
    if previous is None:
        state = engine.initial_state()
    else:
        require_seen(previous)
        state = state_after(previous)
    report, done = rarely(f"{folder}: {begun}, {replicas}", tell), 0

    def add(network_epochs: int) -> None:
        nonlocal done
        done += network_epochs
        report(done, (end - begun) * len(replicas))

    after, recorded = engine.advance(state, end, plan, progress=add)
    return cut(after, recorded, replicas)


def write_segment(folder: Path, study: Study, begun: int, end: int, *parts: Any) -> None:
    """Write the segment of which blocks of replicas were trained."""
    *blocks, _ = parts
    recording = _kept(
        lambda: Recording(study, folder), "segment", str(folder), resolved_text(study)
    )
    path = recording.segment_path(begun, end)
    with locked_by_worker(folder):
        if path.exists():  # by a worker that was lost right after
            return
        remove_partial(recording.segments)
        state, recorded = joined(blocks)
        write_tree(
            recording.segment(recorded, state), path, study.record.compression, replace=False
        )


def _kept(make: Callable[[], Any], *key: str) -> Any:
    """What the last task made, or what is made anew."""
    if key not in _made:
        for other in [other for other in _made if other[0] == key[0]]:
            del _made[other]
        _made[key] = make()
    return _made[key]
