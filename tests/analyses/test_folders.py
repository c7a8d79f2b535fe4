"""Analyses as folders: one of a user's own, from its keys to the page; and what is read when."""

import json
import os
import subprocess
import sys
from importlib import invalidate_caches

import numpy as np
import pytest
import tomli_w
import xarray as xr
from commands import command, refused

import sgdphys.analyses
from sgdphys.analyses import catalogue
from sgdphys.errors import InputError

pytestmark = pytest.mark.thorough(reason="carries out studies in a copied package")

TOY = {
    "__init__": '"""How far networks are apart."""',
    "settings": '''
from typing import Literal

from sgdphys.analyses.settings import AnalysisSettings
from sgdphys.keys import Positive


class Settings(AnalysisSettings):
    of: Literal["toy"]
    power: Positive = 2.0

    def requires(self, study):
        if study.train.replicas < 2:
            return ["compares networks; set train.replicas to 2 or more"]
        return []
''',
    "analysis": '''
import xarray as xr

from sgdphys.errors import NotEnoughData


def analyse(source, analysis):
    theta = source.weights["theta"].load()
    if source.study.train.seed == 13:
        raise NotEnoughData("thirteen brings no luck")
    apart = abs(theta - theta.mean("replica")) ** analysis.power
    return xr.Dataset({"apart": apart.mean("parameter")}, attrs={"samples": len(source.task["x"])})
''',
    "statistics": '''
from sgdphys.claims.statistic import Statistic


def apart_at_the_end(results):
    """Reworded at will."""
    return results.of("toy")["apart"].isel(step=-1)


STATISTICS = {
    "apart_at_the_end": Statistic(
        apart_at_the_end, "Mean power of the distance from the mean network",
        needs=("toy",), shown_in=("toy_apart",),
    ),
}
''',
    "figures": '''
from matplotlib import pyplot as plt

from sgdphys.analyses.entry import Entry


def apart(sources):
    figure, ax = plt.subplots()
    ax.plot(sources["toy"]["step"], sources["toy"]["apart"].transpose("step", "replica"))
    ax.set_xlabel("step")
    return figure


FIGURES = {
    "toy_apart": Entry(
        apart, "Distances of networks from their mean.", needs=("toy",),
        seen=lambda data: f"{data.sizes['replica']} networks part.",
    ),
}
''',
}  # fmt: skip
STUDY = {
    "title": "Toys",
    "network": {"layers": [3]},
    "train": {"epochs": 4, "replicas": 3},
    "analyses": {"toy": {}},
    "claims": {"apart": {"says": "Networks part", "by": "the test", "above": 0.0, "null": "0",
                         "statistic": "apart_at_the_end"}},
    "figures": {"formats": ["svg"]},
}  # fmt: skip


@pytest.fixture
def toys(tmp_path):
    """Write analyses into a folder, and return an environment in which they are found."""

    def written(**analyses):
        for name, files in analyses.items():
            (tmp_path / "mine" / name).mkdir(parents=True)
            for file, text in files.items():
                (tmp_path / "mine" / name / f"{file}.py").write_text(text)
        return {**os.environ, "SGDPHYS_ANALYSES": str(tmp_path / "mine")}

    return written


@pytest.fixture
def anew(monkeypatch):
    """Have folders of analyses looked for again, now and after the test."""

    def forget():
        invalidate_caches()
        for found in (catalogue.settings, catalogue.statistics, catalogue.figures):
            found.cache_clear()
        for name in [n for n in sys.modules if n.startswith("sgdphys.analyses.toy")]:
            del sys.modules[name]
        vars(sgdphys.analyses).pop("toy", None)

    forget()
    yield monkeypatch
    monkeypatch.undo()
    forget()


def study(folder, **changed):
    path = folder / "toys.toml"
    path.write_text(tomli_w.dumps({**STUDY, **changed}))
    return path


def test_an_analysis_of_your_own_goes_from_its_keys_to_the_page(tmp_path, toys):
    environment = toys(toy=TOY)
    run = tmp_path / "run"
    done = command("run", study(tmp_path), "--out", run, "--workers", 1, env=environment)
    assert done.returncode == 0, done.stderr
    with xr.open_datatree(run / "results.nc") as results:
        assert results["toy"].attrs["samples"] == 4096
    (verdict,) = json.loads((run / "verdicts.json").read_text())["verdicts"]
    assert verdict["word"] == "supported"
    assert verdict["measured"] == "Mean power of the distance from the mean network"
    assert (run / "figures" / "toy_apart.svg").is_file()
    written = command("report", run, env=environment)
    assert written.returncode == 0, written.stderr
    page = (run / "report.html").read_text()
    assert "Distances of networks from their mean." in page
    assert "3 networks part." in page
    assert 'href="#run-toy_apart"' in page


