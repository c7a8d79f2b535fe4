"""Sizes that are worked out beforehand are those that there are."""

import itertools

import numpy as np
import pytest

from sgdphys.study.experiment import ensemble_of, plan_of, task_of
from sgdphys.study.settings import study_from
from sgdphys.study.sizes import longest_stretch, sizes_of, train_samples, updates_per_epoch

REGRESSION = {"loss": "squared_error"}


@pytest.mark.parametrize(
    ("task", "train"),
    [
        ({}, {}),
        ({"name": "committee"}, {"train_fraction": 0.3, "batch_size": 100}),
        ({"name": "digits"}, {"sampling": "full"}),
        ({"name": "scalar_teacher"}, REGRESSION),
        ({"name": "teacher_student", "features": 7, "samples": 31}, REGRESSION | {"batch_size": 4}),
        ({"name": "random_labels", "features": 3, "samples": 20, "classes": 5}, {"batch_size": 17}),
        ({"name": "random_labels", "features": 3, "samples": 20}, {"sampling": "replacement"}),
    ],
)
def test_sizes_are_those_of_the_data(task, train):
    study = study_from({"task": task, "train": {"replicas": 1, **train}}, "s")
    sizes, data = sizes_of(study.task), task_of(study)
    ensemble = ensemble_of(study, data)
    assert (sizes.samples, sizes.features) == data["x"].shape
    assert sizes.are_labels == ("y" in data)
    assert sizes.outputs == data.sizes["label" if sizes.are_labels else "output"]
    assert train_samples(study, sizes.samples) == ensemble.train_samples
    assert updates_per_epoch(study) == ensemble.updates_per_epoch


WEIGHTS = ["step", "epoch", "log", "log_pairs", "log_triples", {"every": 1}, {"every": 3}]
WEIGHTS += [{"burst": b, "starts": s} for b in (1, 5, 40, 1000) for s in (1, 2, 4, 9)]


@pytest.mark.parametrize(("epochs", "updates"), list(itertools.product([1, 3, 60, 500], [1, 2, 7])))
def test_stretches_are_those_of_the_plan(epochs, updates):
    samples = 10 * updates
    for weights in WEIGHTS:
        study = study_from(
            {
                "task": {"name": "random_labels", "samples": samples},
                "train": {"train_fraction": 1.0, "batch_size": 10, "epochs": epochs},
                "record": {"weights": weights},
            },
            "s",
        )
        steps = plan_of(study, updates).weight_steps
        runs = np.diff(np.flatnonzero(np.diff(steps, prepend=-9, append=10**12) != 1))
        assert longest_stretch(study) == runs.max() - 1, weights
