"""Estimators of a layer's information against closed forms and against each other."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from sgdphys.errors import InputError, NotEnoughData
from sgdphys.information import (
    binned_information,
    compare,
    extrapolated_information,
    gaussian_bottleneck,
    gaussian_information,
    kde_information,
    linear_layer_information,
    neighbour_information,
)
from sgdphys.status import words


def entropy_of_mixture(centres, deviation):
    """Differential entropy in bits of equal Gaussians in one dimension, by quadrature."""
    x = np.linspace(min(centres) - 9 * deviation, max(centres) + 9 * deviation, 40_001)
    p = np.mean([np.exp(-((x - c) ** 2) / (2 * deviation**2)) for c in centres], axis=0)
    p /= deviation * np.sqrt(2 * np.pi)
    return float(-(p * np.log2(np.maximum(p, 1e-300))).sum() * (x[1] - x[0]))


@pytest.mark.parametrize("distance", [0.5, 1.0, 2.0, 5.0])
def test_two_blurred_points_lie_between_the_bounds(distance):
    """One integral: H of the mixture less that of a Gaussian of the noise."""
    noise = 0.5
    truth = entropy_of_mixture([0, distance], np.sqrt(noise)) - 0.5 * np.log2(
        2 * np.pi * np.e * noise
    )
    found = kde_information([0, distance], [0, 1], noise_variance=noise)
    low, high = found["I_XT"].sel(bound=["lower", "upper"]).to_numpy()
    assert low <= truth <= high
    wanted = [1 - np.log2(1 + np.exp(-(distance**2) / (f * noise))) for f in (8, 2)]
    np.testing.assert_allclose([low, high], wanted, atol=1e-6)
    np.testing.assert_allclose(found["I_TY"], found["I_XT"])  # here the label is the input


@pytest.mark.parametrize("copies", [1, 10])
def test_two_far_clusters_are_one_bit(copies):
    """P42: 50 points at 0 and 50 at 1000, whatever the number of equal units."""
    t = np.tile(np.repeat([0.0, 1000.0], 50)[:, None], (1, copies))
    found = kde_information(t, np.repeat([0, 1], 50), noise_variance=0.1)
    np.testing.assert_allclose(found["I_XT"], 1, atol=1e-6)
    np.testing.assert_allclose(found["I_TY"], 1, atol=1e-6)


def test_one_sample_or_one_cluster_say_nothing():
    for t, y in ((np.zeros((1, 3)), [0]), (np.full((100, 3), 7.0), np.arange(100) % 2)):
        found = kde_information(t, y, noise_variance=0.1)
        assert float(np.abs(found["I_XT"]).max()) < 1e-6
        assert float(np.abs(found["I_TY"]).max()) < 1e-6


@pytest.mark.parametrize("samples", [63, 64, 65, 700])
def test_kernel_sums_are_those_of_numpy(samples):
    rng = np.random.default_rng(samples)
    t, y = np.tanh(rng.standard_normal((samples, 5))), rng.integers(0, 3, samples)
    squares = ((t[:, None] - t[None]) ** 2).sum(axis=2)
    found = kde_information(t, y, noise_variance=0.05)
    for bound, factor in (("upper", 2), ("lower", 8)):
        kernel = np.exp(-squares / (factor * 0.05))
        about_x = -np.log2(kernel.mean(axis=1)).mean()
        given_y = -np.log2([kernel[i, y == y[i]].mean() for i in range(samples)]).mean()
        at = found.sel(bound=bound)
        assert float(at["I_XT"]) == pytest.approx(about_x, abs=1e-5)
        assert float(at["I_TY"]) == pytest.approx(about_x - given_y, abs=1e-5)


@pytest.mark.parametrize("samples", [60, 4096])
def test_the_null_of_kernel_bounds_is_that_of_the_shuffled_labels(samples):
    rng = np.random.default_rng(1)
    t, y = rng.normal(size=(samples, 3)), rng.integers(0, 2, samples)
    shuffled = rng.permutation(y)
    both = kde_information(t + y[:, None], y, shuffled=shuffled, noise_variance=0.05)
    null = kde_information(t + y[:, None], shuffled, noise_variance=0.05)
    alone = kde_information(t + y[:, None], y, noise_variance=0.05)
    np.testing.assert_allclose(both["null_I_TY"], null["I_TY"], atol=1e-6)
    np.testing.assert_allclose(both["I_TY"], alone["I_TY"], atol=1e-6)
    np.testing.assert_allclose(both["I_XT"], alone["I_XT"], atol=1e-6)


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0, 2.0])
def test_neighbours_of_shifted_gaussians(shift):
    """T = N(+-shift, 1) by label: I(T;Y) by one integral; a monotone map changes nothing much."""
    truth = entropy_of_mixture([-shift, shift], 1.0) - 0.5 * np.log2(2 * np.pi * np.e)
    rng = np.random.default_rng(7)
    found = []
    for _ in range(20):
        y = rng.integers(0, 2, 800)
        t = rng.standard_normal(800) + shift * (2 * y - 1)
        found.append(float(neighbour_information(t, y)["raw_I_TY"]))
    error = np.std(found, ddof=1) / np.sqrt(20)
    assert np.mean(found) == pytest.approx(truth, abs=4 * error + 0.01)


def test_raw_values_are_kept():
    """C11, C12: independent labels may give values below 0; the clipped value is in [0, H(Y)]."""
    rng = np.random.default_rng(8)
    raw = [
        neighbour_information(rng.standard_normal(200), rng.integers(0, 2, 200), rng=k)
        for k in range(10)
    ]
    assert min(float(r["raw_I_TY"]) for r in raw) < 0
    assert all(float(r["I_TY"]) >= 0 for r in raw)
    apart = neighbour_information(np.repeat([0.0, 9.0], 40) + 0.1 * rng.standard_normal(80),
                                  np.repeat([0, 1], 40))  # fmt: skip
    assert float(apart["I_TY"]) <= 1


def test_duplicates_and_constant_units():
    """C13: a finite answer for coincident points; a constant unit is left out and counted."""
    t = np.column_stack([np.repeat([1.0, 2.0], 100), np.full(200, 3.0)])
    found = neighbour_information(t, np.repeat([0, 1], 100))
    assert float(found["I_TY"]) == pytest.approx(1, abs=0.02)
    assert found.attrs["units_left_out"] == 1
    assert float(neighbour_information(t[:, 1], np.repeat([0, 1], 100))["I_TY"]) == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: neighbour_information(np.arange(6.0), [0, 0, 0, 0, 1, 1]),
            "the rarest label has 2 samples",
        ),
        (lambda: neighbour_information([np.nan, 1.0], [0, 1]), "not all finite"),
        (lambda: kde_information([0.0, 1.0], [0, 1], noise_variance=0), "noise_variance is 0"),
        (lambda: kde_information([0.0, 1.0], [0, 1, 1]), "2 activations and 3 labels"),
        (lambda: kde_information([0.0, 1.0], [0, 1], shuffled=[1, 1]), "in another order"),
        (lambda: gaussian_information([[1, 1], [1, 1]], 1), "singular"),
        (lambda: gaussian_information([[1, 2], [0, 1]], 1), "symmetric"),
        (lambda: gaussian_information(np.eye(2), 2), "between 1 and 1"),
        (lambda: linear_layer_information([[1.0]], [[1.0]], 0), "noise is 0"),
        (lambda: gaussian_bottleneck(np.eye(2), 1, [0]), "above 0"),
    ],
)
def test_wrong_questions(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_gaussian_closed_forms():
    """Correlation 0.75: 0.413339 nats; a linear layer is the same determinant."""
    assert gaussian_information([[1, 0.75], [0.75, 1]], 1) * np.log(2) == pytest.approx(
        0.413339, abs=1e-6
    )
    rng = np.random.default_rng(9)
    w, root = rng.standard_normal((3, 5)), rng.standard_normal((5, 5))
    s = root @ root.T
    joint = np.block([[s, s @ w.T], [w @ s, w @ s @ w.T + 0.3 * np.eye(3)]])
    assert linear_layer_information(w, s, 0.3) == pytest.approx(gaussian_information(joint, 5))


def test_gaussian_bottleneck():
    """One mode opens at 1/rho**2; slopes are 1/beta; at large beta all of I(X;Y) is kept."""
    covariance = np.array([[1, 0.2, 0.8], [0.2, 1, 0.1], [0.8, 0.1, 1]])
    betas = np.geomspace(1.01, 1e6, 4000)
    found = gaussian_bottleneck(covariance, 2, betas)
    first = float(found["critical_beta"][0])
    assert np.isinf(found["critical_beta"][1]) or float(found["critical_beta"][1]) > 1e6
    about = gaussian_information(covariance, 2)
    assert float(found["I_TY"][-1]) == pytest.approx(about, abs=1e-5)
    # one label: the only mode opens at the inverse squared correlation of Y with its regression
    explained = 1 - 2 ** (-2 * about)
    assert first == pytest.approx(1 / explained, rel=1e-9)
    slope = (found["I_TY"].diff("beta") / found["I_XT"].diff("beta")).to_numpy()
    inside = betas[:-1] > first
    assert np.all(slope[inside] <= 1 / betas[:-1][inside] + 1e-9)
    assert float(found["I_XT"].where(found["beta"] < first).max()) == 0


def test_equal_mass_bins():
    """Monotone maps of a unit leave them unchanged; bins hold equal numbers of samples."""
    t = np.random.default_rng(10).standard_normal(3000)
    y = (t > 0).astype(int)
    one = binned_information(t, y, bins=10, edges="equal_mass")
    other = binned_information(np.exp(3 * t), y, bins=10, edges="equal_mass")
    assert float(one["I_XT"]) == pytest.approx(np.log2(10), abs=1e-5)
    assert float(one["I_TY"]) == float(other["I_TY"])


def test_miller_madow_takes_the_bias_out():
    """Independent labels, 20 cells, 200 samples: the plug-in reads 19/(2 n ln 2) bits too much."""
    rng = np.random.default_rng(11)
    plain, corrected = [], []
    for _ in range(200):
        found = binned_information(rng.integers(0, 20, 200), rng.integers(0, 2, 200), bins=20)
        plain.append(float(found["I_TY"]))
        corrected.append(float(found["miller_madow_I_TY"]))
    assert np.mean(plain) == pytest.approx(19 / (400 * np.log(2)), rel=0.1)
    assert abs(np.mean(corrected)) < 0.15 * np.mean(plain)


def test_side_by_side():
    rng = np.random.default_rng(12)
    x = rng.standard_normal((600, 8))
    t, y = np.tanh(x @ rng.standard_normal((8, 3))), (x[:, 0] > 0).astype(int)
    found = compare(t, y, low=-1.0, high=1.0)
    assert found["estimator"].to_numpy().tolist() == [
        "equal width", "equal mass", "kernel, lower", "kernel, upper", "neighbours",
    ]  # fmt: skip
    binned = binned_information(t, y, low=-1, high=1)
    assert float(found["I_TY"][0]) == float(binned["I_TY"])
    assert float(found["I_XT"][2]) <= float(found["I_XT"][3])
    assert bool((found["null_I_TY"] <= found["I_TY"] + 0.1).all())
    # three units in 30 bins each: most cells hold one or two of 600 samples
    assert words(found["status"]).tolist() == ["few samples per cell"] * 2 + ["ok"] * 3
    few = compare(t[:4], [0, 0, 0, 1])
    assert words(few["status"])[-1] == "too few samples"
    assert np.isnan(few["I_TY"][-1])


def one_unit(activation, inverse, w, low, high, bins):
    """H(T) in bits of T = bin(f(w X)), X ~ N(0, 1), from the Gaussian distribution function."""
    edges = np.linspace(low, high, bins + 1)
    inner = ndtr(inverse(edges[1:-1]) / w)
    p = np.diff(np.concatenate([[0.0], inner, [1.0]]))
    p = p[p > 0]
    return float(-(p * np.log2(p)).sum())


def test_one_tanh_unit_rises_then_falls_to_one_bit():
    """30 bins: an edge at 0, so that even the smallest weight reads 1 bit."""
    x = ndtri((np.arange(200_000) + 0.5) / 200_000)
    weights = [1e-6, 0.03, 0.3, 1.0, 3.0, 30.0, 1000.0]
    exact = [one_unit(np.tanh, np.arctanh, w, -1, 1, 30) for w in weights]
    for w, truth in zip(weights, exact, strict=True):
        found = binned_information(np.tanh(w * x), x > 0, bins=30, low=-1, high=1)
        assert float(found["I_XT"]) == pytest.approx(truth, abs=2e-3)
    assert exact[0] == pytest.approx(1)
    assert exact[-1] == pytest.approx(1, abs=0.02)
    assert max(exact) > 4


def test_one_relu_unit_grows_if_its_bins_stay():
    """Bins fixed across weights: it grows; bins that follow the data: it does not move."""
    x = ndtri((np.arange(100_000) + 0.5) / 100_000)
    fixed, following = [], []
    for w in (0.1, 1.0, 10.0):
        t = np.maximum(w * x, 0)
        fixed.append(float(binned_information(t, x > 0, bins=100, low=0, high=45)["I_XT"]))
        following.append(float(binned_information(t, x > 0, bins=100)["I_XT"]))
    assert fixed[0] < fixed[1] < fixed[2]
    np.testing.assert_allclose(following, following[0], atol=1e-6)


@pytest.mark.parametrize("tie", [0.0, 0.6])
def test_extrapolation_finds_the_information_of_the_source(tie):
    """20 cells, two labels that agree with the cell's parity now and then; known exactly."""
    rng = np.random.default_rng(13)
    agree = 0.5 + 0.5 * tie
    p = np.array([agree, 1 - agree])
    truth = 1 + float((p[p > 0] * np.log2(p[p > 0])).sum())
    found = []
    for k in range(20):
        t = rng.integers(0, 20, 400)
        y = np.where(rng.uniform(size=400) < agree, t % 2, 1 - t % 2)
        found.append(extrapolated_information(t, y, bins=20, low=0, high=19, repeats=6, rng=k))
    values = np.array([float(f["I_TY"]) for f in found])
    plain = np.mean([float(f["plug_in_I_TY"]) for f in found])
    assert abs(values.mean() - truth) < 4 * values.std() / np.sqrt(20) + 0.004
    assert abs(values.mean() - truth) < 0.4 * abs(plain - truth)
    with pytest.raises(NotEnoughData, match="10 samples are too few"):
        extrapolated_information(t[:10], y[:10])