@pytest.mark.thorough(reason="a run of its own in a copied package: 8 s")
def test_an_analysis_without_data_says_why_and_harms_no_other(tmp_path, toys):
    environment = toys(toy=TOY)
    keys = {
        "train": {"epochs": 4, "replicas": 3, "seed": 13},
        "analyses": {"toy": {}, "learning": {}},
    }
    path = study(tmp_path, **keys)
    done = command("run", path, "--out", tmp_path / "run", "--workers", 1, env=environment)
    assert done.returncode == 0, done.stderr
    assert "analyses.toy has no data: thirteen brings no luck" in done.stderr + done.stdout
    (verdict,) = json.loads((tmp_path / "run" / "verdicts.json").read_text())["verdicts"]
    assert (verdict["word"], verdict["reason"]) == ("no data", "thirteen brings no luck")
    drawn = {path.stem for path in (tmp_path / "run" / "figures").iterdir()}
    assert "test_error" in drawn
    assert "toy_apart" not in drawn


@pytest.mark.thorough(reason="a copied package in a new process: 5 s")
def test_what_is_wrong_with_its_keys_is_told_with_all_else_before_training(tmp_path, toys):
    environment = toys(toy=TOY)
    bad = study(tmp_path, train={"epochs": 4, "replicas": 1}, task={"name": "digits", "units": 9})
    result = command("run", bad, "--out", tmp_path / "run", env=environment)
    refused(result, 2, "analyses.toy compares networks", "task.units has no effect")
    misspelt = study(tmp_path, analyses={"toy": {"powr": 3.0}})
    result = command("run", misspelt, "--out", tmp_path / "run", env=environment)
    refused(result, 2, "analyses.toy.powr", "did you mean 'power'?")
    result = command("run", study(tmp_path), "--out", tmp_path / "run")
    refused(result, 2, "analyses.toy", "no kind of analysis", "statistic is 'apart_at_the_end'")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"__init__": ""}, "mine/toy is the folder of an analysis and has no settings.py"),
        ({"__init__": "", "settings": "Settings = 3"}, "has no class Settings"),
        ({**TOY, "settings": TOY["settings"].replace('["toy"]', '["boy"]')}, "of: Literal['toy']"),
        ({**TOY, "statistics": TOY["statistics"].replace('"apart_at_the_end":', '"bits_lost":')},
         "has 'bits_lost', which another analysis has too"),
        ({k: text for k, text in TOY.items() if k != "analysis"}, "has no analysis.py"),
    ],
)  # fmt: skip
def test_a_folder_that_is_no_analysis_is_told(tmp_path, toys, anew, files, words):
    toys(toy=files)
    anew.setattr(sgdphys.analyses, "__path__", [*sgdphys.analyses.__path__, str(tmp_path / "mine")])
    with pytest.raises(InputError) as told:
        catalogue.statistics()
    assert words in str(told.value)


@pytest.mark.thorough(reason="a copied package in a new process: 3 s")
def test_a_folder_that_has_the_name_of_another_is_told(tmp_path, toys):
    environment = toys(information=TOY)
    result = command("run", study(tmp_path), env=environment, cwd=tmp_path)
    refused(result, 2, "mine/information has the name of another analysis")


def test_settings_need_nothing_that_computes_or_draws():
    probe = """
import sys
from sgdphys.study.files import load_study
load_study({"analyses": {"information": {}}})
heavy = {"torch", "matplotlib", "scipy.stats", "statsmodels", "dask", "numba"}
print(sorted(heavy & set(sys.modules)))
from sgdphys.analyses.catalogue import statistics
statistics()
print(sorted(heavy & set(sys.modules)))
print([m for m in sys.modules if m.startswith("sgdphys.analyses.") and m.endswith(".analysis")])
"""
    result = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    assert result.stdout.split("\n")[:3] == ["[]"] * 3


@pytest.mark.slow(reason="a run of its own in new processes: 9 s")
def test_an_analysis_that_was_edited_is_carried_out_again(tmp_path, toys):
    keys = {"claims": {}, "figures": {"formats": []}}
    environment = toys(toy=TOY)
    given = ("run", study(tmp_path, **keys), "--out", tmp_path / "run", "--workers", 1)
    found = []
    for _ in range(2):
        done = command(*given, env=environment)
        assert done.returncode == 0, done.stderr
        with xr.open_datatree(tmp_path / "run" / "results.nc") as results:
            found.append(results["toy"]["apart"].to_numpy())
        path = tmp_path / "mine" / "toy" / "analysis.py"
        path.write_text(TOY["analysis"] + "\n_before = analyse\n\n\ndef analyse(*given):\n"
                        "    return _before(*given) * 2\n")  # fmt: skip
    np.testing.assert_array_equal(found[1], 2 * found[0])
