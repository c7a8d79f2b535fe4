"""States and recordings of an ensemble, cut by replicas and joined again."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sgdphys.engines.base import Recorded, State

_OF_STATE = ("theta", "velocity", "square", "diverged_step")
"""Arrays of a state, replicas first."""


def cut(state: State, recorded: Recorded, replicas: range) -> tuple[State, Recorded]:
    """State and recording of some replicas that follow each other."""
    kept = slice(replicas.start, replicas.stop)
    arrays: dict[str, Any] = {name: getattr(state, name)[kept] for name in _OF_STATE}
    buffers = {name: values[kept] for name, values in state.buffers.items()}
    by_epoch = {name: values[:, kept] for name, values in recorded.by_epoch.items()}
    return (
        replace(state, **arrays, buffers=buffers),
        replace(recorded, theta=recorded.theta[kept], by_epoch=by_epoch),
    )


def joined(parts: Sequence[tuple[State, Recorded]]) -> tuple[State, Recorded]:
    """State and recording of all replicas, from those of some, in their order."""
    states, recordings = zip(*parts, strict=True)
    first, recorded = parts[0]
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(s, name) for s in states]) for name in _OF_STATE
    }
    buffers = {name: np.concatenate([s.buffers[name] for s in states]) for name in first.buffers}
    by_epoch = {
        name: np.concatenate([r.by_epoch[name] for r in recordings], axis=1)
        for name in recorded.by_epoch
    }
    return (
        replace(first, **arrays, buffers=buffers),
        replace(recorded, theta=np.concatenate([r.theta for r in recordings]), by_epoch=by_epoch),
    )
