"""Sweeps: cases from lists of keys, each a run of its own, and their results side by side."""

import shutil

import numpy as np
import pytest
from labels import is_labelled

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.study.files import cases_of
from sgdphys.study.settings import study_from

pytestmark = pytest.mark.thorough(reason="carries out studies")

SMALL = {
    "title": "Twins",
    "network": {"layers": [4]},
    "train": {"epochs": 60, "replicas": 4, "twins": 2, "batch_size": 1000},
    "record": {"weights": {"burst": 20, "starts": 2}},
    "analyses": {"diffusion": {"sample": 10}},
    "sweep": {"train": {"sampling": ["replacement", "fixed"]}},
    "figures": {"formats": []},
}


def study(**sweep):
    return study_from({**SMALL, "sweep": sweep}, "here")


def test_a_product_and_lists_in_step():
    both = {"train.batch_size": [10, 20], "train.learning_rate": [0.1, 0.2]}
    assert list(cases_of(study(**both))) == [
        "batch_size=10, learning_rate=0.1",
        "batch_size=10, learning_rate=0.2",
        "batch_size=20, learning_rate=0.1",
        "batch_size=20, learning_rate=0.2",
    ]
    zipped = cases_of(study(zip=True, **both))
    assert [(c.train.batch_size, c.train.learning_rate) for c in zipped.values()] == [
        (10, 0.1), (20, 0.2),
    ]  # fmt: skip
    assert not next(iter(zipped.values())).sweep.keys


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ({"zip": True, "train.seed": [1], "train.epochs": [1, 2]}, "lists of equal length"),
        ({"figures.formats": [10]}, "must be a key of task, network, train, record, analyses"),
        ({"train.seed": [1], "train": {"seed": [2]}}, "train.seed is given twice"),
        ({"train.seed": []}, "sweep.train.seed is"),
    ],
)
def test_wrong_sweeps(sweep, words):
    with pytest.raises(InputError, match=words):
        study(**sweep)


def test_a_wrong_case_is_named():
    with pytest.raises(InputError, match=r"train.batch_size is 0 in the case batch_size=0"):
        cases_of(study(**{"train.batch_size": [10, 0]}))
    with pytest.raises(InputError, match="did you mean 'learning_rate'"):
        cases_of(study(**{"train.learning_rat": [0.1]}))


def test_cases_run_are_joined_and_resume(tmp_path):
    run = sp.run(SMALL, tmp_path / "sweep")
    assert list(run.cases) == ["sampling=replacement", "sampling=fixed"]
    assert sp.check(run.folder) == []
    begun = shutil.copytree(run.folder, tmp_path / "begun")
    first = sorted(begun.glob("cases/*"))[0]
    shutil.rmtree(first / "trajectory")
    (first / "trajectory").mkdir()
    assert [first.name in fault for fault in sp.check(begun)] == [True]
    with run.results as results:
        found = results["diffusion"].to_dataset().load()
    assert found["case"].to_numpy().tolist() == list(run.cases)
    assert found["swept_sampling"].to_numpy().tolist() == ["replacement", "fixed"]
    assert bool((found["diffusion"].isel(case=0) > 0).all())
    assert bool((found["diffusion"].isel(case=1) == 0).all())
    is_labelled(found)
    drawn = {path.name for path in run.write_figures(formats=["svg"])}
    assert {"diffusion_vs_lag.svg", "diffusion_noise.svg"} <= drawn
    with pytest.raises(InputError, match="has cases: sampling=replacement"):
        _ = run.trajectory
    said = []
    again = sp.run(SMALL, tmp_path / "sweep", tell=said.append)
    assert sum("is complete; there is nothing to train" in s for s in said) == 2
    with again.results as results:
        np.testing.assert_array_equal(results["diffusion"]["diffusion"], found["diffusion"])
    with pytest.raises(InputError, match=r"another study \(sweep differs\)"):
        sp.run({**SMALL, "sweep": {"train.seed": [1, 2]}}, tmp_path / "sweep")


def test_twins_are_needed(tmp_path):
    alone = {**SMALL, "sweep": {}, "train": {**SMALL["train"], "twins": 1}}
    with pytest.raises(InputError, match=r"analyses.diffusion compares twins; set train.twins"):
        sp.run(alone, tmp_path / "alone")
