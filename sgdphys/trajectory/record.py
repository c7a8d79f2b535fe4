"""``record``: the recording of a user's own training loop, asked for and begun."""

import gc
import importlib
import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sgdphys.errors import InputError
from sgdphys.trajectory.locations import is_remote, is_zarr, location
from sgdphys.trajectory.parts import prepare
from sgdphys.trajectory.recorder import Recorder, open_at
from sgdphys.trajectory.recording_arguments import patterns_of, resumed_step, whole_number
from sgdphys.trajectory.schedules import Every, overlap_told, plain
from sgdphys.trajectory.stores import zarr_groups
from sgdphys.trajectory.tensors import Tensors, identities
from sgdphys.trajectory.updates import optimizers_of


def record(
    model: Any,
    path: str | Path,
    *,
    optimizer: Any = None,
    every: Every = 1,
    what: str | Sequence[str] = "parameters",
    sketch: int = 512,
    gradients: bool = False,
    buffers: bool = False,
    seed: int = 0,
    title: str = "recorded from a training loop",
    metadata: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    resume: bool | int = False,
    first_step: int = 0,
) -> Recorder:
    """Record the weights of a PyTorch model while a loop of one's own trains it.

    Parameters
    ----------
    model : torch.nn.Module, or list of them
        Several models of the same shapes are the replicas of an ensemble, stepped together.
    path : path
        A netCDF file to be, or a Zarr store where the name ends in .zarr; segments stand beside it,
        in ``PATH.parts``, until it is closed. A store may be at a URL that fsspec writes, such as
        "s3://bucket/mine.zarr".
    optimizer : torch.optim.Optimizer, or list of them, optional
        Each of its updates is a step, however many backward passes it took; updates that a
        gradient scaler skips are none. Of several, a step is done once each has stepped, or been
        left out: it stepped before another one in the first round, and that one steps now. Without
        it call ``step`` after each update.
    every : int, "log" or mapping
        Steps between records; "log": log-spaced, 40 a decade; {"burst": k, "starts": n, "updates":
        N}: k consecutive steps at n log-spaced starts of a run of N; a warning tells of bursts that
        overlap for lack of room.
    what : str or list of str
        "parameters"; names of parameters, with shell patterns ("*.weight"); or "sketch" for large
        models: a seeded sparse projection that keeps distances, norms of each layer, and mean and
        variance of every parameter's increments over the whole recording.
    sketch : int
        Numbers of the projection; the largest prime up to it is taken.
    gradients : bool
        Record the norm of the mean and of the noise of each layer's minibatch gradients since the
        record before, and of the last one. A gradient is that of an update, at the weights before
        it; of an optimizer that takes a closure the closure's first evaluation. It needs
        ``optimizer``.
    buffers : bool
        Record buffers of real numbers too (running statistics of batch norm), as parameters of the
        kind "buffer". Otherwise the file says that they are absent.
    seed : int
        Of the projection.
    title : str
    metadata : mapping, optional
        Anything that JSON can hold, kept as the attribute ``metadata``.
    overwrite : bool
        Replace what is at the path.
    resume : bool or int
        Go on with a recording that ended: steps are counted on from its last. A number is the step
        to go on from, for training that resumes from an earlier checkpoint: what was recorded
        after it is cut off.
    first_step : int
        Updates done before, where a recording begins in the middle of a training.

    Returns
    -------
    Recorder
        A context manager; step 0, or ``first_step``, is the state now.

    Raises
    ------
    InputError
        When the path is taken, nothing is named so, the models differ in shape, the optimizer
        updates none of the parameters, or a parameter cannot be recorded: one of whole numbers,
        one without values, or one that is sharded over processes.

    See Also
    --------
    open_trajectory : Read what was recorded.
    gather : Join recordings as replicas.
    read_checkpoints : A trajectory from saved checkpoints instead.

    Notes
    -----
    Tied parameters are recorded once, their other names kept in the attribute ``tied``; frozen ones
    are recorded too. float64 is kept, narrower types become float32, which holds them exactly; a
    complex parameter becomes real and imaginary parts in turn.

    Where several processes train one model (``torch.distributed``), the first one records, and the
    others do nothing; names are those of the model within ``DistributedDataParallel``.

    When a parameter is added, replaced, resized, deleted or made wider than what is recorded, or a
    recorded buffer resized or deleted, the recording ends with a warning; the training goes on. The
    coordinate ``time`` is the sum of the learning rates of the first optimizer's first group of
    parameters; the rates of all groups are recorded too. Where a recording is cut between two
    records, the rate is taken to be constant between them.

    What is recorded is written every few seconds, and when the interpreter exits. A process that is
    killed loses the last 5 seconds or, where that is longer, the last hundredth of the time.

    Several threads may record and open trajectories at once. The netCDF library itself is not
    thread-safe: while one thread records, no other may open or save netCDF files with xarray or
    netCDF4 directly, which can crash the process.

    Examples
    --------
    >>> import torch, sgdphys as sp
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> with sp.record(model, "mine.nc", optimizer=optimizer):
    ...     for _ in range(5):
    ...         optimizer.zero_grad()
    ...         model(torch.randn(8, 2)).square().mean().backward()
    ...         optimizer.step()
    >>> sp.open_trajectory("mine.nc")["weights"].theta.shape  # (step, replica, parameter)
    (6, 1, 3)
    """
    if _is_other_process():
        return Recorder.of_nothing(location(path))
    models = list(model) if isinstance(model, list | tuple) else [model]
    if not models:
        raise InputError("an empty list of models was given; there is nothing to record")
    path = location(path).resolve()  # where a link points to, whatever folder the loop goes to
    if open_at(path) is not None:
        gc.collect()  # one that nobody has any longer records no more
    if open_at(path) is not None:
        raise InputError(f"{path} is being recorded by this process; close() that recording first")
    is_sketch = isinstance(what, str) and what == "sketch"
    patterns = patterns_of(what)
    resume, every = resumed_step(resume), plain(every)
    if isinstance(every, Mapping) and (
        overlap := overlap_told(every["burst"], every["starts"], every["updates"], "updates")
    ):
        warnings.warn(overlap, stacklevel=2)
    first_step = whole_number(first_step, "first_step", 0)
    if is_sketch:
        sketch, seed = whole_number(sketch, "sketch", 2), whole_number(seed, "seed", 0)
    tensors = [Tensors(m, patterns, buffers=buffers) for m in models]
    for number, other in enumerate(tensors[1:], 1):
        if (other.names, other.shapes) != (tensors[0].names, tensors[0].shapes):
            raise InputError(
                f"model {number} of the list has other parameters than the first; record it apart "
                "and join the files with sgdphys.gather"
            )
    if any(t.dtype == "float64" for t in tensors):
        for one in tensors:  # one type holds all
            one.dtype = "float64"
    optimizers = optimizers_of(optimizer, identities(p for t in tensors for p in t.parameters))
    if gradients and not optimizers:
        raise InputError("gradients=True needs optimizer=, by which they are seen")
    resumes = resume is not False
    if buffers and is_sketch:
        raise InputError("a sketch is of parameters alone; leave buffers=True out")
    if is_sketch and is_remote(path):
        raise InputError(
            f"{path}: a sketch needs a folder for what it compares with; record to a path of this "
            "machine, and convert it"
        )
    if resumes and is_sketch:
        raise InputError(
            "resume goes with parameters alone: sums over the whole recording cannot go on"
        )
    try:
        said = None if metadata is None else json.dumps(dict(metadata))
    except (TypeError, ValueError) as error:
        raise InputError(f"metadata cannot be kept as JSON: {error}") from None
    attributes: dict[str, Any] = {"title": title}
    attributes |= {"sketch_seed": seed} if is_sketch else {}
    attributes |= {} if said is None else {"metadata": said}
    if is_zarr(path) or is_remote(path):
        zarr_groups(path).start()  # if it is not installed, before anything is removed
    held = prepare(path, overwrite=overwrite, resume=resumes)
    recorder = Recorder(path, tensors, every, attributes, first_step, held)
    try:
        recorder.begin(
            optimizers, sketch if is_sketch else None, gradients=gradients,
            resume_at=None if not resumes else -1 if resume is True else resume,
        )  # fmt: skip
    except BaseException:
        recorder.abandon(keep_files=resumes)
        raise
    importlib.import_module("dask.array")  # to write, and too late once the interpreter exits
    return recorder


def _is_other_process() -> bool:
    """Whether another process of a distributed training is the one that records."""
    torch = sys.modules.get("torch")
    distributed = getattr(torch, "distributed", None)
    if distributed is None or not distributed.is_available():
        return False
    return bool(distributed.is_initialized() and distributed.get_rank() != 0)
