"""The bottleneck against closed forms, its certificate, and every known bifurcation."""

import numpy as np
import pytest
import xarray as xr

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.information import bottleneck_curve, critical_betas
from sgdphys.information.bottleneck.certificate import (
    Clusters,
    channel_of,
    coordinates,
    excess,
    free_energy,
    largest_excess,
    optimum,
    trivial,
)


def symmetric_channel(flip):
    """Binary symmetric channel, uniform input."""
    return 0.5 * np.array([[1 - flip, flip], [flip, 1 - flip]])


SKEW = np.array([[0.9 * 0.95, 0.9 * 0.05], [0.1 * 0.1, 0.1 * 0.9]])


def rule(information):
    task = sp.tasks.symmetric_rule(information=information)
    return (task["p_x"] * task["p_y_given_x"]).transpose("sample", "label").to_numpy()


def closed_form(flip, beta):
    """I(X;T), I(T;Y) of the symmetric channel at a beta, by bisection of its closed form."""
    low, high = 1e-12, 0.5 - 1e-12
    for _ in range(200):
        q = 0.5 * (low + high)
        r = q * (1 - flip) + (1 - q) * flip
        slope = np.log((1 - q) / q) / ((1 - 2 * flip) * np.log((1 - r) / r))
        low, high = (q, high) if slope > beta else (low, q)

    def h(p):
        return -(p * np.log2(p) + (1 - p) * np.log2(1 - p))

    return 1 - h(q), 1 - h(q * (1 - flip) + (1 - q) * flip)


@pytest.mark.parametrize("flip", [0.1, 0.2, 0.3])
def test_symmetric_channel(flip):
    onset = 1 / (1 - 2 * flip) ** 2
    betas = onset * np.array([0.9, 0.999, 1.001, 1.02, 1.3, 2.0, 5.0])
    found = bottleneck_curve(symmetric_channel(flip), betas)
    wanted = [(0.0, 0.0) if b < onset else closed_form(flip, b) for b in betas]
    np.testing.assert_allclose(found["I_XT"], [w[0] for w in wanted], atol=1e-9)
    np.testing.assert_allclose(found["I_TY"], [w[1] for w in wanted], atol=1e-9)
    assert float(found["certificate"].max()) < 1e-9
    assert bool(found["converged"].all())


def test_values_at_betas_of_the_symmetric_channel():
    found = bottleneck_curve(symmetric_channel(0.1), [1.57, 1.6, 2, 3])
    np.testing.assert_allclose(found["I_XT"], [0.02817, 0.12872, 0.69643, 0.94895], atol=6e-6)
    np.testing.assert_allclose(found["I_TY"], [0.01799, 0.08145, 0.40723, 0.51660], atol=6e-6)
    assert found["I_XT"].attrs["units"] == "bits"


@pytest.mark.thorough(reason="solves several curves: 4 s")
@pytest.mark.parametrize(
    ("p_xy", "beta"),
    [
        (symmetric_channel(0.1), 300.0),
        (symmetric_channel(0.1), 1e4),
        (SKEW, 300.0),
        (SKEW, 1e4),
        (rule(0.7), 300.0),
        pytest.param(rule(0.7), 1e4, marks=pytest.mark.slow(reason="8 s")),
    ],
)
def test_a_beta_is_solved_alike_whatever_others_are_asked_for(p_xy, beta):
    alone = bottleneck_curve(p_xy, [beta])
    assert float(alone["certificate"][0]) < 1e-9
    assert float(alone["I_TY"][0]) == pytest.approx(alone.attrs["information"], abs=3e-3)
    among = bottleneck_curve(p_xy, [1.3, 2.0, 7.0, beta])
    xr.testing.assert_identical(alone, among.isel(beta=[3]))


def test_a_skewed_channel_begins_before_it_loses_stability():
    """Onset 1.48478, local 1.79585; a perturbed trivial start falls back in between."""
    found = critical_betas(SKEW, most=2)
    assert float(found["beta"][0]) == pytest.approx(1.48478, rel=1e-5)
    assert float(found["beta_local"]) == pytest.approx(1.79585, rel=1e-5)
    curve = bottleneck_curve(SKEW, [1.49, 1.6])
    np.testing.assert_allclose(curve["I_XT"], [0.01023, 0.16542], atol=6e-6)
    np.testing.assert_allclose(curve["I_TY"], [0.00688, 0.10774], atol=6e-6)


BIFURCATIONS = {
    0.9: [1.092950, 3.71465, 5.37612, 20.0224, 22.845, 25.630],
    0.7: [1.346948, 3.72762, 7.14797, 11.3543, 24.146, 24.192],
    0.5: [1.784770, 4.66740, 8.19687, 13.8787, 22.211, 23.069],
}
LOCAL = {0.99: 1.005218, 0.9: 1.092999, 0.7: 1.347122, 0.5: 1.785216}


