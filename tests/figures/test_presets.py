"""Presets: size, letters and labels of a journal; and the user's own settings afterwards."""

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot as plt

import sgdphys as sp
from sgdphys.analyses.drawing import draw, drawn
from sgdphys.errors import InputError
from sgdphys.figures.for_print import journal_label, panels_of, words_of
from sgdphys.figures.presets import current
from sgdphys.figures.style import sheet, subplots


@pytest.fixture(autouse=True)
def _off_screen():
    mpl.use("agg")
    yield
    plt.close("all")


def bits(units="bits"):
    names = ("epoch", "replica", "layer")
    values = np.random.default_rng(0).random((4, 5, 3))
    told = {n: (names, values, {"units": units, "long_name": n})
            for n in ("I_XT", "I_TY", "null_I_TY")}  # fmt: skip
    return xr.Dataset(told, {"epoch": [0, 1, 10, 100], "layer": [1, 2, 3]}, {"samples": 64})


def test_a_preset_is_in_use_until_its_context_ends():
    before = dict(mpl.rcParams)
    with sp.figures.use("prl"), sp.figures.use("slides"):
        assert current().font == 16
    assert current() is None
    assert dict(mpl.rcParams) == before
    undo = sp.figures.use("prl-two")
    assert plt.subplots()[0].get_figwidth() == 7.0
    undo.close()
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(("style", "width", "rows"), [("prl", 3.375, 2), ("prl-two", 7.0, 1)])
def test_panels_have_the_width_of_columns_and_letters(style, width, rows):
    with sp.figures.use(style):
        axes = sp.figures.information_vs_epoch(bits())
    figure = axes[0].get_figure()
    assert figure.get_figwidth() == width
    assert axes[0].get_gridspec().nrows == rows
    assert [ax.get_title(loc="left") for ax in axes] == ["(a)", "(b)"]
    assert axes[0].xaxis.label.get_size() == 9
    with sp.figures.use(style, size=(3.0, 2.0)):
        ax = sp.figures.information_vs_epoch(bits(), panels="I_XT")
    assert ax.get_figure().get_size_inches().tolist() == [3.0, 2.0]
    assert ax.get_title(loc="left") == ""


@pytest.mark.thorough(reason="draws every figure of a run per style: 3 s")
@pytest.mark.parametrize("style", ["prl", "slides"])
def test_figures_of_runs_are_without_titles_and_words(style):
    groups = {"information": bits()}
    plain = drawn(groups, names=["information"])["information"]
    assert "logarithmic" in plain.axes[0].get_xlabel()
    assert plain.get_suptitle()
    figure = drawn(groups, names=["information"], style=style)["information"]
    assert figure.get_suptitle() == ""
    assert [ax.get_title() for ax in figure.axes] == ["", ""]
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["(a)", "(b)"]
    assert all("logarithmic" not in ax.get_xlabel() for ax in figure.axes)
    marked = drawn(groups, names=["information"], style=style, mark="quick run")["information"]
    assert marked.get_suptitle() == "quick run"  # what must be seen is no title


def test_panels_of_one_row_keep_their_labels_when_they_are_stacked():
    figure = drawn({"information": bits()}, names=["plane_snapshots"], style="prl")
    panels = panels_of(figure["plane_snapshots"])
    assert len(panels) == 3
    assert panels[0].get_gridspec().ncols == 1
    assert panels[-1].get_xlabel() == "I_XT (bits)"


def test_words_of_titles_are_a_caption():
    with sheet():
        figure, axes = subplots(1, 2, figsize=(7, 3))
    axes[0].set_title("at the\nstart")
    axes[1].set_title("at the end")
    figure.suptitle("all networks")
    twin = axes[1].twinx()
    twin.set_title("none")
    assert words_of(figure) == "all networks. (a) at the; start. (b) at the end."


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("epoch (logarithmic from 1)", "epoch"),
        ("langevin (logarithmic from 1e-06)", "langevin"),
        ("noise scale\n(samples, logarithmic)", "noise scale\n(samples)"),
        ("learning rate (weight**2/loss)", "learning rate (1/loss)"),
        ("$D$ (weight$^2$/update)", "$D$ (1/update)"),
        ("score (weight)", "score"),
        ("position (um)", "position (um)"),
        ("weight (kg)", "weight (kg)"),
    ],
)
def test_labels_of_a_journal(label, said):
    assert journal_label(label) == said


def test_a_size_without_room_for_the_panels_is_refused(tmp_path):
    with sheet("prl", (3.4, 2.6)):
        with pytest.raises(InputError, match=r"3 x 2 panels; give at least 3\.4 x 3\.9"):
            subplots(3, 2, figsize=(7, 7))
        figure, _ = subplots(2, 2, figsize=(7, 7))
        assert tuple(figure.get_size_inches()) == (3.4, 2.6)
    with sheet("prl", (3.4, 3.9)):  # what the sentence asks for
        subplots(3, 2, figsize=(7, 7))
    with pytest.raises(InputError, match="figure 'plane_snapshots' is not drawn: a size of 2 x 1"):
        draw({"information": bits()}, tmp_path, names=["plane_snapshots"], style="prl", size=(2, 1))


def test_wrong_styles_and_sizes_are_sentences():
    for call, said in (
        (lambda: sp.figures.use("prll"), "there is no style 'prll'; did you mean 'prl'"),
        (lambda: sp.figures.use("prl", size=3.4), "size is 3.4; give width and height in inches"),
        (lambda: sp.figures.use("prl", size=(0.0, 2.0)), "it must lie between 0.5 and 100 inches"),
    ):
        with pytest.raises(InputError, match=said):
            call()
    assert current() is None
