"""The kinds of analyses of a study as frozen models: ``[analyses.NAME]``.

``requires`` says what a study lacks for an analysis, in sentences that follow its name, before
anything is trained.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field

from sgdphys.keys import Bins, Count, Keys, Listed, Positive, Share, Whole
from sgdphys.study.sizes import longest_stretch, sizes_of, train_samples, updates_per_epoch

if TYPE_CHECKING:
    from sgdphys.study.settings import Study

FEWEST_STEPS = 50
"""Consecutive updates from which a burst is read ..."""
PRODUCING = 3
"""... where the entropy production of so many directions is measured ..."""
STEPS_A_DIRECTION = 20
"""... and the steps of all networks together that each of them takes."""
FEWEST_SIGNALS = 6
"""Points of a scan from which a critical point is fitted."""
_LAGS_IN_EPOCHS = 17
_FEWEST_FAMILIES = 6
_FEWEST_MEMBERS = 5
_MOST_NUMBERS = 10**8
"""Of a simulation: 1.6 GB for two weights."""
_MOST_BINS = 10**7
_OF_MODULES = ("binned", "equal_mass", "precision", "kde_lower", "kde_upper")


class Kind(Keys):
    """What is common to the kinds of analyses."""

    def requires(self, study: "Study") -> list[str]:
        """Return what the study lacks, each sentence without the analysis's name before it."""
        return []

    def requires_of_sweep(self, study: "Study") -> list[str]:
        """Return what the study's sweep lacks, likewise."""
        return []


def _of_labels(kind: str, study: "Study") -> list[str]:
    sizes = sizes_of(study.task)
    if sizes is None or sizes.are_labels:
        return []
    return [f"is of {kind!r}, which needs labels; task {study.task.name!r} has none"]


def _of_perceptrons(study: "Study") -> list[str]:
    module = study.network.module
    if not module:
        return []
    return [f"is of perceptrons, and network.module is {module!r}; leave the analysis out"]


class InformationAnalysis(Kind):
    """Information of every layer: ``[analyses.NAME]`` with ``of = "information"``."""

    of: Literal["information"]
    estimator: Literal[
        "binned", "equal_mass", "net_input", "precision", "kde_lower", "kde_upper", "noisy"
    ] = "binned"
    replicas: Whole = 0
    epochs: Annotated[tuple[Whole, ...], Listed] = ()
    noise_variance: Positive = 1e-3
    bins: Bins = 30
    edges: Literal["full", "idnns"] = "full"
    range: Annotated[tuple[float, float], Listed] | None = None
    labels: Literal["hard", "soft"] = "hard"
    patterns: Literal["all", "train", "test"] = "all"

    def requires(self, study: "Study") -> list[str]:
        """Return what the study lacks for it."""
        missing = _of_labels("information", study)
        if study.network.module and self.estimator not in _OF_MODULES:
            missing.append(
                f"has estimator {self.estimator!r}, which is of perceptrons, and network.module is "
                f"{study.network.module!r}; choose one of {', '.join(map(repr, _OF_MODULES))}"
            )
        elif self.estimator == "noisy" and not study.network.noise:
            missing.append("has estimator 'noisy', which needs network.noise above 0")
        if (self.labels, self.patterns) != ("hard", "all") and (
            study.network.module or self.estimator != "binned"
        ):
            why = "of a network.module" if study.network.module else f"by {self.estimator!r}"
            missing.append(
                f"is {why}, which reads all patterns and hard labels; leave labels and patterns out"
            )
        sizes = sizes_of(study.task)
        if self.patterns == "test" and sizes is not None:
            if train_samples(study, sizes.samples) >= sizes.samples:
                missing.append(
                    "reads test patterns, and train.train_fraction "
                    f"{study.train.train_fraction:g} leaves none"
                )
        if self.range is not None and not -1e300 < self.range[0] < self.range[1] < 1e300:
            missing.append(
                f"has range {list(self.range)}; two finite numbers were expected, the lower first"
            )
        return missing


class PhasesAnalysis(Kind):
    """Gradient mean against noise: ``[analyses.NAME]`` with ``of = "phases"``."""

    of: Literal["phases"]
    confidence: Share = 0.95
    resamples: Annotated[int, Field(ge=100, le=100_000)] = 1000

    def requires(self, study: "Study") -> list[str]:
        """Return what the study lacks for it."""
        if study.record.gradients == "none":
            return ["needs gradient statistics, and record.gradients is 'none'"]
        return []


