"""The abstract of a page: every verdict is counted under the right heading, in few words."""

import numpy as np
import pytest

from sgdphys.claims.verdicts import Verdict
from sgdphys.report.abstract import abstract_of
from sgdphys.report.contents import Chapter, Row

KINDS = {name: getattr(kind, "__name__", kind) for name, kind in Verdict.__annotations__.items()}
ONE = Chapter("one", "One", "runs/one", "", asked="Four networks are trained.", result="D is 2")


def row(word, says="It moves", **others):
    empty = {name: {"str": "", "int": 0}.get(kind, np.nan) for name, kind in KINDS.items()}
    given = {"says": says, "word": word, "written": "before", **others}
    return Row(Verdict(**empty | given), "one", "", None)


def words_of(chapters, rows):
    return {heading: " ".join(sentences) for heading, sentences in abstract_of(chapters, rows)}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (["before", "after"], "2 claims, 1 of them by a rule written before its data were seen."),
        (["after", "after"], "2 claims, none by a rule written before its data were seen."),
        (["before"], "1 claim, by a rule written before its data were seen."),
    ],
)
def test_what_was_asked_is_the_study_and_its_claims(written, said):
    rows = [row("supported", written=when) for when in written]
    asked = words_of([ONE], rows)["What was asked"]
    assert asked == f"Four networks are trained. The study makes {said}"


def test_what_was_found_is_the_main_result_and_the_verdicts_that_are_certain():
    found = words_of([ONE], [row("supported"), row("not supported", says="It rests.")])
    assert found["What was found"] == (
        "D is 2. 1 claim is supported (“It moves”). 1 claim is not supported (“It rests”)."
    )
    assert "What could not be told" not in found


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("inconclusive", "2 claims are inconclusive"), ("no data", "2 claims are without data"),
        ("not judged", "2 claims are not judged"),
    ],
)  # fmt: skip
def test_what_could_not_be_told_is_every_other_verdict(word, said):
    told = words_of([ONE], [row(word), row(word)])
    assert told["What could not be told"].startswith(said)
    assert word not in told["What was found"]


def test_a_verdict_that_does_not_survive_is_told():
    told = words_of([ONE], [row("supported", q_value=0.9)])
    assert "1 verdict may be due to chance" in told["What could not be told"]


def test_an_unfinished_run_is_told():
    chapter = Chapter("two", "Two", "runs/two", "", missing=["The recording ends early"])
    assert "Not complete: Two." in words_of([ONE, chapter], [])["What could not be told"]


def test_a_main_result_without_data_is_not_one():
    chapter = Chapter("two", "Two", "runs/two", "", result="It is (no data: too short)")
    assert "It is" not in words_of([chapter], [row("no data")]).get("What was found", "")


def test_of_many_studies_it_has_ten_sentences_at_most():
    kinds = ("supported", "not supported", "inconclusive", "no data", "not judged")
    rows = [row(word, q_value=0.9) for word in kinds for _ in range(20)]
    told = abstract_of([ONE] * 30, rows)
    assert sum(len(sentences) for _, sentences in told) <= 10
    assert "and 18 more" in str(told)
