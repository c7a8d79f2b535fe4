"""Axes: those of several runs alike, and logarithmic ones that say so."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from sgdphys.figures.style import epoch_axis, say_logarithmic, share_axes


def _curve(last, height, names=None):
    figure = Figure()
    ax, bars = figure.subplots(1, 2)
    epochs = np.arange(last + 1)
    ax.plot(epochs, height * epochs / last)
    epoch_axis(ax, last)
    ax.set_ylabel("loss (nats)")
    bars.bar([1, 2], [height, 1.0])
    if names is not None:
        bars.set_xticks([1, 2], names)
    return figure


def test_runs_of_other_lengths_and_heights_share_limits_and_ticks():
    short, long = _curve(50, 1.0), _curve(5000, 3.0)
    share_axes([short, long])
    for a, b in zip(short.axes, long.axes, strict=True):
        assert a.get_xlim() == b.get_xlim()
        assert a.get_ylim() == b.get_ylim()
    assert short.axes[0].get_xlim()[1] >= 5000
    texts = [[t.get_text() for t in f.axes[0].get_xticklabels()] for f in (short, long)]
    assert texts[0] == texts[1]
    assert "100" in texts[0]


def test_names_of_other_cases_and_other_scales_are_left_alone():
    one, other = _curve(50, 1.0, ["tanh", "relu"]), _curve(50, 1.0, ["sgd", "adam"])
    other.axes[0].set_yscale("log")
    before = other.axes[0].get_ylim(), other.axes[1].get_xlim()
    share_axes([one, other])
    assert (other.axes[0].get_ylim(), other.axes[1].get_xlim()) == before
    assert [t.get_text() for t in one.axes[1].get_xticklabels()] == ["tanh", "relu"]
    share_axes([one, Figure()])  # nothing in common, nothing done


def test_an_axis_that_is_turned_over_stays_so():
    one, other = _curve(50, 1.0), _curve(50, 2.0)
    for figure in (one, other):
        figure.axes[1].invert_yaxis()
    share_axes([one, other])
    low, high = one.axes[1].get_ylim()
    assert low > high
    assert low >= 2


def test_logarithmic_axes_say_so_once():
    figure, (ax, other) = plt.subplots(1, 2)
    try:
        for one in (ax, other):
            one.set_yscale("log")
        ax.set_ylabel("variance\n(weight$^2$)")
        other.set_ylabel("share of the variance")
        say_logarithmic(figure)
        say_logarithmic(figure)
        assert ax.get_ylabel() == "variance\n(weight$^2$, logarithmic)"
        assert other.get_ylabel() == "share of the variance (logarithmic)"
        assert ax.get_xlabel() == ""
        figure.suptitle("both axes logarithmic")
        other.set_ylabel("share")
        say_logarithmic(figure)
        assert other.get_ylabel() == "share"
    finally:
        plt.close(figure)
