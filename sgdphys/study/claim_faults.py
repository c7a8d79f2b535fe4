"""What a claim asks for and its study cannot give, found before anything is trained."""

import difflib
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sgdphys.analyses import catalogue
from sgdphys.claims.results import CUTS, REACHED
from sgdphys.claims.statistic import Statistic
from sgdphys.errors import nearest
from sgdphys.glossary import GLOSSARY
from sgdphys.study.cases import short_names, value_at
from sgdphys.study.settings import Study
from sgdphys.study.sizes import sizes_of

_TABLES = ("task", "network", "train", "record")


def claim_faults(study: Study, cases: Mapping[str, Study]) -> Iterator[str]:
    """Sentences on analyses, keys and values that claims name and that will not be there.

    What coordinates an analysis of the user's has is not known here, nor which curves can be cut.

    Parameters
    ----------
    study : Study
        Without parts.
    cases : mapping
        Those of its sweep by name; without a sweep the study alone.
    """
    kinds = {analysis.of for analysis in study.analyses.values()}
    statistics = catalogue.statistics()
    have_labels = functools.cache(lambda: _have_labels(cases))  # it reads the data of every case
    for name, claim in study.claims.items():
        statistic = statistics[claim.statistic]
        for kind in statistic.needs:
            if kind not in kinds:
                yield (
                    f"claims.{name} is about {claim.statistic!r}, which the analysis {kind!r} "
                    f"brings; add [analyses.{kind}]"
                )
        if statistic.of_labels and not have_labels():
            yield (
                f"claims.{name} is about {claim.statistic!r}, which is of labels, and the task "
                f"{study.task.name!r} has none"
            )
        for table in ("where", "against"):
            for key, value in (getattr(claim, table) or {}).items():
                fault = _fault(key, value, statistic, study, cases)
                if fault:
                    yield f"claims.{name}.{table}.{key} {fault}"


def _fault(
    key: str, value: Any, statistic: Statistic, study: Study, cases: Mapping[str, Study]
) -> str:
    """What is wrong with a key of ``where`` and its value, empty where nothing is."""
    values = value if isinstance(value, list) else [value]
    swept = {short.replace(".", "_"): full for full, short in short_names(study.sweep.keys).items()}
    full_name = swept.get(key.replace(".", "_"))
    if full_name is not None:
        return _value_fault(values, [value_at(case, full_name) for case in cases.values()])
    if key == "analysis":
        known = [name for name, of in study.analyses.items() if of.of in statistic.needs]
        if value in known or not known:
            return ""
        what = "another kind of analysis" if value in study.analyses else "no analysis"
        return f"is {value!r}, {what}; {nearest(value, known)}"
    if key in statistic.chooses:
        return _epoch_fault(key, values, cases)
    if key == "layer":
        return _layer_fault(values, cases)
    if key in CUTS or key in GLOSSARY:
        return _epoch_fault(key, values, cases)
    if any(key in type(getattr(study, table)).model_fields for table in _TABLES):
        return "is a key that the study does not sweep; leave it out, or sweep it"
    names = [*swept, *statistic.chooses, *CUTS, "layer", "analysis", "epoch"]
    is_misspelt = bool(difflib.get_close_matches(key, names, n=1))
    are_known = all(map(catalogue.is_included, statistic.needs))
    return f"is no key of the results; {nearest(key, names)}" if is_misspelt or are_known else ""


def _have_labels(cases: Mapping[str, Study]) -> bool:
    """Whether some case has a task with labels, or one whose data cannot be read here."""
    each = [sizes_of(case.task) for case in cases.values()]
    return any(sizes is None or sizes.are_labels for sizes in each)


def _value_fault(values: list[Any], there: list[Any]) -> str:
    lacking = [v for v in values if not np.isin(np.array(there), v).any()]
    known = ", ".join(dict.fromkeys(map(str, there)))
    return f"is {lacking[0]!r}, and no case has that; there are {known}" if lacking else ""


def _layer_fault(values: list[Any], cases: Mapping[str, Study]) -> str:
    networks = [case.network for case in cases.values()]
    if any(network.module for network in networks):
        return ""
    most = max(len(network.layers) for network in networks) + 1
    wrong = [v for v in values if v not in range(1, most + 1)]
    return f"is {wrong[0]}; there are layers 1 to {most}, the output layer" if wrong else ""


def _epoch_fault(key: str, values: list[Any], cases: Mapping[str, Study]) -> str:
    if not ("epoch" in key or key == "from_lag"):
        return ""
    last = max(case.train.epochs for case in cases.values())  # until_epoch is cut case by case
    numbers = [v for v in values if isinstance(v, int | float)]
    late = [v for v in numbers if REACHED * v > last]
    if late:
        return f"is {late[0]}; training ends at epoch {last}"
    early = [v for v in numbers if v < 0]
    return f"is {early[0]}; epochs are counted from 0" if early else ""
