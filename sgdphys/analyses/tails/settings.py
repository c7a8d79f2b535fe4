"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from sgdphys.analyses.settings import AnalysisSettings, Extent, without_perceptron
from sgdphys.keys import Count, Listed, Whole

if TYPE_CHECKING:
    from sgdphys.study.settings import Study

FEWEST_PARAMETERS = 50
"""Parameters from which a tail index across them is estimated."""


class Settings(AnalysisSettings):
    """Tails of the gradient noise at fixed weights: ``[analyses.NAME]`` with ``of = "tails"``."""

    quick: ClassVar[dict[str, int]] = {"batches": 60, "replicas": 2}
    of: Literal["tails"]
    epochs: Annotated[tuple[Whole, ...], Listed, Field(min_length=1)] = (10, 100, 1000)
    """Epochs at whose weights batches are drawn: the recorded ones nearest to them."""
    batch_sizes: Annotated[tuple[Count, ...], Listed, Field(min_length=1)] = (32, 512)
    """Sizes of the batches."""
    batches: Annotated[int, Field(ge=50, le=10**5)] = 200
    """Number of batches of each size."""
    replicas: Annotated[int, Field(ge=2, le=10**9)] = 8
    """Number of networks that are analysed."""

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        missing = without_perceptron(study)
        sizes = study.sizes
        if sizes is not None:
            samples = round(sizes.samples * study.train.train_fraction)
            large = [size for size in self.batch_sizes if size >= samples]
            if large:
                missing.append(
                    f"draws batches of {large[0]} of {samples} training samples; batch_sizes must "
                    "be smaller than the training set"
                )
        return missing

    def memory(self, study: "Study", extent: Extent) -> float:
        """Bytes that it holds at once."""
        replicas = max(study.train.replicas, 1)
        numbers = extent.numbers * min(self.replicas, replicas) / replicas
        return 24.0 * self.batches * numbers
