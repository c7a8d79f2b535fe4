"""The folder of a run: held by one command, carried on after a kill, mended where it is damaged."""

import os
import shutil
import tomllib
from pathlib import Path

import pytest
import tomli_w
from commands import command
from folders import arrays, contents, same

import sgdphys as sp
from sgdphys.errors import InputError, WorkError
from sgdphys.report.page import write_report
from sgdphys.study.folders import locked
from sgdphys.trajectory import locks

pytestmark = pytest.mark.thorough(reason="carries out studies")

CLAIM = {"says": "s", "by": "b", "statistic": "norm_growth", "above": 0.0, "null": "0"}
TINY = {
    "title": "tiny",
    "network": {"layers": [3]},
    "train": {"epochs": 6, "replicas": 2, "batch_size": 2000},
    "analyses": {"diversity": {}},
    "claims": {"grows": CLAIM},
    "figures": {"formats": []},
}
DRAWN = {**TINY, "figures": {"formats": ["svg"]}}
SWEEP = {**TINY, "claims": {}, "sweep": {"train.seed": [1, 2]}}


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """A study of studies, one of them a sweep."""
    folder = tmp_path_factory.mktemp("suite")
    for name, keys in (("one", TINY), ("two", SWEEP)):
        (folder / f"{name}.toml").write_text(tomli_w.dumps(keys))
    parts = {"title": "suite", "parts": {"one": "one", "two": "two"}, "figures": {"formats": []}}
    path = folder / "suite.toml"
    path.write_text(tomli_w.dumps(parts))
    return path


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, suite):
    folder = tmp_path_factory.mktemp("unbroken")
    return {
        "one": arrays(sp.run(TINY, folder / "one", threads=1).folder),
        "sweep": arrays(sp.run(SWEEP, folder / "sweep", threads=1).folder),
        "suite": arrays(sp.run(suite, folder / "suite", threads=1).folder),
    }


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return sp.run(DRAWN, tmp_path_factory.mktemp("drawn") / "run", threads=1).folder


@pytest.fixture
def made(drawn, tmp_path):
    """A finished run to be spoilt."""
    return shutil.copytree(drawn, tmp_path / "run")


def test_a_refused_command_changes_nothing(made):
    before = contents(made)
    other = {**DRAWN, "analyses": {"diversity": {"confidence": 0.5}}}
    with locked(made):
        for keys, fresh in ((DRAWN, True), (other, False)):
            with pytest.raises(WorkError, match="another process is writing to"):
                sp.run(keys, made, fresh=fresh, threads=1)
    assert contents(made) == before


@pytest.mark.thorough(reason="a study of studies: 3 s")
def test_a_part_that_is_carried_out_by_itself_is_not_removed(suite, tmp_path):
    run = sp.run(suite, tmp_path / "run", threads=1)
    before = contents(run.folder)
    with (
        locked(run.folder / "parts" / "one"),
        pytest.raises(WorkError, match=r"writing to .*parts/one"),
    ):
        sp.run(suite, run.folder, fresh=True, threads=1)
    after = contents(run.folder)
    assert {n: d for n, d in after.items() if n in before} == before


def test_a_lock_is_held_once_and_let_go(tmp_path):
    with locked(tmp_path / "run"), pytest.raises(WorkError), locked(tmp_path / "run"):
        pass
    with locked(tmp_path / "run"):
        pass


def test_where_files_cannot_be_locked_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "fcntl", None)
    told = []
    sp.run(TINY, tmp_path / "run", threads=1, tell=told.append)
    assert sum("cannot be locked" in line for line in told) == 1


class Killed(BaseException):
    """What no part of a run takes for an error of its own."""


