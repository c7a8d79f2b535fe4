"""The cache of compiled kernels: where it goes, and what happens where it can go nowhere."""

from pathlib import Path

import numpy as np
import pytest

from sgdphys import compiling


@pytest.fixture
def fresh():
    compiling.cache_folder.cache_clear()
    yield
    compiling.cache_folder.cache_clear()


def test_the_cache_follows_the_users_setting(fresh, monkeypatch, tmp_path):
    monkeypatch.setattr(compiling.numba_config, "CACHE_DIR", str(tmp_path))
    assert compiling.cache_folder().is_relative_to(tmp_path)


def test_without_a_writable_folder_kernels_still_compile(fresh, monkeypatch):
    monkeypatch.setattr(compiling, "_candidates", lambda: [Path("/sys/nowhere")])
    assert compiling.cache_folder() is None

    def double(x):
        for k in range(x.shape[0]):
            x[k] *= 2

    kernel = compiling.compiled(double)
    x = np.ones(3)
    kernel(x)
    assert x.tolist() == [2, 2, 2]


def test_the_users_own_setting_is_left_alone():
    before = compiling.numba_config.CACHE_DIR
    compiling.compiled(lambda x: None)
    assert before == compiling.numba_config.CACHE_DIR
