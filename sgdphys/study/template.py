"""A new study: a commented text to be changed, and the file that it is written to."""

from pathlib import Path

from sgdphys.errors import InputError

SCHEMA_FILE = "sgdphys.schema.json"
"""Schema that the first line of a new study points editors to."""

_TEXT = """\
#:schema ./{schema}
# The line above lets an editor (Even Better TOML, taplo) complete and check the keys. It needs the
# schema beside this file, which this command writes:
#     sgdphys schema --out {schema}
#
# sgdphys check {file}           say what is wrong with this study
# sgdphys run {file} --quick     try it: few networks and epochs, claims are not judged
# sgdphys run {file}             carry it out; the same command resumes it
# sgdphys report runs/{name}     write a page of its figures and verdicts
#
# A key that is left out has its default. An editor that reads the schema explains every key; so
# does the page "Keys of a study" of the documentation.

title = "{title}"

# What is learned. symmetric_rule has 4096 patterns of 12 bits and two labels. Others are
# committee, digits, teacher_student, random_labels, dichotomies, scalar_teacher; and
# table (a CSV file, with path = "data.csv") and idx (files like those of MNIST).
[task]
name = "symmetric_rule"

# Hidden layers. The numbers of inputs and outputs follow from the task.
[network]
layers = [8, 5, 3]
activation = "tanh"           # relu sigmoid softplus softsign elu swish identity
# module = "my_models:make"   # instead of layers: a function that returns a torch.nn.Module

[train]
epochs = 2000
batch_size = 256
learning_rate = 0.1
replicas = 20                 # networks that are trained together, each from its own start
train_fraction = 0.85         # the rest is the test set
sampling = "shuffle"          # replacement (noise accumulates), fixed, full (no noise)
# optimiser = "adam"          # or sgd with momentum = 0.9
# weight_decay = 0.001
seed = 1

# The complete weights are recorded. Fewer records take less of the disk.
[record]
weights = "log"               # step, epoch, log, {{ every = 10 }} updates
gradients = "log"

# What is computed from the recording, one table per analysis. Without any, a run trains only.
[analyses.information]        # I(X;T) and I(T;Y) of every layer
bins = 30

[analyses.phases]             # mean of the gradients against their noise

# Every combination of these values becomes a case of its own.
# [sweep]
# "train.batch_size" = [64, 256, 1024]

# A claim and the rule by which it is judged: supported if the 95% interval of the statistic lies
# entirely on the claim's side of the threshold, not supported if entirely on the other side,
# otherwise inconclusive. Write it before you look at the results.
[claims.layers_compress]
says = "The layers lose information about the input after they have gained it"
by = "me"
written = "before"            # "after" if you had seen the results
statistic = "bits_lost"
where = {{ layer = [1, 2, 3] }}    # the mean over these is judged
above = 0.1                   # bits
null = "a layer that keeps its information loses 0 bits"

[figures]
formats = ["png", "svg", "pdf"]
"""


def new_study(name: str) -> Path:
    """Write a commented study into the working folder, and return its path.

    Parameters
    ----------
    name : str
        Of the study, with ".toml" at its end or without; it may stand in an existing folder.

    Raises
    ------
    InputError
        When the file exists, or its folder does not.
    """
    path = Path(f"{name.removesuffix('.toml')}.toml")
    if not path.name.removesuffix(".toml").strip(". "):
        raise InputError(f"{name!r} is no name for a study; give one such as my_study")
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} for {path.name}")
    title = path.stem.replace("_", " ").strip().capitalize()
    text = _TEXT.format(
        schema=SCHEMA_FILE, file=path.name, name=path.stem, title=_quotable(title)
    )  # fmt: skip
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{path} exists and is not changed; choose another name") from None
    return path


def _quotable(text: str) -> str:
    """A text that can stand between double quotes in TOML."""
    return "".join(c for c in text if c.isprintable() and c not in '"\\')
