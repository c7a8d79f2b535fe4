"""All estimators in one table: one signature, and what each is kept with."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.information import layer_information
from sgdphys.information.estimators.table import ESTIMATORS, Settings, estimated
from sgdphys.information.layers import perceptron_layers
from sgdphys.networks import Perceptron
from sgdphys.status import words

RNG = np.random.default_rng(4)
X = RNG.standard_normal((60, 3))
Y = np.arange(60) % 2
LINEAR = Perceptron((3, 4, 2), activation="identity", noise=0.5)
THETA = np.stack([[LINEAR.initial_weights(RNG), np.full(LINEAR.parameters.count, np.nan)]])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_reads_every_layer(name):
    """One network is read; the other one, which diverged, is NaN throughout."""
    settings = Settings(bins=5, noise_variance=0.2, neighbours=2, rng=3)
    found = estimated(
        THETA, [7], perceptron_layers(LINEAR, X, True), Y, estimator=name, settings=settings,
        network=LINEAR, x=X,
    )  # fmt: skip
    assert found["I_XT"].dims == ("epoch", "replica", "layer")
    assert found["I_XT"].shape == (1, 2, 2)
    assert bool(found["I_XT"].isel(replica=1).isnull().all())
    first = found.isel(epoch=0, replica=0, layer=0)
    assert np.isfinite(first["I_XT"]) == (name != "neighbours")
    assert np.isfinite(first["I_TY"]) == np.isfinite(first["null_I_TY"]) == (name != "gaussian")
    first, diverged = words(found["status"])[0].tolist()
    assert diverged == ["weights not finite"] * 2
    assert first[1] == ("saturated at log2 n" if name == "precision" else "ok")
    kept = {n: found.attrs[n] for n in ESTIMATORS[name].settings}
    assert kept == {n: getattr(settings, n) for n in kept}


@pytest.mark.parametrize("name", ["net_input", "noisy", "gaussian"])
def test_activations_alone_are_not_enough_for_some(name):
    tree = xr.DataTree.from_dict({"weights": xr.Dataset(
        {"theta": (("step", "replica", "parameter"), THETA)},
        {"epoch": ("step", [7]), "replica": [0, 1]},
    )})  # fmt: skip
    task = xr.Dataset({"x": (("sample", "feature"), X), "y": ("sample", Y)})
    read = perceptron_layers(LINEAR, X, True)
    with pytest.raises(InputError, match=f"estimator '{name}' reads the weights of perceptrons"):
        layer_information(tree, task, activations=read, estimator=name)
    assert layer_information(tree, task, activations=read)["I_XT"].shape == (1, 2, 2)


def test_a_layer_of_many_units_has_a_status_of_its_own():
    wide = Perceptron((20, 20, 1), activation="tanh")
    x = np.random.default_rng(5).standard_normal((100, 20))
    theta = 0.1 * wide.initial_weights(np.random.default_rng(6))[None, None]
    found = estimated(
        theta, [0], perceptron_layers(wide, x, False), x[:, 0] > 0, estimator="neighbours",
        settings=Settings(),
    )  # fmt: skip
    assert words(found["status"]).ravel().tolist() == ["too many units", "ok"]
