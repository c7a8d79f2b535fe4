"""Saved checkpoints read as one trajectory: ``read_checkpoints``.

Tensors, numbers and texts are read; no code that a file may hold is run.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.trajectory import schema
from sgdphys.trajectory.checkpoints import arrays
from sgdphys.trajectory.checkpoints.clock import Clock, by_pattern, clock_of, facts_in, whole
from sgdphys.trajectory.checkpoints.folders import Checkpoint, find
from sgdphys.trajectory.checkpoints.formats import read, suffix_of
from sgdphys.trajectory.checkpoints.limits import require_room
from sgdphys.trajectory.checkpoints.rows import Rows
from sgdphys.trajectory.checkpoints.states import (
    Source,
    State,
    differences,
    reordered,
    sizes_of,
    state_in,
    state_of,
)
from sgdphys.trajectory.checkpoints.weights import in_natural_order, weights_in
from sgdphys.trajectory.provenance import provenance
from sgdphys.trajectory.reader import open_trajectory
from sgdphys.trajectory.tensor_table import named, table_group
from sgdphys.trajectory.writer import write_tree

_LONG_NAMES = {"updates": "optimiser updates", "epochs": "epochs", "checkpoints": "checkpoints"}
_LINES = 40
"""Largest number of printed lines of the table of steps."""


def read_checkpoints(
    paths: str | Path | Mapping[str, Any] | Iterable[str | Path | Mapping[str, Any]],
    *,
    steps: Sequence[int] | None = None,
    key: str | None = None,
    pattern: str | None = None,
    allow: Collection[str] = (),
    time: str | int | None = None,
    over: str | int | None = None,
    out: str | Path | None = None,
    tell: Callable[[str], None] | None = None,
) -> xr.DataTree:
    """Read checkpoints of one run as a trajectory of one replica.

    Parameters
    ----------
    paths : path, mapping, or iterable of them
        Files, folders or patterns: .safetensors, .pt, .pth, .bin, .ckpt (also with .tar), .npz,
        .npy; the folders that Lightning, Hugging Face's Trainer, accelerate and peft leave; or
        state dicts themselves. A single .npz, .npy or .nc file holds arrays of a whole training.
    steps : sequence of int, optional
        Steps of the checkpoints, in the order of ``paths`` (of a folder: of names, numbers as
        numbers). By default what the files say (``global_step``, ``step``, ``iteration``, a
        ``trainer_state.json`` beside them), then the number after a step word in their names,
        then epochs, then the only number that varies: one kind for all of them.
    key : str, optional
        Dotted path of the weights within a file, as "ema.net".
    pattern : str, optional
        Shell pattern of names to take, as "*step={step}*": {step} or {epoch} is the time.
    allow : collection of str
        Classes that may be unpickled, as "argparse.Namespace".
    time, over : str or int, optional
        Of arrays: the name or axis of time, and that of the replicas.
    out : path, optional
        Where to write the trajectory, one checkpoint after another; it is opened and returned.
    tell : callable, optional
        Told the step of each file before any is read, and what is passed over.

    Returns
    -------
    DataTree
        Group weights: theta (step, replica, parameter), steps ascending as numbers. The attribute
        ``clock`` says what steps count: "updates", "epochs", or "checkpoints" where their order
        alone is known.

    Raises
    ------
    InputError
        When there is no file, a step or the weights are not certain, a step is there twice, tensors
        differ between checkpoints (told one by one), or a file is damaged or holds classes that
        are not allowed.

    See Also
    --------
    record : Records a training loop as it runs.
    gather : Join trajectories as replicas.

    Notes
    -----
    Tensors of whole numbers (counters) are left out; half precision becomes float32, which holds it
    exactly; of complex numbers real and imaginary part in turn are two entries. Running statistics
    have the kind "buffer". Equal tensors under two names are both kept: a file does not say that
    they were tied. A copy such as last.ckpt is passed over where its weights are those of another
    checkpoint. With ``out`` the rows lie in an unnamed file beside it until it is written, so
    that the disk needs twice their size.

    Examples
    --------
    >>> import numpy as np, sgdphys as sp
    >>> for step in (0, 10, 20):
    ...     np.savez(f"step{step}.npz", weight=np.full((2, 3), float(step)))
    >>> tree = sp.read_checkpoints(["step0.npz", "step10.npz", "step20.npz"])
    >>> tree["weights"].theta.shape, tree["weights"].step.values
    ((3, 1, 6), array([ 0, 10, 20]))
    """
    say = tell or (lambda sentence: None)
    if steps is not None and np.ndim(steps) == 0:
        raise InputError(f"steps is {steps!r}; it is a list, with the step of each checkpoint")
    out = None if out is None else Path(out)
    _refuse_taken(out)
    given: list[Any] = (
        [paths] if isinstance(paths, str | Path | Mapping) else list(paths)
    )  # fmt: skip
    if given and all(isinstance(item, Mapping) for item in given):
        sources, clock = _of_mappings(given, steps, key)
        origin = "state dicts in memory"
    else:
        found = find(given, pattern)
        checkpoints = found.checkpoints
        is_array = len(checkpoints) == 1 and suffix_of(checkpoints[0].path) in arrays.SUFFIXES
        if is_array and _holds_training(checkpoints[0].path, steps, pattern, key, time):
            return _of_arrays(checkpoints[0].path, steps, time, over, out)
        if time is not None or over is not None:
            raise InputError("time and over are of arrays; checkpoints have steps=")
        if found.passed_over:
            say(f"passed over: {_some(p.name for p in found.passed_over)}")
        clock = _clock(checkpoints, steps, pattern, allow)
        sources = [_source(c, key, allow, say) for c in checkpoints]
        origin = str(checkpoints[0].path.parent)
    _tell_table(sources, clock, say)
    sources, numbers = _each_once(sources, clock, say)
    with Rows(len(sources), None if out is None else out.parent) as rows:
        tree = _read(sources, numbers, rows, clock.kind, origin)
        if out is None:
            return tree
        write_tree(tree, out)
    return open_trajectory(out)


def _refuse_taken(out: Path | None) -> None:
    if out is None:
        return
    if out.exists():
        raise InputError(f"{out} exists; choose another path")
    if not out.parent.is_dir():
        raise InputError(f"there is no folder {out.parent} for {out.name}")


def _some(names: Iterable[str]) -> str:
    """Different names, the first of them spelt out."""
    known = list(dict.fromkeys(names))
    return ", ".join(map(printable, known[:12])) + (" ..." if len(known) > 12 else "")


def printable(text: str) -> str:
    """A name without what a terminal would take for a command."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _holds_training(
    path: Path, steps: Any, pattern: str | None, key: str | None, time: Any
) -> bool:
    """Whether a single file of arrays holds a complete training, not one checkpoint."""
    if suffix_of(path) == ".nc" or time is not None:
        return True
    if pattern is not None or key is not None or (steps is not None and len(steps) == 1):
        return False
    return not arrays.is_checkpoint(path)