def killed_at(monkeypatch, place, number, when):
    """Have the n-th call of a function of os or shutil be the last thing that happens."""
    module, name = place
    original = getattr(module, name)
    calls = 0

    def call(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls > number:
            raise Killed  # whoever cleans up does not get to it either
        if calls == number and when == "before":
            raise Killed
        done = original(*arguments, **options)
        if calls == number:
            raise Killed
        return done

    monkeypatch.setattr(module, name, call)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "when"),
    [
        ("one", "before"),
        ("one", "after"),
        ("sweep", "before"),
        pytest.param("sweep", "after", marks=pytest.mark.slow),
        pytest.param("suite", "before", marks=pytest.mark.slow),
        pytest.param("suite", "after", marks=pytest.mark.slow),
    ],
)
def test_killed_at_any_replacement_of_a_file_it_is_carried_on(
    tmp_path, monkeypatch, suite, unbroken, kind, when
):
    """Also in the folder of a part or a case, with what was being written still there."""
    study = {"one": TINY, "sweep": SWEEP, "suite": suite}[kind]
    points = 0
    while True:
        out = tmp_path / str(points)
        with monkeypatch.context() as patched:
            killed_at(patched, (os, "replace"), points + 1, when)
            try:
                sp.run(study, out, threads=1)
                break  # it was done before that many
            except Killed:
                pass
        (out / "study.toml.partial").touch()
        sp.run(study, out, threads=1)
        same(arrays(out), unbroken[kind])
        assert not list(out.rglob("*.partial"))
        points += 1
    assert points >= {"one": 4, "sweep": 8, "suite": 12}[kind]


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_it_is_cleared_it_is_begun_anew(tmp_path, monkeypatch, suite, unbroken, when):
    for number in (1, 2):
        out = sp.run(SWEEP, tmp_path / str(number), threads=1).folder
        (out / "figures").mkdir()
        (out / "report.html").touch()  # not a run's
        with monkeypatch.context() as patched:
            killed_at(patched, (shutil, "rmtree"), number, when)
            with pytest.raises(Killed):
                sp.run(TINY, out, fresh=True, threads=1)
        sp.run(TINY, out, fresh=True, threads=1)
        same(arrays(out), unbroken["one"])
        assert (out / "report.html").is_file()


@pytest.mark.parametrize(
    "left",
    [
        (),
        (".lock",),
        ("study.toml.partial",),
        (".lock", "trajectory/", "study.toml.partial"),
        ("cases/", "parts/", ".partial-trajectory/000000000-000000002.nc", "results.nc.partial"),
    ],
)
def test_a_folder_in_which_a_command_was_killed_at_its_start_is_used(tmp_path, left):
    out = tmp_path / "run"
    out.mkdir()
    for name in left:
        (out / name).parent.mkdir(exist_ok=True)
        if name.endswith("/"):
            (out / name).mkdir()
        else:
            (out / name).write_text("x")
    run = sp.run(TINY, out, threads=1)
    assert run.is_analysed
    assert not list(out.rglob("*.partial"))
    assert not list(out.glob(".partial-*"))


def test_what_is_half_there_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "film.partial").write_text("mine")
    (tmp_path / ".partial-film").write_text("mine")
    sp.run(TINY, tmp_path, threads=1)
    assert (tmp_path / "film.partial").read_text() == "mine"
    assert (tmp_path / ".partial-film").read_text() == "mine"


