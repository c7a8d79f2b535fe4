"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, ClassVar, Literal

from sgdphys.analyses.settings import (
    AnalysisSettings,
    without_hidden_layers,
    without_labels,
    without_perceptron,
)
from sgdphys.keys import Bins, Count

if TYPE_CHECKING:
    from sgdphys.study.settings import Study


class Settings(AnalysisSettings):
    """Distances within and between labels: ``[analyses.NAME]`` with ``of = "clustering"``."""

    quick: ClassVar[dict[str, int]] = {"replicas": 2}
    of: Literal["clustering"]
    epochs: Count = 20
    """Number of epochs at which distances are computed."""
    replicas: Count = 5
    """Number of networks that are analysed."""
    bins: Bins = 30
    """Number of bins per unit."""

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        return (
            without_perceptron(study)
            + without_labels("clustering", study)
            + without_hidden_layers(study)
        )
