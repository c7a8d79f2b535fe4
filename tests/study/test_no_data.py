"""Analyses of too few networks: no data, said before or after training, and the run goes on."""

import numpy as np
import pytest

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.report.page import write_report
from sgdphys.study.files import load_study

CLAIM = {"says": "s", "by": "b", "above": 0.1, "null": "0"}
WILD = {
    "title": "wild",
    "network": {"layers": [4, 3], "activation": "identity"},
    "train": {"epochs": 20, "replicas": 6, "learning_rate": 0.6, "loss": "squared_error"},
    "analyses": {"diversity": {}, "learning": {}},
    "claims": {"alike": {**CLAIM, "statistic": "network_similarity"},
               "learnt": {**CLAIM, "statistic": "overtraining"}},
    "figures": {"formats": ["svg"]},
}  # fmt: skip


@pytest.mark.thorough(reason="a run of its own: 3 s")
@pytest.mark.parametrize(
    "sweep",
    [
        {},
        pytest.param(
            {"train.learning_rate": [0.6, 0.1]}, marks=pytest.mark.thorough(reason="a sweep: 5 s")
        ),
    ],
)
def test_diversity_of_one_network_has_no_data(tmp_path, sweep):
    """Five of six diverge: nothing to compare; in a sweep the other case has its own."""
    told = []
    run = sp.run({**WILD, "sweep": sweep}, tmp_path / "run", threads=1, tell=told.append)
    said = "it compares networks, and fewer than 2 did not diverge"
    assert f"analyses.diversity has no data: {said}" in told
    alike = next(v for v in run.verdicts if v.claim == "alike")
    drawn = {path.stem for path in (run.folder / "figures").iterdir()}
    assert "test_error" in drawn or sweep
    with run.results as results:
        found = results["diversity"].to_dataset().load()
    if sweep:
        assert alike.word != "no data"
        assert found["matched_overlap"].notnull().any(["layer"]).to_numpy().tolist() == [
            False,
            True,
        ]
        assert "diversity" in drawn
    else:
        assert (alike.word, alike.reason) == ("no data", said)
        assert not found.variables
        assert "diversity" not in drawn
    assert "wild" in write_report([run.folder]).read_text()


def test_linear_algebra_that_fails_leaves_the_other_analyses(tmp_path, monkeypatch):
    """As that of weights of 1e150 does: no data for one analysis, not an end of the run."""

    def failing(source, analysis):
        return np.linalg.inv(np.zeros((2, 2)))

    monkeypatch.setattr("sgdphys.analyses.diversity.analysis.analyse", failing)
    keys = {**WILD, "train": {**WILD["train"], "learning_rate": 0.1}, "figures": {"formats": []}}
    told = []
    run = sp.run(keys, tmp_path / "run", threads=1, tell=told.append)
    assert any("diversity has no data: its linear algebra fails (Singular" in s for s in told)
    assert {v.claim: v.word == "no data" for v in run.verdicts} == {"alike": True, "learnt": False}


def test_the_lowest_loss_is_that_of_networks_that_are_finite_at_the_end(tmp_path):
    """One network of several lasts: its overtraining is from its own lowest test loss."""
    keys = {**WILD, "analyses": {"learning": {}}, "claims": {}, "figures": {"formats": []}}
    run = sp.run(keys, tmp_path / "run", threads=1)
    (last,) = (run.diverged_steps < 0).nonzero()[0]
    loss = run.trajectory["training"]["test_loss"].sel(replica=last).to_numpy()
    with run.results as results:
        found = float(results["learning"]["overtraining"].sel(replica=last))
    assert found == pytest.approx(loss[-1] - loss.min())


def test_a_claim_of_no_known_statistic_is_told_with_all_other_faults():
    claims = {n: {**CLAIM, "statistic": n} for n in ("bits_lots", "norm_grow")}
    with pytest.raises(InputError) as caught:
        load_study({"claims": claims, "train": {"epochs": 0}})
    lines = str(caught.value).splitlines()
    for given, meant in (("bits_lots", "bits_lost"), ("norm_grow", "norm_growth")):
        wanted = f"claims.{given}.statistic is {given!r} in the study; did you mean {meant!r}?"
        assert lines.count(wanted) == 1
    assert any(line.startswith("train.epochs") for line in lines)


def test_a_sweep_without_labels_shows_its_losses(tmp_path):
    """Its only figure was that of its verdicts."""
    keys = {
        "task": {"name": "teacher_student", "samples": 40},
        "network": {"layers": [3]},
        "train": {"loss": "squared_error", "epochs": 3, "replicas": 2},
        "sweep": {"train.batch_size": [8, 20]},
        "analyses": {"learning": {}},
        "figures": {"formats": []},
    }
    run = sp.run(keys, tmp_path / "run", threads=1)
    assert list(run.figures()) == ["test_loss"]
