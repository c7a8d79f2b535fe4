"""Texts of the user's on figures: mathematics where it is some, and all else as it is written."""

import errno
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import xarray as xr
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.drawing import draw
from sgdphys.analyses.recorded_figures import forest
from sgdphys.errors import WorkError
from sgdphys.figures.fits import panels
from sgdphys.figures.portraits import portrait
from sgdphys.figures.saving import draw_one
from sgdphys.figures.text import drawable, drawn_anyway, make_drawable
from sgdphys.fitting.fits import fit_file

NASTY = [
    r"50% $\foo$ of it", "costs $5", "$5 or $6", "US$ and A$", "$$", "$x_{$", r"a\b_c^d%", "_net",
    "two\nlines\r\nthree", "\x00\x07\x1b[31mred\x85", "[/x] [red]", "\ud800\ufffe", "漢字",
    "שלום עולם", "\u202eright to left", "<b>&amp;-->", r"$\hspace{99999999}$", r"$\hspace{-5}x$",
    "$" + "{" * 60 + "x" + "}" * 60 + "$", "word " * 3000, "w" * 10_000, "line\n" * 500, "{0} %s",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("$x^2$ and $\\alpha_1$", "$x^2$ and $\\alpha_1$"),
        (r"$\foo$ beside $x$", r"\$\foo\$ beside $x$"),
        ("$5 or $6", r"\$5 or \$6"),
        ("US$ and A$", r"US\$ and A\$"),
        ("A$x of $D$", r"A\$x of $D$"),
        (r"\$5", r"\$5"),
        (r"$a\$b$", r"$a\$b$"),
        ("$a\nb$", "\\$a\nb\\$"),
        ("a\tb\x00c", "a b\ufffdc"),
        ("[/x] 5% a_b^c", "[/x] 5% a_b^c"),
        ("$漢$ $é$", "\\$漢\\$ $é$"),
        ("$" + "x+" * 200 + "x$", "\\$" + "x+" * 200 + "x\\$"),
    ],
)
def test_mathematics_stays_and_other_dollars_are_dollars(text, drawn):
    assert drawable(text, 1000) == drawn
    assert drawable(drawn, 1000) == drawn


def test_a_long_name_keeps_both_ends_and_a_formula_counts_as_wide_as_it_is():
    names = [drawable("path/" * 50 + end, 30) for end in ("a.csv", "b.csv")]
    assert [len(name) for name in names] == [30, 30]
    assert names[0] != names[1]
    formula = r"$\mathrm{tr}\,V$ of the noise"
    assert drawable(formula, 20) == formula
    assert drawable("line\n" * 500).count("\n") < 20


def test_a_long_title_is_divided_between_words_and_a_long_name_cut():
    formula, name = r"$z \nu$ = 0.9966 [0.9915, 1.0017]", "n" * 300
    figure = Figure(figsize=(4, 3), layout="constrained")
    ax = figure.subplots()
    ax.set(title=f"{formula} " * 3, ylabel="relaxation time (steps times learning rate) " * 2)
    figure.suptitle(f"{name} and some more")
    make_drawable(figure)
    assert ax.get_title().split() == formula.split() * 3
    assert 1 < ax.get_title().count("\n") < 4
    assert "..." not in ax.get_ylabel()
    assert "..." in figure.get_suptitle()


@pytest.mark.parametrize(
    "text",
    [
        "costs $5 of money for a formula $x + y + z$ and for more of the same $x + y + z$ here",
        r"a dollar \$5 and the formula $a b$ and once more \$5 and the formula $a b$, in one line",
    ],
)
def test_no_formula_is_divided(text):
    figure = Figure(figsize=(2.6, 2))
    ax = figure.subplots()
    ax.set_xlabel(text)
    make_drawable(figure)
    dollars = [line.count("$") - line.count(r"\$") for line in ax.get_xlabel().split("\n")]
    assert len(dollars) > 1
    assert set(dollars) <= {0, 2}


def test_a_long_name_below_a_small_panel_is_whole():
    figure = Figure(figsize=(7.2, 3))
    axes = figure.subplots(2, 4)
    name = "mean_squared_displacement_of_layer_3"
    axes[0, 0].set_xlabel(name)
    make_drawable(figure)
    assert axes[0, 0].get_xlabel() == name


@given(st.text(st.characters() | st.sampled_from("$$$\\{}_^%\n"), max_size=40))
@example("$\x00$")
@settings(max_examples=100, deadline=None)
def test_any_text_can_be_laid_out(text):
    figure = Figure()
    drawn = figure.text(0, 0, drawable(text))
    with drawn_anyway():
        figure.canvas.draw()
        assert np.isfinite(drawn.get_window_extent().bounds).all()


