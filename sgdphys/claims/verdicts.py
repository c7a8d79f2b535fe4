"""Verdicts on claims: an interval against a threshold."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from sgdphys.claims.claim import Claim
from sgdphys.claims.estimates import Estimate, p_value
from sgdphys.claims.measuring import measure
from sgdphys.claims.statistic import Statistic
from sgdphys.dynamics.diffusion.wiener_tests import benjamini_hochberg
from sgdphys.errors import InputError, NotEnoughData, WorkError
from sgdphys.intervals import FEWEST, Kind
from sgdphys.quantities import estimate_text
from sgdphys.trajectory.writer import write_text

SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE = "supported", "not supported", "inconclusive"
NO_DATA = "no data"
NOT_JUDGED = "not judged"
"""Word of a quick run, whose numbers are too small to judge by."""
WORDS = (SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE, NO_DATA, NOT_JUDGED)
FALSE_DISCOVERIES = 0.05
"""Share of false discoveries among verdicts that survive."""


class Verdict(NamedTuple):
    """A claim, the rule by which it was judged, and the outcome.

    ``reason`` states why an estimate is missing. ``above`` and ``below`` are the
    thresholds, NaN where the claim has none on that side; ``members`` is 0 if the
    interval was supplied by the analysis, and ``replicas`` the number of networks, of which
    ``members`` have a finite value; 0 if not counted. ``p_value`` is the smallest level at which
    the interval leaves the thresholds; ``q_value`` is adjusted by Benjamini and Hochberg over the
    claims of a run, NaN for those that are not of the paper or its critics, or written after their
    data.
    """

    claim: str
    says: str
    by: str
    statistic: str
    measured: str
    where: str
    rule: str
    null: str
    value: float
    low: float
    high: float
    members: int
    null_low: float
    null_high: float
    word: str
    above: float
    below: float
    reason: str = ""
    kind: str = "exploratory"
    written: str = "after"
    window: str = ""
    clock: str = ""
    states: str = ""
    at_null: float = np.nan
    detects: float = np.nan
    unit: str = ""
    p_value: float = np.nan
    q_value: float = np.nan
    replicas: int = 0

    @property
    def survives(self) -> str:
        """Whether the verdict is among those with at most 5% false discoveries, in a word."""
        if not np.isfinite(self.q_value) or self.word not in (SUPPORTED, NOT_SUPPORTED):
            return ""
        return "yes" if self.q_value <= FALSE_DISCOVERIES else "no"

    @property
    def estimate(self) -> str:
        """The estimate with its unit and interval, or the reason why there is none.

        It says of how many networks it is where others have no finite value: they diverged, or had
        nothing to measure.
        """
        ends = [end for end in (self.above, self.below) if np.isfinite(end)]
        if self.reason:
            return self.reason
        said = estimate_text(self.value, self.low, self.high, self.unit, apart=ends)
        if 0 < self.members < self.replicas:
            said += f" from {self.members} of {self.replicas} networks"
        return said


class Verdicts(list[Verdict]):
    """Verdicts in the order of their claims; a notebook shows them as a table."""

    def to_dataframe(self) -> pd.DataFrame:
        """One row per verdict, with every field as a column; the claim's name is the index."""
        return pd.DataFrame(list(self), columns=Verdict._fields).set_index("claim")

    def _repr_html_(self) -> str:
        rows = [(v.says, v.kind, v.written, v.estimate, v.rule, v.word, v.survives) for v in self]
        titles = ["claim", "kind", "written", "estimate [95%]", "supported if", "verdict",
                  "survives"]  # fmt: skip
        with pd.option_context("display.max_colwidth", None):
            return str(pd.DataFrame(rows, columns=titles).to_html(index=False))


def word_for(estimate: Estimate, claim: Claim) -> str:
    """Judge an interval.

    "supported" if it lies entirely on the claim's side of the threshold, "not supported" if
    entirely on the other side, otherwise "inconclusive".
    """
    if not np.isfinite([estimate.value, estimate.low, estimate.high]).all():
        return NO_DATA
    if 0 < estimate.members < claim.least_members:
        return NO_DATA
    if claim.holds(estimate.low) and claim.holds(estimate.high):
        return SUPPORTED
    is_below = claim.above is not None and estimate.high <= claim.above
    is_above = claim.below is not None and estimate.low >= claim.below
    if is_below or is_above:
        return NOT_SUPPORTED
    return INCONCLUSIVE


