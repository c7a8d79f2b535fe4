"""Memory that a study needs, estimated from its keys, and the memory available."""

import itertools
import math
import os
import re
from pathlib import Path

from sgdphys.analyses.settings import Extent
from sgdphys.errors import WorkError
from sgdphys.study.settings import Bursts, Every, Study
from sgdphys.study.sizes import (
    SEGMENT_BYTES,
    SEGMENT_WORK,
    SEGMENTS_AT_LEAST,
    layer_sizes,
    sizes_of,
    train_samples,
    updates_per_epoch,
)
from sgdphys.tasks.catalogue import TASKS
from sgdphys.trajectory.schedules import LOG_POINTS

_LANES = 16
"""Largest number of networks that the fused engine trains together, in complete vectors."""
_WAITING = 3
"""Segments in memory: one is computed, one waits, one is written."""
_TOGETHER, _AT_ONCE, _LARGEST_TRACE = 2048, 64, 20_000
"""Samples that the vmapped engine evaluates together, and takes the gradients of."""
WIDE = 192
"""As in ``engines.choice``, which takes long to import."""
_OF_A_PARAMETER = 400
"""Bytes of the names and places of one parameter."""


def needed(study: Study) -> dict[str, float]:
    """Bytes needed by training and by the larger analyses, by the key that reduces them.

    Of a study without sweep or parts, beside what Python and its libraries take; what is not known
    without importing a module of the user's, or reading data, is left out.
    """
    train = study.train
    epochs, replicas, width = train.epochs, train.replicas, 4 if train.dtype == "float32" else 8
    terms = {"train.epochs": 40.0 * epochs, "train.replicas": 64.0 * replicas}
    sizes = sizes_of(study.task)
    per_epoch = updates_per_epoch(study)
    if sizes is None or per_epoch is None:
        return terms
    samples, features, outputs, are_labels = sizes
    count = train_samples(study, samples)
    lots = math.ceil(replicas / _LANES)
    rows = _recorded_rows(study, per_epoch)
    terms["record.weights"] = 24.0 * rows
    data = "task.path" if TASKS[study.task.name].is_of_files else "task.samples"
    terms[data] = samples * (8.0 * (2 * features + 2 * outputs) + 24)
    reads = TASKS[study.task.name].reads
    if {"units", "samples"} <= reads:
        terms["task.units"] = 8.0 * study.task.units * (features + samples)
    terms["train.replicas"] += replicas * samples * 1.0
    if study.network.module:
        terms["train.replicas"] += replicas * samples * 32.0
        return terms

    layers = layer_sizes(study, sizes)
    pairs = list(itertools.pairwise(layers))
    parameters = sum(i * o + study.network.bias * o for i, o in pairs)
    each = float(replicas * parameters * width)
    widths = {"network.layers": max(study.network.layers, default=0)}
    if "features" in reads:  # the ends of the network are keys of the task
        widths |= {"task.features": features, "task.classes": outputs}
    size = max(widths, key=lambda name: widths[name])
    terms[size] = (8 * replicas + 8 * width * replicas + _OF_A_PARAMETER) * parameters
    waiting = _WAITING * max(min(SEGMENT_BYTES, rows * each), each)
    terms["record.weights"] += min(waiting, (rows + 1) * each) + 3 * _WAITING * each
    terms["record.gradients"] = _WAITING * replicas * width * _gradient_epochs(
        study, rows, each, count * parameters * replicas
    ) * (2.0 * parameters + 4 * len(pairs))  # fmt: skip
    if _is_vmapped(study, layers):
        batch = min(train.batch_size, count) if train.sampling != "full" else count
        wide = 2 * width * replicas * sum(layers)
        terms["train.replicas"] += replicas * samples * 40.0
        terms["train.batch_size"] = float(wide * batch)
        terms[size] += wide * min(_TOGETHER, samples) + 60 * replicas * parameters
        if parameters <= _LARGEST_TRACE and study.record.gradients != "none":
            terms["record.gradients"] += _AT_ONCE * replicas * parameters * (width + 16.0)
    else:
        # every lot of networks has the data in its own precision, and labels of its own
        terms["train.replicas"] += lots * width * samples * features
        terms["train.replicas"] += lots * _LANES * samples * (8.0 + are_labels * outputs * width)
        terms[size] += 4 * width * lots * _LANES * parameters
    extent = Extent(rows, each / width, _statistics(study))
    for name, analysis in study.analyses.items():
        terms[f"analyses.{name}"] = analysis.memory(study, extent)
    return terms