def everywhere(names):
    """A figure with texts in all places that have some."""

    def figure(_):
        drawn = Figure(figsize=(7.2, 3), layout="constrained")
        ax, other = drawn.subplots(1, 2)
        texts = (names[k % len(names)] for k in range(20))
        ax.plot([0, 1], [1, 2])
        ax.set(title=next(texts), xlabel=next(texts), ylabel=next(texts))
        ax.text(0.5, 1, next(texts))
        ax.annotate(next(texts), (1, 1))
        ax.set_xticks([0, 1], [next(texts), next(texts)])
        ax.set_yscale("log")
        other.xaxis.set_major_formatter(lambda *_: names[0])
        other.bar([names[-1], "b"], [1, 2])
        bar = drawn.colorbar(ax.scatter([0], [1], c=[1.0]), ax=other)
        bar.set_ticks([1.0], labels=[next(texts)])
        drawn.suptitle(next(texts))
        drawn.supxlabel(next(texts))
        drawn.legend(handles=[Line2D([], [], label=f"a {next(texts)}")], title=next(texts))
        return drawn

    return figure


@pytest.mark.thorough(reason="draws a figure per text")
@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
@pytest.mark.parametrize("first", range(0, len(NASTY), 8))
def test_no_text_stops_a_figure(tmp_path, kind, first):
    path = draw_one(everywhere(NASTY[first : first + 8]), None, tmp_path / f"figure.{kind}")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if kind == "svg":
        ET.parse(path)


def words_of(path):
    return [re.sub(r"\s+", " ", "".join(e.itertext())) for e in ET.parse(path).iter()
            if e.tag.endswith("}text")]  # fmt: skip


def test_texts_are_literal_in_every_place(tmp_path):
    wanted = r"50% $\foo$ [/x] $5 or $6"
    words = words_of(draw_one(everywhere([wanted]), None, tmp_path / "figure.svg"))
    assert sum(wanted in text for text in words) >= 10
    assert not any(r"\$" in text for text in words)


def test_a_claim_of_any_words_is_drawn(tmp_path):
    row = {
        "says": r"It rises by 50% $\foo$ where $\alpha < 2$ [/x] " + "w" * 5000, "value": 2.0,
        "low": 1.0, "high": 3.0, "above": 0.0, "below": np.nan, "rule": "above 0",
        "word": "supported",
    }  # fmt: skip
    data = xr.Dataset({n: ("claim", [v]) for n, v in row.items()}, {"claim": [r"a $\bar/$b"]})
    words = words_of(draw_one(lambda d: forest({"verdicts": d}), data, tmp_path / "a.svg"))
    # a line with a formula is drawn letter by letter, the formula's own first
    assert any(
        "\u03b1" in text and r"50%$\foo$where<2[/x]" in text.replace(" ", "") for text in words
    )


@pytest.mark.thorough(reason="fits and draws")
def test_a_fit_in_units_of_any_words_is_drawn(tmp_path):
    walk = np.random.default_rng(0).standard_normal((300, 3)).cumsum(axis=0)
    data = xr.DataArray(walk, dims=("time", "path"), name="x", attrs={"units": r"$\foo$"})
    data = data.assign_coords(time=("time", np.arange(300.0), {"units": r"50% $\bar $5"}))
    data.to_dataset().to_netcdf(tmp_path / "walk.nc")
    fitted = fit_file(tmp_path / "walk.nc", variable="x", time="time")
    words = words_of(
        draw_one(
            panels, portrait(fitted.results, fitted.sample, time=fitted.time), tmp_path / "fit.svg"
        )
    )
    assert any(r"50% $\bar $5" in text for text in words)


class Broken(Line2D):
    def draw(self, renderer):
        raise ArithmeticError("the figure fails")


def test_a_figure_that_fails_leaves_no_file(tmp_path):
    def figure(_):
        drawn = Figure()
        drawn.subplots().add_line(Broken([0, 1], [0, 1]))
        return drawn

    with pytest.raises(ArithmeticError):
        draw_one(figure, None, tmp_path / "figure.svg")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_a_sentence_and_leaves_no_file(tmp_path, monkeypatch):
    def full(_, path, **__):
        path.write_bytes(b"half of a figure")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    (tmp_path / "figure.png").write_bytes(b"the one before")
    with pytest.raises(WorkError, match=r"figure\.png could not be written \(No space left"):
        draw_one(everywhere(["a"]), None, tmp_path / "figure.png")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"the one before"]


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "figures").write_text("a file")
    with pytest.raises(WorkError, match="figures cannot be made"):
        draw({}, tmp_path / "figures")
