"""Rank correlations beside permutations, and laws of relaxation times, on made-up layers."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.claims.correlations import rank_correlation
from sgdphys.claims.relaxation import Relaxation, exponential_advantage, fitted_law, relaxation
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


def layers_that(law, seed=0, replicas=40, scatter=0.1):
    rng = np.random.default_rng(seed)
    bits = rng.uniform(0.5, 5, (replicas, 4))
    epochs = {"exponential": 20 * np.exp(bits), "power": 30 * bits**2.5, "linear": 40 + 90 * bits}
    noisy = epochs[law] * np.exp(scatter * rng.standard_normal(bits.shape))
    return Relaxation(*(xr.DataArray(v, dims=("replica", "layer")) for v in (bits, noisy)))


@pytest.mark.parametrize(("law", "sign"), [("exponential", 1), ("power", -1), ("linear", -1)])
def test_the_law_that_made_the_times_is_told(law, sign):
    found = exponential_advantage(layers_that(law))
    assert sign * found.low > 0
    assert sign * found.high > 0


@pytest.mark.parametrize("law", ["exponential", "power", "linear"])
def test_a_law_without_scatter_is_found_exactly(law):
    made = layers_that(law, scatter=0.0)
    bits, epochs = (v.to_numpy().ravel() for v in made)
    assert fitted_law(law, bits, epochs, bits) == pytest.approx(epochs, rel=1e-3)


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
    flat = data.where(data["layer"] == 1, 2.0)
    assert np.isnan(relaxation(flat).epochs.to_numpy()[0, 1])


def test_the_epoch_of_a_share_moves_back_with_returns_to_the_peak():
    values = xr.DataArray(
        [1.0, 0.5, 1.0, 0.4, 0.0], dims="epoch", coords={"epoch": [0, 1, 2, 3, 4]}
    )
    assert float(loss_epoch(values, 0.1)) == 2
    assert float(loss_epoch(values, 0.65)) == 3