class BottleneckAnalysis(Kind):
    """Layers on the bottleneck curve: ``[analyses.NAME]`` with ``of = "bottleneck"``."""

    of: Literal["bottleneck"]
    bins: Bins = 30
    epochs: Annotated[tuple[Count, ...], Listed] = ()

    def requires(self, study: "Study") -> list[str]:
        """Return what the study lacks for it."""
        missing = _of_perceptrons(study)
        if study.task.name != "symmetric_rule":
            missing += _of_labels("bottleneck", study) or [
                "is of 'bottleneck', which needs two labels that are no function of the input; "
                "task.name = 'symmetric_rule' has their probabilities"
            ]
        return missing


class DiffusionAnalysis(Kind):
    """Twins about their mean, in bursts of steps: ``[analyses.NAME]`` with ``of = "diffusion"``."""

    of: Literal["diffusion"]
    sample: Annotated[int, Field(ge=10, le=10**6)] = 60
    confidence: Share = 0.95

    def requires(self, study: "Study") -> list[str]:
        """Return what the study lacks for it."""
        missing = []
        if study.train.twins < 2:
            missing.append("compares twins; set train.twins to 2 or more")
        per_epoch, longest = updates_per_epoch(study), longest_stretch(study)
        if per_epoch is not None and longest is not None:
            least = max(_LAGS_IN_EPOCHS * per_epoch, FEWEST_STEPS)
            if longest < least:
                missing.append(
                    f"needs at least {least} consecutive steps, and the longest stretch recorded "
                    f"has {longest}; set record.weights to 'step' or "
                    "{ burst = 64, starts = 8 }, and train.epochs to more than a burst"
                )
        return missing


