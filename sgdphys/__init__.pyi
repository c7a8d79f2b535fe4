"""Public names of sgdphys, each imported when it is first used; types for editors."""

from . import dynamics as dynamics
from . import figures as figures
from . import information as information
from . import parallel as parallel
from . import processes as processes
from . import status as status
from . import tasks as tasks
from . import transitions as transitions
from .fitting.result import fit as fit
from .study.example import load_example as load_example
from .study.running import run as run
from .study.runs import Run as Run
from .trajectory.checkpoints import read_checkpoints as read_checkpoints
from .trajectory.conversion import convert as convert
from .trajectory.gathering import gather as gather
from .trajectory.reader import check as check
from .trajectory.reader import open_trajectory as open_trajectory
from .trajectory.record import record as record

__all__ = [
    "Run",
    "check",
    "convert",
    "dynamics",
    "figures",
    "fit",
    "gather",
    "information",
    "load_example",
    "open_trajectory",
    "parallel",
    "processes",
    "read_checkpoints",
    "record",
    "run",
    "status",
    "tasks",
    "transitions",
]

__version__: str
