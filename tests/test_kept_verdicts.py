"""The verdicts that are kept in the repository, and the pages that show them."""

import shutil

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
        "q_value", "replicas",
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


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A folder of verdicts, empty at first."""
    monkeypatch.setattr(keep_verdicts, "KEPT", tmp_path / "kept")
    return tmp_path / "kept"


def test_verdicts_of_a_run_are_kept_without_its_results(tmp_path, kept):
    run = tmp_path / "runs" / "capacity"
    shutil.copytree(pages.ROOT / "docs" / "verdicts" / "capacity", run)
    (run / "results.nc").write_text("large")
    keep_verdicts.keep(Run(run))
    assert sorted(path.name for path in (kept / "capacity").iterdir()) == [
        "study.toml", "verdicts.json",
    ]  # fmt: skip


def test_parts_are_added_on_different_days(tmp_path, kept, capsys):
    whole, run = pages.ROOT / "docs" / "verdicts" / "fresh_seeds", tmp_path / "runs" / "fresh_seeds"
    days = [{"sample_size", "diffusion"}, {"entropy"}]
    for parts in days:
        shutil.rmtree(run, ignore_errors=True)
        run.mkdir(parents=True)
        shutil.copyfile(whole / "study.toml", run / "study.toml")
        for part in parts:
            shutil.copytree(whole / "parts" / part, run / "parts" / part)
        keep_verdicts.keep(Run(run))
    there = {path.parent.name for path in kept.glob("fresh_seeds/parts/*/verdicts.json")}
    assert there == set().union(*days)
    said = capsys.readouterr().out
    assert "part entropy has no verdicts yet" in said
    assert said.count("part sample_size has no verdicts yet") == 0
