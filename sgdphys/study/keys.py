"""The keys of a study as frozen models, and what is wrong with one in sentences."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from sgdphys.errors import InputError, nearest

LOG_POINTS = 395
"""Epochs asked for on a logarithmic axis; rounding leaves about 275 of 10^4."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class _Keys(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Task(_Keys):
    """What is learnt: ``[task]``."""

    name: Literal[
        "symmetric_rule", "scalar_teacher", "digits", "idx", "table", "teacher_student",
        "random_labels",
    ] = "symmetric_rule"  # fmt: skip
    information: Positive = 0.99
    signal: Positive = 1.0
    path: str = ""
    features: Count = 100
    samples: Count = 1000
    classes: Count = 2
    units: Annotated[int, Field(ge=0)] = 0
    noise: NotNegative = 1.0
    seed: Annotated[int, Field(ge=0)] = 0
    labels: Literal["hard", "soft"] = "hard"
    bipolar: bool = False


class Network(_Keys):
    """The hidden layers; inputs and outputs follow from the task: ``[network]``.

    ``module = "package.module:function"`` is any torch module instead; the other keys then have no
    effect.
    """

    layers: Annotated[tuple[Count, ...], BeforeValidator(_as_tuple), Field(min_length=1)] = (
        10, 7, 5, 4, 3,
    )  # fmt: skip
    activation: Literal[
        "tanh", "relu", "sigmoid", "softplus", "softsign", "elu", "swish", "identity"
    ] = "tanh"
    init: Literal["fan_in", "fan_out", "orthogonal"] = "fan_in"
    noise: NotNegative = 0.0
    bias: bool = True
    module: str = ""


class StepSchedule(_Keys):
    """Multiply the learning rate by ``factor`` every so many epochs."""

    every: Count
    factor: Positive


class Train(_Keys):
    """How it is learnt, and by how many: ``[train]``."""

    epochs: Count = 10_000
    batch_size: Count = 512
    learning_rate: Positive = 0.1
    schedule: Literal["constant", "cosine"] | StepSchedule = "constant"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    nesterov: bool = False
    weight_decay: NotNegative = 0.0
    optimiser: Literal["sgd", "adam"] = "sgd"
    loss: Literal["cross_entropy", "squared_error"] = "cross_entropy"
    sampling: Literal["shuffle", "replacement", "fixed", "full"] = "shuffle"
    langevin: NotNegative = 0.0
    label_noise: NotNegative = 0.0
    replicas: Count = 50
    twins: Count = 1
    seed: Annotated[int, Field(ge=0)] = 1
    train_fraction: Annotated[float, Field(gt=0, le=1)] = 0.85
    dtype: Literal["float32", "float64"] = "float32"
    engine: Literal["auto", "fused", "vmapped"] = "auto"
    device: str = "cpu"

    @model_validator(mode="after")
    def _consistent(self) -> "Train":
        if self.replicas % self.twins:
            raise ValueError(
                f"train.replicas is {self.replicas}, not a multiple of train.twins, {self.twins}; "
                "families must be whole"
            )
        if self.nesterov and not self.momentum:
            raise ValueError("train.nesterov needs train.momentum above 0")
        if self.optimiser == "adam" and self.momentum:
            raise ValueError("train.momentum belongs to train.optimiser 'sgd'; remove one of them")
        if self.loss == "cross_entropy" and self.label_noise > 1:
            raise ValueError(
                f"train.label_noise is {self.label_noise}, a chance of redrawing a label; "
                "it must be at most 1"
            )
        return self


class Every(_Keys):
    """Weights after every so many updates."""

    every: Count


class Bursts(_Keys):
    """Weights after every update of ``burst`` epochs in a row, at log-spaced starts."""

    burst: Count
    starts: Count


class Record(_Keys):
    """What is kept: ``[record]``."""

    weights: Literal["step", "epoch", "log"] | Every | Bursts = "epoch"
    gradients: Literal["log", "epoch", "none"] | Every = "log"
    compression: Literal["none", "zlib"] = "none"


class InformationAnalysis(_Keys):
    """Information of every layer: ``[analyses.NAME]`` with ``of = "information"``."""

    of: Literal["information"]
    estimator: Literal["binned", "equal_mass", "kde_lower", "kde_upper", "noisy"] = "binned"
    epochs: Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_as_tuple)] = ()
    noise_variance: Positive = 1e-3
    bins: Annotated[int, Field(ge=2)] = 30
    edges: Literal["full", "idnns"] = "full"
    range: Annotated[tuple[float, float], BeforeValidator(_as_tuple)] | None = None
    labels: Literal["hard", "soft"] = "hard"
    patterns: Literal["all", "train", "test"] = "all"


class PhasesAnalysis(_Keys):
    """Gradient mean against noise: ``[analyses.NAME]`` with ``of = "phases"``."""

    of: Literal["phases"]
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    resamples: Annotated[int, Field(ge=100)] = 1000


