"""The keys of a study as frozen models."""

import re
from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from sgdphys.analyses import catalogue
from sgdphys.analyses.settings import AnalysisSettings
from sgdphys.claims import claim
from sgdphys.errors import InputError, nearest
from sgdphys.keys import (
    FUNCTION,
    STORED,
    Count,
    Keys,
    Listed,
    NotNegative,
    Positive,
    Seed,
    Whole,
    renamed,
)
from sgdphys.study.faults import quoted, sentences
from sgdphys.study.sizes import longest_stretch, sizes_of, train_samples, updates_per_epoch
from sgdphys.tasks.catalogue import TASKS
from sgdphys.tasks.headers import Sizes

ANALYSES = catalogue.settings()
"""Keys of each kind of analysis."""
if TYPE_CHECKING:
    Analysis = AnalysisSettings
else:
    Analysis = Annotated[reduce(or_, ANALYSES.values()), Field(discriminator="of")]


def _one_of(value: Any, known: Iterable[str]) -> Any:
    if value not in list(known):
        raise PydanticCustomError(
            "literal_error", "unknown", {"expected": ", ".join(map(repr, known))}
        )
    return value


def _as_task(value: Any) -> Any:
    return _one_of(value, TASKS)


class Task(Keys):
    """The task: ``[task]``.

    With ``labels = "soft"`` every network has labels of its own, drawn from those of the task.
    ``points = 0`` takes as many points as ``load`` times ``inputs``. A relative ``path`` is taken
    from the folder of the study's file; given by ``--set`` or in a mapping, from the working
    folder.
    """

    name: Annotated[str, BeforeValidator(_as_task)] = "symmetric_rule"
    information: Positive = 0.99
    signal: Positive = 1.0
    path: str = ""
    features: Count = 100
    relevant: Whole = 0
    samples: Count = 1000
    classes: Count = 2
    units: Whole = 0
    noise: NotNegative = 1.0
    inputs: Count = 40
    points: Whole = 0
    load: Positive = 2.0
    seed: Seed = 0
    labels: Literal["hard", "soft", "random"] = "hard"
    standardise: bool = False
    bipolar: bool = False


def _as_activation(value: Any) -> Any:
    from sgdphys.networks.activations import ACTIVATIONS  # brings numba

    return _one_of(value, ACTIVATIONS)


def _as_module(value: str) -> str:
    if value and not FUNCTION.fullmatch(value):
        raise ValueError(f"network.module is {quoted(value)}; write it as package.module:function")
    return value


class Network(Keys):
    """The hidden layers; inputs and outputs follow from the task: ``[network]``.

    ``layers = []`` is a perceptron without hidden layers, whose outputs are linear in the inputs;
    ``activation`` and ``noise``, of hidden units, then have no effect.
    ``module = "package.module:function"`` is any torch module instead; the other keys then have no
    effect. The module is one that Python can import, or, after those, one in the folder of the
    study's file: a study can run code.
    """

    layers: Annotated[tuple[Count, ...], Listed, Field(max_length=1000)] = (
        10, 7, 5, 4, 3,
    )  # fmt: skip
    activation: Annotated[str, BeforeValidator(_as_activation)] = "tanh"
    init: Literal["fan_in", "fan_out", "orthogonal"] = "fan_in"
    noise: NotNegative = 0.0
    bias: bool = True
    module: Annotated[str, AfterValidator(_as_module)] = ""


class StepSchedule(Keys):
    """Multiply the learning rate by ``factor`` every so many epochs."""

    every: Count
    factor: Positive


def _as_device(value: str) -> str:
    if not re.fullmatch(r"cpu|cuda(:\d{1,3})?", value):
        raise ValueError(
            f"train.device is {quoted(value)}; it can be 'cpu', 'cuda', or 'cuda:1' and so on"
        )
    return value


