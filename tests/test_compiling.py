"""The cache of compiled kernels: where it goes, and what happens where it can go nowhere."""

import os
import shutil
import tempfile
import threading

import numpy as np
import pytest

from sgdphys import compiling


@pytest.fixture
def fresh():
    compiling.cache_folder.cache_clear()
    yield
    compiling.cache_folder.cache_clear()


@pytest.fixture
def shared(fresh, monkeypatch, tmp_path):
    """A user without a folder of their own, and the temporary folder that all users share."""
    monkeypatch.setattr(compiling.numba_config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "/sys/nowhere")
    monkeypatch.setenv("HOME", "/sys/nowhere")
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_cache_follows_the_users_setting(fresh, monkeypatch, tmp_path):
    monkeypatch.setattr(compiling.numba_config, "CACHE_DIR", str(tmp_path))
    assert compiling.cache_folder().is_relative_to(tmp_path)


def test_a_folder_that_anybody_may_write_to_is_not_used(fresh, monkeypatch, tmp_path):
    monkeypatch.setattr(compiling.numba_config, "CACHE_DIR", str(tmp_path / "chosen"))
    chosen = compiling.cache_folder()
    chosen.chmod(0o777)
    compiling.cache_folder.cache_clear()
    assert compiling.cache_folder() != chosen


def test_in_the_temporary_folder_every_folder_is_this_users_alone(shared):
    folder = compiling.cache_folder()
    mine = shared / f"cache-of-user-{os.getuid()}"
    assert folder.is_relative_to(mine)
    for made in (mine, mine / "sgdphys", folder):
        assert made.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("open_to_others", ["cache", "cache/sgdphys"])
def test_a_folder_in_which_others_could_exchange_kernels_is_refused(shared, open_to_others):
    """Only the last folder being this user's is not enough: who can write above can replace it."""
    mine = shared / f"cache-of-user-{os.getuid()}"
    made = mine if open_to_others == "cache" else mine / "sgdphys"
    made.mkdir(parents=True, mode=0o700)
    made.chmod(0o770)
    assert compiling.cache_folder() is None


def test_a_link_in_the_temporary_folder_is_refused(shared, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (shared / f"cache-of-user-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    assert compiling.cache_folder() is None
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_the_folder_of_another_user_is_refused(shared):
    theirs = shared / f"cache-of-user-{os.getuid()}"
    theirs.mkdir(mode=0o755)
    os.chown(theirs, 65534, 65534)
    assert compiling.cache_folder() is None


def test_a_temporary_folder_in_which_others_may_rename_is_refused(shared):
    shared.chmod(0o777)
    assert compiling.cache_folder() is None


def test_without_a_writable_folder_kernels_still_compile(fresh, monkeypatch):
    monkeypatch.setattr(compiling.numba_config, "CACHE_DIR", "/sys/nowhere")
    monkeypatch.setattr(tempfile, "tempdir", "/sys")
    assert compiling.cache_folder() is None
    kernel = compiling.compiled(double)
    x = np.ones(3)
    kernel(x)
    assert x.tolist() == [2, 2, 2]


def double(x):
    for k in range(x.shape[0]):
        x[k] *= 2


def compiled_in(monkeypatch, folder):
    """A kernel whose cache is in a folder, and the folder in there."""
    monkeypatch.setattr(compiling.numba_config, "CACHE_DIR", str(folder))
    compiling.cache_folder.cache_clear()
    return compiling.compiled(double), compiling.cache_folder()


@pytest.fixture
def held(fresh, monkeypatch, tmp_path):
    """A kernel while another process compiles it, what ends that, and where it is compiled."""
    fcntl = pytest.importorskip("fcntl")
    other, ready = compiled_in(monkeypatch, tmp_path / "ready")
    other(np.ones(3))
    (lock,) = ready.glob("*.lock")
    kernel, folder = compiled_in(monkeypatch, tmp_path / "held")
    with (folder / lock.name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        def end():
            shutil.copytree(ready, folder, dirs_exist_ok=True)
            fcntl.flock(file, fcntl.LOCK_UN)

        yield kernel, end


def test_what_another_process_compiles_is_waited_for_and_read(held):
    kernel, end = held
    x = np.ones(3)
    waiting = threading.Thread(target=kernel, args=(x,))
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    assert not kernel.signatures
    end()
    waiting.join(60)
    assert x.tolist() == [2, 2, 2]
    assert sum(kernel.stats.cache_hits.values()) == 1
    assert not kernel.stats.cache_misses


def test_a_process_that_was_stopped_is_not_waited_for_for_ever(held, monkeypatch):
    monkeypatch.setattr(compiling, "PATIENCE", 0.05)
    kernel, _ = held
    x = np.ones(3)
    kernel(x)
    assert x.tolist() == [2, 2, 2]
    assert sum(kernel.stats.cache_misses.values()) == 1


def test_constants_that_are_handed_over_make_no_versions(fresh, monkeypatch, tmp_path):
    monkeypatch.setattr(compiling.numba_config, "CACHE_DIR", str(tmp_path))

    def add(x, number, is_twice):
        for k in range(x.shape[0]):
            x[k] += 2 * number if is_twice else number

    inner = compiling.compiled(add)
    outer = compiling.compiled(lambda x: (inner(x, 1, True), inner(x, 3, is_twice=False)))
    x = np.zeros(3)
    outer(x)
    assert x.tolist() == [5, 5, 5]
    assert len(inner.signatures) == 1


def test_the_users_own_setting_is_left_alone():
    before = compiling.numba_config.CACHE_DIR
    compiling.compiled(lambda x: None)
    assert before == compiling.numba_config.CACHE_DIR
