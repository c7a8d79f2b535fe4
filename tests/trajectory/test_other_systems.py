"""What Windows does otherwise, simulated: files are complete and locks are removed there too."""

import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sgdphys as sp
from sgdphys.study.settings import study_from
from sgdphys.study.sharing import Pool
from sgdphys.trajectory import locks
from sgdphys.trajectory.writer import write_text, write_tree


@pytest.fixture
def windows(monkeypatch):
    """Folders that cannot be opened, and files that are synchronised only if opened to write."""
    monkeypatch.delattr(os, "O_DIRECTORY")
    opened, original_open, original_sync = {}, os.open, os.fsync

    def open_file(path, flags, *others, **options):
        if os.path.isdir(path):
            raise PermissionError(13, "Permission denied", str(path))
        descriptor = original_open(path, flags, *others, **options)
        opened[descriptor] = flags
        return descriptor

    def sync(descriptor):
        if not opened[descriptor] & os.O_RDWR:
            raise OSError(9, "Bad file descriptor")
        original_sync(descriptor)

    monkeypatch.setattr(os, "open", open_file)
    monkeypatch.setattr(os, "fsync", sync)


def test_a_text_is_written(windows, tmp_path):
    write_text("whole", tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "whole"


def test_a_trajectory_is_written(windows, tmp_path):
    theta = xr.DataArray(np.zeros((2, 1, 3)), dims=("step", "replica", "parameter"))
    tree = xr.DataTree.from_dict({"weights": theta.to_dataset(name="theta")})
    write_tree(tree, tmp_path / "a.nc")
    assert sp.open_trajectory(tmp_path / "a.nc")["weights"].theta.shape == (2, 1, 3)


def test_an_open_lock_file_is_closed_before_it_is_removed(monkeypatch, tmp_path):
    files, is_closed = [], []
    original_open, original_unlink = Path.open, Path.unlink

    def watched_open(path, *arguments):
        files.append(original_open(path, *arguments))
        return files[-1]

    def watched_unlink(path, **options):
        is_closed.append(files[-1].closed)
        original_unlink(path, **options)

    monkeypatch.setattr(locks, "fcntl", None)
    monkeypatch.setattr(Path, "open", watched_open)
    monkeypatch.setattr(Path, "unlink", watched_unlink)
    locks.Lock(tmp_path / "a.lock").release()
    assert is_closed == [True]
    assert not (tmp_path / "a.lock").exists()


def test_a_shared_recording_takes_the_place_of_an_empty_folder(monkeypatch, tmp_path):
    replace = os.replace

    def replace_no_folder(source, target):
        if os.path.isdir(target):
            raise PermissionError(13, "Access is denied", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_no_folder)
    study, pool = study_from({}, "the test"), Pool()
    first, second = tmp_path / "a" / "trajectory", tmp_path / "b" / "trajectory"
    for folder in (first, second):
        folder.mkdir(parents=True)
    (first / "00000-00010.nc").write_text("a segment")
    pool.add(study, first)
    assert pool.share(study, second) == first
    assert [path.name for path in second.iterdir()] == ["00000-00010.nc"]
