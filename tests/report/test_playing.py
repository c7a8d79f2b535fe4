"""What a page plays: it says what it leaves out, and a case without a number does not stop it."""

import json

import numpy as np
import pytest
import xarray as xr

from sgdphys.report.playing import cloud_of, plane_of


def information(cases, replicas):
    names = ("case", "epoch", "replica", "layer")
    values = np.random.default_rng(0).uniform(1, 2, (cases, 3, replicas, 2))
    return xr.Dataset(
        {n: (names, values) for n in ("I_XT", "I_TY", "null_I_TY")},
        {
            "case": [f"seed={k}" for k in range(cases)], "epoch": [0, 1, 2], "layer": [1, 2],
            "replica": range(replicas),
        },
    )  # fmt: skip


def components(cases, replicas):
    rng = np.random.default_rng(0)
    share, score = (rng.uniform(0, 1, (cases, replicas, *rest)) for rest in ((3,), (4, 3)))
    shares, scores = ("case", "replica", "component"), ("case", "replica", "step", "component")
    return xr.Dataset(
        {
            "component_share": (shares, share), "null_component_share": (shares, share),
            "score": (scores, score), "null_score": (scores, score),
        },
        {"case": [f"seed={k}" for k in range(cases)], "step": range(4), "replica": range(replicas)},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cases", "replicas", "words"),
    [
        (3, 4, ""),
        (20, 4, "Shown: 12 of 20 cases."),
        (20, 50, "Shown: 12 of 20 cases, of each case the first 16 of 50 networks."),
    ],
)
def test_the_plane_says_what_it_leaves_out(cases, replicas, words):
    assert plane_of(information(cases, replicas))["some"] == words


def test_a_run_by_itself_plays_all_its_networks():
    alone = information(1, 50).isel(case=0, drop=True)
    assert plane_of(alone)["some"] == ""
    assert cloud_of(components(1, 10).isel(case=0, drop=True))["some"] == (
        "Shown: the first 8 of 10 networks."
    )


def test_a_case_whose_networks_all_diverged_is_left_out():
    is_sound = xr.DataArray([True, False, True], dims="case")
    for found in (
        plane_of(information(3, 2).where(is_sound)), cloud_of(components(3, 2).where(is_sound))
    ):  # fmt: skip
        assert [case["title"] for case in found["cases"]] == ["seed=0", "seed=2"]
        assert found["some"] == "Shown: 2 of 3 cases."
        json.dumps(found, allow_nan=False)


def test_a_network_that_diverged_half_way_is_drawn_as_far_as_it_went():
    data = components(1, 2).isel(case=0, drop=True)
    data["score"] = data["score"].where((data["replica"] == 0) | (data["step"] < 2))
    json.dumps(cloud_of(data), allow_nan=False)


def test_the_bound_is_the_entropy_of_the_labels():
    """It was the largest I(T;Y), on which the topmost points lie by definition."""
    alone = information(1, 5).isel(case=0, drop=True)
    assert plane_of(alone.assign_attrs(label_entropy=3.5))["cases"][0]["bound"][1] == [3.5, 3.5]
    two = information(2, 5).assign_attrs(
        by_case=json.dumps({"seed=0": {"label_entropy": 2.5}, "seed=1": {"label_entropy": 3.0}})
    )
    played = plane_of(two)
    assert [case["bound"][1] for case in played["cases"]] == [[2.5, 2.5], [3.0, 3.0]]
    assert played["top"] == 3.0
