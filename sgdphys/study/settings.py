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
    """Name of the data set."""
    information: Positive = 0.99
    """Of symmetric_rule: I(X;Y) of the soft labels in bits, up to 1."""
    signal: Positive = 1.0
    """Of scalar_teacher: the number s in the targets s x."""
    path: str = ""
    """Of table and idx: the file or folder that is read, relative to the study's file."""
    features: Count = 100
    """Of teacher_student and random_labels: number of inputs."""
    relevant: Whole = 0
    """Of a linear teacher_student: how many inputs the teacher uses; 0 for all."""
    samples: Count = 1000
    """Of teacher_student and random_labels: number of samples."""
    classes: Count = 2
    """Of random_labels: number of labels."""
    units: Whole = 0
    """Hidden units of a teacher, 0 for a linear one; members of a committee."""
    noise: NotNegative = 1.0
    """Of teacher_student: standard deviation of the noise on the targets."""
    inputs: Count = 40
    """Of dichotomies: number of inputs N."""
    points: Whole = 0
    """Of dichotomies: number of points P; 0 takes load times inputs."""
    load: Positive = 2.0
    """Of dichotomies: points per input, P / N."""
    seed: Seed = 0
    """Seed of the data."""
    labels: Literal["hard", "soft", "random"] = "hard"
    """hard; soft, drawn anew for every network; or random, permuted for every network."""
    standardise: bool = False
    """Of table: whether inputs get mean 0 and variance 1."""
    bipolar: bool = False
    """Of symmetric_rule: whether inputs are -1 and 1 instead of 0 and 1."""


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
    """Widths of the hidden layers."""
    activation: Annotated[str, BeforeValidator(_as_activation)] = "tanh"
    """Activation of hidden units."""
    init: Literal["fan_in", "fan_out", "orthogonal"] = "fan_in"
    """Variance of initial weights: 1/inputs, 1/outputs, or orthogonal matrices."""
    noise: NotNegative = 0.0
    """Standard deviation of the Gaussian noise on every hidden unit, in training and test."""
    bias: bool = True
    """Whether units have biases, which start at 0."""
    module: Annotated[str, AfterValidator(_as_module)] = ""
    """A function that returns a torch.nn.Module, as package.module:function."""


class StepSchedule(Keys):
    """Multiply the learning rate by ``factor`` every so many epochs."""

    every: Count
    """Epochs between two changes."""
    factor: Positive
    """Factor of each change."""


def _as_device(value: str) -> str:
    if not re.fullmatch(r"cpu|cuda(:\d{1,3})?", value):
        raise ValueError(
            f"train.device is {quoted(value)}; it can be 'cpu', 'cuda', or 'cuda:1' and so on"
        )
    return value


class Train(Keys):
    """Training and ensemble: ``[train]``."""

    epochs: Annotated[int, Field(ge=1, lt=10**9)] = 10_000
    """Number of epochs."""
    batch_size: Count = 512
    """Samples in a batch."""
    learning_rate: Positive = 0.1
    """Learning rate at the start."""
    schedule: Literal["constant", "cosine"] | StepSchedule = "constant"
    """Learning rate over epochs: constant, cosine, or { every = 100, factor = 0.5 }."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Momentum of sgd."""
    nesterov: bool = False
    """Whether the momentum is Nesterov's."""
    weight_decay: NotNegative = 0.0
    """Coefficient g of the penalty g/2 times the sum of squared weights."""
    orthonormality: NotNegative = 0.0
    """Coefficient of a penalty on weights of a layer that are not orthonormal."""
    optimiser: Literal["sgd", "adam"] = "sgd"
    """Plain gradient descent, with momentum if that is given, or Adam."""
    loss: Literal["cross_entropy", "squared_error"] = "cross_entropy"
    """Loss function; labels need cross_entropy, targets squared_error."""
    sampling: Literal["shuffle", "replacement", "fixed", "full"] = "shuffle"
    """Batches: reshuffled every epoch, drawn with replacement, in a fixed order, or all data."""
    langevin: NotNegative = 0.0
    """Diffusion coefficient of noise that is added to the weights, per unit time."""
    label_noise: NotNegative = 0.0
    """Chance that a label is redrawn at each visit; with the squared error the standard deviation
    of noise that is added to targets, those of labels (0 and 1) too."""
    replicas: Count = 50
    """Number of networks that are trained together."""
    twins: Count = 1
    """Networks per family: twins share initial weights and data, not the order of batches."""
    seed: Seed = 1
    """Seed of initial weights, splits and batches."""
    train_fraction: Annotated[float, Field(gt=0, le=1)] = 0.85
    """Share of the samples that each network is trained on; the others test it."""
    dtype: Literal["float32", "float64"] = "float32"
    """Precision of the weights."""
    engine: Literal["auto", "fused", "vmapped"] = "auto"
    """fused (numba, perceptrons), vmapped (torch, any module), or auto."""
    device: Annotated[str, AfterValidator(_as_device)] = "cpu"
    """cpu, cuda, or cuda:1 and so on."""

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
    """Number of updates between two records."""


