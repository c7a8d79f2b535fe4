"""Damaged, missing and foreign segments of a run: trained again, or refused; never mixed."""

import functools
import os
import shutil

import numpy as np
import pytest

import sgdphys as sp
from sgdphys.errors import InputError, WorkError
from sgdphys.trajectory import writer
from sgdphys.trajectory.digests import digest_path
from sgdphys.trajectory.reader import check, open_trajectory
from sgdphys.trajectory.segments import segment_paths, span

pytestmark = pytest.mark.thorough(reason="carries out studies")

KEYS = {
    "train": {"epochs": 40, "replicas": 2, "momentum": 0.5},
    "network": {"layers": [4, 3]},
    "figures": {"formats": []},
}


@pytest.fixture(autouse=True)
def small_segments(monkeypatch):
    monkeypatch.setattr("sgdphys.study.recording.SEGMENT_BYTES", 6000)


def run(folder, **train):
    said = []
    keys = KEYS | {"train": KEYS["train"] | train}
    sp.run(keys, folder, tell=said.append)
    return said


def arrays(folder):
    tree = open_trajectory(folder)
    return {
        (node.path, name): variable.to_numpy()
        for node in tree.subtree
        for name, variable in node.to_dataset().variables.items()
    }


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sgdphys.study.recording.SEGMENT_BYTES", 6000)
        folder = tmp_path_factory.mktemp("runs") / "unbroken"
        run(folder)
    assert len(segment_paths(folder)) == 4
    return folder


@pytest.fixture
def copy(unbroken, tmp_path):
    return shutil.copytree(unbroken, tmp_path / "run")


arrays_of_unbroken = functools.cache(arrays)


def same(folder, unbroken):
    first, second = arrays(folder), arrays_of_unbroken(unbroken)
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert np.array_equal(values, second[name], equal_nan=values.dtype.kind == "f"), name
    assert check(folder) == []


def flip(path):
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 4
    path.write_bytes(raw)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "place"),
    [
        (flip, 2),
        *(pytest.param(*c, marks=pytest.mark.thorough) for c in ((flip, 0), (cut, -1), (empty, 1))),
    ],
)
def test_a_damaged_segment_is_trained_again(copy, unbroken, damage, place):
    path = segment_paths(copy)[place]
    damage(path)
    assert path.name in " ".join(check(copy))
    said = " ".join(run(copy))
    assert path.name in said
    assert "are trained again" in said
    same(copy, unbroken)


def test_a_missing_segment_is_told_and_trained_again(copy, unbroken):
    path = segment_paths(copy)[2]
    path.unlink()
    with pytest.raises(WorkError, match=r"epochs \d+ to \d+ are missing before .*run again"):
        open_trajectory(copy)
    assert "are missing before" in check(copy)[0]
    assert "nothing to train" not in " ".join(run(copy))
    same(copy, unbroken)


@pytest.mark.thorough(reason="a run of its own: 5 s")
def test_without_the_digest_beside_it_damage_is_found_as_well(copy, unbroken):
    path = segment_paths(copy)[1]
    for each in segment_paths(copy):
        digest_path(each).unlink()
    theta = open_trajectory(copy)["weights"]["theta"].to_numpy()
    raw = bytearray(path.read_bytes())
    at = raw.find(theta[14, 1, :8].tobytes())
    assert at > 0
    raw[at + 1] ^= 1
    path.write_bytes(raw)
    assert path.name in " ".join(check(copy))
    run(copy)
    same(copy, unbroken)


@pytest.mark.thorough(reason="two runs of their own: 4 s")
def test_segments_of_another_study_are_refused(copy, unbroken, tmp_path):
    other = tmp_path / "other"
    run(other, seed=2)
    for place in (2, -1):
        theirs, ours = segment_paths(other)[place], segment_paths(copy)[place]
        shutil.copy(theirs, ours)
        shutil.copy(digest_path(theirs), digest_path(ours))
        with pytest.raises(WorkError, match=f"{ours.name} is of another study"):
            open_trajectory(copy)
        assert "another study" in check(copy)[0]
        with pytest.raises(WorkError, match=r"is of another run .*move it away"):
            run(copy)
        shutil.copy(segment_paths(unbroken)[place], ours)
        shutil.copy(digest_path(segment_paths(unbroken)[place]), digest_path(ours))
    same(copy, unbroken)


def test_files_that_are_no_segments_do_no_harm_and_are_named(copy, unbroken):
    first = segment_paths(copy)[0]
    for name in ("copy.nc", f"{first.stem} (1).nc"):
        shutil.copy(first, first.with_name(name))
    assert "nothing to train" in " ".join(run(copy))
    assert [fault.split()[0].rpartition("/")[2] for fault in check(copy)] == [
        f"{first.stem}", "copy.nc",
    ]  # fmt: skip


def test_a_run_without_segments_is_no_trajectory(copy):
    shutil.rmtree(copy / "trajectory")
    (copy / "results.nc").write_bytes(b"\x89HDF")
    with pytest.raises(InputError, match="no finished segment yet"):
        open_trajectory(copy)


def test_another_version_does_not_carry_on(copy, monkeypatch):
    monkeypatch.setattr("sgdphys.__version__", "99.0")
    assert "nothing to train" in " ".join(run(copy))
    segment_paths(copy)[-1].unlink()
    with pytest.raises(WorkError, match=r"was begun by sgdphys .* and this is 99\.0"):
        run(copy)


@pytest.mark.parametrize("with_digest", [True, False])
def test_a_segment_under_the_name_of_another_is_named_and_trained_again(
    copy, unbroken, with_digest
):
    first, second = segment_paths(copy)[:2]
    for suffix in ("", ".sha256"):
        second.with_name(second.name + suffix).write_bytes(
            first.with_name(first.name + suffix).read_bytes()
        )
    if not with_digest:
        digest_path(second).unlink()
    (fault,) = check(copy)
    assert f"{second} holds epochs 0 to " in fault
    assert any(str(second) in line and "trained again" in line for line in run(copy))
    same(copy, unbroken)


@pytest.mark.thorough(reason="a run of its own: 2 s")
def test_a_segment_that_is_shorter_than_its_name_is_trained_again(copy, unbroken):
    paths = segment_paths(copy)
    for path in paths[1:]:
        path.unlink()
    longer = paths[0].with_name("000000000-000000040.nc")
    paths[0].rename(longer)
    assert any(str(longer) in line and "trained again" in line for line in run(copy))
    same(copy, unbroken)


def test_a_full_disk_says_after_which_epoch_the_run_goes_on(tmp_path, monkeypatch):
    written = []

    def full(path, *rest, **kept):
        written.append(path)
        if len(written) > 3:
            raise OSError(28, "No space left on device")
        complete(path, *rest, **kept)

    complete = writer.complete
    monkeypatch.setattr(writer, "complete", full)
    with pytest.raises(WorkError, match="to resume after epoch") as told:
        run(tmp_path)
    last = max(span(path)[1] for path in segment_paths(tmp_path / "trajectory"))
    assert last > 0
    assert str(told.value).endswith(f"after epoch {last}")
