"""Colours that mean something, each with a contrast of at least 3 to 1 on white paper."""

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb

DATA, FIT, EXACT, NULL = "#0072B2", "#D55E00", "#000000", "#868686"
"""Okabe-Ito blue for data, vermilion for fits, black for exact laws, grey for nulls."""
TEST, SECOND = "#C0508A", "#1F8FD0"
"""Of test samples; and of a second curve of the same data."""
OUTPUT = "#882255"
"""Of the output layer: Tol's wine, which no hidden layer has."""
SEVERAL = ("#0072B2", "#D55E00", "#00906A", "#B8508F", "#A66F00", "#1F8FD0", "#000000", "#868686",
           "#882255", "#117733", "#857F1E", "#332288")  # fmt: skip
"""After Okabe and Ito, then Tol, whose bright ones are darkened: distinct to the colour blind."""

_LAYERS = LinearSegmentedColormap.from_list(
    "layers", ["#2A1A78", "#1F65CC", "#00857A", "#7C8500", "#D07000"]
)
_ORDERED = LinearSegmentedColormap.from_list(
    "ordered", ["#0B0724", "#5B1A8B", "#B02A72", "#E0522B", "#C77700"]
)
LEAST_CONTRAST = 3.0
"""Of graphics, after the Web Content Accessibility Guidelines (2018), 1.4.11."""


def contrast(colour: Any, alpha: float = 1.0) -> float:
    """Contrast of a colour on white paper, from 1 to 21.

    Parameters
    ----------
    colour : colour
    alpha : float
        Opacity.

    References
    ----------
    Web Content Accessibility Guidelines 2.1 (2018), relative luminance.
    """
    seen = 1.0 - alpha * (1.0 - np.asarray(to_rgb(colour)))
    linear = np.where(seen <= 0.04045, seen / 12.92, ((seen + 0.055) / 1.055) ** 2.4)
    return float(1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05))


def of_layers(count: int) -> list[Any]:
    """Colours of hidden layers, from dark to bright and from blue to orange."""
    return [_LAYERS(k / max(count - 1, 1)) for k in range(count)]


def ordered(count: int) -> list[Any]:
    """Colours of values in order, such as sizes of a system, from dark to bright."""
    return [_ORDERED(k / max(count - 1, 1)) for k in range(count)]


SCALE = _ORDERED
"""Of a continuous value of points and curves."""