class Bursts(Keys):
    """Weights after every update of ``burst`` epochs in a row, at log-spaced starts."""

    burst: Count
    """Epochs of a burst, in which every update is recorded."""
    starts: Annotated[int, Field(ge=1, le=100_000)]
    """Number of bursts."""


class Record(Keys):
    """Recording: ``[record]``."""

    weights: Annotated[
        Literal["step", "epoch", "log", "log_pairs", "log_triples"] | Every | Bursts,
        renamed("record.weights", {"pairs": "log_pairs"}),
    ] = "epoch"
    """When weights are recorded: every step, every epoch, or log-spaced epochs, singly, in pairs
    or triples.
    """
    gradients: Literal["log", "epoch", "none"] | Every = "log"
    """Epochs at which statistics of the gradients are recorded."""
    compression: Literal["none", "zlib"] = "none"
    """Compression of the weights in the file."""
    store: Literal["netcdf", "zarr"] = "netcdf"
    """What segments are: netCDF files, or Zarr stores. Both hold the same, and may be mixed."""


class Figures(Keys):
    """Figures: ``[figures]``; without a format none is drawn until requested."""

    formats: Annotated[tuple[Literal["png", "svg", "pdf"], ...], Listed] = ("png", "svg")
    """Formats of the figures of a run; an empty list draws none."""
    data: bool = True
    """Whether the numbers that a figure shows are written beside it, as CSV and netCDF."""


SWEPT = ("task", "network", "train", "record", "analyses")
"""Tables whose keys can be swept."""


class Sweep(Keys):
    """Keys that take several values, each combination a case of its own: ``[sweep]``.

    ``keys`` maps dotted names to lists; with ``zip`` they go in step, the first values together.
    """

    keys: dict[str, Annotated[tuple[Any, ...], Listed, Field(min_length=1)]] = Field(default={})
    """Dotted names of keys, each with a list of values."""
    zip: bool = False
    """Whether the lists go in step instead of every combination."""

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
            raise PydanticCustomError(
                "unknown_statistic",
                "{hint}",
                {"hint": nearest(value, known, listed_by="sgdphys statistics")},
            )
        return value


class Part(Keys):
    """A study that is carried out as a part of another, with keys of its own: ``[parts]``.

    ``fresh`` says that its data, of another seed, had not been seen by anyone when the rules of its
    claims were written, so that they are written before these data even where they were written
    after others.
    """

    study: str
    """File or name of the study."""
    settings: Annotated[dict[str, Any], Field(alias="set")] = Field(default={})
    """Dotted names of keys, with the values that they have in this part."""
    fresh: bool = False
    """Whether nobody had seen data of this seed when the rules of its claims were written."""


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
    """Title of the study, on figures and page."""
    result: str = ""
    """Main result as a sentence, with names of claims or statistics in braces."""
    folder: str = ""
    quick: bool = False
    parts: dict[str, Annotated[Part, BeforeValidator(_as_part)]] = Field(default={})
    """Studies that are carried out as parts of this one."""
    claims: dict[str, Claim] = Field(default={})
    """Claims, each with the rule by which it is judged."""
    task: Task = Task()
    """The data."""
    network: Network = Network()
    """The network."""
    train: Train = Train()
    """Training and ensemble."""
    record: Record = Record()
    """What is recorded, and when."""
    analyses: Annotated[dict[str, Analysis], BeforeValidator(with_kinds)] = Field(default={})
    """What is computed from the recording; `of` is the kind, by default the table's name."""
    figures: Figures = Figures()
    """Formats of the figures."""
    sweep: Annotated[Sweep, BeforeValidator(swept)] = Sweep()
    """Keys that take several values, each combination a case of its own."""
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
