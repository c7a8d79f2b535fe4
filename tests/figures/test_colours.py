"""Colours: every one that is named or made has enough contrast on white, layers in grey too."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb

import sgdphys
from sgdphys.figures import colours
from sgdphys.figures.colours import LEAST_CONTRAST, contrast, of_layers, ordered
from sgdphys.figures.layers import OUTPUT, layer_marker, layer_styles

PACKAGE = Path(sgdphys.__file__).parent
DRAWING = [*(PACKAGE / "figures").rglob("*.py"), *(PACKAGE / "analyses").rglob("*.py")]
OF_PAPER = {"#E6E6E6"}
"""The grid, which is no curve."""


def test_contrast_is_that_of_the_accessibility_guidelines():
    assert contrast("white") == pytest.approx(1)
    assert contrast("black") == pytest.approx(21)
    assert contrast("#767676") == pytest.approx(4.54, abs=0.005)  # the guideline's own example
    assert contrast("black", alpha=0.0) == pytest.approx(1)
    assert contrast("#cae11f") < 1.5


def test_every_colour_that_a_figure_names_is_seen_on_white():
    named = {
        c for path in DRAWING for c in re.findall(r"#[0-9A-Fa-f]{6}\b", path.read_text("utf-8"))
    }
    assert len(named) > 10
    assert not {c for c in named - OF_PAPER if contrast(c) < LEAST_CONTRAST}
    for path in DRAWING:  # a colormap of matplotlib ends in yellow: images alone have one
        assert "mpl.colormaps" not in path.read_text("utf-8"), path


@pytest.mark.parametrize("count", range(1, 16))
def test_scales_of_layers_and_sizes_are_seen_and_apart(count):
    for scale in (of_layers, ordered):
        found = scale(count)
        assert min(contrast(c) for c in found) >= LEAST_CONTRAST
        assert len({tuple(np.round(to_rgb(c), 3)) for c in found}) == count
    shades = np.linspace(0, 1, 200)
    assert min(contrast(colours.SCALE(v)) for v in shades) >= LEAST_CONTRAST


def test_layers_are_told_apart_in_grey_print():
    layers = np.arange(1, 11)
    styles = layer_styles(layers)
    assert styles[-1][1] == OUTPUT
    assert OUTPUT not in [colour for _, colour, _ in styles[:-1]]
    assert len({layer_marker(n) for n in layers}) == len(layers)
