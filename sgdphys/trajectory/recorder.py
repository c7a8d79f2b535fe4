"""The recorder of a user's own training loop, which ``record`` returns.

The weights are copied at the call, so that what the loop does later changes nothing. They go to
segments beside the file, each whole or not there, and are joined into it at the end.
"""

import atexit
import json
import os
import threading
import time
import uuid
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.quantities import labelled, number_of
from sgdphys.trajectory import schema
from sgdphys.trajectory.gradient_sums import GradientSums, layer_ends, norms_by_layer
from sgdphys.trajectory.locations import is_remote, remove
from sgdphys.trajectory.locks import Lock
from sgdphys.trajectory.parts import go_on, join
from sgdphys.trajectory.provenance import provenance
from sgdphys.trajectory.recording_arguments import scalar
from sgdphys.trajectory.schedules import Every, schedule_of
from sgdphys.trajectory.segments import parts_of, segment_name, suffix_of
from sgdphys.trajectory.sketch import Moment, Sketch
from sgdphys.trajectory.tensor_table import table_group
from sgdphys.trajectory.tensors import Tensors
from sgdphys.trajectory.updates import Updates
from sgdphys.trajectory.writer import begin_tree, let_go

SEGMENT_BYTES = 32 * 2**20
FLUSH_SECONDS = 5.0
"""Seconds that a kill may lose; _FLUSH_SHARE of a long recording, so that segments stay few."""
_FLUSH_SHARE = 0.01
_MOMENTS = 2**18
"""Parameters whose moments are computed together."""
_COMPARED = 512
"""About how many weights of a model are kept, to tell whether they move without an update."""


_OPEN: "weakref.WeakValueDictionary[Path, Recorder]" = weakref.WeakValueDictionary()


def open_at(path: Path) -> "Recorder | None":
    """Return the recorder of this process that records to a path, if there is one."""
    return _OPEN.get(path.resolve())


def _flush_all() -> None:
    """Keep what recorders hold that a script never closed."""
    for recorder in list(_OPEN.values()):
        recorder.flush()
        recorder.release()


atexit.register(_flush_all)


class _Completion(threading.Thread):
    """Completes a segment that was written, with what it holds in case that fails."""

    def __init__(
        self, complete: Callable[[], None], rows: list[dict[str, np.ndarray]],
        scalars: dict[int, dict[str, float]],
    ) -> None:  # fmt: skip
        super().__init__(name="segment completion", daemon=True)
        self.rows, self.scalars = rows, scalars
        self.error: BaseException | None = None
        self._complete = complete

    def run(self) -> None:
        """Complete it, and keep what goes wrong."""
        try:
            self._complete()
        except BaseException as error:
            self.error = error


