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
