"""Statistics of relaxation, learning, entropy and diffusion on results that are known."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.analyses.catalogue import statistics
from sgdphys.analyses.diffusion.bursts import share_interval
from sgdphys.claims.claim import Claim
from sgdphys.claims.verdicts import judge
from sgdphys.dynamics.ensembles.entropy import weight_entropy


def verdict(statistic, groups, **keys):
    claim = Claim(
        **{"says": "s", "by": "b", "statistic": statistic, "null": "n", "above": 0.0} | keys
    )
    return judge({"claim": claim}, groups, statistics())[0]


def rates(epochs, rates=(0.1, 0.3, 1.0), depth="1"):
    """Learning of one depth at some learning rates, (rate, network)."""
    return xr.Dataset(
        {"error_epoch": (("case", "replica"), epochs), "last_epoch": ((), 1000.0),
         "final_loss": (("case", "replica"), np.zeros(np.shape(epochs)))},
        coords={"swept_learning_rate": ("case", list(rates)),
                "swept_layers": ("case", [depth] * len(rates))},
        attrs={"of": "learning"},
    )  # fmt: skip


def test_the_best_rate_is_judged_on_the_networks_that_did_not_choose_it():
    """Rates are alike: the least of three would be 40% too good on the networks that chose it."""
    rng = np.random.default_rng(0)
    logs = []
    for _ in range(200):
        took = np.exp(5 + rng.standard_normal((3, 8)))
        logs.append(np.log(verdict("epochs_to_error_tuned", {"learning": rates(took)}).value))
    assert np.mean(logs) == pytest.approx(5, abs=0.1)


def test_each_half_is_judged_at_the_rate_that_the_other_chose():
    slow, fast = np.full(8, 400.0), np.full(8, 100.0)
    odd_best = np.where(np.arange(8) % 2, 50.0, np.nan)  # of even networks none gets there
    found = verdict("epochs_to_error_tuned", {"learning": rates([slow, fast, odd_best])})
    # odd networks choose the third rate or the second by means that count 1000 epochs of failures
    assert found.value == pytest.approx(np.sqrt(100.0 * 1000.0))
    assert found.unit == "epochs"


def test_a_rate_at_which_all_diverge_is_not_chosen():
    """Its missing epochs were the least."""
    data = rates([np.full(8, 400.0), np.full(8, 100.0), np.full(8, np.nan)])
    data["last_epoch"] = ("case", [1000.0, 1000.0, np.nan])
    data["final_loss"][2] = np.nan
    assert verdict("epochs_to_error_tuned", {"learning": data}).value == pytest.approx(100.0)


def test_a_rate_is_tuned_where_it_alone_varies():
    both = xr.concat(
        [rates(np.full((3, 4), 9.0), depth=d) for d in "12"], dim="case", data_vars="all"
    ).assign_attrs(of="learning")
    assert (
        "fixed values of all other swept keys"
        in verdict("epochs_to_error_tuned", {"learning": both}).reason
    )
    one = both.isel(case=0, drop=True)
    assert "learning_rate is swept" in verdict("epochs_to_error_tuned", {"learning": one}).reason
    compared = verdict("epochs_to_error_tuned", {"learning": both}, where={"layers": "1"},
                       against={"layers": "2"})  # fmt: skip
    assert (compared.value, compared.unit) == (1.0, "times")


def test_networks_that_reach_the_label_by_an_epoch():
    epoch = np.array([0, 10, 100, 1000])
    known = np.array([[0, 0.5, 0.95, 0.99], [0, 0.2, 0.5, 0.92], [0, 0.1, 0.3, 0.7]]).T
    curves = np.stack([np.ones_like(known), known, np.full_like(known, np.nan)], axis=-1)
    data = xr.Dataset(
        {"I_TY": (("epoch", "replica", "layer"), curves)},
        coords={"epoch": epoch, "layer": [1, 2, 3], "learned": ("replica", [1, 1, 0])},
        attrs={"of": "information"},
    )
    assert verdict("reaches_label", {"information": data}).value == pytest.approx(2 / 3)
    early = verdict("reaches_label", {"information": data}, where={"until_epoch": 100})
    assert early.value == pytest.approx(1 / 3)


def test_bursts_are_chosen_by_their_epoch():
    level = np.array([0.1, 0.5, 0.7, 0.2])
    ends = {f"diffusion_ratio{e}": (("burst", "lag"), level[:, None] * np.full(2, f))
            for e, f in (("", 1.0), ("_low", 0.9), ("_high", 1.1))}  # fmt: skip
    data = xr.Dataset(ends, coords={"burst_epoch": ("burst", [0.0, 598.0, 1213.0, 9926.0]),
                                    "lag_epochs": ("lag", [1.0, 16.0])},
                      attrs={"of": "diffusion"})  # fmt: skip
    where = {"burst_epoch": [600, 1200], "lag_epochs": 16}
    assert verdict("diffusion_over_noise", {"diffusion": data}, where=where).value == 0.6
    late = verdict("diffusion_over_noise", {"diffusion": data}, where={"burst_epoch": 9900})
    assert late.value == 0.2


def test_interval_of_a_share_is_that_of_families_and_no_narrower_than_that_of_series():
    alike = np.full(6, 0.5)
    low, high = share_interval(alike, np.tile([0.0, 1.0], 30))
    assert low < 0.38 < 0.62 < high
    apart = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    wide = share_interval(apart, np.repeat(apart, 10))
    assert wide[0] == 0.0
    assert wide[1] == 1.0
    assert np.isnan(share_interval(np.array([0.5]), np.array([0.0, 1.0]))).all()
    assert share_interval(np.zeros(6), np.zeros(60))[1] < 0.1


def test_isotropic_wiener_twins_grow_like_log_time_along_directions_of_other_families():
    """A cloud along its own leading axes reads 0.8; see analyses.entropy for the held-out ones."""
    epoch = np.array([1.0, 10.0, 100.0, 1000.0, 10_000.0])
    growth = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        steps = np.sqrt(np.diff(epoch, prepend=0))[:, None, None] * rng.standard_normal((5, 96, 60))
        theta = xr.DataArray(
            np.cumsum(steps, axis=0), dims=("step", "replica", "parameter"),
            coords={"family": ("replica", np.repeat(np.arange(24), 4)), "time": ("step", epoch)},
        )  # fmt: skip
        chooses = theta["family"].to_numpy() % 2 == 0
        options = {"family": "family", "time": "time", "modes": 4}
        axes = weight_entropy(theta.isel(replica=chooses), **options)["direction"].to_numpy()
        found = weight_entropy(theta.isel(replica=~chooses), **options, basis=axes)["entropy"]
        growth.append(float(found[-1] - found[-2]) / (2 * np.log(10)))
    error = np.std(growth, ddof=1) / np.sqrt(12)
    assert abs(np.mean(growth) - 1) < 3 * error
    assert error < 0.03
