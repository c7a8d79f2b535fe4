"""Every claim: seldom supported where there is nothing to find, mostly where there is."""

import pytest
from counting import MORE_TRIALS, PAGE, Case, cases, count, passes, start_of
from situations import SITUATIONS

from sgdphys.claims.verdicts import NO_DATA
from sgdphys.study.files import shipped_studies

CASES = list(cases([name for name in shipped_studies() if name != "opening_the_black_box"]))


def name_of(case: Case) -> str:
    return f"{case.study}/{case.name}-{case.what}-{case.at:g}"


def test_the_page_has_a_count_of_every_claim():
    """Otherwise: python tests/claims STUDY --update."""
    rows = PAGE.read_text(encoding="utf-8").splitlines()
    lacking = [c for c in CASES if not any(row.startswith(start_of(c)) for row in rows)]
    assert not lacking
    assert not [row for row in rows if row.startswith("|") and " yes | " not in row][2:]


@pytest.mark.thorough(reason="judges every claim once: seconds a study")
@pytest.mark.parametrize("study", sorted({case.study for case in CASES}))
def test_every_situation_holds_what_its_claim_reads(study):
    lacking = [
        name_of(case)
        for case in CASES
        if case.study == study and case.what == "effect" and count(case, SITUATIONS, 1)[NO_DATA]
    ]
    assert not lacking


@pytest.mark.slow(reason="counts verdicts of thousands of simulated studies: minutes")
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_verdicts_are_as_rare_and_as_common_as_they_should_be(case):
    words = count(case, SITUATIONS)
    if not passes(case, words):  # once more, with more
        words = count(case, SITUATIONS, MORE_TRIALS)
    assert passes(case, words), words
