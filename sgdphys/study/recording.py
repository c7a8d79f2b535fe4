"""The first stage: an ensemble is trained, and its trajectory written segment by segment."""

import functools
import math
import platform
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import sgdphys
from sgdphys import tasks
from sgdphys.engines.base import Engine, Ensemble, Network, Plan, Recorded, Samples, State, Training
from sgdphys.engines.choice import engine_for
from sgdphys.errors import InputError, WorkError
from sgdphys.networks import Perceptron
from sgdphys.sampling import seed_sequence
from sgdphys.study.files import resolved_text, study_hash
from sgdphys.study.keys import LOG_POINTS, Bursts, Every, StepSchedule, Study, Train
from sgdphys.trajectory import schema
from sgdphys.trajectory.reader import RESUME, SEGMENTS, open_segment, segment_paths
from sgdphys.trajectory.schedules import burst_starts
from sgdphys.trajectory.writer import SegmentWriter, remove_partial

SEGMENT_BYTES = 24 * 2**20
"""Weights of a segment; below the 32 MiB from which malloc maps fresh pages for every array."""
SEGMENTS_AT_LEAST = 20
"""A run is cut in at least so many segments, so that a crash costs a twentieth of it ..."""
SEGMENT_WORK = 2e9
"""... unless they held less than this many multiply-adds, a fifth of a second."""
_DISK_MARGIN = 1.02
_BUFFER = "buffer:"
"""What names of a network's buffers begin with among what a run resumes from."""


def task_of(study: Study) -> xr.Dataset:
    """Return the study's data set."""
    task = study.task
    sizes = {"features": task.features, "samples": task.samples, "seed": task.seed}
    if task.name == "scalar_teacher":
        return tasks.scalar_teacher(task.signal)
    if task.name == "digits":
        return tasks.digits()
    if task.name in ("idx", "table"):
        return (tasks.idx if task.name == "idx" else tasks.table)(task.path)
    if task.name == "teacher_student":
        return tasks.teacher_student(
            **sizes, units=task.units, noise=task.noise, relevant=task.relevant or None
        )
    if task.name == "random_labels":
        return tasks.random_labels(**sizes, classes=task.classes)
    if task.name == "committee":
        return tasks.committee(task.units or 3, seed=task.seed)
    return tasks.symmetric_rule(task.information, bipolar=task.bipolar)


def ensemble_of(study: Study, task: xr.Dataset) -> Ensemble:
    """Return the ensemble a study describes, on a task with labels or real targets."""
    train = study.train
    x = task["x"].to_numpy()
    samples = len(x)
    n_train = round(train.train_fraction * samples)
    if n_train < 1:
        raise InputError(
            f"train.train_fraction is {train.train_fraction}: no sample of {samples} is left; "
            f"it must be at least {1 / samples:.2g}"
        )
    is_train = np.zeros((train.replicas, samples), bool)
    for replica in range(train.replicas):
        rng = np.random.default_rng(seed_sequence(train.seed, replica, "split", train.twins))
        is_train[replica, rng.permutation(samples)[:n_train]] = True
    outputs = task.sizes["label" if "y" in task else "output"]
    targets = _labels(study, task) if "y" in task else task["target"].to_numpy()
    return Ensemble(
        network=network_of(study, task, outputs),
        training=Training(
            rates=learning_rates(train),
            batch_size=train.batch_size,
            sampler=train.sampling,
            optimiser=train.optimiser,
            momentum=train.momentum,
            nesterov=train.nesterov,
            weight_decay=train.weight_decay,
            orthonormality=train.orthonormality,
            loss=train.loss,
            langevin=train.langevin,
            label_noise=train.label_noise,
            dtype=train.dtype,
        ),
        samples=Samples(x=x, targets=targets, is_train=is_train),
        seed=train.seed,
        twins=train.twins,
    )


def network_of(study: Study, task: xr.Dataset, outputs: int) -> Network:
    """Return a study's network, with the inputs of its task."""
    network = study.network
    if network.module:
        from sgdphys.engines.modules import ModuleNetwork

        shape = task.attrs.get("shape", (task.sizes["feature"],))
        inputs = tuple(int(n) for n in np.atleast_1d(shape))
        return ModuleNetwork(network.module, inputs, outputs, study.folder)
    return Perceptron(
        sizes=(task.sizes["feature"], *network.layers, outputs),
        activation=network.activation,
        init=network.init,
        noise=network.noise,
        bias=network.bias,
    )


