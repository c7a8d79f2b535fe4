"""What must agree before anything begins, and what needs no cluster to be tested."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import sgdphys as sp
from sgdphys.cluster.connection import require_alike
from sgdphys.cluster.pickles import pickled
from sgdphys.dynamics.series import applied_to, elsewhere
from sgdphys.engines.cutting import cut, joined
from sgdphys.engines.fused import FusedEngine, replica_blocks
from sgdphys.errors import InputError, WorkError
from sgdphys.study.blocks import block_ranges, train_block, write_segment
from sgdphys.study.folders import locked, locked_by_worker
from sgdphys.study.recording import Recording
from sgdphys.study.settings import study_from
from sgdphys.trajectory.segments import segment_paths

pytestmark = pytest.mark.thorough(reason="processes and their agreement")

HERE = {"python": "3.11", "numpy": "2.4.6"}
SMALL = {
    "title": "small",
    "network": {"layers": [3]},
    "train": {"epochs": 6, "replicas": 40},
    "figures": {"formats": []},
}


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ({"numpy": "2.3.0"}, "has numpy 2.3.0 and this process has numpy 2.4.6; install"),
        ({"numpy": None}, "has no numpy and this process has numpy 2.4.6; install"),
        ({"python": "3.12"}, "has Python 3.12 and this process has Python 3.11; install"),
    ],
)
def test_another_version_is_refused_with_both(there, words):
    with pytest.raises(WorkError, match=r"^the worker tcp://x ") as caught:
        require_alike({"the scheduler": HERE, "the worker tcp://x": HERE | there}, HERE)
    assert words in str(caught.value)


def test_the_same_versions_are_accepted():
    require_alike({"the scheduler": HERE}, HERE)


def test_without_the_extra_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"install it as in pip install 'sgdphys\[cluster\]'"):
        sp.run(SMALL, tmp_path / "run", scheduler="tcp://127.0.0.1:1")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("address", ["", " ", "ftp://here:1", 8786, "nonsense", "tcp://"])
def test_what_is_no_address_is_refused(address):
    pytest.importorskip("distributed", reason="the extra cluster is not installed")
    with pytest.raises(InputError, match="is no address of a scheduler; give it as in tcp://HOST"):
        sp.fit(np.zeros(100), scheduler=address)


@pytest.fixture
def recording(tmp_path):
    sp.run(SMALL, tmp_path / "whole", threads=1)
    folder = tmp_path / "blocks"
    (folder / "trajectory").mkdir(parents=True)
    return Recording(study_from(SMALL, "a test"), folder)


def test_blocks_of_replicas_are_written_as_one_recording(recording, tmp_path):
    folder, study = tmp_path / "blocks", recording.study
    blocks = block_ranges(recording, 2)
    assert len(blocks) == 2
    assert [r for block in blocks for r in block] == list(range(40))
    previous, begun = None, 0
    for end in (4, 6):
        parts = [train_block(folder, study, b, begun, end, previous, print) for b in blocks]
        for _ in range(2):  # a worker may be lost after it wrote
            write_segment(folder, study, begun, end, *parts, print)
        begun, previous = end, segment_paths(folder)[-1]
    whole = sp.open_trajectory(tmp_path / "whole")
    for name, group in sp.open_trajectory(folder).children.items():
        assert group.to_dataset().equals(whole[name].to_dataset()), name


def test_cut_parts_are_joined_to_the_whole(recording):
    engine = FusedEngine(recording.ensemble)
    state, recorded = engine.advance(engine.initial_state(), 2, recording.plan)
    blocks = replica_blocks(recording.ensemble)
    again, whole = joined([cut(state, recorded, block) for block in blocks])
    assert (again.theta == state.theta).all()
    assert (whole.theta == recorded.theta).all()
    assert whole.by_epoch.keys() == recorded.by_epoch.keys()
    for name, values in recorded.by_epoch.items():
        assert np.array_equal(whole.by_epoch[name], values, equal_nan=True)


def test_blocks_of_series_fitted_elsewhere_give_the_same_fit():
    x = sp.processes.ornstein_uhlenbeck(kappa=1, dt=0.1, steps=200, replicas=5, rng=0).theta
    sent = []

    def applied(kernel, blocks):
        written = pickled(kernel)
        for block in blocks:
            sent.append(written)
            yield applied_to(pickle.loads(written), *block)

    here = sp.dynamics.fit_ou(x, time="time")
    with elsewhere(applied):
        assert sp.dynamics.fit_ou(x, time="time").identical(here)
    assert sent
    assert b"custom_rebuild" not in sent[0]  # Numba would compile it anew in every process


def test_a_folder_is_written_by_one_worker_at_a_time(tmp_path):
    holds = (
        "import pathlib, sys, time\n"
        "from sgdphys.study.folders import locked_by_worker\n"
        "with locked_by_worker(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", holds, tmp_path], stdout=subprocess.PIPE, text=True
    )
    try:
        other.stdout.readline()
        with pytest.raises(WorkError, match="a worker of a cluster is still writing"):
            with locked_by_worker(tmp_path, patience=0):
                pass
        with pytest.raises(WorkError, match="a worker of a cluster is still writing"):
            with locked(tmp_path):
                pass
        other.kill()
        other.wait()
        with locked(tmp_path), locked_by_worker(tmp_path, patience=1):
            pass
    finally:
        other.kill()
        other.stdout.close()
        other.wait()
