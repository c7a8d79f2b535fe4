"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sgdphys.analyses.settings import AnalysisSettings, Extent
from sgdphys.keys import Share

if TYPE_CHECKING:
    from sgdphys.study.settings import Study

_RATIOS = 14
"""Arrays that the bootstrap of gradient ratios holds."""


class Settings(AnalysisSettings):
    """Gradient mean against noise: ``[analyses.NAME]`` with ``of = "phases"``."""

    of: Literal["phases"]
    confidence: Share = 0.95
    """Confidence level of the intervals."""
    resamples: Annotated[int, Field(ge=100, le=100_000)] = 1000
    """Number of bootstrap resamples."""

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        if study.record.gradients == "none":
            return ["needs gradient statistics, and record.gradients is 'none'"]
        return []

    def memory(self, study: "Study", extent: Extent) -> float:
        """Bytes that it holds at once."""
        layers = len(study.network.layers) + 1
        return 8.0 * _RATIOS * self.resamples * extent.gradient_epochs * layers