def _labels(study: Study, task: xr.Dataset) -> np.ndarray:
    """Labels (family, sample): hard ones alike for all, others drawn once a family."""
    if study.task.labels == "hard":
        return task["y"].to_numpy()[None]
    train = study.train
    if study.task.labels == "random":
        streams = (
            np.random.default_rng(seed_sequence(train.seed, first, "labels"))
            for first in range(0, train.replicas, train.twins)
        )
        return np.stack([rng.permutation(task["y"].to_numpy()) for rng in streams])
    p = task["p_y_given_x"].to_numpy().cumsum(axis=1)
    drawn = []
    for first in range(0, train.replicas, train.twins):
        rng = np.random.default_rng(seed_sequence(train.seed, first, "labels"))
        drawn.append((rng.random(len(p))[:, None] > p[:, :-1]).sum(axis=1))
    return np.stack(drawn)


def learning_rates(train: Train) -> np.ndarray:
    """Learning rate of every epoch, float64 (epoch,)."""
    epoch = np.arange(train.epochs)
    if isinstance(train.schedule, StepSchedule):
        return train.learning_rate * train.schedule.factor ** (epoch // train.schedule.every)
    if train.schedule == "cosine":
        return train.learning_rate * 0.5 * (1.0 + np.cos(np.pi * epoch / train.epochs))
    return np.full(train.epochs, train.learning_rate)


def log_epochs(epochs: int, points: int = LOG_POINTS) -> np.ndarray:
    """Epoch 0, and whole epochs evenly spaced on a logarithmic axis up to the last."""
    spaced = np.round(np.geomspace(1, epochs, points)).astype(np.int64)
    return np.unique(np.concatenate([[0], spaced, [epochs]]))


def plan_of(study: Study, updates_per_epoch: int) -> Plan:
    """Return what a study records, as steps and epochs."""
    epochs, record = study.train.epochs, study.record
    last = epochs * updates_per_epoch
    weights = record.weights
    if isinstance(weights, Bursts):
        starts = burst_starts(weights.burst, weights.starts, epochs)
        span = min(weights.burst, epochs) * updates_per_epoch
        steps = np.unique(starts[:, None] * updates_per_epoch + np.arange(span + 1))
    elif isinstance(weights, Every):
        steps = np.arange(0, last + 1, weights.every)
    elif weights == "step":
        steps = np.arange(last + 1)
    elif weights == "epoch":
        steps = np.arange(epochs + 1) * updates_per_epoch
    elif weights == "pairs":
        log = log_epochs(epochs)
        steps = np.unique([*log, *np.minimum(log + 1, epochs)]) * updates_per_epoch
    else:
        steps = log_epochs(epochs) * updates_per_epoch
    gradients = record.gradients
    if isinstance(gradients, Every):
        at = np.arange(0, epochs + 1, gradients.every)
    elif gradients == "epoch":
        at = np.arange(epochs + 1)
    else:
        at = log_epochs(epochs)
    return Plan(weight_steps=steps, epochs=at, gradients=gradients != "none")


def recorded_bytes(ensemble: Ensemble, plan: Plan) -> int:
    """Size on disk of a whole recording."""
    parameters = len(ensemble.network.parameters.layer)
    itemsize = np.dtype(ensemble.training.dtype).itemsize
    each = ensemble.replicas * itemsize
    weights = len(plan.weight_steps) * parameters * each
    gradients = (2 * parameters + 4 * ensemble.network.layers) * each if plan.gradients else 0
    split = ensemble.samples.is_train.size
    per_segment = 4 * parameters * each + split + 2**17  # what a run resumes from, and overheads
    segments = len(segment_ends(ensemble, plan))
    return (
        weights + len(plan.epochs) * (gradients + 32 * ensemble.replicas) + segments * per_segment
    )


def segment_ends(ensemble: Ensemble, plan: Plan) -> np.ndarray:
    """Epochs at which segments end: each holds a bounded part of the weights and of the run."""
    epochs, per_epoch = ensemble.epochs, ensemble.updates_per_epoch
    parameters = len(ensemble.network.parameters.layer)
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


def segment_name(first: int, end: int) -> str:
    """File name of the segment of the epochs from first to end."""
    return f"{first:09d}-{end:09d}.nc"


class Recording:
    """The recording of one study in one run folder: what is there, and carrying on with it.

    Parameters
    ----------
    study : Study
    folder : Path
        The run's folder.
    threads : int, optional
        Defaults to all processors.
    tell : callable
        Receives a sentence on which engine was chosen.
    """

    def __init__(
        self,
        study: Study,
        folder: Path,
        threads: int | None = None,
        tell: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.study = study
        self.segments = folder / SEGMENTS
        self.ensemble = ensemble_of(study, task_of(study))
        self.plan = plan_of(study, self.ensemble.updates_per_epoch)
        train = study.train
        self.engine = engine_for(self.ensemble, train.engine, threads, train.device, tell)
        self.bytes = recorded_bytes(self.ensemble, self.plan)

    def done_epochs(self) -> int:
        """Epochs that finished segments hold."""
        paths = segment_paths(self.segments) if self.segments.is_dir() else []
        if not paths:
            return 0
        if not (self.segments / segment_name(0, int(paths[0].stem.split("-")[1]))).exists():
            raise WorkError(f"{self.segments} lacks its first segment; run again with --fresh")
        return int(paths[-1].stem.split("-")[1])

    def require_room(self) -> None:
        """Refuse a recording that the disk cannot hold.

        Raises
        ------
        WorkError
            With the size needed and the size free.
        """
        done = sum(path.stat().st_size for path in segment_paths(self.segments))
        need = (self.bytes - done) * _DISK_MARGIN
        free = shutil.disk_usage(self.segments).free
        if need > free:
            raise WorkError(
                f"the recording needs {need / 1e9:.2f} GB and {self.segments} has "
                f'{free / 1e9:.2f} GB free; record less (record.weights = "log") or use --out'
            )

    def run(
        self, progress: Callable[[int], None] | None = None, stop: Callable[[], bool] | None = None
    ) -> None:
        """Train and record what is missing; raises ``engines.base.Stopped`` when asked to stop."""
        remove_partial(self.segments)
        state = self._resume()
        ends = segment_ends(self.ensemble, self.plan)
        with SegmentWriter(self.segments, self.study.record.compression) as writer:
            for end in ends[ends > state.epoch]:
                first = state.epoch
                state, recorded = self.engine.advance(
                    state, int(end), self.plan, progress=progress, stop=stop
                )
                build = functools.partial(self._tree, recorded, state)
                writer.write(segment_name(first, int(end)), build)

    def _resume(self) -> State:
        """Return the state after the last finished segment."""
        paths = segment_paths(self.segments)
        if not paths:
            return self.engine.initial_state()
        with open_segment(paths[-1]) as tree:
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

    def _tree(self, recorded: Recorded, state: State) -> xr.DataTree:
        """Return one segment: what was recorded, and the state after it."""
        ensemble = self.ensemble
        network, per_epoch = ensemble.network, ensemble.updates_per_epoch
        replicas = {"replica": np.arange(ensemble.replicas)}
        layers = np.arange(1, network.layers + 1)
        layer_names = network.layer_names
        table = schema.parameter_coordinates(network.parameters)
        names = np.array(layer_names)[network.parameters.layer - 1]
        by_epoch = {"epoch": recorded.epochs, **replicas}
        rates = np.append(ensemble.training.rates, 0.0)
        done, rest = np.divmod(recorded.steps, per_epoch)
        elapsed = per_epoch * (np.cumsum(rates) - rates)[done] + rest * rates[done]
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
                    "time": ("step", elapsed),
                    **replicas,
                    "family": ("replica", np.arange(ensemble.replicas) // ensemble.twins),
                    **table,
                    "layer_name": ("parameter", names),
                },
            ),
            "split": schema.dataset("split", {"train": ensemble.samples.is_train}, replicas),
        }
        for group in ("training", "gradients"):
            values = {
                n: recorded.by_epoch[n] for n in schema.GROUPS[group] if n in recorded.by_epoch
            }
            if values:
                along = table if group == "gradients" else {}
                if group == "gradients":
                    # "layer" is an axis here; the parameters' own layer goes by its tensor
                    along = {k: v for k, v in table.items() if k != "layer"}
                    along |= {"layer": layers, "layer_name": ("layer", layer_names)}
                groups[group] = schema.dataset(group, values, {**by_epoch, **along})
        state_dims = ("replica", "parameter")
        groups[RESUME] = xr.Dataset(
            {n: (state_dims, getattr(state, n)) for n in ("theta", "velocity", "square")},
            attrs={"epoch": state.epoch},
        )
        for name, kept in state.buffers.items():
            dims = ("replica", *(f"{name}_{k}" for k in range(1, kept.ndim)))
            groups[RESUME][_BUFFER + name] = (dims, kept)
        tree = xr.DataTree.from_dict(groups)
        tree.attrs = provenance(self.study, self.engine) | {
            "network": network.description(),
            "loss": ensemble.training.loss,
        }
        return tree


def provenance(study: Study, engine: Engine) -> dict[str, Any]:
    """Return the attributes that say where a recording comes from."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    libraries = ("numpy", "scipy", "numba", "xarray", "netCDF4")
    return {
        "schema_version": schema.SCHEMA_VERSION,
        "title": study.title,
        "sgdphys_version": sgdphys.__version__,
        "study": resolved_text(study),
        "study_hash": study_hash(study),
        "seed": study.train.seed,
        "engine": engine.name,
        "threads": engine.threads,
        "cpu": _cpu(),
        "libraries": {name: version(name) for name in libraries},
        "created": now,
        "history": f"{now} recorded by sgdphys {sgdphys.__version__}",
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(s.partition(":")[2].strip() for s in lines if s.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
