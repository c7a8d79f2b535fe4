"""Information replayed from a recording against the same activations computed in numpy."""

import numpy as np
import pytest
import xarray as xr

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.information import (
    binned_information,
    kde_information,
    layer_information,
    neighbour_information,
)
from sgdphys.networks import from_description
from sgdphys.status import words


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


def test_bins_over_the_range_of_each_epoch(trajectory, task):
    """Each epoch is read as if it were recorded alone; the output keeps its range."""
    found = layer_information(trajectory, task, bins=7, bin_range="epoch")
    assert found["bin_low"].dims == ("epoch", "replica", "layer")
    for epoch in (0, 3):
        alone = layer_information(trajectory, task, bins=7, epochs=[epoch])
        xr.testing.assert_allclose(
            found[["I_XT", "I_TY", "bin_high"]].sel(epoch=epoch, drop=True),
            alone[["I_XT", "I_TY", "bin_high"]].isel(epoch=0, drop=True),
        )
    fixed = layer_information(trajectory, task, bins=7)
    assert not np.allclose(found["I_XT"][0], fixed["I_XT"][0])
    assert found.attrs["bin_range"] == "epoch"
    with pytest.raises(InputError, match="it can be two numbers or 'epoch'"):
        layer_information(trajectory, task, bin_range="own")


def test_such_bins_from_activations_alone(trajectory, task):
    network = from_description(trajectory.attrs["network"])
    x = task["x"].to_numpy().astype(np.float64)
    given = {"bins": 7, "bin_range": "epoch", "epochs": [0, 3]}
    found = layer_information(
        trajectory, task, activations=lambda theta: network.forward(theta, x, softmax=True), **given
    )
    wanted = layer_information(trajectory, task, **given)
    # a value within float32 of an edge may change its bin
    np.testing.assert_allclose(
        found["I_XT"].sel(layer=[1, 2]), wanted["I_XT"].sel(layer=[1, 2]), atol=0.01
    )


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


def test_a_diverged_replica_leaves_its_neighbours_alone(trajectory, task):
    """NaN weights give NaN and a status; the other replica reads what it read."""
    broken = trajectory.copy(deep=True)
    theta = broken["weights"]["theta"].load()
    theta[dict(replica=1, step=slice(2, None))] = np.nan
    broken["weights"] = broken["weights"].to_dataset().assign(theta=theta)
    complete, found = layer_information(trajectory, task), layer_information(broken, task)
    assert found["I_XT"].isel(replica=0).equals(complete["I_XT"].isel(replica=0))
    assert bool(found["I_XT"].isel(replica=1, epoch=slice(2, None)).isnull().all())
    assert bool(found["I_XT"].isel(replica=1, epoch=slice(0, 2)).notnull().all())
    status = found["status"]
    assert set(words(status.isel(replica=1, epoch=slice(2, None))).ravel()) == {
        "weights not finite"
    }
    meanings = status.attrs["flag_meanings"].split()
    assert meanings[int(status[-1, 1, 0])] == "weights_not_finite"


@pytest.mark.parametrize("patterns", ["train", "test"])
def test_part_of_the_patterns(trajectory, task, patterns):
    """Each replica's own split, read as a task that holds those patterns alone."""
    found = layer_information(trajectory, task, patterns=patterns, bin_range=(0.0, 3.0))
    for replica in (0, 1):
        split = trajectory["split"]["train"].isel(replica=replica).to_numpy()
        part = task.isel(sample=split if patterns == "train" else ~split)
        one = trajectory.isel(replica=[replica])
        wanted = layer_information(one, part, bin_range=(0.0, 3.0))
        for name in ("I_XT", "I_TY", "occupied"):
            here = found[name].isel(replica=replica).to_numpy()
            np.testing.assert_allclose(here, wanted[name].isel(replica=0), atol=1e-12)


def test_wide_layers_are_told_apart():
    """Any width: 40 units of 30 bins need more than 64 bits, and every sample keeps its cell."""
    rng = np.random.default_rng(0)
    t = rng.uniform(-1, 1, (3000, 40))
    t[1:, :39] = t[0, :39]  # all that differs comes last
    t[:, 39] = np.linspace(-1, 1, 3000)
    found = binned_information(t, np.arange(3000) % 2, bins=30, low=-1, high=1)
    assert int(found["occupied"]) == 30
    first_differs = t[:, ::-1].copy()
    again = binned_information(first_differs, np.arange(3000) % 2, bins=30, low=-1, high=1)
    assert float(again["I_XT"]) == pytest.approx(float(found["I_XT"]), abs=1e-9)


