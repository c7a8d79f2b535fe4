"""A callback for Hugging Face's Trainer: it records a model's weights while they are trained."""

import inspect
import json
from pathlib import Path
from typing import Any

import transformers

from sgdphys.errors import InputError
from sgdphys.trajectory.locations import location
from sgdphys.trajectory.reader import open_trajectory
from sgdphys.trajectory.record import record
from sgdphys.trajectory.recorder import Recorder, open_at
from sgdphys.trajectory.segments import parts_of

_CHECKPOINTS = "checkpoints"
"""Attribute: steps of the recording, by the trainer's, where these count more."""


def _counts_at_checkpoints(path: Path) -> dict[str, int]:
    """Steps of a recording by the trainer's, of checkpoints at which they differ."""
    counts: dict[str, int] = json.loads(open_trajectory(path).attrs.get(_CHECKPOINTS, "{}"))
    return counts


class Record(transformers.TrainerCallback):
    """Record the weights of a model while ``transformers.Trainer`` trains it.

    Parameters
    ----------
    path : path
        A netCDF file; training that resumes from a checkpoint cuts it at the checkpoint's step and
        counts on.
    **options
        As ``sgdphys.record`` takes them: every, what, gradients ...

    Raises
    ------
    InputError
        For an option that ``sgdphys.record`` does not take.

    Notes
    -----
    Every update of the optimizer is a step, however many batches were accumulated; the trainer also
    counts updates that a gradient scaler skips, so that the recording keeps its own count of each
    checkpoint. Of several processes the first one records.
    """

    def __init__(self, path: str | Path, **options: Any) -> None:
        self.path, self.options = location(path), options
        self.recorder: Recorder | None = None
        self._counts: dict[str, int] = {}
        try:
            inspect.signature(record).bind(None, path, **options)
        except TypeError as error:
            raise InputError(f"sgdphys.record takes no such option: {error}") from None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Open the recording, once weights and the optimizer are restored."""
        if not state.is_world_process_zero:
            return
        options: dict[str, Any] = {}
        earlier = open_at(self.path)
        if earlier is not None:  # training that an exception ended
            earlier.close()
        if state.global_step:
            exists = self.path.exists() or parts_of(self.path).is_dir()
            self._counts = _counts_at_checkpoints(self.path) if exists else {}
            steps = self._counts.get(str(state.global_step), state.global_step)
            options = {"resume" if exists else "first_step": steps}
        self.recorder = record(
            kwargs["model"], self.path, optimizer=kwargs.get("optimizer"),
            **(options | self.options),
        )  # fmt: skip

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Note the loss that the trainer reports."""
        if self.recorder is not None and logs and "loss" in logs:
            self.recorder.step(loss=logs["loss"])

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Write what was recorded, so that training may resume here after a crash."""
        if self.recorder is not None:
            if self.recorder.steps != state.global_step:
                self._counts[str(state.global_step)] = self.recorder.steps
                self.recorder.describe(_CHECKPOINTS, json.dumps(self._counts))
            self.recorder.flush()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close it."""
        if self.recorder is not None:
            self.recorder.close()
            self.recorder = None
