"""Training dynamics of neural networks as a physics experiment.

Networks are trained as ensembles whose complete weight trajectories are recorded into labelled
netCDF files, and such files are read as physical processes.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgdphys import dynamics, information, parallel, processes, tasks
    from sgdphys.dynamics.diffusion.model_choice import fit
    from sgdphys.study.running import run
    from sgdphys.study.runs import Run
    from sgdphys.trajectory.checkpoints import read_checkpoints
    from sgdphys.trajectory.gathering import gather
    from sgdphys.trajectory.reader import check, open_trajectory
    from sgdphys.trajectory.record import record

__version__ = "0.1.0"

__all__ = [
    "Run", "check", "dynamics", "fit", "gather", "information", "open_trajectory", "parallel",
    "processes", "read_checkpoints", "record", "run", "tasks",
]  # fmt: skip

_HOMES = {
    "Run": "sgdphys.study.runs",
    "run": "sgdphys.study.running",
    "fit": "sgdphys.dynamics.diffusion.model_choice",
    "check": "sgdphys.trajectory.reader",
    "gather": "sgdphys.trajectory.gathering",
    "read_checkpoints": "sgdphys.trajectory.checkpoints",
    "record": "sgdphys.trajectory.record",
    "open_trajectory": "sgdphys.trajectory.reader",
}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in __all__:
        return importlib.import_module(f"sgdphys.{name}")
    raise AttributeError(f"module 'sgdphys' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
