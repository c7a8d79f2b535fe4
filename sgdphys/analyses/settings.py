"""Base of the settings of all analyses: ``[analyses.NAME]``.

``requires`` says what a study lacks for an analysis, in sentences that follow its name, before
anything is trained.
"""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from sgdphys.keys import Keys

if TYPE_CHECKING:
    from sgdphys.study.settings import Study

FEWEST_STEPS = 50
"""Consecutive updates from which a burst is read."""


class Extent(NamedTuple):
    """How much a study records, from which the memory of its analyses follows."""

    states: int
    """Recorded states of each network."""
    numbers: float
    """Weights of all networks together in one state."""
    gradient_epochs: int
    """Epochs at which gradient statistics are taken."""


class AnalysisSettings(Keys):
    """Keys of an analysis, and what it needs of a study."""

    quick: ClassVar[dict[str, int]] = {}
    """Largest values in a study made small, of keys that make the analysis slow."""
    of: str

    @property
    def functions(self) -> tuple[str, ...]:
        """Functions of the user's that it calls, each as "package.module:function"."""
        return ()

    def requires(self, study: "Study") -> list[str]:
        """Return what the study lacks, each sentence without the analysis's name before it."""
        return []

    def requires_of_sweep(self, study: "Study") -> list[str]:
        """Return what the study's sweep lacks, likewise."""
        return []

    def unread(self, study: "Study") -> dict[str, str]:
        """Return the keys without effect, each with the choice that is the reason."""
        return {}

    def memory(self, study: "Study", extent: Extent) -> float:
        """Bytes that it holds at once; 0 where that is little."""
        return 0.0


def without_labels(kind: str, study: "Study") -> list[str]:
    """Return what an analysis of labels lacks in a study without them."""
    sizes = study.sizes
    if sizes is None or sizes.are_labels:
        return []
    return [f"is of {kind!r}, which needs labels; task {study.task.name!r} has none"]


def without_perceptron(study: "Study") -> list[str]:
    """Return the fault of an analysis of perceptrons in a study of another module."""
    module = study.network.module
    if not module:
        return []
    return [f"needs a perceptron; network.module is {module!r}; leave the analysis out"]


def without_hidden_layers(study: "Study") -> list[str]:
    """Return the fault of an analysis of hidden layers in a study of a network without any."""
    if study.network.module or study.network.layers:
        return []
    return ["is of hidden layers, and network.layers is []; leave the analysis out"]