class Recorder:
    """A recording that is going on; made by ``record``.

    Attributes
    ----------
    path : Path
    steps : int
        Updates counted so far.
    """

    def __init__(
        self,
        path: Path,
        tensors: list[Tensors],
        every: Every,
        attributes: Mapping[str, Any],
        first_step: int = 0,
        held: Lock | None = None,
    ) -> None:
        self._held = held
        self.path, self.steps = path, first_step
        self._tensors, self._schedule, self._every = tensors, schedule_of(every), every
        self._attributes = dict(attributes)
        self._time = 0.0
        self._parts = parts_of(path)
        self._rows: list[dict[str, np.ndarray]] = []
        self._seen: tuple[int, np.ndarray] | None = None
        self._scalars: dict[int, dict[str, float]] = {}
        self._diverged = np.full(len(tensors), -1, np.int64)
        self._sums: list[GradientSums] | None = None
        self._sketches: list[Sketch] | None = None
        self._updates: Updates | None = None
        self._rates = np.zeros(0)
        self._counted = 0
        self._closed = self._is_resumed = False
        self._ended = ""
        self._completing: _Completion | None = None
        self._id, self._segments = uuid.uuid4().hex, 0
        self._process, self._begun = os.getpid(), time.monotonic()
        self._flushed_at, self._flushed_step, self._noted = self._begun, first_step, -1
        self._schedules: list[tuple[int, Every]] = [(first_step, every)]

    @classmethod
    def of_nothing(cls, path: Path) -> "Recorder":
        """A recorder that records nothing, for processes beside the one that does."""
        recorder = cls(path, [], 1, {})
        recorder._ended = "another process records"
        return recorder

    def begin(
        self,
        optimizers: Sequence[Any],
        sketch: int | None,
        *,
        gradients: bool,
        resume_at: int | None,
    ) -> None:
        """Record the state at entry, and begin to follow the optimizers."""
        first = self._tensors[0]
        self._ends = layer_ends(first.table)
        if sketch is not None:
            self._sketches = []
            for tensors in self._tensors:
                flat = tensors.new_flat(tensors.total)
                tensors.copy_to(flat)
                self._sketches.append(
                    Sketch(flat, sketch, self._attributes["sketch_seed"], self._parts)
                )
        self._width = first.total if self._sketches is None else self._sketches[0].dimensions
        row = self._width * len(self._tensors) * np.dtype(first.dtype).itemsize
        self._room = max(1, min(4096, SEGMENT_BYTES // row))
        if gradients:
            self._sums = [GradientSums(t.new_flat(t.total)) for t in self._tensors]
        if optimizers:
            see = self._see_gradients if gradients else None
            self._updates = Updates(optimizers, self._count, see)
            self._rates = np.full(len(self._updates.rates), np.nan)
        if resume_at is None or not self._go_on(None if resume_at < 0 else resume_at):
            self._take()
        _OPEN[self.path] = self

    def abandon(self, *, keep_files: bool) -> None:
        """End a recording that could not begin, and leave nothing of it."""
        self._closed = True
        if self._updates is not None:
            self._updates.stop()
        if not keep_files:
            with suppress(OSError):
                remove(self._parts)
        self.release()

    def __repr__(self) -> str:
        """Where the recording stands, for a notebook too."""
        state = self._ended or ("closed" if self._closed else "recording")
        return f"<Recorder of {self.path}: {self.steps} updates, {state}>"

    def __del__(self) -> None:
        # so that what opens the path next finds no segment that is only half there
        if self._completing is not None and self._completing.is_alive():
            self._completing.join()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def step(self, **scalars: Any) -> None:
        """Count an update, and record what is due; with ``optimizer=`` only note the scalars.

        Parameters
        ----------
        **scalars
            Numbers, or tensors of one, of this step: loss=loss.

        Raises
        ------
        InputError
            After ``close``, for what is no number, or for a name that no file can hold.
        """
        if self._closed:
            raise InputError(f"the recording of {self.path} is closed; begin another with record()")
        numbers = {name: scalar(name, value) for name, value in scalars.items()}
        if self._updates is None:
            self._count()
        if numbers and not self._ended and self.steps != self._noted:
            self._scalars.setdefault(self.steps, {}).update(numbers)

    def _see_gradients(self, of: set[int], scale: Any) -> None:
        assert self._sums is not None
        for sums, tensors in zip(self._sums, self._tensors, strict=True):
            tensors.copy_gradients(sums.pending, of, scale)

    def _count(self) -> None:
        if self._ended:
            return
        is_due = self._schedule(self.steps + 1)
        if is_due or self._sketches is not None:
            changed = next(filter(None, (tensors.change() for tensors in self._tensors)), "")
            if changed:
                self._end(changed)
                return
        self.steps += 1
        self._counted += 1
        if self._updates is not None:
            self._rates = self._updates.rates
        self._time += self._rates[0] if len(self._rates) else np.nan
        for sums in self._sums or []:
            sums.add()
        sketched = None
        if self._sketches is not None:
            layers = len(self._ends)
            sketched = [
                sketch.follow(tensors.parts(), layers, is_due)
                for sketch, tensors in zip(self._sketches, self._tensors, strict=True)
            ]
        if is_due:
            self._take(sketched)
        for sums in self._sums or []:
            sums.pending.zero_()  # of an optimizer that a scaler makes skip the next update
        clock = time.monotonic()
        if clock - self._flushed_at > max(FLUSH_SECONDS, _FLUSH_SHARE * (clock - self._begun)):
            self._flush(in_background=True)

    def _end(self, why: str) -> None:
        """End the recording because the model is another one now."""
        self._ended = f"{why} before step {self.steps + 1}"
        if self._updates is not None:
            self._updates.stop()
        self._flush()
        warnings.warn(
            f"the recording of {self.path} ended after step {self.steps}: {why}; training goes on "
            "unrecorded, and what was recorded is kept",
            stacklevel=2,
        )

    def _take(self, sketched: Sequence[Any] | None = None) -> None:
        """Copy what is recorded of this step."""
        models = len(self._tensors)
        if self._sketches is None and models == 1:
            theta = self._tensors[0].values()[None]  # no second copy of a large model
        else:
            theta = np.empty((models, self._width), self._tensors[0].dtype)
        norms = np.empty((models, len(self._ends)))
        row: dict[str, np.ndarray] = {"theta": theta}
        for k, tensors in enumerate(self._tensors):
            if self._sketches is None:
                if models > 1:
                    theta[k] = tensors.values()
                is_finite = bool(np.isfinite(theta[k]).all())
            else:
                if sketched is None:
                    first = self._sketches[k].last
                    theta[k] = self._sketches[k].of(first).cpu().numpy()
                    norms[k] = norms_by_layer(first, self._ends)
                else:
                    theta[k], norms[k] = sketched[k]
                is_finite = bool(np.isfinite(norms[k]).all())
            if not is_finite and self._diverged[k] < 0:
                self._diverged[k] = self.steps
        if self._sketches is not None:
            row["weight_norm"] = norms
        if self._sums is not None:
            stats = [sums.statistics(self._ends) for sums in self._sums]
            for name in ("mean_norm", "noise_norm", "last_gradient_norm"):
                row[name] = np.stack([s[name] for s in stats])
        if len(self._rates):
            row["learning_rate"] = self._rates.copy()
        if self._sketches is None:
            self._seen = self.steps, _some_of(theta)
        row["step"] = np.array(self.steps)
        row["time"] = np.array(self._time)
        self._rows.append(row)
        if len(self._rows) >= self._room:
            self._flush(in_background=True)

    def describe(self, name: str, value: str) -> None:
        """Set an attribute of the recording, which the next ``flush`` writes."""
        self._attributes[name] = value
        self._flushed_step = -1

    def flush(self) -> None:
        """Write what was recorded so far, so that a crash keeps it and resume=STEP finds the step.

        Scalars of this step that come later are left out. It is done by itself every few seconds,
        when the interpreter exits, and where a trainer's callback saves a checkpoint.
        """
        # a fork of the process has a copy of the rows
        if self._closed or self._process != os.getpid():
            return
        if not is_remote(self._parts) and not self._parts.is_dir():
            return
        if self.steps in self._scalars:
            self._noted = self.steps
        self._flush(and_steps=True)

    def _flush(self, *, and_steps: bool = False, in_background: bool = False) -> None:
        self._flushed_at = time.monotonic()
        self._complete()
        is_new = and_steps and self.steps != self._flushed_step
        if not self._rows and not self._scalars and not is_new:
            return
        rows, scalars = self._rows, self._scalars
        diverged = self._diverged.copy()
        first = int(rows[0]["step"]) if rows else min(scalars, default=self.steps)
        last = max([int(rows[-1]["step"]) if rows else first, *scalars])
        name = segment_name(first, last, self._segments, suffix_of(self.path))
        # in this thread, so that a loop may read files of its own by other libraries
        tree = self._tree(rows, scalars, diverged)
        try:
            complete = begin_tree(tree, self._parts / name, replace=False)
        finally:
            let_go(tree)
        self._completing = _Completion(complete, rows, scalars)
        self._segments += 1
        self._flushed_step = self.steps
        self._rows, self._scalars = [], {}
        if in_background and self._room > 1:  # a second copy of a large model is too much
            self._completing.start()
        else:
            self._completing.run()
            self._complete()

    def _complete(self) -> None:
        """Wait for the last segment; what it holds is kept where it could not be completed."""
        last, self._completing = self._completing, None
        if last is None:
            return
        if last.is_alive():
            last.join()
        if last.error is not None:
            self._rows = [*last.rows, *self._rows]
            for step, numbers in last.scalars.items():
                self._scalars[step] = numbers | self._scalars.get(step, {})
            raise last.error

    def _tree(
        self, rows: list[dict[str, np.ndarray]], scalars: dict[int, dict[str, float]],
        diverged: np.ndarray,
    ) -> xr.DataTree:  # fmt: skip
        tensors = self._tensors[0]
        replicas = np.arange(len(self._tensors))
        layers = np.arange(1, len(self._ends) + 1)
        table = tensors.table
        steps = np.array([int(r["step"]) for r in rows], np.int64)
        along: dict[str, Any] = {
            "step": steps,
            "replica": replicas,
            "family": ("replica", replicas),
            "time": ("step", np.array([float(r["time"]) for r in rows])),
        }
        if len(rows) == 1:  # no second copy of a large model
            theta = rows[0]["theta"][None]
        else:
            theta = np.zeros((len(rows), len(replicas), self._width), tensors.dtype)
            for k, r in enumerate(rows):
                theta[k] = r["theta"]
        weights = schema.dataset("weights", {"theta": theta, "diverged_step": diverged}, along)
        groups = {"weights": weights, "tensors": table_group(table, tensors.shapes)}
        by_step: dict[str, Any] = {
            name: (("step", "replica", "layer"), np.stack([r[name] for r in rows]))
            for name in ("weight_norm", "mean_norm", "noise_norm", "last_gradient_norm")
            if rows and name in rows[0]
        }
        coordinates: dict[str, Any] = {"step": steps}
        if by_step:
            names = list(table.layer_names)[: len(layers)]
            coordinates |= {
                "replica": replicas, "layer": layers, "layer_name": ("layer", names)
            }  # fmt: skip
        if rows and "learning_rate" in rows[0]:
            by_step["learning_rate"] = (
                ("step", "group"), np.stack([r["learning_rate"] for r in rows])
            )  # fmt: skip
        if by_step:
            groups["updates"] = labelled(xr.Dataset(by_step, coordinates))
        if scalars:
            at = sorted(scalars)
            known = sorted({name for numbers in scalars.values() for name in numbers})
            groups["scalars"] = labelled(
                xr.Dataset(
                    {n: ("step", [scalars[s].get(n, np.nan) for s in at]) for n in known},
                    {"step": np.array(at, np.int64)},
                )
            )
        tree = xr.DataTree.from_dict(groups)
        tree.attrs = self._attributes | {
            "schema_version": schema.SCHEMA_VERSION,
            **provenance("recorded from a training loop"),
            "recording": self._id,
            "segment": self._segments,
            "flushed_step": self.steps,
            "flushed_time": self._time,
            "schedule": json.dumps(self._schedules),
            "tied": json.dumps(tensors.tied),
            "widened": json.dumps(tensors.widened),
            "complex": json.dumps(tensors.complex),
            "buffers": self._said_of_buffers(),
            "what": "sketch" if self._sketches is not None else "parameters",
        }
        return tree

    def _said_of_buffers(self) -> str:
        tensors = self._tensors[0]
        if "buffer" not in tensors.table.kinds:
            return "not recorded"
        left_out = ", ".join(tensors.left_out)
        return "recorded" + (f", but for whole numbers: {left_out}" if left_out else "")

    def _go_on(self, at: int | None) -> bool:
        """Count on from an earlier recording; whether it has recorded the state now."""
        first = self._tensors[0]
        shapes = dict(zip(first.names, first.shapes, strict=True))
        earlier = go_on(self.path, at, shapes, len(self._tensors), len(self._rates))
        self._is_resumed = True
        self.steps, self._time = earlier.steps, earlier.time
        self._flushed_step = self.steps
        self._id = earlier.recording or self._id
        self._schedules = [*earlier.schedules, (earlier.steps, self._every)]
        self._segments, self._diverged = earlier.segments, earlier.diverged.copy()
        if earlier.last is None:
            return False
        now = np.stack([tensors.values() for tensors in self._tensors])
        if now.shape != earlier.last.shape or not np.array_equal(now, earlier.last, equal_nan=True):
            warnings.warn(
                f"the model's weights are not those that {self.path} holds of step {self.steps}, "
                "from which it is gone on with; give resume=STEP for the step of a checkpoint",
                stacklevel=4,
            )
        return True

    def close(self) -> None:
        """End the recording and join its segments into the file; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        if not self._tensors:
            return
        _OPEN.pop(self.path, None)
        try:
            self._finish()
        finally:
            self.release()

    def _finish(self) -> None:
        """Write what is left, and join all segments."""
        if self._updates is not None:
            if self._updates.is_between:  # the last step was half done
                self._count()
            self._updates.stop()
        # one that was complete may be resumed without a further update
        is_idle = self._updates is not None and not self._is_resumed
        has_moved = not self._ended and self._has_moved()
        if not self._counted and not self._ended and (is_idle or has_moved):
            warnings.warn(
                f"no update was counted while {self.path} was recorded; give optimizer=, whose "
                "step() counts, or leave it out and call the recorder's step() after each update",
                stacklevel=3,
            )
        elif has_moved:
            warnings.warn(
                f"the weights changed after step {self.steps} of {self.path}, the last update that "
                "was counted: another optimizer took over, or they were set; that is not recorded",
                stacklevel=3,
            )
        self._flush()
        attributes: dict[str, Any] = {"last_step": self.steps, "last_time": self._time}
        if self._ended:
            attributes |= {"ended_at_step": self.steps, "ended_because": self._ended}
        join(self.path, attributes, self._increments())

    def _has_moved(self) -> bool:
        """Whether the weights are others than after the last update, as far as that is known."""
        if any(tensors.change() for tensors in self._tensors):
            return True
        if self._seen is None or self._seen[0] != self.steps:
            return False
        now = np.stack([_some_of(tensors.values()) for tensors in self._tensors])
        return not np.array_equal(now, self._seen[1], equal_nan=True)

    def release(self) -> None:
        """Let other processes record to the path."""
        if self._held is not None:
            self._held.release()

    def _increments(self) -> xr.Dataset | None:
        """Moments of all increments, where the recording is a sketch."""
        if self._sketches is None:
            return None
        means, variances = zip(*(sketch.moments() for sketch in self._sketches), strict=True)
        axes = ("replica", "parameter")
        increments = xr.Dataset(
            {
                "increment_mean": (axes, _lazy_rows(means)),
                "increment_variance": (axes, _lazy_rows(variances)),
                "count": self._sketches[0].count,
            },
            {"replica": np.arange(len(means))},
        )
        return labelled(increments, {"count": number_of("increments")})


def _some_of(theta: np.ndarray) -> np.ndarray:
    """Some weights (..., parameter), by which it is told whether they moved."""
    return theta[..., :: max(1, theta.shape[-1] // _COMPARED)].copy()


def _lazy_rows(moments: Sequence[Moment]) -> Any:
    """Moments of several models, (replica, parameter), computed block by block when written."""
    from dask import array

    da: Any = array
    return da.concatenate([da.from_array(m, (1, _MOMENTS), name=False) for m in moments])
