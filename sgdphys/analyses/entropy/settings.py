"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sgdphys.analyses.settings import AnalysisSettings, Extent
from sgdphys.keys import Share

if TYPE_CHECKING:
    from sgdphys.study.settings import Study

_FEWEST_FAMILIES = 6


class Settings(AnalysisSettings):
    """Entropy of clouds of weights: ``[analyses.NAME]`` with ``of = "entropy"``."""

    of: Literal["entropy"]
    modes: Annotated[int, Field(ge=1, le=10_000)] = 4
    """Number of directions in which the entropy is estimated."""
    confidence: Share = 0.95
    """Confidence level of the intervals."""

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        train = study.train
        if train.twins >= 2 and train.replicas // train.twins >= _FEWEST_FAMILIES:
            return []
        return [
            "compares twins with independent starts; set train.twins to 2 or more and "
            f"train.replicas to at least {_FEWEST_FAMILIES} families of them"
        ]

    def memory(self, study: "Study", extent: Extent) -> float:
        """Bytes that it holds at once."""
        return 12.0 * extent.states * extent.numbers
