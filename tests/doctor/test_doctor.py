"""Every check says what is wrong where something is, and what to do about it."""

from importlib import metadata

import numpy as np
import pytest

from sgdphys.doctor import checks, machine, self_test, versions
from sgdphys.doctor.finding import ok

pytestmark = pytest.mark.thorough(reason="trains, fits and writes")

QUICK = ("versions", "extras", "threads", "memory", "disk", "compiled kernels", "self-test: file")


@pytest.mark.parametrize("name", QUICK)
def test_nothing_is_broken_here(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = checks.CHECKS[name]()
    assert found.state != "broken", found.said
    assert not list(tmp_path.iterdir())


@pytest.mark.slow(reason="compiles and imports torch")
@pytest.mark.parametrize("name", sorted(checks.CHECKS.keys() - set(QUICK)))
def test_nothing_slow_is_broken_here(name):
    found = checks.CHECKS[name]()
    assert found.state == "ok", found.said


def test_a_check_that_fails_does_not_end_the_others(monkeypatch):
    def failing():
        raise RuntimeError("a library\nis odd")

    monkeypatch.setattr(checks, "CHECKS", {"first": failing, "second": lambda: ok("fine")})
    (_, first), (_, second) = checks.examine()
    assert (first.state, first.said) == ("broken", "RuntimeError: a library is odd")
    assert second == ok("fine")


def test_an_old_or_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(
        metadata, "requires", lambda name: ["numpy>=999", "no_such_package>=1", "zz; extra == 'x'"]
    )
    found = versions.versions()
    assert found.state == "broken"
    assert "and >=999 is needed" in found.said
    assert "no_such_package is missing" in found.said
    assert "zz" not in found.said
    assert "pip install" in found.advice


def test_without_an_installation_versions_are_not_compared(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", missing)
    monkeypatch.setattr(metadata, "metadata", missing)
    assert versions.versions().state == "note"
    assert versions.extras().state == "ok"


@pytest.mark.parametrize(
    ("value", "state"), [("none", "broken"), ("0", "broken"), ("100000", "note"), ("1", "ok")]
)
def test_the_limit_of_threads_is_examined(monkeypatch, value, state):
    monkeypatch.setenv("SGDPHYS_THREADS", value)
    found = machine.processors()
    assert found.state == state
    assert "SGDPHYS_THREADS" in found.said + found.advice


def test_a_folder_that_cannot_be_written_is_broken(tmp_path):
    found = machine.disk(tmp_path / "missing")
    assert found.state == "broken"
    assert "cannot be written" in found.said


def test_a_full_disk_is_told(monkeypatch, tmp_path):
    usage = machine.shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda folder: usage)
    assert machine.disk(tmp_path).state == "note"


def test_kernels_without_a_place_are_told(monkeypatch):
    monkeypatch.setattr("sgdphys.compiling.cache_folder", lambda: None)
    assert machine.kernels().state == "note"


class OfAnotherEngine:
    """A run whose weights are not those known."""

    def __init__(self, *arguments, **options):
        from sgdphys.study.example import load_example

        known = load_example()
        self.trajectory = known.isel(step=slice(4)).map_over_datasets(
            lambda data: (
                data.assign(theta=data.theta * np.float32(1.1)) if "theta" in data else data
            )
        )


def test_an_engine_that_computes_otherwise_is_broken(monkeypatch):
    monkeypatch.setattr("sgdphys.study.running.run", OfAnotherEngine)
    found = self_test.engine()
    assert found.state == "broken"
    assert "differ" in found.said


def test_an_estimator_that_computes_otherwise_is_broken(monkeypatch):
    from sgdphys.processes import ornstein_uhlenbeck

    monkeypatch.setattr(
        "sgdphys.processes.ornstein_uhlenbeck",
        lambda kappa, **options: ornstein_uhlenbeck(kappa=5 * kappa, **options),
    )
    assert self_test.estimator().state == "broken"


def test_damage_that_is_not_noticed_is_broken(monkeypatch):
    monkeypatch.setattr("sgdphys.trajectory.reader.check", lambda path: [])
    found = self_test.file()
    assert found.state == "broken"
    assert "damage is not noticed" in found.said


def test_a_gpu_that_fails_is_broken(monkeypatch):
    torch = pytest.importorskip("torch")

    def failing(*arguments, **options):
        raise RuntimeError("no kernel image")

    monkeypatch.setattr(torch.version, "cuda", "12.4")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A card")
    monkeypatch.setattr(torch, "ones", failing)
    found = machine.graphics()
    assert found.state == "broken"
    assert "A card does not compute" in found.said