@pytest.mark.parametrize(
    "information",
    [0.9, *(pytest.param(i, marks=pytest.mark.thorough(reason="4 s")) for i in (0.7, 0.5))],
)
def test_every_bifurcation_on_the_symmetric_rule(information):
    found = critical_betas(rule(information), most=7)
    np.testing.assert_allclose(found["beta"], BIFURCATIONS[information], rtol=1e-4)
    assert found["clusters"].to_numpy().tolist() == [2, 3, 4, 5, 6, 7]
    assert found["kind"].to_numpy().tolist() == ["onset"] + ["bifurcation"] * 5
    assert float(found["beta_local"]) == pytest.approx(LOCAL[information], rel=1e-6)
    assert float(found["beta"][0]) <= float(found["beta_local"])


def test_a_newborn_far_from_the_others():
    """At 0.99 the third cluster is born at p(y=1|t) = 1 - 1.65e-6, at 46.588."""
    found = critical_betas(rule(0.99), most=3)
    np.testing.assert_allclose(found["beta"], [1.004978, 46.588], rtol=1e-4)
    assert 1 - float(found["place"][1]) == pytest.approx(1.65e-6, rel=0.02)
    assert float(found["beta_local"]) == pytest.approx(LOCAL[0.99], rel=1e-6)


@pytest.mark.parametrize("information", [0.9, 0.5])
def test_every_point_carries_its_proof(information):
    """The curve rises, is concave, and no cluster at any logit lowers the free energy."""
    p_xy = rule(information)
    channel = channel_of(p_xy)
    assert len(channel.p_x) == {0.9: 31, 0.5: 53}[information]
    betas = np.geomspace(1, 30, 30)
    found = bottleneck_curve(p_xy, betas)
    assert float(found["certificate"].max()) < 1e-9
    assert bool((found["I_TY"].diff("beta") >= -1e-10).all())
    assert float(found["I_TY"].max()) < found.attrs["information"]
    slope = (found["I_TY"].diff("beta") / found["I_XT"].diff("beta")).to_numpy()
    inside = found["I_XT"].to_numpy()[:-1] > 1e-3
    assert np.all(slope[inside] <= 1 / betas[:-1][inside] + 1e-6)
    assert np.all(slope[inside] >= 1 / betas[1:][inside] - 1e-6)
    generator = np.random.default_rng(0)
    clusters, _, _ = optimum(channel, 8.0, trivial(channel))
    best = free_energy(channel, clusters, 8.0)
    for _ in range(50):
        other = Clusters(generator.dirichlet(np.ones(5)), generator.normal(0, 3, 5))
        assert free_energy(channel, other, 8.0) >= best - 1e-12


@pytest.mark.parametrize("p_xy", [symmetric_channel(0.1), SKEW, rule(0.7)])
def test_below_the_onset_nothing_is_worth_keeping(p_xy):
    """No restart finds a negative I(X;T) - beta I(T;Y)."""
    channel = channel_of(p_xy)
    beta = 0.999 * float(critical_betas(p_xy, most=2)["beta"][0])
    generator = np.random.default_rng(1)
    for _ in range(200):
        start = Clusters(generator.dirichlet(np.ones(3)), generator.normal(0, 3, 3))
        about_x, about_y = coordinates(channel, start, beta)
        assert about_x - beta * about_y >= -1e-12


def test_the_certificate_bounds_the_distance():
    """Between two solutions: ln(1 + sup excess) is above the true distance, which is above 0."""
    channel = channel_of(rule(0.7))
    clusters, _, _ = optimum(channel, 6.0, trivial(channel))
    best = free_energy(channel, clusters, 6.0)
    for start in (trivial(channel), Clusters(np.array([0.5, 0.5]), np.array([-1.0, 1.0]))):
        above, peak = largest_excess(channel, start, 6.0)
        distance = free_energy(channel, start, 6.0) - best
        assert 0 < distance <= np.log1p(above)
        grid = np.linspace(-20, 20, 20_001)
        assert excess(channel, start, 6.0, grid).max() <= above + 1e-12
        assert excess(channel, start, 6.0, np.array([peak]))[0] == pytest.approx(above)


def test_plain_iterations_agree_where_they_arrive():
    p_xy = rule(0.7)
    betas = [2.0, 5.0, 9.0]
    proved = bottleneck_curve(p_xy, betas)
    plain = bottleneck_curve(p_xy, betas, method="blahut_arimoto", tolerance=1e-9)
    np.testing.assert_allclose(plain["I_TY"], proved["I_TY"], atol=2e-4)
    assert bool(plain["certificate"].isnull().all())


