"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from sgdphys.analyses.settings import FEWEST_STEPS, AnalysisSettings, Extent
from sgdphys.keys import Share

if TYPE_CHECKING:
    from sgdphys.study.settings import Study

PRODUCING = 3
"""Directions along which the entropy production is measured ..."""
FEWEST_UPDATES = max(FEWEST_STEPS, 20 * PRODUCING)
"""... and the updates of a burst that it takes: every network is measured alone."""


class Settings(AnalysisSettings):
    """Fluctuation relations, irreversibility and curvature in bursts: ``of = "stationarity"``."""

    quick: ClassVar[dict[str, int]] = {"replicas": 2, "gradients": 16}
    of: Literal["stationarity"]
    gradients: Annotated[int, Field(ge=8, le=10**6)] = 64
    """Updates of a burst at which full gradients are taken."""
    directions: Annotated[int, Field(ge=4, le=10_000)] = 6
    """Number of sharpest directions."""
    replicas: Annotated[int, Field(ge=2, le=10**9)] = 8
    """Number of networks that are analysed."""
    confidence: Share = 0.95
    """Confidence level of the intervals."""

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        train = study.train
        wanted = {
            "train.dtype = 'float64' (gradients are read from small differences)":
                train.dtype == "float64",
            "train.optimiser = 'sgd' without nesterov":
                train.optimiser == "sgd" and not train.nesterov,
            "train.schedule = 'constant'": train.schedule == "constant",
        }  # fmt: skip
        absent = [said for said, is_met in wanted.items() if not is_met]
        missing = [f"needs {'; '.join(absent)}"] if absent else []
        longest = study.longest_stretch
        if longest is not None and longest < FEWEST_UPDATES:
            missing.append(
                f"needs at least {FEWEST_UPDATES} consecutive steps; the longest stretch recorded "
                f"has {longest}; set record.weights to 'step' or {{ burst = 74, starts = 4 }}, and "
                "train.epochs to more than a burst"
            )
        return missing

    def memory(self, study: "Study", extent: Extent) -> float:
        """Bytes that it holds at once."""
        return 24.0 * ((study.longest_stretch or 0) + 1) * extent.numbers
