"""Sizes of a study, computed from its keys before anything is recorded."""

import math
from typing import TYPE_CHECKING

import numpy as np

from sgdphys.errors import InputError
from sgdphys.tasks.catalogue import TASKS
from sgdphys.tasks.headers import Sizes
from sgdphys.trajectory.schedules import LOG_FOLLOWED, burst_starts, log_epochs

if TYPE_CHECKING:
    from sgdphys.study.settings import Study, Task

SEGMENT_BYTES = 64 * 2**20
"""Weights of a segment at most: smaller ones take longer to write, larger ones more memory."""
SEGMENTS_AT_LEAST = 20
"""A run is cut in at least so many segments, so that a crash costs a twentieth of it ..."""
SEGMENT_WORK = 1e10
"""... unless they held less than this many multiply-adds, about a second."""


def sizes_of(task: "Task") -> Sizes | None:
    """Sizes of a task's data, None where its files cannot be read."""
    try:
        return TASKS[task.name].sizes(task)
    except (InputError, OSError):
        return None


def train_samples(study: "Study", samples: int) -> int:
    """Samples that each network is trained on."""
    return round(study.train.train_fraction * samples)


def updates_per_epoch(study: "Study") -> int | None:
    """Updates in an epoch, None where the size of the data is not known."""
    sizes = sizes_of(study.task)
    if sizes is None:
        return None
    count = train_samples(study, sizes.samples)
    if study.train.sampling == "full" or count == 0:
        return 1
    return math.ceil(count / min(study.train.batch_size, count))


def layer_sizes(study: "Study", sizes: Sizes) -> tuple[int, ...]:
    """Units of a perceptron from inputs to outputs."""
    return (sizes.features, *study.network.layers, sizes.outputs)


def longest_stretch(study: "Study") -> int | None:
    """Consecutive updates after which weights are recorded, None where that is not known."""
    weights, epochs, per_epoch = study.record.weights, study.train.epochs, updates_per_epoch(study)
    if per_epoch is None:
        return None
    if isinstance(weights, str):
        if weights == "step" or (weights == "epoch" and per_epoch == 1):
            return epochs * per_epoch
        if weights == "epoch" or per_epoch > 1:
            return 0
        return _longest_run(np.diff(log_epochs(epochs, LOG_FOLLOWED[weights])) == 1)
    schedule = weights.model_dump()
    if "every" in schedule:
        return epochs * per_epoch if schedule["every"] == 1 else 0
    burst = schedule["burst"]
    starts = burst_starts(burst, schedule["starts"], epochs)
    # where one burst ends the next may begin, and each holds its first state too
    follows = np.diff(starts) <= burst + (per_epoch == 1)
    ends = np.minimum(starts + burst, epochs)
    edges = np.flatnonzero(~follows)
    first, last = np.append(0, edges + 1), np.append(edges, len(starts) - 1)
    return int((ends[last] - starts[first]).max()) * per_epoch


def _longest_run(follows: np.ndarray) -> int:
    """Length of the longest run of true entries."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], follows, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))
