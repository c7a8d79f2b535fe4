"""A callback for Lightning: it opens a recording when a fit begins, and closes it when it ends."""

import inspect
from pathlib import Path
from typing import Any

import lightning

from sgdphys.errors import InputError
from sgdphys.trajectory.locations import location
from sgdphys.trajectory.record import record
from sgdphys.trajectory.recorder import Recorder
from sgdphys.trajectory.segments import parts_of


class Record(lightning.Callback):
    """Record the weights of a module while ``lightning.Trainer`` fits it.

    Parameters
    ----------
    path : path
        A netCDF file; where it exists a fit from a checkpoint goes on with it.
    **options
        As ``sgdphys.record`` takes them: every, what, gradients ...

    Raises
    ------
    InputError
        For an option that ``sgdphys.record`` does not take.

    Notes
    -----
    Every update is a step; of several optimizers a step is done once each has stepped. The
    checkpoint keeps how many steps there were, so that a fit that resumes from it (``ckpt_path``)
    cuts the file there and counts on. On several devices the first process records. A second fit
    with the same callback, as in cross-validation, goes to ``NAME-2.nc``, a third to ``NAME-3.nc``;
    a checkpoint knows which of them it belongs to.
    """

    def __init__(self, path: str | Path, **options: Any) -> None:
        self.path, self.options = location(path), options
        self.recorder: Recorder | None = None
        self._fits = 0
        self._resumed: dict[str, Any] = {}
        self._last: int | None = None
        try:
            inspect.signature(record).bind(None, path, **options)
        except TypeError as error:
            raise InputError(f"sgdphys.record takes no such option: {error}") from None

    @property
    def state_key(self) -> str:
        """By which a checkpoint tells several callbacks apart."""
        return self._generate_state_key(path=self.path.name)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: the steps counted, and the number of the fit."""
        steps = self._last if self.recorder is None else self.recorder.steps
        return {"steps": steps, "fit": self._fits}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what a checkpoint kept."""
        self._resumed = state_dict

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Open the recording, once weights and optimizers are restored."""
        if not trainer.is_global_zero:
            return
        if not trainer.optimizers:
            raise InputError("the module has no optimizer, so no update can be recorded")
        resumed, self._resumed = self._resumed, {}
        steps, options = resumed.get("steps"), dict(self.options)
        if steps is None:
            steps = trainer.global_step // len(trainer.optimizers)
        fit = resumed.get("fit", 1) if steps > 0 else self._fits + 1
        path = self.path if fit == 1 else self.path.with_stem(f"{self.path.stem}-{fit}")
        if steps > 0:
            exists = path.exists() or parts_of(path).is_dir()
            options = {"resume": steps} | options if exists else {"first_step": steps} | options
        self._fits = max(self._fits, fit)
        self.recorder = record(pl_module, path, optimizer=trainer.optimizers, **options)

    def on_save_checkpoint(self, *_: Any) -> None:
        """Write what was recorded, so that a fit may resume here after a crash."""
        if self.recorder is not None:
            self.recorder.flush()

    def on_train_end(self, *_: Any) -> None:
        """Close it."""
        self._close()

    def on_exception(self, *_: Any) -> None:
        """Close it, so that what was recorded is complete."""
        self._close()

    def _close(self) -> None:
        if self.recorder is not None:
            self.recorder.close()
            self._last, self.recorder = self.recorder.steps, None
