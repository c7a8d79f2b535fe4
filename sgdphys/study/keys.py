"""The keys of a study as frozen models."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from sgdphys.errors import InputError
from sgdphys.relate.claims import Claim
from sgdphys.study.analysis_keys import ANALYSES, OF_LABELS, Analysis, with_kinds
from sgdphys.study.faults import sentences
from sgdphys.study.models import Count, Keys, Listed, NotNegative, Positive

LOG_POINTS = 395
"""Epochs asked for on a logarithmic axis; rounding leaves about 275 of 10^4."""


class Task(Keys):
    """What is learnt: ``[task]``."""

    name: Literal[
        "symmetric_rule", "committee", "scalar_teacher", "digits", "idx", "table",
        "teacher_student", "random_labels",
    ] = "symmetric_rule"  # fmt: skip
    information: Positive = 0.99
    signal: Positive = 1.0
    path: str = ""
    features: Count = 100
    relevant: Annotated[int, Field(ge=0)] = 0
    samples: Count = 1000
    classes: Count = 2
    units: Annotated[int, Field(ge=0)] = 0
    noise: NotNegative = 1.0
    seed: Annotated[int, Field(ge=0)] = 0
    labels: Literal["hard", "soft", "random"] = "hard"
    bipolar: bool = False


class Network(Keys):
    """The hidden layers; inputs and outputs follow from the task: ``[network]``.

    ``module = "package.module:function"`` is any torch module instead; the other keys then have no
    effect.
    """

    layers: Annotated[tuple[Count, ...], Listed, Field(min_length=1)] = (
        10, 7, 5, 4, 3,
    )  # fmt: skip
    activation: Literal[
        "tanh", "relu", "sigmoid", "softplus", "softsign", "elu", "swish", "identity"
    ] = "tanh"
    init: Literal["fan_in", "fan_out", "orthogonal"] = "fan_in"
    noise: NotNegative = 0.0
    bias: bool = True
    module: str = ""


class StepSchedule(Keys):
    """Multiply the learning rate by ``factor`` every so many epochs."""

    every: Count
    factor: Positive


class Train(Keys):
    """How it is learnt, and by how many: ``[train]``."""

    epochs: Count = 10_000
    batch_size: Count = 512
    learning_rate: Positive = 0.1
    schedule: Literal["constant", "cosine"] | StepSchedule = "constant"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    nesterov: bool = False
    weight_decay: NotNegative = 0.0
    orthonormality: NotNegative = 0.0
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


class Every(Keys):
    """Weights after every so many updates."""

    every: Count


class Bursts(Keys):
    """Weights after every update of ``burst`` epochs in a row, at log-spaced starts."""

    burst: Count
    starts: Count


class Record(Keys):
    """What is kept: ``[record]``."""

    weights: Literal["step", "epoch", "log", "pairs"] | Every | Bursts = "epoch"
    gradients: Literal["log", "epoch", "none"] | Every = "log"
    compression: Literal["none", "zlib"] = "none"


class Figures(Keys):
    """What is drawn: ``[figures]``; with no format nothing, until it is asked for."""

    formats: Annotated[tuple[Literal["png", "svg", "pdf"], ...], Listed] = ("png", "svg")


_SWEPT = ("task", "network", "train", "record", "analyses")


class Sweep(Keys):
    """Keys that take several values, each combination a case of its own: ``[sweep]``.

    ``keys`` maps dotted names to lists; with ``zip`` they go in step, the first values together.
    """

    keys: dict[str, Annotated[tuple[Any, ...], Listed, Field(min_length=1)]] = Field(default={})
    zip: bool = False

    @model_validator(mode="after")
    def _in_step(self) -> "Sweep":
        lengths = {name: len(values) for name, values in self.keys.items()}
        if self.zip and len(set(lengths.values())) > 1:
            said = ", ".join(f"{name} has {n}" for name, n in lengths.items())
            raise ValueError(f"sweep.zip needs lists of equal length; {said}")
        for name in self.keys:
            if name.partition(".")[0] not in _SWEPT or "." not in name:
                raise ValueError(
                    f"sweep key {name!r} must be a key of {', '.join(_SWEPT)}, "
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


class Part(Keys):
    """A study that is carried out as a part of another, with keys of its own: ``[parts]``."""

    study: str
    settings: Annotated[dict[str, Any], Field(alias="set")] = Field(default={})


def _as_part(value: Any) -> Any:
    return {"study": value} if isinstance(value, str) else value


class Study(Keys):
    """A whole study; one with ``parts`` is nothing else than those."""

    title: str = "untitled"
    parts: dict[str, Annotated[Part, BeforeValidator(_as_part)]] = Field(default={})
    claims: dict[str, Claim] = Field(default={})
    task: Task = Task()
    network: Network = Network()
    train: Train = Train()
    record: Record = Record()
    analyses: Annotated[dict[str, Analysis], BeforeValidator(with_kinds)] = Field(default={})
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
                if analysis.of in OF_LABELS:
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
        raise InputError("\n".join(sentences(error, source, Study, ANALYSES))) from None
