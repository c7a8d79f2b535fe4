"""A run made small says so wherever its numbers are read, and is not judged."""

import json

import pytest

import sgdphys as sp
from sgdphys.report.page import write_report
from sgdphys.report.verdict_page import verdict_page
from sgdphys.study.quick import quicken
from sgdphys.study.running import run
from sgdphys.study.settings import study_from
from sgdphys.study.summary import closing_lines, verdict_rows

pytestmark = pytest.mark.thorough(reason="carries out studies")

SMALL = {
    "network": {"layers": [4, 3]},
    "train": {"epochs": 40, "replicas": 4, "batch_size": 2000},
    "analyses": {"information": {}},
    "figures": {"formats": ["svg"]},
    "claims": {
        "loses": {
            "says": "It loses bits", "by": "a test", "statistic": "bits_lost", "above": -20.0,
            "null": "n",
        },
    },
}  # fmt: skip


def test_every_output_of_a_quick_run_is_marked(tmp_path):
    found = run(SMALL, tmp_path / "run", quick=True)
    assert "quick = true" in (found.folder / "study.toml").read_text()
    assert "no verdicts" in sp.open_trajectory(found.folder / "results.nc").attrs["quick"]
    rows = json.loads((found.folder / "verdicts.json").read_text())["verdicts"]
    assert [row["word"] for row in rows] == ["not judged"]
    assert "not judged" in verdict_rows(found)[1]
    assert "quick run" in closing_lines(found, 1.0)[-2]
    assert "quick run" in write_report([found.folder]).read_text()
    assert "quick run" in verdict_page([found.folder])
    for figure in (found.folder / "figures").glob("*.svg"):
        assert "quick run" in figure.read_text(), figure.name


def test_only_quick_runs_are_marked():
    study = study_from(SMALL, "s")
    assert not study.quick
    assert quicken(study).quick
