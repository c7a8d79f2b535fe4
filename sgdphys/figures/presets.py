"""Presets of figures for print and for talks: width, fonts, and what a journal wants left out."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from sgdphys.errors import InputError, nearest

_ASPECT = 1.45
"""Width of a panel over its height."""
_LEAST_PANEL = 2.05
"""Width of the narrowest panel of a row at a font size of 8 points, inches."""
_LEAST_HEIGHT = 1.7
_PAGE_FONT = 8.0
_SMALLEST = (1.5, 1.3)
"""Width and height of a panel with its labels below which there is no room for data, inches."""


class Preset(NamedTuple):
    """How figures look: without titles, panels lettered, labels as a journal wants them."""

    width: float
    """Inches, of the whole figure."""
    font: float
    """Points."""
    family: str
    mathematics: str
    size: tuple[float, float] | None = None
    """Inches, where the user chose it."""

    @property
    def scale(self) -> float:
        """Lettering and lines in units of those of a journal's page."""
        return self.font / _PAGE_FONT

    @property
    def is_narrow(self) -> bool:
        """Whether a legend at the side would leave too little room for the panels."""
        return self.width < 5.0 * self.scale

    def columns(self, panels: int) -> int:
        """Columns in which so many panels of one row stand."""
        most = max(int(self.width / (_LEAST_PANEL * self.scale)), 1)
        if self.size is None:
            return min(most, panels)
        width, height = self.size
        tried = np.arange(1, panels + 1)
        aspect = width / tried / (height / np.ceil(panels / tried))
        return int(tried[np.abs(np.log(aspect / _ASPECT)).argmin()])

    def figsize(self, rows: int, columns: int) -> tuple[float, float]:
        """Width and height of a figure with so many panels, inches.

        Raises
        ------
        InputError
            Where the user's size leaves several panels no room.
        """
        if self.size is not None:
            width, height = self.size
            least_width, least_height = (
                round(_SMALLEST[0] * columns, 6),
                round(_SMALLEST[1] * rows, 6),
            )
            if rows * columns > 1 and (width < least_width or height < least_height):
                raise InputError(
                    f"a size of {width:g} x {height:g} inches has no room for {rows} x {columns} "
                    f"panels; give at least {max(width, least_width):.1f} x "
                    f"{max(height, least_height):.1f}, or no size"
                )
            return self.size
        panel = max(self.width / columns / _ASPECT, _LEAST_HEIGHT * self.scale)
        return self.width, 0.25 * self.scale + rows * panel

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of matplotlib."""
        of = self.font
        return {
            "figure.figsize": self.figsize(1, 1),
            "figure.constrained_layout.use": True,
            "savefig.dpi": 600 if self.scale <= 1.2 else 200,
            "font.family": self.family,
            "mathtext.fontset": self.mathematics,
            "font.size": of,
            "axes.titlesize": of,
            "axes.labelsize": of,
            "legend.fontsize": 0.88 * of,
            "xtick.labelsize": 0.88 * of,
            "ytick.labelsize": 0.88 * of,
            "axes.linewidth": 0.6 * self.scale,
            "lines.linewidth": 1.1 * self.scale,
            "lines.markersize": 3.0 * self.scale,
            "axes.spines.top": True,
            "axes.spines.right": True,
            "axes.grid": False,
            "xtick.direction": "in",
            "ytick.direction": "in",
            "legend.frameon": False,
            "legend.handlelength": 1.3,
            "legend.handletextpad": 0.5,
            "legend.labelspacing": 0.3,
            "pdf.fonttype": 42,
            "svg.fonttype": "none",
            "svg.hashsalt": "sgdphys",
        }


PRESETS = {
    "prl": Preset(3.375, 9.0, "STIXGeneral", "stix"),
    "prl-two": Preset(7.0, 9.0, "STIXGeneral", "stix"),
    "slides": Preset(8.5, 16.0, "DejaVu Sans", "dejavusans"),
}
"""One and two columns of Physical Review (8.6 and 17.8 cm), and slides."""

_in_use: list[Preset] = []


def current() -> Preset | None:
    """The preset that is in use, None where the user's own style is."""
    return _in_use[-1] if _in_use else None


def preset_of(name: str, size: tuple[float, float] | None = None) -> Preset:
    """Return a preset by its name, with another size where one is given.

    Raises
    ------
    InputError
        For an unknown name, and a size that is no width and height in inches.
    """
    if name not in PRESETS:
        raise InputError(f"there is no style {name!r}; {nearest(name, PRESETS)}")
    if size is None:
        return PRESETS[name]
    try:
        width, height = (float(v) for v in size)
    except (TypeError, ValueError):
        raise InputError(f"size is {size!r}; give width and height in inches") from None
    if not (0.5 <= width <= 100 and 0.5 <= height <= 100):
        raise InputError(f"size is {width:g} x {height:g}; it must lie between 0.5 and 100 inches")
    return PRESETS[name]._replace(width=width, size=(width, height))


def use(style: str, *, size: tuple[float, float] | None = None) -> AbstractContextManager[object]:
    """Draw from now on as a journal or a talk wants it: width, fonts, panel letters.

    Parameters
    ----------
    style : str
        "prl", one column of Physical Review (8.6 cm); "prl-two", both (17.8 cm); or "slides".
        Figures have no titles, panels have letters, and logarithmic axes do not say so in words.
    size : (float, float), optional
        Width and height of the figure, inches; by default its width is the style's and its height
        follows from the panels.

    Returns
    -------
    context manager
        At its end, matplotlib has its former settings: ``with sp.figures.use("prl"): ...``. Without
        ``with`` the style stays.

    Raises
    ------
    InputError
        For an unknown style, or a size that is no width and height; and from a figure of several
        panels, for which the size has no room.

    See Also
    --------
    sgdphys.figures.collapse : A figure for a column of a journal.

    Examples
    --------
    >>> import numpy as np, sgdphys as sp
    >>> walk = np.random.default_rng(0).standard_normal((500, 8)).cumsum(axis=0)
    >>> with sp.figures.use("prl"):
    ...     ax = sp.figures.msd(sp.dynamics.msd(walk))
    >>> [round(float(inches), 3) for inches in ax.figure.get_size_inches()]
    [3.375, 2.609]
    """
    preset = preset_of(style, size)
    settings: Any = mpl.rcParams
    before = {key: settings[key] for key in preset.settings}
    place = len(_in_use)
    _in_use.append(preset)
    settings.update(preset.settings)
    undo = ExitStack()
    undo.callback(settings.update, before)
    undo.callback(lambda: _in_use.__delitem__(slice(place, None)))
    return undo


@contextmanager
def own_style() -> Iterator[None]:
    """Draw without any preset that the user has chosen."""
    kept = list(_in_use)
    _in_use.clear()
    try:
        yield
    finally:
        _in_use[:] = kept


def letter_panels(panels: list[Axes]) -> None:
    """Write (a), (b), (c) above panels, where there are several."""
    if len(panels) > 1:
        for k, ax in enumerate(panels):
            ax.set_title(f"({letters(k)})", loc="left")


def letters(place: int) -> str:
    """Letters of a panel: a to z, then aa, ab."""
    before = letters(place // 26 - 1) if place >= 26 else ""
    return before + "abcdefghijklmnopqrstuvwxyz"[place % 26]


def title(ax: Axes, words: str) -> None:
    """Give a panel a title, but where the preset leaves titles to the caption."""
    if current() is None:
        ax.set_title(words)