class BottleneckAnalysis(_Keys):
    """Layers on the bottleneck curve: ``[analyses.NAME]`` with ``of = "bottleneck"``."""

    of: Literal["bottleneck"]
    bins: Annotated[int, Field(ge=2)] = 30
    epochs: Annotated[tuple[Count, ...], BeforeValidator(_as_tuple)] = ()


class DiffusionAnalysis(_Keys):
    """Twins about their mean, in bursts of steps: ``[analyses.NAME]`` with ``of = "diffusion"``."""

    of: Literal["diffusion"]
    sample: Annotated[int, Field(ge=10)] = 60
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95


class PitchforkAnalysis(_Keys):
    """Slowing of the two-layer scalar network: ``[analyses.NAME]`` with ``of = "pitchfork"``."""

    of: Literal["pitchfork"]
    discard: Annotated[float, Field(ge=0, lt=1)] = 0.2
    ramp_steps: Annotated[int, Field(ge=1000)] = 20_000
    ramp_replicas: Annotated[int, Field(ge=5)] = 60
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95


class EntropyAnalysis(_Keys):
    """Entropy of clouds of weights: ``[analyses.NAME]`` with ``of = "entropy"``."""

    of: Literal["entropy"]
    modes: Count = 4
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95


class ComponentsAnalysis(_Keys):
    """Principal components beside random walks: ``[analyses.NAME]`` with ``of = "components"``."""

    of: Literal["components"]
    replicas: Count = 8
    points: Annotated[int, Field(ge=10)] = 200
    walks: Annotated[int, Field(ge=10)] = 40


class StationarityAnalysis(_Keys):
    """Fluctuation relations, irreversibility and curvature in bursts: ``of = "stationarity"``."""

    of: Literal["stationarity"]
    gradients: Annotated[int, Field(ge=8)] = 64
    directions: Annotated[int, Field(ge=4)] = 6
    replicas: Annotated[int, Field(ge=2)] = 8
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95


Analysis = Annotated[
    InformationAnalysis
    | PhasesAnalysis
    | DiffusionAnalysis
    | BottleneckAnalysis
    | PitchforkAnalysis
    | EntropyAnalysis
    | ComponentsAnalysis
    | StationarityAnalysis,
    Field(discriminator="of"),
]
_ANALYSES: dict[str, type[BaseModel]] = {
    "information": InformationAnalysis,
    "phases": PhasesAnalysis,
    "diffusion": DiffusionAnalysis,
    "bottleneck": BottleneckAnalysis,
    "pitchfork": PitchforkAnalysis,
    "entropy": EntropyAnalysis,
    "components": ComponentsAnalysis,
    "stationarity": StationarityAnalysis,
}
_OF_LABELS = ("information", "bottleneck")
"""Kinds of analyses that need a task with labels."""


def _with_kinds(value: Any) -> Any:
    """Let an analysis that is named for its kind leave ``of`` out."""
    if not isinstance(value, Mapping):
        return value
    return {
        name: {"of": name, **keys} if isinstance(keys, Mapping) and name in _ANALYSES else keys
        for name, keys in value.items()
    }


class Figures(_Keys):
    """What is drawn: ``[figures]``."""

    formats: Annotated[
        tuple[Literal["png", "svg", "pdf"], ...], BeforeValidator(_as_tuple), Field(min_length=1)
    ] = ("png", "svg")


Values = Annotated[tuple[Any, ...], BeforeValidator(_as_tuple), Field(min_length=1)]


