"""Captions: which figure shows a claim, and what a page says of a sweep."""

import pytest

from sgdphys.report.captions import figure_of, setting, shape_of
from sgdphys.report.contents import by_numbers
from sgdphys.study.settings import study_from

NAMES = [
    "information-batch_size=1024",
    "information-batch_size=64",
    "information-rate=0.1,layers=3",
]


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ({"batch_size": 64}, NAMES[1]), ({"batch_size": [1024]}, NAMES[0]), ({}, NAMES[0]),
        ({"rate": 0.1, "batch_size": 32, "layers": "3"}, NAMES[2]),
    ],
)  # fmt: skip
def test_a_claim_is_shown_by_the_figure_of_its_case(where, name):
    """A verdict on batches of 64 stood below the figure of batches of 1024."""
    assert figure_of("early_fit", "", NAMES, where) == name


def test_no_figure_of_another_case_is_shown():
    assert figure_of("early_fit", "", NAMES[:2], {"batch_size": 32}) == ""


def test_what_differs_between_cases_is_not_said_of_all():
    study = study_from({"sweep": {"train.epochs": [1, 2], "network.layers": [[1], [2]]}}, "a study")
    assert setting(study, "train.epochs", "for 2 epochs") == "epochs as named"
    assert setting(study, "train.replicas", "50 networks") == "50 networks"
    assert shape_of(study) == "layers as named"


def test_cases_stand_in_the_order_of_their_numbers():
    names = ["a-n=1024", "a-n=64", "a-x=1e-05", "a-x=0.1", "a-y=-2", "a-y=-10"]
    assert sorted(names, key=by_numbers) == [
        "a-n=64", "a-n=1024", "a-x=1e-05", "a-x=0.1", "a-y=-10", "a-y=-2",
    ]  # fmt: skip
