"""Pages of the documentation as sequences of code blocks, which tests run and notebooks hold.

An HTML comment right before a block says how it is treated: ``<!-- file: NAME -->`` (its text is
written to a file), ``<!-- slow: WHY -->``, ``<!-- not run: WHY -->``, ``<!-- needs: MODULES -->``.
A block of ``text`` right after one of ``python`` is what that prints; in a block of ``console``
lines without ``$`` are what the command before them prints. ``...`` stands for anything.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
_FENCE = re.compile(r"^```([\w{}-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (file|slow|not run|needs): (.*?) -->")


class Block(NamedTuple):
    """A code block of a page."""

    language: str
    text: str
    marks: dict[str, str]
    line: int
    """Number of its first line in the page."""
    printed: str | None = None
    """What it prints, where the page shows that."""


def pages() -> list[Path]:
    """Every page that is written by hand and has code: the README, and those of this folder."""
    found = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
    return [path for path in found if "_build" not in path.parts and "generated" not in path.parts]


def blocks(text: str) -> Iterator[Block]:
    """The code blocks of a page, in order."""
    found = list(_FENCE.finditer(text))
    end = 0
    for k, match in enumerate(found):
        before = text[end : match.start()].rstrip().rsplit("\n\n", 1)[-1]
        marks = dict(_MARK.findall(before)) if before.endswith("-->") else {}
        end = match.end()
        printed = None
        if match[1] == "python" and k + 1 < len(found) and found[k + 1][1] == "text":
            if not text[end : found[k + 1].start()].strip():
                printed = found[k + 1][2]
        yield Block(match[1], match[2], marks, text.count("\n", 0, match.start()) + 2, printed)


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a block of ``console``, and what it prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        last = next(k for k, line in enumerate(lines) if not line.endswith("\\\n"))
        command = "".join(lines[: last + 1]).replace("\\\n", "").strip()
        yield command, "".join(lines[last + 1 :])
