"""The first stage: an ensemble is trained, and its trajectory written segment by segment."""

import functools
import json
import math
import platform
import shutil
import tomllib
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import sgdphys
from sgdphys.engines.base import Engine, Ensemble, Plan, Recorded, State
from sgdphys.engines.choice import engine_for
from sgdphys.errors import InputError, WorkError
from sgdphys.quantities import in_unit
from sgdphys.study.experiment import ensemble_of, plan_of, task_of
from sgdphys.study.files import resolved_text, study_hash, training_hash
from sgdphys.study.settings import Study, study_from
from sgdphys.study.sharing import covers
from sgdphys.study.sizes import SEGMENT_BYTES, SEGMENT_WORK, SEGMENTS_AT_LEAST
from sgdphys.study.surveying import Survey, survey
from sgdphys.trajectory import schema
from sgdphys.trajectory.digests import digest_path
from sgdphys.trajectory.locations import bytes_of, remove
from sgdphys.trajectory.opening import RESUME
from sgdphys.trajectory.provenance import provenance
from sgdphys.trajectory.reader import open_segment
from sgdphys.trajectory.segments import (
    SEGMENTS,
    SUFFIXES,
    segment_name,
    segment_paths,
    span,
)
from sgdphys.trajectory.stores import zarr_groups
from sgdphys.trajectory.tensor_table import table_group
from sgdphys.trajectory.writer import SegmentWriter, remove_partial

_DISK_MARGIN = 1.02
_BASE64 = 4 / 3
"""Bytes of text for each byte of a curve, in the file beside a segment."""
_OVERHEAD = 400_000
"""Bytes of a segment and of the file beside it apart from arrays, as measured."""
_BUFFER = "buffer:"
"""Prefix of buffer names in the resume state."""


def recorded_bytes(ensemble: Ensemble, plan: Plan) -> int:
    """Size on disk of a complete recording."""
    parameters = ensemble.network.parameters.count
    itemsize = np.dtype(ensemble.training.dtype).itemsize
    each = ensemble.replicas * itemsize
    weights = len(plan.weight_steps) * parameters * each
    gradients = 2 * parameters * each if plan.gradients else 0
    of_layers = 6 * ensemble.network.layers * each if plan.gradients else 0
    small = (32 * ensemble.replicas + of_layers) * (1 + _BASE64)
    split = ensemble.samples.is_train.size
    per_segment = 4 * parameters * each + split + _OVERHEAD  # with what a run resumes from
    segments = len(segment_ends(ensemble, plan))
    return round(weights + len(plan.epochs) * (gradients + small) + segments * per_segment)


