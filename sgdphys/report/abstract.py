"""The abstract of a page: what was asked, what was found, and what could not be told."""

from collections import Counter
from collections.abc import Sequence

from sgdphys.claims.verdicts import INCONCLUSIVE, NO_DATA, NOT_JUDGED, NOT_SUPPORTED, SUPPORTED
from sgdphys.report.contents import Chapter, Row

_NAMED = 2
"""Claims of each verdict that are named; the table has all."""
Abstract = list[tuple[str, list[str]]]
"""Headings, each with its sentences."""


def abstract_of(chapters: Sequence[Chapter], rows: Sequence[Row]) -> Abstract:
    """Return at most ten sentences under three headings.

    Parameters
    ----------
    chapters : sequence of Chapter
    rows : sequence of Row
        The verdicts of all of them.
    """
    parts = (
        ("What was asked", _asked(chapters, rows)),
        ("What was found", _found(chapters, rows)),
        ("What could not be told", _open(chapters, rows)),
    )
    return [(heading, sentences) for heading, sentences in parts if sentences]


def _asked(chapters: Sequence[Chapter], rows: Sequence[Row]) -> list[str]:
    if len(chapters) == 1:
        sentences = [chapters[0].asked]
    else:
        sentences = [f"{len(chapters)} studies, which are listed in the contents."]
    if rows:
        before = sum(row.verdict.written == "before" for row in rows)
        made = "The study makes" if len(chapters) == 1 else "They make"
        sentences.append(f"{made} {_count(len(rows), 'claim')}, {_by_a_rule(before, len(rows))}.")
    return sentences


def _by_a_rule(before: int, claims: int) -> str:
    """For how many claims the rule stood before their data, in words."""
    all_of_them = "" if claims == 1 else "each "
    of = {0: "none ", claims: all_of_them}.get(before, f"{before} of them ")
    return f"{of}by a rule written before its data were seen"


def _found(chapters: Sequence[Chapter], rows: Sequence[Row]) -> list[str]:
    results = [chapter.result for chapter in chapters]
    sentences = [f"{r.rstrip('.')}." for r in results if r and NO_DATA not in r]
    if len(chapters) > 1 and not rows:
        sentences = sentences[:3]
    elif len(chapters) > 1:
        sentences = []
    for word in (SUPPORTED, NOT_SUPPORTED):
        alike = [row for row in rows if row.verdict.word == word]
        if alike:
            sentences.append(
                f"{_count(len(alike), 'claim')} {_is(len(alike))} {word}{_such(alike)}"
            )
    if not sentences and any(chapter.pictures for chapter in chapters):
        sentences.append("No claim is made; the figures below show the results.")
    return sentences


def _open(chapters: Sequence[Chapter], rows: Sequence[Row]) -> list[str]:
    sentences = []
    unfinished = [chapter.title for chapter in chapters if chapter.missing]
    if unfinished:
        sentences.append(f"Not complete: {_listed(unfinished)}.")
    words = Counter(row.verdict.word for row in rows)
    for word, said in (
        (INCONCLUSIVE, "inconclusive: the 95% interval lies on both sides of the threshold"),
        (NO_DATA, "without data: the table says why"),
        (NOT_JUDGED, "not judged, since the run was made small by --quick"),
    ):
        if words[word]:
            alike = [row for row in rows if row.verdict.word == word]
            number = words[word]
            sentences.append(f"{_count(number, 'claim')} {_is(number)} {said}{_such(alike)}")
    failing = sum(row.verdict.survives == "no" for row in rows)
    if failing:
        sentences.append(
            f"{_count(failing, 'verdict')} may be due to chance, since many claims were tested: "
            "the table marks those that do not survive the correction."
        )
    return sentences


def _such(rows: Sequence[Row]) -> str:
    """The first claims by name, as the end of a sentence."""
    named = [row.verdict.says.rstrip(".") for row in rows[:_NAMED]]
    more = len(rows) - len(named)
    quoted = ", ".join(f"“{name}”" for name in named)
    return f" ({quoted}{f' and {more} more' if more else ''})."


def _listed(names: Sequence[str]) -> str:
    more = len(names) - 3
    return ", ".join(names[:3]) + (f", and {more} more" if more > 0 else "")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"
