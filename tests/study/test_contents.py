"""Contents of data and modules are part of a study: found beside its file, and known again."""

import hashlib
import os
import struct
import subprocess
import sys
import tomllib

import numpy as np
import pytest
import tomli_w
from commands import command

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.study.files import (
    cases_of,
    differences,
    load_study,
    parts_of,
    resolved_text,
    shipped_studies,
    study_hash,
    training_hash,
)
from sgdphys.study.runs import Run
from sgdphys.study.settings import study_from

KEYS = {
    "task": {"name": "table", "path": "data.csv"},
    "network": {"layers": [2]},
    "train": {"epochs": 2, "replicas": 2, "batch_size": 5},
    "analyses": {"information": {}},
    "figures": {"formats": []},
}


def write_table(path, classes=2, rows=20):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{k},{k % 3},{k % classes}\n" for k in range(rows)))


def write_study(path, keys):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tomli_w.dumps(keys))
    return path


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a study and its data; the working folder is another."""
    write_table(tmp_path / "project" / "data.csv")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    write_study(tmp_path / "project" / "study.toml", KEYS)
    return tmp_path / "project"


@pytest.mark.parametrize(
    ("keys", "known"),
    [
        ({}, "ecb6fdffc94932f6"),
        (
            {"train": {"seed": 3, "epochs": 7}, "sweep": {"train.batch_size": [4, 8]}},
            "4da422fc8ad6cfcf",
        ),
        (
            {"parts": {"a": "digits", "b": {"study": "sampler", "set": {"train.seed": 2}}}},
            "87066590c31a1be2",
        ),
    ],
)
def test_the_hash_of_a_study_without_files_is_that_of_runs_on_disk(keys, known):
    assert study_hash(study_from(keys, "s")) == known


def test_shipped_studies_keep_their_hashes():
    for name, known in (
        ("information_plane", "ecb6fdffc94932f6"), ("sampler", "62deeb8aa0ee0886"),
        ("opening_the_black_box", "d144a1a7d3627f34"),
    ):  # fmt: skip
        assert study_hash(load_study(shipped_studies()[name])[1]) == known


def test_a_path_is_relative_to_the_file_that_says_it(project):
    study = load_study(project / "study.toml")[1]
    assert study.task.path == str(project / "data.csv")
    swept = write_study(project / "sweep.toml", {**KEYS, "sweep": {"task": {"path": ["data.csv"]}}})
    (case,) = cases_of(load_study(swept)[1]).values()
    assert case.task.path == str(project / "data.csv")
    write_table(project.parent / "other.csv", rows=30)
    part = {"study": "study", "set": {"task.path": "../other.csv"}}
    whole = write_study(project / "all.toml", {"parts": {"a": "study", "b": part}})
    parts = parts_of(load_study(whole)[1], whole)
    assert parts["a"].task.path == str(project / "data.csv")
    assert os.path.samefile(parts["b"].task.path, project.parent / "other.csv")


def test_a_path_of_a_setting_or_a_mapping_is_relative_to_the_working_folder(project):
    with pytest.raises(InputError, match=r"there is no file .*elsewhere/data\.csv"):
        load_study(project / "study.toml", ["task.path=data.csv"])
    with pytest.raises(InputError, match=r"there is no file .*elsewhere/data\.csv"):
        load_study(KEYS)
    write_table(project.parent / "elsewhere" / "data.csv")
    given = load_study(project / "study.toml", ["task.path=data.csv"])[1]
    assert given.task.path == load_study(KEYS)[1].task.path == str(
        project.parent / "elsewhere" / "data.csv"
    )  # fmt: skip


def test_contents_are_what_sha256sum_says(project):
    study = load_study(project / "study.toml")[1]
    data = (project / "data.csv").read_bytes()
    assert study.contents == {"task.path": f"sha256:{hashlib.sha256(data).hexdigest()}"}
    images, labels = project / "train-images-idx3-ubyte", project / "train-labels-idx1-ubyte"
    images.write_bytes(struct.pack(">HBB3I", 0, 8, 3, 4, 2, 2) + bytes(16))
    labels.write_bytes(struct.pack(">HBBI", 0, 8, 1, 4) + bytes([0, 1, 0, 1]))
    (project / "idx-notes.txt").write_text("not read")
    printed = subprocess.run(
        ["sha256sum", images.name, labels.name], cwd=project, capture_output=True, check=True
    ).stdout
    for path in (".", "train-images-idx3-ubyte"):
        keys = {**KEYS, "task": {"name": "idx", "path": path}}
        idx = load_study(write_study(project / "idx.toml", keys))[1]
        assert idx.contents == {"task.path": f"sha256:{hashlib.sha256(printed).hexdigest()}"}


def test_the_same_data_elsewhere_are_the_same_study(project, tmp_path):
    study = load_study(project / "study.toml")[1]
    moved = tmp_path / "moved"
    project.rename(moved)
    again = load_study(moved / "study.toml")[1]
    assert study_hash(again) == study_hash(study)
    assert training_hash(again) == training_hash(study)
    write_table(moved / "data.csv", rows=21)
    other = load_study(moved / "study.toml")[1]
    assert study_hash(other) != study_hash(study)
    assert training_hash(other) != training_hash(study)
    assert differences(study, other) == ["contents of task.path"]


def test_a_training_is_known_whatever_is_recorded_of_it():
    one = study_from({"train": {"epochs": 3}}, "s")
    other = study_from({"train": {"epochs": 3}, "record": {"weights": "log"}, "title": "x"}, "s")
    assert training_hash(one) == training_hash(other)
    assert study_hash(one) != study_hash(other)
    assert training_hash(one) != training_hash(study_from({"train": {"epochs": 4}}, "s"))


def test_data_that_changed_are_another_study(project):
    run = sp.run(project / "study.toml", project / "run")
    before = (project / "run" / "results.nc").read_bytes()
    write_table(project / "data.csv", rows=30)
    with pytest.raises(InputError, match=r"another study \(contents of task.path differs\)"):
        sp.run(project / "study.toml", project / "run")
    assert (project / "run" / "results.nc").read_bytes() == before
    # a run is read without what it was made of
    (project / "data.csv").unlink()
    kept = Run(run.folder).study
    assert kept.contents == run.study.contents
    assert kept.task.path == str(project / "data.csv")


def test_contents_that_a_study_says_must_be_those_of_its_files(project):
    study = load_study(project / "study.toml")[1]
    kept = write_study(project / "pinned.toml", {**KEYS, "contents": study.contents})
    assert load_study(kept)[1] == study
    (project / "resolved.toml").write_text(resolved_text(study))
    assert load_study(project / "resolved.toml")[1] == study
    write_table(project / "data.csv", rows=30)
    with pytest.raises(InputError, match=r"task\.path has other contents than the study says"):
        load_study(kept)
    with pytest.raises(InputError, match="it must be 'sha256:' and 64"):
        load_study({**KEYS, "contents": {"task.path": "md5:1"}})


def test_each_value_of_a_sweep_has_contents_of_its_own(project):
    write_table(project / "b.csv", rows=30)
    keys = {**KEYS, "sweep": {"task.path": ["data.csv", "b.csv"], "train.seed": [1, 2]}}
    study = load_study(write_study(project / "sweep.toml", keys))[1]
    assert list(study.contents) == ["task.path[0]", "task.path[1]"]
    digests = [case.contents["task.path"] for case in cases_of(study).values()]
    assert digests == [*[study.contents["task.path[0]"]] * 2, *[study.contents["task.path[1]"]] * 2]
    # as read back from a run's folder, without the files
    again = study_from(tomllib.loads(resolved_text(study)), "s")
    (project / "data.csv").unlink()
    assert cases_of(again) == cases_of(study)
    assert study_hash(again) == study_hash(study)


def test_a_large_file_is_read_once(project, monkeypatch):
    study = load_study(project / "study.toml")[1]
    monkeypatch.setattr(hashlib, "sha256", None)
    assert load_study(project / "study.toml")[1] == study


MODULE = {
    **KEYS,
    "task": {"name": "digits"},
    "network": {"module": "my_net:make"},
    "train": {"epochs": 1, "replicas": 1, "batch_size": 2000},
    "record": {"gradients": "none"},
}
SOURCE = "import torch\ndef make():\n    return torch.nn.Linear(64, 10)\n"
FLAT = SOURCE.replace("return torch.nn.Linear(64, 10)", "return torch.nn.Sequential("
                      "torch.nn.Flatten(), torch.nn.Linear(64, 10))")  # fmt: skip


def test_a_module_is_found_beside_the_study_without_importing_it(project):
    (project / "my_net.py").write_text("raise SystemExit\n" + SOURCE)
    path = write_study(project / "module.toml", MODULE)
    study = load_study(path)[1]
    assert study.folder == str(project)
    source = (project / "my_net.py").read_bytes()
    assert study.contents == {"network.module": f"sha256:{hashlib.sha256(source).hexdigest()}"}
    assert "my_net" not in sys.modules
    assert str(project) not in sys.path
    # in a mapping, and by a setting, it is one of the working folder
    for given, settings in ((MODULE, []), (path, ["network.module=my_net:make"])):
        with pytest.raises(InputError, match=r"can import no 'my_net', .* none in .*elsewhere"):
            load_study(given, settings)
    (project.parent / "elsewhere" / "my_net.py").write_text(SOURCE)
    assert load_study(MODULE)[1].folder == str(project.parent / "elsewhere")


def test_what_python_can_import_comes_first(project):
    (project / "json.py").write_text("def loads(): ...\ndef mine(): ...\n")
    keys = {**MODULE, "network": {"module": "json:mine"}}
    with pytest.raises(InputError, match=r"json/__init__\.py has no 'mine'"):
        load_study(write_study(project / "module.toml", keys))


def test_a_function_that_is_not_there_is_told_before_anything_is_made(project):
    (project / "my_net.py").write_text(SOURCE)
    keys = {**MODULE, "network": {"module": "my_net:mak"}}
    with pytest.raises(InputError, match="has no 'mak'; did you mean 'make'"):
        sp.run(write_study(project / "module.toml", keys), project / "run")
    assert not (project / "run").exists()


@pytest.fixture
def fresh_modules():
    yield
    sys.modules.pop("my_net", None)


@pytest.mark.usefixtures("fresh_modules")
def test_a_module_beside_the_study_is_trained_and_read_again(project):
    (project / "parts_of_it.py").write_text(FLAT)
    (project / "my_net.py").write_text("def make():\n    import parts_of_it\n"
                                       "    return parts_of_it.make()\n")  # fmt: skip
    run = sp.run(write_study(project / "module.toml", MODULE), project / "run")
    assert run.results["information"]["I_XT"].sizes["layer"] == 1
    assert run.study.folder == str(project)
    assert str(project) not in sys.path
    (project / "my_net.py").write_text(FLAT)
    with pytest.raises(InputError, match=r"another study \(contents of network.module differs\)"):
        sp.run(project / "module.toml", project / "run")
    sys.modules.pop("parts_of_it")


@pytest.mark.usefixtures("fresh_modules")
def test_two_modules_of_one_name_are_told_apart(project, tmp_path):
    (project / "my_net.py").write_text(FLAT)
    other = tmp_path / "other"
    other.mkdir()
    (other / "my_net.py").write_text(FLAT + "# another\n")
    one, two = (write_study(f / "module.toml", MODULE) for f in (project, other))
    sp.run(one, project / "run")
    with pytest.raises(InputError, match=r"has imported .* by that name before"):
        sp.run(two, other / "run")
    parts = {"one": str(one), "two": str(two)}
    with pytest.raises(InputError, match=r"parts\.two and parts\.one mean different modules"):
        load_study({"parts": parts})


def test_damaged_data_are_told_before_anything_is_made(project):
    np.savez(project / "data.npz", z=np.zeros(3))
    keys = {**KEYS, "task": {"name": "table", "path": "data.npz"}}
    with pytest.raises(InputError, match="x and y, or x and target, were expected"):
        sp.run(write_study(project / "bad.toml", keys), project / "run")
    assert not (project / "run").exists()


def test_labels_of_a_table_are_known_before_training(project):
    np.savez(project / "data.npz", x=np.zeros((9, 2)), target=np.ones((9, 1)))
    keys = {**KEYS, "task": {"name": "table", "path": "data.npz"}}
    with pytest.raises(InputError) as caught:
        load_study(write_study(project / "targets.toml", keys))
    assert "task 'table' has no labels; set train.loss = 'squared_error'" in str(caught.value)
    assert "analyses.information is of 'information', which needs labels" in str(caught.value)


def test_damaged_data_leaves_no_folder_and_is_found_by_check(project):
    good, bad = project / "data.csv", project / "bad.csv"
    bad.write_text(good.read_text().replace("7,1,1", "7,one,1"))
    given = project / "sweep.toml"
    write_study(given, {**KEYS, "sweep": {"task.path": ["data.csv", "bad.csv"]}})
    said = "bad.csv, sample 8: 2 numbers and a label were expected"
    with pytest.raises(InputError, match=said):
        sp.run(given, "run")
    assert not os.path.exists("run")
    done = command("check", given)
    assert done.returncode == 2
    assert said in done.stderr
    assert command("check", project / "study.toml").returncode == 0
