"""Rank correlations with their permutations, and growth of relaxation times, on made-up layers."""

import itertools

import numpy as np
import pytest
import xarray as xr
from scipy.stats import spearmanr

from sgdphys.claims.correlations import rank_correlation
from sgdphys.claims.relaxation import (
    LAWS,
    Relaxation,
    explained,
    fitted_law,
    growth_across_layers,
    growth_within_layers,
    relaxation,
)
from sgdphys.errors import NotEnoughData
from sgdphys.information.onset import loss_epoch


def pair(rho, replicas=50, layers=4, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, replicas, layers))
    second = rho * a + np.sqrt(1 - rho**2) * b
    return (xr.DataArray(v, dims=("replica", "layer"), coords={"layer": range(1, layers + 1)})
            for v in (a, second))  # fmt: skip


def test_spearman_of_normal_numbers():
    # rho_s = 6/pi arcsin(rho/2) for a bivariate normal
    found = rank_correlation(*pair(0.6, replicas=400))
    exact = 6 / np.pi * np.arcsin(0.3)
    assert found.low < exact < found.high
    assert found.high - found.low < 0.15
    assert -0.1 < found.null_low < 0 < found.null_high < 0.1


@pytest.mark.parametrize("over", ["replica", "layer"])
def test_independent_numbers_are_inside_their_null(over):
    inside = 0
    for seed in range(60):
        found = rank_correlation(*pair(0.0, replicas=20, seed=seed), over=over)
        inside += found.null_low <= found.value <= found.null_high
    assert inside >= 52  # 57 expected; fewer with a chance of 1%


def test_a_monotone_map_changes_nothing_and_gaps_are_left_out():
    first, second = pair(0.5)
    assert rank_correlation(first, np.exp(second)).value == pytest.approx(
        rank_correlation(first, second).value
    )
    holed = second.where(np.arange(50)[:, None] > 5)
    assert rank_correlation(first, holed).members == 44
    with pytest.raises(NotEnoughData, match="pairs of finite values along 'replica'"):
        rank_correlation(first, second * np.nan)


def shared_layers(rng, layers=5, replicas=50, scatter=0.5):
    """Two properties of layers that all networks share, unrelated to each other."""
    return (
        xr.DataArray(
            rng.standard_normal(layers) + scatter * rng.standard_normal((replicas, layers)),
            dims=("replica", "layer"),
        )
        for _ in range(2)
    )


def test_layers_that_all_networks_share_count_once():
    """Of 5% nominal, 5 of 100 expected, more than 11 with a chance of 1%; once 76 of 100."""
    away = 0
    for seed in range(100):
        found = rank_correlation(*shared_layers(np.random.default_rng(seed)), over="layer")
        away += found.low > 0 or found.high < 0
    assert away <= 11


@pytest.mark.parametrize(("layers", "is_enough"), [(4, False), (5, True), (6, True)])
def test_a_perfect_order_of_layers_leaves_its_permutations(layers, is_enough):
    rng = np.random.default_rng(0)
    order = xr.DataArray(np.arange(layers) + 0.1 * rng.standard_normal((20, layers)),
                         dims=("replica", "layer"))  # fmt: skip
    found = rank_correlation(order, order**3, over="layer")
    assert (found.low > 0) == is_enough
    assert found.high == 1
    last = np.arange(layers)
    last[[0, -1]] = last[[-1, 0]]
    swapped = rank_correlation(order, order[:, last], over="layer")
    assert swapped.low < 0 < swapped.high


def test_an_order_that_is_just_not_rare_enough_is_inside():
    """A perfect order of four layers is one of 24, so that 0 is in the interval, not at its end."""
    order = xr.DataArray(np.tile([1.0, 2.0, 3.0, 4.0], (5, 1)), dims=("replica", "layer"))
    for other in (order, -order):
        found = rank_correlation(order, other, over="layer")
        assert found.low < 0 < found.high


def test_the_interval_is_that_of_every_order_of_the_pairs_that_are_there():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 5, (2, 6, 4)).astype(float)
    a[0, 1] = a[1, 3] = b[2, 2] = np.nan

    def mean_of(other):
        each = []
        for x, y in zip(a, other, strict=True):
            pair = np.isfinite(x) & np.isfinite(y)
            if pair.sum() >= 3 and np.ptp(x[pair]) and np.ptp(y[pair]):
                each.append(spearmanr(x[pair], y[pair]).statistic)
        return np.mean(each)

    null = np.array([mean_of(b[:, list(order)]) for order in itertools.permutations(range(4))])
    found = rank_correlation(
        *(xr.DataArray(v, dims=("replica", "layer")) for v in (a, b)), over="layer"
    )
    assert found.value == pytest.approx(mean_of(b))
    # of 24 orders none is beyond 2.5%
    assert found.low == pytest.approx(max(mean_of(b) - null.max(), -1))
    assert found.high == pytest.approx(min(mean_of(b) - null.min(), 1))


