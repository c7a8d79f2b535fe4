"""Draw the pictures of the gallery again, by its own code: ``python docs/draw_gallery.py``."""

import os
import tempfile
from pathlib import Path

import matplotlib as mpl
import pages
from PIL import Image

WIDTH = 1000
"""Pixels of the widest picture."""
COLOURS = 64


def main() -> None:
    """Run the code of the page, and keep small copies of what it saves."""
    mpl.use("agg")
    target = pages.ROOT / "docs" / "_static" / "gallery"
    target.mkdir(exist_ok=True)
    text = (pages.ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        variables: dict[str, object] = {}
        for block in pages.blocks(text):
            if block.language == "python":
                exec(compile(block.text, "docs/gallery.md", "exec"), variables)
        for path in sorted(Path(folder).glob("*.png")):
            picture = Image.open(path).convert("RGB")
            picture.thumbnail((WIDTH, WIDTH))
            picture.quantize(COLOURS).save(target / path.name, optimize=True)
        os.chdir(pages.ROOT)


if __name__ == "__main__":
    main()
