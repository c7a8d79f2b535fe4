"""Distance of partitions from the bound, compared with random partitions."""

import numpy as np
import pytest
import xarray as xr

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.information import (
    bottleneck_curve,
    bottleneck_distance,
    critical_betas,
    finite_sample_gap,
    layer_cells,
    layer_information,
)
from sgdphys.information.bottleneck.certificate import (
    Channel,
    channel_of,
    encoder,
    optimum,
    trivial,
)
from sgdphys.information.bottleneck.curve import bound_betas
from sgdphys.information.bottleneck.distance import nearest_encoder


@pytest.fixture(scope="module")
def p_xy():
    task = sp.tasks.symmetric_rule(information=0.7)
    return (task["p_x"] * task["p_y_given_x"]).transpose("sample", "label").to_numpy()


@pytest.fixture(scope="module")
def curve(p_xy):
    """Every third point: each takes its time, and tangents lie near the bound all the same."""
    betas = bound_betas(float(critical_betas(p_xy, most=2)["beta"][0]))
    return bottleneck_curve(p_xy, betas[::3])


@pytest.fixture(scope="module")
def partitions(p_xy):
    """By the label's own probability, in 2, 4 and 20 cells; the identity."""
    chance = p_xy[:, 1] / p_xy.sum(axis=1)
    cut = [np.digitize(chance, np.linspace(0, 1, k + 1)[1:-1]) for k in (2, 4, 20)]
    return np.stack([*cut, np.arange(len(chance))])


@pytest.mark.thorough(reason="solves a curve: 5 s")
def test_no_partition_is_above_the_bound(p_xy, curve, partitions):
    """Good ones lie within 0.02 bit below it; randomly permuted cells lie far below."""
    found = bottleneck_distance(p_xy, partitions[:3], curve=curve)
    assert bool((found["gap"] > -1e-9).all())
    assert float(found["gap"].max()) < 0.02
    assert float(found["random_gap"].min()) > 0.4
    assert float(found["shuffled_gap"].min()) > 0.4
    assert float(found["residual"][1]) < 0.2 * float(found["random_residual"][1])
    np.testing.assert_allclose(found["random_I_XT"], found["I_XT"])


def test_what_keeps_everything_has_no_beta(p_xy, curve, partitions):
    """The identity lies on the flat part of the curve: 12 bits, gap 0, an infinite beta."""
    last = bottleneck_distance(p_xy, partitions[-1:], curve=curve).isel(dim_0=0)
    assert float(last["I_XT"]) == pytest.approx(12)
    assert float(last["gap"]) == pytest.approx(0, abs=1e-9)
    assert np.isinf(last["beta_bound"])


def test_a_layer_near_the_end_of_the_curve_has_a_beta(p_xy, curve):
    """log2 15 bits are optimal between beta = 1000 and 1500, where the bound is not flat yet."""
    found = bottleneck_distance(p_xy, np.arange(4096) % 15, curve=curve)
    assert float(found["I_XT"]) == pytest.approx(np.log2(15), abs=1e-3)
    assert 1000 < float(found["beta_bound"]) < 1500
    assert 0.69965 < float(found["bound_I_TY"]) < 0.69978


@pytest.mark.thorough(reason="solves a curve: 4 s")
def test_a_curve_is_handed_on():
    """Beyond its end the bound is its last tangent, and the beta at least its last one."""
    chance = np.array([0.05, 0.2, 0.5, 0.7, 0.95])
    p_xy, one = np.stack([1 - chance, chance], axis=1) / 5, [0, 0, 1, 1, 1]
    curve = bottleneck_curve(p_xy, bound_betas(float(critical_betas(p_xy, most=2)["beta"][0])))
    right = bottleneck_distance(p_xy, one)
    xr.testing.assert_identical(bottleneck_distance(p_xy, one, curve=curve), right)
    end = int((curve["I_XT"] < right["I_XT"]).sum()) - 3
    short = bottleneck_distance(p_xy, one, curve=curve.isel(beta=slice(end)))
    assert float(short["beta_bound"]) == float(curve["beta"][end - 1]) < float(right["beta_bound"])
    about = curve.attrs["information"]
    assert float(right["bound_I_TY"]) < float(short["bound_I_TY"]) < about


@pytest.mark.parametrize(
    ("betas", "method", "of", "says"),
    [
        ([1.2, 5], "certified", 0.5, "another joint distribution"),
        ([1.2, 5], "blahut_arimoto", 0.7, "no certificate"),
        ([5, 9], "certified", 0.7, "begins at beta = 5"),
    ],
)
def test_a_curve_that_proves_no_bound(p_xy, betas, method, of, says):
    task = sp.tasks.symmetric_rule(information=of)
    joint = (task["p_x"] * task["p_y_given_x"]).transpose("sample", "label").to_numpy()
    wrong = bottleneck_curve(joint, betas, method=method, iterations=10)
    with pytest.raises(InputError, match=says):
        bottleneck_distance(p_xy, np.arange(4096) % 3, curve=wrong)