def test_very_large_and_very_small_activations():
    """A power of two cancels in standardised units; float64 cannot cut what is out of its range."""
    rng = np.random.default_rng(3)
    y = np.arange(60) % 2
    t = rng.standard_normal((60, 2)) + y[:, None]
    right = neighbour_information(t, y)
    for power in (-1000, 1020):
        found = neighbour_information(np.ldexp(t, power), y)
        assert float(found["raw_I_TY"]) == float(right["raw_I_TY"])
    for factor in (1e-320, 1e308):
        scaled = t / 8 * factor
        assert np.isfinite(float(neighbour_information(scaled, y)["raw_I_TY"]))
    for factor in (1e-320, 1e308):
        with pytest.raises(InputError, match="rescale them"):
            compare(t / 8 * factor, y)
    with pytest.raises(InputError, match="too far above noise_variance"):
        kde_information(t * 1e300, y)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"low": 1, "high": -1}, "low must not be above high"),
        ({"bins": 2.5}, "bins is 2.5; it must be a whole number"),
        ({"bins": "5"}, "bins is '5'; it must be a whole number"),
        ({"low": -np.inf, "high": 1}, "cannot be cut"),
    ],
)
def test_wrong_bins_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        binned_information([[0.0], [1.0]], [0, 1], **options)


