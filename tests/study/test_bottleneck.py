"""A study of layers beside the bottleneck bound, from the outside."""

import numpy as np
import pytest
from labels import is_labelled

import sgdphys as sp

STUDY = {
    "task": {"labels": "soft"},
    "network": {"layers": [4, 3]},
    "train": {"epochs": 40, "replicas": 2},
    "record": {"weights": "log", "gradients": "none"},
    "analyses": {"bottleneck": {"epochs": [10]}},
    "sweep": {"task.information": [0.9, 0.5]},
}


@pytest.mark.slow
def test_layers_beside_the_bound(tmp_path):
    run = sp.run(STUDY, tmp_path / "run")
    with run.results as results:
        found = results["bottleneck"].to_dataset().load()
    assert found.sizes["case"] == 2
    assert found["swept_information"].to_numpy().tolist() == [0.9, 0.5]
    assert found["epoch"].to_numpy().tolist() == [10, 40]
    assert bool((found["gap"] > -1e-9).all())
    assert float(found["curve_certificate"].max()) < 1e-8
    inside = (found["gap_ensemble_low"] <= found["gap_ensemble"]) & (
        found["gap_ensemble"] <= found["gap_ensemble_high"]
    )
    assert bool(inside.sel(layer=3).all())
    # six transitions of each, in their own places
    assert found["transition_beta"].notnull().sum("transition").to_numpy().tolist() == [6, 6]
    np.testing.assert_allclose(found["transition_clusters"][0], np.arange(2, 8))
    is_labelled(found)
    for name in ("residual", "random_residual", "residual_ensemble_low", "curve_certificate"):
        assert found[name].attrs["units"] == "bits"
    drawn = {path.name for path in run.write_figures(formats=["svg"], data=False)}
    assert drawn == {"bottleneck_curve.svg", "bottleneck_beta.svg"}
