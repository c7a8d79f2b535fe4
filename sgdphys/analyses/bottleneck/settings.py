"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, Annotated, Literal

from sgdphys.analyses.settings import AnalysisSettings, without_labels, without_perceptron
from sgdphys.keys import Bins, Count, Listed

if TYPE_CHECKING:
    from sgdphys.study.settings import Study


class Settings(AnalysisSettings):
    """Layers on the bottleneck curve: ``[analyses.NAME]`` with ``of = "bottleneck"``."""

    of: Literal["bottleneck"]
    bins: Bins = 30
    """Number of bins per unit."""
    epochs: Annotated[tuple[Count, ...], Listed] = ()
    """Epochs at which layers are compared with the bound, apart from the last and the best one."""

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        missing = without_perceptron(study)
        if study.task.name != "symmetric_rule":
            missing += without_labels("bottleneck", study) or [
                "is of 'bottleneck', which needs two labels that are no function of the input; "
                "task.name = 'symmetric_rule' has their probabilities"
            ]
        return missing