@pytest.mark.parametrize("repeats", [0, -1, 2.5, True])
def test_wrong_repeats_are_refused(repeats):
    y = np.arange(80) % 2
    with pytest.raises(InputError, match=r"repeats is .*at least 1"):
        extrapolated_information(y * 1.0, y, repeats=repeats)


def classes(samples, units, seed=0, apart=3.6):
    """Two Gaussian classes whose means differ by ``apart`` along the diagonal of all units."""
    rng = np.random.default_rng(seed)
    y = np.arange(samples) % 2
    shift = apart / np.sqrt(units) * (y - 0.5)
    return rng.standard_normal((samples, units)) + shift[:, None], y


@pytest.mark.parametrize(
    ("samples", "units", "word"),
    [(200, 2, "ok"), (1000, 2, "ok"), (200, 10, "too many units"), (1000, 20, "too many units")],
)
def test_neighbours_say_where_the_units_are_too_many(samples, units, word):
    t, y = classes(samples, units)
    assert words(neighbour_information(t, y)["status"]) == word
    assert words(compare(t, y)["status"])[-1] == word


def test_units_that_follow_few_directions_are_not_too_many():
    """Twenty units of one direction, and saturated units in two points: the dimension is small."""
    t, y = classes(200, 1)
    many = np.tanh(t @ np.random.default_rng(1).standard_normal((1, 20)))
    assert words(neighbour_information(many, y)["status"]) == "ok"
    two = neighbour_information(np.repeat(2.0 * y[:, None] - 1, 20, axis=1), y)
    assert words(two["status"]) == "ok"
    assert float(two["I_TY"]) == pytest.approx(1, abs=0.02)


