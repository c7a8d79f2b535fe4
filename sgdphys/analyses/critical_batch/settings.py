"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sgdphys.analyses.settings import AnalysisSettings

if TYPE_CHECKING:
    from sgdphys.study.settings import Study


class Settings(AnalysisSettings):
    """Updates to a training loss: ``[analyses.NAME]`` with ``of = "critical_batch"``."""

    of: Literal["critical_batch"]
    loss: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.3
    """Training loss to which updates are counted."""

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        if study.record.gradients == "none":
            return ["needs gradient statistics, and record.gradients is 'none'"]
        return []
