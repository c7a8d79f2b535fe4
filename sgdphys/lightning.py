"""A callback for Lightning: it opens a recording when a fit begins, and closes it when it ends."""

from pathlib import Path
from typing import Any

import lightning

from sgdphys.trajectory.recorder import Recorder, record


class Record(lightning.Callback):
    """Record the weights of a module while ``lightning.Trainer`` fits it.

    Parameters
    ----------
    path : path
        A netCDF file; where it exists a fit from a checkpoint goes on with it.
    **options
        As ``sgdphys.record`` takes them: every, what, gradients ...

    Notes
    -----
    Every true update of the first optimizer is a step. A fit that resumes from a checkpoint counts
    on from the last step of the file at the path.
    """

    def __init__(self, path: str | Path, **options: Any) -> None:
        self.path, self.options = Path(path), options
        self.recorder: Recorder | None = None

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Open the recording, once weights and optimizers are restored."""
        resumes = trainer.global_step > 0 and self.path.exists()
        self.recorder = record(
            pl_module, self.path, optimizer=trainer.optimizers[0],
            **({"resume": resumes} | self.options),
        )  # fmt: skip

    def on_train_end(self, *_: Any) -> None:
        """Close it."""
        self._close()

    def on_exception(self, *_: Any) -> None:
        """Close it, so that what was recorded is whole."""
        self._close()

    def _close(self) -> None:
        if self.recorder is not None:
            self.recorder.close()
            self.recorder = None