class Sweep(_Keys):
    """Keys that take several values, each combination a case of its own: ``[sweep]``.

    ``keys`` maps dotted names to lists; with ``zip`` they go in step, the first values together.
    """

    keys: dict[
        str, Annotated[tuple[Any, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    ] = {}
    zip: bool = False

    @model_validator(mode="after")
    def _in_step(self) -> "Sweep":
        lengths = {name: len(values) for name, values in self.keys.items()}
        if self.zip and len(set(lengths.values())) > 1:
            said = ", ".join(f"{name} has {n}" for name, n in lengths.items())
            raise ValueError(f"sweep.zip needs lists of equal length; {said}")
        for name in self.keys:
            if name.partition(".")[0] not in ("task", "network", "train", "record"):
                raise ValueError(
                    f"sweep key {name!r} must be of task, network, train or record, "
                    'written "train.batch_size"'
                )
        return self


def _swept(value: Any) -> Any:
    """Gather the dotted keys of ``[sweep]``, which may be nested tables too."""
    if not isinstance(value, Mapping) or "keys" in value:
        return value
    keys: dict[str, Any] = {}

    def gather(prefix: str, table: Mapping[str, Any]) -> None:
        for name, inside in table.items():
            if isinstance(inside, Mapping):
                gather(f"{prefix}{name}.", inside)
            elif prefix or name != "zip":
                keys[prefix + name] = inside

    gather("", value)
    return {"keys": keys, **({"zip": value["zip"]} if "zip" in value else {})}


class Study(_Keys):
    """A whole study."""

    title: str = "untitled"
    claims: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = ()
    task: Task = Task()
    network: Network = Network()
    train: Train = Train()
    record: Record = Record()
    analyses: Annotated[dict[str, Analysis], BeforeValidator(_with_kinds)] = {}
    figures: Figures = Figures()
    sweep: Annotated[Sweep, BeforeValidator(_swept)] = Sweep()

    @model_validator(mode="after")
    def _fit_together(self) -> "Study":
        task = self.task
        if task.name in ("idx", "table") and not task.path:
            raise ValueError(f"task.name is {task.name!r}, which reads files; give task.path")
        if task.name in ("scalar_teacher", "teacher_student"):
            if self.train.loss != "squared_error":
                raise ValueError(
                    f"task {task.name!r} has no labels; set train.loss = 'squared_error'"
                )
            for name, analysis in self.analyses.items():
                if analysis.of in _OF_LABELS:
                    raise ValueError(
                        f"analyses.{name} is of {analysis.of!r}, which needs labels; "
                        f"task {task.name!r} has none"
                    )
        return self


def study_from(keys: Mapping[str, Any], source: str) -> Study:
    """Return a validated study.

    Parameters
    ----------
    keys : mapping
        Tables and keys as in a study's TOML.
    source : str
        Where they come from, for the message.

    Raises
    ------
    InputError
        With one sentence for every fault.
    """
    try:
        return Study.model_validate(dict(keys))
    except ValidationError as error:
        raise InputError("\n".join(_sentences(error, source))) from None


def _sentences(error: ValidationError, source: str) -> list[str]:
    """One sentence a key, however many alternatives of the key were tried."""
    by_key: dict[str, list[Any]] = {}
    for fault in error.errors():
        by_key.setdefault(_key_of(fault["loc"]), []).append(fault)
    return [_sentence(key, faults, source) for key, faults in by_key.items()]


_ALTERNATIVES = ("StepSchedule", "Every", "Bursts")


def _key_of(place: Sequence[int | str]) -> str:
    """Dotted name of a key: without list places and names of alternatives."""
    named = []
    if not place:  # of the study as a whole
        return ""
    if place[0] == "analyses" and len(place) > 2:
        place = (*place[:2], *place[3:])  # after the name comes the kind again
    for part in place:
        if part in _ALTERNATIVES or (isinstance(part, str) and part.startswith("literal[")):
            break
        if isinstance(part, str):
            named.append(part)
    return ".".join(named)


def _known_keys(place: Sequence[int | str]) -> list[str]:
    model: Any = Study
    if place[0] == "analyses" and len(place) > 2:
        return list(_ANALYSES[str(place[2])].model_fields)
    for part in place[:-1]:
        field = model.model_fields.get(part) if hasattr(model, "model_fields") else None
        model = field.annotation if field else None
    return list(model.model_fields) if hasattr(model, "model_fields") else []


def _sentence(key: str, faults: list[Any], source: str) -> str:
    fault = faults[0]
    kind, value, context = fault["type"], fault["input"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        known = _known_keys(fault["loc"])
        return f"{key} in {source} is not a key; {nearest(fault['loc'][-1], known)}"
    if kind == "union_tag_not_found":
        return f"{key} in {source} has no key 'of'; it can be {', '.join(map(repr, _ANALYSES))}"
    if kind == "union_tag_invalid":
        said = f"{key}.of is {value.get('of')!r} in {source}; "
        return said + nearest(value.get("of"), _ANALYSES)
    if kind == "value_error":
        return f"{context['error']} (in {source})"
    said = f"{key} is {value!r} in {source}; "
    if len(faults) > 1:
        return said + _alternatives_of(faults)
    if kind in ("greater_than_equal", "greater_than", "less_than_equal", "less_than"):
        word = {
            "greater_than_equal": "at least",
            "greater_than": "above",
            "less_than_equal": "at most",
            "less_than": "below",
        }[kind]
        return said + f"it must be {word} {next(iter(context.values()))}"
    if kind == "literal_error":
        options = [o.strip(" '") for o in context["expected"].replace(" or ", ", ").split(",")]
        return said + nearest(value, options)
    if kind in ("too_short", "tuple_type", "list_type"):
        return said + "it must be a list with at least one entry"
    return said + fault["msg"].replace("Input should", "it should")


def _alternatives_of(faults: list[Any]) -> str:
    """What a key with several forms may be, or what is wrong with the form that was meant."""
    meant = [f for f in faults if f["type"] not in ("literal_error", "model_type")]
    if isinstance(faults[0]["input"], str):
        options = faults[0]["ctx"]["expected"].replace(" or ", ", ").split(",")
        return nearest(faults[0]["input"], [o.strip(" '") for o in options])
    forms = {
        "StepSchedule": "{every = n, factor = f}",
        "Every": "{every = n}",
        "Bursts": "{burst = k, starts = n}",
    }
    tried = [name for f in faults for name in forms if name in f["loc"]]
    shapes = " or ".join(dict.fromkeys(forms[name] for name in tried))
    detail = f" ({meant[0]['loc'][-1]}: {meant[0]['msg'].lower()})" if meant else ""
    return f"as a table it must be {shapes} with n at least 1{detail}"