@pytest.mark.parametrize("name", ["notes.txt", "trajectory/mine.nc", ".hidden", "cases/a/b"])
def test_a_folder_of_other_things_is_refused_and_left_as_it_is(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")
    before = contents(tmp_path)
    for fresh in (False, True):
        with pytest.raises(InputError, match="is not empty and holds no run"):
            sp.run(TINY, tmp_path, fresh=fresh, threads=1)
    assert contents(tmp_path) == before


@pytest.mark.thorough(reason="two runs: 2 s")
def test_a_run_without_a_recording_gives_way_to_another_study(tmp_path):
    run = sp.run(SWEEP, tmp_path / "run", threads=1)
    other = {**TINY, "train": {**TINY["train"], "seed": 7}}
    with pytest.raises(InputError, match="holds a run of another study"):
        sp.run(other, run.folder, threads=1)
    for segment in run.folder.rglob("trajectory/*"):
        segment.unlink()
    assert sp.run(other, run.folder, threads=1).study.train.seed == 7
    assert not (run.folder / "cases").exists()


@pytest.mark.thorough(reason="a study of studies: 2 s")
def test_a_study_of_other_parts_is_another_study(suite, tmp_path):
    run = sp.run(suite, tmp_path / "run", threads=1)
    keys = {"title": "suite", "parts": {"one": "one"}}
    fewer = suite.with_name("fewer.toml")
    fewer.write_text(tomli_w.dumps(keys))
    with pytest.raises(InputError, match=r"another study \(parts.two differs\)"):
        sp.run(fewer, run.folder, threads=1)
    with pytest.raises(InputError, match=r"another study \(parts differs\)"):
        sp.run(TINY, run.folder, threads=1)


def test_a_refused_case_leaves_no_folder(tmp_path):
    keys = {**SWEEP, "sweep": {"train.batch_size": [10, 0]}}
    with pytest.raises(InputError, match="batch_size is 0"):
        sp.run(keys, tmp_path / "run", threads=1)
    assert list(tmp_path.iterdir()) == []


def empty(data):
    return b""


def cut(data):
    return data[: len(data) // 2]


def garbage(data):
    return b"\x00\xff" * 100


@pytest.mark.parametrize("damage", [empty, cut, garbage])
def test_damaged_results_are_analysed_again(made, damage):
    path = made / "results.nc"
    whole = arrays(made)
    path.write_bytes(damage(path.read_bytes()))
    for reading in (lambda: sp.Run(made).results, lambda: write_report([made])):
        with pytest.raises(WorkError, match=r"results\.nc is damaged; give the command"):
            reading()
    told = []
    sp.run(DRAWN, made, threads=1, tell=told.append)
    assert any("results.nc is damaged; it is analysed again" in line for line in told)
    same(arrays(made), whole)


@pytest.mark.parametrize(
    "damage",
    [
        garbage,
        pytest.param(empty, marks=pytest.mark.slow),
        pytest.param(cut, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("verdicts.json", marks=pytest.mark.thorough(reason="draws again: 3 s")),
        pytest.param(".drawn", marks=pytest.mark.thorough(reason="draws again: 3 s")),
        "figures/diversity.svg",
    ],
)
def test_damaged_verdicts_and_figures_are_made_again(made, name, damage):
    path = made / name
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    told = []
    sp.run(DRAWN, made, threads=1, tell=told.append)
    assert path.read_bytes() == whole
    assert name == ".drawn" or any(path.name in line for line in told)
    told = []
    sp.run(DRAWN, made, threads=1, tell=told.append)
    assert any("the figures in" in line and "are complete" in line for line in told)


@pytest.mark.parametrize(
    "damage",
    [
        empty,
        cut,
        garbage,
        lambda data: data.replace(b"seed = 1\n", b"seed = 2\n"),
        lambda data: data.replace(b"tiny", b"Tiny"),
        lambda data: data[:30],
        lambda data: data.replace(b"sha256", b"sha257"),
    ],
)
def test_a_damaged_study_is_told_and_written_anew(made, damage):
    path = made / "study.toml"
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert path.read_bytes() != whole
    for reading in (sp.Run(made).figures, lambda: write_report([made])):
        with pytest.raises(WorkError, match=r"study\.toml is damaged.*restore it$"):
            reading()
    with pytest.raises((WorkError, InputError)):
        sp.run(path, made, threads=1)
    other = {**DRAWN, "train": {**TINY["train"], "seed": 2}}
    with pytest.raises(InputError, match=r"another study \(study.toml differs\)"):
        sp.run(other, made, threads=1)
    told = []
    sp.run(DRAWN, made, threads=1, tell=told.append)
    assert path.read_bytes() == whole
    assert any("it is written again" in line for line in told)
    assert any("the recording" in line and "is complete" in line for line in told)


def test_a_study_of_before_there_were_digests_is_read(made):
    path = made / "study.toml"
    head, _, text = path.read_text().partition("\n")
    assert head.startswith("# sha256")
    path.write_text(text)
    assert sp.Run(made).study.title == "tiny"


@pytest.mark.parametrize("name", ["../../other", "/etc", "..", ""])
def test_parts_do_not_lead_out_of_a_run(tmp_path, name):
    (tmp_path / "study.toml").write_text(tomli_w.dumps({"title": "t", "parts": {name: "one"}}))
    with pytest.raises(InputError, match="names a folder"):
        _ = sp.Run(tmp_path).parts
    with pytest.raises(InputError, match="names a folder"):
        write_report([tmp_path])


def test_a_run_by_its_name(made, monkeypatch):
    monkeypatch.chdir(made.parent)
    run = sp.Run("run")
    assert run.folder == Path("run")
    assert run.trajectory["weights"].sizes["replica"] == 2


def test_what_is_no_run_is_told(tmp_path):
    run = sp.Run(tmp_path)
    for reading in ("study", "trajectory", "cases", "parts", "results", "verdicts"):
        with pytest.raises(InputError, match="is not the folder of a run"):
            getattr(run, reading)
    with pytest.raises(InputError, match="is not the folder of a run"):
        run.write_figures()
    with pytest.raises(InputError, match="has no recording yet"):
        _ = run.diverged_steps


def test_a_path_that_netcdf_cannot_write_to_is_refused(tmp_path):
    with pytest.raises(InputError, match="backslash"):
        sp.run(TINY, tmp_path / "a\\b", threads=1)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_may_be_read_only_is_reported(made, tmp_path, monkeypatch):
    shutil.rmtree(made / "figures")
    mkdir = Path.mkdir

    def refused(self, *arguments, **options):
        if self.is_relative_to(made):
            raise PermissionError(13, "Permission denied", str(self))
        mkdir(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", refused)
    page = write_report([made], tmp_path / "page.html").read_text()
    assert "data:image/svg+xml" in page
    assert not (made / "figures").exists()


def test_a_run_on_disk_may_have_former_names_of_values(tmp_path):
    """As runs of before the rename have; the same values in a new study are refused."""
    keys = {**TINY, "record": {"weights": "log_pairs"}, "figures": {"formats": []}}
    keys["analyses"] = {"information": {"edges": "as_published", "epochs": [0], "replicas": 1}}
    run = sp.run({**keys, "claims": {}}, tmp_path / "run", threads=1)
    path = run.folder / "study.toml"
    _, _, text = path.read_text().partition("\n")
    assert "log_pairs" in text
    former = text.replace('"log_pairs"', '"pairs"').replace('"as_published"', '"idnns"')
    path.write_text(former)  # one of before there were digests has no heading
    again = sp.Run(run.folder).study
    assert again == run.study
    with pytest.raises(InputError, match="'pairs' is now called 'log_pairs'"):
        sp.run(tomllib.loads(former), tmp_path / "other")


@pytest.mark.parametrize("change", [{"above": 1.0}, {"says": "other words"}])
def test_a_rule_that_was_changed_after_its_verdict_is_told(tmp_path, change):
    claim = {**CLAIM, "written": "before"}
    sp.run({**TINY, "claims": {"grows": claim}}, tmp_path / "run", threads=1)
    said = []
    sp.run(
        {**TINY, "claims": {"grows": claim | change}}, tmp_path / "run", threads=1, tell=said.append
    )
    told = [s for s in said if "the rule is new or changed since the claims of this run" in s]
    assert len(told) == ("above" in change)


@pytest.mark.parametrize("name", ["results.nc", "study.toml", "verdicts.json"])
def test_damage_of_what_a_run_found_is_told_by_check(made, name):
    """The recording alone was looked at, and the run called valid."""
    assert command("check", made).returncode == 0
    path = made / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = command("check", made)
    assert found.returncode == 1
    assert f"{name} is damaged" in found.stdout
