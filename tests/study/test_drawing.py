"""Figures of a run that is carried out again: none of an earlier drawing stays beside new ones."""

import shutil

import pytest

import sgdphys as sp

STUDY = {
    "network": {"layers": [4]},
    "train": {"epochs": 6, "replicas": 3},
    "analyses": {"learning": {}, "information": {}},
    "figures": {"formats": ["svg"]},
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawing") / "run"
    sp.run(STUDY, folder)
    return folder


@pytest.mark.thorough(reason="draws all figures of a run again: 8 s")
def test_figures_of_an_earlier_drawing_are_removed(drawn, tmp_path):
    """The page took old pictures, and the verdicts of new results."""
    folder = tmp_path / "run"
    shutil.copytree(drawn, folder)
    figures = folder / "figures"
    before = {path.name for path in figures.glob("*.svg")}
    (figures / "training.svg").write_text("<svg/>")  # the user's own from now on
    (figures / "mine.svg").write_text("<svg/>")
    others = {"learning": {}}
    sp.run({**STUDY, "analyses": others, "figures": {"formats": ["png"]}}, folder)
    after = {path.name for path in figures.glob("*.svg")}
    assert after == {"training.svg", "mine.svg"}
    assert "plane_snapshots.svg" in before
    assert not (figures / "plane_snapshots.csv").exists()
    assert (figures / "training.png").is_file()
