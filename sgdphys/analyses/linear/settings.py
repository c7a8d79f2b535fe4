"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, Literal

from sgdphys.analyses.settings import AnalysisSettings, without_perceptron
from sgdphys.keys import Positive

if TYPE_CHECKING:
    from sgdphys.study.settings import Study


class Settings(AnalysisSettings):
    """Exact error and information of linear networks: ``of = "linear"``."""

    of: Literal["linear"]
    noise_variance: Positive = 1.0
    """Variance of the noise with which units are read."""

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        missing = without_perceptron(study)
        if study.network.activation != "identity" or study.task.name != "teacher_student":
            missing.append(
                "is exact for linear networks and teachers: set network.activation = 'identity' "
                "and task.name = 'teacher_student'"
            )
        elif study.task.units:
            missing.append("needs a linear teacher: task.units = 0")
        return missing
