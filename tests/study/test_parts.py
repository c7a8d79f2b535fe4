"""Studies of studies: recordings made once, verdicts gathered, faults told and the rest done."""

import numpy as np
import pytest
import tomli_w
from commands import command, refused

import sgdphys as sp
from sgdphys.claims.verdicts import write_verdicts
from sgdphys.engines.base import Stopped
from sgdphys.errors import InputError, WorkError
from sgdphys.report.contents import chapters_of
from sgdphys.study.analysing import are_whole
from sgdphys.study.files import cases_of
from sgdphys.study.running import run
from sgdphys.study.settings import Record, study_from
from sgdphys.study.sharing import covers
from sgdphys.trajectory.segments import segment_paths

pytestmark = pytest.mark.thorough(reason="carries out studies")

CLAIM = {
    "says": "It learns", "by": "the test", "statistic": "label_bits_gained",
    "where": {"layer": 2, "batch_size": 500}, "above": 0.0, "null": "0",
}  # fmt: skip
SWEEP = {
    "title": "sweep",
    "network": {"layers": [4]},
    "train": {"epochs": 30, "replicas": 6},
    "record": {"weights": "log"},
    "analyses": {"information": {}, "learning": {}},
    "sweep": {"train.batch_size": [500, 4096]},
    "claims": {"learns": CLAIM},
    "figures": {"formats": []},
}
ALONE = {
    "title": "alone",
    "network": {"layers": [4]},
    "train": {"epochs": 30, "replicas": 6, "batch_size": 500},
    "record": {"weights": "epoch"},
    "analyses": {"diversity": {}},
    "figures": {"formats": ["svg"]},  # quicker to draw than pixels
    "claims": {
        "norms": {"says": "n", "by": "t", "statistic": "norm_growth", "above": 0.0, "null": "0"},
        "lost": {
            "says": "l",
            "by": "t",
            "statistic": "norm_growth",
            "above": 0.0,
            "null": "0",
            "where": {"until_updates": 10**9},
        },
    },
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    for name, keys in (("alone", ALONE), ("sweep", SWEEP)):
        (folder / f"{name}.toml").write_text(tomli_w.dumps(keys))
    other = {"study": "alone", "set": {"train.seed": 2, "figures.formats": []}}
    parts = {"alone": "alone", "sweep": "sweep", "other_seed": other}
    (folder / "all.toml").write_text(tomli_w.dumps({"title": "All", "parts": parts}))
    told = []
    return run(folder / "all.toml", folder / "run", tell=told.append), told, folder


def test_equal_networks_are_trained_once_and_read_as_each_study_asks(whole):
    result, told, _ = whole
    one = result.parts["alone"].folder / "trajectory"
    same = result.parts["sweep"].cases["batch_size=500"]
    assert sum("reusing the recording in" in line for line in told) == 1
    assert [p.stat().st_ino for p in segment_paths(one)] == [
        p.stat().st_ino for p in segment_paths(same.folder / "trajectory")
    ]
    # the recording has every epoch; the sweep asked for log-spaced ones, and read those alone
    by_itself = sp.run(SWEEP, whole[2] / "by_itself")
    with by_itself.results as a, result.parts["sweep"].results as b:
        for name in ("information", "learning"):
            assert (
                a[name]
                .to_dataset()
                .load()
                .drop_attrs()
                .equals(b[name].to_dataset().load().drop_attrs())
            )


def test_verdicts_are_gathered_and_a_claim_without_data_says_why(whole):
    result, _, _ = whole
    verdicts = {v.claim: v for v in result.verdicts}
    assert list(verdicts) == [
        "alone/norms", "alone/lost", "sweep/learns", "other_seed/norms", "other_seed/lost",
    ]  # fmt: skip
    assert verdicts["alone/norms"].word == "supported"
    assert verdicts["alone/norms"].value != verdicts["other_seed/norms"].value
    assert verdicts["alone/lost"].word == "no data"
    assert "has no curves to cut by until_updates" in verdicts["alone/lost"].reason
    assert (result.folder / "figures" / "verdicts.png").stat().st_size > 10_000


@pytest.mark.slow(reason="a study of studies twice: 13 s")
def test_given_again_nothing_is_trained(whole):
    _, _, folder = whole
    told = []
    run(folder / "all.toml", folder / "run", tell=told.append)
    assert not any(line.startswith(("recording ", "analysing", "drew")) for line in told)
    gone = folder / "run" / "parts" / "alone" / "figures" / "verdicts.svg"
    gone.unlink()
    told.clear()
    run(folder / "all.toml", folder / "run", tell=told.append)
    drawn = [line for line in told if line.startswith("drew")]
    assert len(drawn) == 1
    assert str(gone.parent) in drawn[0]
    assert gone.is_file()


def test_damaged_results_are_named(whole, tmp_path):
    part = whole[0].parts["alone"]
    data = (part.folder / "results.nc").read_bytes()
    (tmp_path / "results.nc").write_bytes(data[: len(data) // 2])
    with pytest.raises(WorkError, match=r"results\.nc.* (truncated|cannot be read)"):
        are_whole(tmp_path, part.study)


def test_the_command_prints_the_verdicts(whole):
    _, _, folder = whole
    again = command("run", folder / "all.toml", "--out", folder / "run")
    assert again.returncode == 0, again.stderr
    assert "supported" in again.stdout
    assert "no data" in again.stdout
    assert "seed" in again.stdout


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"a": "nowhere"}, ("there is no study nowhere",)),
        ({"a/b": "alone"}, ("names a folder",)),
        ({"a": {"study": "alone", "set": {"train.epoch": 1}}}, ("did you mean 'epochs'",)),
        ({"a": {"studdy": "alone"}}, ("parts.a.study",)),
    ],
)
def test_wrong_parts_are_refused(whole, tmp_path, parts, words):
    (tmp_path / "alone.toml").write_text(tomli_w.dumps(ALONE))
    (tmp_path / "all.toml").write_text(tomli_w.dumps({"parts": parts}))
    refused(command("run", tmp_path / "all.toml", "--out", tmp_path / "run"), 2, *words)