@pytest.mark.parametrize("beta", [3.0, 5.0, 9.0])
def test_an_exact_encoder_gives_its_beta_back(p_xy, beta):
    """And its hard version more: binned layers are biased upward."""
    channel = channel_of(p_xy)
    clusters, _, _ = optimum(channel, beta, trivial(channel))
    share = encoder(channel, clusters, beta)
    joint = channel.p_x[:, None] * share
    known = float((joint * np.log(np.maximum(share, 1e-300))).sum())
    fitted, residual = nearest_encoder(channel, joint, known)
    assert fitted == pytest.approx(beta, rel=1e-3)
    assert residual == pytest.approx(0, abs=1e-8)
    hard = np.zeros_like(joint)
    hard[np.arange(len(joint)), share.argmax(axis=1)] = channel.p_x
    biased, residual = nearest_encoder(Channel(channel.p_x, channel.p_y_given_x), hard, 0.0)
    assert biased > 1.2 * beta
    assert residual > -1e-12  # two cells without a mixed one are fitted exactly


@pytest.mark.parametrize("beta", [3.0, 5.0, 9.0])
def test_which_beta_is_right(p_xy, curve, beta):
    """Of cells drawn from an encoder the fitted one, with bits that say nothing of the label too.

    That of the bound is above it, and wrong cells draw the fitted one down.
    """
    rng = np.random.default_rng(1)
    channel = channel_of(p_xy)
    clusters, _, _ = optimum(channel, beta, trivial(channel))
    chance = p_xy[:, [1]] / p_xy.sum(axis=1, keepdims=True)
    share = encoder(channel, clusters, beta)[
        np.abs(chance - channel.p_y_given_x[:, 1]).argmin(axis=1)
    ]
    drawn = (share.cumsum(axis=1) < rng.random((len(p_xy), 1))).sum(axis=1)
    bit = rng.integers(0, 2, len(p_xy))
    likeliest = share.argmax(axis=1)
    wrong = np.where(rng.random(len(p_xy)) < 0.1, rng.permuted(likeliest), likeliest)
    found = bottleneck_distance(p_xy, [drawn, 2 * drawn + bit, wrong], curve=curve)
    assert found["beta_fit"][:2].to_numpy() == pytest.approx(beta, rel=0.08)
    assert bool((found["beta_bound"] > [1.3 * beta, 8 * beta, 1.3 * beta]).all())
    assert float(found["beta_fit"][2]) < 0.7 * beta
    onset = float(curve["beta"][0])
    assert found["random_beta_fit"].to_numpy() == pytest.approx(onset, rel=0.02)


@pytest.mark.slow
def test_layers_of_a_run(tmp_path, p_xy):
    """Cells are those of the binned information; every layer has its nulls."""
    study = {"network": {"layers": [6, 3]}, "train": {"epochs": 150, "replicas": 2}}
    trajectory = sp.run(study, tmp_path / "run").trajectory
    task = sp.tasks.symmetric_rule(information=0.7)
    cells = layer_cells(trajectory, task, epochs=[0, 150])
    assert cells.dims == ("epoch", "replica", "layer", "sample")
    found = bottleneck_distance(p_xy, cells)
    known = layer_information(trajectory, task, epochs=[0, 150], labels="soft")
    for name in ("I_XT", "I_TY"):
        # float32 and float64 may part at an edge
        np.testing.assert_allclose(found[name], known[name], atol=0.02)
    assert found["gap"].dims == ("epoch", "replica", "layer")
    for name in found.data_vars:
        assert "units" in found[name].attrs, name
    late = found.sel(epoch=150, layer=3)
    assert bool((late["gap"] < late["random_gap"]).all())


def test_wrong_cells(p_xy):
    with pytest.raises(InputError, match=r"cells are of \(5,\) inputs and p_xy has 4096"):
        bottleneck_distance(p_xy, np.arange(5))


def test_the_shape_of_the_finite_sample_bound():
    gap = finite_sample_gap([1.0, 3.0], samples=400)
    np.testing.assert_allclose(gap, [2 * 2 / 20, 8 * 2 / 20])


@pytest.mark.parametrize("flip", [0.5, 0.49])
def test_there_is_no_bound_for_independent_variables(flip):
    """Independent, and with the onset at beta = 2500, beyond the search."""
    joint = 0.5 * np.array([[1 - flip, flip], [flip, 1 - flip]])
    assert critical_betas(joint).attrs["largest_beta"] == 200
    with pytest.raises(InputError, match=r"independent, or so nearly that .* below beta = 200"):
        bottleneck_distance(joint, [0, 1])


def test_a_network_without_cells_has_no_distance(p_xy, curve):
    """Cells of -1, of a network that is not finite, were one cell that lies on the bound."""
    cells = np.stack([np.arange(len(p_xy)) % 7, np.full(len(p_xy), -1), np.arange(len(p_xy)) % 3])
    found = bottleneck_distance(p_xy, cells, curve=curve, rng=0)
    assert found.isnull().to_array().to_numpy()[:, 1].all()
    without = bottleneck_distance(p_xy, cells[[0]], curve=curve, rng=0)
    assert found["shuffled_gap"][0] == without["shuffled_gap"][0]
