"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, Literal

from sgdphys.analyses.settings import AnalysisSettings, without_labels
from sgdphys.keys import Share

if TYPE_CHECKING:
    from sgdphys.study.settings import Study


class Settings(AnalysisSettings):
    """Which labels can be separated, and which are: ``of = "capacity"``."""

    of: Literal["capacity"]
    confidence: Share = 0.95
    """Confidence level of the intervals."""

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        missing = without_labels("capacity", study)
        if missing:
            return missing
        if study.task.name != "dichotomies" or study.task.labels != "soft":
            missing.append(
                "compares with random labels that are drawn anew for every network; set "
                "task.name = 'dichotomies' and task.labels = 'soft'"
            )
        if study.train.twins > 1:
            missing.append("needs labels of its own for every network; set train.twins to 1")
        return missing