def test_a_constant_layer_has_a_status():
    y = np.arange(100) % 2
    for value in (0.0, 0.1, 1 / 3, 3e-9, 1e6):
        t = np.full((100, 4), value)
        assert set(words(compare(t, y)["status"])) == {"constant layer"}
        found = neighbour_information(t, y)
        assert float(found["raw_I_TY"]) == float(found["null_I_TY"]) == 0
        t[0, 2] += max(abs(value), 1) * 1e-3
        assert "constant layer" not in words(compare(t, y)["status"])


def test_few_samples_per_cell_have_a_status():
    t, y = classes(500, 1)
    for bins, word in ((10, "ok"), (400, "few samples per cell")):
        found = binned_information(t, y, bins=bins)
        assert words(found["status"]) == word
        assert (float(found["occupied"]) > 100) == (word != "ok")
    assert words(binned_information(t, y, bins=10**6)["status"]) == "saturated at log2 n"
    for bins, word in ((10, "ok"), (60, "few samples per cell")):
        found = extrapolated_information(t, y, bins=bins, repeats=1)
        assert words(found["status"]) == word


@pytest.mark.parametrize("noise_variance", [4e-9, 5e-9, 6e-9])
def test_padding_lies_beyond_the_samples_of_saturated_units(noise_variance):
    """Ten units at -1 or +1, in noise: 1 bit, wherever their activations lie in its units."""
    t, y = np.repeat([-1.0, 1.0], 50)[:, None] * np.ones(10), np.repeat([0, 1], 50)
    found = kde_information(t, y, noise_variance=noise_variance)
    np.testing.assert_allclose(found["I_XT"], 1, atol=1e-6)
    np.testing.assert_allclose(found["I_TY"], 1, atol=1e-6)


