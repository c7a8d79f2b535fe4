"""Settings of the documentation: ``sphinx-build -W docs docs/_build``."""

import re
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent)]

import generate  # noqa: E402  # in this folder

import sgdphys  # noqa: E402

project = "sgdphys"
author = "the sgdphys developers"
version = release = sgdphys.__version__
html_show_copyright = False
html_title = f"sgdphys {release}"

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "mathml",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "earlier_results.md"]  # the last is the end of results.md
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = False
autodoc_typehints = "none"  # the docstrings say it in words
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

html_math_renderer = "mathml"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_theme_options = {"navigation_with_keys": True}


def setup(app: Any) -> None:
    """Write the pages that the program itself knows best, before they are read."""
    generate.write(FOLDER)
    app.connect("autodoc-process-docstring", with_plain_formulas, priority=100)  # before numpydoc


def with_plain_formulas(*given: Any) -> None:
    """Keep ``|x|**2`` of a formula as it is: in reStructuredText both signs mean something else."""
    lines: list[str] = given[-1]
    is_table = False
    for k, line in enumerate(lines):
        is_table = bool(line.strip()) and (is_table or re.match(r" *=+ +=", line) is not None)
        if is_table or ">>>" in line or re.match(r" *\*+\w+( :|$)", line):
            continue
        start = re.match(r" *(\* )?", line)[0]  # type: ignore[index]  # it always matches
        parts = re.split(r"(``.*?``)", line[len(start) :])
        parts[::2] = [re.sub(r"([|*])", r"\\\1", part) for part in parts[::2]]
        lines[k] = start + "".join(parts)