class Train(Keys):
    """Training and ensemble: ``[train]``."""

    epochs: Annotated[int, Field(ge=1, lt=10**9)] = 10_000
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
    seed: Seed = 1
    train_fraction: Annotated[float, Field(gt=0, le=1)] = 0.85
    dtype: Literal["float32", "float64"] = "float32"
    engine: Literal["auto", "fused", "vmapped"] = "auto"
    device: Annotated[str, AfterValidator(_as_device)] = "cpu"

    @model_validator(mode="after")
    def _consistent(self) -> "Train":
        faults = []
        if self.replicas % self.twins:
            faults.append(
                f"train.replicas is {self.replicas}, not a multiple of train.twins, {self.twins}; "
                "families must be complete"
            )
        if self.nesterov and not self.momentum:
            faults.append("train.nesterov needs train.momentum above 0")
        if self.optimiser == "adam" and self.momentum:
            faults.append("train.momentum belongs to train.optimiser 'sgd'; remove one of them")
        if self.loss == "cross_entropy" and self.label_noise > 1:
            faults.append(
                f"train.label_noise is {self.label_noise:g}, a chance of redrawing a label; "
                "it must be at most 1"
            )
        if faults:
            raise ValueError("\n".join(faults))
        return self


class Every(Keys):
    """Weights after every so many updates."""

    every: Count


class Bursts(Keys):
    """Weights after every update of ``burst`` epochs in a row, at log-spaced starts."""

    burst: Count
    starts: Annotated[int, Field(ge=1, le=100_000)]


class Record(Keys):
    """Recording: ``[record]``."""

    weights: Annotated[
        Literal["step", "epoch", "log", "log_pairs", "log_triples"] | Every | Bursts,
        renamed("record.weights", {"pairs": "log_pairs"}),
    ] = "epoch"
    gradients: Literal["log", "epoch", "none"] | Every = "log"
    compression: Literal["none", "zlib"] = "none"
    store: Literal["netcdf", "zarr"] = "netcdf"
    """What segments are: netCDF files, or Zarr stores. Both hold the same, and may be mixed."""


class Figures(Keys):
    """Figures: ``[figures]``; without a format none is drawn until requested."""

    formats: Annotated[tuple[Literal["png", "svg", "pdf"], ...], Listed] = ("png", "svg")
    data: bool = True
    """Whether the numbers that a figure shows are written beside it, as CSV and netCDF."""


SWEPT = ("task", "network", "train", "record", "analyses")
"""Tables whose keys can be swept."""


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
        outside = [
            repr(name)
            for name in self.keys
            if name.partition(".")[0] not in SWEPT or "." not in name
        ]
        if outside:
            one = len(outside) == 1
            raise ValueError(
                f"sweep key{'' if one else 's'} {', '.join(outside)} must be "
                f"{'a key' if one else 'keys'} of {', '.join(SWEPT)}, "
                'written "train.batch_size"'
            )
        return self


def swept(value: Any) -> Any:
    """Gather the dotted keys of ``[sweep]``, which may be nested tables too."""
    if not isinstance(value, Mapping) or "keys" in value:
        return value
    keys: dict[str, Any] = {}

    def gather(prefix: str, table: Mapping[str, Any]) -> None:
        for name, inside in table.items():
            if isinstance(inside, Mapping):
                gather(f"{prefix}{name}.", inside)
            elif prefix + name in keys:
                raise ValueError(f"sweep key {prefix}{name} is given twice; leave one of them out")
            elif prefix or name != "zip":
                keys[prefix + name] = inside

    gather("", value)
    return {"keys": keys, **({"zip": value["zip"]} if "zip" in value else {})}


def with_kinds(value: Any) -> Any:
    """Let an analysis that is named for its kind leave ``of`` out."""
    if not isinstance(value, Mapping):
        return value
    return {
        name: {"of": name, **keys} if isinstance(keys, Mapping) and name in ANALYSES else keys
        for name, keys in value.items()
    }


class Claim(claim.Claim):
    """A claim whose statistic is one that an analysis brings: ``[claims]``."""

    @field_validator("statistic")
    @classmethod
    def _known(cls, value: str) -> str:
        known = catalogue.statistics()
        if value not in known:
            raise ValueError(f"statistic {value!r} is not known; {nearest(value, known)}")
        return value