def _clock(
    checkpoints: list[Checkpoint], steps: Any, pattern: str | None, allow: Collection[str]
) -> Clock:
    if steps is not None:
        return _given(steps, len(checkpoints))
    by_name = None if pattern is None else by_pattern(checkpoints, pattern)
    if by_name is not None:
        return by_name
    facts = []
    for checkpoint in checkpoints:
        if len(checkpoint.parts) == 1:
            content = read(checkpoint.path, allow, is_whole=False)
            loaded, metadata = content.loaded, content.metadata
        else:
            loaded, metadata = {}, {}
        facts.append(facts_in(loaded, metadata, checkpoint.state, checkpoint.path))
    return clock_of(checkpoints, facts)


def _given(steps: Sequence[int], count: int) -> Clock:
    numbers = [whole(s.item() if hasattr(s, "item") else s, "a step") for s in steps]
    if len(numbers) != count:
        raise InputError(f"there are {len(numbers)} steps for {count} checkpoints")
    return Clock("updates", "the steps given", list(numbers))


def _of_mappings(
    given: list[Mapping[str, Any]], steps: Any, key: str | None
) -> tuple[list[Source], Clock]:
    """State dicts in memory as checkpoints."""
    names = [f"state dict {k}" for k in range(len(given))]
    sources = [
        Source(name, partial(state_in, mapping, name, key))
        for name, mapping in zip(names, given, strict=True)
    ]
    places: dict[Any, int] = {}
    for k, mapping in enumerate(given):
        place = _place(weights_in(mapping, f"state dict {k}", key))
        if place in places:
            raise InputError(
                f"state dicts {places[place]} and {k} are the same tensors in memory, which hold "
                "the last weights alone; copy each with copy.deepcopy(model.state_dict())"
            )
        places[place] = k
    if steps is not None:
        return sources, _given(steps, len(given))
    said = [facts_in(m, {}, None, Path(f"state dict {k}")) for k, m in enumerate(given)]
    numbers = [f.step for f in said]
    if None not in numbers and len(set(numbers)) == len(numbers):
        return sources, Clock("updates", "what they say", numbers)
    return sources, Clock("checkpoints", "their order", list(range(len(given))))


