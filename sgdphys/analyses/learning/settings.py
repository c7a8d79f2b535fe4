"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import Literal

from sgdphys.analyses.settings import AnalysisSettings
from sgdphys.keys import Share


class Settings(AnalysisSettings):
    """How soon and how well: ``[analyses.NAME]`` with ``of = "learning"``."""

    of: Literal["learning"]
    error: Share = 0.1
    confidence: Share = 0.95
