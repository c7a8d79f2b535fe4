"""Memory is bounded by blocks, however large a lazy trajectory is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("large_trajectory.py")


def report_on(*sizes):
    result = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, sizes)], capture_output=True, text=True, check=True
    )
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
