"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, Literal

from sgdphys.analyses.settings import AnalysisSettings, without_hidden_layers, without_perceptron
from sgdphys.keys import Bins, Positive

if TYPE_CHECKING:
    from sgdphys.study.settings import Study

_MOST_BINS = 10**7


class Settings(AnalysisSettings):
    """One unit of the network's activation, solved: ``of = "one_unit"``."""

    of: Literal["one_unit"]
    bins: Bins = 30
    """Number of bins per unit."""
    largest_weight: Positive = 100.0
    """Largest weight of the unit that is computed."""

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        missing = without_perceptron(study) + without_hidden_layers(study)
        if self.largest_weight * self.bins > _MOST_BINS:
            missing.append(
                f"sums over bins as far as its largest_weight; largest_weight times bins must be "
                f"at most {_MOST_BINS:,}"
            )
        return missing
