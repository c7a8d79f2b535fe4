"""Several recordings as the replicas of one trajectory."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.quantities import labelled
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
        All replicas on the steps that any has, in the order given. Where a run has no such step its
        weights are NaN; steps stay whole numbers, and no replica counts as diverged for it.

    Raises
    ------
    InputError
        For fewer than two paths, parameters that differ, or a path that exists.
    """
    sources = [Path(p) for p in paths]
    if len(sources) < 2:
        raise InputError("gather joins at least two recordings")
    if out is not None and Path(out).exists():
        raise InputError(f"{out} exists; choose another path")
    trees = [open_trajectory(p) for p in sources]
    parts, first = [], 0
    reference = trees[0]["weights"].to_dataset()
    for path, tree in zip(sources, trees, strict=True):
        weights = tree["weights"].to_dataset()
        for name in ("parameter_name", "entry"):
            given, wanted = (w.coords.get(name) for w in (weights, reference))
            if (given is None) != (wanted is None) or not (
                given is None or wanted is None or given.equals(wanted)
            ):
                raise InputError(f"{path} has other parameters than {sources[0]}")
        many = weights.sizes["replica"]
        weights = weights.assign_coords(
            replica=np.arange(first, first + many),
            family=("replica", weights["family"].data + first),
        )  # fmt: skip
        parts.append(weights)
        first += many
    times = [p["time"].to_series() for p in parts if "time" in p.coords]
    along = {n for n, c in reference.coords.items() if c.dims == ("step",)}
    joined = xr.concat(
        [p.drop_vars([*along - {"step"}]) for p in parts], dim="replica", join="outer",
        data_vars="minimal", coords="minimal", compat="override",
    )  # fmt: skip
    joined["diverged_step"] = joined["diverged_step"].astype(np.int64)
    if times:
        longest = max(times, key=len)
        known = longest.reindex(joined["step"].to_numpy())
        joined = joined.assign_coords(time=("step", known.to_numpy()))
    tree = xr.DataTree.from_dict({"weights": labelled(joined)})
    now = datetime.now(UTC).isoformat(timespec="seconds")
    tree.attrs = trees[0].attrs | {
        "history": f"{now} gathered from {', '.join(map(str, sources))}", "created": now,
    }  # fmt: skip
    if out is not None:
        write_tree(tree, Path(out))
    return tree