def test_plain_iterations_slow_down_at_the_onset():
    """As 1/|1 - beta/beta_c|: ten times nearer takes about ten times as many."""
    onset = 1 / 0.64
    counts = {}
    for distance in (0.1, 0.01):
        found = bottleneck_curve(
            symmetric_channel(0.1), [onset * (1 - distance)], method="blahut_arimoto"
        )
        counts[distance] = int(found["iterations"][0])
        assert float(found["eigenvalue"][0]) == pytest.approx(1 - distance, abs=0.02 * distance)
    assert 6 < counts[0.01] / counts[0.1] < 12


def test_erasures_are_degenerate():
    """I(T;Y) = (1 - e) I(X;T): a whole curve at one beta, 1/(1 - e)."""
    erased = 0.3
    p_xy = 0.5 * np.array([[1 - erased, 0, erased], [0, 1 - erased, erased]])
    with pytest.raises(InputError, match="there are 3 labels; a certificate exists for two"):
        bottleneck_curve(p_xy, [2])
    found = bottleneck_curve(p_xy, [1.2, 1.6], method="blahut_arimoto")
    assert float(found["I_XT"][0]) == pytest.approx(0, abs=1e-6)
    assert float(found["I_TY"][1]) == pytest.approx(0.7 * float(found["I_XT"][1]), rel=1e-6)


def test_deterministic_labels_are_recognised():
    p_xy = np.array([[0.25, 0], [0.25, 0], [0, 0.5]])
    assert bottleneck_curve(p_xy, [2.0]).attrs["deterministic"] == 1
    assert bottleneck_curve(symmetric_channel(0.1), [2.0]).attrs["deterministic"] == 0
    with pytest.raises(InputError, match="function of the input"):
        critical_betas(p_xy)


@pytest.mark.parametrize(
    ("p_xy", "betas", "words"),
    [
        ([[0.5, 0.6], [0.1, 0.1]], [2], "sums to 1.3"),
        ([[0.5, -0.1], [0.3, 0.3]], [2], "non-negative"),
        ([[1.0, 0.0]], [2], "one label has all"),
        ([0.5, 0.5], [2], "shape"),
        (symmetric_channel(0.1), [-1], "above 0"),
        (symmetric_channel(0.1), [], "at least one"),
    ],
)
def test_wrong_questions(p_xy, betas, words):
    with pytest.raises(InputError, match=words):
        bottleneck_curve(p_xy, betas)


@pytest.mark.parametrize("p", [np.full((3, 2), 1 / 6), np.array([[0.3, 0.7]])])
def test_independent_variables_have_no_transition(p):
    found = critical_betas(p)
    assert found.sizes["transition"] == 0
    assert np.isinf(float(found["beta_local"]))


def test_a_single_beta_is_a_curve_of_one():
    p = symmetric_channel(0.1)
    right = bottleneck_curve(p, [5.0])
    for betas in (5, np.float64(5), np.array(5.0), xr.DataArray(5.0), [5, 5]):
        xr.testing.assert_identical(bottleneck_curve(p, betas), right)
    with pytest.raises(InputError, match="betas"):
        bottleneck_curve(p, "ab")


def test_the_lowest_of_several_starts_is_given():
    """Three labels, and a point at which iterations from larger betas end 0.015 bit too high."""
    rng = np.random.default_rng([12, 15])
    inputs = rng.integers(3, 6)
    p = rng.dirichlet(np.full(3, 0.4), inputs) / inputs
    betas = [1.5, 2, 3, 4, 6, 9, 14, 20]
    options = {"method": "blahut_arimoto", "tolerance": 1e-8}
    one, several = (bottleneck_curve(p, betas, starts=n, **options) for n in (0, 4))
    energy = [f["I_XT"] - f["beta"] * f["I_TY"] for f in (one, several)]
    above = (energy[0] - energy[1]).to_numpy()
    assert above.min() > -1e-6
    assert above.max() == pytest.approx(0.0152, abs=1e-3)
    assert bool(one["converged"].all())
    assert several["lowest_starts"].min() >= 1
    assert several["lowest_starts"].max() == 5
    assert bool((one["lowest_starts"] == 1).all())
    proved = bottleneck_curve(symmetric_channel(0.1), [2])
    assert bool(proved["lowest_starts"].isnull().all())


@pytest.mark.parametrize("starts", [-1, 2.5, "many"])
def test_wrong_numbers_of_starts_are_refused(starts):
    with pytest.raises(InputError, match=r"starts is .*; it must be a whole number of at least 0"):
        bottleneck_curve(symmetric_channel(0.1), [2], starts=starts)


@pytest.mark.parametrize("labels", [3, 4])
def test_clusters_are_told_apart_by_all_labels(labels):
    found = bottleneck_curve(np.eye(labels) / labels, [2.0, 10.0], method="blahut_arimoto")
    assert found["clusters"].to_numpy().tolist() == [labels, labels]
