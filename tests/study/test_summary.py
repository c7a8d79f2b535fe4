"""What a run prints at its end: tables that fit, agree with the verdicts, and one main result."""

import re

import numpy as np
import pytest

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.quantities import estimate_text, interval_text
from sgdphys.study import summary
from sgdphys.study.settings import study_from
from sgdphys.terminal import WIDTH, print_paragraph, print_table, say

pytestmark = pytest.mark.thorough(reason="carries out studies")


def claim(says, statistic="bits_lost", **keys):
    return {"says": says, "by": "b", "statistic": statistic, "above": 0.1, "null": "0", **keys}


SMALL = {
    "title": "small",
    "network": {"layers": [4, 3]},
    "train": {"epochs": 60, "replicas": 5, "learning_rate": 0.5},
    "analyses": {"information": {}, "phases": {}},
    "claims": {
        "second": claim("The second layer compresses " + "very much " * 12, where={"layer": 2}),
        "late": claim(
            "Noise exceeds the mean", "transition_epoch", where={"layer": 3}, least_members=6
        ),
    },
    "result": "Layer 2 loses {second}; over all layers networks lose {bits_lost}.",
    "figures": {"formats": []},
}


def printed(run, capsys):
    """The lines that the command prints at the end of a run."""
    capsys.readouterr()
    for title, rows in summary.tables(run):
        say(title)
        print_table(rows)
    for line in summary.closing_lines(run, 1.0):
        print_paragraph(line)
    return capsys.readouterr().out.splitlines()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return sp.run(SMALL, tmp_path_factory.mktemp("summary") / "run", threads=1)


def test_lines_fit_and_name_what_is_missing(run, capsys):
    lines = printed(run, capsys)
    assert max(map(len, lines)) <= WIDTH
    text = " ".join(" ".join(lines).split())
    assert "nan" not in text
    assert "very much" in text
    assert run.verdicts[1].reason.split()[0] in text
    for title, rows in summary.tables(run):
        headings = [h for h in rows[0] if h != "n"]
        assert len(set(headings)) == len(headings), title


def test_a_layer_loses_what_its_verdict_says(run):
    (_, rows), *_ = summary.tables(run)
    verdict = run.verdicts[0]
    row = next(r for r in rows if r[0] == "2")
    expected = f"{verdict.value:z.2f} [{verdict.low:z.2f}, {verdict.high:z.2f}]"
    assert row[rows[0].index("bits lost [95%]")] == expected
    peak, end = (float(row[rows[0].index(name)]) for name in ("peak", "end"))
    assert peak - end == pytest.approx(verdict.value, abs=0.011)


def test_events_are_those_of_the_statistics(run):
    """Geometric means over the networks that learnt and whose noise comes to exceed the drift."""
    with run.results as results:
        phases = results["phases"].to_dataset().load()
    _, events, *_ = summary.tables(run)
    rows = events[1]
    seen = 0
    for reading, heading in (("", "fixed weights"), ("drift_", "drift"),
                             ("followed_", "within an epoch")):  # fmt: skip
        column = rows[0].index(heading)
        epochs = phases[f"{reading}transition_epoch"].where(phases["learned"] > 0)
        for row in rows[1:]:
            of_layer = epochs.sel(layer=int(row[0])).to_numpy()
            of_layer = of_layer[of_layer > 0]
            assert int(row[column + 1]) == len(of_layer)
            if len(of_layer):
                seen += 1
                mean = float(np.exp(np.log(of_layer).mean()))
                assert float(row[column].split()[0]) == pytest.approx(mean, abs=0.51)
    assert seen


def test_the_main_result(run):
    sentence = " ".join(summary.closing_lines(run, 1.0)[:-1])
    v = run.verdicts[0]
    assert sentence.startswith(f"Main result: Layer 2 loses {v.estimate}; over all layers")
    assert interval_text(v.value, v.low, v.high).partition(" ")[2] in v.estimate
    assert len(re.findall(r"\[[^]]*\]", sentence)) == 2