def _place(tensors: Mapping[str, Any]) -> Any:
    """Where in memory the largest of some tensors lies."""
    sized = [(int(np.prod(t.shape)), n) for n, t in tensors.items()]
    value = tensors[max(sized)[1]]
    if hasattr(value, "data_ptr"):
        return value.data_ptr() or id(value)
    if isinstance(value, np.ndarray):
        return value.__array_interface__["data"][0]
    return id(value)


def _source(
    checkpoint: Checkpoint, key: str | None, allow: Collection[str], say: Callable[[str], None]
) -> Source:
    def state() -> State:
        passed: list[str] = []
        found: dict[str, Any] = {}
        keeps_order = True
        for part in checkpoint.parts:
            content = read(part, allow)
            keeps_order &= content.keeps_order
            tensors = weights_in(content.loaded, part, key, passed)
            repeated = [n for n in tensors if n in found]
            if repeated:
                raise InputError(f"{repeated[0]} is in two shards, {part} being the second")
            found |= tensors
        if checkpoint.tensors is not None:
            lacking = [n for n in checkpoint.tensors if not _has(found, n)]
            if lacking:
                raise InputError(f"{checkpoint.path} names {lacking[0]}, which no shard holds")
        if passed:
            say(f"passed over in {checkpoint.path.name}: {_some(passed)}")
        if not keeps_order:
            found = {n: found[n] for n in in_natural_order(found)}
        return state_of(found, checkpoint.path)

    folder = checkpoint.path.absolute().parent.name
    return Source(f"{folder}/{checkpoint.path.name}", state)


def _has(found: Mapping[str, Any], name: str) -> bool:
    return name in found or any(name.endswith(f".{n}") for n in found)