@pytest.mark.thorough(reason="every estimator")
@pytest.mark.parametrize("estimator", ["equal_mass", "kde_lower", "kde_upper", "neighbours"])
def test_other_estimators_read_the_same_layers(trajectory, task, estimator):
    """One call shape; each layer as the estimator itself reads its activations."""
    found = layer_information(trajectory, task, estimator=estimator, epochs=[3])
    assert found["I_XT"].dims == ("epoch", "replica", "layer")
    network = from_description(trajectory.attrs["network"])
    theta = trajectory["weights"]["theta"].isel(step=-1, replica=1).to_numpy()
    units = network.forward(theta.astype(np.float64), task["x"].to_numpy().astype(float))[0]
    y = task["y"].to_numpy()
    wanted = {
        "equal_mass": lambda: binned_information(units, y, bins=30, edges="equal_mass")["I_TY"],
        "kde_lower": lambda: kde_information(units, y)["I_TY"].sel(bound="lower"),
        "kde_upper": lambda: kde_information(units, y)["I_TY"].sel(bound="upper"),
        "neighbours": lambda: neighbour_information(units, y)["raw_I_TY"],
    }[estimator]()
    assert float(found["I_TY"].sel(epoch=3)[1, 0]) == pytest.approx(float(wanted), abs=1e-9)
    assert found.attrs["estimator"] == estimator
    with pytest.raises(InputError, match="all patterns and hard labels"):
        layer_information(trajectory, task, estimator=estimator, patterns="test")


def test_an_unknown_estimator_or_no_noise(trajectory, task):
    with pytest.raises(InputError, match="estimator is 'binning'; it can be binned"):
        layer_information(trajectory, task, estimator="binning")
    with pytest.raises(InputError, match="no layer noise"):
        layer_information(trajectory, task, estimator="noisy", epochs=[3])


def test_shares_of_extremes_are_of_the_patterns_that_count():
    """Activations of 0.995 in training and of 0.03 in test: all of one and none of the other."""
    theta = ("step", "replica", "parameter"), np.full((1, 1, 2), 3.0)
    weights = xr.Dataset({"theta": theta}, {"epoch": ("step", [0]), "replica": [0]})
    is_train = np.array([[True, True, False, False]])
    split = xr.Dataset({"train": (("replica", "sample"), is_train)})
    network = {"kind": "perceptron", "sizes": [1, 1, 1], "bias": False}
    root = xr.Dataset(attrs={"network": network})
    trajectory = xr.DataTree.from_dict({"/": root, "weights": weights, "split": split})
    task = xr.Dataset({"x": (("sample", "feature"), [[1.0], [1.1], [0.01], [-0.01]]),
                       "y": ("sample", [0, 1, 0, 1])})  # fmt: skip
    shares = {
        patterns: layer_information(trajectory, task, patterns=patterns)["extreme_share"].squeeze()
        for patterns in ("train", "test", "all")
    }
    assert [float(shares[name][0]) for name in ("train", "test", "all")] == [1, 0, 0.5]


def test_net_inputs_of_an_activation_that_falls_are_refused():
    network = {"kind": "perceptron", "sizes": [1, 2, 2], "bias": False, "activation": "swish"}
    theta = ("step", "replica", "parameter"), np.ones((1, 1, 6))
    weights = xr.Dataset({"theta": theta}, {"epoch": ("step", [0]), "replica": [0]})
    trajectory = xr.DataTree.from_dict({"/": xr.Dataset(attrs={"network": network}),
                                        "weights": weights})  # fmt: skip
    task = xr.Dataset({"x": (("sample", "feature"), np.arange(8.0)[:, None] - 4),
                       "y": ("sample", [0, 1] * 4)})  # fmt: skip
    with pytest.raises(InputError, match="an activation that never falls; 'swish' does"):
        layer_information(trajectory, task, estimator="net_input")
