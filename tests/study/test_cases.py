"""Names of cases: one each, that of every run on disk as it was, and a folder of its own."""

import pytest

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.study.cases import case_names, cases_of, file_name, short_names
from sgdphys.study.files import load_study, override
from sgdphys.study.quick import quicken
from sgdphys.study.settings import study_from


def names(sweep, **keys):
    return list(cases_of(study_from({**keys, "sweep": sweep}, "s")))


@pytest.mark.parametrize(
    ("sweep", "expected"),
    [
        ({"train.learning_rate": [0.1, 1e-6, 3]}, ["learning_rate=0.1", "learning_rate=1e-06",
                                                   "learning_rate=3"]),
        ({"network.layers": [[12], [12, 10]]}, ["layers=12", "layers=12-10"]),
        ({"network.layers": [[], [3]]}, ["layers=none", "layers=3"]),
        ({"network.module": ["", "a.b:net"]}, ["module=none", "module=net"]),
        ({"network.bias": [True, False]}, ["bias=True", "bias=False"]),
    ],
)  # fmt: skip
def test_names_that_tell_cases_apart_stay_as_they_were(sweep, expected):
    assert names(sweep) == expected


@pytest.mark.parametrize(
    ("sweep", "expected"),
    [
        ({"train.learning_rate": [0.1, 0.1000001, 0.2]},
         ["learning_rate=0.1", "learning_rate=0.1000001", "learning_rate=0.2"]),
        ({"network.module": ["a:net", "b:net", "b:other"]},
         ["module=a:net", "module=b:net", "module=other"]),
        ({"task.path": ["a/b.csv", "a?b.csv"]}, ["path=a/b.csv", "path=a?b.csv-2"]),
        ({"task.seed": [1, 2], "train.seed": [5]},
         ["task.seed=1, train.seed=5", "task.seed=2, train.seed=5"]),
    ],
)  # fmt: skip
def test_cases_never_collapse(sweep, expected):
    found = names(sweep)
    assert found == expected
    assert len(set(map(file_name, found))) == len(expected)


def test_swept_keys_of_one_last_name_are_written_in_full():
    keys = ["task.seed", "train.seed", "train.epochs"]
    assert short_names(keys) == {
        "task.seed": "task.seed", "train.seed": "train.seed", "train.epochs": "epochs",
    }  # fmt: skip


def test_long_and_strange_values_have_names_that_folders_can_have():
    values = [("x" * 400,), ("x" * 401,), ("a\nb\x1b[2J",), ("é" * 300,), (10**5000,)]
    found = case_names(["task.path"], values)
    assert len(set(map(file_name, found))) == len(values)
    assert all(name.isprintable() for name in found)
    assert max(len(file_name(name).encode()) for name in found) <= 255


def test_nested_tables_are_swept():
    keys = {"train": {"schedule": {"every": 2, "factor": 0.5}}}
    cases = cases_of(study_from({**keys, "sweep": {"train.schedule.every": [1, 3]}}, "s"))
    assert [case.train.schedule.every for case in cases.values()] == [1, 3]


@pytest.mark.thorough(reason="a sweep of its own: 3 s")
def test_both_seeds_are_kept_beside_the_results(tmp_path):
    keys = {
        "task": {"name": "random_labels", "samples": 20, "features": 3},
        "network": {"layers": [2]},
        "train": {"epochs": 2, "replicas": 2, "batch_size": 10},
        "analyses": {"learning": {}},
        "figures": {"formats": []},
        "sweep": {"task.seed": [1, 2], "train.seed": [5, 6], "train.momentum": [0.5]},
    }
    with sp.run(keys, tmp_path / "run").results as results:
        found = results["learning"].to_dataset().load()
    assert found["swept_task_seed"].to_numpy().tolist() == [1, 1, 2, 2]
    assert found["swept_train_seed"].to_numpy().tolist() == [5, 6, 5, 6]
    assert found["swept_momentum"].to_numpy().tolist() == [0.5] * 4
    assert len({float(v) for v in found["final_loss"].isel(replica=0)}) == 4


def test_a_case_carries_what_its_study_does(tmp_path):
    (tmp_path / "net.py").write_text("def make(): ...\n")
    keys = {"task": {"name": "digits"}, "sweep": {"network.module": ["", "net:make"]},
            "folder": str(tmp_path)}  # fmt: skip
    study = load_study(keys)[1]
    plain, module = cases_of(study).values()
    assert (plain.folder, plain.contents) == ("", {})
    assert module.folder == str(tmp_path)
    assert module.contents == {"network.module": study.contents["network.module[1]"]}


def test_a_value_of_a_swept_key_is_refused():
    """The sweep won, without a word."""
    keys = {"title": "t", "sweep": {"train.epochs": [2, 3]}}
    with pytest.raises(InputError, match=r"--set train\.epochs: the study sweeps it"):
        override(keys, ["train.epochs=5"])
    assert override(keys, ["sweep.train.epochs=[5]"])["sweep"] == {"train.epochs": [5]}


def test_a_quick_sweep_over_epochs_is_short():
    """It trained for all of them."""
    keys = {"sweep": {"train.epochs": [500, 1000, 8000]}}
    assert quicken(study_from(keys, "s")).sweep.keys["train.epochs"] == (12, 25, 200)
    few = {"sweep": {"train.epochs": [50, 100]}}
    assert quicken(study_from(few, "s")).sweep.keys["train.epochs"] == (50, 100)
