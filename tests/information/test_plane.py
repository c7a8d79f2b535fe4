"""Information replayed from a recording against the same activations computed in numpy."""

import numpy as np
import pytest

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.information import binned_information, layer_information
from sgdphys.networks import from_description


@pytest.fixture(scope="module")
def task():
    return sp.tasks.symmetric_rule()


@pytest.fixture(scope="module")
def trajectory(tmp_path_factory):
    study = {
        "network": {"layers": [5, 3], "activation": "relu"},
        "train": {"epochs": 3, "replicas": 2},
    }
    return sp.run(study, tmp_path_factory.mktemp("runs") / "relu").trajectory


def test_the_replay_is_the_forward_pass(trajectory, task):
    """C1: bins of an unbounded activation follow the data, and the range is stored."""
    found = layer_information(trajectory, task, bins=7)
    network = from_description(trajectory.attrs["network"])
    theta = trajectory["weights"]["theta"].isel(step=-1, replica=1).to_numpy()
    units = network.forward(theta.astype(np.float64), task["x"].to_numpy())
    here = found.isel(epoch=-1, replica=1)
    assert float(here["bin_low"][0]) == 0
    for layer in (0, 1):
        low, high = (float(here[name][layer]) for name in ("bin_low", "bin_high"))
        wanted = binned_information(units[layer], task["y"], bins=7, low=low, high=high)
        for name in ("I_XT", "I_TY"):
            # a value within float32 of an edge may change its bin
            assert float(here[name][layer]) == pytest.approx(float(wanted[name]), abs=0.01)


def test_bits_and_bounds(trajectory, task):
    """C2: bits everywhere; 0 <= I(T;Y) <= min(H(Y), I(X;T))."""
    found = layer_information(trajectory, task)
    assert {found[n].attrs["units"] for n in ("I_XT", "I_TY", "null_I_TY")} == {"bits"}
    assert bool((found["I_TY"] >= 0).all())
    assert bool((found["I_TY"] <= np.minimum(found["I_XT"], 0.999158) + 1e-9).all())


def test_an_epoch_that_was_not_recorded(trajectory, task):
    with pytest.raises(
        InputError, match=r"not recorded at epoch 9; the nearest epochs are 1, 2, 3"
    ):
        layer_information(trajectory, task, epochs=[9])


def test_a_task_that_does_not_fit(trajectory, task):
    with pytest.raises(InputError, match="the network takes 12"):
        layer_information(trajectory, task.isel(feature=slice(5)))
