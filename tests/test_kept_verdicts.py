"""The verdicts that are kept in the repository, and the pages that show them."""

import keep_verdicts
import pages
import pytest

from sgdphys.analyses import catalogue
from sgdphys.claims.verdicts import without_data
from sgdphys.study.files import load_study
from sgdphys.study.runs import Run

RUNS = sorted(path.name for path in keep_verdicts.KEPT.iterdir())


@pytest.mark.parametrize("page", keep_verdicts.PAGES)
def test_pages_show_what_is_kept(page):
    """Otherwise: python docs/keep_verdicts.py."""
    assert (pages.ROOT / page).read_text(encoding="utf-8") == keep_verdicts.PAGES[page]()


def rule_of(verdict):
    """What a claim says, and all that decides on it."""
    outcome = {
        "value", "low", "high", "members", "null_low", "null_high", "word", "reason", "p_value",
        "q_value",
    }  # fmt: skip
    return {k: str(v) for k, v in verdict._asdict().items() if k not in outcome}


@pytest.mark.parametrize("name", RUNS)
def test_what_is_kept_is_of_the_claims_as_they_stand(name):
    """Otherwise the study has to be carried out again."""
    run = Run(keep_verdicts.KEPT / name)
    for one in run.parts.values() or [run]:
        if not one.folder.exists():  # not carried out yet
            continue
        study = run.study.parts[one.folder.name].study if run.parts else name
        claims = load_study(study)[1].claims
        wanted = without_data(claims, "", catalogue.statistics())
        assert [rule_of(v) for v in one.verdicts] == [rule_of(v) for v in wanted]
