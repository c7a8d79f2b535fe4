"""Several recordings as the replicas of one trajectory."""

import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.quantities import labelled
from sgdphys.trajectory.locations import location
from sgdphys.trajectory.provenance import provenance
from sgdphys.trajectory.reader import open_trajectory
from sgdphys.trajectory.writer import write_tree


def gather(paths: Iterable[str | Path], out: str | Path | None = None) -> xr.DataTree:
    """Join recordings of several runs as the replicas of one trajectory.

    Parameters
    ----------
    paths : iterable of path
        Trajectories with the same parameters.
    out : path, optional
        Where to write the result.

    Returns
    -------
    DataTree
        Weights of all replicas on the steps that any has, in the order given; what else was
        recorded (losses, gradients, learning rates) stays in the recordings alone. Where a run has
        no such step its weights are NaN; steps stay whole numbers, and no replica counts as
        diverged for it. The coordinate ``time`` is left out, with a warning, where the sums of
        learning rates of the runs are not the same at the same steps.

    Raises
    ------
    InputError
        For fewer than two paths, parameters that differ, steps that count different things, or a
        path that exists.

    See Also
    --------
    record : Recordings of a training loop.
    open_trajectory : What is joined.

    Notes
    -----
    Parameters are aligned by the names of their tensors, in the order of the first trajectory.

    Examples
    --------
    >>> import torch, sgdphys as sp
    >>> for path in ("a.nc", "b.nc"):
    ...     sp.record(torch.nn.Linear(2, 1), path).close()
    >>> sp.gather(["a.nc", "b.nc"])["weights"].sizes["replica"]
    2
    """
    sources = [location(p) for p in paths]
    if len(sources) < 2:
        raise InputError("gather joins at least two recordings")
    if out is not None and location(out).exists():
        raise InputError(f"{out} exists; choose another path")
    trees = [open_trajectory(p) for p in sources]
    parts, first = [], 0
    reference = trees[0]["weights"].to_dataset()
    clock = reference["step"].attrs
    for path, tree in zip(sources, trees, strict=True):
        weights = tree["weights"].to_dataset()
        if not _same_parameters(tree, trees[0]):
            order = _order_by_name(tree, trees[0])
            if order is None:
                raise InputError(f"{path} has other parameters than {sources[0]}")
            spelt_out = [n for n, c in weights.coords.items() if c.dims == ("parameter",)]
            weights = weights.drop_vars(spelt_out).isel(parameter=order)
        counted = weights["step"].attrs.get("units"), clock.get("units")
        if None not in counted and counted[0] != counted[1]:
            raise InputError(
                f"the steps of {path} are {counted[0]} and those of {sources[0]} {counted[1]}; "
                "import the checkpoints again with steps that count the same"
            )
        many = weights.sizes["replica"]
        weights = weights.assign_coords(
            replica=np.arange(first, first + many),
            family=("replica", weights["family"].data + first),
        )  # fmt: skip
        parts.append(weights)
        first += many
    times = _times_of_all(parts, sources)
    along = {n for n, c in reference.coords.items() if c.dims == ("step",)}
    joined = xr.concat(
        [p.drop_vars([*along - {"step"}]) for p in parts], dim="replica", join="outer",
        data_vars="minimal", coords="minimal", compat="override",
    )  # fmt: skip
    joined["diverged_step"] = joined["diverged_step"].astype(np.int64)
    if times is not None:
        known = pd.concat([time.to_series() for time in times])
        known = known[~known.index.duplicated()].reindex(joined["step"].to_numpy())
        joined = joined.assign_coords(time=("step", known.to_numpy(), times[0].attrs))
    joined = joined.assign_coords(labelled(joined.coords.to_dataset()).coords)
    joined["step"].attrs = dict(clock)
    groups = {"weights": joined}
    if "tensors" in trees[0].children:
        groups["tensors"] = trees[0]["tensors"].to_dataset()
    tree = xr.DataTree.from_dict(groups)
    once = (  # of a single recording
        "recording", "segment", "schedule", "checkpoints", "last_step", "last_time",
        "ended_at_step", "ended_because",
    )  # fmt: skip
    kept = {n: v for n, v in trees[0].attrs.items() if n not in once}
    tree.attrs = kept | provenance(f"gathered from {', '.join(map(str, sources))}")
    if out is not None:
        write_tree(tree, location(out))
    return tree


def _times_of_all(parts: list[xr.Dataset], sources: list[Path]) -> list[xr.DataArray] | None:
    """The coordinate ``time`` of each part; None where they do not agree at the same steps."""
    times = [p.coords.get("time") for p in parts]
    known = [time for time in times if time is not None]
    if not known:
        return None
    for path, time in zip(sources, times, strict=True):
        if time is not None:
            first, own = xr.align(known[0], time, join="inner")
            if np.allclose(own, first, rtol=1e-6, atol=0, equal_nan=True):
                continue
        warnings.warn(
            f"the sums of learning rates of {path} are not those of the others: the coordinate "
            "'time' is left out, and 'step' alone counts; gather runs of equal learning rates if "
            "you need it",
            stacklevel=3,
        )
        return None
    return known


def _same_parameters(tree: xr.DataTree, other: xr.DataTree) -> bool:
    """Whether two trajectories have the same tensors, or the same names of all parameters."""
    tables = [t.get("tensors") for t in (tree, other)]
    if tables[0] is not None and tables[1] is not None:
        return tables[0].to_dataset().equals(tables[1].to_dataset())
    for name in ("parameter_name", "entry"):
        first, second = (t["weights"].coords.get(name) for t in (tree, other))
        if (first is None) != (second is None):
            return False
        if first is not None and second is not None and not first.equals(second):
            return False
    return tree["weights"].sizes["parameter"] == other["weights"].sizes["parameter"]


def _order_by_name(tree: xr.DataTree, other: xr.DataTree) -> np.ndarray | None:
    """Places of another trajectory's parameters, where the names and shapes of tensors are equal.

    A file of safetensors does not keep the order of the network. None where they are not equal.
    """
    if any("tensors" not in t.children for t in (tree, other)):
        return None
    tables = [t["tensors"].to_dataset() for t in (tree, other)]
    columns = [n for n in ("tensor_size", "tensor_shape") if all(n in t for t in tables)]
    known = [
        dict(zip(t["tensor_name"].to_numpy().tolist(),
                 zip(*(t[c].to_numpy().tolist() for c in columns), strict=True), strict=True))
        for t in tables
    ]  # fmt: skip
    if known[0] != known[1]:
        return None
    names = tables[0]["tensor_name"].to_numpy().tolist()
    sizes = tables[0]["tensor_size"].to_numpy()
    firsts = dict(zip(names, (np.cumsum(sizes) - sizes).tolist(), strict=True))
    counts = dict(zip(names, sizes.tolist(), strict=True))
    wanted = tables[1]["tensor_name"].to_numpy().tolist()
    return np.concatenate([np.arange(firsts[n], firsts[n] + counts[n]) for n in wanted])