def test_padding_lies_beyond_the_samples_of_one_unit():
    """A unit at 0 and at 1e4 or 2e4 scaled distances, from -1 to +1, a million of them, and far."""
    y = np.repeat([0, 1], 50)
    for apart in (894.4272, 447.2136, 1e6, 1e13):
        for offset in (0.0, -apart):
            found = kde_information(apart * y + offset, y)
            np.testing.assert_allclose(found["I_XT"], 1, atol=1e-6)
            np.testing.assert_allclose(found["I_TY"], 1, atol=1e-6)


def test_distances_within_labels_take_further_axes_as_units():
    from sgdphys.information.clustering import distance_ratio

    t, y = classes(60, 12)
    assert distance_ratio(t.reshape(60, 3, 2, 2), y) == distance_ratio(t, y)


def test_samples_that_are_all_alone_are_said_to_be():
    t = 100 * np.random.default_rng(0).standard_normal((80, 40))
    found = kde_information(t, np.arange(80) % 2)
    assert str(words(found["status"])) == "saturated at log2 n"


@pytest.mark.parametrize("far", [1e6, 1e10, 1e14])
def test_one_far_sample_costs_the_kernel_bounds_of_the_others_nothing(far):
    """It moved the centre, and float32 told three places of a thousand samples."""
    t = np.linspace(0, 1, 1000)
    y = (np.arange(1000) % 2).astype(int)
    plain = kde_information(t, y)
    found = kde_information(np.append(t, far), np.append(y, 0))
    for bound in ("lower", "upper"):
        here, alone = (float(d["I_XT"].sel(bound=bound)) for d in (found, plain))
        assert here == pytest.approx(alone, abs=0.05)
