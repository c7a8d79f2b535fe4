"""The main result of a run in one sentence."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr

from sgdphys.analyses import catalogue
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.measuring import estimate_of
from sgdphys.claims.verdicts import WORDS, Verdict
from sgdphys.errors import InputError
from sgdphys.quantities import estimate_text
from sgdphys.study.runs import Run

_NAME = re.compile(r"{(\w+)}")


def names_in(sentence: str) -> list[str]:
    """Names in braces in a study's ``result``."""
    return _NAME.findall(sentence)


def main_result(run: Run) -> str:
    """Return the main result of a run as a sentence, empty where nothing was found.

    Notes
    -----
    A study says it in the key ``result``, with claims and statistics in braces; otherwise it is the
    verdict on the first claim, of a study of studies how many claims have which verdict.
    """
    verdicts = run.verdicts
    if run.parts:
        return _counted(verdicts) if verdicts else ""
    if run.study.result:
        return _filled(run.study.result, run, {v.claim: v for v in verdicts})
    return _judged(verdicts[0]) if verdicts else ""


def _counted(verdicts: Iterable[Verdict]) -> str:
    counts = Counter(v.word for v in verdicts)
    shown = ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word])
    return f"Verdicts on {counts.total()} claims: {shown}."


def _judged(v: Verdict) -> str:
    if v.reason:
        return f"{v.says}: no data, since {v.reason}."
    where = f" ({v.where})" if v.where else ""
    return (
        f"{v.says}: {v.word}. {v.measured}{where}: {v.estimate}; the claim is supported if it is "
        f"{v.rule}."
    )


def _filled(sentence: str, run: Run, verdicts: Mapping[str, Verdict]) -> str:
    if not run.is_analysed:
        return "No result: every network diverged." if run.has_diverged else ""
    with run.results as results:
        groups = {str(n): node.to_dataset() for n, node in results.children.items()}
        texts = {n: _text_of(n, verdicts, groups) for n in names_in(sentence)}
    return _NAME.sub(lambda match: texts[match.group(1)], sentence)


def _text_of(name: str, verdicts: Mapping[str, Verdict], groups: Mapping[str, xr.Dataset]) -> str:
    """The estimate of a claim or of a statistic, or the reason why it is missing."""
    if name in verdicts:
        v = verdicts[name]
        return f"(no data: {v.reason})" if v.reason else v.estimate
    statistic = catalogue.statistics()[name]
    try:
        found: Estimate = estimate_of(name, statistic, {}, groups)
    except InputError as error:
        return f"(no data: {error})"
    if not np.isfinite(found[:3]).all():
        return "(no data)"
    return estimate_text(*found[:3], statistic.unit)
