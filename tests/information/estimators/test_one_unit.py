"""One unit with a Gaussian input, and distances within and between labels, against closed forms."""

import numpy as np
import pytest
from scipy.special import entr, ndtr

from sgdphys.errors import InputError
from sgdphys.information.clustering import distance_ratio
from sgdphys.information.estimators.binned import binned_information
from sgdphys.information.estimators.one_unit import one_unit_information


def test_thirty_bins_of_tanh_start_and_end_at_one_bit():
    # an edge lies at 0: small weights leave the two middle bins, large ones the two outer
    found = one_unit_information("tanh", [1e-4, 1.0, 1e6]).to_numpy()
    assert found[[0, 2]] == pytest.approx([1.0, 1.0], abs=1e-3)
    assert found[1] > 4.5


def test_relu_grows_without_bound_by_half_a_bit_a_doubling():
    # half of the inputs give 0; the other half spread over bins of a fixed width
    found = one_unit_information("relu", 2.0 ** np.arange(3, 10)).to_numpy()
    # (the bin at 0 holds a little more than a half, less and less)
    assert np.diff(found) == pytest.approx(0.5, abs=0.015)
    assert np.diff(found)[-1] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softsign", "relu", "elu", "softplus"])
def test_it_agrees_with_a_histogram_of_many_samples(activation):
    from sgdphys.networks.activations import ACTIVATIONS

    x = np.random.default_rng(0).standard_normal(400_000)
    t = ACTIVATIONS[activation].value(1.7 * x)
    low, high = {"tanh": (-1, 1), "softsign": (-1, 1), "sigmoid": (0, 1)}.get(
        activation, (-1.0 if activation == "elu" else 0.0, None)
    )
    if high is None:
        bins = int(np.ceil((t.max() - low) * 15))
        high = low + bins / 15
    else:
        bins = 30
    read = float(
        binned_information(t, np.zeros(len(t), int), bins=bins, low=low, high=high)["I_XT"]
    )
    exact = float(one_unit_information(activation, [1.7])[0])
    assert read == pytest.approx(exact, abs=7e-3)  # four standard errors


def test_two_bins_by_hand():
    # sigmoid cut at 1/2: one bit whatever the weight; softsign cut in four: at net inputs -1, 0, 1
    assert float(one_unit_information("sigmoid", [3.0], bins=2)[0]) == pytest.approx(1.0)
    p = np.array([ndtr(-0.5), 0.5 - ndtr(-0.5)])
    four = float(one_unit_information("softsign", [2.0], bins=4)[0])
    assert four == pytest.approx(2 * entr(p).sum() / np.log(2))


@pytest.mark.parametrize(("activation", "weights"), [("swish", [1.0]), ("tanh", [0.0])])
def test_what_has_no_closed_form_is_refused(activation, weights):
    with pytest.raises(InputError, match=r"no closed form|above 0"):
        one_unit_information(activation, weights)


def test_distances_agree_with_all_pairs():
    rng = np.random.default_rng(1)
    t, y = rng.standard_normal((60, 3)), rng.integers(0, 3, 60)
    t += 2.0 * y[:, None]
    i, j = np.triu_indices(60, 1)
    squares = ((t[i] - t[j]) ** 2).sum(axis=1)
    same = y[i] == y[j]
    assert distance_ratio(t, y) == pytest.approx(
        np.sqrt(squares[same].mean() / squares[~same].mean())
    )


def test_distances_of_points_and_of_labels_that_do_not_matter():
    y = np.repeat([0, 1], 50)
    assert distance_ratio(y[:, None].astype(float), y) == 0
    rng = np.random.default_rng(2)
    assert distance_ratio(rng.standard_normal((100, 400)), y) == pytest.approx(1.0, abs=0.02)
    assert np.isnan(distance_ratio(np.zeros((100, 2)), y))
    with pytest.raises(InputError, match="at least two labels"):
        distance_ratio(np.zeros((4, 2)), np.zeros(4))