def _tell_table(sources: list[Source], clock: Clock, say: Callable[[str], None]) -> None:
    """Tell the step of each file, in order."""
    rows = [
        (printable(source.name), "none" if step is None else str(step))
        for source, step in sorted(
            zip(sources, clock.steps, strict=True), key=lambda p: (p[1] is None, p[1] or 0)
        )
    ]
    width = max(len(name) for name, _ in rows)
    heading = {"updates": "step", "epochs": "epoch"}.get(clock.kind, "number")
    say(f"{'file'.ljust(width)}  {heading}, from {clock.source}")
    skipped = len(rows) - _LINES
    shown = rows if skipped <= 0 else [*rows[: _LINES // 2], *rows[-_LINES // 2 :]]
    for k, (name, step) in enumerate(shown):
        if skipped > 0 and k == _LINES // 2:
            say(f"... and {skipped} more")
        say(f"{name.ljust(width)}  {step}")


def _each_once(
    sources: list[Source], clock: Clock, say: Callable[[str], None]
) -> tuple[list[Source], list[int]]:
    """Checkpoints in order; copies with equal weights are skipped."""
    kept: dict[int, Source] = {}
    order = sorted(range(len(sources)), key=lambda k: (clock.steps[k] is None, clock.steps[k] or 0))
    for k in order:
        step, source = clock.steps[k], sources[k]
        if step is None:
            same = _same_as(source, list(reversed(kept.values())))
            if same is None:
                raise InputError(
                    f"{source.name} has no step in its name or inside, and its weights are those "
                    "of no other checkpoint; leave it out, or give the steps"
                )
            say(f"passed over: {printable(source.name)}, equal to {printable(same.name)}")
        elif step in kept:
            if _same_as(source, [kept[step]]) is None:
                raise InputError(
                    f"{kept[step].name} and {source.name} are both of step {step} and differ; "
                    "leave one out (with a pattern), or give the steps; runs are imported each "
                    "alone and joined with sgdphys.gather"
                )
            say(f"passed over: {printable(source.name)}, equal to {printable(kept[step].name)}")
        else:
            kept[step] = source
    return list(kept.values()), list(kept)


def _same_as(source: Source, others: list[Source]) -> Source | None:
    """The first of some checkpoints that has the same weights."""
    mine = source.read()
    for other in others:
        state = other.read()
        if state.shapes == mine.shapes and np.array_equal(
            reordered(state, mine), mine.row, equal_nan=True
        ):
            return other
    return None


def _read(
    sources: list[Source], steps: list[int], rows: Rows, kind: str, origin: str
) -> xr.DataTree:
    """Read checkpoints one at a time into rows."""
    reference: State | None = None
    diverged = -1
    for source, step in zip(sources, steps, strict=True):
        state = source.read()
        if reference is None:
            if rows.is_in_memory:
                require_room("the whole trajectory", state.row.nbytes * len(sources))
            reference = state._replace(row=state.row[:0].copy())
        faults = differences(reference, state)
        if faults:
            said = "; ".join(faults[:12]) + (" ..." if len(faults) > 12 else "")
            raise InputError(f"{source.name} does not fit {sources[0].name}: {said}")
        row = state.row
        if list(state.shapes) != list(reference.shapes):
            row = reordered(state, reference)
        if diverged < 0 and not np.isfinite(row).all():
            diverged = step
        rows.append(row)
        del state, row
    assert reference is not None
    tree = _tree(np.array(steps, np.int64), rows.theta(), reference, [diverged], kind)
    count = len(sources)
    return _described(tree, kind, origin, f"{count} checkpoint{'s' * (count > 1)}")


def _tree(
    steps: np.ndarray, theta: Any, state: State, diverged: list[int], kind: str
) -> xr.DataTree:
    replicas = np.arange(theta.shape[1])
    weights = schema.dataset(
        "weights",
        {"theta": theta, "diverged_step": np.array(diverged, np.int64)},
        {"step": steps, "replica": replicas, "family": ("replica", replicas)},
    )
    weights["step"].attrs |= {"units": kind, "long_name": _LONG_NAMES.get(kind, kind)}
    weights["diverged_step"].attrs["units"] = kind
    table = schema.tensor_table(list(state.shapes), list(sizes_of(state).values()))
    tree = xr.DataTree.from_dict(
        {
            "weights": named(weights, table),
            "tensors": table_group(table, list(state.shapes.values())),
        }
    )
    tree.attrs = {"complex": json.dumps(state.complex), "left_out": json.dumps(state.left_out)}
    return tree


def _described(tree: xr.DataTree, clock: str, origin: str, what: str) -> xr.DataTree:
    tree.attrs |= {
        "schema_version": schema.SCHEMA_VERSION,
        "title": f"checkpoints from {origin}",
        **provenance(f"read from {what}"),
        "clock": clock,
        "what": "parameters",
    }
    return tree


def _of_arrays(
    path: Path, steps: Any, time: str | int | None, over: str | int | None, out: Path | None
) -> xr.DataTree:
    """A complete training from one file."""
    found = arrays.read_arrays(path, time, over)
    numbers = found.steps
    if steps is not None:
        numbers = np.array(_given(steps, len(numbers)).steps, np.int64)
        if np.any(np.diff(numbers) <= 0):
            raise InputError("the steps must increase")
    is_finite = np.isfinite(found.theta).all(axis=2)
    diverged = [
        -1 if good.all() else int(numbers[np.flatnonzero(~good)[0]]) for good in is_finite.T
    ]
    state = State(found.shapes, found.complex, found.left_out, found.theta[0, 0])
    kind = "updates" if steps is not None else found.clock
    tree = _tree(numbers, found.theta, state, diverged, kind)
    if found.times is not None and steps is None:
        weights = tree["weights"].to_dataset().assign_coords(time=("step", found.times))
        weights["time"].attrs = {"units": found.unit, "long_name": "time"}
        tree["weights"] = xr.DataTree(weights)
    _described(tree, kind, str(path), f"arrays of {path.name}")
    if out is None:
        return tree
    write_tree(tree, out)
    return open_trajectory(out)