@pytest.mark.thorough(reason="a study of studies: 2 s; test_diverged.py has one case")
def test_a_case_whose_networks_all_diverge_is_told_and_the_rest_goes_on(tmp_path):
    keys = {**SWEEP, "sweep": {"train.learning_rate": [0.1, 1e30]}, "claims": {
        "sound": {**CLAIM, "where": {"layer": 2, "learning_rate": 0.1}},
        "lost": {**CLAIM, "where": {"layer": 2, "learning_rate": 1e30}},
    }}  # fmt: skip
    keys["train"] = {**keys["train"], "loss": "squared_error"}
    keys["network"] = {"layers": [4], "activation": "identity"}
    told = []
    result = run(keys, tmp_path / "run", tell=told.append)
    assert any("learning_rate=1e_30 diverged: nothing is analysed" in line for line in told)
    assert [v.word for v in result.verdicts] == ["supported", "no data"]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"train.batchsize": [1]}, "did you mean 'batch_size'"),
        ({"analyses.informatoin.bins": [1]}, "did you mean 'information'"),
        ({"trian.batch_size": [1]}, "must be a key of task, network"),
    ],
)
def test_sweeps_over_keys_that_are_not_there(keys, words):
    with pytest.raises(InputError, match=words):
        cases_of(study_from({**SWEEP, "sweep": keys, "claims": {}}, "here"))


def test_a_setting_may_make_a_study_whole(tmp_path):
    """A file that names no data is no valid study by itself."""
    table = "a,label\n" + "\n".join(f"{k},{k % 2}" for k in range(20))
    (tmp_path / "data.csv").write_text(table)
    keys = {"task": {"name": "table"}, "network": {"layers": [2]}, "train": {"epochs": 2,
            "replicas": 2}, "figures": {"formats": []}}  # fmt: skip
    (tmp_path / "open.toml").write_text(tomli_w.dumps(keys))
    with pytest.raises(InputError, match=r"give task.path"):
        run(tmp_path / "open.toml", tmp_path / "run")
    path = tmp_path / "data.csv"
    done = run(tmp_path / "open.toml", tmp_path / "run", settings=[f"task.path={path}"])
    assert done.study.task.path == str(path)


def test_what_covers_what():
    def record(weights, gradients="log"):
        return Record(weights=weights, gradients=gradients)

    assert covers(record("epoch"), record("log_pairs"))
    assert covers(record("log_triples"), record("log_pairs"))
    assert not covers(record("log_pairs"), record("log_triples"))
    assert covers(record("step"), record("epoch", "none"))
    assert not covers(record("log"), record("epoch"))
    assert not covers(record("epoch", "none"), record("epoch"))
    assert not covers(record("epoch"), record({"every": 3}))


@pytest.mark.slow(reason="a study of studies: 6 s")
def test_a_part_that_fails_ends_the_training_of_the_next_one(tmp_path):
    """In a second or two, and not after the last training."""
    keys = {**ALONE, "claims": {}, "figures": {"formats": []}}
    (tmp_path / "first.toml").write_text(tomli_w.dumps(keys))
    long = {**keys["train"], "epochs": 20_000, "replicas": 40}
    (tmp_path / "second.toml").write_text(tomli_w.dumps({**keys, "train": long}))
    parts = {"parts": {"one": "first", "two": "second"}}
    (tmp_path / "all.toml").write_text(tomli_w.dumps(parts))
    with pytest.raises(Stopped):
        run(tmp_path / "all.toml", tmp_path / "run", stop=lambda: True)
    # nothing can be written over a folder
    (tmp_path / "run" / "parts" / "one" / "results.nc").mkdir()
    told = []
    with pytest.raises(OSError, match=r"results\.nc"):
        run(tmp_path / "all.toml", tmp_path / "run", threads=2, tell=told.append)
    assert any("part 2 of 2" in line for line in told)
    recorded = segment_paths(tmp_path / "run" / "parts" / "two")
    assert not recorded or int(recorded[-1].stem.split("-")[1]) < 20_000


def test_the_page_has_the_levels_of_all_parts_together(whole):
    """They were adjusted within each part, so that more verdicts survived than in the run."""
    result, _, _ = whole
    verdicts = [v._replace(kind="critic", written="before") for v in result.verdicts]
    for name, part in result.parts.items():
        own = [v._replace(claim=v.claim.partition("/")[2])
               for v in verdicts if v.claim.startswith(f"{name}/")]  # fmt: skip
        write_verdicts(own, part.folder / "verdicts.json")
    together = [v.q_value for v in result.verdicts]
    shown = [row.verdict.q_value for chapter in chapters_of(result) for row in chapter.verdicts]
    np.testing.assert_array_equal(shown, together)
