"""What a run or a trajectory amounts to, in a few lines."""

from pathlib import Path

import numpy as np

from sgdphys.study.running import Run
from sgdphys.trajectory.reader import open_trajectory, segment_paths


def table(run: Run, seconds: float) -> list[tuple[str, ...]]:
    """Rows of the closing table: loss and accuracy at the last epoch, time, size, places."""
    with run.trajectory as trajectory:
        training = trajectory["training"].to_dataset().load()
        diverged = trajectory["weights"]["diverged_step"].to_numpy()
    last = training.isel(epoch=-1)
    rows: list[tuple[str, ...]] = [
        (f"at epoch {int(last['epoch'])}", "median", "lowest", "highest")
    ]
    for name in ("accuracy", "test_accuracy", "loss", "test_loss"):
        values = last[name].to_numpy()
        values = values[np.isfinite(values)]
        if len(values):
            cells = (f"{v:.4g}" for v in (np.median(values), values.min(), values.max()))
            rows.append((training[name].attrs["long_name"], *cells))
    if (diverged >= 0).any():
        which = ", ".join(f"{r} at update {s}" for r, s in enumerate(diverged) if s >= 0)
        rows.append((f"diverged: replica {which}", "", "", ""))
    rows.append((f"{seconds:.1f} s, {run.bytes / 1e6:.0f} MB in {run.folder}", "", "", ""))
    return rows


def describe(path: Path) -> list[str]:
    """Lines on what a trajectory holds: origin, sizes, axes, replicas that diverged."""
    with open_trajectory(path) as tree:
        attributes = tree.attrs
        lines = [
            f"{path}: {attributes.get('title', 'no title')}",
            f"written {attributes.get('created', 'at an unknown time')} by sgdphys "
            f"{attributes.get('sgdphys_version', 'of unknown version')}",
        ]
        segments = segment_paths(path) if path.is_dir() else [path]
        size = sum(p.stat().st_size for p in segments)
        lines.append(f"{len(segments)} file{'s' * (len(segments) > 1)}, {size / 1e6:.1f} MB")
        for name, node in tree.children.items():
            data = node.to_dataset()
            sizes = ", ".join(f"{n} {d}" for d, n in data.sizes.items())
            lines.append(f"{name}: {', '.join(map(str, data.data_vars))} ({sizes})")
            for axis in ("step", "epoch"):
                if axis in data.indexes:
                    index = data.indexes[axis]
                    lines.append(f"  {axis} {index[0]} to {index[-1]}, {len(index)} recorded")
        if "weights" in tree.children and "diverged_step" in tree["weights"]:
            steps = tree["weights"]["diverged_step"].to_numpy()
            lines += [
                f"  replica {r} diverged at update {s}" for r, s in enumerate(steps) if s >= 0
            ]
    return lines