def test_the_main_result_is_the_first_verdict_by_default(tmp_path):
    keys = {**SMALL, "result": "", "claims": {"late": SMALL["claims"]["late"]}}
    run = sp.run(keys, tmp_path / "run", threads=1)
    sentence = " ".join(summary.closing_lines(run, 1.0)[:-1])
    assert sentence.startswith("Main result: Noise exceeds the mean: ")
    assert run.verdicts[0].word in sentence


def test_a_result_of_unknown_name_is_refused():
    with pytest.raises(InputError, match=r"result names 'secnd', .* did you mean 'second'"):
        study_from({**SMALL, "result": "It is {secnd}"}, "here")


def test_long_names_of_cases(tmp_path, capsys):
    """They are wrapped; nothing of them is lost."""
    sweep = {"zip": True, "train.seed": [1, 2]} | {
        f"train.{key}": [value, value]
        for key, value in {
            "learning_rate": 0.012345678901, "weight_decay": 0.00012345678, "label_noise": 0.125,
            "momentum": 0.123456789, "langevin": 0.00000012345, "train_fraction": 0.812345678,
        }.items()
    }  # fmt: skip
    keys = {**SMALL, "analyses": {}, "claims": {}, "result": "", "sweep": sweep}
    keys["train"] = {"epochs": 2, "replicas": 2}
    run = sp.run(keys, tmp_path / "run", threads=1)
    lines = printed(run, capsys)
    assert max(map(len, lines[:-1])) <= WIDTH
    squeezed = "".join("".join(lines).split())
    for name in run.cases:
        assert len(name) > WIDTH
    for word in next(iter(run.cases)).split():
        assert word in squeezed


def test_many_columns_follow_in_a_second_table(capsys):
    rows = [tuple(f"{row}-{'column' * 4}-{k}" for k in range(9)) for row in "abc"]
    print_table(rows)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert {cell for row in rows for cell in row} == set(" ".join(lines).split())
    assert sum(line.startswith(rows[1][0]) for line in lines) > 1


def test_intervals_have_digits_enough():
    assert interval_text(5.081, 5.0781, 5.0845) == "5.0810 [5.0781, 5.0845]"
    assert interval_text(0.339, 0.129, 0.579) == "0.339 [0.129, 0.579]"
    assert interval_text(1.0, 1.0, 1.0) == "1 [1, 1]"
    assert interval_text(1.0, 0.761, 1.24) == "1.00 [0.761, 1.24]"
    assert interval_text(1.4, 1.22, 1.4) == "1.40 [1.22, 1.40]"
    assert interval_text(100.0, 99.5, 101.0) == "100 [99.5, 101]"
    assert interval_text(0.544, 0.504, 3e6) == "0.544 [0.504, 3.00e+06]"
    assert interval_text(-5.0, -6.0, np.inf) == "-5 [-6, unbounded]"
    assert estimate_text(0.725, 0.311, 1.72e15, "times") == "0.725 times [0.311, unbounded]"
    assert estimate_text(5.0812, 5.0781, 1e9) == "5.0812 [5.0781, unbounded]"
    assert estimate_text(1e-9, 0.0, 0.02) == "1.00e-09 [0.00, 0.0200]"
    assert estimate_text(-1e9, -2e9, 1e8) == "-1e+09 [-2e+09, 1e+08]"


def test_a_notebook_shows_the_closing_tables_and_the_verdicts(run, tmp_path):
    shown, verdicts = run._repr_html_(), run.verdicts
    table = verdicts._repr_html_()
    for verdict in verdicts:
        assert verdict.says.split()[0] in shown
        assert verdict.says.strip() in table
        assert verdict.word in table
    assert verdicts.to_dataframe().loc["second", "value"] == verdicts[0].value
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "study.toml").write_bytes((run.folder / "study.toml").read_bytes())
    assert "not complete: 0 of 60 epochs recorded" in sp.Run(tmp_path / "begun")._repr_html_()