class PitchforkAnalysis(Kind):
    """Slowing of the two-layer scalar network: ``[analyses.NAME]`` with ``of = "pitchfork"``."""

    of: Literal["pitchfork"]
    discard: Annotated[float, Field(ge=0, lt=1)] = 0.2
    ramp_steps: Annotated[int, Field(ge=1000, le=10**7)] = 20_000
    ramp_replicas: Annotated[int, Field(ge=5, le=10**6)] = 60
    confidence: Share = 0.95

    def requires(self, study: "Study") -> list[str]:
        """Return what the study lacks for it."""
        network, train = study.network, study.train
        wanted = {
            "task.name = 'scalar_teacher'": study.task.name == "scalar_teacher",
            "no network.module": not network.module,
            "network.layers = [1]": network.layers == (1,),
            "network.activation = 'identity'": network.activation == "identity",
            "network.bias = false": not network.bias,
            "train.weight_decay above 0": train.weight_decay > 0,
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


class EntropyAnalysis(Kind):
    """Entropy of clouds of weights: ``[analyses.NAME]`` with ``of = "entropy"``."""

    of: Literal["entropy"]
    modes: Annotated[int, Field(ge=1, le=10_000)] = 4
    confidence: Share = 0.95

    def requires(self, study: "Study") -> list[str]:
        """Return what the study lacks for it."""
        train = study.train
        if train.twins >= 2 and train.replicas // train.twins >= _FEWEST_FAMILIES:
            return []
        return [
            "compares twins with independent starts; set train.twins to 2 or more and "
            f"train.replicas to at least {_FEWEST_FAMILIES} families of them"
        ]


class ComponentsAnalysis(Kind):
    """Principal components beside random walks: ``[analyses.NAME]`` with ``of = "components"``."""

    of: Literal["components"]
    replicas: Count = 8
    points: Annotated[int, Field(ge=10, le=100_000)] = 200
    walks: Annotated[int, Field(ge=10, le=100_000)] = 40


class StationarityAnalysis(Kind):
    """Fluctuation relations, irreversibility and curvature in bursts: ``of = "stationarity"``."""

    of: Literal["stationarity"]
    gradients: Annotated[int, Field(ge=8, le=10**6)] = 64
    directions: Annotated[int, Field(ge=4, le=10_000)] = 6
    replicas: Annotated[int, Field(ge=2, le=10**9)] = 8
    confidence: Share = 0.95

    def fewest_steps(self, networks: int) -> int:
        """Consecutive updates from which a burst of so many networks is read."""
        together = max(min(networks, self.replicas), 1)
        return max(FEWEST_STEPS, math.ceil(PRODUCING * STEPS_A_DIRECTION / together))

    def requires(self, study: "Study") -> list[str]:
        """Return what the study lacks for it."""
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
        least = self.fewest_steps(train.replicas)
        longest = longest_stretch(study)
        if longest is not None and longest < least:
            missing.append(
                f"needs at least {least} consecutive steps, and the longest stretch recorded has "
                f"{longest}; set record.weights to 'step' or {{ burst = 74, starts = 4 }}, and "
                "train.epochs to more than a burst"
            )
        return missing


class LearningAnalysis(Kind):
    """How soon and how well: ``[analyses.NAME]`` with ``of = "learning"``."""

    of: Literal["learning"]
    error: Share = 0.1
    confidence: Share = 0.95


class DiversityAnalysis(Kind):
    """Overlaps of units and of networks: ``[analyses.NAME]`` with ``of = "diversity"``."""

    of: Literal["diversity"]
    confidence: Share = 0.95

    def requires(self, study: "Study") -> list[str]:
        """Return what the study lacks for it."""
        missing = _of_perceptrons(study)
        if study.train.replicas < 2:
            missing.append("compares networks; set train.replicas to 2 or more")
        return missing


class ClusteringAnalysis(Kind):
    """Distances within and between labels: ``[analyses.NAME]`` with ``of = "clustering"``."""

    of: Literal["clustering"]
    epochs: Count = 20
    replicas: Count = 5

    def requires(self, study: "Study") -> list[str]:
        """Return what the study lacks for it."""
        return _of_perceptrons(study) + _of_labels("clustering", study)


class OneUnitAnalysis(Kind):
    """One unit of the network's activation, solved: ``of = "one_unit"``."""

    of: Literal["one_unit"]
    bins: Bins = 30
    largest_weight: Positive = 100.0

    def requires(self, study: "Study") -> list[str]:
        """Return what the study lacks for it."""
        missing = _of_perceptrons(study)
        if self.largest_weight * self.bins > _MOST_BINS:
            missing.append(
                f"sums over bins as far as its largest_weight; largest_weight times bins must be "
                f"at most {_MOST_BINS:,}"
            )
        return missing


class RescalingAnalysis(Kind):
    """The same function with other weights: ``[analyses.NAME]`` with ``of = "rescaling"``."""

    of: Literal["rescaling"]
    factor: Positive = 10.0
    bins: Bins = 30

    def requires(self, study: "Study") -> list[str]:
        """Return what the study lacks for it."""
        return _of_perceptrons(study) + _of_labels("rescaling", study)


class LinearAnalysis(Kind):
    """Exact error and information of linear networks: ``of = "linear"``."""

    of: Literal["linear"]
    noise_variance: Positive = 1.0

    def requires(self, study: "Study") -> list[str]:
        """Return what the study lacks for it."""
        missing = _of_perceptrons(study)
        if study.network.activation != "identity" or study.task.name != "teacher_student":
            missing.append(
                "is exact for linear networks and teachers: set network.activation = 'identity' "
                "and task.name = 'teacher_student'"
            )
        elif study.task.units:
            missing.append("needs a linear teacher: task.units = 0")
        return missing


Analysis = Annotated[
    InformationAnalysis
    | PhasesAnalysis
    | DiffusionAnalysis
    | BottleneckAnalysis
    | PitchforkAnalysis
    | EntropyAnalysis
    | ComponentsAnalysis
    | StationarityAnalysis
    | LearningAnalysis
    | DiversityAnalysis
    | ClusteringAnalysis
    | OneUnitAnalysis
    | RescalingAnalysis
    | LinearAnalysis,
    Field(discriminator="of"),
]
ANALYSES: dict[str, type[BaseModel]] = {
    "information": InformationAnalysis,
    "phases": PhasesAnalysis,
    "diffusion": DiffusionAnalysis,
    "bottleneck": BottleneckAnalysis,
    "pitchfork": PitchforkAnalysis,
    "entropy": EntropyAnalysis,
    "components": ComponentsAnalysis,
    "stationarity": StationarityAnalysis,
    "learning": LearningAnalysis,
    "diversity": DiversityAnalysis,
    "clustering": ClusteringAnalysis,
    "one_unit": OneUnitAnalysis,
    "rescaling": RescalingAnalysis,
    "linear": LinearAnalysis,
}


def with_kinds(value: Any) -> Any:
    """Let an analysis that is named for its kind leave ``of`` out."""
    if not isinstance(value, Mapping):
        return value
    return {
        name: {"of": name, **keys} if isinstance(keys, Mapping) and name in ANALYSES else keys
        for name, keys in value.items()
    }
