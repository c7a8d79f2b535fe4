"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sgdphys.analyses.settings import AnalysisSettings
from sgdphys.keys import Count


class Settings(AnalysisSettings):
    """Principal components and random walks: ``[analyses.NAME]`` with ``of = "components"``."""

    quick: ClassVar[dict[str, int]] = {"replicas": 2, "walks": 20}
    of: Literal["components"]
    replicas: Count = 8
    """Number of networks that are analysed."""
    points: Annotated[int, Field(ge=10, le=100_000)] = 200
    """Number of recorded points of each path, evenly spread."""
    walks: Annotated[int, Field(ge=10, le=100_000)] = 40
    """Random walks per path, for comparison."""
