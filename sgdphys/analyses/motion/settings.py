"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, Literal

from sgdphys.analyses.settings import AnalysisSettings

if TYPE_CHECKING:
    from sgdphys.study.settings import Study


class Settings(AnalysisSettings):
    """Distances between the weights of two epochs: ``[analyses.NAME]`` with ``of = "motion"``."""

    of: Literal["motion"]

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        if study.record.weights in ("epoch", "step"):
            return []
        return ["compares weights at any two epochs; set record.weights to 'epoch' or 'step'"]
