"""A transition over size on the page: the curves are those of the results, and Cover's."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.processes.separability import cover_probability
from sgdphys.report.scans import scan_of

LOADS = [1.5, 2.0, 2.5]


def capacity(sizes=(10, 40), **coords):
    dimension, load = (a.ravel() for a in np.meshgrid(sizes, LOADS, indexing="ij"))
    share = np.linspace(1, 0, len(load))
    data = {"dimension": ("case", dimension.astype(float)), "load": ("case", load)}
    for name in ("share_separable", "share_separated"):
        values = np.stack([share, share / 2], axis=1) if name.endswith("ated") else share
        dims = ("case", "epoch")[: values.ndim]
        data |= {f"{name}{end}": (dims, values) for end in ("", "_low", "_high")}
    return xr.Dataset(data, {"case": [f"{k}" for k in range(len(load))], **coords})


def test_curves_are_by_size_and_load():
    found = scan_of(capacity())
    assert (found["low"], found["high"]) == (1.5, 2.5)
    separable, separated = found["cases"]
    assert separable["sizes"] == [10, 40]
    assert [curve["x"] for curve in separable["curves"]] == [LOADS, LOADS]
    assert separable["curves"][0]["y"] == pytest.approx([1, 0.8, 0.6])
    assert separated["curves"][0]["y"] == pytest.approx([0.5, 0.4, 0.3])  # the last epoch


def test_the_exact_curve_is_covers_at_whole_numbers_of_points():
    curve = scan_of(capacity())["cases"][0]["curves"][1]
    points = np.array(curve["exactX"]) * 40
    np.testing.assert_allclose(points, points.round(), atol=0.01)
    exact = cover_probability(points.round().astype(int), 40)
    np.testing.assert_allclose(curve["exactY"], exact, atol=1e-4)


def test_the_exact_curves_of_all_sizes_fall_onto_one_when_scaled():
    found = scan_of(capacity((20, 80)))
    scaled = [
        np.interp(0.5, (np.array(c["exactX"]) - found["critical"]) * n ** found["exponent"],
                  c["exactY"])
        for n, c in zip((20, 80), found["cases"][0]["curves"], strict=True)
    ]  # fmt: skip
    assert scaled[0] == pytest.approx(scaled[1], abs=0.02)
    assert 0.3 < scaled[0] < 0.45


def test_cases_that_diverged_leave_gaps_that_json_can_hold():
    data = capacity()
    data["share_separable"][1] = np.nan
    assert scan_of(data)["cases"][0]["curves"][0]["y"][1] == -1


@pytest.mark.parametrize("data", [capacity((10,)), capacity(swept_layers=("case", ["[3]"] * 6))])
def test_one_size_and_networks_of_several_shapes_have_none(data):
    assert scan_of(data) is None