def judge(
    claims: Mapping[str, Claim],
    groups: Mapping[str, xr.Dataset],
    statistics: Mapping[str, Statistic],
    *,
    quick: bool = False,
) -> list[Verdict]:
    """Return the verdict on every claim, in order.

    Parameters
    ----------
    claims : mapping of str to Claim
    groups : mapping of str to Dataset
        Results by the name of their analysis, each with the attribute ``of``, its kind.
    statistics : mapping of str to Statistic
        Statistics of claims, by name.
    quick : bool
        Whether the results are of a quick run, which has numbers but no verdicts.

    Notes
    -----
    A claim without data gets "no data" and the reason; other claims are not affected.
    """
    verdicts = []
    for name, claim in claims.items():
        reason, estimate = "", Estimate(np.nan, np.nan, np.nan, 0)
        statistic = statistics[claim.statistic]
        try:
            estimate = measure(claim, groups, statistic)
        except (InputError, NotEnoughData) as error:
            reason = str(error)
        except KeyError as error:
            reason = f"the results lack {error.args[0]}"
        word = word_for(estimate, claim)
        if word == NO_DATA and not reason:
            reason = _lack(estimate, statistic.kind, claim.least_members)
        unit = statistic.unit_of(groups, is_compared=bool(claim.against))
        verdicts.append(
            Verdict(
                claim=name,
                says=claim.says,
                by=claim.by,
                statistic=claim.statistic,
                measured=statistic.measures,
                where=_in_words(claim, statistic.kind),
                rule=f"{claim.rule} {unit}".strip(),
                null=claim.null,
                **{k: v for k, v in estimate._asdict().items() if k in Verdict._fields},
                word=NOT_JUDGED if quick and word != NO_DATA else word,
                above=np.nan if claim.above is None else claim.above,
                below=np.nan if claim.below is None else claim.below,
                reason=reason,
                kind=claim.kind,
                written=claim.written,
                window=claim.window,
                clock=claim.clock,
                states=claim.states,
                at_null=np.nan if claim.at_null is None else claim.at_null,
                detects=np.nan if claim.detects is None else claim.detects,
                unit=unit,
                p_value=np.nan if word == NO_DATA else _p_value(estimate, claim, statistic.kind),
            )
        )
    return adjusted(verdicts)


def _p_value(estimate: Estimate, claim: Claim, kind: Kind) -> float:
    """Smallest level at which the interval leaves the thresholds of a claim."""
    if claim.against and kind != "geometric":
        kind = "symmetric"
    ends = [end for end in (claim.above, claim.below) if end is not None]
    each = [p_value(estimate, end, kind) for end in ends]
    if claim.holds(estimate.value):
        return max(each)
    # outside of two thresholds the nearer one counts
    return each[int(np.argmin([abs(estimate.value - end) for end in ends]))]


def adjusted(verdicts: list[Verdict]) -> list[Verdict]:
    """Verdicts with p-values adjusted for their number by Benjamini and Hochberg (1995).

    The family are the claims of the paper and its critics whose rule was written before their data.
    """
    is_in = [v.kind in ("paper", "critic") and v.written == "before" for v in verdicts]
    p = np.array([v.p_value if take else np.nan for v, take in zip(verdicts, is_in, strict=True)])
    q = benjamini_hochberg(p) if len(p) else p
    return [v._replace(q_value=float(one)) for v, one in zip(verdicts, q, strict=True)]


def _lack(estimate: Estimate, kind: Kind, least: int) -> str:
    """Reason why an estimate cannot be judged."""
    if not np.isfinite(estimate.value):
        return "no network has a finite value"
    n = estimate.members
    if np.isfinite([estimate.low, estimate.high]).all() and n < least:
        return f"{n} networks have a finite value, and the claim needs {least}"
    if not n:
        return "the interval is open, since the estimate lies at an end of what was searched"
    have = "only one network has" if n == 1 else f"{n} networks have"
    if n < FEWEST[kind]:
        of = " of a skewed quantity" if kind == "positive" else ""
        return f"{have} a finite value, and an interval{of} needs {FEWEST[kind]}"
    return f"{have} a finite value, but there is no interval"


def _in_words(claim: Claim, kind: Kind) -> str:
    def words_of(where: Mapping[str, Any]) -> str:
        return ", ".join(
            f"{k.replace('_', ' ')} {', '.join(map(str, v)) if isinstance(v, list) else v}"
            for k, v in where.items()
        )

    words = words_of(claim.where)
    if not claim.against:
        return words
    relation = "over" if kind == "geometric" else "minus"
    return f"{words}; {relation} that at {words_of(claim.against)}"


def as_dataset(verdicts: list[Verdict]) -> xr.Dataset:
    """Verdicts along ``claim``, one variable per field, and whether each survives."""
    columns = {
        name: ("claim", np.array([getattr(v, name) for v in verdicts]))
        for name in (*Verdict._fields, "survives")
        if name != "claim"
    }
    return xr.Dataset(columns, coords={"claim": [v.claim for v in verdicts]}, attrs={
        "of": "verdicts"
    })  # fmt: skip


def without_data(
    claims: Mapping[str, Claim], reason: str, statistics: Mapping[str, Statistic]
) -> list[Verdict]:
    """Return "no data" for every claim, with a reason."""
    return [verdict._replace(reason=reason) for verdict in judge(claims, {}, statistics)]


def write_verdicts(verdicts: list[Verdict], path: Path) -> None:
    """Write verdicts and their digest as JSON; numbers that are not finite become null."""
    rows = [
        {k: None if isinstance(v, float) and not np.isfinite(v) else v
         for k, v in verdict._asdict().items()}
        for verdict in verdicts
    ]  # fmt: skip
    write_text(json.dumps({"sha256": _digest(rows), "verdicts": rows}, indent=1), path)


def _digest(rows: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def read_verdicts(path: Path) -> list[Verdict]:
    """Return written verdicts; files of earlier versions have no digest.

    Raises
    ------
    WorkError
        When the file is damaged.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        rows = found["verdicts"] if isinstance(found, dict) else found
        if rows is found or found["sha256"] == _digest(rows):
            complete: list[dict[str, Any]] = [
                {k: np.nan if v is None else v for k, v in row.items()} for row in rows
            ]
            return [Verdict(**row) for row in complete]
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise WorkError(
        f"{path} is damaged; give the command that began the run again to judge its claims again"
    )
