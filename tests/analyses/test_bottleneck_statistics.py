"""Statistics of layers and the bottleneck bound, on betas and gaps that are known."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.analyses.catalogue import statistics
from sgdphys.claims.claim import Claim
from sgdphys.claims.verdicts import judge

BIRTHS = np.array([1.2, 3.0, 7.0, 20.0])


def bottleneck(beta, **more):
    """Results of (case, replica) betas of one layer at the end, and others at epoch 10."""
    beta = np.asarray(beta, float)[:, None, :, None]
    axes = ("case", "epoch", "replica", "layer")
    names = {n: more.get(n, beta) for n in ("beta_fit", "beta_bound")}
    names |= {n: np.minimum(beta, 100) for n in ("gap", "random_gap")}
    data = {n: (axes, np.concatenate([np.broadcast_to(0.5, v.shape), v], axis=1))
            for n, v in names.items()}  # fmt: skip
    cases = beta.shape[0]
    data["transition_beta"] = ("case", "transition"), np.tile(BIRTHS, (cases, 1))
    data["lowest_loss_epoch"] = "case", np.full(cases, 10.0)
    data["last_epoch"] = "case", np.full(cases, 100.0)
    coords = {"epoch": [10, 100], "layer": [6], "replica": range(beta.shape[2]),
              "case": [str(k) for k in range(cases)],
              "swept_information": ("case", np.linspace(0.5, 0.9, cases))}  # fmt: skip
    return {"bottleneck": xr.Dataset(data, coords, {"of": "bottleneck"})}


def value(name, groups, **where):
    claim = Claim(says="s", by="b", statistic=name, above=0.0, null="n", where=where)
    (found,) = judge({"c": claim}, groups, statistics())
    return found


@pytest.mark.parametrize(
    ("beta", "share"), [(3.0, 0.0), (20.0, 0.0), (np.inf, 1.0), (0.0, 1.0), (400.0, 1.0)]
)
def test_a_beta_on_a_bifurcation_is_nearest_and_one_beyond_them_is_counted(beta, share):
    found = value("birth_distance", bottleneck(np.full((3, 5), beta)))
    assert found.value == pytest.approx(share, abs=1e-9)


def test_log_uniform_betas_lie_at_one_half():
    """Exactly uniform shares, by construction: any other answer is an error of the null."""
    grid = np.exp(np.linspace(np.log(1.2), np.log(20.0), 20001))
    found = value("birth_distance", bottleneck(np.tile(grid, (3, 1))))
    assert found.value == pytest.approx(0.5, abs=1e-3)


def test_the_onset_is_no_bifurcation():
    """Randomly permuted cells are fitted there."""
    assert value("birth_distance", bottleneck(np.full((3, 5), 1.2))).value > 0.5


def test_the_two_readings_of_beta_are_chosen_by_name():
    groups = bottleneck(np.full((3, 4), 3.0), beta_bound=np.full((3, 1, 4, 1), np.inf))
    assert value("birth_distance", groups, beta="fitted").value == pytest.approx(0, abs=1e-9)
    assert value("birth_distance", groups, beta="bound").value == 1
    assert "'fitted' or 'bound'" in value("birth_distance", groups, beta="mean").reason


def test_layers_of_one_label_strength_are_no_evidence_of_their_own():
    assert "1 strengths" in value("birth_distance", bottleneck(np.full((1, 50), 3.0))).reason


def test_the_epoch_of_lowest_test_loss_is_chosen_by_name():
    groups = bottleneck(np.full((3, 4), 0.1))
    assert value("bound_gap", groups, information=0.5).value == pytest.approx(0.1)
    early = value("bound_gap", groups, information=0.5, at="lowest_test_loss")
    assert early.value == pytest.approx(0.5)
    assert "'lowest_test_loss'" in value("bound_gap", groups, at="start").reason


def test_equal_steps_and_a_jump():
    for gaps, step in ((np.linspace(0, 0.7, 8), 1 / 7), (np.repeat([0.1, 0.6], 4), 1.0)):
        groups = bottleneck(np.tile(gaps[:, None], (1, 4)))
        assert value("bound_gap_step", groups).value == pytest.approx(step)
    flat = bottleneck(np.full((8, 4), 0.3))
    assert "less than 0.1 bit" in value("bound_gap_step", flat).reason


def test_a_gap_that_only_wanders_does_not_rise():
    """The epoch of the other half: a lowest one of the same mean would give 0.1 bit."""
    rng = np.random.default_rng(0)
    axes = ("epoch", "replica", "layer")
    data = xr.Dataset(
        {"gap": (axes, 1 + rng.normal(0, 0.3, (8, 800, 1))), "last_epoch": 7.0},
        {"epoch": np.arange(8.0), "replica": np.arange(800), "layer": [6]}, {"of": "bottleneck"},
    )  # fmt: skip
    few = [value("bound_gap_rise", {"bottleneck": data.isel(replica=slice(k, k + 10))}).value
           for k in range(0, 800, 10)]  # fmt: skip
    assert np.mean(few) == pytest.approx(0, abs=4 * 0.3 * np.sqrt(2 / 800))
    data["gap"][-1] += 0.2
    risen = value("bound_gap_rise", {"bottleneck": data}).value
    assert risen == pytest.approx(0.2, abs=0.03)