def _recorded_rows(study: Study, per_epoch: int) -> int:
    """Recorded states of each network."""
    weights, epochs = study.record.weights, study.train.epochs
    if isinstance(weights, Every):
        return epochs * per_epoch // weights.every + 1
    if isinstance(weights, Bursts):
        return min(weights.starts * weights.burst, epochs) * per_epoch + 1
    if weights == "step":
        return epochs * per_epoch + 1
    return epochs + 1 if weights == "epoch" else min(epochs, 2 * LOG_POINTS) + 1


def _statistics(study: Study) -> int:
    """Epochs at which gradient statistics are taken."""
    gradients, epochs = study.record.gradients, study.train.epochs
    if gradients == "none":
        return 0
    if isinstance(gradients, Every):
        return epochs // gradients.every + 1
    return epochs + 1 if gradients == "epoch" else min(epochs, LOG_POINTS) + 1


def _gradient_epochs(study: Study, rows: int, each: float, epoch_work: float) -> float:
    """Epochs of gradient statistics in the longest segment, about."""
    epochs, many = study.train.epochs, _statistics(study)
    longest = max(epochs / SEGMENTS_AT_LEAST, SEGMENT_WORK / max(epoch_work, 1.0), 1.0)
    room = max(SEGMENT_BYTES / each, 1.0) * epochs / rows  # as many as weights leave room for
    if study.record.gradients == "log":  # at first nearly every epoch is one of them
        return min(many, longest, room)
    return math.ceil(many * min(longest, room, epochs) / epochs)


def _is_vmapped(study: Study, layers: tuple[int, ...]) -> bool:
    train, network = study.train, study.network
    if train.engine != "auto" or train.device != "cpu":
        return train.engine == "vmapped" or train.device != "cpu"
    fused_alone = (train.langevin, train.label_noise, train.orthonormality, network.noise)
    return max(layers) >= WIDE and not any(fused_alone)


def available_memory(root: Path = Path("/")) -> float | None:
    """Bytes still available to this process, None if the system does not report them.

    The least of what the system has left and what the limits of its control groups leave.

    Parameters
    ----------
    root : Path
        Of the file system, for tests.
    """
    left = [_of_system(root), *_of_groups(root)]
    return min((n for n in left if n is not None), default=None)


def _of_system(root: Path) -> float | None:
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    if found:
        return 1024.0 * int(found[1])
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        return None


def _of_groups(root: Path) -> list[float]:
    """Memory left within the limits of the control groups of this process."""
    left = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        limit, used, cache = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            if controllers
            else ("memory.max", "memory.current", "inactive_file")
        )
        place = top / group.strip("/")
        for folder in (place, *place.parents):
            numbers = [_text(folder / name).strip() for name in (limit, used)]
            if all(n.isdigit() for n in numbers):
                most, now = map(int, numbers)
                # files that were read are kept in memory as long as nobody needs it
                kept = re.search(rf"^{cache} (\d+)", _text(folder / "memory.stat"), re.MULTILINE)
                left.append(float(most - now + (int(kept[1]) if kept else 0)))
            if folder == top:
                break
    return left


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def require_memory(study: Study, available: float | None) -> None:
    """Refuse a study that needs more memory than is available.

    Parameters
    ----------
    study : Study
        Without sweep or parts.
    available : float, optional
        Bytes; without a number nothing is refused.

    Raises
    ------
    WorkError
        With the memory needed, that which there is, and what to lower.
    """
    terms = needed(study)
    # analyses come after the training, one at a time
    later = {name: terms.pop(name) for name in list(terms) if name.startswith("analyses.")}
    name, most = max(later.items(), key=lambda item: item[1], default=("", 0.0))
    if available is not None and most > available:
        raise WorkError(
            f"{name} needs about {_said(most)} of memory for {study.train.replicas} networks and "
            f"{_said(available)} are available; record or resample less, or leave it out"
        )
    total = sum(terms.values())
    if available is None or total <= available:
        return
    largest = sorted(terms, key=lambda name: -terms[name])[:2]
    lower = " or ".join(name for name in largest if terms[name] > 0.2 * total)
    raise WorkError(
        f"training {study.train.replicas} networks needs about {_said(total)} of memory and "
        f"{_said(available)} are available; lower {lower}"
    )


def _said(count: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count / 1e6:.0f} MB"
