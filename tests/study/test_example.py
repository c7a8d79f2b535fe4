"""The recording that comes with the package: where it is from, and what is found in it."""

import tomllib

import numpy as np
import pytest

import sgdphys as sp
from sgdphys.study.example import RECORDING, STUDY, make_example
from sgdphys.study.files import load_study, study_hash
from sgdphys.study.settings import study_from


@pytest.fixture(scope="module")
def example():
    with sp.load_example() as opened:
        yield opened


def test_the_file_is_a_valid_trajectory_of_about_a_megabyte():
    assert sp.check(RECORDING) == []
    assert 0.5e6 < RECORDING.stat().st_size < 1.5e6


def test_the_weights_are_read_when_they_are_needed(example):
    assert example["weights"].theta.chunks is not None


def test_it_was_recorded_by_the_study_beside_it(example):
    study = load_study(STUDY)[1]
    assert example.attrs["study_hash"] == study_hash(study)
    assert study_from(tomllib.loads(example.attrs["study"]), "the recording") == study
    assert set(example.children) == {"weights", "tensors", "split", "training", "gradients"}
    assert example["weights"].sizes["step"] == study.train.epochs + 1


def test_the_study_begins_as_the_recording_does(example, tmp_path):
    made = sp.run(STUDY, tmp_path / "again", settings=["train.epochs=2"])
    again = made.trajectory["weights"].theta
    # another processor adds in another order
    np.testing.assert_allclose(again, example["weights"].theta[:3], rtol=1e-3, atol=1e-4)


@pytest.mark.slow(reason="trains for the whole of the recording")
def test_it_is_made_again(example, tmp_path):
    make_example(tmp_path / "again.nc")
    with sp.open_trajectory(tmp_path / "again.nc") as again:
        assert again.attrs["study_hash"] == example.attrs["study_hash"]
        late = [t["weights"].theta[300:].std("step").mean() for t in (again, example)]
        np.testing.assert_allclose(*late, rtol=0.05)


def test_networks_learn_and_then_come_to_rest(example):
    accuracy = example["training"].test_accuracy
    assert (accuracy[0] < 0.7).all()
    assert (accuracy[-1] > 0.8).all()
    first, second = (
        example["training"].loss.sel(epoch=epochs).mean("epoch")
        for epochs in (slice(200, 600), slice(600, 1000))
    )
    np.testing.assert_allclose(first, second, rtol=0.02)


def test_trained_weights_are_ornstein_uhlenbeck_processes(example):
    late = example["weights"].theta.sel(step=slice(20_000, None))
    found = sp.fit(late.isel(replica=0, parameter=[0, 14, 40]), models=["wiener", "ou", "fbm"])
    assert (found.best == "ou").all()
    assert (found.kappa * float(late.step[-1] - late.step[0]) > 50).all()  # relaxation times
