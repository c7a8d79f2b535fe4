"""Recording a user's own training loop: ``record`` and the object it returns.

The weights are copied at the call, so that what the loop does later changes nothing. They go to
segments beside the file, each whole or not there, and are joined into it at the end.
"""

import gc
import json
import shutil
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import sgdphys
from sgdphys.errors import InputError
from sgdphys.quantities import labelled
from sgdphys.trajectory import schema
from sgdphys.trajectory.digests import digest_path
from sgdphys.trajectory.gradient_sums import GradientSums, layer_ends, norms_by_layer
from sgdphys.trajectory.reader import join_segments, open_trajectory
from sgdphys.trajectory.schedules import Every, schedule_of
from sgdphys.trajectory.segments import parts_of, segment_name, segment_paths
from sgdphys.trajectory.sketch import Moment, Sketch
from sgdphys.trajectory.tensor_table import table_group
from sgdphys.trajectory.tensors import Tensors
from sgdphys.trajectory.writer import remove_partial, write_tree

SEGMENT_BYTES = 32 * 2**20
_MOMENTS = 2**18
"""Parameters whose moments are computed together."""


def record(
    model: Any,
    path: str | Path,
    *,
    optimizer: Any = None,
    every: Every = 1,
    what: str | Sequence[str] = "parameters",
    sketch: int = 512,
    gradients: bool = False,
    seed: int = 0,
    title: str = "recorded from a training loop",
    overwrite: bool = False,
    resume: bool = False,
) -> "Recorder":
    """Record the weights of a PyTorch model while a loop of one's own trains it.

    Parameters
    ----------
    model : torch.nn.Module, or list of them
        Several models of the same shapes are the replicas of an ensemble, stepped together.
    path : path
        A netCDF file to be; segments stand beside it, in ``PATH.parts``, until it is closed.
    optimizer : torch.optim.Optimizer, optional
        Each of its updates is a step, however many backward passes it took; updates that a
        gradient scaler skips are none. Without it call ``step`` after each update.
    every : int, "log" or mapping
        Steps between records; "log": log-spaced, 40 a decade; {"burst": k, "starts": n, "updates":
        N}: k consecutive steps at n log-spaced starts of a run of N.
    what : str or list of str
        "parameters"; names of parameters, with shell patterns ("*.weight"); or "sketch" for large
        models: a seeded sparse projection that keeps distances, norms of each layer, and mean and
        variance of every parameter's increments over the whole recording.
    sketch : int
        Numbers of the projection; the largest prime up to it is taken.
    gradients : bool
        Record the norm of the mean and of the noise of each layer's minibatch gradients since the
        record before, and of the last one.
    seed : int
        Of the projection.
    title : str
    overwrite : bool
        Replace what is at the path.
    resume : bool
        Go on with a recording that ended: steps are counted on from its last.

    Returns
    -------
    Recorder
        A context manager; step 0 is the state now.

    Raises
    ------
    InputError
        When the path is taken, nothing requires gradients, nothing is named so, or the models
        differ in shape.

    Notes
    -----
    Tied parameters are recorded once, their other names kept in the attribute ``tied``; frozen ones
    are recorded too. float64 is kept, narrower types become float32, which holds them exactly.

    Several threads may record and open trajectories at once. The netCDF library itself is not
    thread-safe: while one thread records, no other may open or save netCDF files with xarray or
    netCDF4 directly, which can crash the process.
    """
    models = list(model) if isinstance(model, list | tuple) else [model]
    if not models:
        raise InputError("an empty list of models was given; there is nothing to record")
    sketched = what == "sketch"
    patterns = (
        None if what in ("parameters", "sketch") else [what] if isinstance(what, str) else what
    )
    tensors = [Tensors(m, patterns) for m in models]
    for number, other in enumerate(tensors[1:], 1):
        if (other.names, other.shapes) != (tensors[0].names, tensors[0].shapes):
            raise InputError(
                f"model {number} of the list has other parameters than the first; record it apart "
                "and join the files with sgdphys.gather"
            )
    if optimizer is not None and not hasattr(optimizer, "register_step_post_hook"):
        raise InputError(
            f"optimizer is a {type(optimizer).__name__} without step hooks; leave it out and call "
            "step() after each update"
        )
    return Recorder(
        tensors, Path(path), optimizer, every, sketch if sketched else None,
        gradients=gradients, seed=seed, title=title, overwrite=overwrite, resume=resume,
    )  # fmt: skip


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
        tensors: list[Tensors],
        path: Path,
        optimizer: Any,
        every: Every,
        sketch: int | None,
        *,
        gradients: bool,
        seed: int,
        title: str,
        overwrite: bool,
        resume: bool,
    ) -> None:
        self.path, self.steps = path, 0
        self._tensors, self._schedule, self._every = tensors, schedule_of(every), every
        self._title, self._seed = title, seed
        self._time, self._rate = 0.0, np.nan
        self._parts = parts_of(path)
        self._rows: list[dict[str, np.ndarray]] = []
        self._scalars: dict[int, dict[str, float]] = {}
        self._diverged = np.full(len(tensors), -1, np.int64)
        self._sums = [GradientSums() for _ in tensors] if gradients else None
        self._ends = layer_ends(tensors[0].table)
        self._sketches: list[Sketch] | None = None
        self._closed = False
        self._id, self._segments = uuid.uuid4().hex, 0
        self._schedules: list[tuple[int, Every]] = [(0, every)]
        if resume and (sketch is not None or gradients):
            raise InputError(
                "resume goes with parameters alone: sums over the whole recording cannot go on"
            )
        _prepare(path, self._parts, overwrite=overwrite, resume=resume)
        self._hooks: list[Any] = []
        try:
            self._begin(optimizer, sketch, resume=resume)
        except BaseException:
            for hook in self._hooks:
                hook.remove()
            if not resume:
                shutil.rmtree(self._parts)
            raise

    def _begin(self, optimizer: Any, sketch: int | None, *, resume: bool) -> None:
        """Record the state at entry, and begin to follow the optimizer."""
        if sketch is not None:
            self._sketches = []
            for tensors in self._tensors:
                flat = tensors.new_flat(tensors.total)
                tensors.copy_to(flat)
                self._sketches.append(Sketch(flat, sketch, self._seed, self._parts))
        self._width = (
            self._tensors[0].total if self._sketches is None else self._sketches[0].dimensions
        )
        itemsize = np.dtype(self._tensors[0].dtype).itemsize
        row = self._width * len(self._tensors) * itemsize
        self._room = max(1, min(4096, SEGMENT_BYTES // row))
        if not (resume and self._go_on()):
            self._take()
        if optimizer is not None:
            self._hooks.append(optimizer.register_step_pre_hook(self._before_update))
            self._hooks.append(optimizer.register_step_post_hook(self._after_update))

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
            After ``close``, or when a parameter has changed its shape.
        """
        if self._closed:
            raise InputError(f"the recording of {self.path} is closed; begin another with record()")
        if not self._hooks:
            self._count()
        if scalars:
            numbers = {
                name: float(value.detach() if hasattr(value, "detach") else value)
                for name, value in scalars.items()
            }
            self._scalars.setdefault(self.steps, {}).update(numbers)

    def _before_update(self, optimizer: Any, *_: Any) -> None:
        self._rate = float(optimizer.param_groups[0].get("lr", np.nan))
        if self._sums is not None:
            for sums, tensors in zip(self._sums, self._tensors, strict=True):
                flat = tensors.new_flat(tensors.total)
                tensors.copy_to(flat, tensors.gradients)
                sums.add(flat)

    def _after_update(self, *_: Any) -> None:
        self._count()

    def _count(self) -> None:
        self.steps += 1
        self._time += self._rate
        is_due = self._schedule(self.steps)
        sketched = None
        if self._sketches is not None:
            layers = len(self._ends)
            sketched = [
                sketch.follow(tensors.parts(), layers, is_due)
                for sketch, tensors in zip(self._sketches, self._tensors, strict=True)
            ]
        if is_due:
            self._take(sketched)

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
        row["step"] = np.array(self.steps)
        row["time"] = np.array(self._time)
        self._rows.append(row)
        if len(self._rows) >= self._room:
            self._flush()

    def _flush(self) -> None:
        if not self._rows and not self._scalars:
            return
        rows, self._rows = self._rows, []
        scalars, self._scalars = self._scalars, {}
        diverged = self._diverged.copy()
        first = int(rows[0]["step"]) if rows else min(scalars)
        last = max([int(rows[-1]["step"])] if rows else [0])
        last = max([last, *scalars])
        name = segment_name(first, last, self._segments)
        # in this thread, so that a loop may read files of its own by other libraries
        write_tree(self._tree(rows, scalars, diverged), self._parts / name, replace=False)
        self._segments += 1
        if self._room == 1:  # nodes of a tree refer to each other: their large arrays would stay
            del rows
            gc.collect()

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
        by_layer = {
            name: (("step", "replica", "layer"), np.stack([r[name] for r in rows]))
            for name in ("weight_norm", "mean_norm", "noise_norm", "last_gradient_norm")
            if rows and name in rows[0]
        }
        if by_layer:
            groups["updates"] = labelled(
                xr.Dataset(by_layer, {
                    "step": steps, "replica": replicas, "layer": layers,
                    "layer_name": ("layer", list(table.layer_names)),
                })
            )  # fmt: skip
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
        now = datetime.now(UTC).isoformat(timespec="seconds")
        tree.attrs = {
            "schema_version": schema.SCHEMA_VERSION,
            "title": self._title,
            "sgdphys_version": sgdphys.__version__,
            "created": now,
            "history": f"{now} recorded from a training loop by sgdphys {sgdphys.__version__}",
            "recording": self._id,
            "segment": self._segments,
            "schedule": json.dumps(self._schedules),
            "tied": json.dumps(tensors.tied),
            "widened": json.dumps(tensors.widened),
            "what": "sketch" if self._sketches is not None else "parameters",
            "seed": self._seed,
        }
        return tree

    def _go_on(self) -> bool:
        """Count on from the last step of an earlier recording, which becomes the first segment.

        Returns whether it has recorded the state at its last step.
        """
        tensors = self._tensors[0]
        with open_trajectory(self.path) as before:
            weights = before["weights"].to_dataset()
            if _shapes_of(before) != dict(zip(tensors.names, tensors.shapes, strict=True)):
                raise InputError(
                    f"{self.path} holds other parameters than the model; record to another path"
                )
            last = int(weights["step"][-1])
            self._time = float(weights["time"][-1])
            counted = int(before.attrs.get("last_step", last))
            self._id = str(before.attrs.get("recording", self._id))
            earlier = json.loads(str(before.attrs.get("schedule", "[]")))
            self._schedules = [*((s, e) for s, e in earlier if s < counted), (counted, self._every)]
        self.steps = counted
        if self.path.exists():
            self._parts.mkdir(exist_ok=True)
            joined = self._parts / segment_name(0, counted, 0)
            self.path.rename(joined)
            beside = digest_path(self.path)
            if beside.exists():
                beside.rename(digest_path(joined))
            self._segments = 1
        else:
            self._segments = len(segment_paths(self._parts))
        return last == counted

    def close(self) -> None:
        """End the recording and join its segments into the file; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        for hook in self._hooks:
            hook.remove()
        self._flush()
        _join(self.path, self._parts, self._final())

    def _final(self) -> dict[str, Any]:
        """What is known only at the end: the steps counted, and moments of all increments."""
        extra: dict[str, Any] = {"last_step": self.steps}
        if self._sketches is not None:
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
            extra["increments"] = labelled(increments)
        return extra


def _prepare(path: Path, parts: Path, *, overwrite: bool, resume: bool) -> None:
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} for {path.name}")
    if resume:
        if not path.exists() and not parts.is_dir():
            raise InputError(f"there is nothing at {path} to resume; leave resume out")
        if parts.is_dir():
            remove_partial(parts)
        return
    if overwrite:
        path.unlink(missing_ok=True)
        if parts.is_dir():
            shutil.rmtree(parts)
    elif path.exists() or parts.is_dir():
        what = path if path.exists() else f"{parts}, left by a recording that was cut off,"
        raise InputError(
            f"{what} exists; choose another path, resume=True to go on with it, or overwrite=True"
        )
    parts.mkdir()


def _lazy_rows(moments: Sequence[Moment]) -> Any:
    """Moments of several models, (replica, parameter), computed block by block when written."""
    from dask import array

    da: Any = array
    return da.concatenate([da.from_array(m, (1, _MOMENTS), name=False) for m in moments])


def _shapes_of(tree: xr.DataTree) -> dict[str, tuple[int, ...]]:
    """Shapes of a recording's tensors by name."""
    if "tensors" in tree.children:
        table = tree["tensors"]
        shapes = [tuple(json.loads(s)) for s in table["tensor_shape"].to_numpy()]
        return dict(zip(map(str, table["tensor_name"].to_numpy()), shapes, strict=True))
    return {n: tuple(s) for n, s in tree.attrs.get("shapes", {}).items()}  # schema version 1


def _join(path: Path, parts: Path, extra: dict[str, Any]) -> None:
    """Write all segments as one file, some at a time, and remove them."""
    attributes, groups = join_segments(parts)
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = attributes | {"last_step": extra["last_step"]}
    tree.attrs.pop("segment", None)
    if "increments" in extra:
        tree["increments"] = xr.DataTree(extra["increments"])
    write_tree(tree, path)
    shutil.rmtree(parts)
