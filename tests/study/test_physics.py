"""Studies of slowing, entropy and stationarity, small: known results, and their figures."""

import numpy as np
import pytest
from labels import is_labelled

import sgdphys as sp
from sgdphys.engines.curvature import landscape_of
from sgdphys.errors import InputError

PITCHFORK = {
    "task": {"name": "scalar_teacher"},
    "network": {"layers": [1], "activation": "identity", "bias": False},
    "train": {
        "epochs": 8000, "learning_rate": 0.05, "weight_decay": 1.0, "loss": "squared_error",
        "sampling": "full", "langevin": 2.5e-6, "replicas": 12, "train_fraction": 1.0,
        "dtype": "float64",
    },
    "record": {"weights": "step", "gradients": "none"},
    "analyses": {"pitchfork": {"ramp_steps": 12_000, "ramp_replicas": 12}},
    "figures": {"formats": ["svg"]},
}  # fmt: skip
DIVERSE = {
    "network": {"layers": [4, 3]},
    "record": {"weights": "log", "gradients": "log"},
    "figures": {"formats": ["svg"]},
}


@pytest.mark.slow
def test_trained_networks_slow_down_as_the_law_says(tmp_path):
    keys = PITCHFORK | {"sweep": {"task.signal": [0.4, 0.6, 0.7, 1.2, 1.3, 1.5]}}
    run = sp.run(keys, out=tmp_path / "run")
    found = run.results["pitchfork"].to_dataset().load()
    exact = found["exact_relaxation_time"].to_numpy()
    np.testing.assert_allclose(found["relaxation_time"], exact, rtol=0.1)
    np.testing.assert_allclose(found["simulated_relaxation_time"], exact, rtol=0.1)
    np.testing.assert_allclose(found["variance"], found["exact_variance"], rtol=0.15)
    np.testing.assert_allclose(found["order"], found["exact_order"], atol=0.01)
    np.testing.assert_allclose(found["binder"].isel(case=[3, 4, 5]), 2 / 3, atol=0.01)
    assert float(found["critical"]) == pytest.approx(1, abs=0.05)
    assert float(found["warning_share"].sel(course="ramp")) > 0.6
    assert float(found["ensemble_p_value"].sel(course="ramp")) < 0.1
    names = {path.stem for path in (tmp_path / "run" / "figures").iterdir()}
    assert {"critical_slowing", "early_warning"} <= names
    is_labelled(found)
    units = {n: found[n].attrs["units"] for n in ("critical", "residual", "simulated_residual")}
    assert set(units.values()) == {"1"}
    for name in ("relaxation_time", "simulated_relaxation_time_low", "exact_relaxation_time"):
        assert found[name].attrs["units"] == "weight**2/loss"
    assert (found["order"].attrs["units"], found["ramp_path"].attrs["units"]) == ("weight",) * 2


@pytest.mark.thorough(reason="a run of its own: 4 s")
def test_twins_and_starts_in_one_study(tmp_path):
    keys = DIVERSE | {
        "train": {"epochs": 40, "replicas": 32, "twins": 4, "batch_size": 256},
        "analyses": {"entropy": {"modes": 2}, "components": {"replicas": 2, "walks": 10,
                                                             "points": 20}},
        "figures": {"formats": []},
    }  # fmt: skip
    run = sp.run(keys, out=tmp_path / "run")
    entropy = run.results["entropy"].to_dataset().load()
    noise = entropy["entropy"].sel(cloud="noise")
    assert np.isnan(noise.isel(mark=0)).all()  # twins begin together
    assert (noise.isel(mark=-1) > noise.isel(mark=1)).all()
    assert (entropy["entropy"].sel(cloud="starts").isel(mark=-1) > noise.isel(mark=-1)).all()
    components = run.results["components"].to_dataset()
    assert float(components["component_share"].sum("component").max()) <= 1 + 1e-9
    names = ["entropy_growth", "components"]
    assert [path.stem for path in run.write_figures(names, formats=["svg"], data=False)] == names


@pytest.mark.slow
def test_relations_hold_where_the_landscape_is_a_quadratic(tmp_path):
    """A linear network near its minimum, white noise added to full-batch descent."""
    keys = DIVERSE | {
        "task": {"name": "scalar_teacher", "signal": 1.6},
        "network": {"layers": [1], "activation": "identity", "bias": False},
        "train": PITCHFORK["train"] | {"epochs": 20_000, "replicas": 8},
        "record": {"weights": {"burst": 8000, "starts": 2}, "gradients": "none"},
        "analyses": {"stationarity": {"gradients": 2000, "directions": 4}},
    }
    run = sp.run(keys, out=tmp_path / "run")
    late = run.results["stationarity"].to_dataset().load().isel(burst=-1)
    assert float(late["minibatch_ratio"]) == pytest.approx(1, abs=0.05)
    assert float(late["full_ratio"]) == pytest.approx(1, abs=0.25)
    h = late["curvature"].to_numpy()
    np.testing.assert_allclose(h, [2.0, 1.2], rtol=0.05)
    np.testing.assert_allclose(late["autocorrelation"], 1 - 0.05 * h, atol=0.03)
    assert float(late["entropy_production_low"]) <= 0
    assert float(late["sharpness"]) == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize(
    ("kind", "settings"), [("pitchfork", {}), ("stationarity", {"gradients": 50, "directions": 4})]
)
def test_curvature_is_taken_on_the_device_of_the_study(tmp_path, monkeypatch, kind, settings):
    devices = []

    def spied(ensemble, device):
        devices.append(device)
        return landscape_of(ensemble, device)

    monkeypatch.setattr(f"sgdphys.analyses.{kind}.analysis.landscape_of", spied)
    train = PITCHFORK["train"] | {"epochs": 2000, "replicas": 8}
    keys = PITCHFORK | {
        "task": {"name": "scalar_teacher", "signal": 1.6}, "train": train,
        "analyses": {kind: settings}, "figures": {"formats": []},
    }  # fmt: skip
    sp.run(keys, out=tmp_path / "run")
    assert devices == ["cpu"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"analyses": {"pitchfork": {}}}, "needs task.name = 'scalar_teacher'"),
        ({"analyses": {"entropy": {}}}, "compares twins with independent starts"),
        ({"analyses": {"stationarity": {}}}, "train.dtype = 'float64'"),
        (
            {"analyses": {"stationarity": {}}, "train": {"dtype": "float64", "epochs": 3}},
            "needs at least 60 consecutive steps",
        ),
        ({"task": {"name": "scalar_teacher"}}, "set train.loss = 'squared_error'"),
        (
            PITCHFORK | {"analyses": {"information": {}}},
            "is of 'information', which needs labels",
        ),
    ],
)
def test_what_an_analysis_needs_is_said(tmp_path, change, message):
    keys = {"train": {"epochs": 2, "replicas": 2}} | change
    with pytest.raises(InputError, match=message):
        sp.run(keys, out=tmp_path / "run")
