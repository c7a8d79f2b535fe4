"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from sgdphys.analyses.settings import FEWEST_STEPS, AnalysisSettings, Extent
from sgdphys.keys import Share

if TYPE_CHECKING:
    from sgdphys.study.settings import Study

_LAGS_IN_EPOCHS = 17


class Settings(AnalysisSettings):
    """Twins about their mean, in bursts of steps: ``[analyses.NAME]`` with ``of = "diffusion"``."""

    quick: ClassVar[dict[str, int]] = {"sample": 20}
    of: Literal["diffusion"]
    sample: Annotated[int, Field(ge=10, le=10**6)] = 60
    """Number of series of each layer that are tested and whose tails are read."""
    confidence: Share = 0.95
    """Confidence level of the intervals."""

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        missing = []
        if study.train.twins < 2:
            missing.append("compares twins; set train.twins to 2 or more")
        per_epoch, longest = study.updates_per_epoch, study.longest_stretch
        if per_epoch is not None and longest is not None:
            least = max(_LAGS_IN_EPOCHS * per_epoch, FEWEST_STEPS)
            if longest < least:
                missing.append(
                    f"needs at least {least} consecutive steps, and the longest stretch recorded "
                    f"has {longest}; set record.weights to 'step', or to "
                    "{ burst = 64, starts = 8 }, 64 epochs in a row, of which lags up to a "
                    "quarter are read, and train.epochs to more"
                )
        return missing

    def memory(self, study: "Study", extent: Extent) -> float:
        """Bytes that it holds at once."""
        return 24.0 * ((study.longest_stretch or 0) + 1) * extent.numbers
