"""A working folder from somebody else: none of its files stands for an installed module."""

import subprocess
import sys
from pathlib import Path

import pytest
import tomli_w

PART = {
    "title": "part",
    "network": {"layers": [3]},
    "train": {"epochs": 4, "replicas": 2},
    "analyses": {"diversity": {}},
    "figures": {"formats": ["svg"]},
}
STANDING_IN = (
    "queue", "json", "random", "pickle", "tomllib", "encodings", "numpy", "xarray", "sitecustomize",
)  # fmt: skip
SCRIPT = Path(sys.executable).with_name("sgdphys")


@pytest.fixture
def hostile(tmp_path):
    marker = tmp_path.with_suffix(".marker")
    for name in STANDING_IN:
        code = f"import sys\nopen({str(marker)!r}, 'a').write({name!r} + ' ' + sys.argv[0])\n"
        (tmp_path / f"{name}.py").write_text(code)
    (tmp_path / "evil.py").write_text(f"open({str(marker)!r}, 'a').write('backend')\n")
    (tmp_path / "matplotlibrc").write_text("backend: module://evil\n")
    (tmp_path / "part.toml").write_text(tomli_w.dumps(PART))
    suite = {"title": "suite", "parts": {"one": "part"}}
    (tmp_path / "suite.toml").write_text(tomli_w.dumps(suite))
    return tmp_path, marker


@pytest.mark.parametrize(
    "start",
    [
        # which alone has the working folder among its folders of modules
        pytest.param("module", marks=pytest.mark.thorough(reason="a study of studies: 7 s")),
        pytest.param("script", marks=pytest.mark.slow(reason="a study of studies again: 7 s")),
    ],
)
def test_nothing_of_it_is_run(hostile, start):
    """By the command or a process that it begins."""
    folder, marker = hostile
    if start == "script" and not SCRIPT.is_file():
        pytest.skip("the command is not installed")
    command = {"module": [sys.executable, "-m", "sgdphys"], "script": [str(SCRIPT)]}[start]
    result = subprocess.run(
        [*command, "run", "suite.toml", "--out", "run"], cwd=folder,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert (folder / "run" / "parts" / "one" / "figures" / "diversity.svg").is_file()
    assert not marker.exists(), marker.read_text()