def layers_that(growth, seed=0, replicas=40, cases=1):
    """Times that grow by a factor a bit, on layers with levels and steps of their own."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(0.5, 5, 4) + 0.8 * rng.standard_normal((replicas, cases, 4))
    levels = rng.standard_normal(4)
    logs = 6 + levels + np.log(growth) * (steps - steps.mean(axis=(0, 1)))
    logs += 0.4 * rng.standard_normal(steps.shape)
    dims = ("replica", "case", "layer")
    bits, epochs = (xr.DataArray(v, dims=dims) for v in (steps + 1, np.exp(logs)))
    return Relaxation(bits, epochs, xr.DataArray(steps, dims=dims))


@pytest.mark.parametrize("growth", [0.5, 1.0, 2.0])
def test_growth_within_layers_knows_no_levels(growth):
    found = growth_within_layers(layers_that(growth))
    assert found.low < growth < found.high
    assert found.high / found.low < 1.5


def test_growth_across_layers_is_as_uncertain_as_layers_are_few():
    """Levels and steps of layers are unrelated; many networks make them no more certain."""
    away = 0
    for seed in range(60):
        found = growth_across_layers(layers_that(1.0, seed, replicas=200))
        away += found.low > 1 or found.high < 1
    assert away <= 9  # 3 expected of a jackknife that is exact


def test_times_that_fall_do_not_grow():
    steps = xr.DataArray(np.random.default_rng(0).uniform(0.5, 6, (50, 5)),
                         dims=("replica", "layer"))  # fmt: skip
    falling = Relaxation(steps, np.exp(8 - 0.6 * steps), steps)
    for of in (growth_within_layers, growth_across_layers):
        assert of(falling).value == pytest.approx(np.exp(-0.6), rel=1e-6)


@pytest.mark.parametrize("law", LAWS)
def test_a_law_without_scatter_is_found_exactly(law):
    bits = np.random.default_rng(0).uniform(0.5, 5, 160)
    epochs = {"exponential": 20 * np.exp(bits), "power": 30 * bits**2.5, "linear": 40 + 90 * bits,
              "no relation": np.full(160, 70.0)}[law]  # fmt: skip
    assert fitted_law(law, bits, epochs, bits) == pytest.approx(epochs, rel=1e-3)
    if law != "no relation":
        assert explained(law, bits, epochs) == pytest.approx(1)
        unrelated = np.exp(np.random.default_rng(1).standard_normal(160))
        assert explained(law, bits, unrelated) < 0.05
    assert explained("no relation", bits, bits) == pytest.approx(0)


def test_relaxation_of_an_exponential_loss():
    epoch = np.unique(np.round(np.geomspace(1, 10_000, 400))).astype(int)
    tau = np.array([50.0, 400.0])
    curve = 2 + 3 * np.exp(-epoch[:, None, None] / tau)
    data = xr.DataArray(
        curve, dims=("epoch", "replica", "layer"), coords={"epoch": epoch, "layer": [1, 2]}
    )
    took = relaxation(data)
    # from a tenth of the loss to 1 - 1/e of it: tau (1 + ln 0.9)
    assert took.epochs.to_numpy()[0] == pytest.approx(tau * (1 + np.log(0.9)), rel=0.06)
    assert took.bits.to_numpy()[0] == pytest.approx([3.0, 3.0], rel=0.03)
    assert took.step.to_numpy()[0] == pytest.approx([np.nan, 0.0], abs=0.01, nan_ok=True)
    flat = data.where(data["layer"] == 1, 2.0)
    assert np.isnan(relaxation(flat).epochs.to_numpy()[0, 1])


def test_the_epoch_of_a_share_moves_back_with_returns_to_the_peak():
    values = xr.DataArray(
        [1.0, 0.5, 1.0, 0.4, 0.0], dims="epoch", coords={"epoch": [0, 1, 2, 3, 4]}
    )
    assert float(loss_epoch(values, 0.1)) == 2
    assert float(loss_epoch(values, 0.65)) == 3
