"""Updates and times of results are those of the training, however few weights were recorded."""

import numpy as np
import pytest

import sgdphys as sp


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", np.full(10, 0.1)),
        ({"every": 4, "factor": 0.5}, 0.1 * 0.5 ** (np.arange(10) // 4)),
    ],
)
def test_clocks_go_on_after_the_last_recorded_weights(tmp_path, schedule, rates):
    study = {
        "network": {"layers": [3]},
        "train": {"epochs": 10, "replicas": 2, "batch_size": 512, "schedule": schedule},
        "record": {"weights": {"every": 1000}},
        "analyses": {"learning": {}},
        "figures": {"formats": []},
    }
    run = sp.run(study, tmp_path / "run")
    assert run.trajectory["weights"].sizes["step"] == 1
    found = run.results["learning"].to_dataset()
    np.testing.assert_array_equal(found["updates"], 7 * found["epoch"])
    times = 7 * np.append(0.0, np.cumsum(rates))
    np.testing.assert_allclose(found["flow_time"], times[found["epoch"]], rtol=1e-12)


@pytest.mark.thorough(reason="two runs: 5 s")
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_displacements_are_those_of_the_rates_at_their_time(tmp_path, schedule):
    """With a cosine the mean rate of the whole run stood for that of each epoch."""
    study = {
        "network": {"layers": [4]},
        "train": {"epochs": 40, "replicas": 3, "schedule": schedule},
        "record": {"gradients": "epoch"},
        "analyses": {"phases": {}},
        "figures": {"formats": []},
    }
    run = sp.run(study, tmp_path / "run")
    weights = run.trajectory["weights"].to_dataset().load()
    theta = weights.theta.isel(parameter=(weights.layer == 1).values).to_numpy()
    moved = ((theta[2:] - theta[:-2]) ** 2).sum(axis=2)
    late = weights.epoch.values[:-2] >= 40 / 2
    updates = 2 * (weights.step.values[1] - weights.step.values[0])
    expected = moved[late].mean(axis=0) / (2 * updates * theta.shape[2])
    found = run.results["phases"]["late_diffusion"].isel(layer=0).to_numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4)
