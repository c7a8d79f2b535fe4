"""Commands killed (SIGKILL) at random moments, and given again: the same arrays in the end."""

import random
import signal
import subprocess
import sys
import time

import pytest
import tomli_w
from commands import ALL_PROCESSORS
from folders import arrays, same

ONE = {
    "title": "one",
    "network": {"layers": [6, 4]},
    "train": {"epochs": 400, "replicas": 16},
    "analyses": {"diversity": {}, "learning": {}},
    "claims": {
        "grows": {"says": "s", "by": "b", "statistic": "norm_growth", "above": 0.0, "null": "0"}
    },
    "figures": {"formats": ["svg"]},
}
UNDRAWN = {**ONE, "figures": {"formats": []}}
SWEEP = {**UNDRAWN, "title": "sweep", "claims": {}, "sweep": {"train.seed": [1, 2, 3]}}
SUITE = {
    "title": "suite",
    "parts": {
        "first": "undrawn", "sweep": "sweep",
        "again": {"study": "undrawn", "set": {"train.seed": 2}},
    },
    "figures": {"formats": []},
}  # fmt: skip
STUDIES = {"one": ONE, "undrawn": UNDRAWN, "sweep": SWEEP, "suite": SUITE}


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies")
    for name, keys in STUDIES.items():
        (folder / f"{name}.toml").write_text(tomli_w.dumps(keys))
    return folder


def started(studies, name, out):
    with out.with_suffix(".errors").open("a") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "sgdphys", "run", studies / f"{name}.toml", "--out", out],
            stdout=errors, stderr=errors, env=ALL_PROCESSORS,
        )  # fmt: skip


def finished(studies, name, out):
    status = started(studies, name, out).wait(timeout=600)
    said = out.with_suffix(".errors").read_text()
    assert status == 0, said
    assert "Traceback" not in said
    assert not [path for path in out.rglob("*") if "partial" in path.name]
    return arrays(out)


@pytest.fixture(scope="module")
def unbroken(studies):
    """Arrays of each study, and the seconds that it takes."""
    found = {}
    for name in ("one", "sweep", "suite"):
        finished(studies, name, studies / f"first-{name}")  # whatever has to be compiled is
        before = time.monotonic()
        found[name] = (finished(studies, name, studies / name), time.monotonic() - before)
    return found


@pytest.mark.slow
def test_in_the_first_second(studies, unbroken, tmp_path):
    """From when the folder is there: while it is made ready."""
    moments = random.Random(1)
    for k in range(20):
        name = ("one", "sweep", "suite")[k % 3]
        out = tmp_path / str(k)
        process = started(studies, name, out)
        while not out.is_dir():
            time.sleep(0.0005)
        time.sleep(moments.uniform(0, 0.01) if k < 10 else moments.uniform(0, 1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        same(finished(studies, name, out), unbroken[name][0])
    print("20 of 20 killed in the first second were carried on to the same arrays")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["one", "sweep", "suite"])
def test_at_random_moments(studies, unbroken, tmp_path, name):
    """Five times in each folder, the same command each time."""
    moments = random.Random(name)
    whole, seconds = unbroken[name]
    kills = 0
    for k in range({"one": 2, "sweep": 3, "suite": 5}[name]):
        out = tmp_path / str(k)
        for _ in range(5):
            process = started(studies, name, out)
            try:
                process.wait(timeout=moments.uniform(0.5, 0.8 * seconds))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
        same(finished(studies, name, out), whole)
    print(f"{kills} kills of {name} were carried on to the same arrays")
    assert kills >= {"one": 5, "sweep": 8, "suite": 15}[name]
