"""Keys of a study without effect, given its other keys."""

from collections.abc import Iterable

from pydantic import BaseModel

from sgdphys.study.settings import Network, Study, Task
from sgdphys.study.sizes import sizes_of
from sgdphys.tasks.catalogue import TASKS

_OF_MODULES = {"module"}
_OF_HIDDEN_LAYERS = {"activation", "noise"}


def unread(study: Study) -> dict[str, str]:
    """Return the keys without effect by their dotted names, each with the reason.

    Whether they were given or are defaults; of a study without sweep or parts.
    """
    found: dict[str, str] = {}

    def note(table: str, keys: Iterable[str], choice: str) -> None:
        found.update({f"{table}.{key}": choice for key in keys})

    task = study.task
    note("task", set(Task.model_fields) - TASKS[task.name].reads - {"name"},
         f"task.name {task.name!r}")  # fmt: skip
    sizes = sizes_of(task)
    if sizes is not None and not sizes.are_labels and task.name == "table":
        note("task", {"labels"}, "a table of targets")
    if study.network.module:
        note("network", set(Network.model_fields) - _OF_MODULES, "network.module")
    elif not study.network.layers:
        note("network", _OF_HIDDEN_LAYERS, "network.layers []")
    if study.train.sampling == "full":
        note("train", {"batch_size"}, "train.sampling 'full'")
    for name, analysis in study.analyses.items():
        found |= {f"analyses.{name}.{k}": said for k, said in analysis.unread(study).items()}
    return found


def without_effect(study: Study, cases: Iterable[Study]) -> list[str]:
    """Sentences on the keys that were given a value and that no case of a study reads.

    Parameters
    ----------
    study : Study
    cases : iterable of Study
        Those of its sweep, or the study alone.
    """
    choices: dict[str, list[str]] = {}
    for number, case in enumerate(cases):
        found = unread(case)
        if number == 0:
            choices = {key: [choice] for key, choice in found.items()}
            continue
        choices = {key: said for key, said in choices.items() if key in found}
        for key, said in choices.items():
            if found[key] not in said:
                said.append(found[key])
    return [
        f"{key} has no effect with {' or '.join(said)}; leave it out"
        for key, said in choices.items()
        if key in study.sweep.keys or is_given(study, key)
    ]


def is_given(study: Study, key: str) -> bool:
    """Whether a key has another value than its default."""
    table, _, name = key.rpartition(".")
    inside: BaseModel = study
    if table.startswith("analyses."):
        inside = study.analyses[table.partition(".")[2]]
    elif table:
        inside = getattr(study, table)
    return bool(getattr(inside, name) != type(inside).model_fields[name].default)
