"""Counts of verdicts where the answer is known: the null, the threshold and the effect of a claim.

A situation makes results in which a statistic has a given true value, and everything else is as in
the study: its networks, its layers, the scatter between networks, the noise of the estimate. They
go through the code that judges a study.
"""

import functools
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.stats import binom

from sgdphys.analyses import catalogue
from sgdphys.claims.claim import Claim
from sgdphys.claims.verdicts import SUPPORTED, judge
from sgdphys.study.files import load_study
from sgdphys.study.settings import Study

PAGE = Path(__file__).parents[2] / "docs" / "claims.md"
TRIALS, MORE_TRIALS = 200, 1000
FALSE, POWER = 0.05, 0.8
"""Largest share of SUPPORTED without an effect, and least share with it."""

Situation = Callable[[Claim, Study, float, np.random.Generator], Mapping[str, xr.Dataset]]
"""Groups of results, by their analysis, in which the statistic of a claim has a true value."""


class Case(NamedTuple):
    """A claim of a study at a true value of its statistic."""

    study: str
    name: str
    claim: Claim
    of: Study
    what: str
    """null, threshold or effect."""
    at: float


@functools.cache
def study_of(name: str) -> Study:
    """A shipped study, read once."""
    return load_study(name)[1]


def cases(studies: list[str]) -> Iterator[Case]:
    """Every claim of some studies but checks of the instrument, at null, thresholds and effect."""
    for study in studies:
        of = study_of(study)
        for name, claim in of.claims.items():
            if claim.kind == "instrument":
                continue
            ends = [end for end in (claim.above, claim.below) if end is not None]
            values = [("null", claim.at_null), *(("threshold", end) for end in ends)]
            for what, at in [*values, ("effect", claim.detects)]:
                if at is not None:
                    yield Case(study, name, claim, of, what, at)


def start_of(case: Case) -> str:
    """How the row of a case begins on the page."""
    cells = [case.study, case.name, case.claim.statistic, case.what, f"{case.at:g}"]
    return "| " + " | ".join(cells) + " | "


def count(case: Case, situations: Mapping[str, Situation], trials: int = TRIALS) -> Counter[str]:
    """Count the words of verdicts on a case."""
    seed = zlib.crc32(f"{case.study}/{case.name}/{case.what}/{case.at}".encode())
    statistics = catalogue.statistics()
    words: Counter[str] = Counter()
    for trial in range(trials):
        rng = np.random.default_rng([seed, trial, trials])
        groups = situations[case.claim.statistic](case.claim, case.of, case.at, rng)
        (verdict,) = judge({case.name: case.claim}, groups, statistics)
        words[verdict.word] += 1
    return words


def passes(case: Case, words: Counter[str]) -> bool:
    """Whether a count is within the 99% binomial limit of what is asked of it."""
    trials = words.total()
    if case.what == "effect":
        return bool(words[SUPPORTED] > binom.ppf(0.01, trials, POWER))
    return bool(words[SUPPORTED] <= binom.ppf(0.99, trials, FALSE))
