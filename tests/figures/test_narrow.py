"""Figures in the width of a column: panels below each other, words around intervals, few ticks."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import sgdphys as sp
from sgdphys.figures.curves import bars, curve
from sgdphys.figures.sizes import said
from sgdphys.figures.style import in_place_of_data, separate_ticks, sheet, subplots


@pytest.mark.parametrize(("style", "columns"), [("prl", 1), ("prl-two", 2), ("slides", 2)])
def test_rows_of_panels_stand_in_as_many_columns_as_there_is_room_for(style, columns):
    """Two columns in the width of one left legends over the neighbouring panel."""
    with sheet(style, None):
        figure, axes = subplots(2, 2, figsize=(7, 5))
        assert axes.shape == (2, 2)
        figure.draw_without_rendering()
        assert len({round(ax.get_position().x0, 2) for ax in axes.ravel()}) == columns
        height = figure.get_figheight()
    assert height > (2 * 2 / columns) * 1.5


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [(2, 30, ["2", "5", "10", "20"]), (0.9, 90, ["10^{0}", "10^{1}"]),
     (3e5, 2e6, ["5\\times10^{5}", "10^{6}", "2\\times10^{6}"]), (8, 11, ["8", "10"])],
)  # fmt: skip
def test_labels_of_a_logarithmic_axis_are_few(low, high, labels):
    """Those of 2, 3, 4 and 6 lay on each other."""
    figure = Figure()
    ax = figure.add_subplot()
    ax.loglog([low, high], [1, 1e5])
    ax.set_xlim(low * 0.9, high * 1.1)
    separate_ticks(figure)
    figure.draw_without_rendering()
    texts = [t.get_text() for m in (False, True) for t in ax.xaxis.get_ticklabels(minor=m)]
    inside = [t.strip("$").replace("\\mathdefault{", "").rstrip("}") for t in texts if t]
    wanted = [text.rstrip("}") for text in labels]
    assert [t for t in inside if t in wanted] == wanted
    assert len(inside) <= len(wanted) + 4  # beyond the ends


def test_the_words_of_a_verdict_stand_around_its_interval():
    row = {"says": "it slows down", "value": 1.0, "low": 0.9, "high": 1.1, "above": 0.5,
           "below": float("nan"), "rule": "above 0.5", "word": "supported"}  # fmt: skip
    result = xr.Dataset({n: ("claim", [v]) for n, v in row.items()}, {"claim": ["slow"]})
    with sp.figures.use("prl"):
        ax = sp.figures.verdicts(result)
        assert not ax.get_yticklabels()
        box = ax.get_window_extent()
        ax.figure.draw_without_rendering()
        for text in ax.texts:
            assert box.x0 <= text.get_window_extent().x0 < text.get_window_extent().x1 <= box.x1


def test_a_number_near_zero_has_no_sign():
    result = xr.Dataset({"x": -0.0002, "x_low": -0.49, "x_high": 0.39})
    assert said(result, "x") == "0.00 [\N{MINUS SIGN}0.49, 0.39]"


def test_an_empty_panel_leaves_the_ticks_of_those_that_share_its_axes():
    figure = Figure()
    full, empty = figure.subplots(1, 2, sharex=True, sharey=True)
    in_place_of_data(empty, "nothing")
    full.loglog([1, 100], [1, 100])
    figure.draw_without_rendering()
    assert len(full.get_yticks()) > 2
    assert any(t.get_text() and t.get_visible() for t in full.get_yticklabels())


def test_a_faint_curve_keeps_its_name_among_the_numbers_of_a_figure():
    figure = Figure()
    ax = figure.add_subplot()
    at = np.arange(300.0)
    data = xr.Dataset({n: ("epoch", at + 1) for n in ("y", "y_low", "y_high")}, {"epoch": at})
    line = curve(ax, data.drop_vars(["y_low", "y_high"]), "y", "epoch", label="layer 1", marker="o")
    bars(ax, line, data, "y", "epoch", 0.0)
    assert [one.get_label() for one in ax.lines] == ["_layer 1", "layer 1"]
