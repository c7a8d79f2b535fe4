"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, Literal

from sgdphys.analyses.settings import AnalysisSettings, without_perceptron
from sgdphys.keys import Share

if TYPE_CHECKING:
    from sgdphys.study.settings import Study


class Settings(AnalysisSettings):
    """Overlaps of units and of networks: ``[analyses.NAME]`` with ``of = "diversity"``."""

    of: Literal["diversity"]
    confidence: Share = 0.95
    """Confidence level of the intervals."""

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        missing = without_perceptron(study)
        if study.train.replicas < 2:
            missing.append("compares networks; set train.replicas to 2 or more")
        return missing
