"""Any text on a figure: mathematics where matplotlib reads some, and otherwise as it is written."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import accumulate
from typing import Any

from matplotlib.axis import Axis
from matplotlib.category import StrCategoryFormatter
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, Formatter, FuncFormatter

LONGEST = 200
"""Characters of a line that is drawn."""
_MOST_LINES = 12
_MOST_PARTS = 4
"""Lines into which one of a title or label is divided."""
_DEEPEST = 8
"""Groups within groups of a formula: its parser recurses, and Python's stack has an end."""
_TALLEST, _WIDEST = 8.0, 1.0
"""Of a formula: its height in letters, and its width in letters for each character of its text."""
_FEWEST = 20
"""Letters that are left of every line."""
_LETTER = 0.55
"""Width of a letter over its size, on average."""
_BESIDE, _NARROW = 0.4, 0.85
"""Share of a figure's width that labels of ticks, legends and texts in a panel may take; and of a
narrow figure, whose legend stands below."""
_NARROW_WIDTH = 5.0
"""Inches."""
_OVER_PANEL = 1.3
"""Length of a panel's title, or of the label at its side, over that of the panel."""
_UNDER_PANEL = 1.15
"""Length of the label below a panel, where others stand beside it."""

_UNDRAWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Control characters, halves of surrogate pairs, and what XML forbids."""
_DOLLARS = re.compile(
    r"\\\$"  # a dollar that is escaped
    # as in Pandoc's Markdown: no space inside the dollars, no digit behind them ("$5 or $6")
    r"|(?P<math>\$(?![\s$])(?:\\.|[^$\\])*?(?<!\s)\$(?!\d))"
    r"|\$"
)
_HELD = "\ue000"
"""In place of a space inside a formula, while a line is divided at spaces."""
_BARE = re.compile(r"(?<!\\)\$")
"""A dollar that is not escaped."""


def drawable(text: str, longest: int = LONGEST) -> str:
    r"""Return a text that matplotlib draws without fail, as PNG, SVG or PDF.

    Parameters
    ----------
    text : str
        ``$...$`` is mathematics where matplotlib can parse it, there is no space just inside the
        dollars and no digit just behind them; all else, other dollars too, is drawn literally.
        ``\$`` is a dollar.
    longest : int
        Characters of a line. Longer ones lose their middle, since names often differ at the end.

    Returns
    -------
    str
        With dollars that are no mathematics escaped; control characters, which no format can hold,
        as U+FFFD.

    Examples
    --------
    >>> drawable("$x^2$ for $5")
    '$x^2$ for \\$5'
    """
    lines = [_UNDRAWABLE.sub("\ufffd", line) for line in text.replace("\t", " ").splitlines()]
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], "..."]
    return "\n".join(_fitted(line, longest) for line in lines)


def plain(text: str) -> str:
    """Return a text in one line that every format of files can hold."""
    return _UNDRAWABLE.sub("\ufffd", " ".join(text.split()))


def _fitted(line: str, longest: int) -> str:
    written, letters = _written(line)
    if letters <= longest:
        return written
    kept = max(longest - 3, 2)
    return _written(f"{line[: kept - kept // 2]}...{line[-(kept // 2) :]}")[0]


def _written(line: str) -> tuple[str, float]:
    """A line with the dollars escaped that are no mathematics, and how many letters wide it is."""
    letters = float(len(line))

    def replaced(found: re.Match[str]) -> str:
        nonlocal letters
        if found["math"] is None:
            letters -= len(found[0]) - 1
            return r"\$"
        width = _formula_width(found[0])
        if not width:
            return _BARE.sub(r"\\$", found[0])
        letters += width - len(found[0])
        return found[0]

    return _DOLLARS.sub(replaced, line), letters


@cache
def _formula_width(formula: str) -> float:
    r"""Width in letters of a formula, dollars included; 0 where matplotlib cannot draw it well."""
    depth = max(accumulate((c == "{") - (c == "}") for c in formula)) + formula.count(r"\left")
    if depth > _DEEPEST or len(formula) > LONGEST:
        return 0.0
    font = get_font(findfont(FontProperties()))
    if any(ord(c) > 0xFFFF or not font.get_char_index(ord(c)) for c in formula):
        return 0.0  # it would have a dummy in place of the letter
    size = 10.0
    try:
        parsed: Any = MathTextParser("path").parse(formula, 72, FontProperties(size=size))
        width, height = float(parsed[0]), float(parsed[1] + parsed[2])
        if not (0 < width <= _WIDEST * size * len(formula) and height <= _TALLEST * size):
            return 0.0
        MathTextParser("agg").parse(formula, 72, FontProperties(size=size))
    except Exception:  # the parser's own, or whatever a formula makes it run into
        return 0.0
    return width / (_LETTER * size)


class _DrawableTicks(Formatter):
    """Labels of ticks from another formatter, made drawable."""

    def __init__(self, labels: Formatter, longest: int) -> None:
        self._labels, self._longest = labels, longest

    def __call__(self, x: float, pos: int | None = None) -> str:
        return drawable(self._labels(x, pos), self._longest)

    def format_ticks(self, values: list[float]) -> list[str]:
        return [drawable(text, self._longest) for text in self._labels.format_ticks(values)]


def make_drawable(figure: Figure) -> None:
    """Make every text of a figure drawable, before the figure is laid out for the first time.

    Parameters
    ----------
    figure : Figure
        Its titles, labels, legends and annotations, and the names at its ticks, are replaced.
        Titles and labels of axes are divided into lines that fit; other texts that would leave no
        room for the panels are shortened.
    """
    width, height = 72 * figure.get_size_inches()
    beside = _NARROW if figure.get_figwidth() < _NARROW_WIDTH else _BESIDE
    divided, longest = dict.fromkeys(figure.texts, width), dict.fromkeys(figure.texts, width)
    for ax in figure.axes:
        panel = ax.get_position(original=True)
        divided[ax.xaxis.label] = _UNDER_PANEL * width * panel.width
        divided[ax.yaxis.label] = _OVER_PANEL * height * panel.height
        divided[ax.title] = longest[ax.title] = _OVER_PANEL * width * panel.width
        longest |= dict.fromkeys((ax.xaxis.label, ax.yaxis.label), width)
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        said = text.get_text()
        if text in divided:
            said = _divided(said, _letters(divided[text], text))
        text.set_text(drawable(said, _letters(longest.get(text, beside * width), text)))
    for axis in figure.findobj(Axis):
        assert isinstance(axis, Axis)
        of = axis.get_major_formatter()
        # those of numbers write their own mathematics
        if isinstance(of, FixedFormatter | FuncFormatter | StrCategoryFormatter):
            label = axis.get_major_ticks(1)[0].label1
            axis.set_major_formatter(_DrawableTicks(of, _letters(_BESIDE * width, label)))


def _divided(text: str, longest: int) -> str:
    """A text whose lines, where they are too long but not endless, are divided into equal parts."""
    lines: list[str] = []
    for line in text.splitlines():
        is_long = longest < _written(line)[1] <= _MOST_PARTS * longest
        found = _between_words(line, longest) if is_long else [line]
        while len(found) > 1:
            shorter = _between_words(line, max(_written(part)[1] for part in found) - 1)
            if len(shorter) > len(found) or shorter == found:
                break
            found = shorter
        lines += found
    return "\n".join(lines)


def _between_words(line: str, longest: float) -> list[str]:
    """A line divided between words, not in a formula, so that most parts are short enough."""
    held = _DOLLARS.sub(lambda m: m[0].replace(" ", _HELD) if m["math"] else m[0], line)
    first, *words = (word.replace(_HELD, " ") for word in held.split(" "))
    parts = [first]
    for word in words:
        longer = f"{parts[-1]} {word}"
        if _written(longer)[1] > longest:
            parts.append(word)
        else:
            parts[-1] = longer
    return parts


def _letters(points: float, text: Text) -> int:
    """How many letters of a text's size stand side by side in so many points."""
    return max(int(points / (_LETTER * float(text.get_fontsize()))), _FEWEST)


@contextmanager
def drawn_anyway() -> Iterator[None]:
    """Draw without a warning where a text has letters that the font lacks, or leaves no room.

    The letters are drawn as boxes, and panels without room at their default places.
    """
    with warnings.catch_warnings():
        for words in ("Glyph .* missing from", "constrained_layout not applied"):
            warnings.filterwarnings("ignore", words, UserWarning)
        yield
