"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, Literal

from sgdphys.analyses.settings import (
    AnalysisSettings,
    without_hidden_layers,
    without_labels,
    without_perceptron,
)
from sgdphys.keys import Bins, Positive

if TYPE_CHECKING:
    from sgdphys.study.settings import Study


class Settings(AnalysisSettings):
    """Rescaled weights, same function: ``[analyses.NAME]`` with ``of = "rescaling"``."""

    of: Literal["rescaling"]
    factor: Positive = 10.0
    """Factor by which weights of layer 1 are divided, and those of layer 2 multiplied."""
    bins: Bins = 30
    """Number of bins per unit."""

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        return (
            without_perceptron(study)
            + without_labels("rescaling", study)
            + without_hidden_layers(study)
        )
