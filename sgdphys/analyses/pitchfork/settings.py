"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sgdphys.analyses.settings import AnalysisSettings, Extent
from sgdphys.keys import Share

if TYPE_CHECKING:
    from sgdphys.study.settings import Study

FEWEST_SIGNALS = 6
"""Points of a scan from which a critical point is fitted."""
_FEWEST_MEMBERS = 5
_MOST_NUMBERS = 10**8
"""Of a simulation: 1.6 GB for two weights."""


class Settings(AnalysisSettings):
    """Slowing of the two-layer scalar network: ``[analyses.NAME]`` with ``of = "pitchfork"``."""

    of: Literal["pitchfork"]
    discard: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the training that is left out, before the stationary state."""
    ramp_steps: Annotated[int, Field(ge=1000, le=10**7)] = 20_000
    """Updates of a path whose signal rises."""
    ramp_replicas: Annotated[int, Field(ge=5, le=10**6)] = 60
    """Number of such paths."""
    confidence: Share = 0.95
    """Confidence level of the intervals."""

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        network, train = study.network, study.train
        wanted = {
            "task.name = 'scalar_teacher'": study.task.name == "scalar_teacher",
            "no network.module": not network.module,
            "network.layers = [1]": network.layers == (1,),
            "network.activation = 'identity'": network.activation == "identity",
            "network.bias = false": not network.bias,
            "train.weight_decay above 0": train.weight_decay > 0,
            "task.signal at most twice train.weight_decay, beyond which another mode is softest":
                study.task.signal <= 2 * train.weight_decay,
            "train.orthonormality = 0": train.orthonormality == 0,
            "train.sampling = 'full'": train.sampling == "full",
            "train.langevin above 0": train.langevin > 0,
            f"train.replicas at least {_FEWEST_MEMBERS}": train.replicas >= _FEWEST_MEMBERS,
            "record.weights = 'step' or 'epoch'": study.record.weights in ("step", "epoch"),
            f"ramp_steps times ramp_replicas at most {_MOST_NUMBERS:,}":
                self.ramp_steps * self.ramp_replicas <= _MOST_NUMBERS,
        }  # fmt: skip
        missing = [said for said, is_met in wanted.items() if not is_met]
        return [f"is of 'pitchfork' and needs {', '.join(missing)}"] if missing else []

    def requires_of_sweep(self, study: "Study") -> list[str]:
        """Return what the study's sweep lacks for it."""
        signals = study.sweep.keys.get("task.signal")
        if signals is None or len(set(signals)) >= FEWEST_SIGNALS:
            return []
        return [
            f"fits a critical point to the values of task.signal, and {len(set(signals))} are "
            f"swept; sweep at least {FEWEST_SIGNALS}, or none"
        ]

    def memory(self, study: "Study", extent: Extent) -> float:
        """Bytes that it holds at once."""
        return 24.0 * extent.states * extent.numbers
