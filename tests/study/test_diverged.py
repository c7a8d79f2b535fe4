"""Studies of which every network diverges: nothing is analysed, and claims have no data."""

import pytest

import sgdphys as sp
from sgdphys.report.page import write_report
from sgdphys.study.summary import closing_lines, tables

CLAIM = {"says": "s", "by": "b", "statistic": "bits_lost", "above": 0.1, "null": "0"}
WILD = {
    "title": "wild",
    "network": {"layers": [4, 3], "activation": "identity"},
    "train": {"epochs": 20, "replicas": 3, "learning_rate": 1e30, "loss": "squared_error"},
    "analyses": {"information": {}, "phases": {}},
    "claims": {"lost": CLAIM},
    "figures": {"formats": ["svg"]},
}


@pytest.mark.thorough(reason="a run of its own: 2 s")
@pytest.mark.parametrize("sweep", [{}, {"train.seed": [1, 2]}])
def test_no_network_is_left(tmp_path, sweep):
    """The same for one ensemble and for a sweep: done, said, and no verdict."""
    told = []
    run = sp.run({**WILD, "sweep": sweep}, tmp_path / "run", tell=told.append)
    said = [line for line in told if "diverged: nothing is analysed" in line]
    assert len(said) == max(len(run.cases), 1)
    assert not any(line.startswith("analysing") for line in told)
    assert run.has_diverged
    assert not run.is_analysed
    (verdict,) = run.verdicts
    assert (verdict.word, verdict.members) == ("no data", 0)
    assert verdict.reason == "every network diverged, so nothing was analysed"
    drawn = {path.stem for path in (run.folder / "figures").iterdir()}
    assert drawn == ({"verdicts"} if sweep else {"training", "weight_norms", "verdicts"})
    titles = dict(tables(run))
    assert "Claims" in titles
    assert not any("I(X;T)" in title for title in titles)
    assert "every network diverged" in titles["Claims"][1][2]
    assert "no data, since every network diverged" in " ".join(closing_lines(run, 1.0))
    page = write_report([run.folder]).read_text()
    assert "Every network diverged, so nothing was analysed" in page


@pytest.mark.slow(reason="two runs of their own: 18 s")
def test_results_of_networks_that_diverged_do_not_stay(tmp_path):
    """As an earlier version wrote them, and judged by them."""
    wild = {**WILD, "figures": {"formats": []}}
    tame = {**wild, "train": {**WILD["train"], "learning_rate": 0.1}}
    sound = sp.run(tame, tmp_path / "tame", threads=1)
    run = sp.run(wild, tmp_path / "wild", threads=1)
    (run.folder / "results.nc").write_bytes((sound.folder / "results.nc").read_bytes())
    again = sp.run(wild, tmp_path / "wild", threads=1)
    assert not again.is_analysed
    assert [v.word for v in again.verdicts] == ["no data"]


def test_where_one_network_is_finite_it_is_analysed(tmp_path):
    some = {**WILD, "train": {**WILD["train"], "replicas": 6, "learning_rate": 0.6}}
    run = sp.run({**some, "figures": {"formats": []}}, tmp_path / "run", threads=1)
    assert (run.diverged_steps >= 0).sum() == 5
    assert run.is_analysed