class Part(Keys):
    """A study that is carried out as a part of another, with keys of its own: ``[parts]``.

    ``fresh`` says that its data, of another seed, had not been seen by anyone when the rules of its
    claims were written, so that they are written before these data even where they were written
    after others.
    """

    study: str
    settings: Annotated[dict[str, Any], Field(alias="set")] = Field(default={})
    fresh: bool = False


def _as_part(value: Any) -> Any:
    return {"study": value} if isinstance(value, str) else value


def _as_contents(value: dict[str, str]) -> dict[str, str]:
    for name, digest in value.items():
        if not re.fullmatch("sha256:[0-9a-f]{64}", digest):
            raise ValueError(
                f"contents.{quoted(name)} is {quoted(digest)}; it must be 'sha256:' and 64 "
                "hexadecimal digits"
            )
    return value


class Study(Keys):
    """A study; a study with ``parts`` consists only of these.

    ``result`` is the main result as a sentence, in which names of claims and of statistics in
    braces stand for their estimates; without it, the main result is the verdict on the first claim.
    ``folder`` is that of the study's file, where functions that it names are looked for last;
    ``contents`` are those of the files that decide what is trained (see ``study.contents``). Both
    are filled in where a study is loaded, and travel with a run. ``quick`` marks a run made small
    by ``--quick``, whose claims are not judged.
    """

    title: str = "untitled"
    result: str = ""
    folder: str = ""
    quick: bool = False
    parts: dict[str, Annotated[Part, BeforeValidator(_as_part)]] = Field(default={})
    claims: dict[str, Claim] = Field(default={})
    task: Task = Task()
    network: Network = Network()
    train: Train = Train()
    record: Record = Record()
    analyses: Annotated[dict[str, Analysis], BeforeValidator(with_kinds)] = Field(default={})
    figures: Figures = Figures()
    sweep: Annotated[Sweep, BeforeValidator(swept)] = Sweep()
    contents: Annotated[dict[str, str], AfterValidator(_as_contents)] = Field(default={})

    @model_validator(mode="after")
    def _result_has_known_names(self) -> "Study":
        known = (*self.claims, *catalogue.statistics())
        for name in re.findall(r"{(.*?)}", self.result):
            if name not in known:
                raise ValueError(
                    f"result names {quoted(name)}, which is neither a claim of the study nor a "
                    f"statistic; {nearest(name, known)}"
                )
        return self

    @property
    def runs_code(self) -> bool:
        """Whether it names functions of the user's, which are looked for in its folder last."""
        modules = (self.network.module, *self.sweep.keys.get("network.module", ()))
        return any(modules) or any(a.functions for a in self.analyses.values())

    @property
    def sizes(self) -> Sizes | None:
        """How large the data are, None where their files cannot be read."""
        return sizes_of(self.task)

    @property
    def updates_per_epoch(self) -> int | None:
        """Updates in an epoch, None where the size of the data is not known."""
        return updates_per_epoch(self)

    @property
    def longest_stretch(self) -> int | None:
        """Consecutive updates after which weights are recorded, None where that is not known."""
        return longest_stretch(self)

    def train_samples(self, samples: int) -> int:
        """Of so many samples, those that each network is trained on."""
        return train_samples(self, samples)


def key_faults(keys: Mapping[str, Any], source: str) -> list[str]:
    """Sentences on keys that are none, and values that they cannot have."""
    try:
        Study.model_validate(dict(keys))
    except ValidationError as error:
        return sentences(error, source, Study, ANALYSES)
    return []


def study_from(keys: Mapping[str, Any], source: str, *, stored: bool = False) -> Study:
    """Return a validated study.

    Parameters
    ----------
    keys : mapping
        Tables and keys as in a study's TOML.
    source : str
        Where they come from, for the message.
    stored : bool
        Whether they are those of a run on disk, in which former values are read as they are called
        now.

    Raises
    ------
    InputError
        With one sentence for every fault. Whether the parts of a valid study go together is asked
        where it is loaded to be carried out: see ``study.files.load_study``.
    """
    try:
        return Study.model_validate(dict(keys), context=STORED if stored else None)
    except ValidationError as error:
        raise InputError("\n".join(sentences(error, source, Study, ANALYSES))) from None
