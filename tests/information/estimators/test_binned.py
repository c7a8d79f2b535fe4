"""Binned information against values counted by hand."""

import numpy as np
import pytest

from sgdphys.errors import InputError
from sgdphys.information import binned_information
from sgdphys.information.estimators.histogram import add_bins, binning
from sgdphys.status import words


def bits(t, y, **options):
    found = binned_information(np.asarray(t), np.asarray(y), **options)
    return float(found["I_XT"]), float(found["I_TY"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_right_edge_belongs_to_the_last_bin(dtype):
    """P38: 0.97 and 1.0 share the last of 30 bins."""
    t = np.array([-1, -1, 0.97, 1.0], dtype)
    assert bits(t, [0, 0, 1, 1], low=-1, high=1) == pytest.approx((1, 1))
    # the authors' edges give exactly 1.0 a bin of its own
    assert bits(t, [0, 0, 1, 1], low=-1, high=1, edges="as_published") == pytest.approx((1.5, 1))


def test_thirty_bins_are_thirty():
    t = np.linspace(-1, 1, 6001)
    found = binned_information(t, np.zeros(6001), low=-1, high=1)
    assert int(found["occupied"]) == 30


def test_inputs_met_again_are_one_input():
    """P37: x = a, a, b with t = 0, 1, 0."""
    about_x, _ = bits([0.0, 1.0, 0.0], [0, 1, 0], x=["a", "a", "b"])
    assert about_x == pytest.approx(0.251629, abs=1e-6)


def test_labels_of_any_shape():
    """C21: a column, floats, a single class."""
    t = [0.0, 0.0, 1.0, 1.0]
    assert bits(t, np.array([[0.0], [0.0], [1.0], [1.0]])) == pytest.approx((1, 1))
    assert bits(t, [7, 7, 7, 7]) == pytest.approx((1, 0))


def test_equal_inputs_with_different_labels_are_merged():
    """C22: half of the label is noise."""
    assert bits([0.0, 0.0, 1.0, 1.0], [0, 1, 0, 1], x=[0, 0, 1, 1]) == pytest.approx((1, 0))


def test_one_cell_an_input_is_flagged():
    """P41: a million bins tell 1000 inputs apart, whatever the layer does."""
    t = 0.37 * np.linspace(-1, 1, 1000)
    found = binned_information(t, t > 0, bins=10**6)
    assert float(found["I_XT"]) == pytest.approx(9.965784, abs=1e-6)
    assert words(found["status"]) == "saturated at log2 n"


def test_soft_labels_agree_with_hard_ones_where_they_are_sure():
    rng = np.random.default_rng(1)
    t, y = rng.standard_normal((300, 3)), rng.integers(0, 2, 300)
    hard, soft = bits(t, y, bins=4), bits(t, y, bins=4, p_y_given_x=np.eye(2)[y])
    assert hard == pytest.approx(soft)


def test_bounds_hold_and_codes_are_those_of_distinct_rows():
    rng = np.random.default_rng(2)
    for width in (1, 3, 40):
        t, y = rng.uniform(-1, 1, (500, width)), rng.integers(0, 3, 500)
        about_x, about_y = bits(t, y, bins=5, low=-1, high=1)
        cells = np.minimum(np.floor((t + 1) * 2.5), 4)
        _, counts = np.unique(cells, axis=0, return_counts=True)
        p = counts / 500
        assert about_x == pytest.approx(-(p * np.log2(p)).sum())
        assert 0 <= about_y <= min(about_x, np.log2(3)) + 1e-12


def test_a_constant_layer_knows_nothing():
    assert bits(np.ones((50, 4)), np.arange(50) % 2) == (0, 0)


def test_extremes_and_zeros_are_counted():
    units = np.array([[-1.0, 0.0, 0.5, 1.0]])
    assert add_bins(*binning(-1, 1, 30), units, np.zeros(4, np.uint64)) == (2, 1)


@pytest.mark.parametrize("bins", [0, 1, -3])
def test_too_few_bins(bins):
    with pytest.raises(InputError, match="whole number of at least 2"):
        binned_information([0.0, 1.0], [0, 1], bins=bins)


def test_what_is_not_finite_is_refused():
    with pytest.raises(InputError, match="not all finite"):
        binned_information([0.0, np.nan], [0, 1])