def segment_ends(ensemble: Ensemble, plan: Plan) -> np.ndarray:
    """Epochs at which segments end: each holds a bounded part of the weights and of the run."""
    epochs, per_epoch = ensemble.epochs, ensemble.updates_per_epoch
    parameters = ensemble.network.parameters.count
    row = ensemble.replicas * parameters * np.dtype(ensemble.training.dtype).itemsize
    room = max(1, SEGMENT_BYTES // row)
    until = np.searchsorted(plan.weight_steps, np.arange(epochs + 1) * per_epoch, side="right")
    epoch_work = ensemble.replicas * ensemble.train_samples * parameters
    longest = math.ceil(max(epochs / SEGMENTS_AT_LEAST, SEGMENT_WORK / epoch_work))
    ends, start = [], 0
    while start < epochs:
        full = np.searchsorted(until, until[start] + room, side="right") - 1
        start = int(min(max(full, start + 1), start + longest, epochs))
        ends.append(start)
    return np.array(ends)


class Recording:
    """The recording of one study in one run folder: its present state, and its continuation.

    Parameters
    ----------
    study : Study
    folder : Path
        The run's folder.
    tell : callable
        Receives a sentence on which engine was chosen.
    """

    def __init__(
        self,
        study: Study,
        folder: Path,
        tell: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.study = study
        self.segments = folder / SEGMENTS
        if study.record.store == "zarr":
            zarr_groups(self.segments)  # if it is not installed, before anything is trained
        self.ensemble = ensemble_of(study, task_of(study))
        self.plan = plan_of(study, self.ensemble.updates_per_epoch)
        self._tell = tell
        train = study.train
        self.engine = engine_for(self.ensemble, train.engine, train.device, tell)
        self.bytes = recorded_bytes(self.ensemble, self.plan)

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Stretches of epochs that are yet to be trained, or again where a segment is damaged."""
        return self._survey.gaps(self.ensemble.epochs)

    def done_epochs(self) -> int:
        """Epochs from the first on that finished segments hold."""
        return self.gaps[0][0] if self.gaps else self.ensemble.epochs

    @cached_property
    def _survey(self) -> Survey:
        found = survey(self.segments, self._other_than)
        for path, fault in found.damaged.items():
            first, last = span(path)
            self._tell(f"{fault}; epochs {first} to {last} are trained again")
        if not found.gaps(self.ensemble.epochs):
            return found
        if found.values("study_hash") - {study_hash(self.study)}:  # of a study that records more
            self._tell(f"the recording in {self.segments} was shared; it is trained again")
            return Survey(damaged=found.damaged | dict.fromkeys(found.sound.values(), "shared"))
        version = sgdphys.__version__
        others = found.values("sgdphys_version") - {version}
        if others:
            raise WorkError(
                f"{self.segments} was begun by sgdphys {', '.join(sorted(others))} and this is "
                f"{version}; carry on with that version, or begin anew with --fresh"
            )
        return found

    def _other_than(self, attributes: Mapping[str, Any]) -> str:
        """In what a segment is not one of this run's, in words."""
        if attributes.get("engine") != self.engine.name:
            return f"engine {attributes.get('engine')}"
        if attributes.get("study_hash") == study_hash(self.study):
            return ""
        held = _study_of(attributes)
        if held is not None and training_hash(held) == training_hash(self.study):
            if covers(held.record, self.study.record):
                return ""
        return f"study {attributes.get('study_hash')}"

    def require_room(self) -> None:
        """Refuse a recording that the disk cannot hold.

        Raises
        ------
        WorkError
            With the size needed and the size free.
        """
        done = sum(map(bytes_of, segment_paths(self.segments)))
        need = (self.bytes - done) * _DISK_MARGIN
        free = shutil.disk_usage(self.segments).free
        if need > free:
            raise WorkError(
                f"the recording needs {need / 1e9:.3g} GB and {self.segments} has "
                f'{free / 1e9:.3g} GB free; record less (record.weights = "log") or use --out'
            )

    def run(
        self, progress: Callable[[int], None] | None = None, stop: Callable[[], bool] | None = None
    ) -> None:
        """Train and record what is missing; raises ``engines.base.Stopped`` when asked to stop."""
        remove_partial(self.segments)
        try:
            with SegmentWriter(self.segments, self.study.record.compression) as writer:
                for first, stop_at in self.gaps:
                    before = self.segment_before(first)
                    state = self.engine.initial_state() if before is None else state_after(before)
                    self.remove_damaged()
                    for end in self.ends_between(first, stop_at):
                        begun = state.epoch
                        state, recorded = self.engine.advance(
                            state, end, self.plan, progress=progress, stop=stop
                        )
                        build = functools.partial(self.segment, recorded, state)
                        writer.write(self.segment_path(begun, end).name, build)
        finally:
            self.__dict__.pop("_survey", None)  # look again when asked again

    def ends_between(self, first: int, stop_at: int) -> list[int]:
        """Epochs at which the segments of a stretch end."""
        ends = segment_ends(self.ensemble, self.plan)
        return [*map(int, ends[(ends > first) & (ends < stop_at)]), stop_at]

    def segment_path(self, begun: int, end: int) -> Path:
        """File or store of the segment from one epoch to another."""
        return self.segments / segment_name(begun, end, suffix=SUFFIXES[self.study.record.store])

    def segment_before(self, epoch: int) -> Path | None:
        """The segment that ends at an epoch; None at the beginning."""
        return self._survey.ending_at(epoch) if epoch else None

    def remove_damaged(self) -> None:
        """Remove segments that are trained again, once the state before them was read."""
        for path in self._survey.damaged:
            remove(path)
            digest_path(path).unlink(missing_ok=True)

    def segment(self, recorded: Recorded, state: State) -> xr.DataTree:
        """Return one segment: what was recorded, and the state after it."""
        ensemble = self.ensemble
        network, per_epoch = ensemble.network, ensemble.updates_per_epoch
        replicas = {"replica": np.arange(ensemble.replicas)}
        layers = np.arange(1, network.layers + 1)
        layer_names = network.layer_names
        table = network.parameters
        by_epoch = {"epoch": recorded.epochs, **replicas}
        groups = {
            "weights": schema.dataset(
                "weights",
                {
                    "theta": recorded.theta.transpose(1, 0, 2),
                    "diverged_step": state.diverged_step,
                },
                {
                    "step": recorded.steps,
                    "epoch": ("step", recorded.steps / per_epoch),
                    "time": ("step", ensemble.time_after(recorded.steps)),
                    **replicas,
                    "family": ("replica", np.arange(ensemble.replicas) // ensemble.twins),
                },
            ),
            "tensors": table_group(table),
            "split": schema.dataset("split", {"train": ensemble.samples.is_train}, replicas),
        }
        is_squared = ensemble.training.loss == "squared_error"
        named = {n: in_unit(n, "1") for n in ("loss", "test_loss")} if is_squared else None
        for group in ("training", "gradients"):
            values = {
                n: recorded.by_epoch[n] for n in schema.GROUPS[group] if n in recorded.by_epoch
            }
            if values:
                along: dict[str, Any] = {}
                if group == "gradients":  # "layer" is an axis here
                    along = {"layer": layers, "layer_name": ("layer", layer_names)}
                groups[group] = schema.dataset(group, values, {**by_epoch, **along}, named)
        state_dims = ("replica", "parameter")
        groups[RESUME] = xr.Dataset(
            {n: (state_dims, getattr(state, n)) for n in ("theta", "velocity", "square")},
            attrs={"epoch": state.epoch},
        )
        for name, kept in state.buffers.items():
            dims = ("replica", *(f"{name}_{k}" for k in range(1, kept.ndim)))
            groups[RESUME][_BUFFER + name] = (dims, kept)
        tree = xr.DataTree.from_dict(groups)
        tree.attrs = origin_of(self.study, self.engine) | {
            "network": json.dumps(network.description()),
            "loss": ensemble.training.loss,
        }
        return tree


def state_after(segment: Path) -> State:
    """Return the state after a segment, from which the next one begins."""
    with open_segment(segment) as tree:
        kept = tree[RESUME].to_dataset().load()
        diverged = tree["weights"]["diverged_step"].to_numpy()
        return State(
            epoch=int(kept.attrs["epoch"]),
            theta=kept["theta"].to_numpy(),
            velocity=kept["velocity"].to_numpy(),
            square=kept["square"].to_numpy(),
            buffers={
                str(n).removeprefix(_BUFFER): v.to_numpy()
                for n, v in kept.data_vars.items()
                if str(n).startswith(_BUFFER)
            },
            diverged_step=diverged.astype(np.int64),
        )


def origin_of(study: Study, engine: Engine) -> dict[str, Any]:
    """Return the attributes that describe the origin of a recording."""
    libraries = ("numpy", "scipy", "numba", "xarray", "netCDF4")
    return {
        "schema_version": schema.SCHEMA_VERSION,
        "title": study.title,
        "study": resolved_text(study),
        "study_hash": study_hash(study),
        "seed": study.train.seed,
        "engine": engine.name,
        "threads": engine.threads,
        "cpu": _cpu(),
        "libraries": json.dumps({name: version(name) for name in libraries}),
        **provenance("recorded"),
    }


def _study_of(attributes: Mapping[str, Any]) -> Study | None:
    """The study of which a segment is, or None where it cannot be read."""
    try:
        return study_from(tomllib.loads(str(attributes.get("study"))), "a segment")
    except (InputError, tomllib.TOMLDecodeError):
        return None


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(s.partition(":")[2].strip() for s in lines if s.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
