"""The list of runs: how far each is, and what is in it."""

import pytest

from sgdphys.engines.base import Stopped
from sgdphys.errors import InputError
from sgdphys.study.listing import HEADING, list_runs
from sgdphys.study.running import run
from sgdphys.study.summary import recorded_epochs

TINY = {
    "title": "Tiny", "network": {"layers": [3]}, "train": {"epochs": 3, "replicas": 2},
    "figures": {"formats": []},
}  # fmt: skip
CLAIM = {
    "says": "They learn", "by": "a test", "statistic": "test_accuracy", "above": 0.5,
    "null": "none does",
}  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    run(TINY, folder / "bare")
    run(TINY | {"analyses": {"learning": {}}}, folder / "analysed")
    (folder / "analysed" / "results.nc").rename(folder / "results-moved.nc")
    run(TINY | {"sweep": {"train.batch_size": [512, 1024]}}, folder / "swept")
    with pytest.raises(Stopped):
        run(TINY, folder / "stopped", stop=lambda: True)
    (folder / "other").mkdir()
    damaged = folder / "damaged"
    run(TINY, damaged)
    (damaged / "study.toml").write_text("# damaged\n" + (damaged / "study.toml").read_text())
    return folder


def rows(folder):
    heading, *rows = list_runs(folder)
    assert heading == HEADING
    return {row[0]: dict(zip(heading, row, strict=True)) for row in rows}


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("bare", "complete"), ("analysed", "not analysed"), ("swept", "complete"),
        ("stopped", "0 of 3 epochs recorded"), ("damaged", "damaged"),
    ],
)  # fmt: skip
def test_the_state_is_what_is_missing(runs, name, state):
    assert rows(runs)[name]["state"] == state


def test_folders_without_a_study_are_no_runs(runs):
    assert "other" not in rows(runs)


def test_of_one_run_there_is_a_row(runs):
    row = rows(runs / "bare")["bare"]
    assert row["title"] == "Tiny"
    assert float(row["size"].split()[0]) > 0


def test_a_case_that_is_missing_is_counted(runs):
    case = next((runs / "swept" / "cases").iterdir())
    case.rename(runs / "case-moved")
    try:
        assert rows(runs)["swept"]["state"] == "1 of 2 cases complete"
    finally:
        (runs / "case-moved").rename(case)


def test_verdicts_are_counted_by_word(runs, tmp_path):
    quick = TINY | {"analyses": {"learning": {}}, "claims": {"one": CLAIM}}
    run(quick, tmp_path / "judged", quick=True)
    row = rows(tmp_path)["judged"]
    assert row["verdicts"] == "1 no data"
    assert row["state"].endswith("quick")


@pytest.mark.parametrize("name", ["nowhere", "bare/trajectory"])
def test_a_folder_without_runs_is_refused(runs, name):
    with pytest.raises(InputError, match="there is no"):
        list_runs(runs / name)


def test_epochs_behind_a_gap_do_not_count(tmp_path):
    for name in ("0-10", "10-20", "30-40"):
        path = tmp_path / "trajectory" / f"{'-'.join(f'{int(n):09}' for n in name.split('-'))}.nc"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert recorded_epochs(tmp_path) == 20
