"""Memory is bounded by blocks, however large a lazy trajectory is."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

HERE = Path(__file__).parent


def report_on(*arguments, script="large_trajectory.py"):
    command = [sys.executable, HERE / script, *arguments]
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


@pytest.mark.slow
def test_ten_times_the_data_need_no_more_memory():
    small, large = report_on(2000, 1, 3000), report_on(2000, 8, 3000)
    assert large["series"] == 24_000
    assert large["ou"] == pytest.approx(0.5, rel=0.02)
    assert large["peak_mib"] < small["peak_mib"] + 100


@pytest.mark.slow
def test_six_gigabytes_in_two():
    """10^4 steps x 50 replicas x 3000 parameters: under 2 GiB and 10 minutes on two cores."""
    found = report_on(10_000, 50, 3000)
    assert found["series"] == 150_000
    assert found["peak_mib"] < 2048
    assert found["seconds"] < 600
    for name in ("increments", "wiener", "ou"):
        assert found[name] == pytest.approx(0.5, rel=0.02)


@pytest.mark.slow
def test_all_models_are_fitted_to_three_times_the_limit(tmp_path, monkeypatch):
    """The library's own cache of the file counts, too: 64 MiB of every array by default."""
    limit = 64e6
    monkeypatch.setenv("SGDPHYS_MEMORY", f"{limit:.0f}")
    steps = np.random.default_rng(0).standard_normal((60_000, 400))
    walks = xr.Dataset({"x": (("step", "walk"), steps.cumsum(axis=0))})
    for name, count in (("small.nc", 8), ("large.nc", 400)):
        encoding = {"x": {"chunksizes": (6000, 8)}}
        walks.isel(walk=slice(count)).to_netcdf(tmp_path / name, encoding=encoding)
    assert walks["x"].nbytes == 3 * limit
    found = report_on(tmp_path / "small.nc", tmp_path / "large.nc", script="large_file.py")
    assert found["bytes"] < limit
    assert found["best"]["wiener"] >= 380
