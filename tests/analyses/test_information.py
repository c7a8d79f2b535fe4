"""Information of layers: each estimator with each activation function."""

import numpy as np
import pytest

import sgdphys as sp
from sgdphys.analyses.information.settings import OF_ESTIMATORS
from sgdphys.networks.activations import ACTIVATIONS


@pytest.mark.thorough(reason="trains and analyses a sweep")
def test_every_estimator_reads_every_activation_or_says_why_not(tmp_path):
    keys = {
        "task": {"name": "random_labels", "samples": 256, "features": 8},
        "network": {"layers": [3], "noise": 0.1},
        "train": {"epochs": 2, "replicas": 2},
        "sweep": {"network.activation": list(ACTIVATIONS)},
        "analyses": {name: {"of": "information", "estimator": name} for name in OF_ESTIMATORS},
        "figures": {"formats": []},
    }
    for case in sp.run(keys, tmp_path / "run").cases.values():
        activation = case.study.network.activation
        with case.results as results:
            for name in OF_ESTIMATORS:
                found = results[name].to_dataset()
                if name == "net_input" and ACTIVATIONS[activation].inverse is None:
                    assert activation in found.attrs["lacks"]
                else:
                    hidden = found["I_XT"].isel(layer=0)  # an output without noise has no density
                    assert np.isfinite(hidden.to_numpy()).all(), (activation, name)
