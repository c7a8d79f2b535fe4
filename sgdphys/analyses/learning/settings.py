"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

import os
from typing import TYPE_CHECKING, Literal

from sgdphys.analyses.settings import AnalysisSettings
from sgdphys.errors import InputError
from sgdphys.keys import Function, Share

if TYPE_CHECKING:
    from sgdphys.study.settings import Study


class Settings(AnalysisSettings):
    """How soon and how well: ``[analyses.NAME]`` with ``of = "learning"``.

    ``order = "package.module:function"`` is an order parameter of the user's: it receives the
    recording and the task, and returns one number for every replica. The module is one that Python
    can import, or, after those, one in the folder of the study's file: a study can run code.
    """

    of: Literal["learning"]
    error: Share = 0.1
    """A network has learned when its test error is at most this; its training error without a test
    set."""
    order: Function = ""
    """An order parameter of your own, as package.module:function."""
    confidence: Share = 0.95
    """Confidence level of the intervals."""

    @property
    def functions(self) -> tuple[str, ...]:
        """Functions of the user's that it calls."""
        return (self.order,) if self.order else ()

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        if not self.order:
            return []
        from sgdphys.engines.factories import source_of  # a room that computes

        try:
            source_of(self.order, study.folder or os.getcwd(), "has an order that")
        except InputError as error:
            return [str(error)]
        return []
