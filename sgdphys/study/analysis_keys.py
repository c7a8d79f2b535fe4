"""The kinds of analyses of a study as frozen models: ``[analyses.NAME]``."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from sgdphys.study.models import Count, Keys, Listed, Positive, Share


class InformationAnalysis(Keys):
    """Information of every layer: ``[analyses.NAME]`` with ``of = "information"``."""

    of: Literal["information"]
    estimator: Literal[
        "binned", "equal_mass", "net_input", "precision", "kde_lower", "kde_upper", "noisy"
    ] = "binned"
    replicas: Annotated[int, Field(ge=0)] = 0
    epochs: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Listed] = ()
    noise_variance: Positive = 1e-3
    bins: Annotated[int, Field(ge=2)] = 30
    edges: Literal["full", "idnns"] = "full"
    range: Annotated[tuple[float, float], Listed] | None = None
    labels: Literal["hard", "soft"] = "hard"
    patterns: Literal["all", "train", "test"] = "all"


class PhasesAnalysis(Keys):
    """Gradient mean against noise: ``[analyses.NAME]`` with ``of = "phases"``."""

    of: Literal["phases"]
    confidence: Share = 0.95
    resamples: Annotated[int, Field(ge=100)] = 1000


class BottleneckAnalysis(Keys):
    """Layers on the bottleneck curve: ``[analyses.NAME]`` with ``of = "bottleneck"``."""

    of: Literal["bottleneck"]
    bins: Annotated[int, Field(ge=2)] = 30
    epochs: Annotated[tuple[Count, ...], Listed] = ()


class DiffusionAnalysis(Keys):
    """Twins about their mean, in bursts of steps: ``[analyses.NAME]`` with ``of = "diffusion"``."""

    of: Literal["diffusion"]
    sample: Annotated[int, Field(ge=10)] = 60
    confidence: Share = 0.95


class PitchforkAnalysis(Keys):
    """Slowing of the two-layer scalar network: ``[analyses.NAME]`` with ``of = "pitchfork"``."""

    of: Literal["pitchfork"]
    discard: Annotated[float, Field(ge=0, lt=1)] = 0.2
    ramp_steps: Annotated[int, Field(ge=1000)] = 20_000
    ramp_replicas: Annotated[int, Field(ge=5)] = 60
    confidence: Share = 0.95


class EntropyAnalysis(Keys):
    """Entropy of clouds of weights: ``[analyses.NAME]`` with ``of = "entropy"``."""

    of: Literal["entropy"]
    modes: Count = 4
    confidence: Share = 0.95


class ComponentsAnalysis(Keys):
    """Principal components beside random walks: ``[analyses.NAME]`` with ``of = "components"``."""

    of: Literal["components"]
    replicas: Count = 8
    points: Annotated[int, Field(ge=10)] = 200
    walks: Annotated[int, Field(ge=10)] = 40


class StationarityAnalysis(Keys):
    """Fluctuation relations, irreversibility and curvature in bursts: ``of = "stationarity"``."""

    of: Literal["stationarity"]
    gradients: Annotated[int, Field(ge=8)] = 64
    directions: Annotated[int, Field(ge=4)] = 6
    replicas: Annotated[int, Field(ge=2)] = 8
    confidence: Share = 0.95


class LearningAnalysis(Keys):
    """How soon and how well: ``[analyses.NAME]`` with ``of = "learning"``."""

    of: Literal["learning"]
    error: Share = 0.1
    confidence: Share = 0.95


class DiversityAnalysis(Keys):
    """Overlaps of units and of networks: ``[analyses.NAME]`` with ``of = "diversity"``."""

    of: Literal["diversity"]
    confidence: Share = 0.95


class ClusteringAnalysis(Keys):
    """Distances within and between labels: ``[analyses.NAME]`` with ``of = "clustering"``."""

    of: Literal["clustering"]
    epochs: Count = 20
    replicas: Count = 5


class OneUnitAnalysis(Keys):
    """One unit of the network's activation, solved: ``of = "one_unit"``."""

    of: Literal["one_unit"]
    bins: Annotated[int, Field(ge=2)] = 30
    largest_weight: Positive = 100.0


class RescalingAnalysis(Keys):
    """The same function with other weights: ``[analyses.NAME]`` with ``of = "rescaling"``."""

    of: Literal["rescaling"]
    factor: Positive = 10.0
    bins: Annotated[int, Field(ge=2)] = 30


class LinearAnalysis(Keys):
    """Exact error and information of linear networks: ``of = "linear"``."""

    of: Literal["linear"]
    noise_variance: Positive = 1.0


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
OF_LABELS = ("information", "bottleneck", "clustering", "rescaling")
"""Kinds of analyses that need a task with labels."""


def with_kinds(value: Any) -> Any:
    """Let an analysis that is named for its kind leave ``of`` out."""
    if not isinstance(value, Mapping):
        return value
    return {
        name: {"of": name, **keys} if isinstance(keys, Mapping) and name in ANALYSES else keys
        for name, keys in value.items()
    }
